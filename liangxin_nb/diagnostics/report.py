"""The report for bug reports: versions, settings, environment and known problems.

It contains no secrets: no key, no database password, and not the name of the home folder.
"""

from __future__ import annotations

import os
import platform
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from importlib import metadata
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from .._version import __version__
from ..config.environment import ephemeral_notice
from ..config.private_files import describe_exposure
from ..config.secret import redact_text
from ..config.settings import Settings
from ..notebook_files.file_scan import scan_folder
from ..notebook_files.key_registry import keys_here
from ..ratelimit import sharing_error

__all__ = ["report"]

_LIBRARIES = (
    "ipython", "ipykernel", "ipywidgets", "jupyterlab", "notebook", "voila", "jupyter_server",
    "jupyterlab_widgets", "nbclient", "httpx", "SQLAlchemy", "pillow", "msgspec", "starlette",
)  # fmt: skip
_MIN_FREE_BYTES = 500 * 1024 * 1024
_INDENT = 11
_MAX_NOTEBOOKS = 10  # that are listed


def report(
    settings: Settings | None,
    *,
    ledger: str = "",
    frontend: str = "",
    callback: str = "",
    trouble: str = "",
    notebooks: Path | None = None,
    env: Mapping[str, str] = os.environ,
) -> str:
    """Return the report as text that can be pasted, with the known problems at its end.

    Tests the way to the service with a request that creates and costs nothing.

    Args:
        settings: The settings, or None if they are invalid.
        ledger: The location of the ledger.
        frontend: The name of the front end.
        callback: How callbacks arrive, in words; empty if they are not used.
        trouble: Why the settings are invalid.
        notebooks: A folder with notebooks, which are searched for keys.
        env: The environment variables.
    """
    versions = dict(_versions())
    listed = ", ".join(f"{name} {number}" for name, number in versions.items())
    sections = {"": "\n".join(textwrap.wrap(listed, 96, break_on_hyphens=False))}
    forced = " (LIANGXIN_FRONTEND)" if env.get("LIANGXIN_FRONTEND", "").strip() else ""
    sections["front end"] = f"{frontend}{forced}"
    if settings is not None:
        sections |= _describe_settings(settings, ledger, callback)
    if notice := ephemeral_notice(env):
        sections["this place"] = notice
    problems = [*([trouble] if trouble else []), *_find_problems(versions, settings)]
    problems += _find_keys(notebooks) if notebooks else ()
    if settings is not None and settings.key and settings.base_url:
        from ..api.service_check import ServiceCheck  # loads httpcore and truststore

        check = ServiceCheck(settings.base_url, settings.key, has_balance=settings.profile == "kie")
        check.run()
        sections["proxy"], sections["trust"] = check.proxy, check.certificates
        sections["way"] = f"\n{'':<{_INDENT}}".join(check.steps) or "no step worked"
        problems += check.problems
    lines = [f"{name:<{_INDENT}}{value}" if name else value for name, value in sections.items()]
    lines += [f"problem    {problem}" for problem in problems] or ["problem    none found"]
    return _redact("\n".join([_heading(), *lines]))


def _heading() -> str:
    system = f"{platform.system()} {platform.machine()}"
    return f"liangxin_nb {__version__} · Python {platform.python_version()} · {system}"


def _versions() -> Iterator[tuple[str, str]]:
    for name in _LIBRARIES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def _describe_settings(settings: Settings, ledger: str, callback: str) -> dict[str, str]:
    key = "set" if settings.key else "not set, and not needed"
    limits = {"tasks": settings.max_tasks, "credits": settings.max_credits}
    set_limits = [f"{limit:g} {name} a day" for name, limit in limits.items() if limit is not None]
    waits = {True: "always", False: "never", None: "if not interactive"}[settings.wait]
    return {
        "service": settings.profile if settings.profile == settings.host
        else f"{settings.profile} at {settings.host}",
        "key": key,
        "results": f"{settings.results} · {_free_space(settings.results) / 1e9:.1f} GB free",
        "ledger": ledger,
        "limits": ", ".join(set_limits) or "none",
        "rates": _describe_rates(settings.budget),
        "callbacks": callback or "none, it polls",
        "waits": f"{waits} · patience {settings.patience:g} s · timeout {settings.timeout:g} s",
    }  # fmt: skip


def _find_problems(versions: Mapping[str, str], settings: Settings | None) -> Iterator[str]:
    """Yield each known problem with its solution."""
    if versions.get("ipykernel", "").startswith("7.0."):
        yield (
            "ipykernel 7.0 loses output from background threads: pip install 'ipykernel>=7.1', "
            "then restart the kernel"
        )
    if "ipywidgets" not in versions:
        yield "ipywidgets is missing, so cards are lines of text: pip install ipywidgets"
    if settings is None:
        return
    if _free_space(settings.results) < _MIN_FREE_BYTES:
        yield f"there is little free space in {settings.results}: results might not be saved"
    if exposure := describe_exposure(settings.results):
        yield exposure
    if reason := sharing_error(settings.budget):
        yield (
            f"the rates are not shared ({reason}): several notebooks together may exceed the "
            "service's limits, see LIANGXIN_BUDGET"
        )


def _find_keys(folder: Path) -> Iterator[str]:
    """Yield each notebook with a key, and what to do; not all of very many."""
    reports = scan_folder(folder, keys_here())
    for report in islice(reports, _MAX_NOTEBOOKS):
        yield from report.lines()
    if next(reports, None):
        yield "more notebooks contain keys: liangxin heal --check ."


def _describe_rates(budget: str) -> str:
    """Return who shares the rate limiter; without the password of a database."""
    if "://" in budget:
        return f"shared by all that use {urlsplit(budget).hostname}"
    return f"shared by all notebooks of this machine{f', in {budget}' if budget else ''}"


def _free_space(folder: Path) -> int:
    existing = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    return shutil.disk_usage(existing).free


def _redact(text: str) -> str:
    """Return the text without keys and without the name of the home folder."""
    text = redact_text(text)
    home = os.path.expanduser("~")  # noqa: PTH111 no error without a home folder
    return text.replace(home, "~") if len(home) > 1 else text
