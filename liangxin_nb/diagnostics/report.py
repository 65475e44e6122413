"""What a bug report needs: versions, settings, the place, and what is wrong with them.

No secret is in it: no key, no password of a database, no name of the home folder.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import textwrap
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from ..config.environment import ephemeral_notice
from ..config.settings import Settings
from ..ratelimit import sharing_error

__all__ = ["report"]

_LIBRARIES = (
    "ipython", "ipykernel", "ipywidgets", "jupyterlab", "notebook", "voila", "jupyter_server",
    "jupyterlab_widgets", "nbclient", "httpx", "SQLAlchemy", "pillow", "msgspec", "starlette",
)  # fmt: skip
_LITTLE = 500 * 1024 * 1024
_PATIENCE = 3.0  # seconds to reach the service


def report(
    settings: Settings | None,
    *,
    ledger: str = "",
    frontend: str = "",
    callback: str = "",
    trouble: str = "",
    env: Mapping[str, str] = os.environ,
) -> str:
    """The report as text, ready to be pasted, with what is wrong at its end.

    `settings`: None where they cannot be used, and `trouble` says why. `ledger`, `callback`: where
    it is and how calls come, in words; `frontend`: who looks. Asks the service for no more than a
    connection.
    """
    versions = dict(_versions())
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    facts = {"": "\n".join(textwrap.wrap(listed, 96, break_on_hyphens=False))}
    forced = " (LIANGXIN_FRONTEND)" if env.get("LIANGXIN_FRONTEND", "").strip() else ""
    facts["front end"] = f"{frontend}{forced}"
    if settings is not None:
        facts |= _settings(settings, ledger, callback)
    if ends := ephemeral_notice(env):
        facts["this place"] = ends
    wrong = [*([trouble] if trouble else []), *_problems(versions, settings, env)]
    lines = [f"{name:<11}{value}" if name else value for name, value in facts.items()]
    lines += [f"wrong      {line}" for line in wrong] or [
        "wrong      nothing that can be seen here"
    ]
    return _redact("\n".join([_head(), *lines]), settings)


def _head() -> str:
    try:
        own = metadata.version("liangxin_nb")
    except metadata.PackageNotFoundError:
        own = "(not installed)"
    system = f"{platform.system()} {platform.machine()}"
    return f"liangxin_nb {own} · Python {platform.python_version()} · {system}"


def _versions() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def _settings(settings: Settings, ledger: str, callback: str) -> dict[str, str]:
    key = "there" if settings.key else "none, and none is needed"
    limits = {"tasks": settings.max_tasks, "credits": settings.max_credits}
    set_ = [f"{most:g} {name} a day" for name, most in limits.items() if most is not None]
    waits = {True: "always", False: "never", None: "where nobody watches"}[settings.wait]
    return {
        "service": settings.profile if settings.profile == settings.host
        else f"{settings.profile} at {settings.host}",
        "key": key,
        "results": f"{settings.results} · {_free_space(settings.results) / 1e9:.1f} GB free",
        "ledger": ledger,
        "limits": ", ".join(set_) or "none",
        "rates": _rates(settings.budget),
        "callbacks": callback or "none: it asks",
        "waits": f"{waits} · patience {settings.patience:g} s · timeout {settings.timeout:g} s",
    }  # fmt: skip


def _problems(
    versions: Mapping[str, str], settings: Settings | None, env: Mapping[str, str]
) -> Iterator[str]:
    """Each thing that is known to give trouble, with what helps."""
    if versions.get("ipykernel", "").startswith("7.0."):
        yield (
            "ipykernel 7.0 loses what is shown from the background: pip install 'ipykernel>=7.1', "
            "then restart the kernel"
        )
    if "ipywidgets" not in versions:
        yield "ipywidgets is missing, so cards are lines of text: pip install ipywidgets"
    if settings is None:
        return
    if _free_space(settings.results) < _LITTLE:
        yield f"there is little room in {settings.results}: results could not be kept"
    if why := sharing_error(settings.budget):
        yield (
            f"the rates are not shared ({why}), each notebook keeps them by itself, and several "
            "at once may be refused: see LIANGXIN_BUDGET"
        )
    if not settings.local and not _reachability(settings, env):
        yield f"{settings.host} cannot be reached from here"


def _rates(place: str) -> str:
    """Who keeps the service's rates together; a database's password is left out."""
    if "://" in place:
        return f"shared by all that use {urlsplit(place).hostname}"
    return f"shared by all notebooks of this machine{f', in {place}' if place else ''}"


def _free_space(folder: Path) -> int:
    place = next((p for p in (folder, *folder.parents) if p.exists()), Path("/"))
    return shutil.disk_usage(place).free


def _reachability(settings: Settings, env: Mapping[str, str]) -> bool:
    """Whether the service's address answers; behind a proxy only the proxy could say."""
    if any(env.get(name) or env.get(name.lower()) for name in ("HTTPS_PROXY", "ALL_PROXY")):
        return True
    parts = urlsplit(settings.base_url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 443), timeout=_PATIENCE):
            return True
    except OSError:
        return False


def _redact(text: str, settings: Settings | None) -> str:
    """The text without the home folder's name, and without the key wherever it came from."""
    key = settings.key.reveal() if settings is not None and settings.key else ""
    text = text.replace(key, "••••••") if key else text
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text
