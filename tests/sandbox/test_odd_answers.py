"""Odd answers of createTask and recordInfo, as they are sent on a real socket."""

import asyncio
import http.client
import itertools
import json
import zlib

import httpx
import pytest
from starlette.responses import Response

from liangxin_nb.sandbox.app import create_app
from liangxin_nb.sandbox.compression import create_gzip_bomb
from liangxin_nb.sandbox.faults import Faults
from liangxin_nb.sandbox.odd_answers import ID_PLACES, ODD_TIMES
from liangxin_nb.sandbox.state import SandboxState
from liangxin_nb.sandbox.wire_faults import change_bytes

from .. import virtual_time

#: All on one worker, which starts one sandbox.
pytestmark = pytest.mark.xdist_group("faults of the sandbox")


def create_and_find_id(api, *faults):
    """Create a task with faults; return status, body and the id that the sandbox created."""
    before = api.counters()["created"]
    api.set_faults(*faults)
    status, _, body = api.create()
    assert api.counters()["created"] == before + 1
    text = body.decode()
    return status, text, text.partition("task_z-image_")[2][:13]


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("task_id", '{"code":200,"msg":"success","data":{"task_id":"ID"}}'),
        ("id", '{"code":200,"msg":"success","data":{"id":"ID"}}'),
        ("top", '{"code":200,"msg":"success","data":null,"taskId":"ID"}'),
        ("top-task_id", '{"code":200,"msg":"success","data":null,"task_id":"ID"}'),
        ("string", '{"code":200,"msg":"success","data":"ID"}'),
        ("bare", '{"code":200,"msg":"success","data":{"taskId":ID}}'),
        ("cut", '{"code":200,"msg":"success","data":{"taskId":"ID"'),
        ("none", '{"code":200,"msg":"success","data":null}'),
    ],
)
def test_task_id_is_in_another_place(api, place, expected):
    status, text, number = create_and_find_id(api, f"create-id:{place}")
    task_id = f"task_z-image_{number}"
    assert (status, text) == (200, expected.replace("ID", task_id))
    if place != "none":
        api.set_faults()
        assert api.record(task_id)[0] == 200


@pytest.mark.parametrize(
    ("faults", "status", "expected"),
    [
        (["create-status:202", "create-code:202"], 202, '{"code":202,"msg":"success","data":{'),
        (["create-code:0"], 200, '{"code":0,"msg":"success","data":{"taskId":"task_'),
        (["create-status:429", "create-code:429"], 429, '{"code":429,"msg":"success","data":{'),
        (["create-status:400"], 400, '{"code":200,"msg":"success","data":{"taskId":"task_'),
        (["create-status:500", "create-code:500"], 500, '{"code":500,"msg":"success","data":{'),
        (["create-status:504", "create-id:top"], 504, '"data":null,"taskId":"task_'),
        (["create-status:503", "create-id:task_id"], 503, '"data":{"task_id":"task_'),
        (["create-status:409", "create-id:string"], 409, '"data":"task_'),
        (["create-status:302", "create-id:id"], 302, '"data":{"id":"task_'),
        (["create-code:OK"], 200, '{"code":"OK","msg"'),
    ],
)
def test_odd_status_with_a_task_id(api, faults, status, expected):
    actual, text, number = create_and_find_id(api, *faults)
    assert (actual, len(number)) == (status, 13)
    assert expected in text


@pytest.mark.parametrize(
    ("faults", "created", "status", "body"),
    [
        (["create-id:none", "create-status:504", "create-code:0"], 1, 504,
         '{"code":0,"msg":"success","data":null}'),
        (["create-error:504", "create-code:0"], 0, 504,
         '{"code":0,"msg":"request failed (504)","data":null}'),
        (["create-gateway-error:502", "create-code:400"], 0, 502,
         '{"error":{"message":"request failed (502)","type":"new_api_error","code":"400"}}'),
        (["create-error:505", "create-status:200"], 0, 200,
         '{"code":505,"msg":"request failed (505)","data":null}'),
        (["create-error:499"], 0, 499, '{"code":499,"msg":"request failed (499)","data":null}'),
        (["create-error:425", "kie"], 0, 200,
         '{"code":425,"msg":"request failed (425)","data":null}'),
    ],
)  # fmt: skip
def test_odd_status_without_a_task_id(api, faults, created, status, body):
    before = api.counters()["created"]
    api.set_faults(*faults)
    actual = api.create()
    assert (actual[0], actual[2].decode()) == (status, body)
    assert api.counters()["created"] == before + created


def test_page_of_a_proxy_after_the_task_is_created(api):
    before = api.counters()["created"]
    api.set_faults("create-page:500")
    status, headers, body = api.create()
    assert (status, headers["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert b"<h1>A required service did not answer</h1>" in body
    assert api.counters()["created"] == before + 1


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (200, "A required service did not answer"),
        (302, "Found"),
        (401, "Please log in"),
        (403, "Just a moment..."),
        (404, "404 page not found"),
        (521, "A required service did not answer"),
    ],
)
def test_page_of_a_proxy_between_two_records(api, status, title):
    task_id = api.create_id()
    api.set_faults(f"record-page:{status}@1*2")
    answers = [api.record(task_id) for _ in range(4)]
    assert [answer[0] for answer in answers] == [200, status, status, 200]
    _, headers, body = answers[1]
    assert headers["Location"] == ("/login" if status == 302 else None)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert body.decode() == (
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    )


def test_record_is_an_error_of_any_status(api):
    task_id = api.create_id()
    api.set_faults("record-error:408*1")
    status, _, body = api.record(task_id)
    assert (status, json.loads(body)["code"]) == (408, 408)
    assert api.record(task_id)[0] == 200


def test_code_and_status_of_records_are_changed(api):
    task_id = api.create_id()
    api.wait(task_id)
    api.set_faults("record-code:0", "record-status:202")
    status, _, body = api.record(task_id)
    assert (status, json.loads(body)["code"]) == (202, 0)
    assert json.loads(body)["data"]["state"] == "success"


def test_only_the_record_of_an_ended_task_has_another_code(api):
    api.set_faults("end-code:501", "fail:500*1", "stall:queuing@1*1")
    failed, running = api.create_id(), api.create_id()
    data = api.wait(failed)
    assert (data["state"], data["failCode"]) == ("fail", "500")
    status, _, body = api.record(failed)
    assert (status, json.loads(body)["code"]) == (200, 501)
    assert json.loads(api.record(running)[2])["code"] == 200


def test_quotes_within_param_are_not_escaped(api):
    prompt = 'a "quoted" lake'
    task_id = api.create_id(input={"prompt": prompt, "image_size": "square"})
    api.wait(task_id)
    api.set_faults("param-unescaped")
    text = api.record(task_id)[2].decode()
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert '"param":"{"model": "z-image", "input": "{\\"prompt\\": \\"a \\\\\\"quoted' in text
    assert '"state":"success"' in text
    param = text.partition('"param":"')[2].partition('","resultJson"')[0]
    assert json.loads(json.loads(param)["input"])["prompt"] == prompt


def test_record_contains_nan(api):
    task_id = api.create_id()
    api.set_faults("nan")
    assert '"costTime":NaN,' in api.record(task_id)[2].decode()


@pytest.mark.parametrize("word", ["SUCCESS", "completed", "Finished", "delivered to you"])
def test_success_has_another_word(api, word):
    task_id = api.create_id()
    api.wait(task_id)
    api.set_faults(f"success-word:{word}")
    data = api.data(task_id)
    assert data["state"] == word
    assert json.loads(data["resultJson"])["resultUrls"]


@pytest.mark.parametrize("word", ["failed", "ERROR", "cancelled", "expired"])
def test_failure_has_another_word(api, word):
    api.set_faults("fail:422")
    task_id = api.create_id()
    api.wait(task_id)
    api.set_faults(f"fail-word:{word}")
    data = api.data(task_id)
    assert (data["state"], data["failCode"]) == (word, "422")


def test_state_is_a_number_or_has_another_key(api):
    api.set_faults("stall:generating*1", "fail:500@1*1")
    running, failed, completed = api.create_id(), api.create_id(), api.create_id()
    assert [api.wait(task_id)["state"] for task_id in (failed, completed)] == ["fail", "success"]
    api.set_faults("success-flag")
    records = [api.data(task_id) for task_id in (running, failed, completed)]
    assert [record["successFlag"] for record in records] == [0, 3, 1]
    assert not any("state" in record for record in records)
    api.set_faults("status-key", "success-word:succeeded")
    record = api.data(completed)
    assert (record.get("state"), record["status"]) == (None, "succeeded")


@pytest.mark.parametrize("state", ["success", "fail"])
def test_record_is_one_of_another_task(api, state):
    task_id = api.create_id()
    api.set_faults(f"wrong-task:{state}*1")
    data = api.data(task_id)
    assert (data["taskId"], data["state"]) == ("task_of-another-client_1777600000000", state)
    assert bool(data["resultJson"]) == (state == "success")
    assert bool(data["failMsg"]) == (state == "fail")
    assert api.data(task_id)["taskId"] == task_id


def test_times_are_odd(api):
    task_id = api.create_id()
    usual = api.wait(task_id)
    created, completed = usual["createTime"], usual["completeTime"]

    def times(kind):
        api.set_faults(f"odd-times:{kind}")
        data = api.data(task_id)
        return data["createTime"], data["completeTime"], data["costTime"]

    cost = usual["costTime"]
    assert times("create-seconds") == (created // 1000, completed, cost)
    assert times("seconds") == (created // 1000, completed // 1000, cost // 1000)
    assert times("negative") == (created, created - 60_000, -60_000)
    assert times("absurd") == (created, 10**18, 10**15)
    assert times("text")[0].endswith("+00:00")


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        ("busy:999999999999", "999999999999"),
        ("record-busy:999999999999", "999999999999"),
        ("retry-after:30", "30"),
        ("busy-date:999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ],
)
def test_retry_after_is_huge_or_unexpected(api, fault, value):
    task_id = api.create_id()
    api.set_faults(fault)
    _, headers, _ = api.record(task_id) if fault.startswith("record") else api.create()
    assert headers["Retry-After"] == value


# --- the bytes of an answer ---------------------------------------------------------------------


def test_answer_begins_with_a_byte_order_mark(api):
    api.set_faults("create-bom", "record-bom")
    for _, _, body in (api.create(), api.record("nope")):
        assert body.startswith(b'\xef\xbb\xbf{"code":')
        assert json.loads(body.decode("utf-8-sig"))


def decompress(body):
    """Return the content of a gzip body."""
    return zlib.decompress(body, zlib.MAX_WBITS | 16)


@pytest.mark.parametrize("call", ["create", "record"])
def test_answer_is_compressed_once_or_twice(api, call):
    task_id = api.create_id()
    send = api.create if call == "create" else lambda: api.record(task_id)
    api.set_faults(f"{call}-gzip*1", f"{call}-gzip-twice@1")
    _, headers, body = send()
    assert headers["Content-Encoding"] == "gzip"
    assert json.loads(decompress(body))["data"]["taskId"]
    _, headers, body = send()
    assert headers["Content-Encoding"] == "gzip, gzip"
    assert headers["Content-Length"] == str(len(body))
    assert json.loads(decompress(decompress(body)))["data"]["taskId"]


def test_page_of_a_proxy_is_compressed_too(api):
    task_id = api.create_id()
    api.set_faults("record-page:502", "record-gzip")
    status, headers, body = api.record(task_id)
    assert (status, headers["Content-Encoding"]) == (502, "gzip")
    assert b"<h1>" in decompress(body)


@pytest.mark.parametrize("call", ["create", "record"])
def test_answer_of_few_bytes_expands_to_a_gibibyte(api, call):
    task_id = api.create_id()
    api.set_faults(f"{call}-gzip-bomb")
    _, headers, body = api.create() if call == "create" else api.record(task_id)
    assert headers["Content-Encoding"] == "gzip, gzip"
    assert len(body) < 20_000
    outer = decompress(body)
    assert 900_000 < len(outer) < 2_000_000
    start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(outer, 100_000)
    assert json.loads(start)["data"]["taskId"].startswith("task_z-image_")


def test_bomb_is_a_valid_gzip_file():
    for size in (1, 6, 7):
        content = decompress(decompress(create_gzip_bomb(b'{"code":200}', size)))
        assert content == b'{"code":200}' + b" " * (size << 20)


@pytest.mark.parametrize("call", ["create", "record"])
def test_answer_is_cut_off(api, call):
    before = api.counters()["created"]
    task_id = api.create_id()
    api.wait(task_id)
    send = api.create if call == "create" else lambda: api.record(task_id)
    whole = send()[2]
    api.set_faults(f"{call}-cut*1")
    with pytest.raises(http.client.IncompleteRead) as caught:
        send()
    part = caught.value.partial
    assert len(part) == len(whole) // 2
    assert part[:30] == whole[:30]
    assert send()[0] == 200
    assert api.counters()["created"] == before + (4 if call == "create" else 1)


@pytest.mark.parametrize("call", ["create", "record"])
def test_answer_is_sent_byte_by_byte(api, call):
    task_id = api.create_id()
    api.set_faults(f"{call}-trickle:0.001")
    status, headers, body = api.create() if call == "create" else api.record(task_id)
    assert (status, json.loads(body)["code"]) == (200, 200)
    assert headers["Content-Length"] == str(len(body))
    assert api.counters()["faults"] == {f"{call}-trickle:0.001": 1}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("record-trickle:2.5", [(0.0, b"a"), (2.5, b"b"), (5.0, b"c")]),
        ("record-dribble:0.5", [(0.0, b" "), (0.5, b" "), (1.0, b" ")]),
    ],
)
def test_bytes_are_sent_at_equal_intervals(fault, expected):
    response = change_bytes(Faults([fault]), "record", Response(b"abc"))

    async def receive():
        clock = asyncio.get_running_loop().time
        parts = aiter(response.body_iterator)
        received = []
        for _ in range(3):
            part = await anext(parts)
            received.append((clock(), part))
        return received

    assert virtual_time.run(receive()) == expected


@pytest.mark.parametrize("call", ["create", "record"])
def test_answer_is_an_endless_row_of_spaces(api, call):
    task_id = api.create_id()
    before = api.counters()["created"]
    api.set_faults(f"{call}-dribble:0.001")
    connection = http.client.HTTPConnection(api.host, timeout=60)
    if call == "create":
        body = json.dumps({"model": "z-image", "input": {"prompt": "a", "image_size": "square"}})
        connection.request("POST", "/api/v1/jobs/createTask", body, api.headers)
    else:
        connection.request("GET", f"/api/v1/jobs/recordInfo?taskId={task_id}", headers=api.headers)
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Length"]) == (200, None)
    assert response.read(500) == b" " * 500
    connection.close()
    assert api.counters()["created"] == before + (call == "create")


def test_faults_of_bytes_do_not_change_other_calls(api):
    api.set_faults("create-gzip", "record-bom")
    assert json.loads(api.record("nope")[2].decode("utf-8-sig"))["code"] == 404
    assert api.counters()["faults"] == {"create-gzip": 0, "record-bom": 1}


# --- combinations -------------------------------------------------------------------------------


PAIRED = [
    *(f"create-id:{place}" for place in ID_PLACES),
    *(f"odd-times:{kind}" for kind in ODD_TIMES),
    *(f"result-shape:{shape}" for shape in ("objects", "list", "bare-url", "data-url")),
    *("create-status:429", "create-code:0", "create-code:OK", "record-status:500", "record-code:x"),
    *("end-code:501", "retry-after:5", "wrong-task:fail", "wrong-task:success", "nan"),
    *("param-unescaped", "success-flag", "success-word:DONE", "fail-word:failed", "status-key"),
    *("create-bom", "create-gzip", "record-bom", "record-gzip-twice", "create-trickle:0"),
    *("kie", "message", "message-too", "clock:60", "nulls", "extra"),
    *("result-missing", "result-object", "result-twice", "fail:500", "result-late:9"),
    *("create-error:425", "create-gateway-error:502", "create-page:500", "record-page:404"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("profile", ["liangxin", "kie"])
async def test_every_pair_of_faults_is_answered(profile):
    """An exception in the sandbox would be raised here."""
    now = [1_777_600_000.0]
    state = SandboxState(None, profile=profile, clock=lambda: now[0])
    model = {"liangxin": "z-image", "kie": "google/nano-banana"}[profile]
    body = {"model": model, "input": {"prompt": 'a "lake"'}}
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(state, "key")), base_url="http://localhost:8000",
        headers={"Authorization": "Bearer key"},
    )  # fmt: skip
    async with client:
        for pair in itertools.combinations(PAIRED, 2):
            state.faults.replace(pair)
            task_id = state.create("key", body)
            now[0] += 3600
            urls = {"taskId": task_id}
            async with client.stream("POST", "/api/v1/jobs/createTask", json=body) as created:
                assert created.status_code < 600
            async with client.stream("GET", "/api/v1/jobs/recordInfo", params=urls) as record:
                assert record.status_code < 600
