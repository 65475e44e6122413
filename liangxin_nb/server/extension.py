"""The handler as an extension of Jupyter's server; `pip install` alone enables it.

A call needs no login: the capability in its path is what it shows. Nothing else of the server is
opened by it.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join

from ..callbacks.handler import CallbackHandler
from ..callbacks.hint_store import HintStore
from ..callbacks.service import CallbackService
from ..callbacks.signature import webhook_key
from ..callbacks.tokens import PATTERN

__all__ = ["load"]


class JupyterCallback(CallbackHandler, JupyterHandler):  # type: ignore[misc]
    """The handler with Jupyter's own checks of host and origin, but without a login."""

    def check_xsrf_cookie(self) -> None:
        """A service has no cookie to show."""

    @allow_unauthenticated
    async def post(self, capability: str) -> None:
        """Notes the hint, or refuses the call without effect."""
        await super().post(capability)


def load(server: Any) -> None:
    """Adds the handler to a running server; says so in its log where the mailbox cannot be used."""
    try:
        service = CallbackService(HintStore(), webhook_key())
    except (OSError, sqlite3.Error) as error:
        server.log.warning("liangxin_nb takes no callbacks: %s", error)
        return
    web = server.web_app
    path = url_path_join(web.settings["base_url"], PATTERN)
    web.add_handlers(".*$", [(path, JupyterCallback, {"service": service})])
    server.log.info("liangxin_nb takes callbacks at %sliangxin/callback/", web.settings["base_url"])
