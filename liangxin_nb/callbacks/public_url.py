"""Where the service can reach this notebook: worked out from what the surroundings tell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ..core.hosts import is_loopback
from ..errors import InvalidRequestError

__all__ = ["resolve", "validate"]

_POLLING = "Polling needs nothing: leave LIANGXIN_CALLBACK unset, or give callback=None."


def resolve(*, local: bool, env: Mapping[str, str] = os.environ) -> str:
    """The public base address of this notebook's server; raises `InvalidRequestError` without one.

    In order: LIANGXIN_CALLBACK_BASE; JUPYTERHUB_PUBLIC_URL; the hub's public address with
    JUPYTERHUB_SERVICE_PREFIX. `local`: the API is on this machine (the sandbox), so that an
    address of this machine will do, too.
    """
    for place in (
        _configured_url,
        _hub_configured_url,
        _below_the_hub,
        *((_receiver, _parent) if local else ()),
    ):
        if found := place(env):
            return _checked(found, local)
    raise InvalidRequestError(
        "No public address of this notebook is known, so no service can call it; nothing was sent.",
        next_step=f"Set LIANGXIN_CALLBACK_BASE to one (https://…). {_POLLING}",
    )


def validate(url: str, *, local: bool) -> str:
    """A user's own callback URL as it is.

    Raises `InvalidRequestError` for what no service may call.
    """
    return _checked(url, local)


def _checked(url: str, local: bool) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    here = local and parts.scheme == "http" and is_loopback(host)
    if not host or parts.username or not (parts.scheme == "https" or here):
        shown = f"{parts.scheme}://{host}"
        raise InvalidRequestError(
            f"The callback address {shown} cannot be used: services call public https:// addresses "
            "only, the sandbox also http:// on this machine; nothing was sent.",
            next_step=_POLLING,
        )
    return url


def _configured_url(env: Mapping[str, str]) -> str:
    return env.get("LIANGXIN_CALLBACK_BASE", "").strip()


def _hub_configured_url(env: Mapping[str, str]) -> str:
    """JupyterHub 5 tells it where its administrator has said so."""
    return env.get("JUPYTERHUB_PUBLIC_URL", "").strip()


def _below_the_hub(env: Mapping[str, str]) -> str:
    """The hub's public host and this server's path there.

    JUPYTERHUB_HOST is set where each user has a host; Binders set JUPYTERHUB_EXTERNAL_URL by
    custom. BINDER_LAUNCH_HOST is not used: on mybinder.org the servers run on other hosts.
    """
    prefix = env.get("JUPYTERHUB_SERVICE_PREFIX", "").strip()
    for name in ("JUPYTERHUB_PUBLIC_HUB_URL", "JUPYTERHUB_HOST", "JUPYTERHUB_EXTERNAL_URL"):
        parts = urlsplit(env.get(name, "").strip())
        if prefix and parts.scheme and parts.netloc:
            return f"{parts.scheme}://{parts.netloc}/{prefix.strip('/')}"
    return ""


def _receiver(_: Mapping[str, str]) -> str:
    """The stand-alone receiver of this process, where there is one."""
    module = sys.modules.get(f"{__package__}.receiver")
    latest: Callable[[], str] = module.CallbackServer.latest if module else str
    return latest()


def _parent(env: Mapping[str, str]) -> str:
    """Jupyter's server on this machine that started this kernel, from the file it writes."""
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
