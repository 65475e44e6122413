"""Find the public address of this notebook's server, and check callback URLs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ..config.schema import read_variable
from ..core.hosts import is_loopback
from ..errors import InvalidRequestError

__all__ = ["resolve", "validate"]

_POLLING = "Polling needs no address: leave LIANGXIN_CALLBACK unset, or pass callback=None."


def resolve(*, local: bool, env: Mapping[str, str] = os.environ) -> str:
    """Find the public base address of this notebook's server.

    In order: LIANGXIN_CALLBACK_BASE; JUPYTERHUB_PUBLIC_URL; the hub's public address with
    JUPYTERHUB_SERVICE_PREFIX; for a local API also the servers on this machine.

    Args:
        local: Whether the API runs on this machine (the sandbox).
        env: The environment variables.

    Returns:
        The address.

    Raises:
        InvalidRequestError: If there is none, or a service cannot call it.
    """
    sources: list[Callable[[Mapping[str, str]], str]] = [
        _read_configured_url,
        _read_hub_url,
        _build_hub_url,
    ]
    if local:
        sources += [_find_callback_server, _find_jupyter_server]
    for find_url in sources:
        if url := find_url(env):
            return validate(url, local=local)
    raise InvalidRequestError(
        "No public address of this notebook is known, so a service cannot call it; nothing was "
        "sent.",
        next_step=f"Set LIANGXIN_CALLBACK_BASE to one (https://…). {_POLLING}",
    )


def validate(url: str, *, local: bool) -> str:
    """Check that a service can call a URL.

    Args:
        url: The callback URL, or the base address.
        local: Whether the API runs on this machine (the sandbox).

    Returns:
        The URL unchanged.

    Raises:
        InvalidRequestError: If the URL is not https; for a local API also http on this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    is_local = local and parts.scheme == "http" and is_loopback(host)
    if not host or parts.username or not (parts.scheme == "https" or is_local):
        shown = f"{parts.scheme}://{host}"
        raise InvalidRequestError(
            f"The callback address {shown} cannot be used: services call public https:// addresses "
            "only, the sandbox also http:// on this machine; nothing was sent.",
            next_step=_POLLING,
        )
    return url


def _read_configured_url(env: Mapping[str, str]) -> str:
    return str(read_variable("callback_base", env))


def _read_hub_url(env: Mapping[str, str]) -> str:
    """JupyterHub 5 sets it if its administrator has configured it."""
    return env.get("JUPYTERHUB_PUBLIC_URL", "").strip()


def _build_hub_url(env: Mapping[str, str]) -> str:
    """Join the hub's public host and this server's path.

    JUPYTERHUB_HOST is set if each user has a host of the hub; Binder deployments usually set
    JUPYTERHUB_EXTERNAL_URL. BINDER_LAUNCH_HOST is not used: on mybinder.org the servers run on
    other hosts.
    """
    prefix = env.get("JUPYTERHUB_SERVICE_PREFIX", "").strip()
    for name in ("JUPYTERHUB_PUBLIC_HUB_URL", "JUPYTERHUB_HOST", "JUPYTERHUB_EXTERNAL_URL"):
        parts = urlsplit(env.get(name, "").strip())
        if prefix and parts.scheme and parts.netloc:
            return f"{parts.scheme}://{parts.netloc}/{prefix.strip('/')}"
    return ""


def _find_callback_server(_: Mapping[str, str]) -> str:
    """Return the address of this process's `CallbackServer`, if there is one."""
    module = sys.modules.get(f"{__package__}.receiver")
    latest: Callable[[], str] = module.CallbackServer.latest if module else str
    return latest()


def _find_jupyter_server(env: Mapping[str, str]) -> str:
    """Read the address of the Jupyter server that started this kernel from its runtime file."""
    parent = env.get("JPY_PARENT_PID", "").strip()
    if not parent.isdigit():
        return ""
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        text = Path(jupyter_runtime_dir(), f"jpserver-{parent}.json").read_text(encoding="utf-8")
        url = json.loads(text)["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return url if isinstance(url, str) and is_loopback(urlsplit(url).hostname) else ""
