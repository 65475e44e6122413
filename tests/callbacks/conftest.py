"""A hint store for each test, a callback server, requests to it, and sessions."""

import http.client
import json
import os
from urllib.parse import urlsplit

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.callbacks.hint_store import HintStore
from liangxin_nb.polling import PollSchedule

#: Polling so slow that only a callback can end a wait in time.
SLOW_SCHEDULE = PollSchedule(steps=((float("inf"), 3600.0, 3600.0),), poll_interval_s=0.01)


@pytest.fixture(autouse=True)
def callbacks_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LIANGXIN_CALLBACKS", str(tmp_path / "callbacks"))
    for name in list(os.environ):
        if name.startswith(("JUPYTERHUB_", "BINDER_", "JPY_")):
            monkeypatch.delenv(name)
    return tmp_path / "callbacks"


@pytest.fixture
def store():
    return HintStore()


@pytest.fixture
def callback_server():
    with lx.CallbackServer() as server:
        yield server


@pytest.fixture
def open_session(tmp_path):
    """Opens sessions on a sandbox, and closes them at the end."""
    sessions = []

    def open_on(served, schedule=SLOW_SCHEDULE, **settings):
        settings = {"callback": "auto", "results": tmp_path / "results", **settings}
        sessions.append(Session(base_url=served.url, key=served.key, schedule=schedule, **settings))
        return sessions[-1]

    yield open_on
    for session in sessions:
        session.close()


def build_body(task_id):
    data = {"taskId": task_id, "state": "success"}
    return json.dumps({"code": 200, "msg": "success", "data": data}).encode()


def post(url, content, headers=None, method="POST"):
    """Send a request over a new connection, and return the response's status."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request(method, parts.path, content, headers or {})
        reply = connection.getresponse()
        reply.read()
        return reply.status
    finally:
        connection.close()


def count_creates(served):
    """Return how often a sandbox received createTask, and how many tasks it has created."""
    counters = served.counters()
    return counters["calls"].get("createTask", 0), counters["created"]


def subtract(after, before):
    """Return the differences of two lists of numbers."""
    return [now - then for now, then in zip(after, before, strict=True)]
