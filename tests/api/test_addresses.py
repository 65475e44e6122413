"""The addresses from which results are downloaded."""

import asyncio
import socket
from ipaddress import ip_address

import httpcore
import httpx
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from liangxin_nb.api.addresses import AddressCheck
from liangxin_nb.api.proxies import find_proxy
from liangxin_nb.errors import APIConnectionError, ResultUnavailableError

from .test_downloads import CONTENT, fetch

pytestmark = pytest.mark.anyio


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
    assert await check().resolve("http", "cdn.example", port) == [ip_address("93.184.215.14")]
    names["cdn.example"] = ["127.0.0.1"]
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await fetch("https://api.example", f"http://cdn.example:{port}/x", tmp_path / "x")
    assert server.seen == []


@pytest.mark.parametrize(
    ("base_url", "url", "is_allowed"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("http://localhost:8000", "http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8000", "http://localhost:8000", True),
        ("http://relay.lan:3000", "http://relay.lan:3000", True),
        ("http://relay.lan:3000", "http://192.168.1.5:3000", True),
        ("http://192.168.1.5", "http://cdn.example", True),
        ("http://192.168.1.5:3000", "http://192.168.1.5:9000", True),
        ("https://api.example", "https://api.example", True),
        # no other names, addresses, or servers of this machine
        ("http://192.168.1.5:3000", "http://relay.lan:3000", False),
        ("http://192.168.1.5:3000", "http://192.168.1.6:3000", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8888", False),
        # the name of a service may lead to another server now, which has no certificate for it
        ("http://relay.lan:3000", "http://192.168.1.5:9000", False),
        ("https://api.example", "https://cdn.example", False),
        ("https://api.example", "https://192.168.1.5", False),
        ("https://api.example:3000", "http://api.example:3000", False),
    ],
)
async def test_private_api_serves_files_from_its_own_address(names, base_url, url, is_allowed):
    names |= {"localhost": ["127.0.0.1"]}
    names |= {key: ["192.168.1.5"] for key in ("relay.lan", "cdn.example", "api.example")}
    url = check(base_url).check_url(url)
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    if is_allowed:
        assert len(await check(base_url).resolve(url.scheme, url.host, port)) == 1
        return
    with pytest.raises(ResultUnavailableError, match="inside a private network"):
        await check(base_url).resolve(url.scheme, url.host, port)


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
    assert await check().resolve("https", "cdn.example", 443) == [ip_address(file)]


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
        await check().resolve("https", host, 443)


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


URL_PARTS = (
    *(
        "http:",
        "https:",
        "ftp:",
        "/",
        "//",
        "@",
        "\\",
        "?",
        "#",
        "%00",
        "[",
        "]",
        "::1",
        ":80",
        ":x",
    ),
    *(
        "127.1",
        "0x7f",
        "xn--",
        "xn--a",
        "ß",
        "。",
        "．",
        "１",
        "\u202e",
        "\ud800",
        "a",
        "-",
        ".",
        "cdn",
    ),
    *(".example", " ", "\r\n", "\x00", "*", "%25lo", "fe80::1", ":99999999999999999999", "\ufeff"),
)


@given(st.lists(st.sampled_from(URL_PARTS), max_size=8).map("".join), st.booleans())
def test_any_text_is_a_url_of_a_web_server_or_rejected_in_one_line(text, is_redirect):
    previous = httpx.URL("https://cdn.example/a?b") if is_redirect else None
    try:
        url = check().check_url(text, previous)
    except ResultUnavailableError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert (url.scheme in ("http", "https"), url.userinfo) == (True, b"")
        assert set(url.raw_host) <= set(b"abcdefghijklmnopqrstuvwxyz0123456789-_.:%")
        assert find_proxy(url) is None or url.host
