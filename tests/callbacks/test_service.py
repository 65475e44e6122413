"""Calls that are refused, and why: over a real socket, none of them with an effect."""

import base64
import hashlib
import http.client
import os
import socket
import stat
import subprocess
import time
from urllib.parse import urlsplit

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.callbacks import service
from liangxin_nb.callbacks.hint_store import MAX_CLAIMS, RETENTION_S, HintStore
from liangxin_nb.callbacks.signature import sign, verify
from liangxin_nb.callbacks.token_bucket import TokenBuckets
from liangxin_nb.config.settings import Secret
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError

from .conftest import body, post

WEBHOOK_KEY = "whk-" + "for-the-tests"


@pytest.fixture
def url(receiver, store):
    return f"{receiver.url}/liangxin/callback/{store.grant('ticket', 60)}"


def test_a_good_call_becomes_a_hint_and_nothing_else(url, store):
    assert post(url, body("task_1")) == 204
    assert [(hint.job_id, hint.task_id) for hint in store.hints()] == [("ticket", "task_1")]


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
def test_a_body_must_be_small_and_name_a_task(url, store, content, status):
    assert post(url, content) == status
    assert len(store.hints()) == (status == 204)


def test_a_body_without_an_announced_length_is_bounded_too(url, store):
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
        status = 413  # it hung up before all was sent
    finally:
        connection.close()
    assert status == 413
    assert store.hints() == []


def test_an_unknown_an_old_and_a_forgotten_capability_are_no_address(receiver, store):
    old = store.grant("ticket", -1)
    gone = store.grant("other", 60)
    store.forget("other")
    for word in ("x" * 43, old, gone, "short", "../../etc"):
        assert post(f"{receiver.url}/liangxin/callback/{word}", body("task_1")) == 404
    assert store.hints() == []


def test_only_post_is_answered(url):
    assert post(url, None, method="GET") == 405


def test_one_capability_may_not_call_too_often(store, monkeypatch):
    """Twenty calls at once, and two a second after that."""
    now = [0.0]
    monkeypatch.setattr(
        service, "TokenBuckets", lambda *given: TokenBuckets(*given, lambda: now[0])
    )
    words = [store.grant(ticket, 60) for ticket in "ab"]
    with lx.CallbackServer() as made:
        urls = [f"{made.url}/liangxin/callback/{word}" for word in words]
        assert [post(urls[0], body("task_1")) for _ in range(22)] == [204] * 20 + [429] * 2
        assert post(urls[1], body("task_1")) == 204
        now[0] = 1.0
        assert [post(urls[0], body("task_1")) for _ in range(3)] == [204] * 2 + [429]


def test_buckets_fill_up_again_and_full_ones_are_forgotten():
    now = [0.0]
    buckets = TokenBuckets(2, 1.0, lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    now[0] = 1.0
    assert [buckets.take("a") for _ in range(2)] == [True, False]
    for n in range(5000):
        now[0] += 1.0
        buckets.take(str(n))
    assert len(buckets._levels) < 1100


def test_the_mailbox_is_private_and_keeps_no_word_that_opens(store, own_mailbox):
    word = store.grant("ticket", 60)
    store.put("ticket", "task_1", "a signature", 600)
    assert len(word) >= 32
    assert stat.S_IMODE(own_mailbox.stat().st_mode) == 0o700
    written = b"".join(path.read_bytes() for path in own_mailbox.iterdir())
    assert word.encode() not in written
    assert b"a signature" not in written


def test_the_mailbox_prunes_what_is_old_and_bounds_what_callers_name(own_mailbox):
    now = [1000.0]
    box = HintStore(clock=lambda: now[0])
    box.grant("ticket", 60)
    for n in range(3 * MAX_CLAIMS):
        box.put("ticket", f"task_{n}")
    assert len(box.hints()) == MAX_CLAIMS
    now[0] += RETENTION_S + 1
    box.grant("other", 60)
    assert box.hints() == []
    assert not box.open_for("ticket")


def rfc2104(key, message):
    """HMAC-SHA256 written out, to have one that is not the library's."""
    key = hashlib.sha256(key).digest() if len(key) > 64 else key
    key = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def theirs(key, task_id, timestamp):
    return base64.b64encode(rfc2104(key.encode(), f"{task_id}.{timestamp}".encode())).decode()


@pytest.mark.parametrize("key", ["k", "x" * 64, "y" * 200, "钥匙"])
def test_an_independent_signature_is_accepted_and_ours_is_the_same(key):
    now = str(int(time.time()))
    assert verify(Secret(key), "task_1", now, theirs(key, "task_1", now), time.time())
    assert sign(Secret(key), "task_1", now) == theirs(key, "task_1", now)


def test_openssl_makes_the_same_signature():
    command = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt",
               f"hexkey:{WEBHOOK_KEY.encode().hex()}", "-binary"]  # fmt: skip
    try:
        made = subprocess.run(command, input=b"task_1.1777600000", capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("no openssl here")
    assert sign(Secret(WEBHOOK_KEY), "task_1", "1777600000") == (
        base64.b64encode(made.stdout).decode()
    )


@pytest.fixture
def signed_url(monkeypatch, store):
    monkeypatch.setenv("LIANGXIN_WEBHOOK_KEY", WEBHOOK_KEY)
    with lx.CallbackServer() as made:
        yield f"{made.url}/liangxin/callback/{store.grant('ticket', 60)}"


def headers(task_id="task_1", key=WEBHOOK_KEY, age=0):
    now = str(int(time.time()) - age)
    return {"X-Webhook-Timestamp": now, "X-Webhook-Signature": theirs(key, task_id, now)}


@pytest.mark.parametrize(
    "wrong",
    [
        dict,
        lambda: headers(key="another"),
        lambda: headers(task_id="task_2"),
        lambda: headers(age=400),
        lambda: headers(age=-400),
        lambda: headers() | {"X-Webhook-Timestamp": "soon"},
        lambda: headers() | {"X-Webhook-Timestamp": "1" * 400},
        lambda: headers() | {"X-Webhook-Signature": "é" * 44},
    ],
    ids=["missing", "forged", "of another task", "stale", "ahead", "no time", "long", "odd"],
)
def test_what_is_not_signed_rightly_has_no_effect(signed_url, store, wrong):
    assert post(signed_url, body("task_1"), wrong()) == 401
    assert store.hints() == []


def test_a_signature_is_good_once(signed_url, store):
    once = headers()
    assert post(signed_url, body("task_1"), once) == 204
    assert post(signed_url, body("task_1"), once) == 409
    other = signed_url.rpartition("/")[0] + "/" + store.grant("other", 60)
    assert post(other, body("task_1"), once) == 409
    assert [hint.number for hint in store.hints()] == [1]


@pytest.mark.parametrize(("age", "accepted"), [(0, True), (299, True), (300, True), (301, False)])
def test_a_signature_is_good_for_five_minutes_before_and_after_its_time(age, accepted):
    key, at = Secret("k"), 1_777_600_000
    for now in (at + age, at - age):
        assert verify(key, "task_1", str(at), theirs("k", "task_1", str(at)), now) is accepted


def test_a_port_that_is_taken_is_reported_in_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidRequestError, match="cannot be listened on"):
            lx.CallbackServer(taken.getsockname()[1])


def test_a_closed_receiver_takes_no_calls():
    made = lx.CallbackServer()
    made.close()
    made.close()
    assert not made._thread.is_alive()
    with pytest.raises(OSError):  # noqa: PT011 refused, reset or timed out
        post(f"{made.url}/liangxin/callback/{'x' * 43}", b"{}")
    assert os.environ["LIANGXIN_CALLBACKS"]


def test_a_broken_mailbox_refuses_callbacks_and_hinders_nothing_else(
    own_mailbox, tmp_path, monkeypatch
):
    monkeypatch.setenv("LIANGXIN_CALLBACK_BASE", "http://127.0.0.1:9")
    own_mailbox.mkdir()
    (own_mailbox / "mailbox.sqlite").write_bytes(b"no database" * 100)
    session = Session(results=tmp_path / "r", callback="auto")
    record = session.ledger.create(Request("z-image", "a lake"), "sandbox", "")
    session.ledger.update(record, "unconfirmed", status="unconfirmed", owner="")
    with pytest.raises(InvalidRequestError, match="mailbox"):
        session.generate("a lake")
    assert session.resume() == []
    assert [row.label for row in session.audit()] == ["unconfirmed"]
    with pytest.raises(InvalidRequestError, match="mailbox"):
        lx.CallbackServer()


def test_a_folder_that_is_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    HintStore(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "mailbox.sqlite").stat().st_mode) & 0o077 == 0
