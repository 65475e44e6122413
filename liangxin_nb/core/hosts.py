"""Recognise addresses of this machine."""

from __future__ import annotations

from ipaddress import ip_address

__all__ = ["is_loopback"]


def is_loopback(host: str | None) -> bool:
    """Return whether a URL's host name or IP address is this machine's loopback interface.

    Args:
        host: As ``urlsplit(url).hostname`` returns it, without brackets and port.
    """
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
