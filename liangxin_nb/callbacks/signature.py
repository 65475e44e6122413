"""Create and verify KIE's webhook signatures.

Source: KIE's webhook guide. X-Webhook-Timestamp is in Unix seconds, X-Webhook-Signature is
base64(HMAC-SHA256(key, task id + "." + timestamp)). The body is not signed; LiangXin documents
no signature.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Mapping

from ..config.credentials import Secret
from ..config.schema import read_variable

__all__ = ["WINDOW_S", "sign", "verify", "webhook_key"]

#: The maximum difference in seconds between a timestamp and the current time.
WINDOW_S = 300.0


def webhook_key(env: Mapping[str, str] = os.environ) -> Secret | None:
    """Return LIANGXIN_WEBHOOK_KEY; None if it is not set: signatures are not required then."""
    key: Secret | None = read_variable("webhook_key", env)
    return key


def sign(key: Secret, task_id: str, timestamp: str) -> str:
    """Return the signature of a task id and a timestamp."""
    message = f"{task_id}.{timestamp}".encode()
    return base64.b64encode(hmac.digest(key.reveal().encode(), message, hashlib.sha256)).decode()


def verify(key: Secret, task_id: str, timestamp: str, signature: str, now: float) -> bool:
    """Check a signature in constant time.

    Args:
        key: The webhook key.
        task_id: The task that the callback names.
        timestamp: The X-Webhook-Timestamp header.
        signature: The X-Webhook-Signature header.
        now: The current Unix time in seconds.

    Returns:
        Whether the signature is correct and its timestamp is at most `WINDOW_S` seconds off.
    """
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(now - int(timestamp)) > WINDOW_S:
        return False
    expected = sign(key, task_id, timestamp)
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
