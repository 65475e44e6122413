"""The sandbox as a process of its own, on a real socket."""

import asyncio
import io
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import httpx
import pytest
import uvicorn
from PIL import Image

from liangxin_nb.errors import Unreachable
from liangxin_nb.sandbox import __main__ as program
from liangxin_nb.sandbox.launch import Launcher

from ..conftest import start_sandbox
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
def test_a_missing_or_wrong_key_is_refused_in_the_gateways_envelope(sandbox, key):
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
        while (data := call(f"{api}/recordInfo?taskId={id}")[1]["data"])["state"] != "success":
            time.sleep(0.05)
        with urllib.request.urlopen(json.loads(data["resultJson"])["resultUrls"][0]) as reply:
            pictures.append(reply.read())
    image = Image.open(io.BytesIO(pictures[0]))
    assert (image.size, image.format) == (size, form)
    assert pictures[0] == pictures[1]


def test_an_answer_on_an_open_connection_is_sent_at_once(sandbox):
    with httpx.Client() as client:
        asked = [client.get(f"{sandbox.url}/sandbox") for _ in range(20)]
    # Held back by the kernel until the client acknowledges, every one would take 40 ms or more.
    assert min(reply.elapsed.total_seconds() for reply in asked[1:]) < 0.03


def test_it_listens_on_this_machine_only_and_says_where_in_one_line():
    served = start_sandbox("--speed", "5", LIANGXIN_SANDBOX_KEY="mine")
    try:
        assert served.url.startswith("http://127.0.0.1:")
        assert served.key == "mine"
        assert call(f"{served.url}/api/v1/jobs/recordInfo?taskId=x", key="mine")[0] == 404
    finally:
        served.stop()


@pytest.mark.parametrize("option", [["--speed", "0"], ["--shared"]])
def test_a_command_line_that_cannot_be_used_is_refused(option):
    done = subprocess.run(
        [sys.executable, "-m", "liangxin_nb.sandbox", *option], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert option[0] in done.stderr


def alive(url):
    try:
        return call(f"{url}/sandbox")[0] == 200
    except OSError:
        return False


@pytest.mark.slow
def test_kernels_of_one_folder_share_a_sandbox_and_it_ends_when_nobody_uses_it(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from liangxin_nb.sandbox.launch import Launcher\n"
        "launcher = Launcher(Path(sys.argv[1]))\n"
        "print(launcher.url(), flush=True)\ntime.sleep(60)\n"
    )
    state = tmp_path / ".sandbox"
    users = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(state)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    urls = {user.stdout.readline().strip() for user in users}
    assert len(urls) == 1
    url = urls.pop()
    for user in users[:2]:
        user.kill()
        user.wait()
    time.sleep(12)  # longer than it lingers
    assert alive(url), "one user is left"
    users[2].kill()
    users[2].wait()
    deadline = time.monotonic() + 30
    while alive(url) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not alive(url)


@pytest.mark.anyio
async def test_once_it_has_decided_to_end_nobody_is_let_in(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "_LINGER", 0.0)
    listening = program._bound(0)
    place = listening.getsockname()
    server = uvicorn.Server(uvicorn.Config(lambda *_: None, lifespan="off", log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    await program._watch(tmp_path / ".sandbox", server)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*place)
    await serving


def test_a_killed_sandbox_comes_back_at_the_same_place_with_its_tasks(tmp_path):
    launcher = Launcher(tmp_path / ".sandbox", speed=5)
    url = launcher.url()
    body = {"model": "z-image", "input": {"prompt": "a lake"}}
    id = call(f"{url}/api/v1/jobs/createTask", body)[1]["data"]["taskId"]
    pid = subprocess.run(
        ["pgrep", "-f", str(tmp_path / ".sandbox")], capture_output=True, text=True
    ).stdout.split()[0]
    subprocess.run(["kill", "-9", pid], check=True)
    while alive(url):
        time.sleep(0.05)
    assert launcher.url() == url
    assert call(f"{url}/api/v1/jobs/recordInfo?taskId={id}")[0] == 200
    launcher.leave()


def test_a_sandbox_that_cannot_start_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(Unreachable, match="did not start"):
        Launcher(tmp_path / ".sandbox").url()
