"""The API's address: what users paste is normalised, or rejected without repeating secrets."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ..core.hidden import hide_secrets
from ..core.hosts import has_private_addresses, is_loopback
from ..errors import InvalidRequestError
from .values import UnusableError

__all__ = ["ALLOWED", "check_scheme", "normalize_base_url"]

ALLOWED = "https://HOST[:PORT][/PATH], and http:// on this machine"
_QUOTES = " \t\r\n\"'`<>«»“”‘’「」,;"
#: Requests of the API; the rest of an address is a relay's own path.
_REQUEST_PATH = re.compile(r"/api/v1(/(jobs|chat|common)(/[A-Za-z-]+)?)?/*$")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS = {"https": 443, "http": 80}
#: Hosts that were found to be private: the settings are read often, and a look-up may take long.
_found_private: set[str] = set()


def normalize_base_url(text: str) -> str:
    """Return the address of an API in the form that is compared and stored.

    Quotes around it, the path of a request and slashes at its end are removed. An address without
    a scheme gets https. Host names are written in lower case and in ASCII.

    Args:
        text: What the user has pasted.

    Raises:
        ValueError: If it is not a usable address, or contains a login, a key or other parameters.
    """
    # Chinese keyboards type full-width colons and slashes.
    text = unicodedata.normalize("NFKC", text).strip(_QUOTES)
    if re.search(r"[\s\x00-\x1f\x7f-\x9f\\]", text):
        raise ValueError
    if not re.match("[A-Za-z][A-Za-z0-9+.-]*:/", text):
        if not re.search(r"[.。:]|^/*localhost\b", text) or re.match("https?/", text):
            raise ValueError  # a word, or a scheme without its colon
        text = f"https://{text.lstrip('/')}"
    parts = urlsplit(text)
    if parts.hostname in ("kie.ai", "www.kie.ai", "docs.kie.ai"):
        raise UnusableError("it is KIE's website", "KIE's API is https://api.kie.ai.")
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError
    is_task_query = re.fullmatch("(taskId=[^&]*)?", parts.query)
    if "@" in parts.netloc or not is_task_query or parts.fragment:
        raise _too_much()
    path = _REQUEST_PATH.sub("", parts.path).rstrip("/")
    address = f"{parts.scheme}://{_read_host(parts)}{_read_port(parts)}{path}"
    if hide_secrets(address) != address:
        raise _too_much()
    return address


def check_scheme(base_url: str, *, allow_http: bool) -> None:
    """Check that a key is not sent over the internet without encryption.

    Args:
        base_url: A normalised address.
        allow_http: Whether http:// is allowed on private addresses.

    Raises:
        InvalidRequestError: If the address is http:// and not on this machine, or not on a private
            address and allowed.
    """
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme == "https" or is_loopback(host):
        return
    is_private = host in _found_private or has_private_addresses(host)
    if is_private and allow_http:
        _found_private.add(host)
        return
    reason = f"The address {base_url!r} cannot be used: http:// sends the key without encryption"
    if is_private:
        raise InvalidRequestError(
            f"{reason}, and is not allowed on private addresses yet. Nothing was sent.",
            next_step="Use https://, or allow it: LIANGXIN_ALLOW_HTTP=true "
            "(%config LiangXin.allow_http = True).",
        )
    raise InvalidRequestError(
        f"{reason}; allowed: {ALLOWED}, or on a private address with allow_http. Nothing was sent.",
        next_step="Correct base_url.",
    )


def _too_much() -> UnusableError:
    return UnusableError(
        "it contains a login, a key or parameters",
        "Write the address alone; the key is LIANGXIN_API_KEY, or %liangxin key.",
    )


def _read_host(parts: SplitResult) -> str:
    """Return the host in lower case and ASCII, an IPv6 address in brackets."""
    host = (parts.hostname or "").rstrip(".")
    if "[" in parts.netloc:
        return f"[{ip_address(host)}]"
    if not host.isascii():
        import idna  # slow to load, and rarely needed

        host = idna.encode(host, uts46=True).decode().rstrip(".")  # raises a kind of ValueError
    labels = host.split(".")
    if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError
    if re.fullmatch("[0-9]+|0x[0-9a-f]*", labels[-1]):
        return str(ip_address(host))  # 127.1 and 0x7f.1 are read differently by each library
    return host


def _read_port(parts: SplitResult) -> str:
    port = parts.port  # raises ValueError if it is not a number up to 65535
    if port == 0:
        raise ValueError
    return "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
