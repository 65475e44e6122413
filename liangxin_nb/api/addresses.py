"""Check where a download connects to: a service must not reach into the user's own network."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import urllib.parse
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from ..errors import APIConnectionError, ResultUnavailableError

__all__ = ["AddressCheck"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Ranges from which proxy programs such as Clash, Surge and sing-box give every host an address.
_FAKE_IP_NETWORKS = (ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("fc00::/18"))


class AddressCheck:
    """Allows public http(s) addresses, and the private ones that the API itself has."""

    def __init__(self, base_url: str) -> None:
        self._api_host = urlsplit(base_url).hostname or ""

    async def check_url(self, url: str) -> None:
        """Check the addresses of a URL before it is requested.

        Args:
            url: The URL of an output, or the target of a redirect.

        Raises:
            ResultUnavailableError: If it is not http(s), or leads into a private network.
            APIConnectionError: If the host cannot be found.
        """
        parts = _split_url(url)
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ResultUnavailableError(f"The result's address {url[:80]!r} is not http or https.")
        uses_proxy = bool(urllib.request.getproxies().get(parts.scheme))
        try:
            addresses = await _resolve_host(parts.hostname)
        except APIConnectionError:
            if not uses_proxy:
                raise
            return  # the proxy resolves the name
        await self._check(addresses, url)

    async def check_connection(self, stream: Any, url: str) -> None:
        """Check the address of a new connection before the request is sent.

        A name may resolve to another address than a moment ago (DNS rebinding).

        Args:
            stream: The connection, an httpcore network stream.
            url: The URL that is requested on it.

        Raises:
            ResultUnavailableError: If it leads into a private network, and not to the proxy.
        """
        peer = stream.get_extra_info("server_addr")
        if not isinstance(peer, tuple) or len(peer) < 2:
            return
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
        if address.is_global or await _is_proxy(address, peer[1]):
            return
        try:
            await self._check([address], url)
        except ResultUnavailableError:
            await stream.aclose()
            raise

    async def _check(self, addresses: list[_Address], url: str) -> None:
        if all(address.is_global for address in addresses):
            return
        allowed = await _resolve_host(self._api_host)
        fakes = [net for net in _FAKE_IP_NETWORKS if any(a in net for a in allowed)]
        for address in addresses:
            is_fake = any(address in network for network in fakes)
            if not (address.is_global or address in allowed or is_fake):
                raise ResultUnavailableError(
                    f"The result's address {url[:80]!r} is inside a private network; not fetched."
                )


async def _is_proxy(address: _Address, port: int) -> bool:
    """Return whether an address is the one of a proxy that the environment names."""
    for proxy in set(urllib.request.getproxies().values()):
        parts = _split_url(proxy if "://" in proxy else f"http://{proxy}")
        if parts is None or not parts.hostname:
            continue
        if (parts.port or (443 if parts.scheme == "https" else 80)) != port:
            continue
        try:
            if address in await _resolve_host(parts.hostname):
                return True
        except APIConnectionError:
            continue
    return False


def _split_url(url: str) -> urllib.parse.SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if the port is not a number
    except ValueError:
        return None
    return parts


async def _resolve_host(host: str) -> list[_Address]:
    """Return every address of a host."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    if not host:
        return []
    loop = asyncio.get_running_loop()
    try:
        infos = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise APIConnectionError(f"The result's host {host[:80]!r} cannot be found.") from None
    return [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in infos]
