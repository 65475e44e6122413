"""The sandbox calls back: what a task's end is told to, once, and never to another machine.

Source: the seed documents (the body is recordInfo's; tried again briefly) and KIE's webhook guide
(the signature). Calls go to loopback addresses only; every other one is noted and left alone.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..core.hosts import is_loopback
from .envelopes import callback_body
from .state import SandboxState
from .validation import RejectedRequestError

__all__ = ["WebhookSender"]

_TRIES = (0.0, 0.5, 1.0, 2.0)  # seconds before each try
_TIMEOUT = 5.0
_MAX_REPORTED = 50


class WebhookSender:
    """Calls the `callBackUrl` of each task when it ends; lives on the server's loop.

    `state`: the folder in which it notes whom it has called, so that a restarted one does not
    call again. `LIANGXIN_SANDBOX_WEBHOOK_KEY`: signs with it.
    """

    def __init__(self, world: SandboxState, key: str, state: Path | None) -> None:
        self._state = world
        self._key = key
        self._file = state / "called.jsonl" if state else None
        self._called = _read(self._file)
        self._counts: Counter[str] = Counter()
        self._elsewhere: list[str] = []
        self._calls: set[asyncio.Task[None]] = set()
        self.origin = ""

    def resume(self, origin: str) -> None:
        """Takes up what an earlier run has not told; `origin`: where result links lead."""
        self.origin = origin
        for task_id in self._state.ids():
            self.schedule(task_id)

    def schedule(self, task_id: str, origin: str = "") -> None:
        """Will call when the task ends, if it wishes so and has not been told."""
        self.origin = self.origin or origin
        url = self._state.callback(task_id)
        if url and task_id not in self._called:
            self._called.add(task_id)
            call = asyncio.get_running_loop().create_task(self._send(task_id, url))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    def statistics(self) -> dict[str, Any]:
        """How many calls were made, and to whom none was made."""
        return {"calls": dict(self._counts), "elsewhere": list(self._elsewhere)}

    async def _send(self, task_id: str, url: str) -> None:
        parts = _loopback(url)
        if parts is None:
            self._elsewhere = [*self._elsewhere, _redact_url(url)][-_MAX_REPORTED:]
            return
        ends = self._state.ends_at(task_id)
        if ends is None:
            return
        await asyncio.sleep(max(0.0, ends - time.time()) + 0.001)
        try:
            data = self._state.record(self._key, task_id, self.origin)
        except RejectedRequestError:
            return  # made with another key, in an earlier run
        body = json.dumps(callback_body(data, self._state.profile), ensure_ascii=False)
        struck = {fault.name for fault in self._state.faults.take("callback")}
        for _ in range(2 if "callback-twice" in struck else 1):
            if "callback-lost" not in struck:
                forged = "callback-forged" in struck
                await self._deliver(parts, task_id, body.encode(), forged=forged)
        self._note(task_id)

    async def _deliver(
        self, parts: SplitResult, task_id: str, body: bytes, *, forged: bool
    ) -> None:
        for pause in _TRIES:
            await asyncio.sleep(pause)
            headers = {
                "Content-Type": "application/json",
                **_signature_headers(task_id, forged=forged),
            }
            try:
                status = await asyncio.to_thread(_post, parts, body, headers)
            except (OSError, http.client.HTTPException):
                self._counts["unanswered"] += 1
                continue
            self._counts[str(status)] += 1
            if 200 <= status < 300:
                return

    def _note(self, task_id: str) -> None:
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(task_id) + "\n")


def _post(parts: SplitResult, body: bytes, headers: dict[str, str]) -> int:
    """One POST; no proxy, no redirect."""
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _signature_headers(task_id: str, *, forged: bool) -> dict[str, str]:
    """The headers of KIE's signature, where there is a key or a forger."""
    key = os.environ.get("LIANGXIN_SANDBOX_WEBHOOK_KEY", "")
    if not (key or forged):
        return {}
    now = str(int(time.time()))
    secret = f"not-{key}" if forged else key
    made = hmac.new(secret.encode(), f"{task_id}.{now}".encode(), hashlib.sha256).digest()
    return {
        "X-Webhook-Timestamp": now,
        "X-Webhook-Signature": base64.b64encode(made).decode(),
    }


def _loopback(url: str) -> SplitResult | None:
    """The parts of an address of this machine, None for every other one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if is_loopback(parts.hostname) and parts.scheme in ("http", "https") else None


def _redact_url(url: str) -> str:
    """An address without the word in it that lets one call."""
    return re.sub(r"(/callback/)[^/?#]+", r"\1...", url)[:300]


def _read(file: Path | None) -> set[str]:
    """Whose end was told in earlier runs."""
    if file is None or not file.exists():
        return set()
    called = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            called.add(str(json.loads(line)))
        except ValueError:
            continue
    return called
