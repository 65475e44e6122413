"""The extension in a real Jupyter server, enabled by the installation alone."""

import http.client
import json
import logging
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest

from liangxin_nb import Session
from liangxin_nb.callbacks.handler import CallbackPath
from liangxin_nb.callbacks.hint_store import HintStore

from ..conftest import wait_until
from ..notebook_files.conftest import VIEW, card, notebook, outputs_of
from .conftest import build_body, post

pytest.importorskip("jupyter_server")

from liangxin_nb.server.extension import load

TOKEN = "token-of-the-tests"
METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
OTHERS = ("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals",
          "voila.server_extension")  # fmt: skip
#: One server for each parameter; the second one requires a login for all other handlers.
KINDS = [
    pytest.param("True", id="open", marks=pytest.mark.xdist_group("open jupyter server")),
    pytest.param("False", id="strict", marks=pytest.mark.xdist_group("strict jupyter server")),
]


@pytest.fixture(scope="module", params=KINDS)
def server(request, tmp_path_factory):
    """A Jupyter server: its base URL, its log, and the folder of its hint store."""
    folder = tmp_path_factory.mktemp("server")
    folders = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, **folders, "JUPYTER_TOKEN": TOKEN, "LIANGXIN_CALLBACKS": "",
           "IPYTHONDIR": str(folder / "ipython")}  # fmt: skip
    # This extension is enabled by the installation; other installed ones are disabled.
    (folder / "CONFIG").mkdir()
    config = {"ServerApp": {"jpserver_extensions": dict.fromkeys(OTHERS, False)}}
    (folder / "CONFIG" / "jupyter_server_config.json").write_text(json.dumps(config))
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--ip=127.0.0.1",
        "--ServerApp.port=0", "--ServerApp.base_url=/user/li/", "--allow-root",
        "--ServerApp.log_level=DEBUG",
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.allow_unauthenticated_access={request.param}",
    ]  # fmt: skip
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=env, cwd=folder)
    try:
        runtime_file = folder / "RUNTIME" / f"jpserver-{process.pid}.json"
        wait_until(lambda: runtime_file.exists() and runtime_file.read_text().endswith("}"))
        url = json.loads(runtime_file.read_text())["url"].rstrip("/")
        wait_until(lambda: is_ready(f"{url}/api"))
        yield url, log, folder / "RUNTIME" / "liangxin"
    finally:
        process.terminate()
        process.wait(60)


def is_ready(url):
    try:
        return get_status(url) == 200
    except OSError:
        return False


def get_status(url):
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code


#: Requests with a token that are no callbacks; BASE is the path of the server.
ODD_REQUESTS = [
    *((method, "BASE/liangxin/callback/TOKEN") for method in METHODS),
    *(("POST", f"BASE/liangxin/callback/{end}") for end in
      ("TOKEN/", "TOKEN//", "TOKEN/x", "TOKEN%20", "TOKEN%2F", "TOKEN.", "x/TOKEN", "/TOKEN",
       "%2FTOKEN", "TOKEN;a=b", "TOKEN%00", "TOKEN" * 3)),
    *(("POST", url) for url in
      ("BASE//liangxin/callback/TOKEN", "//liangxin/callback/TOKEN",
       "/xBASE/liangxin/callback/TOKEN", "BASE/liangxin%2Fcallback%2FTOKEN",
       "BASE/liangxin//callback/TOKEN", "BASE/%6ciangxin/callback/TOKEN",
       "BASE/liangxin%252Fcallback%252FTOKEN", "BASE/LiangXin/Callback/TOKEN",
       "BASE/api/../liangxin/callback/TOKEN", "BASE/x?u=liangxin%2Fcallback%2FTOKEN",
       "http://127.0.0.1/BASE/liangxin/callback/TOKEN")),
    ("GET", "BASE/liangxin/callback/TOKEN/"),
    ("GET", "BASE/login?next=BASE/liangxin/callback/TOKEN"),
]  # fmt: skip


def send_odd_requests(url, base, token):
    """Send each odd request, and return the statuses by request."""
    statuses = {}
    for method, path in ODD_REQUESTS:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        content = build_body("task_odd") if method not in ("GET", "HEAD") else None
        connection.request(method, path.replace("BASE", base).replace("TOKEN", token), content)
        statuses[method, path] = connection.getresponse().status
        connection.close()
    return statuses


@pytest.mark.slow
def test_token_is_in_no_log_whatever_the_request(server):
    url, log, callbacks_folder = server
    store = HintStore(callbacks_folder)
    token = store.issue_token("job-odd", 600)
    statuses = send_odd_requests(url, "/user/li", token)
    statuses |= send_odd_requests(url, "", token)
    assert set(statuses.values()) <= {302, 403, 404, 405, 429}, statuses
    assert store.list_hints(job_id="job-odd") == []
    assert post(f"{url}/liangxin/callback/{token}?token=x", build_body("task_1")) == 204
    assert token[:20] not in log.read_text()


def test_token_is_in_no_log_of_the_standalone_server(callback_server, store, caplog):
    caplog.set_level(logging.DEBUG)
    token = store.issue_token("job-odd", 600)
    statuses = send_odd_requests(callback_server.url, "", token)
    assert set(statuses.values()) <= {400, 404, 405, 429}, statuses
    assert store.list_hints(job_id="job-odd") == []
    assert token[:20] not in caplog.text


@pytest.mark.parametrize(
    "url",
    ["/api/contents/liangxin/callbacks.ipynb", "/lab/tree/liangxin/callback-demo.ipynb",
     "/files/liangxin/callback/a.png", "/files/liangxin/callback/a.png?token=" + "0" * 48],
)  # fmt: skip
def test_files_in_folders_with_the_name_of_a_callback_url_are_no_callbacks(url):
    assert CallbackPath().match(SimpleNamespace(uri=url, path=url.partition("?")[0])) is None


def test_wrong_setting_is_a_warning_in_the_log_of_jupyter(monkeypatch):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", "two words")
    server = Mock()
    load(server)
    text = server.log.warning.call_args.args
    assert "LIANGXIN_WEBHOOK_KEY" in text[0] % text[1]
    server.web_app.add_handlers.assert_not_called()


@pytest.mark.slow
def test_callbacks_need_no_login_and_other_handlers_do(server):
    base, log, callbacks_folder = server
    assert base.endswith("/user/li")
    store = HintStore(callbacks_folder)
    token = store.issue_token("job-1", 60)
    url = f"{base}/liangxin/callback/{token}"
    assert post(f"{base}/liangxin/callback/{'x' * 43}", build_body("task_1")) == 404
    assert post(url, build_body("task_1")) == 204
    assert post(url, b"no json") == 400
    assert post(url, b"x" * (300 << 10)) == 413
    assert post(url, None, method="GET") in (302, 405)
    assert [(hint.job_id, hint.task_id) for hint in store.list_hints(job_id="job-1")] == [
        ("job-1", "task_1")
    ]
    assert get_status(f"{base}/api/contents") == 403
    assert get_status(f"{base}/api/contents?token={TOKEN}") == 200
    text = log.read_text()
    assert "receives callbacks at /user/li/liangxin/callback/" in text
    assert "/liangxin/callback/…" in text
    assert token not in text
    assert "Traceback" not in text


def test_extension_is_enabled_by_the_installation():
    root = Path(__file__).parents[2]
    config = json.loads((root / "jupyter-config" / "liangxin_nb.json").read_text())
    assert config == {"ServerApp": {"jpserver_extensions": {"liangxin_nb.server": True}}}
    installed = Path(sys.prefix, "etc/jupyter/jupyter_server_config.d/liangxin_nb.json")
    assert json.loads(installed.read_text()) == config


@pytest.mark.slow
def test_callback_reaches_the_waiting_job_through_jupyter_server(
    server, sandbox, open_session, monkeypatch
):
    base, _, callbacks_folder = server
    monkeypatch.setenv("LIANGXIN_CALLBACKS", str(callbacks_folder))
    monkeypatch.setenv("LIANGXIN_CALLBACK_BASE", base)
    session = open_session(sandbox)
    session.generate("a lake", size="square").wait(120)
    assert session.ledger.count_by_status() == {"saved": 1}


# ---- durable outputs


def put_notebook(url, name, content):
    """Save a notebook as a page does, and return the file's content afterwards."""
    body = json.dumps({"type": "notebook", "format": "json", "content": content}).encode()
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    address = f"{url}/api/contents/{name}"
    with urllib.request.urlopen(urllib.request.Request(address, body, headers, method="PUT")):
        pass
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as reply:
        return json.load(reply)["content"]


@pytest.mark.slow
@pytest.mark.parametrize("server", KINDS[:1], indirect=True)
def test_server_saves_a_card_as_its_picture(server, session, monkeypatch):
    url, log, folder = server
    job = session.generate("a cafe <b>", model="z-image")
    job.wait()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder.parent))
    with Session(profile="sandbox", results=session.settings.results):
        pass  # a kernel registers its ledger
    content = notebook(card(job.record, task_id=""))

    def saved():
        (output,) = outputs_of(put_notebook(url, "n.ipynb", content))
        return output if VIEW not in output["data"] else None

    output = wait_until(saved)
    assert output["metadata"]["liangxin"]["status"] == "saved"
    assert "a cafe &lt;b&gt;" in output["data"]["text/html"]
    assert "Traceback" not in log.read_text(errors="replace")
