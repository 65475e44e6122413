"""The notebook's words: what `%load_ext liangxin_nb` sets up, and takes away again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...config.environment import ephemeral_notice
from ...config.settings import Settings
from .cell_magic import liangxin_cell
from .completion import matcher
from .execution import as_usage_error
from .extension import LiangXin
from .line_magic import liangxin_line
from .quick_count import count_resumable

__all__ = ["load", "unload"]


def load(shell: Any) -> None:
    """Registers the magics, the completion and the settings, and says which service is in use."""
    shell.register_magic_function(liangxin_cell, "cell", "liangxin")
    shell.register_magic_function(liangxin_line, "line", "liangxin")
    config = LiangXin.instance(config=shell.config)
    if config not in shell.configurables:
        shell.configurables.append(config)
    _complete(shell)
    with as_usage_error():
        print(_greeting(Settings.load()))  # noqa: T201 a loaded extension says what it will talk to


def unload(shell: Any) -> None:
    """Takes all of it away again; tasks that are followed go on."""
    for kind in ("cell", "line"):
        shell.magics_manager.magics[kind].pop("liangxin", None)
    shell.configurables[:] = [c for c in shell.configurables if not isinstance(c, LiangXin)]
    matchers = getattr(shell.Completer, "custom_matchers", [])
    matchers[:] = [m for m in matchers if m is not matcher]


def _complete(shell: Any) -> None:
    try:
        from IPython.core.completer import context_matcher
    except ImportError:  # IPython before 8.6
        return
    if matcher not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(context_matcher()(matcher))


def _greeting(settings: Settings) -> str:
    service = f"{settings.profile} at {settings.host}. Tasks may be billed."
    if settings.profile == "sandbox":
        service = "sandbox. Pictures are drawn on this machine; no model, no key, no cost."
    open_ = count_resumable(Path(settings.ledger or settings.results / "ledger.sqlite"))
    waiting = f"\n{open_} unfinished: %liangxin resume collects them." if open_ else ""
    place = ephemeral_notice()
    vanishing = f"\nThis is {place}" if place else ""
    return f"liangxin_nb: {service}{waiting}{vanishing}"
