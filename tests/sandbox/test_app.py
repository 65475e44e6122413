"""The sandbox as a process of its own, on a real socket."""

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
from liangxin_nb.sandbox import launcher as launch
from liangxin_nb.sandbox.launcher import Launcher, create_lease, has_leases

from .. import virtual_time
from ..conftest import start_sandbox, wait_until
from ..scan import KEY


def call(url, body=None, key=KEY):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_missing_or_wrong_key_is_rejected_in_the_gateways_envelope(sandbox, key):
    for path, body in (("createTask", {}), ("recordInfo?taskId=x", None)):
        status, answer = call(f"{sandbox.url}/api/v1/jobs/{path}", body, key)
        assert status == 401
        assert answer["error"]["type"] == "new_api_error"


def test_refusals_come_in_the_tasks_envelope_with_the_documented_statuses(sandbox):
    api = f"{sandbox.url}/api/v1/jobs"
    assert call(f"{api}/createTask", {"model": "z-image", "input": {}}) == (
        400,
        {"code": 400, "msg": "input.prompt is required", "data": None},
    )
    assert call(f"{api}/recordInfo")[0] == 400
    assert call(f"{api}/recordInfo?taskId=nope")[0] == 404


@pytest.mark.parametrize(
    ("given", "size", "form"),
    [
        ({"image_size": "portrait_9_16"}, (576, 1024), "PNG"),
        ({"aspect_ratio": "4:3", "output_format": "jpeg"}, (1024, 768), "JPEG"),
        ({"image_size": "square", "output_format": "webp"}, (512, 512), "WEBP"),
    ],
)
def test_results_are_real_pictures_of_the_size_and_format_asked_for(sandbox, given, size, form):
    api = f"{sandbox.url}/api/v1/jobs"
    body = {"model": "z-image", "input": {"prompt": "山间的湖", **given}}
    pictures = []
    for _ in range(2):
        id = call(f"{api}/createTask", body)[1]["data"]["taskId"]
        wait_until(lambda id=id: record(api, id)["state"] == "success")
        with urllib.request.urlopen(
            json.loads(record(api, id)["resultJson"])["resultUrls"][0]
        ) as r:
            pictures.append(r.read())
    image = Image.open(io.BytesIO(pictures[0]))
    assert (image.size, image.format) == (size, form)
    assert pictures[0] == pictures[1]


def record(api, id):
    return call(f"{api}/recordInfo?taskId={id}")[1]["data"]


@pytest.mark.anyio
async def test_small_answers_on_an_open_connection_are_sent_at_once():
    """Without TCP_NODELAY the kernel holds them back until the client acknowledges, for 40 ms."""
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


def test_it_listens_on_this_machine_only_and_says_where_in_one_line():
    served = start_sandbox("--speed", "5", LIANGXIN_SANDBOX_KEY="mine")
    try:
        assert served.url.startswith("http://127.0.0.1:")
        assert served.key == "mine"
        assert call(f"{served.url}/api/v1/jobs/recordInfo?taskId=x", key="mine")[0] == 404
    finally:
        served.stop()


@pytest.mark.parametrize("option", [["--speed", "0"], ["--shared"], ["--linger", "soon"]])
def test_a_command_line_that_cannot_be_used_is_rejected(option, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sandbox", *option])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert option[0] in capsys.readouterr().err.splitlines()[-1]


def alive(url):
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


def test_kernels_of_one_folder_share_a_sandbox_and_it_ends_after_the_last(tmp_path, monkeypatch):
    monkeypatch.setenv("LIANGXIN_SANDBOX_LINGER", "0.2")
    command = [sys.executable, "-c", USER, str(tmp_path / ".sandbox")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    users = [subprocess.Popen(command, **pipes) for _ in range(3)]
    (url,) = {user.stdout.readline().strip() for user in users}
    for user in users[:2]:
        end(user)
    assert alive(url), "one user is left"
    end(users[2])
    wait_until(lambda: not alive(url))


def end(process):
    process.kill()
    process.communicate()


class Server:
    """What the watch over the users sees of the web server."""

    should_exit = False
    servers = ()


@pytest.fixture
def ended_after(monkeypatch, tmp_path):
    """After how many seconds of virtual time the watch ends a server; given when it is in use."""

    def run(used, linger=10.0):
        server = Server()

        async def watch():
            clock = asyncio.get_running_loop().time
            monkeypatch.setattr(program, "has_leases", lambda _: used(clock()))
            await program._stop_when_unused(tmp_path, server, linger)
            return clock()

        seconds = virtual_time.run(watch())
        assert server.should_exit
        return seconds

    return run


def test_it_ends_when_it_was_not_used_for_ten_seconds(ended_after):
    assert ended_after(lambda now: False) == 10.0
    assert ended_after(lambda now: now < 25.0) == 34.0
    assert ended_after(lambda now: now in (9.0, 18.0)) == 28.0


def test_the_seconds_that_it_lingers_can_be_chosen(ended_after, monkeypatch):
    assert ended_after(lambda now: False, linger=2.0) == 2.0
    assert ended_after(lambda now: now == 0.5, linger=1.0) == 1.5


def test_a_user_who_comes_in_the_last_moment_keeps_it_alive(ended_after):
    looks = iter([False] * 10 + [True] + [False] * 20)
    assert ended_after(lambda _: next(looks)) == 20.0


@pytest.mark.anyio
async def test_once_it_has_decided_to_end_it_accepts_no_connection(tmp_path):
    listening = program._listen(0)
    place = listening.getsockname()
    server = uvicorn.Server(uvicorn.Config(lambda *_: None, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    await program._stop_when_unused(tmp_path / ".sandbox", server, 0.0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*place)
    await serving


def test_a_lease_is_seen_while_it_is_held_and_cleared_away_after_that(tmp_path):
    assert not has_leases(tmp_path)
    held = create_lease(tmp_path, "one")
    held.acquire(timeout=0)
    assert has_leases(tmp_path)
    held.release()
    assert not has_leases(tmp_path)
    assert list((tmp_path / "leases").iterdir()) == []


def test_a_kernel_waits_while_the_sandbox_looks_at_its_lease(tmp_path, monkeypatch):
    """To see whether a lease is held, the sandbox takes it for a moment."""
    monkeypatch.setattr(launch, "_is_running", lambda _: True)
    monkeypatch.setattr(Launcher, "_read_address", lambda _: {"url": "http://127.0.0.1:1"})
    looking = create_lease(tmp_path, "one")
    looking.acquire(timeout=0)

    def leased(*_):
        """Its first look at the lock comes too early; the sandbox lets go of it after that."""
        mine = create_lease(tmp_path, "one")
        acquire = mine.acquire

        def acquire_late(timeout):
            with pytest.raises(Timeout):
                acquire(timeout=0)
            if timeout > 0:
                looking.release()
            return acquire(timeout=timeout)

        mine.acquire = acquire_late
        return mine

    monkeypatch.setattr(launch, "create_lease", leased)
    assert Launcher(tmp_path).url() == "http://127.0.0.1:1"


def test_a_killed_sandbox_comes_back_at_the_same_place_with_its_tasks(tmp_path):
    launcher = Launcher(tmp_path / ".sandbox", speed=5)
    url = launcher.url()
    body = {"model": "z-image", "input": {"prompt": "a lake"}}
    id = call(f"{url}/api/v1/jobs/createTask", body)[1]["data"]["taskId"]
    found = subprocess.run(
        ["pgrep", "-f", str(tmp_path / ".sandbox")], capture_output=True, text=True
    )
    os.kill(int(found.stdout.split()[0]), signal.SIGKILL)
    wait_until(lambda: not alive(url))
    assert launcher.url() == url
    assert call(f"{url}/api/v1/jobs/recordInfo?taskId={id}")[0] == 200
    launcher.release()


def test_a_sandbox_that_cannot_start_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(APIConnectionError, match="did not start"):
        Launcher(tmp_path / ".sandbox").url()
