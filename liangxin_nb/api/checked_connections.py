"""Connections of downloads: each is opened to an address that has been checked.

A name is resolved once, and the connection goes to one of these addresses: a server for names
cannot give another one in between (DNS rebinding). A proxy gets the address, too.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter

import httpcore
import httpx

from ..core.hosts import IPAddress
from ..errors import APIConnectionError
from .addresses import NEXT_STEP, AddressCheck
from .connections import RoutedTransport
from .proxies import Proxy, find_proxy
from .route import NotSentError
from .tunnels import TunnelBackend, open_tunnel

__all__ = ["CheckedTransport"]

_MAX_TARGETS = 4  # addresses that a proxy is given, one after the other
_NEXT_ADDRESS_S = 0.25  # RFC 8305, section 8
_BACKEND = httpcore.AnyIOBackend()


class CheckedTransport(RoutedTransport):
    """Sends each request to a checked address, through a proxy if the environment names one.

    Some proxies forbid addresses in place of names, and some networks resolve names wrongly. The
    proxy then gets the name, if the URL is https: a private server at which the proxy may arrive
    has no certificate for that name, so it gets no request. An http URL is never requested so.
    """

    def __init__(self, addresses: AddressCheck) -> None:
        super().__init__()
        self._addresses = addresses
        self._by_name: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; an https one that does not leave a proxy is repeated by name."""
        try:
            return await super().handle_async_request(request)
        except NotSentError as error:
            host, reason = request.url.raw_host.decode("ascii"), error.__cause__
            needs_login = str(reason).startswith("407")  # a wrong password may lock the account
            if needs_login or host in self._by_name or find_proxy(request.url) is None:
                raise
            if request.url.scheme == "http":
                if not isinstance(reason, httpcore.ProxyError):
                    raise
                raise APIConnectionError(
                    f"The result could not be fetched from {host}: the proxy opens no connection "
                    f"for http ({reason}); many do so only for https.",
                    next_step=f"Add {host} to NO_PROXY if there is a direct way. {NEXT_STEP}",
                ) from None
            self._by_name.add(host)
            return await super().handle_async_request(request)

    def _create_backend(
        self, scheme: str, proxy: Proxy | None, certificates: ssl.SSLContext | None
    ) -> httpcore.AsyncNetworkBackend:
        by_name = self._by_name if scheme == "https" else None
        return _CheckedBackend(self._addresses, proxy, certificates, by_name)


class _CheckedBackend(TunnelBackend):
    """Opens connections to checked addresses, through a proxy if there is one."""

    def __init__(
        self,
        addresses: AddressCheck,
        proxy: Proxy | None,
        certificates: ssl.SSLContext | None,
        by_name: set[str] | None,
    ) -> None:
        """Create a backend.

        Args:
            addresses: Checks the addresses.
            proxy: Connects to the addresses, if any.
            certificates: For a proxy with TLS.
            by_name: Hosts of which the proxy gets the name; None for connections without TLS.
        """
        self._addresses = addresses
        super().__init__(proxy, certificates)
        self._by_name = by_name

    async def _connect(self, host: str, port: int) -> httpcore.AsyncNetworkStream:
        scheme = "http" if self._by_name is None else "https"
        try:
            addresses = await self._addresses.resolve(scheme, host, port)
        except OSError as error:
            if self._proxy is None:
                raise httpcore.ConnectError(str(error)) from error
            if self._by_name is None:
                raise APIConnectionError(
                    f"The result's host {host!r} is known only to the proxy, which may find it in "
                    "a private network; without https it is not fetched.",
                    next_step=NEXT_STEP,
                ) from None
            addresses = []
        if self._proxy is None:
            return await _connect_first(addresses, port)
        is_by_name = not addresses or host in (self._by_name or ())
        targets = [host] if is_by_name else [str(address) for address in _in_turn(addresses)]
        return await self._open_first_tunnel(targets[:_MAX_TARGETS], port)

    async def _open_first_tunnel(
        self, targets: list[str], port: int
    ) -> httpcore.AsyncNetworkStream:
        """Return the first connection that the proxy opens; it may have no way to IPv6."""
        assert self._proxy is not None
        *others, last = targets
        for target in others:
            try:
                return await open_tunnel(self._proxy, self._certificates, target, port)
            except httpcore.ProxyError as error:
                if str(error).startswith("407"):  # a wrong password may lock the account
                    raise
        return await open_tunnel(self._proxy, self._certificates, last, port)


async def _connect_first(addresses: list[IPAddress], port: int) -> httpcore.AsyncNetworkStream:
    """Connect to the address that answers first; each gets a moment before the next one."""
    waiting = _in_turn(addresses)
    tasks: list[asyncio.Task[httpcore.AsyncNetworkStream]] = []
    try:
        while waiting or not all(task.done() for task in tasks):
            if waiting:
                tasks.append(asyncio.create_task(_BACKEND.connect_tcp(str(waiting.pop(0)), port)))
            await asyncio.wait(
                [task for task in tasks if not task.done()],
                timeout=_NEXT_ADDRESS_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if connected := [t for t in tasks if t.done() and not t.exception()]:
                tasks.remove(connected[0])
                return connected[0].result()
        return tasks[0].result()  # raises the error of the first address
    finally:
        for task in tasks:
            task.cancel()
        for unused in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(unused, httpcore.AsyncNetworkStream):
                await unused.aclose()


def _in_turn(addresses: list[IPAddress]) -> list[IPAddress]:
    """Return IPv4 and IPv6 addresses in turn, so that either may be missing."""
    count: Counter[int] = Counter()
    ranks = {}
    for address in addresses:
        ranks[address] = count[address.version]
        count[address.version] += 1
    return sorted(addresses, key=ranks.__getitem__)
