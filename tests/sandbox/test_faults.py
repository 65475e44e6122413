"""Each fault of the sandbox as a client meets it, on a real socket."""

import asyncio
import http.client
import io
import json
import select
import sys
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from liangxin_nb.sandbox import __main__ as program
from liangxin_nb.sandbox import app as server
from liangxin_nb.sandbox import envelopes, fault_handlers, files, task_timeline
from liangxin_nb.sandbox.fault_catalog import FAULT_KINDS
from liangxin_nb.sandbox.faults import FaultError, Faults, parse_fault
from liangxin_nb.sandbox.rate_limits import RateLimits
from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState

from .. import virtual_time
from ..conftest import start_sandbox, wait_until

#: On one worker, with one sandbox.
pytestmark = pytest.mark.xdist_group("faults of the sandbox")

WISH = {"model": "z-image", "input": {"prompt": "a lake", "image_size": "square"}}


class Caller:
    """Calls the sandbox with nothing that hides what it does."""

    def __init__(self, served):
        self.host = urlsplit(served.url).netloc
        self.key = served.key

    @property
    def head(self):
        """The header that every call carries."""
        return {"Authorization": f"Bearer {self.key}"}

    def ask(self, method, path, body=None, **headers):
        """Status, headers and body of one call on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {**self.head, **headers},
            )
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def create(self, **more):
        return self.ask("POST", "/api/v1/jobs/createTask", {**WISH, **more})

    def made(self, **more):
        """The id of a new task."""
        return json.loads(self.create(**more)[2])["data"]["taskId"]

    def record(self, id):
        return self.ask("GET", f"/api/v1/jobs/recordInfo?taskId={id}")

    def data(self, id):
        return json.loads(self.record(id)[2])["data"]

    def done(self, id):
        """The record of a task once it is over."""
        wait_until(lambda: self.data(id)["state"] in ("success", "fail"))
        return self.data(id)

    def link(self, id):
        """The path of a finished task's file."""
        parts = urlsplit(json.loads(self.done(id)["resultJson"])["resultUrls"][0])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def set(self, *faults):
        return self.ask("PUT", "/sandbox/faults", {"faults": faults})

    def counters(self):
        return json.loads(self.ask("GET", "/sandbox")[2])


@pytest.fixture(scope="module")
def served():
    served = start_sandbox("--speed", "50")
    yield served
    served.stop()


@pytest.fixture
def api(served):
    caller = Caller(served)
    assert caller.set()[0] == 200
    yield caller
    caller.set()


# --- before and after a task is created ---------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("busy", 429, "饱和"),
        ("create-402", 402, "Credits insufficient"),
        ("create-403", 403, "no access"),
        ("create-403-quota", 403, "额度不足"),
        ("create-413", 413, "too large"),
        ("create-422-moderated", 422, "moderation"),
        ("create-455", 455, "maintenance"),
        ("create-500", 500, "internal task error"),
        ("create-500-required", 500, "This field is required"),
        ("create-502", 502, "<html>"),
        ("create-503", 503, "No available channel"),
    ],
)
def test_a_create_is_rejected_and_nothing_is_created(api, fault, status, said):
    before = api.counters()["created"]
    api.set(fault)
    answered, headers, body = api.create()
    assert answered == status
    assert said in body.decode()
    assert "Retry-After" not in headers
    told = api.counters()
    assert told["created"] == before
    assert told["faults"] == {fault: 1}


@pytest.mark.parametrize(
    ("fault", "error", "created"),
    [
        ("create-lost", http.client.RemoteDisconnected, 1),
        ("create-half", http.client.IncompleteRead, 1),
        ("create-reset", ConnectionResetError, 0),
    ],
)
def test_a_connection_ends_and_a_task_was_created_or_not(api, fault, error, created):
    before = api.counters()["created"]
    api.set(fault)
    with pytest.raises(error) as caught:
        api.create()
    assert caught.type is error
    assert api.counters()["created"] == before + created


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("create-garbled", 200, b'{"code":200,"msg":"success","data":{"taskId":"task_'),
        ("create-no-id", 200, b'{"code":200,"msg":"success","data":{}}'),
        ("create-empty", 200, b""),
        (
            "create-created-500",
            500,
            b'{"code":500,"msg":"upstream error: do request failed","data":null}',
        ),
    ],
)
def test_a_task_is_created_and_its_id_is_not_in_the_answer(api, fault, status, body):
    before = api.counters()["created"]
    api.set(fault)
    answered, _, told = api.create()
    assert (answered, told) == (status, body)
    assert api.counters()["created"] == before + 1


def test_a_slow_create_exists_before_its_answer(api):
    before = api.counters()["created"]
    api.set("create-slow:3600")
    connection = http.client.HTTPConnection(api.host)
    connection.request("POST", "/api/v1/jobs/createTask", json.dumps(WISH), api.head)
    wait_until(lambda: api.counters()["created"] == before + 1)
    assert select.select([connection.sock], [], [], 0)[0] == [], "no answer yet"
    connection.close()


@pytest.mark.parametrize(("fault", "call"), [("create-slow", "create"), ("record-slow", "record")])
def test_a_slow_answer_comes_after_its_time(api, fault, call):
    id = api.made()
    api.set(f"{fault}:0.05")
    began = time.monotonic()
    status = api.create()[0] if call == "create" else api.record(id)[0]
    assert time.monotonic() - began >= 0.05
    assert status == 200


@pytest.mark.parametrize("call", ["create", "record"])
def test_busy_tells_when_to_come_back_in_seconds_or_as_a_date(api, call):
    id = api.made()
    prefix = "" if call == "create" else "record-"
    ask = api.create if call == "create" else lambda: api.record(id)
    api.set(f"{prefix}busy:3*1", f"{prefix}busy-date:5*1")
    status, headers, _ = ask()
    assert (status, headers["Retry-After"]) == (429, "3")
    status, headers, _ = ask()
    moment, told = (parsedate_to_datetime(headers[name]) for name in ("Retry-After", "Date"))
    assert status == 429
    assert 4 <= (moment - told).total_seconds() <= 5
    assert ask()[0] == 200


# --- the record ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("record-busy", 429, "饱和"),
        ("record-500", 500, "could not query"),
        ("record-502", 502, "<html>"),
        ("record-503", 503, "unavailable"),
        ("record-html", 200, "<form"),
        ("record-empty", 200, ""),
        ("record-broken", 200, '{"code":200,'),
    ],
)
def test_a_record_cannot_be_had_once(api, fault, status, said):
    id = api.made()
    api.set(f"{fault}*1")
    answered, _, body = api.record(id)
    assert answered == status
    assert said in body.decode()
    if status == 200:
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    assert api.record(id)[0] == 200


def test_a_record_is_reset(api):
    id = api.made()
    api.set("record-reset*1")
    with pytest.raises(ConnectionResetError) as caught:
        api.record(id)
    assert caught.type is ConnectionResetError
    assert api.record(id)[0] == 200


def test_a_revoked_key_is_rejected_everywhere_until_it_is_given_back(api):
    id = api.made()
    before = api.counters()["created"]
    api.set("key-revoked")
    for status, _, body in (api.create(), api.record(id)):
        assert status == 401
        assert json.loads(body)["error"]["type"] == "new_api_error"
    assert api.counters()["created"] == before
    api.set()
    assert api.record(id)[0] == 200


# --- the styles ---------------------------------------------------------------------------------


def test_in_kies_style_errors_are_http_200_with_the_code_in_the_body(api):
    api.set("kie", "create-500")
    status, _, body = api.record("nope")
    assert status == 200
    assert json.loads(body) == {"code": 422, "msg": "recordInfo is null", "data": None}
    status, _, body = api.ask("GET", "/api/v1/jobs/recordInfo?taskId=x", Authorization="Bearer no")
    assert (status, json.loads(body)) == (200, {"code": 401, "msg": "invalid token", "data": None})
    status, _, body = api.create()
    assert (status, json.loads(body)["code"]) == (200, 500)


def test_the_message_stands_under_another_key(api):
    api.set("message-too")
    assert set(json.loads(api.create()[2])) == {"code", "msg", "message", "data"}
    api.set("message")
    assert set(json.loads(api.create()[2])) == {"code", "message", "data"}
    assert json.loads(api.record("nope")[2])["message"] == "task not found"


@pytest.mark.parametrize(
    ("fault", "kind"), [("result-object", dict), ("result-twice", str), ("result-missing", str)]
)
def test_a_result_comes_in_another_shape(api, fault, kind):
    id = api.made()
    usual = json.loads(api.done(id)["resultJson"])
    api.set(fault)
    result = api.data(id)["resultJson"]
    assert isinstance(result, kind)
    wanted = {"result-object": usual, "result-missing": ""}
    if fault == "result-twice":
        assert json.loads(json.loads(result)) == usual
    else:
        assert result == wanted[fault]
    assert api.counters()["faults"] == {fault: 1}


def test_nulls_and_numbers_as_text_and_unknown_fields(api):
    id = api.made()
    usual = api.done(id)
    api.set("nulls", "extra")
    body = json.loads(api.record(id)[2])
    data = body["data"]
    assert (data["failCode"], data["failMsg"]) == (None, None)
    assert data["createTime"] == str(usual["createTime"])
    assert set(data) > set(usual)
    assert set(body) > {"code", "msg", "data"}


def test_the_clock_is_off(api):
    id = api.made()
    usual = api.done(id)
    api.set("clock:-7200", "busy-date:1*1")
    for name in ("createTime", "updateTime", "completeTime"):
        assert api.data(id)[name] == usual[name] - 7_200_000
    assert api.data(id)["costTime"] == usual["costTime"]
    before = time.time()
    _, headers, _ = api.create()
    after = time.time()
    for name, later in (("Date", 0), ("Retry-After", 1)):
        told = parsedate_to_datetime(headers[name]).timestamp() + 7200 - later
        assert int(before) <= told <= after, "whole seconds"
    assert headers.get_all("Date") == [headers["Date"]]


# --- a task's life ------------------------------------------------------------------------------


COURSES = [
    ("jump", ["waiting", "success"]),
    ("back", ["waiting", "queuing", "generating", "queuing", "generating", "success"]),
    ("odd-state", ["waiting", "queuing", "preparing", "success"]),
    ("fail:500", ["waiting", "queuing", "generating", "fail"]),
]


def changes(states):
    return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]


@pytest.mark.parametrize(("fault", "course"), COURSES)
def test_a_life_takes_another_course(fault, course):
    name, _, value = fault.partition(":")
    assert (
        changes([task_timeline.state_at(0, 100, now, [(name, value)])[0] for now in range(150)])
        == course
    )


@pytest.mark.parametrize(("fault", "course"), COURSES)
def test_another_course_of_a_life_is_seen_in_its_records(api, fault, course):
    api.set(fault)
    id = api.made(model="seedream-v4-5", input={"prompt": "x"})
    states = []

    def ended():
        states.append(api.data(id)["state"])
        return states[-1] == course[-1]

    wait_until(ended)
    left = iter(course)
    assert all(state in left for state in changes(states)), "in this order, though some unseen"
    assert api.counters()["faults"] == {fault: 1}


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating"])
def test_a_task_stalls_and_those_made_later_do_not(api, state):
    api.set(f"stall:{state}*1")
    stalled = api.made()
    assert api.done(api.made())["state"] == "success"
    wait_until(lambda: api.data(stalled)["state"] == state)


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating"])
def test_a_stalled_life_has_no_end(state):
    assert task_timeline.state_at(0, 100, 10**9, [("stall", state)])[0] == state


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("fail:402", "402", "Credits"),
        ("fail:ODD_9", "ODD_9", "ODD_9"),
        ("moderated", "SENSITIVE_WORD_ERROR", "sensitive"),
    ],
)
def test_a_task_fails_with_a_code_and_fitting_words(api, fault, code, words):
    api.set(fault)
    data = api.done(api.made())
    assert (data["state"], data["failCode"], data["resultJson"]) == ("fail", code, "")
    assert words in data["failMsg"]
    assert data["costTime"] > 0
    assert api.ask("GET", f"/files/{data['taskId']}/1.png")[0] == 404


@pytest.mark.parametrize(
    ("faults", "status", "code"), [(["late:3600"], 404, 404), (["late:3600", "kie"], 200, 422)]
)
def test_a_task_is_not_known_at_first(api, faults, status, code):
    api.set(*faults)
    answered, _, body = api.record(api.made())
    assert (answered, json.loads(body)["code"]) == (status, code)


def test_a_task_is_known_after_a_while(api):
    api.set("late:0.05")
    id = api.made()
    wait_until(lambda: api.record(id)[0] == 200)
    assert api.done(id)["state"] == "success"


def test_a_fault_of_a_tasks_life_is_fixed_at_its_creation_and_outlives_the_sandbox(tmp_path):
    now = [1_777_600_000.0]
    faults = Faults(["fail:500*1", "odd-state"])
    state = SandboxState(tmp_path, clock=lambda: now[0], faults=faults)
    first, second = state.create("k", WISH), state.create("k", WISH)
    faults.replace([])
    now[0] += 3600
    again = SandboxState(tmp_path, clock=lambda: now[0])
    assert again.record("k", first, "http://x")["failCode"] == "500"
    assert again.record("k", second, "http://x")["state"] == "success"
    late = SandboxState(None, clock=lambda: now[0], faults=Faults(["late:10"]))
    id = late.create("k", WISH)
    with pytest.raises(RejectedRequestError, match="not found"):
        late.record("k", id, "http://x")
    now[0] += 10
    assert late.record("k", id, "http://x")["taskId"] == id


def test_several_faults_of_one_life_are_combined():
    fates = [("stall", "generating"), ("odd-state", "")]
    assert task_timeline.state_at(0, 1000, 999_999, fates) == ("preparing", 300)
    assert (
        task_timeline.state_at(0, 1000, 999_999, [("stall", "queuing"), ("jump", "")])[0]
        == "waiting"
    )
    assert (
        task_timeline.state_at(0, 1000, 999_999, [("stall", "waiting"), ("back", "")])[0]
        == "waiting"
    )


# --- the files ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(served):
    """Where one finished picture lies; drawn once, so that the tests are quick."""
    caller = Caller(served)
    caller.set()
    return caller.link(caller.made())


def test_a_file_is_served_in_parts_like_on_a_cdn(api, path):
    status, headers, whole = api.ask("GET", path)
    assert (status, headers["Accept-Ranges"]) == (200, "bytes")
    assert headers["ETag"].startswith('"')
    status, part, rest = api.ask("GET", path, Range="bytes=100-")
    size = len(whole)
    assert (status, part["Content-Range"]) == (206, f"bytes 100-{size - 1}/{size}")
    assert (rest, part["ETag"]) == (whole[100:], headers["ETag"])
    assert api.ask("GET", path, Range="bytes=0-9")[2] == whole[:10]
    assert api.ask("GET", path, Range="bytes=5-", If_Range=headers["ETag"])[0] == 206
    assert api.ask("GET", path, Range="bytes=5-", If_Range='"other"')[2] == whole
    status, headers, _ = api.ask("GET", path, Range=f"bytes={size}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize(
    ("fault", "status"),
    [("file-404", 404), ("file-403", 403), ("file-410", 410), ("file-500", 500)],
)
def test_a_file_is_rejected(api, path, fault, status):
    api.set(f"{fault}*1")
    assert [api.ask("GET", path)[0] for _ in range(2)] == [status, 200]


@pytest.mark.parametrize(
    ("fault", "location"),
    [
        ("file-redirect-evil", "http://169.254.169.254/latest/meta-data/"),
        ("file-redirect-scheme", "file:///etc/passwd"),
    ],
)
def test_a_file_redirects_to_an_address_that_must_not_be_followed(api, path, fault, location):
    api.set(fault)
    status, headers, _ = api.ask("GET", path)
    assert (status, headers["Location"]) == (302, location)


def test_a_file_has_moved_to_its_place_or_to_itself(api, path):
    api.set("file-redirect")
    status, headers, _ = api.ask("GET", path)
    target = urlsplit(headers["Location"])
    assert (status, target.netloc) == (302, api.host)
    status, _, body = api.ask("GET", f"{target.path}?{target.query}")
    assert (status, body[:4]) == (200, b"\x89PNG")
    api.set("file-redirect-loop")
    status, headers, _ = api.ask("GET", path)
    assert (status, urlsplit(headers["Location"]).path) == (302, path)


def test_a_files_first_link_is_dead_and_one_asked_for_later_works(api):
    api.set("file-expired-once")
    id = api.made()
    first = api.link(id)
    assert api.link(id) == first
    assert [api.ask("GET", first)[0] for _ in range(2)] == [403, 403]
    second = api.link(id)
    assert second != first
    assert api.ask("GET", second)[0] == 200
    assert api.counters()["faults"] == {"file-expired-once": 1}


def test_a_file_is_cut_off_always_or_once_and_can_be_taken_up_again(api, path):
    whole = api.ask("GET", path)[2]
    api.set("file-truncated")
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead) as caught:
            api.ask("GET", path)
        assert len(caught.value.partial) == len(whole) // 2
    api.set("file-cut-once")
    with pytest.raises(http.client.IncompleteRead) as caught:
        api.ask("GET", path)
    start = caught.value.partial
    status, _, rest = api.ask("GET", path, Range=f"bytes={len(start)}-")
    assert (status, start + rest) == (206, whole)
    assert api.counters()["faults"] == {"file-cut-once": 1}


def test_a_file_holds_something_else_than_its_name_and_header_say(api, path):
    found = {}
    for fault in ("file-html", "file-empty", "file-wrong-type", "file-bomb"):
        api.set(fault)
        status, headers, found[fault] = api.ask("GET", path)
        assert (status, headers["Content-Type"]) == (200, "image/png")
    assert found["file-html"].startswith(b"<!DOCTYPE html>")
    assert found["file-empty"] == b""
    assert Image.open(io.BytesIO(found["file-wrong-type"])).format == "WEBP"
    assert len(found["file-bomb"]) < 200_000
    with pytest.raises(Image.DecompressionBombError, match="900000000 pixels"):
        Image.open(io.BytesIO(found["file-bomb"]))


def test_the_bomb_is_a_sound_png():
    image = Image.open(io.BytesIO(files._create_bomb(3000)))
    image.load()
    assert (image.size, image.getextrema()) == ((3000, 3000), (0, 0))


def test_a_file_comes_with_a_cookie_and_in_small_parts(api, path):
    whole = api.ask("GET", path)[2]
    api.set("file-cookie", "file-slow:0.1")
    status, headers, body = api.ask("GET", path)
    assert (status, body) == (200, whole)
    assert "=" in headers["Set-Cookie"]
    assert headers["Content-Length"] == str(len(whole))
    assert api.counters()["faults"] == {"file-cookie": 1, "file-slow:0.1": 1}


def test_the_parts_of_a_slow_file_come_evenly_over_its_seconds():
    content, came = bytes(range(100)), []

    async def receive():
        clock = asyncio.get_running_loop().time
        parts = files._send_slowly(50.0, content, 200, {}).body_iterator
        came.extend([(clock(), part) async for part in parts])
        return clock()

    assert virtual_time.run(receive()) == pytest.approx(17 * 2.5)
    assert [moment for moment, _ in came] == pytest.approx([n * 2.5 for n in range(17)])
    assert b"".join(part for _, part in came) == content


def test_an_endless_file_goes_on_until_the_caller_hangs_up(api, path):
    whole = len(api.ask("GET", path)[2])
    api.set("file-endless")
    connection = http.client.HTTPConnection(api.host, timeout=60)
    connection.request("GET", path)
    reply = connection.getresponse()
    assert "Content-Length" not in reply.headers
    assert len(reply.read(whole + 5_000_000)) == whole + 5_000_000
    connection.close()
    assert api.counters()["faults"] == {"file-endless": 1}


# --- the rate rules -----------------------------------------------------------------------------


@pytest.mark.anyio
async def test_too_many_calls_are_rejected_and_counted(monkeypatch):
    """All in one moment of the server's clock, over its own interface."""
    monkeypatch.setattr(server, "RateLimits", lambda: RateLimits(lambda: 0.0))
    app = server.create_app(SandboxState(None, faults=Faults(["limits"])), "key")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://sandbox",
        headers={"Authorization": "Bearer key"},
    ) as client:  # fmt: skip
        jobs = "/api/v1/jobs"
        created = [(await client.post(f"{jobs}/createTask", json=WISH)) for _ in range(23)]
        asked = [await client.get(f"{jobs}/recordInfo?taskId=x") for _ in range(14)]
        told = (await client.get("/sandbox")).json()
    assert [answer.status_code for answer in created] == [200] * 20 + [429] * 3
    assert [answer.status_code for answer in asked] == [404] * 10 + [429] * 4
    assert told["created"] == 20
    assert told["limits"] == {
        "createTask": {"rejected": 3, "max_per_second": 23},
        "recordInfo": {"rejected": 4, "max_per_second": 14},
    }
    assert told["faults"] == {"limits": 7}


def test_the_rules_count_the_last_seconds_of_each_key():
    now = [0.0]
    limits = RateLimits(lambda: now[0])

    def calls(number, key="k"):
        for _ in range(number):
            limits.count_call("recordInfo", key)
        return [limits.is_exceeded("recordInfo", key) for _ in range(number)].count(True)

    assert calls(10) == 0
    now[0] = 0.9
    assert (calls(2), calls(3, "other")) == (2, 0)
    now[0] = 1.0
    assert calls(10) == 0
    assert limits.statistics()["recordInfo"] == {"rejected": 2, "max_per_second": 12}


def test_the_rules_are_counted_anew_after_a_change_of_faults():
    limits = RateLimits(lambda: 0.0)
    limits.count_call("createTask", "k")
    assert [limits.is_exceeded("createTask", "k") for _ in range(21)] == [False] * 20 + [True]
    limits.reset()
    assert limits.statistics() == {
        call: {"rejected": 0, "max_per_second": 0} for call in ("createTask", "recordInfo")
    }
    assert not limits.is_exceeded("createTask", "k")


# --- naming them --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("create-lots", "unknown fault 'create-lots'; available: key-revoked, limits, "),
        ("", "unknown fault ''"),
        ("busy*0", "unknown fault 'busy*0'"),
        ("create-lost:3", "create-lost takes no argument"),
        ("create-slow", "create-slow:SECONDS takes a number of seconds, not None"),
        ("create-slow:soon", "takes a number of seconds, not 'soon'"),
        ("busy:3:retry=1", "busy[:SECONDS] takes a number of seconds, not '3:retry=1'"),
        ("late:-1", "takes a number of seconds, not '-1'"),
        ("stall:success", "takes one of waiting, queuing, generating, not 'success'"),
        ("fail", "fail:CODE takes a code, not None"),
    ],
)
def test_a_fault_that_cannot_be_had_is_rejected_in_one_line(text, said):
    with pytest.raises(FaultError) as refusal:
        parse_fault(text)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_every_fault_named_is_one_that_strikes():
    handled = {
        **fault_handlers.FAULT_HANDLERS,
        **envelopes.ANSWER_FAULTS,
        **files.FAULT_HANDLERS,
        **task_timeline.LIFE_FAULTS,
        "late": None,
    }
    handled |= dict.fromkeys(("callback-lost", "callback-twice", "callback-forged"))
    assert set(handled) == set(FAULT_KINDS)


def test_a_bad_set_is_rejected_and_the_old_one_stays(api):
    api.set("create-lost*2", "kie")
    for body in ({"faults": ["kie", "nope"]}, {"faults": "kie"}, [], {"faults": ["kie", "kie"]}):
        status, _, said = api.ask("PUT", "/sandbox/faults", body)
        assert status == 400
        assert json.loads(said)["error"]
    assert api.counters()["faults"] == {"create-lost*2": 0, "kie": 0}


def test_faults_of_one_place_strike_in_the_order_named_each_for_its_occasions(api):
    before = api.counters()["created"]
    api.set("create-500*2", "busy:0*1", "create-slow:0.05*1")
    assert [api.create()[0] for _ in range(3)] == [500, 500, 429]
    began = time.monotonic()
    assert api.create()[0] == 200
    assert time.monotonic() - began >= 0.05
    told = api.counters()
    assert told["created"] == before + 1
    assert told["faults"] == {"create-500*2": 2, "busy:0*1": 1, "create-slow:0.05*1": 1}
    assert json.loads(api.set("kie")[2])["faults"] == {"kie": 0}


def test_occasions_are_counted_rightly_by_many_threads():
    faults = Faults(["fail:500*50"])
    struck = []

    def strike():
        for _ in range(40):
            struck.extend(faults.take("life"))

    threads = [threading.Thread(target=strike) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(struck) == 50
    assert faults.statistics() == {"fail:500*50": 50}


def run(monkeypatch, *options):
    """The code with which the command ends."""
    monkeypatch.setattr(sys, "argv", ["sandbox", *options])
    with pytest.raises(SystemExit) as ended:
        program.main()
    return ended.value.code


def test_faults_can_be_named_at_the_start():
    served = start_sandbox("--faults", "create-lost*1, busy:3")
    try:
        assert served.counters()["faults"] == {"create-lost*1": 0, "busy:3": 0}
    finally:
        served.stop()


def test_an_unknown_fault_at_the_start_is_rejected(monkeypatch, capsys):
    assert run(monkeypatch, "--faults", "kie, nope") == 2
    assert "unknown fault 'nope'; available: " in capsys.readouterr().err.splitlines()[-1]


def test_the_help_lists_every_fault(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    listed = capsys.readouterr().out
    for kind in FAULT_KINDS.values():
        assert kind.description in listed
