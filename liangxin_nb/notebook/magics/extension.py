"""Loading and unloading the IPython extension: magics, completion and configuration."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from traitlets import Float, Int, Unicode
from traitlets.config import SingletonConfigurable

from ...config.environment import ephemeral_notice
from ...config.settings import OVERRIDES, Settings
from .cell_magic import liangxin_cell
from .completion import matcher
from .execution import as_usage_error
from .line_magic import liangxin_line

__all__ = ["LiangXin", "count_resumable", "load", "unload"]

_HELP_CELL = re.compile(r"\s*%%liangxin[ \t]+(?:batch[ \t]+)?(?:-h|--help)\s*")


class LiangXin(SingletonConfigurable):
    """Settings of liangxin_nb, except the API key: it would be saved in the notebook."""

    profile: Any = Unicode("", help="Service: sandbox, liangxin or kie.").tag(config=True)
    base_url: Any = Unicode("", help="API address, such as https://host.").tag(config=True)
    results: Any = Unicode("", help="Results folder (default liangxin-results).").tag(config=True)
    ledger: Any = Unicode("", help="Ledger file or database URL.").tag(config=True)
    patience: Any = Float(900.0, help="Seconds until a wait ends.").tag(config=True)
    max_credits: Any = Float(None, allow_none=True, help="Maximum credits per day.").tag(
        config=True
    )
    max_tasks: Any = Int(None, allow_none=True, help="Maximum tasks per day.").tag(config=True)
    speed: Any = Float(1.0, help="Speed of the sandbox; 2 is twice as fast.").tag(config=True)
    callback: Any = Unicode("", help="Callbacks from the service: auto, none or a URL.").tag(
        config=True
    )

    def __init__(self, **config: Any) -> None:
        super().__init__(**config)
        names = self.trait_names(config=True)
        self.observe(self._override, names)
        traits = self.traits()
        OVERRIDES.update({n: v for n in names if (v := getattr(self, n)) != traits[n].default()})

    def _override(self, change: Any) -> None:
        OVERRIDES[change["name"]] = change["new"]


def load(shell: Any) -> None:
    """Register magics, completion and configuration, and print which service is in use."""
    shell.register_magic_function(liangxin_cell, "cell", "liangxin")
    shell.register_magic_function(liangxin_line, "line", "liangxin")
    config = LiangXin.instance(config=shell.config)
    if config not in shell.configurables:
        shell.configurables.append(config)
    if _run_help_cell not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_run_help_cell)
    _register_completion(shell)
    with as_usage_error():
        print(_greeting(Settings.load()))  # noqa: T201 users must know which service is in use


def unload(shell: Any) -> None:
    """Remove everything that `load` registered; tasks that are followed continue."""
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop("liangxin", None)
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, LiangXin)]
    for registered in (
        shell.input_transformers_cleanup,
        getattr(shell.Completer, "custom_matchers", []),
    ):
        registered[:] = [f for f in registered if f not in (_run_help_cell, matcher)]


def _register_completion(shell: Any) -> None:
    """Add the matcher to the completer of IPython 8.6 or later."""
    try:
        from IPython.core.completer import context_matcher
    except ImportError:
        return
    if matcher not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(context_matcher()(matcher))


def _run_help_cell(lines: list[str]) -> list[str]:
    """Replace ``%%liangxin --help``, which IPython rejects without a body, by a line magic."""
    return ["%liangxin help\n"] if _HELP_CELL.fullmatch("".join(lines)) else lines


def _greeting(settings: Settings) -> str:
    """Return the text that loading prints."""
    service = f"{settings.profile} at {settings.host}. Tasks may be billed."
    if settings.profile == "sandbox":
        service = "sandbox. Pictures are drawn on this machine; no model, no key, no cost."
    resumable = count_resumable(Path(settings.ledger or settings.results / "ledger.sqlite"))
    unfinished = f"\n{resumable} unfinished: %liangxin resume collects them." if resumable else ""
    notice = ephemeral_notice()
    return f"liangxin_nb: {service}{unfinished}" + (f"\nThis is {notice}" if notice else "")


def count_resumable(ledger: Path) -> int:
    """Count the unfinished tasks of a ledger file without importing SQLAlchemy.

    Returns:
        The number of tasks that can be collected; 0 if the file is missing or unreadable.
    """
    if not ledger.is_file():
        return 0
    import sqlite3  # only if there is a ledger: loading the extension stays fast

    from ...core.job_record import RESUMABLE

    # The second query reads a ledger of an older version, which is migrated when it is opened.
    queries = [
        ("SELECT count(*) FROM jobs WHERE task_id != '' AND status IN (?, ?)", RESUMABLE),
        (
            "SELECT count(*) FROM tickets WHERE task_id != '' AND fate IN (?, ?)",
            ("accepted", "succeeded"),
        ),
    ]
    for query, statuses in queries:
        with (
            suppress(sqlite3.Error),
            closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=1.0)) as db,
        ):
            return int(db.execute(query, statuses).fetchone()[0])
    return 0
