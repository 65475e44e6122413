"""The JSON of the API: what is sent, byte for byte, and what is read from good and bad answers."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liangxin_nb.api import codec
from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput, TaskRecord, TaskState
from liangxin_nb.errors import (
    APIError,
    AuthenticationError,
    ContentPolicyError,
    InsufficientCreditsError,
    LiangxinError,
    MaintenanceError,
    RateLimitError,
    TaskFailedError,
)

SUCCESS = (Path(__file__).parent.parent / "samples" / "record-success.json").read_bytes()
READERS = (
    codec.parse_create,
    codec.parse_record,
    codec.parse_balance,
    codec.parse_upload,
    codec.parse_link,
)


def reply(data, **more):
    """The body of a good answer."""
    return json.dumps({"code": 200, "msg": "success", "data": data, **more}).encode()


def answer(**data):
    return reply(data)


def refused(read, status, body, retry_after=None):
    """The error that a reader raises for an answer."""
    with pytest.raises(APIError) as error:
        read(status, body, retry_after)
    return error.value


# --- what is sent -------------------------------------------------------------------------------


def test_the_body_holds_the_model_and_the_input_and_nothing_else():
    body = codec.create_body(Request("z-image", '雨 {x} $y\n"z"', {"seed": 7}))
    assert json.loads(body) == {
        "model": "z-image",
        "input": {"prompt": '雨 {x} $y\n"z"', "seed": 7},
    }
    assert "雨".encode() in body


def test_a_callback_stands_at_the_top_and_not_in_the_identity():
    request = Request("z-image", "a lake")
    body = json.loads(codec.create_body(request, "https://x.example/cb"))
    assert body == {
        "model": "z-image",
        "callBackUrl": "https://x.example/cb",
        "input": {"prompt": "a lake"},
    }
    assert request.digest == Request("z-image", "a lake").digest


def test_the_bodies_of_an_upload_and_of_a_new_link():
    assert json.loads(codec.upload_body("data:image/png;base64,eA==", "1.png")) == {
        "base64Data": "data:image/png;base64,eA==",
        "uploadPath": "images/liangxin_nb",
        "fileName": "1.png",
    }
    assert json.loads(codec.link_body("https://x/1.png")) == {"url": "https://x/1.png"}


# --- a callback's address in an answer ----------------------------------------------------------


@pytest.mark.parametrize("slash", ["/", "\\/", "\\\\\\/"])
def test_the_secret_of_an_echoed_callback_is_taken_out(slash):
    url = slash.join(["https:", "", "x.example", "liangxin", "callback", "Secret-Word_1"])
    there = f'{{"callBackUrl":"{url}","again":"{url}","prompt":"雨/callback/x"}}'
    left = there.replace("Secret-Word_1", "...")
    assert codec.redact_callback_urls(there.encode()).decode() == left


# --- a record -----------------------------------------------------------------------------------


def test_the_documented_success_is_read():
    told = json.loads(SUCCESS)["data"]
    task = codec.parse_record(200, SUCCESS)
    assert task == TaskRecord(
        task_id="task_z-image_1777600000000",
        state=TaskState("success"),
        model=told["model"],
        outputs=(TaskOutput("https://cdn.example.com/result.png", "image"),),
        param=task.param,
        created_ms=told["createTime"],
        updated_ms=told["updateTime"],
        completed_ms=told["completeTime"],
        raw=SUCCESS.decode(),
    )
    assert task.state.is_final
    assert task.param["input"]["prompt"] == "A cafe terrace"
    assert task.duration_s == 18.0


def test_every_field_of_a_record_is_read():
    body = answer(
        taskId=" t1 ", model="m", state="fail", failCode="E1", failMsg=" no ", createTime=1000,
        updateTime=2500, completeTime=4000, creditsConsumed=0.5, param='{"input": "{\\"a\\": 1}"}',
    )  # fmt: skip
    assert codec.parse_record(200, body) == TaskRecord(
        "t1", TaskState("fail"), "m", (), {"input": {"a": 1}}, "E1", "no", 1000, 2500, 4000, 0.5,
        body.decode(),
    )  # fmt: skip


def test_a_record_with_a_state_alone_is_read():
    body = answer(state="waiting")
    assert codec.parse_record(200, body) == TaskRecord("", TaskState("waiting"), raw=body.decode())


def test_nulls_and_numbers_as_text_are_read():
    task = codec.parse_record(
        200,
        answer(
            state="fail", failCode=500, failMsg=None, createTime="1000", updateTime="1500.9",
            completeTime="3500", creditsConsumed="4", param=None, resultJson=None,
        ),
    )  # fmt: skip
    assert (task.fail_code, task.fail_msg, task.credits) == ("500", "", 4.0)
    assert (task.created_ms, task.updated_ms, task.completed_ms) == (1000, 1500, 3500)


@pytest.mark.parametrize("value", [True, None, "soon", "nan", "inf", [1], {"a": 1}, "1e400"])
def test_what_is_no_number_is_no_time_and_no_cost(value):
    task = codec.parse_record(200, answer(state="success", createTime=value, creditsConsumed=value))
    assert (task.created_ms, task.credits) == (0, None)


@pytest.mark.parametrize("value", [True, None, [1], {"a": 1}])
def test_what_is_no_text_is_no_word(value):
    task = codec.parse_record(200, answer(state="fail", failCode=value, model=value, taskId=value))
    assert (task.fail_code, task.model, task.task_id) == ("", "", "")


@pytest.mark.parametrize(
    ("state", "final"), [("success", True), ("fail", True), ("waiting", False), ("saved", False)]
)
def test_two_states_are_final_and_any_other_word_is_still_running(state, final):
    read = codec.parse_record(200, answer(state=state)).state
    assert (read, read.is_final) == (state, final)


def test_bytes_that_are_no_utf8_are_saved_readable():
    body = b'{"data": {"state": "waiting", "model": "m"}} '
    assert codec.parse_record(200, body).raw == body.decode()
    assert refused(codec.parse_record, 200, b"\xff{}").message.endswith("It begins: \ufffd{}")


@pytest.mark.parametrize(
    ("param", "read"),
    [
        ({"input": {"prompt": "x"}, "model": "m"}, {"input": {"prompt": "x"}, "model": "m"}),
        ('{"input": {"prompt": "x"}}', {"input": {"prompt": "x"}}),
        ('{"input": "{\\"prompt\\": \\"x\\"}"}', {"input": {"prompt": "x"}}),
        ('{"input": "no json"}', {"input": None}),
        ('{"model": "m"}', {"model": "m"}),
        ("[1]", {}),
        ("no json", {}),
        (7, {}),
    ],
)
def test_an_echoed_request_is_read_in_every_wrapping(param, read):
    assert codec.parse_record(200, answer(state="success", param=param)).param == read


# --- its results --------------------------------------------------------------------------------


def media(result):
    return codec.parse_record(200, answer(state="success", resultJson=result)).outputs


ONE = {"resultUrls": ["https://x/1.png"]}


@pytest.mark.parametrize(
    "result",
    [
        ONE,
        json.dumps(ONE),
        json.dumps(json.dumps(ONE)),
        json.dumps(json.dumps(json.dumps(ONE))),
        {"resultUrls": "https://x/1.png"},
        {"resultUrls": [None, "https://x/1.png", "", 7, ["https://x/2.png"]], "firstFrameUrl": []},
    ],
)
def test_a_result_is_read_in_every_wrapping(result):
    assert media(result) == (TaskOutput("https://x/1.png", "image"),)


@pytest.mark.parametrize(
    "result",
    ["", None, "{}", "nonsense", 7, [], [ONE], '""', {"resultUrls": None}, {"urls": ["https://x"]},
     {"resultObject": ""}, {"resultObject": {}}, {"resultObject": None},
     json.dumps(json.dumps(json.dumps(json.dumps(ONE))))],
)  # fmt: skip
def test_a_missing_result_is_no_media(result):
    assert media(result) == ()


def test_results_come_before_the_frames_of_a_film_and_a_text_last():
    result = {
        "lastFrameUrl": "https://x/l.png",
        "firstFrameUrl": ["https://x/f.png"],
        "resultObject": "words",
        "resultUrls": ["https://x/a.mp4", "https://x/b.mp4"],
    }
    assert media(result) == (
        TaskOutput("https://x/a.mp4", "video"),
        TaskOutput("https://x/b.mp4", "video"),
        TaskOutput("https://x/f.png", "image"),
        TaskOutput("https://x/l.png", "image"),
        TaskOutput("", "text", "words"),
    )


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("雨", "雨"),
        ({"text": "One\n\ntwo"}, "One\n\ntwo"),
        ({"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'),
        ({"text": "x", "more": 1}, '{\n  "text": "x",\n  "more": 1\n}'),
        ({"number": 7}, '{\n  "number": 7\n}'),
        (["a", "b"], '[\n  "a",\n  "b"\n]'),
        (7, "7"),
    ],
)
def test_an_object_that_holds_one_text_is_that_text_and_any_other_its_json(told, text):
    assert media({"resultObject": told}) == (TaskOutput("", "text", text),)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://x/a.PNG?size=1.mp4", "image"),
        ("https://x/a.tar.webm#x.png", "video"),
        ("https://x/a.mp3", "audio"),
        ("https://x/a.md", "text"),
        ("https://x/a", "image"),
        ("https://x.mp4/a", "image"),
        ("https://x/a.exe", "file"),
        ("https://[", "image"),
    ],
)
def test_the_kind_of_a_result_is_read_off_its_ending(url, kind):
    assert TaskOutput.from_url(url) == TaskOutput(url, kind)


@pytest.mark.parametrize(
    ("created", "completed", "seconds"),
    [(1000, 3500, 2.5), (3000, 1000, 0.0), (0, 1000, None), (1000, 0, None), (-1, 1, None),
     (1, 2, 0.001)],
)  # fmt: skip
def test_how_long_a_task_took(created, completed, seconds):
    task = TaskRecord("t", TaskState("success"), created_ms=created, completed_ms=completed)
    assert task.duration_s == seconds


@pytest.mark.parametrize(
    ("state", "created", "updated", "seconds"),
    [
        ("generating", 1000, 3500, 2.5),
        ("generating", 3000, 1000, 0.0),
        ("generating", 0, 1000, None),
        ("generating", 1000, 0, None),
        ("generating", 1, 2, 0.001),
        ("success", 1000, 3500, None),
    ],
)
def test_when_the_work_on_a_task_began(state, created, updated, seconds):
    task = TaskRecord("t", TaskState(state), created_ms=created, updated_ms=updated)
    assert task.started_after_s == seconds


# --- a failed task ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        ("SENSITIVE", "not\nallowed.", "The task failed (SENSITIVE): not allowed."),
        ("", "no", "The task failed: no."),
        ("500", "", "The task failed (500): no reason given."),
        ("", " a  b... ", "The task failed: a b."),
        ("", "take an X.", "The task failed: take an X."),
        ("", "x" * 301, f"The task failed: {'x' * 300}."),
        ("", "v1..2", "The task failed: v1.2."),
    ],
    ids=["code", "no code", "no words", "dots", "a last letter", "long", "two dots"],
)
def test_a_failure_is_described_in_the_services_words(code, words, said):
    error = codec.to_task_failed(
        TaskRecord("task_1", TaskState("fail"), fail_code=code, fail_msg=words)
    )
    assert type(error) is TaskFailedError
    assert error.message == said
    assert (error.fail_code, error.task_id) == (code, "task_1")
    assert error.next_step == "Change the prompt or the options, then run the cell again."


# --- refusals -----------------------------------------------------------------------------------

KEY = "Check the key: LIANGXIN_API_KEY, or the service's console."
RIGHTS = "Check the key's permissions in the service's console."
CREDIT = "Top up the account, then run the cell again."
PROMPT = "Change the prompt, then run the cell again."
WAIT = "Wait a moment, then run the cell again."
LIMIT = "The key has reached its own usage limit; raise it in the console."


def said(code, message, status=200):
    return status, json.dumps({"code": code, "msg": message, "data": None}).encode()


def gateway(message, status, code=""):
    body = {"error": {"message": message, "type": "new_api_error", "code": code}}
    return status, json.dumps(body).encode()


REFUSALS = [
    (said(400, "input.prompt is required", 400), APIError, 400, ""),
    (said(401, "bad key"), AuthenticationError, 401, KEY),
    (gateway("无效的令牌", 401), AuthenticationError, 401, KEY),
    (said(402, "no credits"), InsufficientCreditsError, 402, CREDIT),
    (gateway("access denied", 403), AuthenticationError, 403, RIGHTS),
    (said(429, "slow down", 429), RateLimitError, 429, WAIT),
    (gateway("saturated", 503, "429"), RateLimitError, 429, WAIT),
    (said(433, "limit"), InsufficientCreditsError, 433, LIMIT),
    (said(455, "closed"), MaintenanceError, 455, "Try again later."),
    (said(422, "bad size"), APIError, 422, ""),
    (said(404, "sensitive content"), APIError, 404, ""),
    (said(500, "no credit balance left"), APIError, 500, ""),
    (said("E7", "oops", 418), APIError, 418, ""),
    (said("E7", "oops"), APIError, 200, ""),
    *[(gateway(f"your {word.upper()} x", 403), InsufficientCreditsError, 403, CREDIT)
      for word in ("quota", "insufficient", "credit", "balance", "额度", "余额")],
    *[(said(code, f"a {word.title()} thing"), ContentPolicyError, code, PROMPT)
      for code in (400, 422)
      for word in ("sensitive", "moderat", "safety", "nsfw", "policy", "敏感", "违规")],
]  # fmt: skip


def test_every_refusal_has_its_kind_its_number_and_its_next_step():
    found = []
    for what, *_ in REFUSALS:
        error = refused(codec.parse_record, *what)
        found.append((what, type(error), error.number, error.next_step))
    assert found == REFUSALS


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (said(422, " bad\n size.. "), "The service rejected the request (422): bad size."),
        (said(422, ""), "The service rejected the request (422): no reason given."),
        (said(422, None), "The service rejected the request (422): no reason given."),
        (gateway(None, 401), "The service rejected the request (401): no reason given."),
        (
            (500, b'{"message": "other word"}'),
            "The service rejected the request (500): other word.",
        ),
        ((500, b'{"msg": "a", "message": "b"}'), "The service rejected the request (500): a."),
    ],
)
def test_a_refusal_is_one_line_in_the_services_words(given, words):
    assert refused(codec.parse_record, *given).message == words


@pytest.mark.parametrize("read", READERS)
def test_a_refusal_keeps_its_status_its_code_and_the_pause_that_was_asked_for(read):
    error = refused(read, *said(429, "busy", 418), 7.5)
    assert (error.status, error.code, error.retry_after) == (418, "429", 7.5)
    error = refused(read, *gateway("busy", 503, "429"), 0.5)
    assert (error.status, error.code, error.retry_after) == (503, "429", 0.5)


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, 200), (200, "200"), (200, None), (200, ""), (200, True), (201, 200), (299, 200)],
)
def test_a_good_answer(status, code):
    body = json.dumps({"code": code, "data": {"state": "waiting"}}).encode()
    assert codec.parse_record(status, body).state == "waiting"
    assert (
        codec.parse_record(200, b'{"data": {"state": "waiting"}, "error": null}').state == "waiting"
    )


@pytest.mark.parametrize(("status", "code"), [(199, 200), (300, 200), (200, 201), (200, 0)])
def test_an_answer_is_good_by_its_status_and_by_its_code(status, code):
    body = json.dumps({"code": code, "data": {"state": "waiting"}}).encode()
    assert type(refused(codec.parse_record, status, body)) is APIError


# --- answers that cannot be read ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "words", "number"),
    [
        (502, b"<html><h1>Bad\n gateway.</h1>", "It begins: <html><h1>Bad gateway.</h1>", 502),
        (200, b"<html>log in</html>", "It begins: <html>log in</html>", 502),
        (200, b"", "It is empty.", 502),
        (200, b" \n", "It is empty.", 502),
        (200, b"[]", "It begins: []", 502),
        (299, b"7", "It begins: 7", 502),
        (300, b"x", "It begins: x", 300),
        (403, b"error code: 1010", "It begins: error code: 1010", 403),
        (200, b"x" * 81, f"It begins: {'x' * 80}", 502),
        (200, b" " * 190 + b"x" * 20, f"It begins: {'x' * 10}", 502),
    ],
    ids=["a page of an error", "a page", "empty", "white", "a list", "a number", "a redirect",
         "words", "long", "late"],
)  # fmt: skip
def test_an_answer_that_is_not_the_apis_is_described_by_its_beginning(status, body, words, number):
    error = refused(codec.parse_record, status, body, 3.0)
    assert type(error) is APIError
    assert error.message == (
        f"The answer (HTTP {status}) cannot be read: it is not the API's JSON. {words}"
    )
    assert (error.number, error.retry_after) == (number, 3.0)
    assert error.next_step == ("Check the API address, and that no proxy answers in its place.")


NOTHING = {
    codec.parse_create: (
        "it holds no taskId",
        [None, {}, [], "t", {"taskId": ""}, {"taskId": None}],
    ),
    codec.parse_record: (
        "it holds no state",
        [None, {}, [], "success", {"state": " "}, {"model": "x"}],
    ),
    codec.parse_balance: ("it holds no number of credits", [None, {}, [], "many", True]),
    codec.parse_upload: (
        "it holds no downloadUrl",
        [None, {}, [], "https://x/1", {"downloadUrl": "ftp://x"}, {"url": "https://x/1.png"}],
    ),
    codec.parse_link: ("it holds no link", [None, 7, {"url": "https://x/1.png"}, ""]),
}


@pytest.mark.parametrize("read", READERS)
def test_a_good_answer_without_what_it_should_hold_cannot_be_read(read):
    why, datas = NOTHING[read]
    for data in datas:
        error = refused(read, 200, reply(data))
        assert error.message.startswith(f"The answer (HTTP 200) cannot be read: {why}. It begins:")
        assert error.status == 502


def test_a_created_task_has_an_id():
    assert codec.parse_create(200, answer(taskId="task_1")) == "task_1"
    assert codec.parse_create(200, answer(taskId=7)) == "7"


@pytest.mark.parametrize(("data", "credits"), [(0, 0.0), (7.5, 7.5), ("12", 12.0), (-1, -1.0)])
def test_a_balance_is_a_number(data, credits):
    assert codec.parse_balance(200, reply(data)) == credits


LONG = "https://" + "x" * 2000
ADDRESSES = ["https://x/1.png?a=b#c", "http://x", LONG]
NO_ADDRESSES = ["file:///etc/passwd", "https://", f"{LONG}x", "https://x/ y", 'https://x/"><script>',
                "https://x/<a", "see https://x/1.png", "HTTPS//x"]  # fmt: skip


def test_a_new_link_and_an_upload_are_an_address_and_nothing_else():
    for url in ADDRESSES:
        assert codec.parse_link(200, reply(url)) == url
        assert codec.parse_upload(200, answer(downloadUrl=url)) == url
    for url in NO_ADDRESSES:
        refused(codec.parse_link, 200, reply(url))
        refused(codec.parse_upload, 200, answer(downloadUrl=url))


# --- anything -----------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
FIELDS = ("taskId", "state", "param", "resultJson", "failCode", "createTime", "completeTime")
DATA = st.dictionaries(st.sampled_from(FIELDS), ANYTHING)


@given(status=st.integers(100, 599), body=st.binary() | st.builds(
    lambda data, code: json.dumps({"code": code, "data": data}).encode(), DATA, ANYTHING
))  # fmt: skip
def test_whatever_comes_is_read_or_one_of_our_errors(status, body):
    for read in READERS:
        with suppress(LiangxinError):
            read(status, body)
