"""Callback requests over a real socket, the hint store, and signatures."""

import base64
import hashlib
import http.client
import os
import socket
import sqlite3
import stat
import subprocess
import time
from contextlib import closing
from urllib.parse import urlsplit

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.callbacks import service
from liangxin_nb.callbacks.hint_store import MAX_CLAIMS, RETENTION_S, HintStore
from liangxin_nb.callbacks.signature import sign, verify
from liangxin_nb.config.settings import Secret
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError

from .conftest import build_body, post

WEBHOOK_KEY = "whk-" + "for-the-tests"


@pytest.fixture
def url(callback_server, store):
    return f"{callback_server.url}/liangxin/callback/{store.issue_token('job-1', 60)}"


def test_valid_request_stores_a_hint(url, store):
    assert post(url, build_body("task_1")) == 204
    assert [(hint.job_id, hint.task_id) for hint in store.list_hints()] == [("job-1", "task_1")]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"[1]", 400),
        (b"{}", 400),
        (b'{"data": {"taskId": 7}}', 400),
        (b'{"data": {"taskId": "a\\u0000b"}}', 400),
        (b"[" * 100_000, 400),
        (b'{"taskId": "' + b"x" * (256 << 10) + b'"}', 413),
        (b'{"taskId": "task_top"}', 204),
        (b'{"data": {"task_id": "task_snake"}}', 204),
    ],
    ids=["empty", "no json", "a list", "no id", "a number", "not printable", "too deep", "large",
         "an id at the top", "an id in snake case"],
)  # fmt: skip
def test_body_must_be_small_and_name_a_task(url, store, content, status):
    assert post(url, content) == status
    assert len(store.list_hints()) == (status == 204)


def test_body_without_content_length_is_limited_too(url, store):
    def endless():
        for _ in range(1000):
            yield b"x" * 4096

    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request("POST", parts.path, endless(), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})  # fmt: skip
        status = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        status = 413  # the server closed the connection early
    finally:
        connection.close()
    assert status == 413
    assert store.list_hints() == []


def test_unknown_expired_and_deleted_tokens_are_not_found(callback_server, store):
    expired = store.issue_token("job-1", -1)
    deleted = store.issue_token("job-2", 60)
    store.delete("job-2")
    for token in ("x" * 43, expired, deleted, "short", "../../etc"):
        assert post(f"{callback_server.url}/liangxin/callback/{token}", build_body("task_1")) == 404
    assert store.list_hints() == []


def test_only_post_is_allowed(url):
    assert post(url, None, method="GET") == 405


def test_requests_with_one_token_are_rate_limited(store, monkeypatch):
    """Twenty requests at once, then two per second."""
    now = [0.0]
    buckets = service.TokenBuckets
    monkeypatch.setattr(service, "TokenBuckets", lambda *rate: buckets(*rate, lambda: now[0]))
    tokens = [store.issue_token(job_id, 60) for job_id in "ab"]
    with lx.CallbackServer() as server:
        urls = [f"{server.url}/liangxin/callback/{token}" for token in tokens]
        assert [post(urls[0], build_body("task_1")) for _ in range(22)] == [204] * 20 + [429] * 2
        assert post(urls[1], build_body("task_1")) == 204
        now[0] = 1.0
        assert [post(urls[0], build_body("task_1")) for _ in range(3)] == [204] * 2 + [429]


def test_buckets_refill_and_full_ones_are_removed():
    now = [0.0]
    buckets = service.TokenBuckets(2, 1.0, lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    now[0] = 1.0
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    for n in range(5000):
        now[0] += 1.0
        buckets.take(str(n))
    assert len(buckets._levels) < 1100


def test_hint_store_is_private_and_stores_no_token(store, callbacks_folder):
    token = store.issue_token("job-1", 60)
    store.add_hint("job-1", "task_1", "a signature", 600)
    assert len(token) >= 32
    assert stat.S_IMODE(callbacks_folder.stat().st_mode) == 0o700
    written = b"".join(path.read_bytes() for path in callbacks_folder.iterdir())
    assert token.encode() not in written
    assert b"a signature" not in written


def test_hint_store_deletes_old_hints_and_limits_claims(callbacks_folder):
    now = [1000.0]
    store = HintStore(clock=lambda: now[0])
    store.issue_token("job-1", 60)
    for n in range(3 * MAX_CLAIMS):
        store.add_hint("job-1", f"task_{n}")
    assert len(store.list_hints()) == MAX_CLAIMS
    now[0] += RETENTION_S + 1
    store.issue_token("job-2", 60)
    assert store.list_hints() == []
    assert not store.has_valid_token("job-1")


def hmac_sha256(key, message):
    """HMAC-SHA256 as RFC 2104 defines it, independent of the library."""
    key = hashlib.sha256(key).digest() if len(key) > 64 else key
    key = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def sign_independently(key, task_id, timestamp):
    return base64.b64encode(hmac_sha256(key.encode(), f"{task_id}.{timestamp}".encode())).decode()


@pytest.mark.parametrize("key", ["k" * 8, "y" * 200, r"a\"+/=%0"])
def test_signature_matches_an_independent_implementation(key):
    now = str(int(time.time()))
    assert verify(Secret(key), "task_1", now, sign_independently(key, "task_1", now), time.time())
    assert sign(Secret(key), "task_1", now) == sign_independently(key, "task_1", now)


def test_signature_matches_openssl():
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt",
               f"hexkey:{WEBHOOK_KEY.encode().hex()}", "-binary"]  # fmt: skip
    try:
        completed = subprocess.run(
            command, input=b"task_1.1777600000", capture_output=True, check=True
        )
    except FileNotFoundError:
        pytest.skip("no openssl here")
    assert sign(Secret(WEBHOOK_KEY), "task_1", "1777600000") == (
        base64.b64encode(completed.stdout).decode()
    )


@pytest.fixture
def signed_url(monkeypatch, store):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", WEBHOOK_KEY)
    with lx.CallbackServer() as server:
        yield f"{server.url}/liangxin/callback/{store.issue_token('job-1', 60)}"


def build_headers(task_id="task_1", key=WEBHOOK_KEY, age=0):
    now = str(int(time.time()) - age)
    return {
        "X-Webhook-Timestamp": now,
        "X-Webhook-Signature": sign_independently(key, task_id, now),
    }


@pytest.mark.parametrize(
    "make_headers",
    [
        dict,
        lambda: build_headers(key="another"),
        lambda: build_headers(task_id="task_2"),
        lambda: build_headers(age=400),
        lambda: build_headers(age=-400),
        lambda: build_headers() | {"X-Webhook-Timestamp": "soon"},
        lambda: build_headers() | {"X-Webhook-Timestamp": "1" * 400},
        lambda: build_headers() | {"X-Webhook-Signature": "é" * 44},
    ],
    ids=["missing", "forged", "other task", "too old", "too new", "no time", "long", "no ascii"],
)
def test_request_with_an_invalid_signature_has_no_effect(signed_url, store, make_headers):
    assert post(signed_url, build_body("task_1"), make_headers()) == 401
    assert store.list_hints() == []


def test_signature_can_be_used_once(signed_url, store):
    signed = build_headers()
    assert post(signed_url, build_body("task_1"), signed) == 204
    assert post(signed_url, build_body("task_1"), signed) == 409
    other = signed_url.rpartition("/")[0] + "/" + store.issue_token("job-2", 60)
    assert post(other, build_body("task_1"), signed) == 409
    assert [hint.number for hint in store.list_hints()] == [1]


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (299, True), (300, True), (301, False)])
def test_signature_is_valid_for_five_minutes_around_its_timestamp(age, accepted):
    key, timestamp = Secret("k" * 8), 1_777_600_000
    for now in (timestamp + age, timestamp - age):
        assert (
            verify(
                key,
                "task_1",
                str(timestamp),
                sign_independently("k" * 8, "task_1", str(timestamp)),
                now,
            )
            is accepted
        )


def test_port_in_use_is_reported():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidRequestError, match="cannot be used"):
            lx.CallbackServer(taken.getsockname()[1])


def test_closed_server_accepts_no_requests():
    server = lx.CallbackServer()
    server.close()
    server.close()
    assert not server._thread.is_alive()
    with pytest.raises(OSError):  # noqa: PT011 refused, reset or timed out
        post(f"{server.url}/liangxin/callback/{'x' * 43}", b"{}")
    assert os.environ["LIANGXIN_CALLBACKS"]


def test_broken_hint_store_affects_only_callbacks(callbacks_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LIANGXIN_CALLBACK_BASE", "http://127.0.0.1:9")
    callbacks_folder.mkdir()
    (callbacks_folder / "hints.sqlite").write_bytes(b"no database" * 100)
    session = Session(results=tmp_path / "r", callback="auto")
    record = session.ledger.create(Request("z-image", "a lake"), "sandbox", "")
    session.ledger.update(record, "unconfirmed", status="unconfirmed", owner="")
    with pytest.raises(InvalidRequestError, match="folder for callbacks"):
        session.generate("a lake")
    assert session.resume() == []
    assert [row.label for row in session.audit()] == ["unconfirmed"]
    with pytest.raises(InvalidRequestError, match="folder for callbacks"):
        lx.CallbackServer()


def test_existing_folder_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    HintStore(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "hints.sqlite").stat().st_mode) & 0o077 == 0


def test_file_of_an_earlier_version_is_recreated(callbacks_folder):
    callbacks_folder.mkdir()
    with closing(sqlite3.connect(callbacks_folder / "hints.sqlite")) as db:
        db.execute("CREATE TABLE capabilities (digest TEXT, ticket TEXT, expires REAL)")
        db.execute("CREATE TABLE hints (n INTEGER, ticket TEXT, task_id TEXT, at REAL)")
        db.execute("INSERT INTO hints VALUES (1, 'job-1', 'task_1', 0)")
        db.commit()
    store = HintStore()
    assert store.list_hints() == []
    assert store.add_hint("job-1", "task_2")
    assert [hint.task_id for hint in HintStore().list_hints()] == ["task_2"]
