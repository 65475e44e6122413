"""Networks with obstacles: real proxies, a certificate authority, and servers that misbehave.

All servers run on one event loop in a thread of the test's process. Every name that a proxy is
asked for leads to one port, so that no test needs a name server.
"""

import asyncio
import base64
import contextlib
import os
import socket
import ssl
import struct
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from liangxin_nb.api.certificates import CERTIFICATE_VARIABLES

__all__ = ["Network", "network"]


class Network:
    """Starts servers on free ports of this machine.

    Attributes:
        ca_file: The certificate of the authority that signs for the servers.
        connects: What was requested from the proxies, such as `api.test:443`.
    """

    def __init__(self, folder):
        self._authority = trustme.CA()
        self.ca_file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self.connects = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers = []
        self._streams = set()

    def serve(self, handler, certificate=None):
        """Start a server, and return its port; a certificate makes it speak TLS."""

        async def handle(reader, writer):
            self._streams.add(writer)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await handler(reader, writer)
                await writer.drain()
            writer.close()

        async def start():
            server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=certificate)
            self._servers.append(server)
            return server.sockets[0].getsockname()[1]

        return asyncio.run_coroutine_threadsafe(start(), self._loop).result()

    def certificate(self, *names, days=1, authority=None):
        """Return a context of a server with a certificate for the names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        until = datetime.now(UTC) + timedelta(days=days)
        issuer = authority or self._authority
        issued = issuer.issue_cert(*names, not_before=until - timedelta(days=30), not_after=until)
        issued.configure_cert(context)
        return context

    def tls_server(self, target_port, *names, **options):
        """Start a server that takes TLS off and forwards to another port."""

        async def forward(reader, writer):
            await relay(reader, writer, target_port)

        return self.serve(forward, self.certificate(*names, **options))

    def http_proxy(self, target_port=0, *, login="", answer="", certificate=None):
        """Start an HTTP proxy; every name leads to `target_port`.

        Args:
            target_port: Where its connections lead.
            login: `user:password` that it requires.
            answer: What it sends in place of a connection.
            certificate: A context of a server, for a proxy that speaks TLS itself.
        """
        expected = b"basic " + base64.b64encode(login.encode()).lower()

        async def proxy(reader, writer):
            if (first := await reader.readexactly(1)) < b" ":  # TLS or SOCKS
                writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            head = first + await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n")[0].split(b" ")
            self.connects.append(target.decode())
            if answer:
                writer.write(answer.encode())
            elif login and expected not in head.lower():
                writer.write(
                    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                    b'Proxy-Authenticate: Basic realm="x"\r\n\r\n'
                )
            elif method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await relay(reader, writer, target_port)
            else:  # plain http: the target is a whole URL
                path = b"/" + target.split(b"/", 3)[3]
                await relay(reader, writer, target_port, head.replace(target, path, 1))

        return self.serve(proxy, certificate)

    def socks_proxy(self, target_port=0, *, login="", reply=0):
        """Start a SOCKS5 proxy; every name leads to `target_port`; `reply` is its answer code."""

        async def proxy(reader, writer):
            version, count = await reader.readexactly(2)
            if version != 5:
                return
            methods = await reader.readexactly(count)
            method = 2 if login else 0
            writer.write(bytes((5, method if method in methods else 0xFF)))
            if method not in methods:
                return
            if login:
                _, length = await reader.readexactly(2)
                user = await reader.readexactly(length)
                password = await reader.readexactly((await reader.readexactly(1))[0])
                is_right = user + b":" + password == login.encode()
                writer.write(bytes((1, not is_right)))
                if not is_right:
                    return
            *_, kind = await reader.readexactly(4)
            length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
            host = await reader.readexactly(length)
            (port,) = struct.unpack(">H", await reader.readexactly(2))
            name = host.decode() if kind == 3 else socket.inet_ntop(
                socket.AF_INET if kind == 1 else socket.AF_INET6, host
            )  # fmt: skip
            self.connects.append(f"{name}:{port}")
            writer.write(bytes((5, reply, 0, 1, 0, 0, 0, 0, 0, 0)))
            if not reply:
                await relay(reader, writer, target_port)

        return self.serve(proxy)

    def reset_server(self):
        """Start a server that resets each connection at its first bytes, as some firewalls do."""

        async def reset(reader, writer):
            await reader.read(1)
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

        return self.serve(reset)

    def banner_server(self, banner):
        """Start a server that sends its greeting to everyone, and then waits."""

        async def greet(reader, writer):
            writer.write(banner)
            await reader.read()

        return self.serve(greet)

    def close(self):
        """Stop all servers."""

        async def stop():
            for server in self._servers:
                server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for stream in self._streams:
                stream.transport.abort()
            for _ in range(3):  # each transport closes in the next turns of the loop
                await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def relay(reader, writer, port, head=b""):
    """Forward bytes in both directions until one side ends."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    far_writer.write(head)

    async def copy(source, target):
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            while chunk := await source.read(65536):
                target.write(chunk)
                await target.drain()
        target.close()

    try:
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
    finally:
        far_writer.transport.abort()


@contextmanager
def swallowed_port():
    """Yield a port on which every connection waits for ever, as behind a silent firewall."""
    with contextlib.ExitStack() as sockets:
        server = sockets.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):  # they fill its queue
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextmanager
def closed_port():
    """Yield a port that refuses connections, and that no one else can open."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def network(tmp_path, monkeypatch):
    """A network without a name server; the environment trusts its authority, without proxies."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in CERTIFICATE_VARIABLES:
            monkeypatch.delenv(name)
    real = socket.getaddrinfo

    def resolve(host, *arguments, **options):
        if str(host).endswith(".test"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    network = Network(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(network.ca_file))
    yield network
    network.close()
