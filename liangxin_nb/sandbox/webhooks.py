"""Send callbacks when tasks end, to loopback addresses only.

Sources: LiangXin Market docs (the body is that of recordInfo; a few retries) and KIE webhook guide
(signature). Callbacks to other machines are counted and not sent.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ..config.schema import read_variable
from ..core.hosts import is_loopback
from .state import SandboxState
from .task_log import JsonLines
from .validation import RejectedRequestError

__all__ = ["WebhookSender"]

_DELAYS_S = (0.0, 0.5, 1.0, 2.0)  # before each attempt
_TIMEOUT_S = 5.0
_MAX_REPORTED = 50


class WebhookSender:
    """Sends the callback of each task when it ends; runs on the server's event loop.

    Callbacks are signed if ``LIANGXIN_SANDBOX_WEBHOOK_KEY`` is set.

    Args:
        sandbox: The tasks.
        key: Key of the tasks' owner.
        state: Folder that saves which callbacks were sent, so that a restarted sandbox does not
            send them again; None to save nothing.
    """

    def __init__(self, sandbox: SandboxState, key: str, state: Path | None) -> None:
        self._sandbox = sandbox
        self._key = key
        self._log = JsonLines(state / "called.jsonl" if state else None)
        self._called = set(self._log.read())
        self._counts: Counter[str] = Counter()
        self._elsewhere: list[str] = []
        self._calls: set[asyncio.Task[None]] = set()
        self.origin: str = ""

    def resume(self, origin: str) -> None:
        """Schedule the callbacks that earlier runs have not sent, with links below `origin`."""
        self.origin = origin
        for task_id in self._sandbox.task_ids:
            self.schedule(task_id)

    def schedule(self, task_id: str, origin: str = "") -> None:
        """Schedule the callback of a task, unless it was sent or the task has none."""
        self.origin = self.origin or origin
        url = self._sandbox.callback_url(task_id)
        if url and task_id not in self._called:
            self._called.add(task_id)
            call = asyncio.get_running_loop().create_task(self._send(task_id, url))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    def statistics(self) -> dict[str, Any]:
        """Return the number of callbacks by HTTP status, and the URLs that were not called."""
        return {"calls": dict(self._counts), "elsewhere": list(self._elsewhere)}

    async def _send(self, task_id: str, url: str) -> None:
        """Wait for the end of a task and send its callback."""
        target = _parse_loopback_url(url)
        if target is None:
            self._elsewhere = [*self._elsewhere, _redact_url(url)][-_MAX_REPORTED:]
            return
        ends_at = self._sandbox.ends_at(task_id)
        if ends_at is None:
            return
        await asyncio.sleep(max(0.0, ends_at - time.time()) + 0.001)
        try:
            data = self._sandbox.record(self._key, task_id, self.origin)
        except RejectedRequestError:
            return  # created with another key in an earlier run
        body = json.dumps(_callback_body(data, self._sandbox.profile), ensure_ascii=False)
        faults = {fault.name for fault in self._sandbox.faults.take("callback")}
        for _ in range(2 if "callback-twice" in faults else 1):
            if "callback-lost" not in faults:
                forged = "callback-forged" in faults
                await self._deliver(target, task_id, body.encode(), forged=forged)
        self._log.append(task_id)

    async def _deliver(
        self, target: SplitResult, task_id: str, body: bytes, *, forged: bool
    ) -> None:
        """Send a callback until it is answered with 2xx."""
        for delay in _DELAYS_S:
            await asyncio.sleep(delay)
            headers = {
                "Content-Type": "application/json",
                **_signature_headers(task_id, forged=forged),
            }
            try:
                status = await asyncio.to_thread(_post, target, body, headers)
            except (OSError, http.client.HTTPException):
                self._counts["unanswered"] += 1
                continue
            self._counts[str(status)] += 1
            if 200 <= status < 300:
                return


def _callback_body(data: dict[str, Any], profile: str) -> dict[str, Any]:
    """Return the body for a task record: that of recordInfo, or KIE's own."""
    if profile != "kie":
        return {"code": 200, "msg": "success", "data": data}
    succeeded = data["state"] == "success"
    param = json.loads(data["param"])
    param["input"] = json.dumps(param["input"], ensure_ascii=False)
    data = {
        **data,
        "param": json.dumps(param, ensure_ascii=False),
        "costTime": data["costTime"] // 1000,
    }
    message = f"Playground task {'completed successfully' if succeeded else 'failed'}."
    return {"code": 200 if succeeded else 501, "msg": message, "data": data}


def _post(target: SplitResult, body: bytes, headers: dict[str, str]) -> int:
    """Send one POST without proxies and redirects, and return the status."""
    is_https = target.scheme == "https"
    connection_class = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
    connection = connection_class(target.hostname or "", target.port, timeout=_TIMEOUT_S)
    try:
        path = f"{target.path or '/'}{'?' if target.query else ''}{target.query}"
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _signature_headers(task_id: str, *, forged: bool) -> dict[str, str]:
    """Return the headers of KIE's signature, empty without a key."""
    configured = read_variable("sandbox_webhook_key")
    key = configured.reveal() if configured else ""
    if not (key or forged):
        return {}
    timestamp = str(int(time.time()))
    secret = f"not-{key}" if forged else key
    digest = hmac.new(secret.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return {
        "X-Webhook-Timestamp": timestamp,
        "X-Webhook-Signature": base64.b64encode(digest).decode(),
    }


def _parse_loopback_url(url: str) -> SplitResult | None:
    """Split a URL of this machine, None for any other URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if is_loopback(parts.hostname) and parts.scheme in ("http", "https") else None


def _redact_url(url: str) -> str:
    """Remove the secret part of a callback URL."""
    return re.sub(r"(/callback/)[^/?#]+", r"\1...", url)[:300]
