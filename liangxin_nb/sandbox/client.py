"""Find the sandbox of a state folder, read its counters and set its faults."""

from __future__ import annotations

import hmac
import http.client
import json
import secrets
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import APIConnectionError, InvalidRequestError
from .access_key import prove, sandbox_key

__all__ = ["ADDRESS_FILE", "control", "is_running", "read_address"]

#: Name of the file in the state folder that holds the sandbox's URL.
ADDRESS_FILE = "address.json"
_HOST = "127.0.0.1"
_TIMEOUT_S = 5.0
_MAX_ANSWER_BYTES = 1 << 20


def control(state: Path, faults: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the counters of the sandbox that runs for a state folder.

        control(lx.Settings.load().results / ".sandbox", ["create-lost*1"])["created"]

    Args:
        state: The state folder, `.sandbox` in the results folder.
        faults: Replace the active faults by these first. None leaves them unchanged.

    Returns:
        The answer of `GET /sandbox`: tasks created, calls, faults, callbacks.

    Raises:
        APIConnectionError: If no sandbox runs for this folder.
        InvalidRequestError: If a fault is unknown.
    """
    url, key = read_address(state), sandbox_key(state)
    if not is_running(url, key):
        raise APIConnectionError(
            f"No sandbox runs for {state}.", next_step="Create a picture first, then try again."
        )
    headers = {"Authorization": f"Bearer {key}"}
    method, path, body = "GET", "/sandbox", None
    if faults is not None:
        method, path, body = "PUT", "/sandbox/faults", json.dumps({"faults": list(faults)})
    status, answer = _call(url, method, path, headers, body)
    if status != 200:
        raise InvalidRequestError(
            f"{answer.get('error', f'the sandbox answered {status}')}.",
            next_step="python -m liangxin_nb.sandbox --help lists the faults.",
        )
    return answer


def read_address(state: Path) -> str:
    """Return the published URL of the sandbox, empty without a valid one."""
    try:
        address = json.loads((state / ADDRESS_FILE).read_text(encoding="utf-8"))
        url = str(address["url"])
        port = urlsplit(url).port
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return url if url == f"http://{_HOST}:{port}" else ""


def is_running(url: str, key: str) -> bool:
    """Return whether the sandbox with this key answers at the URL; the key is not sent.

    Another process may have taken its port.
    """
    nonce = secrets.token_hex(16)
    try:
        _, answer = _call(url, "GET", f"/sandbox/identity?nonce={nonce}")
    except APIConnectionError:
        return False
    proof = str(answer.get("proof")).encode()
    return hmac.compare_digest(proof, prove(key, urlsplit(url).port or 0, nonce).encode())


def _call(
    url: str, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Send a request without proxies and redirects; return the status and the JSON object."""
    connection = http.client.HTTPConnection(_HOST, urlsplit(url).port or 0, timeout=_TIMEOUT_S)

    def end() -> None:
        with suppress(OSError, AttributeError):  # not connected
            connection.sock.shutdown(socket.SHUT_RDWR)

    # A process that sends a byte now and then would never exceed the timeout.
    timer = threading.Timer(_TIMEOUT_S, end)
    timer.daemon = True
    timer.start()
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        answer = json.loads(response.read(_MAX_ANSWER_BYTES))
    except (OSError, ValueError, RecursionError, http.client.HTTPException):
        raise APIConnectionError("The sandbox did not answer.") from None
    finally:
        timer.cancel()
        connection.close()
    return response.status, answer if isinstance(answer, dict) else {}
