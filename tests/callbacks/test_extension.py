"""The extension in a real Jupyter server that knows of it by the installation alone."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from liangxin_nb.callbacks.hint_store import HintStore

from ..conftest import wait_until
from .conftest import body, post

pytest.importorskip("jupyter_server")
TOKEN = "token-of-the-tests"
OTHERS = ("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals",
          "voila.server_extension")  # fmt: skip
#: One server for the tests of each kind; the second one demands a login for every other handler.
KINDS = [
    pytest.param("True", id="open", marks=pytest.mark.xdist_group("open jupyter server")),
    pytest.param("False", id="strict", marks=pytest.mark.xdist_group("strict jupyter server")),
]


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory):
    """A Jupyter server: its base URL, its log, and the folder of its mailbox."""
    place = tmp_path_factory.mktemp("server")
    places = {f"JUPYTER_{name}_DIR": str(place / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, **places, "JUPYTER_TOKEN": TOKEN, "LIANGXIN_CALLBACKS": "",
           "IPYTHONDIR": str(place / "ipython")}  # fmt: skip
    # Ours is enabled by the installation; the large ones that are installed too are left out.
    (place / "CONFIG").mkdir()
    config = {"ServerApp": {"jpserver_extensions": dict.fromkeys(OTHERS, False)}}
    (place / "CONFIG" / "jupyter_server_config.json").write_text(json.dumps(config))
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1",
        "--ServerApp.port=0", "--ServerApp.base_url=/user/li/", "--allow-root",
        f"--ServerApp.root_dir={place}",
        f"--ServerApp.allow_unauthenticated_access={request.param}",
    ]  # fmt: skip
    log = place / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env, cwd=place)
    try:
        told = place / "RUNTIME" / f"jpserver-{process.pid}.json"
        wait_until(lambda: told.exists() and told.read_text().endswith("}"))
        url = json.loads(told.read_text())["url"].rstrip("/")
        wait_until(lambda: answers(f"{url}/api"))
        yield url, log, place / "RUNTIME" / "liangxin"
    finally:
        process.terminate()
        process.wait(60)


def answers(url):
    try:
        return status(url) == 200
    except OSError:
        return False


def status(url):
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
def test_it_takes_calls_without_a_login_and_opens_nothing_else(server):
    base, log, place = server
    # Mode, place and table are the server's own work by now.
    assert base.endswith("/user/li")
    store = HintStore(place)
    word = store.grant("ticket", 60)
    url = f"{base}/liangxin/callback/{word}"
    assert post(f"{base}/liangxin/callback/{'x' * 43}", body("task_1")) == 404
    assert post(url, body("task_1")) == 204
    assert post(url, b"no json") == 400
    assert post(url, b"x" * (300 << 10)) == 413
    assert post(url, None, method="GET") in (302, 405)
    assert [(hint.job_id, hint.task_id) for hint in store.hints(ticket="ticket")] == [
        ("ticket", "task_1")
    ]
    assert status(f"{base}/api/contents") == 403
    assert status(f"{base}/api/contents?token={TOKEN}") == 200
    said = log.read_text()
    assert "takes callbacks at /user/li/liangxin/callback/" in said
    assert "/liangxin/callback/…" in said
    assert word not in said
    assert "Traceback" not in said


def test_it_is_enabled_by_the_package_itself():
    root = Path(__file__).parents[2]
    config = json.loads((root / "jupyter-config" / "liangxin_nb.json").read_text())
    assert config == {"ServerApp": {"jpserver_extensions": {"liangxin_nb.server": True}}}
    placed = Path(sys.prefix, "etc/jupyter/jupyter_server_config.d/liangxin_nb.json")
    assert json.loads(placed.read_text()) == config


@pytest.mark.slow
def test_a_call_goes_from_the_service_through_the_server_to_the_waiting_job(
    server, sandbox, opened, monkeypatch
):
    base, _, place = server
    monkeypatch.setenv("LIANGXIN_CALLBACKS", str(place))
    monkeypatch.setenv("LIANGXIN_CALLBACK_BASE", base)
    session = opened(sandbox)
    session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}
