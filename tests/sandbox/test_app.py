"""The sandbox as a separate process on a real socket."""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import uvicorn
from filelock import Timeout
from PIL import Image

from liangxin_nb.errors import APIConnectionError
from liangxin_nb.sandbox import __main__ as program
from liangxin_nb.sandbox import launcher as launcher_module
from liangxin_nb.sandbox.launcher import Launcher, create_lease, has_leases

from .. import virtual_time
from ..conftest import start_sandbox, wait_until
from ..scan import KEY


def call(url, body=None, key=KEY):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("key", [None, "wrong"])
def test_missing_or_wrong_key_is_rejected_in_the_envelope_of_the_gateway(sandbox, key):
    for path, body in (("createTask", {}), ("recordInfo?taskId=x", None)):
        status, answer = call(f"{sandbox.url}/api/v1/jobs/{path}", body, key)
        assert status == 401
        assert answer["error"]["type"] == "new_api_error"


def test_invalid_requests_are_rejected_in_the_envelope_of_the_task_api(sandbox):
    api = f"{sandbox.url}/api/v1/jobs"
    assert call(f"{api}/createTask", {"model": "z-image", "input": {}}) == (
        400,
        {"code": 400, "msg": "input.prompt is required", "data": None},
    )
    assert call(f"{api}/recordInfo")[0] == 400
    assert call(f"{api}/recordInfo?taskId=nope")[0] == 404


@pytest.mark.parametrize(
    ("inputs", "size", "image_format"),
    [
        ({"image_size": "portrait_9_16"}, (576, 1024), "PNG"),
        ({"aspect_ratio": "4:3", "output_format": "jpeg"}, (1024, 768), "JPEG"),
        ({"image_size": "square", "output_format": "webp"}, (512, 512), "WEBP"),
    ],
)
def test_results_are_pictures_of_the_requested_size_and_format(sandbox, inputs, size, image_format):
    api = f"{sandbox.url}/api/v1/jobs"
    body = {"model": "z-image", "input": {"prompt": "山间的湖", **inputs}}
    pictures = []
    for _ in range(2):
        task_id = call(f"{api}/createTask", body)[1]["data"]["taskId"]
        wait_until(lambda task_id=task_id: record(api, task_id)["state"] == "success")
        with urllib.request.urlopen(
            json.loads(record(api, task_id)["resultJson"])["resultUrls"][0]
        ) as response:
            pictures.append(response.read())
    image = Image.open(io.BytesIO(pictures[0]))
    assert (image.size, image.format) == (size, image_format)
    assert pictures[0] == pictures[1]


def record(api, task_id):
    return call(f"{api}/recordInfo?taskId={task_id}")[1]["data"]


@pytest.mark.anyio
async def test_small_responses_on_an_open_connection_are_sent_immediately():
    """Without TCP_NODELAY the system delays them until the client acknowledges, by 40 ms."""
    accepted = asyncio.get_running_loop().create_future()

    def connected(_, writer):
        connection = writer.get_extra_info("socket")
        accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    server = await asyncio.start_server(connected, sock=program._listen(0))
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    assert await accepted != 0
    writer.close()
    server.close()


def test_sandbox_listens_on_loopback_and_prints_its_address():
    served = start_sandbox("--speed", "5", LIANGXIN_SANDBOX_KEY="mine-0123")
    try:
        assert served.url.startswith("http://127.0.0.1:")
        assert served.key == "mine-0123"
        assert call(f"{served.url}/api/v1/jobs/recordInfo?taskId=x", key="mine-0123")[0] == 404
    finally:
        served.stop()


@pytest.mark.parametrize("option", [["--speed", "0"], ["--shared"], ["--linger", "soon"]])
def test_invalid_command_line_is_rejected(option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sandbox", *option])
    with pytest.raises(SystemExit) as exit_info:
        program.main()
    assert exit_info.value.code == 2
    assert option[0] in capsys.readouterr().err.splitlines()[-1]


def is_running(url):
    try:
        return call(f"{url}/sandbox")[0] == 200
    except OSError:
        return False


USER = """
import sys
from pathlib import Path
from liangxin_nb.sandbox.launcher import Launcher
launcher = Launcher(Path(sys.argv[1]))
print(launcher.url(), flush=True)
sys.stdin.read()
"""


def test_kernels_of_a_folder_share_a_sandbox_that_ends_after_the_last_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LIANGXIN_SANDBOX_LINGER", "0.2")
    command = [sys.executable, "-c", USER, str(tmp_path / ".sandbox")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    users = [subprocess.Popen(command, **pipes) for _ in range(3)]
    (url,) = {user.stdout.readline().strip() for user in users}
    for user in users[:2]:
        kill(user)
    assert is_running(url), "one user remains"
    kill(users[2])
    wait_until(lambda: not is_running(url))


def kill(process):
    process.kill()
    process.communicate()


class ServerStub:
    """The part of the web server that `_stop_when_unused` uses."""

    should_exit = False
    servers = ()


@pytest.fixture
def seconds_until_stop(monkeypatch, tmp_path):
    """Return a function: after how many seconds of virtual time is an unused server stopped?"""

    def run(is_used, linger=10.0):
        server = ServerStub()

        async def wait():
            clock = asyncio.get_running_loop().time
            monkeypatch.setattr(program, "has_leases", lambda _: is_used(clock()))
            await program._stop_when_unused(tmp_path, server, linger)
            return clock()

        seconds = virtual_time.run(wait())
        assert server.should_exit
        return seconds

    return run


def test_shared_sandbox_stops_after_ten_seconds_without_users(seconds_until_stop):
    assert seconds_until_stop(lambda now: False) == 10.0
    assert seconds_until_stop(lambda now: now < 25.0) == 34.0
    assert seconds_until_stop(lambda now: now in (9.0, 18.0)) == 28.0


def test_linger_time_can_be_set(seconds_until_stop):
    assert seconds_until_stop(lambda now: False, linger=2.0) == 2.0
    assert seconds_until_stop(lambda now: now == 0.5, linger=1.0) == 1.5
    assert 5 <= seconds_until_stop(lambda now: now < 5, linger=0.0) < 5.2


def test_new_user_during_the_last_check_prevents_the_stop(seconds_until_stop):
    results = iter([False] * 10 + [True] + [False] * 20)
    assert seconds_until_stop(lambda _: next(results)) == 20.0


@pytest.mark.anyio
async def test_stopping_sandbox_accepts_no_connection(tmp_path):
    listener = program._listen(0)
    address = listener.getsockname()
    server = uvicorn.Server(uvicorn.Config(lambda *_: None, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    await program._stop_when_unused(tmp_path / ".sandbox", server, 0.0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    await serving


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET"]
)
async def test_connection_without_a_complete_request_is_closed(sent):
    listener = program._listen(0)

    async def answer(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    options = {**program._UVICORN_OPTIONS, "timeout_keep_alive": 600}
    server = uvicorn.Server(uvicorn.Config(answer, **options))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(sent)
    while not server.started:
        await asyncio.sleep(0.01)
    closing = asyncio.create_task(program._close_slow_connections(server, 0.1))
    await asyncio.wait_for(reader.read(), 60)  # until the end of the connection
    writer.close()
    closing.cancel()
    server.should_exit = True
    await serving


def test_lease_is_detected_while_held_and_then_deleted(tmp_path):
    assert not has_leases(tmp_path)
    lease = create_lease(tmp_path, "one")
    lease.acquire(timeout=0)
    assert has_leases(tmp_path)
    lease.release()
    assert not has_leases(tmp_path)
    assert list((tmp_path / "leases").iterdir()) == []


def test_launcher_waits_while_the_sandbox_checks_its_lease(tmp_path, monkeypatch):
    """The sandbox acquires a lease for a moment to check whether it is held."""
    monkeypatch.setattr(launcher_module, "is_running", lambda *_: True)
    monkeypatch.setattr(launcher_module, "read_address", lambda _: "http://127.0.0.1:1")
    checked = create_lease(tmp_path, "one")
    checked.acquire(timeout=0)

    def create_contended_lease(*_):
        """Return a lease that is released by the sandbox after the first attempt."""
        lease = create_lease(tmp_path, "one")
        acquire = lease.acquire

        def acquire_late(timeout):
            with pytest.raises(Timeout):
                acquire(timeout=0)
            if timeout > 0:
                checked.release()
            return acquire(timeout=timeout)

        lease.acquire = acquire_late
        return lease

    monkeypatch.setattr(launcher_module, "create_lease", create_contended_lease)
    assert Launcher(tmp_path).url() == "http://127.0.0.1:1"


def test_killed_sandbox_restarts_on_the_same_port_with_its_tasks(tmp_path):
    launcher = Launcher(tmp_path / ".sandbox", speed=5)
    url = launcher.url()
    body = {"model": "z-image", "input": {"prompt": "a lake"}}
    task_id = call(f"{url}/api/v1/jobs/createTask", body)[1]["data"]["taskId"]
    processes = subprocess.run(
        ["pgrep", "-f", str(tmp_path / ".sandbox")], capture_output=True, text=True
    )
    os.kill(int(processes.stdout.split()[0]), signal.SIGKILL)
    wait_until(lambda: not is_running(url))
    assert launcher.url() == url
    assert call(f"{url}/api/v1/jobs/recordInfo?taskId={task_id}")[0] == 200
    launcher.release()


def test_failed_start_is_reported_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(APIConnectionError, match="did not start"):
        Launcher(tmp_path / ".sandbox").url()
