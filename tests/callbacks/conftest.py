"""A mailbox of the test's own, a receiver in front of it, calls to it, and a sandbox that calls."""

import http.client
import json
import os
import urllib.request
from urllib.parse import urlsplit

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.callbacks.hint_store import HintStore
from liangxin_nb.polling import PollSchedule

#: Polling so slow that only a call can bring news in time.
SLOW = PollSchedule(steps=((float("inf"), 3600.0, 3600.0),), poll_interval_s=0.01)


@pytest.fixture(autouse=True)
def own_mailbox(monkeypatch, tmp_path):
    monkeypatch.setenv("LIANGXIN_CALLBACKS", str(tmp_path / "mailbox"))
    for name in list(os.environ):
        if name.startswith(("JUPYTERHUB_", "BINDER_", "JPY_")):
            monkeypatch.delenv(name)
    return tmp_path / "mailbox"


@pytest.fixture
def store():
    return HintStore()


@pytest.fixture
def receiver():
    with lx.CallbackServer() as made:
        yield made


@pytest.fixture
def opened(tmp_path):
    """Makes sessions, and closes them at the end."""
    made = []

    def session(served, pace=SLOW, **more):
        more = {"callback": "auto", "results": tmp_path / "results", **more}
        made.append(Session(base_url=served.url, key=served.key, schedule=pace, **more))
        return made[-1]

    yield session
    for one in made:
        one.close()


def body(task_id):
    data = {"taskId": task_id, "state": "success"}
    return json.dumps({"code": 200, "msg": "success", "data": data}).encode()


def post(url, content, headers=None, method="POST"):
    """The status of one call, over a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request(method, parts.path, content, headers or {})
        reply = connection.getresponse()
        reply.read()
        return reply.status
    finally:
        connection.close()


def set_faults(served, *faults):
    """Put other faults of a sandbox in force; none without names."""
    request = urllib.request.Request(
        f"{served.url}/sandbox/faults", json.dumps({"faults": faults}).encode(), method="PUT"
    )
    urllib.request.urlopen(request).close()


def created(served):
    """How often createTask was called at a sandbox, and how many tasks it has created."""
    counters = served.counters()
    return counters["calls"].get("createTask", 0), counters["created"]


def more(after, before):
    """By how much each number has grown."""
    return [now - then for now, then in zip(after, before, strict=True)]
