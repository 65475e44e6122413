"""The extension in a real Jupyter server that knows of it by the installation alone."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from liangxin_nb.callbacks.mailbox import Mailbox

from ..conftest import wait_until
from .conftest import body, post

pytest.importorskip("jupyter_server")
pytestmark = pytest.mark.slow
TOKEN = "token-of-the-tests"


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(params=["True", "False"], ids=["open", "strict"])
def server(request, tmp_path):
    """Its base URL and its log; `strict`: the server demands a login for every other handler."""
    port, log = free_port(), tmp_path / "server.log"
    places = {f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, **places, "JUPYTER_TOKEN": TOKEN, "LIANGXIN_CALLBACKS": "",
           "IPYTHONDIR": str(tmp_path / "ipython")}  # fmt: skip
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.base_url=/user/li/", "--allow-root",
        f"--ServerApp.root_dir={tmp_path}",
        f"--ServerApp.allow_unauthenticated_access={request.param}",
    ]  # fmt: skip
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env, cwd=tmp_path)
    try:
        wait_until(lambda: answers(port), 60)
        yield f"http://127.0.0.1:{port}/user/li", log, tmp_path / "RUNTIME" / "liangxin"
    finally:
        process.terminate()
        process.wait(20)


def status(url):
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_takes_calls_without_a_login_and_opens_nothing_else(server):
    base, log, place = server
    # Mode, place and table are the server's own work by now.
    mailbox = Mailbox(place)
    word = mailbox.grant("ticket", 60)
    url = f"{base}/liangxin/callback/{word}"
    assert post(f"{base}/liangxin/callback/{'x' * 43}", body("task_1")) == 404
    assert post(url, body("task_1")) == 204
    assert post(url, b"no json") == 400
    assert post(url, b"x" * (300 << 10)) == 413
    assert post(url, None, method="GET") in (302, 405)
    assert [(hint.ticket, hint.task_id) for hint in mailbox.hints()] == [("ticket", "task_1")]
    assert status(f"{base}/api/contents") == 403
    assert status(f"{base}/api/contents?token={TOKEN}") == 200
    said = log.read_text()
    assert "takes callbacks at /user/li/liangxin/callback/" in said
    assert "/liangxin/callback/…" in said
    assert word not in said
    assert "Traceback" not in said


def test_it_is_enabled_by_the_package_itself():
    from pathlib import Path

    root = Path(__file__).parents[2]
    config = json.loads((root / "jupyter-config" / "liangxin_nb.json").read_text())
    assert config == {"ServerApp": {"jpserver_extensions": {"liangxin_nb.callbacks": True}}}
    placed = Path(sys.prefix, "etc/jupyter/jupyter_server_config.d/liangxin_nb.json")
    assert json.loads(placed.read_text()) == config


def test_a_call_goes_from_the_service_through_the_server_to_the_waiting_job(
    server, sandbox, opened, monkeypatch
):
    base, _, place = server
    monkeypatch.setenv("LIANGXIN_CALLBACKS", str(place))
    monkeypatch.setenv("LIANGXIN_CALLBACK_BASE", base)
    session = opened(sandbox)
    session.generate("a lake", size="square").wait(30)
    assert session.ledger.count() == {"kept": 1}
