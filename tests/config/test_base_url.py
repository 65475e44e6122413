"""The API's address: what users paste is normalised, or rejected without repeating secrets."""

import socket

import pytest

from liangxin_nb.config.base_url import normalize_base_url
from liangxin_nb.config.settings import Settings
from liangxin_nb.errors import InvalidRequestError

KEY = "sk-abcdef0123456789"


def load(base_url, **arguments):
    return Settings.load({}, base_url=base_url, key=KEY, **arguments).base_url


@pytest.mark.parametrize(
    ("pasted", "address"),
    [
        ("https://api.kie.ai", "https://api.kie.ai"),
        ("https://api.kie.ai///", "https://api.kie.ai"),
        ("https://api.kie.ai/api/v1", "https://api.kie.ai"),
        ("https://api.kie.ai/api/v1/jobs/createTask", "https://api.kie.ai"),
        ("https://api.kie.ai/api/v1/jobs/createTask/", "https://api.kie.ai"),
        ("https://api.kie.ai/api/v1/jobs/recordInfo?taskId=ab12", "https://api.kie.ai"),
        ("https://api.kie.ai/api/v1/chat/credit", "https://api.kie.ai"),
        ("https://relay.example/kie/api/v1/jobs", "https://relay.example/kie"),
        ("https://relay.example/api/v1/kie/", "https://relay.example/api/v1/kie"),
        ("api.kie.ai", "https://api.kie.ai"),
        ("api.kie.ai:8443/x", "https://api.kie.ai:8443/x"),
        ("//api.kie.ai", "https://api.kie.ai"),
        (' "https://api.kie.ai" ', "https://api.kie.ai"),
        ("<https://api.kie.ai>,", "https://api.kie.ai"),
        ("“https://api.kie.ai”", "https://api.kie.ai"),
        ("HTTPS://API.KIE.AI:443/", "https://api.kie.ai"),
        ("https://api.kie.ai.", "https://api.kie.ai"),
        ("https：／／api。kie。ai", "https://api.kie.ai"),
        ("https://bücher.example/x", "https://xn--bcher-kva.example/x"),
        ("https://例え.テスト", "https://xn--r8jz45g.xn--zckzah"),
        ("https://[2001:DB8:0::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
        ("http://localhost:80", "http://localhost"),
    ],
)
def test_a_pasted_address_is_normalised(pasted, address):
    assert normalize_base_url(pasted) == address
    assert load(pasted) == address


@pytest.mark.parametrize(
    "pasted",
    [
        "https://", "https:///x", "https://:8000", "ftp://x", "file:///etc/passwd", "x y",
        "https:api.kie.ai", "nonsense", "https//api.kie.ai", "hxxps://h",
        "https://a b", "https://h\n.example", "https://h\x00", "https://h\\x",
        "https://a..b", f"https://{'a' * 64}.b", "https://-a.b", "https://x:99999", "https://x:0",
        "https://x:-1", "https://x:port", "https://[::1", "https://[v1.x]", "https://[::zz]",
        "https://999.1.1.1", "https://127.1", "https://0x7f.1", "https://2130706433",
        "https://xn--.example\N{ZERO WIDTH SPACE}", f"https://h/?key={KEY}", f"https://{KEY}@h",
        f"https://u:{KEY}@h", f"https://h/#{KEY}", f"https://h/{KEY}", f"https://h:{KEY}", KEY,
        f"https://h/api/v1/jobs/recordInfo?taskId=1&key={KEY}", f"Bearer {KEY}",
    ],
)  # fmt: skip
def test_an_unusable_address_is_rejected_in_one_line_without_a_key(pasted):
    with pytest.raises(
        InvalidRequestError, match=r"^base_url=.* (not valid; allowed: h|cannot be)"
    ) as error:
        load(pasted)
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


@pytest.mark.parametrize("pasted", ["kie.ai", "https://docs.kie.ai/market", "https://KIE.ai/logs"])
def test_the_address_of_a_website_is_answered_with_that_of_the_api(pasted):
    with pytest.raises(InvalidRequestError, match=r"website.*KIE's API is https://api\.kie\.ai\."):
        load(pasted)


@pytest.mark.parametrize(
    "address",
    ["http://10.0.0.5:8000", "http://192.168.1.9", "http://[fd00::1]", "http://100.64.0.1"],
)
def test_http_on_a_private_address_needs_a_setting(address):
    with pytest.raises(
        InvalidRequestError, match=r"private addresses yet.*LIANGXIN_ALLOW_HTTP=true"
    ):
        load(address)
    assert load(address, allow_http=True) == address


@pytest.mark.parametrize(
    "address",
    [
        "http://api.kie.ai",
        "http://8.8.8.8",
        "http://[::ffff:8.8.8.8]",
        "http://0.0.0.0",
        "http://224.0.0.1",
    ],
)
def test_http_on_the_internet_is_never_allowed(address, monkeypatch):
    names = {"api.kie.ai": ["192.168.0.1", "8.8.8.8"]}  # one of two addresses is public

    def resolve(host, port, *_):
        return [(0, 0, 0, "", (address, 0)) for address in names.get(host, [host])]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(InvalidRequestError, match="sends the key without encryption"):
        load(address, allow_http=True)


def test_a_name_in_a_private_network_may_use_http_if_it_is_allowed(monkeypatch):
    def resolve(*_):
        return [(0, 0, 0, "", (address, 0)) for address in ("192.168.0.1", "fd00::1%eth0")]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert load("http://relay.lan", allow_http=True) == "http://relay.lan"
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert load("http://relay.lan", allow_http=True), "it was looked up again"
