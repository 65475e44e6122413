"""Adds the callback handler and the save hook to Jupyter Server; `pip install` enables it.

A callback needs no login, since its path contains the callback token. Nothing else of the server
becomes accessible.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join

from ..callbacks.handler import CallbackHandler, CallbackPath
from ..callbacks.hint_store import HintStore
from ..callbacks.service import CallbackService
from ..callbacks.signature import webhook_key
from ..config.schema import read_variable
from ..errors import LiangxinError
from .key_scan_hook import KeyScanHook
from .save_hook import SaveHook, warm_up

__all__ = ["load"]


class JupyterCallback(CallbackHandler, JupyterHandler):  # type: ignore[misc]
    """The handler with Jupyter's checks of host and origin, but without a login."""

    def check_xsrf_cookie(self) -> None:
        """Skip the check: a service has no cookie."""

    @allow_unauthenticated
    async def post(self, token: str) -> None:
        """Store the hint, or reject the request without effect."""
        await super().post(token)


def load(server: Any) -> None:
    """Add save hooks and handler to a running server; log what is unusable."""
    if _add_save_hook(server, "heal_on_save", SaveHook, "complete outputs"):
        never = threading.Event()
        threading.Thread(target=warm_up, args=(never.wait,), daemon=True).start()
    # After the hook that writes durable outputs: they are searched, too.
    _add_save_hook(server, "scan_on_save", KeyScanHook, "search notebooks for keys")
    _add_callback_handler(server)


def _add_save_hook(server: Any, setting: str, hook: Callable[[Any], Any], purpose: str) -> bool:
    """Add a hook, unless its setting turns it off; return whether it was added."""
    try:
        if not read_variable(setting):
            return False
        server.contents_manager.register_pre_save_hook(hook(server.log))
    except (AttributeError, LiangxinError) as error:  # a contents manager without hooks
        server.log.warning("liangxin_nb does not %s on save: %s", purpose, error)
        return False
    return True


def _add_callback_handler(server: Any) -> None:
    """Add the handler; log a warning if a setting or folder is unusable."""
    try:
        service = CallbackService(HintStore(), webhook_key())
    except (OSError, sqlite3.Error, LiangxinError) as error:
        server.log.warning("liangxin_nb cannot receive callbacks: %s", error)
        return
    web = server.web_app
    base_url = web.settings["base_url"]
    path = CallbackPath(url_path_join(base_url, "/"))
    web.add_handlers(".*$", [(path, JupyterCallback, {"service": service})])
    server.log.info(
        "liangxin_nb receives callbacks at %sliangxin/callback/", web.settings["base_url"]
    )
