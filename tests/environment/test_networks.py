"""What users read when the way to the service is blocked: submit, upload and download."""

import asyncio
import os
import re
from contextlib import ExitStack

import pytest
import stamina
import trustme

from liangxin_nb.api import Client
from liangxin_nb.api.uploads import Uploader
from liangxin_nb.config.settings import Secret
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LiangxinError

from ..task_server import KEY
from .networks import closed_port, swallowed_port

TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"


@pytest.fixture(autouse=True)
def no_retries():
    with stamina.set_testing(True, attempts=1, cap=True):
        yield


class Place:
    """Where a test runs: servers, the environment, and what must be closed at the end."""

    def __init__(self, network, server, monkeypatch, tmp_path, stack):
        self.network, self.server, self.set = network, server, monkeypatch.setenv
        self.folder, self.open = tmp_path, stack.enter_context

    def tls(self, *names, **options):
        """Return the port of the service with TLS."""
        return self.network.tls_server(self.server.server_port, *names or ("localhost",), **options)


@pytest.fixture
def place(network, server, monkeypatch, tmp_path):
    with ExitStack() as stack:
        yield Place(network, server, monkeypatch, tmp_path, stack)


def direct(make_port, host="localhost"):
    return lambda place: f"https://{host}:{make_port(place)}"


def by_proxy(make_port, variable="HTTPS_PROXY", scheme="http", login=""):
    def prepare(place):
        place.set(variable, f"{scheme}://{login}127.0.0.1:{make_port(place)}")
        return "https://api.test"

    return prepare


def unknown_proxy(place):
    place.set("HTTPS_PROXY", "http://proxy.test:8080")
    return "https://api.test"


def broken_certificates(variable, content):
    def prepare(place):
        path = place.folder / "broken.pem"
        if content == "a pipe":
            os.mkfifo(path)
        elif content is not None:
            path.write_text(content)
        place.set(variable, str(path))
        return f"https://localhost:{place.tls()}"

    return prepare


def malformed_proxy(place):
    place.set("ALL_PROXY", "socks4://user:hidden@127.0.0.1:1")
    return "https://api.test"


#: Each cause: how to prepare it, what the line names, and what it advises.
CAUSES = {
    "host not found": (
        lambda _: "https://api.test", "its name was not found", "if only a proxy resolves names",
    ),
    "connection refused": (
        direct(lambda p: p.open(closed_port())), "it refused the connection", "its port",
    ),
    "no route": (direct(lambda _: 443, "224.0.0.1"), "there is no route to it", "VPN"),
    "packets are swallowed": (
        direct(lambda p: p.open(swallowed_port())), "it did not accept a connection in time",
        "set HTTPS_PROXY",
    ),
    "untrusted certificate": (
        direct(lambda p: p.tls(authority=trustme.CA())), "its certificate is not trusted",
        "set SSL_CERT_FILE",
    ),
    "expired certificate": (
        direct(lambda p: p.tls(days=-1)), "its certificate has expired", "date and time",
    ),
    "certificate of the future": (
        direct(lambda p: p.tls(days=400)), "its certificate is not valid yet", "date and time",
    ),
    "certificate of another host": (
        direct(lambda p: p.tls("other.test")), "its certificate is for another host name",
        "Check the address",
    ),
    "certificate of another address": (
        direct(lambda p: p.tls("localhost"), "127.0.0.1"), "is for another address",
        "Check the address",
    ),
    "https to an http port": (
        direct(lambda p: p.server.server_port), "it does not speak TLS at this port", "its port",
    ),
    "https to another protocol": (
        direct(lambda p: p.network.banner_server(b"SSH-2.0-OpenSSH_9.6\r\n")),
        "it does not speak TLS at this port", "its port",
    ),
    "reset by a firewall": (
        direct(lambda p: p.network.reset_server()), "closed the connection during the TLS",
        "firewall or filter",
    ),
    "no answer to the TLS handshake": (
        direct(lambda p: p.network.banner_server(b"")), "did not answer in time during the TLS",
        "MTU",
    ),
    "no common TLS version": (
        direct(lambda p: p.network.banner_server(b"\x15\x03\x03\x00\x02\x02\x46")),
        "its TLS handshake failed: tlsv1 alert protocol version", "Check the address",
    ),
    "proxy not found": (unknown_proxy, "the name of the proxy http://proxy.test:8080 of HTTPS",
        "unset HTTPS_PROXY"),
    "proxy refuses": (
        by_proxy(lambda p: p.open(closed_port())), "of HTTPS_PROXY refused the connection",
        "unset HTTPS_PROXY",
    ),
    "proxy does not answer": (
        by_proxy(lambda p: p.network.banner_server(b"")),
        "of HTTPS_PROXY did not connect to api.test in time", "proxy is running",
    ),
    "proxy hangs up": (
        by_proxy(lambda p: p.network.http_proxy(answer="HTTP/1.1")),
        "of HTTPS_PROXY closed the connection", "proxy is running",
    ),
    "proxy is no proxy": (
        by_proxy(lambda p: p.network.banner_server(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")),
        "of HTTPS_PROXY does not speak HTTP", "proxy is running",
    ),
    "proxy requires a login": (
        by_proxy(lambda p: p.network.http_proxy(login="me:hidden")), "requires a login",
        "as http://USER:PASSWORD@HOST:PORT",
    ),
    "proxy does not accept the login": (
        by_proxy(lambda p: p.network.http_proxy(login="me:right"), login="me:hidden@"),
        "did not accept the login", "Write the login into HTTPS_PROXY",
    ),
    "proxy forbids the connection": (
        by_proxy(lambda p: p.network.http_proxy(answer="HTTP/1.1 403 Forbidden\r\n\r\n")),
        "does not allow connections to api.test", "Ask its operator",
    ),
    "proxy cannot connect": (
        by_proxy(lambda p: p.network.http_proxy(answer="HTTP/1.1 502 Bad Gateway\r\n\r\n")),
        "cannot connect to api.test: 502 Bad Gateway", "Check the address",
    ),
    "proxy answers with its own page": (
        by_proxy(lambda p: p.network.http_proxy(answer="HTTP/1.1 511 Login\r\n\r\n<html>Log in")),
        "cannot connect to api.test: 511 Login", "Check the address",
    ),
    "proxy without TLS": (
        by_proxy(lambda p: p.network.http_proxy(), scheme="https"),
        "of HTTPS_PROXY does not speak TLS", "Write http:// in place of https:// in HTTPS_PROXY",
    ),
    "network login page in place of the service": (
        by_proxy(lambda p: p.network.http_proxy(p.tls("login.test"))),
        "its certificate is for another host name", "login page",
    ),
    "certificate of a company": (
        by_proxy(lambda p: p.network.http_proxy(p.tls("api.test", authority=trustme.CA()))),
        "its certificate is not trusted", "SSL_CERT_FILE",
    ),
    "SOCKS proxy refuses": (
        by_proxy(lambda p: p.open(closed_port()), "ALL_PROXY", "socks5"),
        "of ALL_PROXY refused the connection", "unset ALL_PROXY",
    ),
    "SOCKS proxy requires a login": (
        by_proxy(lambda p: p.network.socks_proxy(login="me:hidden"), "ALL_PROXY", "socks5"),
        "requires a login", "as socks5://USER:PASSWORD@HOST:PORT",
    ),
    "SOCKS proxy does not accept the login": (
        by_proxy(
            lambda p: p.network.socks_proxy(login="me:x"), "ALL_PROXY", "socks5h", "me:hidden@"
        ), "did not accept the login", "Write the login into ALL_PROXY",
    ),
    "SOCKS proxy forbids the connection": (
        by_proxy(lambda p: p.network.socks_proxy(reply=2), "ALL_PROXY", "socks5"),
        "does not allow connections to api.test", "Ask its operator",
    ),
    "SOCKS proxy cannot connect": (
        by_proxy(lambda p: p.network.socks_proxy(reply=4), "ALL_PROXY", "socks5"),
        "cannot connect to api.test: Host unreachable", "Check the address",
    ),
    "HTTP proxy in ALL_PROXY=socks5://": (
        by_proxy(lambda p: p.network.http_proxy(), "ALL_PROXY", "socks5"),
        "of ALL_PROXY", "ALL_PROXY",
    ),
    "SOCKS proxy in HTTPS_PROXY=http://": (
        by_proxy(lambda p: p.network.socks_proxy()), "of HTTPS_PROXY closed the connection",
        "HTTPS_PROXY",
    ),
    "unsupported proxy": (malformed_proxy, "socks4:// is not a supported kind", "Correct or unset"),
    "SSL_CERT_FILE does not exist": (
        broken_certificates("SSL_CERT_FILE", None), "SSL_CERT_FILE=", "Correct or unset",
    ),
    "SSL_CERT_FILE is empty": (
        broken_certificates("SSL_CERT_FILE", ""), "contains no certificates in PEM format",
        "Correct or unset",
    ),
    "REQUESTS_CA_BUNDLE is no PEM": (
        broken_certificates("REQUESTS_CA_BUNDLE", "x" * 99), "contains no certificates",
        "REQUESTS_CA_BUNDLE",
    ),
    "CURL_CA_BUNDLE is damaged": (
        broken_certificates(
            "CURL_CA_BUNDLE", "-----BEGIN CERTIFICATE-----\nMIIx\n-----END CERTIFICATE-----\n"
        ), "contains no certificates", "CURL_CA_BUNDLE",
    ),
    "SSL_CERT_FILE is a pipe": (
        broken_certificates("SSL_CERT_FILE", "a pipe"), "is neither a file nor a folder",
        "Correct or unset",
    ),
    "SSL_CERT_DIR is a file": (
        broken_certificates("SSL_CERT_DIR", "x"), "SSL_CERT_DIR=", "Correct or unset",
    ),
}  # fmt: skip


def timeout_of(cause):
    """Return a short time limit where the cause is that nothing comes."""
    return 1.0 if re.search("no answer|not answer|swallowed", cause) else 20.0


def check(line, words, advice, cause, show_line, action):
    assert words in line
    assert advice in line
    assert "hidden" not in line
    assert len(line) < 400
    show_line("networks", f"{action}: {cause}", line)


@pytest.mark.parametrize("cause", CAUSES)
def test_each_request_names_the_cause_and_is_not_sent(place, show_line, tmp_path, cause):
    prepare, words, advice = CAUSES[cause]
    url, key, timeout = prepare(place), Secret(KEY), timeout_of(cause)
    image = Request("m", "a lake", {"image": "data:image/png;base64,AAAA"})
    client, uploader = Client(url, key, timeout=timeout), Uploader(url, key, timeout)
    actions = {
        "submit": lambda: client.create(Request("m", "a lake", {})),
        "upload": lambda: uploader.upload_references(image),
        "download": lambda: client.download(f"{url}/files/task_1/1.png", tmp_path / "x"),
    }

    async def collect():
        errors = {}
        for name, action in actions.items():
            with pytest.raises(LiangxinError) as caught:
                await action()
            errors[name] = caught.value
        await client.close()
        await uploader.close()
        return errors

    for action, error in asyncio.run(collect()).items():
        line = str(error)
        assert words in line
        assert advice in line
        assert "hidden" not in line
        assert action == "download" or "othing was" in line
        show_line("networks", f"{action}: {cause}", line)
    assert place.server.asked == []


@pytest.mark.parametrize(
    "cause",
    [
        "untrusted certificate", "proxy requires a login", "SOCKS proxy refuses",
        "unsupported proxy", "SSL_CERT_FILE is empty", "packets are swallowed",
    ],
)  # fmt: skip
def test_job_that_cannot_be_sent_is_rejected(place, connect, cause):
    prepare, words, _ = CAUSES[cause]
    session = connect(base_url=prepare(place), timeout=timeout_of(cause))
    with pytest.raises(LiangxinError, match=re.escape(words)):
        session.generate("a lake").wait(60)
    assert [row["status"] for row in session.history()] == ["rejected"]
    assert place.server.asked == []


def test_wrong_login_is_sent_once(network, monkeypatch):
    proxy = network.http_proxy(login="me:right")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:wrong@127.0.0.1:{proxy}")

    async def create():
        async with Client("https://api.test", Secret(KEY)) as client:
            await client.create(Request("m", "a lake", {}))

    with (
        stamina.set_testing(True, attempts=100, cap=True),
        pytest.raises(LiangxinError, match="did not accept the login"),
    ):
        asyncio.run(create())
    assert network.connects == ["api.test:443"]
