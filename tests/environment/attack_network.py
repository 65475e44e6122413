"""A small Internet: a name server that rebinds, a web server at every address, and proxies.

In network and mount namespaces all addresses are routed to this machine. Where these are not
possible, the event loop resolves names and connects in the same way, but to 127.0.0.1 only.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections import Counter
from contextlib import suppress

import trustme

__all__ = ["NAMES", "PUBLIC", "Network"]

V4, V6, NAT64 = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"
PUBLIC = {V4, V6, NAT64}
INTRANET = "10.1.2.3"
#: The answers to the first, second, … question for a name; the last one is repeated.
NAMES = {
    "api.example": [[V4]],
    "public.example": [[V4]],
    "six.example": [[V6]],
    "nat64.example": [[NAT64]],
    "both.example": [[V6, V4]],
    "intranet.example": [[INTRANET]],
    "metadata.example": [["169.254.169.254"]],
    "nat64-intranet.example": [["64:ff9b::10.1.2.3"]],
    "mixed.example": [[INTRANET, "fd00::1", V4]],
    "rebound": [[V4], [INTRANET]],  # the answers for every name in rebound.example
    "rebound-later": [[V4], [V4], [INTRANET]],
    "poisoned": [["31.13.94.37"], ["31.13.94.37"], [V4]],  # only the proxy finds the right address
    "late": [[], [V4]],  # only the proxy, which asks later, finds one
    "late-intranet": [[], [INTRANET]],
}
PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-type: image/png\r\n\r\nfile"


class Network:
    """The servers and what they have seen.

    Attributes:
        fetches: The address at which each request arrived, and its path.
        targets: The host that each connection through a proxy named.
    """

    def __init__(self, has_namespaces, folder):
        self.has_namespaces = has_namespaces
        self.fetches, self.targets = [], []
        self.forbids_addresses = self.forbids_ipv6 = False
        self._questions = Counter()
        self._dialed = {}
        authority = trustme.CA()
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca_file)
        self._contexts = {}
        names = [name if "." in name else f"*.{name}.example" for name in NAMES]
        for owner, hosts in (("public", names), ("intranet", ["nas.intranet"])):
            self._contexts[owner] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(*hosts).configure_cert(self._contexts[owner])

    async def start(self):
        """Start the servers, and set the ports of the proxies."""
        if self.has_namespaces:
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(
                lambda: _NameServer(self.answer), local_addr=("127.0.0.1", 53)
            )
            for port in (80, 443):
                await asyncio.start_server(self._serve_web, ["0.0.0.0", "::"], port)
        else:
            web = await asyncio.start_server(self._serve_web, "127.0.0.1", 0)
            self._simulate(web.sockets[0].getsockname())
        for name, serve in (("http", self._serve_http_proxy), ("socks", self._serve_socks_proxy)):
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            setattr(self, f"{name}_port", server.sockets[0].getsockname()[1])

    def answer(self, name, version):
        """Return the addresses of a name for the next question."""
        self._questions[name, version] += 1
        answers = NAMES.get(name) or NAMES.get(name.rpartition(".example")[0].rpartition(".")[2])
        found = (answers or [[]])[: self._questions[name, version]][-1]
        return [a for a in found if ipaddress.ip_address(a).version == version]

    def _simulate(self, web):
        """Resolve names as the name server does, and connect to the web server in place of all."""
        network, loop_class = self, asyncio.BaseEventLoop
        connect, resolve = loop_class.create_connection, loop_class.getaddrinfo

        async def getaddrinfo(loop, host, port, **more):
            host = host.decode() if isinstance(host, bytes) else host
            if host == "localhost" or host[-1:].isdigit() or ":" in host:
                return await resolve(loop, host, port, **more)
            found = network.answer(host, 6) + network.answer(host, 4)
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(10 if ":" in a else 2, 1, 6, "", (a, port)) for a in found]

        async def create_connection(loop, protocol, host=None, port=None, **more):
            if port not in (80, 443):
                return await connect(loop, protocol, host, port, **more)
            address = (await loop.getaddrinfo(host, port))[0][4][0]
            sock = socket.create_connection(web)
            network._dialed[sock.getsockname()[1]] = (address, port)
            return await connect(loop, protocol, sock=sock)

        loop_class.getaddrinfo, loop_class.create_connection = getaddrinfo, create_connection

    async def _serve_web(self, reader, writer):
        local = writer.get_extra_info("sockname")
        if not self.has_namespaces:
            local = self._dialed[writer.get_extra_info("peername")[1]]
        address = ipaddress.ip_address(local[0])
        address = str(getattr(address, "ipv4_mapped", None) or address)
        with suppress(OSError, asyncio.IncompleteReadError):
            if local[1] == 443:
                owner = "public" if address in PUBLIC else "intranet"
                await writer.start_tls(self._contexts[owner])
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            self.fetches.append((address, path))
            _, is_redirect, target = path.partition("?to=")
            writer.write(
                f"HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n".encode()
                if is_redirect
                else PAGE
            )
            await writer.drain()
        writer.close()

    async def _serve_http_proxy(self, reader, writer):
        """Connect to what CONNECT or the URL of a request names; resolve it again."""
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.split(b" ")[:2]
        authority = target.decode().partition("://")[2].partition("/")[0] or target.decode()
        host, _, port = authority.rpartition(":") if ":" in authority else (authority, "", "80")
        far = await self._open(host.strip("[]"), int(port))
        if far and method != b"CONNECT":
            far[1].write(head)
        else:
            status = "200 Connected" if far else "403 Forbidden"
            writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        await _join(reader, writer, far)

    async def _serve_socks_proxy(self, reader, writer):
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        kind = (await reader.readexactly(4))[3]
        size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        data = await reader.readexactly(size)
        host = data.decode() if kind == 3 else str(ipaddress.ip_address(data))
        port = int.from_bytes(await reader.readexactly(2), "big")
        far = await self._open(host, port)
        writer.write(bytes([5, 0 if far else 2, 0, 1, 0, 0, 0, 0, 0, 0]))
        await _join(reader, writer, far)

    async def _open(self, host, port):
        self.targets.append(host)
        with suppress(OSError):
            is_forbidden = self.forbids_addresses and host[-1].isdigit()
            if not is_forbidden and not (self.forbids_ipv6 and ":" in host):
                return await asyncio.open_connection(host, port)
        return None


class _NameServer(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self.answer = answer

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        """Answer one question for A or AAAA."""
        labels, at = [], 12
        while size := data[at]:
            labels.append(data[at + 1 : at + 1 + size].decode().lower())
            at += 1 + size
        kind = int.from_bytes(data[at + 1 : at + 3], "big")
        found = self.answer(".".join(labels), {1: 4, 28: 6}[kind]) if kind in (1, 28) else []
        records = [ipaddress.ip_address(address).packed for address in found]
        reply = data[:2] + b"\x84\x00\x00\x01" + bytes([0, len(records), 0, 0, 0, 0])
        reply += data[12 : at + 5]
        for record in records:
            reply += b"\xc0\x0c" + data[at + 1 : at + 5] + bytes(4) + bytes([0, len(record)])
            reply += record
        self.transport.sendto(reply, peer)


async def _join(reader, writer, far):
    """Copy bytes in both directions until one side ends."""

    async def copy(source, sink):
        with suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    if far:
        await asyncio.gather(copy(reader, far[1]), copy(far[0], writer))
    writer.close()
