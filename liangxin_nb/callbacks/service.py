"""Process callback requests, independently of the web server.

Responses: 204 stored · 400 the body is not a JSON object that names a task · 401 the signature is
missing, wrong or expired · 404 unknown callback token · 409 the signature was used before ·
413 the body is too large · 429 too many requests · 503 the hint store cannot be used.
Only a 204 has an effect.
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
from .signature import WINDOW_S, verify
from .tokens import MAX_BODY_BYTES, digest

__all__ = ["CallbackRequest", "CallbackService", "TokenBuckets"]

_MAX_ID_LENGTH = 200
#: (burst, requests per second after it)
_TOTAL_RATE = (1000.0, 500.0)
_RATE_PER_TOKEN = (20.0, 2.0)


class TokenBuckets:
    """A token bucket for each name; full buckets are removed to limit memory use."""

    def __init__(
        self, burst: float, rate: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Create the buckets.

        Args:
            burst: The capacity of a bucket.
            rate: Tokens added per second.
            clock: Returns monotonic seconds.
        """
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}
        self._max_names = 1024

    def take(self, name: str) -> bool:
        """Take one token; return False if there is none."""
        now = self._clock()
        if len(self._levels) >= self._max_names:
            self._remove_full(now)
        level = self._level(name, now)
        self._levels[name] = (max(level - 1.0, 0.0) if level >= 1.0 else level, now)
        return level >= 1.0

    def _level(self, name: str, now: float) -> float:
        level, since = self._levels.get(name, (self._burst, now))
        return min(self._burst, level + (now - since) * self._rate)

    def _remove_full(self, now: float) -> None:
        full = [name for name in self._levels if self._level(name, now) >= self._burst]
        for name in full:
            del self._levels[name]
        self._max_names = max(1024, 2 * len(self._levels))


@dataclass(frozen=True)
class CallbackRequest:
    """One POST request.

    Attributes:
        token: The callback token in its path.
        headers: Its headers.
        body: Its body.
    """

    token: str
    headers: Mapping[str, str]
    body: bytes


class CallbackService:
    """Answers callback requests with a status; belongs to one event loop."""

    def __init__(
        self, store: HintStore, key: Secret | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Create a service.

        Args:
            store: Where hints are stored.
            key: The webhook key; if given, every request must be signed.
            clock: Returns Unix time in seconds.
        """
        self._store = store
        self._key = key
        self._clock = clock
        self._total = TokenBuckets(*_TOTAL_RATE)
        self._per_token = TokenBuckets(*_RATE_PER_TOKEN)

    async def precheck(self, token: str, length: int) -> int:
        """Check a request before its body is read.

        Args:
            token: The callback token in its path.
            length: Its Content-Length in bytes, or 0.

        Returns:
            0 if the body may be read, otherwise the status to answer with.
        """
        if not self._total.take(""):
            return 429
        try:
            job_id = await asyncio.to_thread(self._store.find_job_id, token)
        except sqlite3.Error:
            return 503
        if job_id is None:
            return 404
        if not self._per_token.take(digest(token)):
            return 429
        return 413 if length > MAX_BODY_BYTES else 0

    async def handle(self, request: CallbackRequest) -> int:
        """Process a request that has passed `precheck`, and return its status."""
        if len(request.body) > MAX_BODY_BYTES:
            return 413
        task_id = _parse_task_id(request.body)
        if not task_id:
            return 400
        signature = ""
        if self._key is not None:
            timestamp = request.headers.get("X-Webhook-Timestamp", "")
            signature = request.headers.get("X-Webhook-Signature", "")
            if not verify(self._key, task_id, timestamp, signature, self._clock()):
                return 401
        return await asyncio.to_thread(self._store_hint, request.token, task_id, signature)

    def _store_hint(self, token: str, task_id: str, signature: str) -> int:
        try:
            job_id = self._store.find_job_id(token)
            if job_id is None:
                return 404
            # A timestamp may be one window in the future, and is valid one window after that.
            stored = self._store.add_hint(job_id, task_id, signature, 2 * WINDOW_S + 1)
        except sqlite3.Error:
            return 503
        return 204 if stored else 409


def _parse_task_id(body: bytes) -> str:
    """Return the task id that a body names; empty if there is no valid one."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(payload, dict):
        return ""
    data = payload.get("data")
    inner: dict[str, Any] = data if isinstance(data, dict) else {}
    # KIE's guide reads task_id, its callbacks contain taskId, and a note shows it at the top.
    for value in (inner.get("taskId"), inner.get("task_id"), payload.get("taskId")):
        if isinstance(value, str) and 0 < len(value) <= _MAX_ID_LENGTH and value.isprintable():
            return value
    return ""
