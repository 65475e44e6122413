"""Connections through a proxy to a given address.

The proxies of httpcore name the same host to the proxy and in the TLS handshake. Here the proxy
can get an address, while the certificate is still that of the name.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Any

import httpcore
from socksio import SOCKSError, socks5

from .proxies import Proxy, join_host

__all__ = ["TunnelBackend", "open_tunnel"]


class TunnelBackend(httpcore.AsyncNetworkBackend):
    """Opens connections through a proxy; httpcore's own way does not close all that fail."""

    def __init__(self, proxy: Proxy | None, certificates: ssl.SSLContext | None) -> None:
        """Create a backend.

        Args:
            proxy: The proxy; None only for a subclass that connects without one.
            certificates: For a proxy with TLS.
        """
        self._proxy = proxy
        self._certificates = certificates

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore names it so
        *_: Any,
        **__: Any,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connect(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        """Open no connection: a service is never a socket of this machine."""
        raise httpcore.ConnectError("not a network address")

    async def _connect(self, host: str, port: int) -> httpcore.AsyncNetworkStream:
        assert self._proxy is not None
        return await open_tunnel(self._proxy, self._certificates, host, port)


async def open_tunnel(
    proxy: Proxy, certificates: ssl.SSLContext | None, host: str, port: int
) -> httpcore.AsyncNetworkStream:
    """Return a connection to a host through a proxy, also for http URLs.

    A proxy that forwards an http request names the host of its URL to the server; a server of
    several sites does not recognise an address there.

    Args:
        proxy: The proxy.
        certificates: For a proxy with TLS.
        host: A name or an address.
        port: The port.

    Raises:
        httpcore.ProxyError: If the proxy does not connect, with the words that httpcore uses.
    """
    if proxy.url.scheme.startswith("socks"):
        return await _open_socks_tunnel(proxy, host, port)
    url = proxy.url
    authority = join_host(host, port)
    headers: dict[bytes | str, bytes | str] = {"Host": authority, "Accept": "*/*"}
    if url.userinfo:
        login = base64.b64encode(f"{url.username}:{url.password}".encode())
        headers["Proxy-Authorization"] = f"Basic {login.decode()}"
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=proxy.port, target=authority
    )
    connection = httpcore.AsyncHTTPConnection(target.origin, certificates)
    try:
        response = await connection.handle_async_request(
            httpcore.Request("CONNECT", target, headers=headers)
        )
        if not 200 <= response.status < 300:
            reason: bytes = response.extensions.get("reason_phrase", b"")
            raise httpcore.ProxyError(f"{response.status} {reason.decode('ascii', 'ignore')}")
    except BaseException:
        await connection.aclose()
        raise
    stream: httpcore.AsyncNetworkStream = response.extensions["network_stream"]
    return stream


async def _open_socks_tunnel(proxy: Proxy, host: str, port: int) -> httpcore.AsyncNetworkStream:
    """Return a connection to a host through a SOCKS5 proxy, which resolves only names."""
    url, protocol = proxy.url, socks5.SOCKS5Connection()
    method = socks5.SOCKS5AuthMethod(b"\x02" if url.userinfo else b"\x00")
    stream = await httpcore.AnyIOBackend().connect_tcp(url.host, proxy.port)

    async def exchange(request: Any) -> Any:
        protocol.send(request)
        await stream.write(protocol.data_to_send())
        return protocol.receive_data(await stream.read(4096))

    try:
        if (await exchange(socks5.SOCKS5AuthMethodsRequest([method]))).method != method:
            raise httpcore.ProxyError("The proxy server does not accept this login.")
        if url.userinfo:
            login = url.username.encode(), url.password.encode()
            if not (await exchange(socks5.SOCKS5UsernamePasswordRequest(*login))).success:
                raise httpcore.ProxyError("Invalid username/password")
        command = socks5.SOCKS5Command.CONNECT
        request = socks5.SOCKS5CommandRequest.from_address(command, (host, port))
        code = (await exchange(request)).reply_code
        if code != socks5.SOCKS5ReplyCode.SUCCEEDED:
            reason = code.name.replace("_", " ").capitalize()
            raise httpcore.ProxyError(f"Proxy Server could not connect: {reason}.")
    except SOCKSError:
        await stream.aclose()
        raise httpcore.ProxyError("Malformed reply") from None
    except BaseException:
        await stream.aclose()
        raise
    return stream
