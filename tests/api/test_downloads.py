"""Downloads: declared encodings, data URLs, and the address of each connection."""

import asyncio
import base64
import gzip
import socket
import tracemalloc
import zlib
from ipaddress import ip_address

import httpcore
import httpx
import pytest
import stamina

from liangxin_nb.api.addresses import AddressCheck
from liangxin_nb.api.downloads import Downloader
from liangxin_nb.api.encodings import decode_content, decode_data_url
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.errors import APIConnectionError, ResultUnavailableError
from liangxin_nb.results import ResultStore

from ..results.test_results import job_record, make_metadata

pytestmark = pytest.mark.anyio
CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
RAW_DEFLATE = zlib.compressobj(wbits=-15)


async def fetch(base_url, url, path):
    downloader = Downloader(base_url, 5)
    try:
        return await downloader.fetch(url, path)
    finally:
        await downloader.close()


# ---- declared encodings


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(CONTENT)),
        ("x-gzip", gzip.compress(CONTENT)),
        ("GZIP", gzip.compress(CONTENT[:99]) + gzip.compress(CONTENT[99:])),
        ("deflate", zlib.compress(CONTENT)),
        ("deflate", RAW_DEFLATE.compress(CONTENT) + RAW_DEFLATE.flush()),
        ("gzip, gzip", gzip.compress(gzip.compress(CONTENT))),
        ("identity, gzip", gzip.compress(CONTENT)),
        ("gzip", CONTENT),  # declared, but not applied
        ("br", CONTENT),
        ("identity", CONTENT),
        ("?", CONTENT),
    ],
    ids=range(11),  # not the bytes: gzip writes the time into them, each worker another one
)
async def test_declared_encoding_is_decoded(serve, tmp_path, encoding, body):
    server = serve((200, {"content-encoding": encoding}, body))
    await fetch(server.url, server.url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("br", "1.br"), ("gzip, br", "1.br"), ("zstd", "1.zst"), ("?", "1.bin")],
)
async def test_file_of_an_encoding_that_was_not_accepted_is_saved_with_a_note(
    serve, tmp_path, encoding, name
):
    body = b"\x8b\x03\x80" + bytes(range(128, 250)) * 3
    server = serve((200, {"content-encoding": encoding, "content-type": "image/png"}, body))
    staged = ResultStore(tmp_path).stage(job_record())
    content_type = await fetch(server.url, f"{server.url}/1.png", staged.part_path(1))
    assert server.seen[0][2]["Accept-Encoding"] == "identity"
    outputs = [TaskOutput("https://x/1.png", "image")]
    staged.check(1, outputs[0], content_type)
    result = staged.commit(make_metadata(), outputs)
    assert (result.path.name, result.path.read_bytes()) == (name, body)
    note = result.metadata.files[0].get("note", "")
    assert note.startswith("the server sent it compressed") == (name != "1.bin")


@pytest.mark.parametrize("layers", [1, 2])
def test_compressed_bomb_is_rejected_with_little_memory(tmp_path, layers):
    path, data = tmp_path / "x", bytes(64 << 20)
    for _ in range(layers):
        data = gzip.compress(data, 9)
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ResultUnavailableError, match="larger than 8 MiB"):
            decode_content(path, ", ".join(["gzip"] * layers), 8 << 20)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_truncated_encoding_leaves_the_file(tmp_path):
    path, data = tmp_path / "x", gzip.compress(CONTENT)[:-9]
    path.write_bytes(data)
    decode_content(path, "gzip", 1 << 20)
    assert path.read_bytes() == data


# ---- data URLs


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{base64.b64encode(CONTENT).decode()}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(CONTENT).decode().rstrip('=')}",
        f"DATA:image/png;charset=x;BASE64,{base64.encodebytes(CONTENT).decode()}",
        f" data:image/png;base64,{base64.b64encode(CONTENT).decode().replace('+', '%2B')}\n",
    ],
    ids=["plain", "url-safe", "lines", "escaped"],
)
async def test_data_url_is_decoded(tmp_path, url):
    content_type = await fetch("https://93.184.215.14", url, tmp_path / "x")
    assert (content_type, (tmp_path / "x").read_bytes()) == ("image/png", CONTENT)


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:;base64,ä", "data:;base64,A"])
def test_broken_data_url_is_reported(url):
    with pytest.raises(ResultUnavailableError, match="cannot be decoded"):
        decode_data_url(url)


async def test_url_with_white_space_is_fetched(serve, tmp_path):
    server = serve((200, {"content-type": "audio/aac"}, CONTENT))
    assert await fetch(server.url, f" {server.url}/x\n", tmp_path / "x") == "audio/aac"


@pytest.mark.parametrize(
    ("status", "may_come"), [(404, True), (403, True), (425, True), (202, True), (410, False)]
)
async def test_error_says_whether_the_file_may_come_later(serve, tmp_path, status, may_come):
    server = serve((status, {}, b""))
    with pytest.raises(ResultUnavailableError, match=f"HTTP {status}") as raised:
        await fetch(server.url, server.url, tmp_path / "x")
    assert (raised.value.retryable, len(server.seen)) == (may_come, 1)


# ---- addresses


@pytest.fixture
def names(monkeypatch):
    """Host names and their addresses; an empty list means that a name cannot be resolved."""
    table = {}

    async def getaddrinfo(_, host, *args, **more):
        if not table.get(host):
            raise socket.gaierror
        return [(0, 0, 0, "", (address, 0)) for address in table[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return table


def check(base_url="https://api.example"):
    return AddressCheck(base_url)


async def test_no_request_is_sent_to_a_rebound_address(serve, tmp_path, names):
    """The name has a public address at the first question, and this machine's later."""
    server = serve((200, {}, CONTENT))
    port = server.server_port
    names |= {"cdn.example": ["93.184.215.14"], "api.example": ["93.184.215.14"]}
    assert await check().resolve("cdn.example", port) == [ip_address("93.184.215.14")]
    names["cdn.example"] = ["127.0.0.1"]
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await fetch("https://api.example", f"http://cdn.example:{port}/x", tmp_path / "x")
    assert server.seen == []


@pytest.mark.parametrize(
    ("base_url", "host", "port", "is_allowed"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1", 8000, True),
        ("http://localhost:8000", "127.0.0.1", 8000, True),
        ("http://127.0.0.1:8000", "localhost", 8000, True),
        ("http://192.168.1.5:3000", "relay.lan", 3000, False),  # the name is not the API's
        ("http://relay.lan:3000", "relay.lan", 3000, True),
        ("http://relay.lan:3000", "192.168.1.5", 3000, True),
        ("http://192.168.1.5", "cdn.example", 80, True),
        ("http://192.168.1.5:3000", "192.168.1.5", 9000, True),
        ("http://relay.lan:3000", "192.168.1.5", 9000, False),  # the name may change its address
        ("http://127.0.0.1:8000", "127.0.0.1", 8888, False),  # not other servers of this machine
        ("http://192.168.1.5:3000", "192.168.1.6", 3000, False),
    ],
)
async def test_private_api_serves_files_from_its_own_address(
    names, base_url, host, port, is_allowed
):
    names |= {"localhost": ["127.0.0.1"], "relay.lan": ["192.168.1.5"]}
    names["cdn.example"] = ["192.168.1.5"]
    if is_allowed:
        assert len(await check(base_url).resolve(host, port)) == 1
        return
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await check(base_url).resolve(host, port)


@pytest.mark.parametrize(
    ("api", "file"),
    [
        *(("198.18.0.7", "198.18.3.4"), ("198.19.255.1", "198.18.0.1"), ("fc00::7", "fc00::9")),
        *(("fdfe:dcba:9876::7", "fdfe:dcba:9876::9"), ("28.0.0.7", "28.0.0.9")),
        ("240.240.0.7", "240.240.3.4"),
        ("64:ff9b:1::8.8.8.8", "64:ff9b:1::93.184.215.14"),
    ],
)
async def test_fake_address_is_allowed_if_the_api_has_one_too(names, api, file):
    names |= {"api.example": [api], "cdn.example": [file]}
    assert await check().resolve("cdn.example", 443) == [ip_address(file)]


@pytest.mark.parametrize(
    ("api", "host", "file"),
    [
        ("93.184.215.14", "cdn.example", "198.18.3.4"),
        ("198.18.0.7", "cdn.example", "10.0.0.1"),
        ("fc00::7", "cdn.example", "fd00::1"),
        ("64:ff9b:1::8.8.8.8", "cdn.example", "64:ff9b:1::10.0.0.1"),
        ("64:ff9b:1::8.8.8.8", "cdn.example", "64:ff9b:1:7::93.184.215.14"),
        # a proxy program gives fake addresses to names of the own network, too
        ("198.18.0.7", "nas.local", "198.18.3.4"),
        ("198.18.0.7", "198.18.0.1", "198.18.0.1"),
        ("", "cdn.example", "198.18.3.4"),
    ],
)
async def test_other_private_address_is_not_allowed(names, api, host, file):
    names |= {"api.example": [api] if api else [], host: [file]}
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await check().resolve(host, 443)


async def test_unknown_host_is_reported(names, tmp_path, retry_at_once):
    with stamina.set_testing(True, attempts=1), pytest.raises(APIConnectionError):
        await fetch("https://api.example", "https://cdn.example/x", tmp_path / "x")


@pytest.mark.parametrize("first", ["refuses", "never answers"])
async def test_next_address_is_used_and_the_other_connection_is_closed(
    names, tmp_path, serve, monkeypatch, first
):
    server, attempts = serve((200, {}, CONTENT)), []
    connect = httpcore.AnyIOBackend.connect_tcp

    async def connect_tcp(self, host, port, *args, **more):
        attempts.append(host)
        if host == "::1" and first == "never answers":
            try:
                await asyncio.Event().wait()
            finally:
                attempts.append("cancelled")
        return await connect(self, host, port, *args, **more)

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    names["localhost"] = ["::1", "::1", "127.0.0.1"]  # nothing listens at ::1
    url = f"http://localhost:{server.server_port}"
    await fetch(url, url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert attempts == ["::1", "127.0.0.1", *["cancelled"] * (first == "never answers")]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://cdn.example/x", "'ftp://cdn.example/x' is not http or https"),
        ("file:///etc/passwd", "is not http or https"),
        ("http:///x", "is not http or https"),
        ("https://user:pw@cdn.example/x", "'https://…@cdn.example/x' contains a login"),
        ("https://cdn.example:22/x", "has port 22, which is not one of web servers"),
        ("https://cdn.example:0/x", "has port 0"),
        ("https://cdn.example:99999/x", "has port 99999"),
        ("https://cdn.example/" + "x" * 16_000, "is longer than 16,000 characters"),
        ("https://cdn example/x", "is not a valid URL"),
        ("https://cdn.example\\.evil.example/x", "is not a valid URL"),
        ("https://xn--/x", "is not a valid URL"),
        ("https://[::1/x", "is not a valid URL"),
        (f"https://{'a' * 64}.example/x", "is not a valid URL"),
        ("https://a..example/x", "is not a valid URL"),
        ("https://cdn.example/a\r\nb", "is not a valid URL"),
        ("https://1.2.3.4.5/x", "is not a valid URL"),
    ],
)
@pytest.mark.parametrize("is_redirect", [False, True])
async def test_address_that_is_not_one_of_a_file_is_rejected(url, words, is_redirect, show_line):
    previous = httpx.URL("https://cdn.example/") if is_redirect else None
    with pytest.raises(ResultUnavailableError) as raised:
        check().check_url(url, previous)
    if words.startswith("is not http") and is_redirect and url == "http:///x":
        return  # a relative target
    assert words in str(raised.value)
    if not is_redirect:
        show_line("networks", f"result at {url[:40]!r}", str(raised.value))


async def test_redirect_to_http_is_rejected_after_https_only():
    url = check().check_url("https://cdn.example/x")
    with pytest.raises(ResultUnavailableError, match="from https to http, without encryption"):
        check().check_url("http://cdn.example/x", url)
    assert check().check_url("//CDN2.example/y", url) == "https://cdn2.example/y"
    assert check().check_url("../y?a=%0d%0a", url) == "https://cdn.example/y?a=%0d%0a"
