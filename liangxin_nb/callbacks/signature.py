"""KIE's signature of a callback: who knows the webhook key, and when it was made.

Source: KIE's webhook guide. X-Webhook-Timestamp is in unix seconds, X-Webhook-Signature is
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

from ..config.settings import Secret

__all__ = ["WINDOW", "sign", "verify", "webhook_key"]

#: Seconds by which a timestamp may lie in the past or in the future.
WINDOW = 300.0


def webhook_key(env: Mapping[str, str] = os.environ) -> Secret | None:
    """The key of LIANGXIN_WEBHOOK_KEY, or None: then signatures are not asked for."""
    value = env.get("LIANGXIN_WEBHOOK_KEY", "").strip()
    return Secret(value) if value else None


def sign(key: Secret, task_id: str, timestamp: str) -> str:
    """The signature that the service makes."""
    said = f"{task_id}.{timestamp}".encode()
    return base64.b64encode(hmac.digest(key.reveal().encode(), said, hashlib.sha256)).decode()


def verify(key: Secret, task_id: str, timestamp: str, signature: str, now: float) -> bool:
    """Whether the signature is the right one, and not too old or too new; in constant time."""
    if not re.fullmatch(r"[0-9]{1,12}", timestamp) or abs(now - int(timestamp)) > WINDOW:
        return False
    right = sign(key, task_id, timestamp)
    return hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace"))
