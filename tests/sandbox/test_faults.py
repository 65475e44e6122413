"""Each fault of the sandbox from the perspective of a client, on a real socket."""

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
from liangxin_nb.sandbox import (
    answer_faults,
    fault_handlers,
    file_delivery,
    file_faults,
    file_formats,
    odd_answers,
    result_shapes,
    task_timeline,
    wire_faults,
)
from liangxin_nb.sandbox import app as server
from liangxin_nb.sandbox.fault_catalog import CHOICES, FAULT_KINDS
from liangxin_nb.sandbox.faults import FaultError, Faults, parse_fault
from liangxin_nb.sandbox.rate_limits import RateLimits
from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState

from .. import virtual_time
from ..conftest import start_sandbox, wait_until
from .fault_client import BODY

#: All on one worker, which starts one sandbox.
pytestmark = pytest.mark.xdist_group("faults of the sandbox")

# --- before and after a task is created ---------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "message"),
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
def test_create_is_rejected_and_no_task_is_created(api, fault, status, message):
    before = api.counters()["created"]
    api.set_faults(fault)
    actual, headers, body = api.create()
    assert actual == status
    assert message in body.decode()
    assert "Retry-After" not in headers
    counters = api.counters()
    assert counters["created"] == before
    assert counters["faults"] == {fault: 1}


@pytest.mark.parametrize(
    ("fault", "error", "created"),
    [
        ("create-lost", http.client.RemoteDisconnected, 1),
        ("create-half", http.client.IncompleteRead, 1),
        ("create-reset", ConnectionResetError, 0),
    ],
)
def test_connection_is_closed_before_or_after_the_task_is_created(api, fault, error, created):
    before = api.counters()["created"]
    api.set_faults(fault)
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
def test_task_is_created_but_the_response_contains_no_id(api, fault, status, body):
    before = api.counters()["created"]
    api.set_faults(fault)
    actual = api.create()
    assert (actual[0], actual[2]) == (status, body)
    assert api.counters()["created"] == before + 1


def test_task_of_a_slow_create_exists_before_the_response(api):
    before = api.counters()["created"]
    api.set_faults("create-slow:3600")
    connection = http.client.HTTPConnection(api.host)
    connection.request("POST", "/api/v1/jobs/createTask", json.dumps(BODY), api.headers)
    wait_until(lambda: api.counters()["created"] == before + 1)
    assert select.select([connection.sock], [], [], 0)[0] == [], "no response yet"
    connection.close()


@pytest.mark.parametrize(("fault", "call"), [("create-slow", "create"), ("record-slow", "record")])
def test_slow_response_is_delayed(api, fault, call):
    task_id = api.create_id()
    api.set_faults(f"{fault}:0.05")
    start = time.monotonic()
    status = api.create()[0] if call == "create" else api.record(task_id)[0]
    assert time.monotonic() - start >= 0.05
    assert status == 200


@pytest.mark.parametrize("call", ["create", "record"])
def test_busy_sends_retry_after_in_seconds_or_as_a_date(api, call):
    task_id = api.create_id()
    prefix = "" if call == "create" else "record-"
    send = api.create if call == "create" else lambda: api.record(task_id)
    api.set_faults(f"{prefix}busy:3*1", f"{prefix}busy-date:5*1")
    status, headers, _ = send()
    assert (status, headers["Retry-After"]) == (429, "3")
    status, headers, _ = send()
    retry_at, date = (parsedate_to_datetime(headers[name]) for name in ("Retry-After", "Date"))
    assert status == 429
    assert 4 <= (retry_at - date).total_seconds() <= 5
    assert send()[0] == 200


# --- the record ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "message"),
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
def test_record_is_unavailable_once(api, fault, status, message):
    task_id = api.create_id()
    api.set_faults(f"{fault}*1")
    actual, _, body = api.record(task_id)
    assert actual == status
    assert message in body.decode()
    if status == 200:
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)
    assert api.record(task_id)[0] == 200


def test_connection_of_record_is_reset(api):
    task_id = api.create_id()
    api.set_faults("record-reset*1")
    with pytest.raises(ConnectionResetError) as caught:
        api.record(task_id)
    assert caught.type is ConnectionResetError
    assert api.record(task_id)[0] == 200


def test_revoked_key_is_rejected_until_the_fault_is_removed(api):
    task_id = api.create_id()
    before = api.counters()["created"]
    api.set_faults("key-revoked")
    for status, _, body in (api.create(), api.record(task_id)):
        assert status == 401
        assert json.loads(body)["error"]["type"] == "new_api_error"
    assert api.counters()["created"] == before
    api.set_faults()
    assert api.record(task_id)[0] == 200


# --- answers ------------------------------------------------------------------------------------


def test_errors_of_the_fault_kie_have_http_200_and_the_code_in_the_body(api):
    api.set_faults("kie", "create-500")
    status, _, body = api.record("nope")
    assert status == 200
    assert json.loads(body) == {"code": 422, "msg": "recordInfo is null", "data": None}
    status, _, body = api.call("GET", "/api/v1/jobs/recordInfo?taskId=x", Authorization="Bearer no")
    assert (status, json.loads(body)) == (200, {"code": 401, "msg": "invalid token", "data": None})
    status, _, body = api.create()
    assert (status, json.loads(body)["code"]) == (200, 500)


def test_message_has_another_key(api):
    api.set_faults("message-too")
    assert set(json.loads(api.create()[2])) == {"code", "msg", "message", "data"}
    api.set_faults("message")
    assert set(json.loads(api.create()[2])) == {"code", "message", "data"}
    assert json.loads(api.record("nope")[2])["message"] == "task not found"


@pytest.mark.parametrize(
    ("fault", "kind"), [("result-object", dict), ("result-twice", str), ("result-missing", str)]
)
def test_result_has_another_type(api, fault, kind):
    task_id = api.create_id()
    usual = json.loads(api.wait(task_id)["resultJson"])
    api.set_faults(fault)
    result = api.data(task_id)["resultJson"]
    assert isinstance(result, kind)
    expected = {"result-object": usual, "result-missing": ""}
    if fault == "result-twice":
        assert json.loads(json.loads(result)) == usual
    else:
        assert result == expected[fault]
    assert api.counters()["faults"] == {fault: 1}


def test_record_contains_nulls_text_numbers_and_unknown_fields(api):
    task_id = api.create_id()
    usual = api.wait(task_id)
    api.set_faults("nulls", "extra")
    body = json.loads(api.record(task_id)[2])
    data = body["data"]
    assert (data["failCode"], data["failMsg"]) == (None, None)
    assert data["createTime"] == str(usual["createTime"])
    assert set(data) > set(usual)
    assert set(body) > {"code", "msg", "data"}


def test_all_times_are_shifted(api):
    task_id = api.create_id()
    usual = api.wait(task_id)
    api.set_faults("clock:-7200", "busy-date:1*1")
    for name in ("createTime", "updateTime", "completeTime"):
        assert api.data(task_id)[name] == usual[name] - 7_200_000
    assert api.data(task_id)["costTime"] == usual["costTime"]
    before = time.time()
    _, headers, _ = api.create()
    after = time.time()
    for name, delay in (("Date", 0), ("Retry-After", 1)):
        sent_at = parsedate_to_datetime(headers[name]).timestamp() + 7200 - delay
        assert int(before) <= sent_at <= after, "whole seconds"
    assert headers.get_all("Date") == [headers["Date"]]


# --- task states -------------------------------------------------------------------------------


SEQUENCES = [
    ("jump", ["waiting", "success"]),
    ("back", ["waiting", "queuing", "generating", "queuing", "generating", "success"]),
    ("odd-state", ["waiting", "queuing", "preparing", "success"]),
    ("fail:500", ["waiting", "queuing", "generating", "fail"]),
]


def remove_repeated(states):
    return [state for n, state in enumerate(states) if n == 0 or states[n - 1] != state]


@pytest.mark.parametrize(("fault", "states"), SEQUENCES)
def test_fault_changes_the_sequence_of_states(fault, states):
    name, _, value = fault.partition(":")
    assert (
        remove_repeated(
            [task_timeline.state_at(0, 100, now, [(name, value)])[0] for now in range(150)]
        )
        == states
    )


@pytest.mark.parametrize(("fault", "states"), SEQUENCES)
def test_changed_sequence_of_states_is_visible_in_records(api, fault, states):
    api.set_faults(fault)
    task_id = api.create_id(model="seedream-v4-5", input={"prompt": "x"})
    seen = []

    def has_ended():
        seen.append(api.data(task_id)["state"])
        return seen[-1] == states[-1]

    wait_until(has_ended)
    remaining = iter(states)
    assert all(state in remaining for state in remove_repeated(seen)), "in order, with gaps"
    assert api.counters()["faults"] == {fault: 1}


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating"])
def test_only_the_first_task_stalls(api, state):
    api.set_faults(f"stall:{state}*1")
    stalled = api.create_id()
    assert api.wait(api.create_id())["state"] == "success"
    wait_until(lambda: api.data(stalled)["state"] == state)


@pytest.mark.parametrize("state", ["waiting", "queuing", "generating"])
def test_stalled_task_never_ends(state):
    assert task_timeline.state_at(0, 100, 10**9, [("stall", state)])[0] == state


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("fail:402", "402", "Credits"),
        ("fail:ODD_9", "ODD_9", "ODD_9"),
        ("moderated", "SENSITIVE_WORD_ERROR", "sensitive"),
    ],
)
def test_task_fails_with_a_code_and_a_message(api, fault, code, message):
    api.set_faults(fault)
    data = api.wait(api.create_id())
    assert (data["state"], data["failCode"], data["resultJson"]) == ("fail", code, "")
    assert message in data["failMsg"]
    assert data["costTime"] > 0
    assert api.call("GET", f"/files/{data['taskId']}/1.png")[0] == 404


@pytest.mark.parametrize(
    ("faults", "status", "code"), [(["late:3600"], 404, 404), (["late:3600", "kie"], 200, 422)]
)
def test_task_is_unknown_initially(api, faults, status, code):
    api.set_faults(*faults)
    actual, _, body = api.record(api.create_id())
    assert (actual, json.loads(body)["code"]) == (status, code)


def test_task_is_known_after_the_delay(api):
    api.set_faults("late:0.05")
    task_id = api.create_id()
    wait_until(lambda: api.record(task_id)[0] == 200)
    assert api.wait(task_id)["state"] == "success"


def test_fault_of_a_task_is_fixed_at_its_creation_and_survives_a_restart(tmp_path):
    now = [1_777_600_000.0]
    faults = Faults(["fail:500*1", "odd-state"])
    state = SandboxState(tmp_path, clock=lambda: now[0], faults=faults)
    first, second = state.create("k", BODY), state.create("k", BODY)
    faults.replace([])
    now[0] += 3600
    restarted = SandboxState(tmp_path, clock=lambda: now[0])
    assert restarted.record("k", first, "http://x")["failCode"] == "500"
    assert restarted.record("k", second, "http://x")["state"] == "success"
    late = SandboxState(None, clock=lambda: now[0], faults=Faults(["late:10"]))
    task_id = late.create("k", BODY)
    with pytest.raises(RejectedRequestError, match="not found"):
        late.record("k", task_id, "http://x")
    now[0] += 10
    assert late.record("k", task_id, "http://x")["taskId"] == task_id


def test_faults_of_a_task_are_combined():
    faults = [("stall", "generating"), ("odd-state", "")]
    assert task_timeline.state_at(0, 1000, 999_999, faults) == ("preparing", 300)
    assert (
        task_timeline.state_at(0, 1000, 999_999, [("stall", "queuing"), ("jump", "")])[0]
        == "waiting"
    )
    assert (
        task_timeline.state_at(0, 1000, 999_999, [("stall", "waiting"), ("back", "")])[0]
        == "waiting"
    )


# --- the files ----------------------------------------------------------------------------------


def test_ranges_of_a_file_are_served(api, path):
    status, headers, whole = api.call("GET", path)
    assert (status, headers["Accept-Ranges"]) == (200, "bytes")
    assert headers["ETag"].startswith('"')
    status, part, rest = api.call("GET", path, Range="bytes=100-")
    size = len(whole)
    assert (status, part["Content-Range"]) == (206, f"bytes 100-{size - 1}/{size}")
    assert (rest, part["ETag"]) == (whole[100:], headers["ETag"])
    assert api.call("GET", path, Range="bytes=0-9")[2] == whole[:10]
    assert api.call("GET", path, Range="bytes=5-", If_Range=headers["ETag"])[0] == 206
    assert api.call("GET", path, Range="bytes=5-", If_Range='"other"')[2] == whole
    status, headers, _ = api.call("GET", path, Range=f"bytes={size}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize(
    ("fault", "status"),
    [("file-404", 404), ("file-403", 403), ("file-410", 410), ("file-500", 500)],
)
def test_file_request_is_rejected(api, path, fault, status):
    api.set_faults(f"{fault}*1")
    assert [api.call("GET", path)[0] for _ in range(2)] == [status, 200]


@pytest.mark.parametrize(
    ("fault", "location"),
    [
        ("file-redirect-evil", "http://169.254.169.254/latest/meta-data/"),
        ("file-redirect-scheme", "file:///etc/passwd"),
    ],
)
def test_file_redirects_to_a_forbidden_url(api, path, fault, location):
    api.set_faults(fault)
    status, headers, _ = api.call("GET", path)
    assert (status, headers["Location"]) == (302, location)


def test_file_redirects_to_itself_once_or_in_a_loop(api, path):
    api.set_faults("file-redirect")
    status, headers, _ = api.call("GET", path)
    target = urlsplit(headers["Location"])
    assert (status, target.netloc) == (302, api.host)
    status, _, body = api.call("GET", f"{target.path}?{target.query}")
    assert (status, body[:4]) == (200, b"\x89PNG")
    api.set_faults("file-redirect-loop")
    status, headers, _ = api.call("GET", path)
    assert (status, urlsplit(headers["Location"]).path) == (302, path)


def test_first_link_of_a_file_has_expired_and_the_second_is_valid(api):
    api.set_faults("file-expired-once")
    task_id = api.create_id()
    first = api.link(task_id)
    assert api.link(task_id) == first
    assert [api.call("GET", first)[0] for _ in range(2)] == [403, 403]
    second = api.link(task_id)
    assert second != first
    assert api.call("GET", second)[0] == 200
    assert api.counters()["faults"] == {"file-expired-once": 1}


def test_truncated_file_can_be_resumed_with_a_range(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-truncated")
    for _ in range(2):
        with pytest.raises(http.client.IncompleteRead) as caught:
            api.call("GET", path)
        assert len(caught.value.partial) == len(whole) // 2
    api.set_faults("file-cut-once")
    with pytest.raises(http.client.IncompleteRead) as caught:
        api.call("GET", path)
    start = caught.value.partial
    status, _, rest = api.call("GET", path, Range=f"bytes={len(start)}-")
    assert (status, start + rest) == (206, whole)
    assert api.counters()["faults"] == {"file-cut-once": 1}


def test_content_of_a_file_differs_from_its_media_type(api, path):
    contents = {}
    for fault in ("file-html", "file-empty", "file-wrong-type", "file-bomb"):
        api.set_faults(fault)
        status, headers, contents[fault] = api.call("GET", path)
        assert (status, headers["Content-Type"]) == (200, "image/png")
    assert contents["file-html"].startswith(b"<!DOCTYPE html>")
    assert contents["file-empty"] == b""
    assert Image.open(io.BytesIO(contents["file-wrong-type"])).format == "WEBP"
    assert len(contents["file-bomb"]) < 200_000
    with pytest.raises(Image.DecompressionBombError, match="900000000 pixels"):
        Image.open(io.BytesIO(contents["file-bomb"]))


def test_decompression_bomb_is_a_valid_png():
    image = Image.open(io.BytesIO(file_formats.create_png(3000, 3000)))
    image.load()
    assert (image.size, image.getextrema()) == ((3000, 3000), (0, 0))


def test_file_is_sent_slowly_and_with_a_cookie(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-cookie", "file-slow:0.1")
    status, headers, body = api.call("GET", path)
    assert (status, body) == (200, whole)
    assert "=" in headers["Set-Cookie"]
    assert headers["Content-Length"] == str(len(whole))
    assert api.counters()["faults"] == {"file-cookie": 1, "file-slow:0.1": 1}


def test_parts_of_a_slow_file_are_sent_at_equal_intervals():
    content, received = bytes(range(100)), []

    async def receive():
        clock = asyncio.get_running_loop().time
        parts = file_delivery.send_slowly(50.0, content, 200, {}).body_iterator
        received.extend([(clock(), part) async for part in parts])
        return clock()

    assert virtual_time.run(receive()) == pytest.approx(17 * 2.5)
    assert [moment for moment, _ in received] == pytest.approx([n * 2.5 for n in range(17)])
    assert b"".join(part for _, part in received) == content


def test_endless_file_is_sent_until_the_client_disconnects(api, path):
    whole = len(api.call("GET", path)[2])
    api.set_faults("file-endless")
    connection = http.client.HTTPConnection(api.host, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    assert "Content-Length" not in response.headers
    assert len(response.read(whole + 5_000_000)) == whole + 5_000_000
    connection.close()
    assert api.counters()["faults"] == {"file-endless": 1}


# --- rate limits -------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_calls_above_the_rate_limit_are_rejected_and_counted(monkeypatch):
    """All calls are at the same time of the server's clock."""
    monkeypatch.setattr(server, "RateLimits", lambda: RateLimits(lambda: 0.0))
    app = server.create_app(SandboxState(None, faults=Faults(["limits"])), "key")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost:8000",
        headers={"Authorization": "Bearer key"},
    ) as client:  # fmt: skip
        jobs = "/api/v1/jobs"
        created = [(await client.post(f"{jobs}/createTask", json=BODY)) for _ in range(23)]
        polled = [await client.get(f"{jobs}/recordInfo?taskId=x") for _ in range(14)]
        status = (await client.get("/sandbox")).json()
    assert [response.status_code for response in created] == [200] * 20 + [429] * 3
    assert [response.status_code for response in polled] == [404] * 10 + [429] * 4
    assert status["created"] == 20
    assert status["limits"] == {
        "createTask": {"rejected": 3, "max_per_second": 23},
        "recordInfo": {"rejected": 4, "max_per_second": 14},
    }
    assert status["faults"] == {"limits": 7}


def test_rate_limits_apply_to_the_last_seconds_of_each_key():
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


def test_rate_limits_are_reset():
    limits = RateLimits(lambda: 0.0)
    limits.count_call("createTask", "k")
    assert [limits.is_exceeded("createTask", "k") for _ in range(21)] == [False] * 20 + [True]
    limits.reset()
    assert limits.statistics() == {
        call: {"rejected": 0, "max_per_second": 0} for call in ("createTask", "recordInfo")
    }
    assert not limits.is_exceeded("createTask", "k")


# --- parsing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_invalid_fault_is_rejected_in_one_line(text, message):
    with pytest.raises(FaultError) as error:
        parse_fault(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_each_fault_in_the_catalog_has_a_handler():
    handled = {
        **fault_handlers.FAULT_HANDLERS,
        **answer_faults.ANSWER_FAULTS,
        **file_faults.FAULT_HANDLERS,
        **task_timeline.LIFE_FAULTS,
        "late": None,
        "result-late": None,
        **{
            f"{call}-{name}": None
            for call in ("create", "record")
            for name in wire_faults.WIRE_FAULTS
        },
    }
    handled |= dict.fromkeys(
        f"{call}-{name}" for call in ("create", "record") for name in wire_faults.WIRE_FAULTS
    )
    handled |= dict.fromkeys(("callback-lost", "callback-twice", "callback-forged"))
    assert set(handled) == set(FAULT_KINDS)


def test_choices_of_an_argument_are_the_handled_ones():
    tables = {
        "PLACE": odd_answers.ID_PLACES,
        "TIMES": odd_answers.ODD_TIMES,
        "SHAPE": result_shapes.RESULT_SHAPES,
        "FORMAT": file_formats.FILE_FORMATS,
    }
    for name, table in tables.items():
        assert CHOICES[name] == tuple(table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("create-status:204", "takes an HTTP status with a body, such as 504, not '204'"),
        ("create-status:1000", "takes an HTTP status with a body"),
        ("create-id:nowhere", "takes one of task_id, id, top, "),
        ("file-dead:0", "takes numbers of files, such as 2 or 1+3, not '0'"),
        ("file-dead:1+", "takes numbers of files"),
        ("file-film:0", "takes a number of megabytes"),
        ("file-late:many", "takes a number of requests, not 'many'"),
        ("success-word:", "takes a word, not ''"),
        ("create-lost@", "unknown fault 'create-lost@'"),
        ("create-lost*1@2", "unknown fault 'create-lost*1@2'"),
    ],
)
def test_invalid_argument_is_rejected_with_the_allowed_values(text, message):
    with pytest.raises(FaultError) as error:
        parse_fault(text)
    assert message in str(error.value)


def test_fault_occurs_after_the_skipped_occasions(api):
    task_id = api.create_id()
    api.set_faults("record-page:404@2*1", "record-500@3*2")
    assert [api.record(task_id)[0] for _ in range(7)] == [200, 200, 404, 200, 500, 500, 200]
    assert api.counters()["faults"] == {"record-page:404@2*1": 1, "record-500@3*2": 2}


def test_invalid_faults_are_rejected_and_the_active_ones_remain(api):
    api.set_faults("create-lost*2", "kie")
    for body in ({"faults": ["kie", "nope"]}, {"faults": "kie"}, [], {"faults": ["kie", "kie"]}):
        status, _, answer = api.call("PUT", "/sandbox/faults", body)
        assert status == 400
        assert json.loads(answer)["error"]
    assert api.counters()["faults"] == {"create-lost*2": 0, "kie": 0}


def test_faults_of_a_stage_occur_in_order_and_as_often_as_set(api):
    before = api.counters()["created"]
    api.set_faults("create-500*2", "busy:0*1", "create-slow:0.05*1")
    assert [api.create()[0] for _ in range(3)] == [500, 500, 429]
    start = time.monotonic()
    assert api.create()[0] == 200
    assert time.monotonic() - start >= 0.05
    counters = api.counters()
    assert counters["created"] == before + 1
    assert counters["faults"] == {"create-500*2": 2, "busy:0*1": 1, "create-slow:0.05*1": 1}
    assert json.loads(api.set_faults("kie")[2])["faults"] == {"kie": 0}


def test_occurrences_are_counted_correctly_by_threads():
    faults = Faults(["fail:500*50"])
    taken = []

    def take_faults():
        for _ in range(40):
            taken.extend(faults.take("life"))

    threads = [threading.Thread(target=take_faults) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 50
    assert faults.statistics() == {"fail:500*50": 50}


def run(monkeypatch, *options):
    """Run the command and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["sandbox", *options])
    with pytest.raises(SystemExit) as exit_info:
        program.main()
    return exit_info.value.code


def test_faults_can_be_set_on_the_command_line():
    process = start_sandbox("--faults", "create-lost*1, busy:3")
    try:
        assert process.counters()["faults"] == {"create-lost*1": 0, "busy:3": 0}
    finally:
        process.stop()


def test_unknown_fault_on_the_command_line_is_rejected(monkeypatch, capsys):
    assert run(monkeypatch, "--faults", "kie, nope") == 2
    assert "unknown fault 'nope'; available: " in capsys.readouterr().err.splitlines()[-1]


def test_help_lists_all_faults(monkeypatch, capsys):
    assert run(monkeypatch, "--help") == 0
    output = capsys.readouterr().out
    for kind in FAULT_KINDS.values():
        assert kind.description in output
