"""What becomes of a call, without the web server: admitted or not, read, noted as a hint.

204 noted · 400 not a JSON object that names a task · 401 the signature is missing, wrong or stale
· 404 no such capability · 409 the signature was used before · 413 too large · 429 too often ·
503 the mailbox cannot be used. Only a 204 has an effect.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config.settings import Secret
from .hint_store import HintStore
from .signature import WINDOW, verify
from .token_bucket import TokenBuckets
from .tokens import MAX_BODY_BYTES, digest

__all__ = ["CallbackRequest", "CallbackService"]

_MAX_ID_LENGTH = 200
#: (calls at once, calls a second after that)
_ALL = (1000.0, 500.0)
_ONE = (20.0, 2.0)


@dataclass(frozen=True)
class CallbackRequest:
    """One POST: the capability of its path, its headers, its body."""

    token: str
    headers: Mapping[str, str]
    body: bytes


class CallbackService:
    """Answers calls with a status; lives on one loop, and waits for the disk in threads.

    `key`: the webhook key; with it every call must be signed. `clock`: unix seconds.
    """

    def __init__(
        self, store: HintStore, key: Secret | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._all = TokenBuckets(*_ALL)
        self._each = TokenBuckets(*_ONE)

    async def precheck(self, token: str, length: int) -> int:
        """0 when the body may be read, else the status that refuses it; `length` as announced."""
        if not self._all.take(""):
            return 429
        try:
            known = await asyncio.to_thread(self._store.job_id_for, token)
        except sqlite3.Error:
            return 503
        if known is None:
            return 404
        if not self._each.take(digest(token)):
            return 429
        return 413 if length > MAX_BODY_BYTES else 0

    async def handle(self, request: CallbackRequest) -> int:
        """The status of an admitted call."""
        if len(request.body) > MAX_BODY_BYTES:
            return 413
        task_id = _parse_task_id(request.body)
        if not task_id:
            return 400
        mark = ""
        if self._key is not None:
            timestamp = request.headers.get("X-Webhook-Timestamp", "")
            mark = request.headers.get("X-Webhook-Signature", "")
            if not verify(self._key, task_id, timestamp, mark, self._clock()):
                return 401
        return await asyncio.to_thread(self._store_hint, request.token, task_id, mark)

    def _store_hint(self, capability: str, task_id: str, mark: str) -> int:
        try:
            ticket = self._store.job_id_for(capability)
            if ticket is None:
                return 404
            # A timestamp may lie a window ahead and is good for a window after that.
            return 204 if self._store.put(ticket, task_id, mark, 2 * WINDOW + 1) else 409
        except sqlite3.Error:
            return 503


def _parse_task_id(body: bytes) -> str:
    """The task id that a body names, "" where there is none that could be one."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    data = told.get("data")
    inner: dict[str, Any] = data if isinstance(data, dict) else {}
    # KIE's guide reads task_id, its callbacks carry taskId, a note shows it at the top.
    for found in (inner.get("taskId"), inner.get("task_id"), told.get("taskId")):
        if isinstance(found, str) and 0 < len(found) <= _MAX_ID_LENGTH and found.isprintable():
            return found
    return ""
