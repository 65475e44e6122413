"""The JSON of the API: encoded requests, and parsed valid and invalid responses."""

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


def parse_create(status, body, retry_after=None):
    """Return the task id in a response to createTask, or raise its error."""
    found, error = codec.read_create(status, body, retry_after)
    if not found.task_id:
        raise error
    return found.task_id


READERS = (
    parse_create,
    codec.parse_record,
    codec.parse_balance,
    codec.parse_upload,
    codec.parse_link,
)


def reply(data, **more):
    """Return the body of a successful response."""
    return json.dumps({"code": 200, "msg": "success", "data": data, **more}).encode()


def answer(**data):
    return reply(data)


def catch_error(parse, status, body, retry_after=None):
    """Return the error that a parser raises for a response."""
    with pytest.raises(APIError) as error:
        parse(status, body, retry_after)
    return error.value


# --- what is sent -------------------------------------------------------------------------------


def test_create_body_has_only_model_and_input():
    body = codec.create_body(Request("z-image", '雨 {x} $y\n"z"', {"seed": 7}))
    assert json.loads(body) == {
        "model": "z-image",
        "input": {"prompt": '雨 {x} $y\n"z"', "seed": 7},
    }
    assert "雨".encode() in body


def test_callback_url_is_top_level_and_not_part_of_the_digest():
    request = Request("z-image", "a lake")
    body = json.loads(codec.create_body(request, "https://x.example/cb"))
    assert body == {
        "model": "z-image",
        "callBackUrl": "https://x.example/cb",
        "input": {"prompt": "a lake"},
    }
    assert request.digest == Request("z-image", "a lake").digest


def test_upload_and_link_bodies():
    assert json.loads(codec.upload_body("data:image/png;base64,eA==", "1.png")) == {
        "base64Data": "data:image/png;base64,eA==",
        "uploadPath": "images/liangxin_nb",
        "fileName": "1.png",
    }
    assert json.loads(codec.link_body("https://x/1.png")) == {"url": "https://x/1.png"}


# --- a callback's address in an answer ----------------------------------------------------------


@pytest.mark.parametrize("slash", ["/", "\\/", "\\\\\\/"])
def test_token_of_an_echoed_callback_url_is_removed(slash):
    url = slash.join(["https:", "", "x.example", "liangxin", "callback", "Secret-Word_1"])
    there = f'{{"callBackUrl":"{url}","again":"{url}","prompt":"雨/callback/x"}}'
    left = there.replace("Secret-Word_1", "...")
    assert codec.redact_callback_urls(there.encode()).decode() == left


# --- a record -----------------------------------------------------------------------------------


def test_documented_success_is_parsed():
    data = json.loads(SUCCESS)["data"]
    task = codec.parse_record(200, SUCCESS)
    assert task == TaskRecord(
        task_id="task_z-image_1777600000000",
        state=TaskState("success"),
        model=data["model"],
        outputs=(TaskOutput("https://cdn.example.com/result.png", "image"),),
        param=task.param,
        created_ms=data["createTime"],
        updated_ms=data["updateTime"],
        completed_ms=data["completeTime"],
        raw=SUCCESS.decode(),
    )
    assert task.state.is_final
    assert task.param["input"]["prompt"] == "A cafe terrace"
    assert task.duration_s == 18.0


def test_every_field_of_a_record_is_parsed():
    body = answer(
        taskId=" t1 ", model="m", state="fail", failCode="E1", failMsg=" no ", createTime=1000,
        updateTime=2500, completeTime=4000, creditsConsumed=0.5, param='{"input": "{\\"a\\": 1}"}',
    )  # fmt: skip
    assert codec.parse_record(200, body) == TaskRecord(
        "t1", TaskState("fail"), "m", (), {"input": {"a": 1}}, "E1", "no", 1000, 2500, 4000, 0.5,
        body.decode(),
    )  # fmt: skip


def test_record_with_only_a_state_is_parsed():
    body = answer(state="waiting")
    assert codec.parse_record(200, body) == TaskRecord("", TaskState("waiting"), raw=body.decode())


def test_nulls_and_numbers_as_text_are_parsed():
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
def test_invalid_numbers_are_ignored(value):
    task = codec.parse_record(200, answer(state="success", createTime=value, creditsConsumed=value))
    assert (task.created_ms, task.credits) == (0, None)


@pytest.mark.parametrize("value", [True, None, [1], {"a": 1}])
def test_invalid_texts_are_ignored(value):
    task = codec.parse_record(200, answer(state="fail", failCode=value, model=value, taskId=value))
    assert (task.fail_code, task.model, task.task_id) == ("", "", "")


@pytest.mark.parametrize(
    ("state", "final"), [("success", True), ("fail", True), ("waiting", False), ("saved", False)]
)
def test_two_states_are_final_and_all_others_are_running(state, final):
    read = codec.parse_record(200, answer(state=state)).state
    assert (read, read.is_final) == (state, final)


def test_invalid_utf8_is_replaced():
    body = b'{"data": {"state": "waiting", "model": "m"}} '
    assert codec.parse_record(200, body).raw == body.decode()
    assert catch_error(codec.parse_record, 200, b"\xff{}").message.endswith(
        'It begins: "\ufffd{}".'
    )


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
def test_echoed_request_is_parsed_at_every_nesting(param, read):
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
        {"resultUrls": [None, "https://x/1.png", "", 7, []], "firstFrameUrl": []},
    ],
)
def test_result_is_parsed_at_every_nesting(result):
    assert media(result) == (TaskOutput("https://x/1.png", "image"),)


@pytest.mark.parametrize(
    "result",
    ["", None, "{}", "nonsense", 7, [], '""', {"resultUrls": None}, {"resultObject": ""},
     {"resultObject": {}}, {"resultObject": None}],
)  # fmt: skip
def test_missing_result_has_no_outputs(result):
    assert media(result) == ()


def test_outputs_are_results_then_video_frames_then_text():
    result = {
        "lastFrameUrl": "https://x/l.png",
        "firstFrameUrl": ["https://x/f.png"],
        "resultObject": "words",
        "resultUrls": ["https://x/a.mp4", "https://x/b.mp4"],
    }
    assert media(result) == (
        TaskOutput("https://x/a.mp4", "video"),
        TaskOutput("https://x/b.mp4", "video"),
        TaskOutput("https://x/f.png", "image", is_secondary=True),
        TaskOutput("https://x/l.png", "image", is_secondary=True),
        TaskOutput("", "text", "words"),
    )


@pytest.mark.parametrize(
    ("value", "text"),
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
def test_object_with_one_text_is_that_text_and_others_are_json(value, text):
    assert media({"resultObject": value}) == (TaskOutput("", "text", text),)


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
def test_kind_of_an_output_is_derived_from_its_suffix(url, kind):
    assert TaskOutput.from_url(url) == TaskOutput(url, kind)


@pytest.mark.parametrize(
    ("created", "completed", "seconds"),
    [(1000, 3500, 2.5), (3000, 1000, None), (0, 1000, None), (1000, 0, None), (-1, 1, None),
     (1, 2, 0.001), (1_775_822_412, 1_775_822_452_000, None), (1_775_822_412, 1_775_822_452, 40.0),
     (1_775_822_412_000, 1_775_822_452_000, 40.0), (1_775_822_412_000, 1_775_822_452, None),
     (1, 86_400_002, None), (1000, 1000, 0.0)],
)  # fmt: skip
def test_duration_of_a_task(created, completed, seconds):
    task = TaskRecord("t", TaskState("success"), created_ms=created, completed_ms=completed)
    assert task.duration_s == seconds


@pytest.mark.parametrize(
    ("state", "created", "updated", "seconds"),
    [
        ("generating", 1000, 3500, 2.5),
        ("generating", 3000, 1000, None),
        ("generating", 0, 1000, None),
        ("generating", 1000, 0, None),
        ("generating", 1, 2, 0.001),
        ("success", 1000, 3500, None),
    ],
)
def test_start_of_the_work(state, created, updated, seconds):
    task = TaskRecord("t", TaskState(state), created_ms=created, updated_ms=updated)
    assert task.started_after_s == seconds


# --- a failed task ------------------------------------------------------------------------------


CHANGE = "Change the prompt or the options, then run the cell again."


@pytest.mark.parametrize(
    ("code", "words", "expected"),
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
def test_failure_has_the_message_of_the_service(code, words, expected):
    error = codec.to_task_failed(
        TaskRecord("task_1", TaskState("fail"), fail_code=code, fail_msg=words)
    )
    assert type(error) is TaskFailedError
    assert error.message == expected
    assert (error.fail_code, error.task_id) == (code, "task_1")
    advice = "Run the cell again for a new task." if code == "500" else CHANGE
    assert error.next_step == advice


@pytest.mark.parametrize("words", ["Busy. Please TRY AGAIN later", "系统繁忙，请稍后再试"])
def test_advice_for_a_failure_does_not_contradict_the_service(words):
    task = TaskRecord("task_1", TaskState("fail"), fail_code="501", fail_msg=words)
    assert "Change" not in str(codec.to_task_failed(task))


def test_failure_without_a_message_has_the_word_of_the_service():
    task = codec.parse_record(200, answer(state="cancelled"))
    assert codec.to_task_failed(task).message == "The task failed: cancelled."


# ---- errors

KEY = "Check the key: LIANGXIN_API_KEY, or the service's console."
RIGHTS = "Check the key's permissions in the service's console."
CREDIT = "Top up the account, then run the cell again."
PROMPT = "Change the prompt, then run the cell again."
WAIT = "Wait a moment, then run the cell again."
LIMIT = "The key has reached its own usage limit; raise it in the console."


def build_error(code, message, status=200):
    return status, json.dumps({"code": code, "msg": message, "data": None}).encode()


def build_gateway_error(message, status, code=""):
    body = {"error": {"message": message, "type": "new_api_error", "code": code}}
    return status, json.dumps(body).encode()


REFUSALS = [
    (build_error(400, "input.prompt is required", 400), APIError, 400, ""),
    (build_error(401, "bad key"), AuthenticationError, 401, KEY),
    (build_gateway_error("无效的令牌", 401), AuthenticationError, 401, KEY),
    (build_error(402, "no credits"), InsufficientCreditsError, 402, CREDIT),
    (build_gateway_error("access denied", 403), AuthenticationError, 403, RIGHTS),
    (build_error(429, "slow down", 429), RateLimitError, 429, WAIT),
    (build_gateway_error("saturated", 503, "429"), RateLimitError, 429, WAIT),
    (build_gateway_error("bad gateway", 502, "400"), APIError, 502, ""),
    (build_error(0, "upstream timeout", 504), APIError, 504, ""),
    (build_error(433, "limit"), InsufficientCreditsError, 433, LIMIT),
    (build_error(455, "closed"), MaintenanceError, 455, "Try again later."),
    (build_error(422, "bad size"), APIError, 422, ""),
    (build_error(404, "sensitive content"), APIError, 404, ""),
    (build_error(500, "no credit balance left"), APIError, 500, ""),
    (build_error("E7", "oops", 418), APIError, 418, ""),
    (build_error("E7", "oops"), APIError, 200, ""),
    *[(build_gateway_error(f"your {word.upper()} x", 403), InsufficientCreditsError, 403, CREDIT)
      for word in ("quota", "insufficient", "credit", "balance", "额度", "余额")],
    *[(build_error(code, f"a {word.title()} thing"), ContentPolicyError, code, PROMPT)
      for code in (400, 422)
      for word in ("sensitive", "moderat", "safety", "nsfw", "policy", "敏感", "违规")],
]  # fmt: skip


def test_every_rejection_has_its_class_number_and_next_step():
    found = []
    for what, *_ in REFUSALS:
        error = catch_error(codec.parse_record, *what)
        found.append((what, type(error), error.number, error.next_step))
    assert found == REFUSALS


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (build_error(422, " bad\n size.. "), "The service rejected the request (422): bad size."),
        (build_error(422, ""), "The service rejected the request (422): no reason given."),
        (build_error(422, None), "The service rejected the request (422): no reason given."),
        (
            build_gateway_error(None, 401),
            "The service rejected the request (401): no reason given.",
        ),
        (
            (500, b'{"message": "other word"}'),
            "The service reports an error (500): other word.",
        ),
        ((500, b'{"msg": "a", "message": "b"}'), "The service reports an error (500): a."),
    ],
)
def test_rejection_is_one_line_with_the_message_of_the_service(given, words):
    assert catch_error(codec.parse_record, *given).message == words


@pytest.mark.parametrize("read", READERS)
def test_rejection_has_status_code_and_retry_after(read):
    error = catch_error(read, *build_error(429, "busy", 418), 7.5)
    assert (error.status, error.code, error.retry_after) == (418, "429", 7.5)
    error = catch_error(read, *build_gateway_error("busy", 503, "429"), 0.5)
    assert (error.status, error.code, error.retry_after) == (503, "429", 0.5)


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, 200), (200, "200"), (200, None), (200, ""), (200, True), (201, 200), (299, 200)],
)
def test_successful_response(status, code):
    body = json.dumps({"code": code, "data": {"state": "waiting"}}).encode()
    assert codec.parse_record(status, body).state == "waiting"
    assert (
        codec.parse_record(200, b'{"data": {"state": "waiting"}, "error": null}').state == "waiting"
    )


@pytest.mark.parametrize(("status", "code"), [(199, 200), (300, 200), (200, 201), (200, 1)])
def test_response_is_successful_by_status_and_code(status, code):
    body = json.dumps({"code": code, "data": {"state": "waiting"}}).encode()
    assert type(catch_error(codec.parse_record, status, body)) is APIError


# --- answers that cannot be read ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "words", "number"),
    [
        (502, b"<html><h1>Bad\n gateway.</h1>", 'It begins: "Bad gateway".', 502),
        (200, b"<html>log in</html>", 'It begins: "log in".', 502),
        (200, b"", "It is empty.", 502),
        (200, b" \n", "It is empty.", 502),
        (200, b"[]", 'It begins: "[]".', 502),
        (299, b"7", 'It begins: "7".', 502),
        (300, b"x", 'It begins: "x".', 300),
        (403, b"error code: 1010", 'It begins: "error code: 1010".', 403),
        (200, b"x" * 81, 'It begins: "' + "x" * 80 + '".', 502),
        (200, b" " * 190 + b"x" * 20, 'It begins: "' + "x" * 10 + '".', 502),
    ],
    ids=["a page of an error", "a page", "empty", "white", "a list", "a number", "a redirect",
         "words", "long", "late"],
)  # fmt: skip
def test_foreign_response_is_described_by_its_beginning(status, body, words, number):
    error = catch_error(codec.parse_record, status, body, 3.0)
    problem = "it is a web page" if b"<html>" in body else "it is not the API's JSON"
    assert type(error) is APIError
    assert error.message == (f"The answer (HTTP {status}) cannot be read: {problem}. {words}")
    assert (error.number, error.retry_after) == (number, 3.0)
    assert error.next_step == (
        "Check the API address, and that no proxy or login page answers in its place."
    )


NOTHING = {
    parse_create: (
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
def test_successful_response_without_data_is_an_error(read):
    why, datas = NOTHING[read]
    for data in datas:
        error = catch_error(read, 200, reply(data))
        assert error.message.startswith(f"The answer (HTTP 200) cannot be read: {why}. It begins:")
        assert error.status == 502


def test_task_id_is_parsed():
    assert parse_create(200, answer(taskId="task_1")) == "task_1"
    assert parse_create(200, answer(taskId=7)) == "7"


@pytest.mark.parametrize(("data", "credits"), [(0, 0.0), (7.5, 7.5), ("12", 12.0), (-1, -1.0)])
def test_balance_is_parsed(data, credits):
    assert codec.parse_balance(200, reply(data)) == credits


LONG = "https://" + "x" * 2000
ADDRESSES = ["https://x/1.png?a=b#c", "http://x", LONG]
NO_ADDRESSES = ["file:///etc/passwd", "https://", f"{LONG}x", "https://x/ y", 'https://x/"><script>',
                "https://x/<a", "see https://x/1.png", "HTTPS//x"]  # fmt: skip


def test_link_and_upload_must_be_urls():
    for url in ADDRESSES:
        assert codec.parse_link(200, reply(url)) == url
        assert codec.parse_upload(200, answer(downloadUrl=url)) == url
    for url in NO_ADDRESSES:
        catch_error(codec.parse_link, 200, reply(url))
        catch_error(codec.parse_upload, 200, answer(downloadUrl=url))


# --- anything -----------------------------------------------------------------------------------


def nested(inner):
    # Not a lambda: Hypothesis reads the source, and does not find every lambda that uses `inner`.
    return st.lists(inner) | st.dictionaries(st.text(), inner)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(), nested, max_leaves=6
)
FIELDS = ("taskId", "state", "param", "resultJson", "failCode", "createTime", "completeTime")
DATA = st.dictionaries(st.sampled_from(FIELDS), ANYTHING)


@given(status=st.integers(100, 599), body=st.binary() | st.builds(
    lambda data, code: json.dumps({"code": code, "data": data}).encode(), DATA, ANYTHING
))  # fmt: skip
def test_any_response_is_parsed_or_a_known_error(status, body):
    for read in READERS:
        with suppress(LiangxinError):
            read(status, body)
