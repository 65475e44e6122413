"""Which proxy a URL uses, for every way to write the variables."""

import os

import httpx
import pytest

from liangxin_nb.api.proxies import find_bypass, find_proxy
from liangxin_nb.errors import InvalidRequestError

URL = httpx.URL("https://api.example.com/path")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def set_variables(monkeypatch, text):
    """Set variables that are written as `A=1 B=2`."""
    for pair in text.split(" "):
        monkeypatch.setenv(*pair.split("=", 1))


@pytest.mark.parametrize(
    ("variables", "proxy", "variable"),
    [
        ("HTTPS_PROXY=http://proxy:8080", "http://proxy:8080", "HTTPS_PROXY"),
        ("https_proxy=http://proxy:8080/", "http://proxy:8080", "https_proxy"),
        ("HTTPS_PROXY=http://a:1 https_proxy=http://b:2", "http://b:2", "https_proxy"),
        ("ALL_PROXY=socks5://proxy", "socks5://proxy:1080", "ALL_PROXY"),
        ("all_proxy=socks5h://proxy:9050", "socks5h://proxy:9050", "all_proxy"),
        ("ALL_PROXY=socks://proxy:1/", "socks5://proxy:1", "ALL_PROXY"),
        ("HTTPS_PROXY=http://a:1 ALL_PROXY=socks5://b:2", "http://a:1", "HTTPS_PROXY"),
        ("HTTPS_PROXY=proxy", "http://proxy:80", "HTTPS_PROXY"),
        ("HTTPS_PROXY=proxy:3128", "http://proxy:3128", "HTTPS_PROXY"),
        ("HTTPS_PROXY=HTTPS://Proxy", "https://proxy:443", "HTTPS_PROXY"),
        ('HTTPS_PROXY="http://proxy:1"', "http://proxy:1", "HTTPS_PROXY"),
        ("HTTPS_PROXY=http://[::1]:8080", "http://[::1]:8080", "HTTPS_PROXY"),
        ("HTTPS_PROXY=http://user:p%40ss@proxy:1", "http://proxy:1", "HTTPS_PROXY"),
        ("Https_Proxy=http://proxy:1", "http://proxy:1", "Https_Proxy"),
        ("HTTP_PROXY=http://proxy:1", None, None),
        ("HTTPS_PROXY=", None, None),
        ("HTTPS_PROXY=http://a:1 https_proxy=", None, None),
        ("HTTPS_PROXY=http://a:1 NO_PROXY=*", None, None),
    ],
)
def test_variables_name_the_proxy(monkeypatch, variables, proxy, variable):
    set_variables(monkeypatch, variables)
    found = find_proxy(URL)
    assert (found and str(found), found and found.variable) == (proxy, variable)


def test_http_has_its_own_variable_which_cgi_scripts_ignore(monkeypatch):
    url = httpx.URL("http://relay.example.com")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    assert str(find_proxy(url)) == "http://proxy:1"
    monkeypatch.setenv("REQUEST_METHOD", "GET")  # any client can set HTTP_PROXY with a header
    assert find_proxy(url) is None
    monkeypatch.setenv("http_proxy", "http://other:1")
    assert str(find_proxy(url)) == "http://other:1"


@pytest.mark.parametrize("url", ["http://localhost:1", "https://127.0.0.9", "http://[::1]:80"])
def test_this_machine_needs_no_proxy(monkeypatch, url):
    monkeypatch.setenv("ALL_PROXY", "nonsense://")
    assert find_proxy(httpx.URL(url)) is None


def test_login_is_decoded_and_never_shown(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:p%40%C3%A9s@proxy:1")
    proxy = find_proxy(URL)
    assert (proxy.url.username, proxy.url.password) == ("user", "p@és")
    assert repr(proxy) == "Proxy(http://proxy:1)"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("socks4://proxy:1", "socks4:// is not a supported kind of proxy"),
        ("ftp://proxy:1", "ftp:// is not a supported kind of proxy"),
        ("pac+http://proxy/x.pac", "this is not a supported kind of proxy"),
        *((value, "its host or port is not valid") for value in (
            "http://", "http://:8080", "http://proxy:0", "http://proxy:99999", "http://proxy:1x",
            "user:hidden", "http://[::1:8080", "http://pro xy:1", "http://proxy:1/path",
        )),
        *((value, "special characters of its password") for value in (
            "http://user:hidden#word@proxy:1", "http://user:hidden/word@proxy:1",
            "http://user:hidden?@proxy:1", "http://hidden#word@proxy:1", "http://user:hidden@",
        )),
    ],
)  # fmt: skip
def test_unusable_value_is_named_without_a_password(monkeypatch, show_line, value, reason):
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(InvalidRequestError) as caught:
        find_proxy(URL)
    line = str(caught.value)
    assert reason in line
    assert "HTTPS_PROXY" in line
    assert "hidden" not in line
    show_line("networks", f"HTTPS_PROXY={value}", line)


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "https://a.test"),
        ("a.test", "https://a.test"),
        ("A.Test.", "https://a.test"),
        (".a.test", "https://a.test"),
        ("a.test", "https://api.a.test"),
        ("*.a.test", "https://api.a.test"),
        ("x, a.test", "https://a.test"),
        ("x a.test", "https://a.test"),
        (",,a.test,[::1]", "https://a.test"),
        ('"a.test"', "https://a.test"),
        ("a.test:443", "https://a.test"),
        ("a.test:8443", "https://a.test:8443"),
        ("https://a.test", "https://a.test"),
        ("all://a.test/", "https://a.test"),
        ("bücher.test", "https://xn--bcher-kva.test"),
        ("xn--bcher-kva.test", "https://bücher.test"),
        ("10.0.0.0/8", "https://10.2.3.4"),
        ("10.1.2.3/8", "https://10.2.3.4"),
        ("192.168.1.7", "https://192.168.1.7:8443"),
        ("192.168.1.7:8443", "https://192.168.1.7:8443"),
        ("fd00::1", "https://[fd00::1]"),
        ("[fd00::1]", "https://[fd00::1]"),
        ("[fd00::1]:443", "https://[fd00::1]"),
        ("FD00:0:0::1", "https://[fd00::1]"),
        ("fd00::/8", "https://[fd12::1]:8443"),
        ("[fd00::]/8", "https://[fd12::1]"),
        ("test", "https://a.test"),
    ],
)
def test_entry_of_no_proxy_applies(monkeypatch, no_proxy, url):
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert find_bypass(httpx.URL(url))


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("", "https://a.test"),
        (" , ", "https://a.test"),
        ("b.test", "https://a.test"),
        ("a.test", "https://ba.test"),
        ("a.test:8443", "https://a.test"),
        ("http://a.test", "https://a.test"),
        ("0.0.1", "https://10.0.0.1"),
        ("10.0.0.0/8", "https://11.0.0.1"),
        ("10.0.0.0/99", "https://10.0.0.1"),
        ("fd00::/8", "https://10.0.0.1"),
        ("[::1", "https://a.test"),
        ("[::1]x", "https://[::1]"),
        ("://", "https://a.test"),
        (".", "https://a.test"),
    ],
)
def test_entry_of_no_proxy_does_not_apply(monkeypatch, no_proxy, url):
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert not find_bypass(httpx.URL(url))


def test_values_that_are_not_needed_are_not_read(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("ALL_PROXY", "socks4://proxy")
    monkeypatch.setenv("HTTP_PROXY", "nonsense://")
    assert find_proxy(URL) is not None
