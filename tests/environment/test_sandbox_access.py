"""The sandbox serves only processes that have its key, and no web pages."""

import http.client
import json
import os
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from liangxin_nb.errors import APIConnectionError, InvalidRequestError
from liangxin_nb.sandbox import access_key, control
from liangxin_nb.sandbox.access_key import prove, sandbox_key
from liangxin_nb.sandbox.client import ADDRESS_FILE, is_running
from liangxin_nb.sandbox.launcher import Launcher

from ..conftest import wait_until
from ..sandbox.fault_client import Client

JOBS = "/api/v1/jobs"
#: Every path of the sandbox, with its method.
PATHS = [
    ("GET", "/sandbox"), ("PUT", "/sandbox/faults"), ("GET", "/sandbox/identity?nonce=1"),
    ("POST", f"{JOBS}/createTask"), ("GET", f"{JOBS}/recordInfo?taskId=x"),
    ("GET", "/openapi.json"), ("GET", "/files/x/1.png"), ("GET", "/uploads/x/1.png"), ("GET", "/"),
]  # fmt: skip


def request(url, method, path, headers=(), body=None):
    """Send a request with exactly these headers; return status, headers and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": parts.netloc, **dict(headers)}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def modes(folder):
    """Return the mode of each file and folder below a folder, and of the folder."""
    return {path: path.lstat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


@pytest.mark.parametrize(
    "host",
    ["evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:PORT", "0.0.0.0:PORT",
     "127.0.0.1:PORT@evil.example", "", "127.0.0.2:PORT", "[::ffff:127.0.0.1]:PORT"],
)  # fmt: skip
def test_foreign_hosts_are_rejected_on_every_path(sandbox, host):
    host = host.replace("PORT", str(urlsplit(sandbox.url).port))
    for method, path in PATHS:
        headers = {"Host": host, "Authorization": f"Bearer {sandbox.key}", "Content-Length": "0"}
        status, _, body = request(sandbox.url, method, path, headers)
        assert (status, body[:20]) == (421, b"This sandbox serves "), path


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
     {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}],
)  # fmt: skip
def test_requests_of_other_web_pages_are_rejected_on_every_path(sandbox, headers):
    for method, path in PATHS:
        sent = {**headers, "Authorization": f"Bearer {sandbox.key}", "Content-Length": "0"}
        status, answered, _ = request(sandbox.url, method, path, sent)
        assert status == 403, path
        assert not [name for name in answered if name.lower().startswith("access-control")]


def test_own_hosts_and_opened_links_are_served(sandbox):
    port = urlsplit(sandbox.url).port
    link = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    }
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", f"127.0.0.1:{port}"):
        status, headers, _ = request(sandbox.url, "GET", "/openapi.json", {"Host": host, **link})
        assert status == 200
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert request(sandbox.url, "OPTIONS", "/sandbox/faults")[0] == 405


@pytest.mark.parametrize("key", [None, "sandbox", "", "x"])
def test_counters_and_faults_need_the_key(sandbox, key):
    headers = {"Authorization": f"Bearer {key}"} if key is not None else {}
    body = json.dumps({"faults": ["create-lost"]}).encode()
    headers["Content-Length"] = str(len(body))
    assert request(sandbox.url, "GET", "/sandbox", headers, body)[0] == 401
    assert request(sandbox.url, "PUT", "/sandbox/faults", headers, body)[0] == 401
    assert sandbox.counters()["faults"] == {}


def test_pictures_are_found_only_by_a_random_part_of_their_url(sandbox):
    client = Client(sandbox)
    task_id = client.create_id()
    link = client.link(task_id)
    assert re.fullmatch("/files/[0-9a-f]{32}/1.png", link)
    assert client.call("GET", f"/files/{task_id}/1.png")[0] == 404


@pytest.fixture
def state(tmp_path, monkeypatch):
    """Return a state folder for sandboxes with a random key."""
    monkeypatch.delenv("LIANGXIN_SANDBOX_KEY")
    monkeypatch.setenv("LIANGXIN_SANDBOX_LINGER", "0.2")
    return tmp_path / "results" / ".sandbox"


def test_key_is_random_for_each_folder_and_private(state, tmp_path):
    previous = os.umask(0)
    try:
        key = sandbox_key(state)
    finally:
        os.umask(previous)
    assert re.fullmatch("sandbox-[0-9a-f]{48}", key)
    assert sandbox_key(state) == key
    assert sandbox_key(tmp_path / "other") != key
    assert modes(state) == {state: 0o700, state / "key": 0o600}


def plant_link(path):
    """Let the file be a link to a file of another user."""
    target = path.with_name("target")
    target.write_text(f"sandbox-{'0' * 48}")
    target.chmod(0o600)
    path.symlink_to(target)


def plant_readable_file(path):
    """Let the file be readable for others."""
    path.write_text(f"sandbox-{'0' * 48}")
    path.chmod(0o644)


def plant_damaged_file(path):
    """Let the file be truncated by a crash."""
    path.write_text("sandbox-00")
    path.chmod(0o600)


@pytest.mark.parametrize("plant", [plant_link, plant_readable_file, plant_damaged_file, os.mkfifo])
def test_key_that_others_could_know_is_replaced(state, plant):
    state.mkdir(parents=True)
    plant(state / "key")
    key = sandbox_key(state)
    assert key != f"sandbox-{'0' * 48}"
    assert sandbox_key(state) == key
    assert (state / "key").lstat().st_mode & 0o777 == 0o600
    assert not (state / "target").exists() or "000" in (state / "target").read_text()


def test_key_is_in_the_runtime_folder_where_no_file_is_private(state, tmp_path, monkeypatch):
    def is_private_file(descriptor):
        return not os.path.samestat(os.fstat(descriptor), (state / "key").stat())

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(access_key, "is_private_file", is_private_file)
    key = sandbox_key(state)
    assert key
    assert sandbox_key(state) == key
    assert sandbox_key(state.with_name("other")) != key


def test_key_that_cannot_be_private_anywhere_is_reported(state, monkeypatch, show_line):
    monkeypatch.setattr(access_key, "is_private_file", lambda _: False)
    with pytest.raises(
        APIConnectionError, match="be private there: set LIANGXIN_SANDBOX_KEY"
    ) as error:
        Launcher(state).url()
    with pytest.raises(APIConnectionError, match="be private there"):
        _ = Launcher(state).key
    show_line("files", "no file of the sandbox can be private", str(error.value))


class OtherProcess(ThreadingHTTPServer):
    """A process on the former port of a sandbox; it records what it receives."""

    def __init__(self, answer):
        self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):  # noqa: N805
                self.received.append(str(handler.headers) + handler.path)
                handler.wfile.write(answer(handler.path))

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


def ok(content):
    return b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(content).encode()


@pytest.mark.slow
def test_key_is_not_sent_to_another_process_on_the_port_of_the_sandbox(state):
    launcher = Launcher(state, speed=20)
    sandbox = launcher.url()
    key = launcher.key

    def relay(path):
        """Ask the sandbox for the proof, and pass it on."""
        return ok(json.loads(request(sandbox, "GET", path)[2]))

    answers = (
        relay,
        lambda _: ok({"sandbox": "0123456789abcdef"}),  # an older version
        lambda _: ok({"proof": None}),
        lambda _: ok([]),
        lambda _: b"HTTP/1.0 302 Found\r\nLocation: " + sandbox.encode() + b"/sandbox\r\n\r\n",
        lambda _: b"SSH-2.0-OpenSSH\r\n",
    )
    assert is_running(sandbox, key)
    for answer in answers:
        other = OtherProcess(answer)
        (state / ADDRESS_FILE).write_text(json.dumps({"url": other.url}))
        assert not is_running(other.url, key)
        with pytest.raises(APIConnectionError, match="No sandbox runs"):
            control(state)
        assert other.received
        assert not [text for text in other.received if key in text or "Authorization" in text]
        other.shutdown()
        other.server_close()
    launcher.release()


def test_a_proof_holds_for_one_port_one_nonce_and_one_key():
    assert (
        len({prove("k", 1, "n"), prove("k", 2, "n"), prove("k", 1, "m"), prove("l", 1, "n")}) == 4
    )


@pytest.mark.slow
def test_process_that_answers_slowly_does_not_delay_the_start(monkeypatch):
    monkeypatch.setattr("liangxin_nb.sandbox.client._TIMEOUT_S", 0.3)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection = listener.accept()[0]
            try:
                while not ended.wait(0.05):  # a header without an end
                    connection.send(b"x")
            except OSError:
                ended.set()
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        assert not is_running(f"http://127.0.0.1:{listener.getsockname()[1]}", "key")
        assert ended.wait(60)


@pytest.mark.slow
def test_state_of_a_shared_sandbox_is_private_and_its_faults_are_set_with_the_key(state):
    launcher = Launcher(state, speed=50)
    url, key = launcher.url(), launcher.key
    process = type("Process", (), {"url": url, "key": key})
    client = Client(process)
    client.link(client.create_id())
    assert control(state)["created"] == 1
    assert control(state, ["moderated*1"])["faults"] == {"moderated*1": 0}
    with pytest.raises(InvalidRequestError, match="nonsense"):
        control(state, ["nonsense"])
    assert {
        path for path, mode in modes(state).items() if mode & 0o077 and path.suffix != ".lock"
    } == set()
    launcher.release()
    wait_until(lambda: not is_running(url, key))


def test_state_folder_that_cannot_be_used_is_reported(state, show_line):
    state.parent.mkdir()
    state.write_text("a file")
    with pytest.raises(APIConnectionError) as error:
        Launcher(state).url()
    line = str(error.value).replace(str(state), ".../.sandbox")
    show_line("strangers", "state folder of the sandbox is a file", line)
