"""`%liangxin`: the state of things, the models, the tasks, and taking up or leaving one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...config.credentials import looks_like_key
from ...config.settings import OVERRIDES, Secret
from ...errors import InvalidRequestError
from .batch_magic import batch_line, batches
from .execution import as_usage_error, current_session, wait_for
from .maintenance import doctor_command, export_command, import_command

if TYPE_CHECKING:
    from ...core.table import Table
    from ...session import Session
    from ...session.job import Job

__all__ = ["COMMANDS", "liangxin_line"]


def liangxin_line(line: str) -> Any:
    """Look after pictures: %liangxin COMMAND.

    %liangxin                    which service, which folder, how many tasks
    %liangxin models [NAME]      the models, or one model's inputs
    %liangxin tasks [WORDS]      the ledger, unfinished first; WORDS search the prompts
    %liangxin gallery            everything that was made: look, compare, export, delete
    %liangxin show ID            a task's picture, or its card while it runs
    %liangxin resume [ID]        collect every unfinished task, or one
    %liangxin batches            the batches, the newest first
    %liangxin batch ID           show a batch, and go on with it: nothing is sent twice
    %liangxin detach ID           stop watching; the task goes on and may be billed
    %liangxin panel              a form for each model, its code, and live cards
    %liangxin recover FILE       collect every task that a notebook file carries
    %liangxin credits            what is left, where the service tells it; what was spent
    %liangxin export [FILE]      everything in one zip: results, ledger, notebooks
    %liangxin import FILE        take such a zip in; nothing here is overwritten
    %liangxin doctor             versions, settings, what is wrong; what became of everything
    %liangxin key                give the key without showing it; kept in memory only

    ID is a task id, a job record id, or the beginning of a job record id.
    """
    name, _, rest = line.strip().partition(" ")
    with as_usage_error():
        if name not in COMMANDS:
            known = ", ".join(command for command in COMMANDS if command)
            raise InvalidRequestError(
                f"{name!r} is not a command of %liangxin; there are {known}.",
                next_step="To make a picture, write %%liangxin above a prompt.",
            )
        if looks_like_key(line):
            raise InvalidRequestError(
                "The line holds something that looks like a key; a notebook is no place for one.",
                next_step="Take it out, then run %liangxin key: it asks without showing it.",
            )
        # The key comes first: without it there may be no session to hand on.
        if name in _WITHOUT_SESSION:
            return _WITHOUT_SESSION[name]()
        return COMMANDS[name](current_session(), rest.strip())


def _table(headings: Sequence[str], rows: Sequence[Sequence[Any]], empty: str = "") -> Table:
    from ...core.table import Table

    return Table(headings, rows, empty)


def _status(session: Session, _: str) -> Table:
    settings = session.settings
    counts = session.ledger.count_by_status()
    service = {"sandbox": "sandbox: drawn on this machine, no model is run, nothing is billed"}
    rows = [
        ("service", service.get(settings.profile, f"{settings.profile}: {settings.host}")),
        ("results", str(settings.results)),
        ("ledger", session.ledger.location),
        ("tasks", ", ".join(f"{n} {fate}" for fate, n in sorted(counts.items())) or "none yet"),
        ("followed now", str(len(session.active()))),
    ]
    return _table(("", ""), rows)


def _models(session: Session, name: str) -> Table:
    from ...catalog import find_model, load_models

    profile = session.settings.profile
    if not name:
        rows = [(m.id, m.title, m.kind, ", ".join(m.inputs)) for m in load_models(profile).values()]
        return _table(("model", "title", "makes", "inputs"), rows)
    chosen = find_model(profile, name)
    if not chosen.in_catalog:
        raise InvalidRequestError(
            f"{name!r} is not in the catalogue of {profile}: {', '.join(load_models(profile))}.",
            next_step="It can be used all the same; its inputs are sent unchecked.",
        )
    inputs = [
        (i.name, i.type, "" if i.default is None else str(i.default), i.allows, i.help)
        for i in chosen.inputs.values()
    ]
    return _table(("input", "type", "default", "allowed", "what it does"), inputs)


def _tasks(session: Session, words: str) -> Table:
    from ...ledger.spending import latest_day_summary

    if spent := latest_day_summary(session.ledger):
        print(spent)  # noqa: T201 one sentence above the table
    return session.history(search=words.removeprefix("--search").strip(), limit=50)


def _show(session: Session, id: str) -> Any:
    job = session.job(_required_id(id, "show"))
    if job is None:
        return session.result(session.get_record(id))
    return _show_jobs(session, [job])


def _resume(session: Session, id: str) -> Any:
    jobs = session.resume(id)
    unsent = "" if id else _unsent(session)
    if jobs:
        if unsent:
            print(unsent)  # noqa: T201 one sentence above the cards
        return _show_jobs(session, jobs)
    others = session.count_owned_elsewhere()
    beside = f" {others} are followed by another notebook." if others else ""
    return _table((), (), f"Nothing is waiting to be collected.{beside} {unsent}".strip())


def _unsent(session: Session) -> str:
    """What resume leaves alone: prompts of batches that were never sent."""
    ids = {t.batch_id for t in session.ledger.with_status("pending") if t.batch_id}
    commands = ", ".join(f"%liangxin batch {id}" for id in sorted(ids))
    return f"Prompts of a batch were never sent: {commands} goes on with it." if ids else ""


def _recover(session: Session, file: str) -> Any:
    if not file:
        raise InvalidRequestError(
            "%liangxin recover needs a file.", next_step="Write %liangxin recover FILE.ipynb"
        )
    jobs = session.recover(file.strip("\"'"))
    return _show_jobs(session, jobs) if jobs else _table((), (), f"{file} carries no task.")


def _gallery(session: Session, _: str) -> None:
    from ..widgets.gallery import show

    show(session)


def _credits(session: Session, _: str) -> Table:
    """The balance where the service tells it, and what was spent, per day and model."""
    from ...ledger.spending import usage_by_day

    try:
        said = f"{session.credits():g} credits are left."
    except InvalidRequestError as error:
        said = str(error)
    print(said)  # noqa: T201 one sentence above the table
    return usage_by_day(session.ledger)


def _key() -> Table:
    """Asks for the key without showing it, and keeps it in this process's memory alone."""
    from getpass import getpass

    try:
        key = getpass("API key (it is not shown and not saved): ").strip()
    except Exception as error:  # a frontend without input says so in its own way
        raise InvalidRequestError(
            "Nobody can be asked for a key here.", next_step="Set LIANGXIN_API_KEY instead."
        ) from error
    if not key:
        raise InvalidRequestError("No key was given; nothing has changed.")
    OVERRIDES["key"] = Secret(key)
    return _table((), (), "The key is kept in memory until this kernel ends.")


def _panel() -> None:
    from ..widgets import panel

    panel()


def _detach(session: Session, id: str) -> Table:
    job = session.job(_required_id(id, "detach"))
    if job is None:
        raise InvalidRequestError(
            f"{id!r} is not followed by this notebook.", next_step="%liangxin tasks lists them."
        )
    job.detach()
    name = job.task_id or job.record.id
    said = f"{name}: no longer watched; it may still be billed. Collect: %liangxin resume {name}"
    return _table((), (), said)


def _required_id(id: str, command: str) -> str:
    if not id:
        raise InvalidRequestError(
            f"%liangxin {command} needs the id of a task.", next_step="%liangxin tasks lists them."
        )
    return id


def _show_jobs(session: Session, jobs: list[Job]) -> None:
    from ..widgets import is_interactive, show

    for job in jobs:
        show(job, session, brief=not is_interactive())
    if not is_interactive():
        wait_for(jobs)


COMMANDS: dict[str, Callable[[Session, str], Any]] = {
    "": _status,
    "status": _status,
    "models": _models,
    "tasks": _tasks,
    "gallery": _gallery,
    "show": _show,
    "resume": _resume,
    "batches": batches,
    "batch": batch_line,
    "detach": _detach,
    "recover": _recover,
    "credits": _credits,
    "export": export_command,
    "import": import_command,
    "doctor": lambda _, __: doctor_command(),
    "key": lambda _, __: _key(),
    "panel": lambda _, __: _panel(),
}
#: What works without a session: there may be none for want of a key, or for what is wrong.
_WITHOUT_SESSION: dict[str, Callable[[], Any]] = {
    "key": _key,
    "panel": _panel,
    "doctor": doctor_command,
}
