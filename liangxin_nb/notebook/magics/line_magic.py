"""`%liangxin`: models, tasks, batches, export, settings and diagnostics, as subcommands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...config.key_detector import reject_keys
from ...config.schema import SETTINGS, read_variable
from ...config.settings import Secret, override
from ...core.printing import print_text
from ...core.table import Table
from ...errors import InvalidRequestError
from ...notebook_files.key_registry import register_keys
from .batch_magic import list_command, open_command
from .cell_magic import liangxin_cell
from .execution import current_session, short_interrupts
from .hints import unknown_command_error
from .job_commands import detach_command, recover_command, resume_command, show_command
from .maintenance import (
    doctor_command,
    estimate_command,
    export_command,
    heal_command,
    import_command,
)
from .options import asks_for_help, with_help
from .repeat_commands import again_command, edit_command, vary_command
from .trash_commands import restore_command, trash_command

__all__ = ["COMMANDS", "Command", "liangxin_line"]


class Command(NamedTuple):
    """One subcommand of ``%liangxin``.

    Attributes:
        run: Called with the rest of the line.
        arguments: What the rest of the line holds, for the help.
        help: What the subcommand does, in one line.
    """

    run: Callable[[str], Any]
    arguments: str
    help: str


def _status(_: str) -> Table:
    session = current_session()
    settings, counts = session.settings, session.ledger.count_by_status()
    service = f"{settings.profile}: {settings.host}"
    if settings.profile == "sandbox":
        service = "sandbox: drawn on this machine, no model is run, nothing is billed"
    tasks = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    rows = [
        ("service", service),
        ("results", str(settings.results)),
        ("ledger", session.ledger.location),
        ("tasks", tasks or "none yet"),
        ("followed now", str(len(session.active()))),
    ]
    return Table(("", ""), rows)


def _models(name: str) -> Table:
    from ...catalog import (
        INPUT_HEADINGS,
        LIMITS_NOTE,
        describe_inputs,
        load_models,
        resolve_model,
    )

    profile = current_session().settings.profile
    if not name:
        rows = [(m.id, m.title, m.kind, ", ".join(m.inputs)) for m in load_models(profile).values()]
        return Table(("model", "title", "makes", "inputs"), rows)
    model = resolve_model(profile, name)
    unlisted = (
        f" The service's pages do not list the inputs of {model.id}: -o NAME=VALUE sends others "
        "unchecked."
    )
    print_text(f"{LIMITS_NOTE}{'' if model.inputs_documented else unlisted}")  # above the table
    return Table(INPUT_HEADINGS, describe_inputs(model))


def _tasks(text: str) -> Table:
    from ...ledger.spending import latest_day_summary

    session = current_session()
    if spent := latest_day_summary(session.ledger):
        print_text(spent)  # one sentence above the table
    return session.history(search=text.removeprefix("--search").strip(), limit=50)


def _panel(_: str) -> None:
    from ..widgets import panel

    panel()


def _gallery(_: str) -> None:
    from ..widgets.gallery import show

    show(current_session())


def _credits(_: str) -> Table:
    from ...ledger.spending import usage_by_day

    session = current_session()
    try:
        balance = f"{session.credits():g} credits are left."
    except InvalidRequestError as error:
        balance = str(error)
    print_text(balance)  # one sentence above the table
    return usage_by_day(session.ledger)


def _key(_: str) -> Table:
    from getpass import getpass

    try:
        key = getpass("API key (not shown, not saved): ")
    except Exception as error:  # front ends without input raise different errors
        raise InvalidRequestError(
            "This front end cannot ask for a key.", next_step="Set LIANGXIN_API_KEY instead."
        ) from error
    if not key.strip():
        raise InvalidRequestError("No key was entered; nothing has changed.")
    secret = Secret(key, "What was entered")
    override({"key": secret}, "argument")
    register_keys([secret])
    return Table((), (), "The key is held in memory until this kernel ends.")


def _config(_: str) -> Table:
    from ...session.default import current_settings

    settings, rows = current_settings(), []
    for name, setting in SETTINGS.items():
        if "argument" in setting.sources:
            value, source = getattr(settings, name), settings.source(name)
        else:
            value = read_variable(name)
            source = "default" if value == setting.default else setting.variable
        shown = setting.show(value) or (setting.default_words if source == "default" else "")
        rows.append((name, shown, source, setting.allowed, setting.summary))
    return Table(("setting", "value", "set by", "allowed", "what it does"), rows)


def _help(_: str) -> None:
    print_text(f"{liangxin_cell.__doc__}\n{liangxin_line.__doc__}")  # help was requested


#: The subcommands of ``%liangxin`` by name.
COMMANDS: dict[str, Command] = {
    "status": Command(_status, "", "Service, results folder and number of tasks (the default)."),
    "models": Command(_models, "[NAME]", "List the models, or the inputs of one model."),
    "tasks": Command(_tasks, "[TEXT]", "List all tasks, or those with a text in the prompt."),
    "show": Command(show_command, "ID [--lineage]", "Show a result, or the tree of what made it."),
    "resume": Command(resume_command, "[ID]", "Collect every unfinished task, or one."),
    "again": Command(again_command, "ID [--new]", "Send the request of a job again: a new task."),
    "vary": Command(vary_command, "ID [--new]", "The same with a new seed."),
    "edit": Command(edit_command, "ID", "Put the cell of a job below, to be changed and run."),
    "detach": Command(detach_command, "ID", "Stop watching; the task continues and may be billed."),
    "panel": Command(_panel, "", "Open a form for each model, with live cards."),
    "gallery": Command(_gallery, "", "Browse, compare, export and delete saved results."),
    "trash": Command(
        trash_command, "[--empty]", "List deleted results, or remove them from the disk."
    ),
    "restore": Command(restore_command, "ID", "Bring a deleted result back."),
    "batch": Command(open_command, "ID", "Show and resume a batch; nothing is sent twice."),
    "batches": Command(list_command, "", "List the newest batches."),
    "recover": Command(recover_command, "FILE", "Collect every task that a notebook file names."),
    "credits": Command(_credits, "", "Balance, where the service reports it, and daily usage."),
    "export": Command(export_command, "[FILE]", "Write results, ledger and notebooks to a ZIP."),
    "import": Command(
        import_command, "FILE [--trust]", "Add such a ZIP; --trust: it is yours, reuse it."
    ),
    "estimate": Command(
        estimate_command, "[FILE]", "Say what a full run of a notebook file would submit."
    ),
    "heal": Command(
        heal_command, "FILE [--check]", "Complete the outputs that a notebook file contains."
    ),
    "doctor": Command(
        doctor_command, "[--rebuild]", "Check settings, network and jobs; repair the ledger."
    ),
    "key": Command(_key, "", "Enter the API key hidden; it is held in memory only."),
    "config": Command(_config, "", "List the settings, and where each was set."),
    "help": Command(_help, "", "Print the help of %%liangxin and %liangxin."),
}


def _commands_help() -> str:
    """Return the subcommands and the settings with their help lines, for the docstring."""
    lines = "\n".join(
        f"  {f'%liangxin {name} {command.arguments}'.rstrip():<33}{command.help}"
        for name, command in COMMANDS.items()
    )
    settings = "\n".join(
        f"  {name if 'argument' in s.sources else s.variable:<29}{s.help}"
        for name, s in SETTINGS.items()
    )
    return f"commands:\n{lines}\n\n{_NOTES}\n\n{_SETTINGS_NOTE}\n{settings}"


_NOTES = """\
ID is a task id, a job record id, or the beginning of a job record id.

examples:
  %liangxin models z-image
  %liangxin tasks terrace"""


_SETTINGS_NOTE = """\
settings (argument of Session, %config LiangXin.NAME = VALUE, or variable LIANGXIN_NAME, for the key
LIANGXIN_API_KEY; names in capitals are variables only):"""


@with_help("%liangxin [COMMAND] [ARGUMENT]", epilog=_commands_help())
def liangxin_line(line: str) -> Any:
    """Manage models, tasks, batches and settings."""
    name, _, rest = line.strip().partition(" ")
    with short_interrupts():
        if name == "key" and rest.strip() and not asks_for_help(line):
            raise InvalidRequestError(
                "%liangxin key is written without the key: the notebook and IPython's history "
                "contain what follows it; nothing was changed.",
                next_step="Remove it from the cell, run %liangxin key, and enter the key there.",
            )
        if name != "batch":  # which checks its own options
            reject_keys({"The line": line}, is_option=False)
        command = COMMANDS.get("help" if asks_for_help(line) else name or "status")
        if command is None:
            raise unknown_command_error(line.strip(), COMMANDS)
        return command.run(rest.strip())
