"""Ways to the service that work: proxies, certificates of companies, relays; and doctor's words."""

import asyncio
import os
import socket
import subprocess
import threading

import pytest
import stamina

from liangxin_nb.api import Client
from liangxin_nb.config.settings import Secret, Settings
from liangxin_nb.core.request import Request
from liangxin_nb.diagnostics import report
from liangxin_nb.errors import APIConnectionError, APIError

from ..conftest import wait_until
from ..task_server import KEY, TaskServer
from .networks import closed_port, relay
from .test_networks import CAUSES, place, timeout_of  # noqa: F401

REQUEST = Request("m", "a lake", {})


@pytest.fixture(autouse=True)
def no_retries():
    with stamina.set_testing(True, attempts=1, cap=True):
        yield


def run_job(connect, monkeypatch, url, **settings):
    """Create a task, follow it, and save its picture; the links are at the same address."""
    monkeypatch.setattr(TaskServer, "url", url)
    session = connect(base_url=url, **settings)
    return session.generate("a lake").wait(60)


PROXIES = {
    "HTTPS_PROXY=http://": lambda n, port: ("HTTPS_PROXY", "http://{}", n.http_proxy(port)),
    "https_proxy without a scheme": lambda n, port: ("https_proxy", "{}", n.http_proxy(port)),
    "HTTPS_PROXY=https://": lambda n, port: (
        "HTTPS_PROXY", "https://{}",
        n.http_proxy(port, certificate=n.certificate("127.0.0.1")),
    ),
    "HTTPS_PROXY with a login": lambda n, port: (
        "HTTPS_PROXY", "http://me:p%40ss%3A%23@{}", n.http_proxy(port, login="me:p@ss:#"),
    ),
    "ALL_PROXY=socks5://": lambda n, port: ("ALL_PROXY", "socks5://{}", n.socks_proxy(port)),
    "all_proxy=socks5h:// with a login": lambda n, port: (
        "all_proxy", "socks5h://me:p%40ss@{}/", n.socks_proxy(port, login="me:p@ss"),
    ),
    "ALL_PROXY=socks://": lambda n, port: ("ALL_PROXY", "socks://{}/", n.socks_proxy(port)),
}  # fmt: skip


@pytest.mark.parametrize("given", PROXIES)
def test_names_that_only_a_proxy_knows_are_reached(network, server, connect, monkeypatch, given):
    port = network.tls_server(server.server_port, "api.test")
    variable, address, proxy_port = PROXIES[given](network, port)
    monkeypatch.setenv(variable, address.format(f"127.0.0.1:{proxy_port}"))
    assert run_job(connect, monkeypatch, "https://api.test").paths
    assert set(network.connects) == {"api.test:443"}


def test_plain_http_to_a_private_address_uses_http_proxy(network, server, connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{network.http_proxy(server.server_port)}")
    assert run_job(connect, monkeypatch, "http://10.9.8.7:8080", allow_http=True).paths
    assert "http://10.9.8.7:8080/api/v1/jobs/createTask" in network.connects


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_of_a_company_are_trusted(network, server, connect, monkeypatch, variable):
    url = f"https://localhost:{network.tls_server(server.server_port, 'localhost')}"
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv(variable, str(network.ca_file))
    assert run_job(connect, monkeypatch, url).paths


def test_folder_of_certificates_is_trusted(network, server, connect, monkeypatch, tmp_path):
    url = f"https://localhost:{network.tls_server(server.server_port, 'localhost')}"
    monkeypatch.delenv("SSL_CERT_FILE")
    command = ["openssl", "x509", "-hash", "-noout", "-in", str(network.ca_file)]
    name = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(network.ca_file.read_bytes())
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join(["/missing", str(folder), str(tmp_path)]))
    assert run_job(connect, monkeypatch, url).paths


def test_environment_is_read_for_each_request(network, server, connect, monkeypatch):
    with closed_port() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        session = connect(base_url="https://api.test")
        with pytest.raises(APIConnectionError, match="of HTTPS_PROXY refused"):
            session.generate("a lake").wait(60)
    server_port = network.tls_server(server.server_port, "api.test")
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{network.http_proxy(server_port)}")
    monkeypatch.setattr(TaskServer, "url", "https://api.test")
    assert session.generate("a lake").wait(60).paths


def test_relay_with_a_path_is_reached(network, server, connect, monkeypatch):
    async def strip(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" /relay/v2/" in head
        while True:
            await relay(reader, writer, server.server_port, head.replace(b"/relay/v2", b"", 1))
            return

    port = network.serve(strip, network.certificate("localhost"))
    url = f"https://localhost:{port}/relay/v2"

    async def use():
        async with Client(url, Secret(KEY)) as client:
            created = await client.create(REQUEST)
            return await client.get_task(created.task_id)

    assert asyncio.run(use()).state == "waiting"
    assert [kind for kind, _ in server.asked] == ["createTask", "recordInfo"]


def test_redirect_of_a_login_page_is_named(network, show_line):
    page = b"HTTP/1.1 302 Found\r\nLocation: http://login.test/?u=1\r\nContent-Length: 0\r\n\r\n"

    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(page)

    url = f"http://localhost:{network.serve(redirect)}"

    async def get():
        async with Client(url, Secret(KEY)) as client:
            await client.get_task("task_1")

    with pytest.raises(APIError, match=r"login\.test") as caught:
        asyncio.run(get())
    show_line("networks", "poll: login page of a network", str(caught.value))


def test_http_to_an_https_port_is_named(network, show_line):
    url = f"http://localhost:{network.banner_server(bytes((21, 3, 3, 0, 2, 2, 40)))}"

    async def get():
        async with Client(url, Secret(KEY)) as client:
            await client.get_task("task_1")

    with pytest.raises(APIConnectionError, match="perhaps the server speaks https") as caught:
        asyncio.run(get())
    show_line("networks", "poll: http to an https port", str(caught.value))


# --- doctor -------------------------------------------------------------------------------------


def doctor(url, **settings):
    settings = Settings.load({}, base_url=url, key=KEY, allow_http=True, **settings)
    text = report(settings, frontend="live", env={})
    assert KEY not in text
    return text


def find_problem(text):
    problems = [line for line in text.splitlines() if line.startswith("problem")]
    assert len(problems) == 1, text
    return problems[0].removeprefix("problem    ")


@pytest.mark.parametrize("cause", CAUSES)
def test_doctor_names_the_cause(place, monkeypatch, show_line, cause):  # noqa: F811
    monkeypatch.setattr("liangxin_nb.api.service_check._TIMEOUT_S", timeout_of(cause))
    prepare, words, advice = CAUSES[cause]
    line = find_problem(doctor(prepare(place)))
    assert words in line
    assert advice in line
    assert "hidden" not in line
    show_line("networks", f"doctor: {cause}", line)
    assert place.server.asked == []


@pytest.mark.parametrize(("profile", "kind"), [("kie", "credit"), ("liangxin", "recordInfo")])
def test_doctor_shows_each_step_and_creates_nothing(network, server, monkeypatch, profile, kind):
    port = network.tls_server(server.server_port, "api.test")
    proxy = network.http_proxy(port, login="me:hidden")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hidden@127.0.0.1:{proxy}")
    text = doctor("https://api.test", profile=profile)
    assert f"proxy      http://127.0.0.1:{proxy} (HTTPS_PROXY)\n" in text
    assert f"trust      the system's, SSL_CERT_FILE {network.ca_file}\n" in text
    assert f"way        connected through the proxy at 127.0.0.1, port {proxy} (" in text
    assert "encrypted with TLSv1.3, certified by trustme" in text
    assert "key accepted" in text
    assert "hidden" not in text
    assert text.endswith("problem    none found")
    assert [asked for asked, _ in server.asked] == [kind]


def test_doctor_shows_addresses_without_a_proxy(network, server, monkeypatch):
    port = network.tls_server(server.server_port, "localhost")
    monkeypatch.setenv("NO_PROXY", "example.test,localhost")
    text = doctor(f"https://localhost:{port}")
    assert "proxy      none for localhost: NO_PROXY has localhost\n" in text
    assert "way        name found: 127.0.0.1" in text.replace("::1, ", "")


def test_doctor_notes_fake_addresses(network, monkeypatch, show_line):
    def resolve(*_, **__):
        address = ("198.18.0.7", 443)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("liangxin_nb.api.service_check._TIMEOUT_S", 0.2)
    text = doctor("https://api.test")
    assert "name found: 198.18.0.7 (a fake address, which a proxy program gives)" in text


@pytest.mark.parametrize(
    ("given", "answer", "words"),
    [
        ("rejected key", (401, b'{"code":401,"msg":"no"}'), "Check the key"),
        ("page of a proxy", (200, b"<html>Welcome</html>"), "it is a web page"),
        ("login page", (302, b"", {"location": "http://login.test/?u=1"}),
         "redirects to http://login.test/"),
        ("broken answer", (None, b""), "sent no complete answer"),
    ],
)  # fmt: skip
def test_doctor_reads_the_answer(server, network, show_line, given, answer, words):
    server.hooks["credit"] = lambda _: answer
    line = find_problem(doctor(server.url, profile="kie"))
    assert words in line
    show_line("networks", f"doctor: {given}", line)


def test_doctor_compares_the_clocks(network, show_line):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"code":200,"data":7}'
        date = b"Date: Mon, 02 Nov 2020 10:00:00 GMT\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 21\r\n" + date + b"\r\n" + body)

    line = find_problem(doctor(f"http://localhost:{network.serve(answer)}", profile="kie"))
    assert "This computer's clock is" in line
    assert "ahead of that of localhost" in line
    show_line("networks", "doctor: clock", line)


def test_doctor_ends_when_names_are_never_resolved(network, monkeypatch, show_line):
    released = threading.Event()

    def resolve(*_, **__):
        released.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("liangxin_nb.api.service_check._TOTAL_S", 0.5)
    before = set(threading.enumerate())
    line = find_problem(doctor("https://api.test"))
    assert "could not be tested within" in line
    show_line("networks", "doctor: names are never resolved", line)
    released.set()
    wait_until(lambda: set(threading.enumerate()) <= before)
