"""Downloads: declared encodings, data URLs, and the address of each connection."""

import asyncio
import base64
import gzip
import socket
import tracemalloc
import zlib

import pytest

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


class Stream:
    """A connection to an address."""

    def __init__(self, *peer):
        self.peer, self.is_closed = peer, False

    def get_extra_info(self, name):
        return {"server_addr": self.peer}.get(name)

    async def aclose(self):
        self.is_closed = True


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254"])
async def test_connection_into_a_private_network_is_closed_unused(names, address):
    """The name had a public address when it was checked, and has another one now."""
    names["api.example"], stream = ["93.184.215.14"], Stream(address, 443)
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await AddressCheck("https://api.example").check_connection(stream, "https://cdn.example/x")
    assert stream.is_closed


async def test_no_request_is_sent_to_a_rebound_address(serve, tmp_path, monkeypatch):
    server = serve((200, {}, CONTENT))

    async def accept(*_):
        return None

    monkeypatch.setattr(AddressCheck, "check_url", accept)
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await fetch("https://93.184.215.14", f"{server.url}/x", tmp_path / "x")
    assert server.seen == []


@pytest.mark.parametrize(
    ("api", "file"),
    [("198.18.0.7", "198.18.3.4"), ("198.19.255.1", "198.18.0.1"), ("fc00::7", "fc00::9")],
)
async def test_fake_address_is_allowed_if_the_api_has_one_too(names, api, file):
    names |= {"api.example": [api], "cdn.example": [file]}
    check, stream = AddressCheck("https://api.example"), Stream(file, 443)
    await check.check_url("https://cdn.example/x")
    await check.check_connection(stream, "https://cdn.example/x")
    assert not stream.is_closed


@pytest.mark.parametrize(
    ("api", "file"),
    [("93.184.215.14", "198.18.3.4"), ("198.18.0.7", "10.0.0.1"), ("fc00::7", "fd00::1")],
)
async def test_other_private_address_is_not_allowed(names, api, file):
    names |= {"api.example": [api], "cdn.example": [file]}
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await AddressCheck("https://api.example").check_url("https://cdn.example/x")


async def test_connection_to_the_proxy_is_allowed_and_no_other(names, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:7890")
    names["api.example"] = ["93.184.215.14"]
    check = AddressCheck("https://api.example")
    await check.check_url("https://known-to-the-proxy-only.example/x")
    await check.check_connection(Stream("127.0.0.1", 7890), "https://cdn.example/x")
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await check.check_connection(Stream("127.0.0.1", 8888), "https://cdn.example/x")


@pytest.mark.parametrize("host", ["localhost", "intranet.example"])
async def test_private_name_is_rejected_in_spite_of_a_proxy(names, monkeypatch, host):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:7890")
    names |= {"api.example": ["93.184.215.14"], host: ["127.0.0.1"]}
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await AddressCheck("https://api.example").check_url(f"https://{host}/x")


async def test_unknown_host_is_reported_without_a_proxy(names):
    with pytest.raises(APIConnectionError, match="cannot be found"):
        await AddressCheck("https://api.example").check_url("https://cdn.example/x")
