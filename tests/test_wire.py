import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liangxin_nb import wire
from liangxin_nb.errors import (
    LiangxinError,
    Moderated,
    NotAuthorized,
    OutOfCredit,
    Saturated,
    ServiceError,
    UnderMaintenance,
)
from liangxin_nb.record import Media
from liangxin_nb.request import Request

SUCCESS = (Path(__file__).parent / "samples" / "record-success.json").read_bytes()


def answer(**data):
    return json.dumps({"code": 200, "msg": "success", "data": data}).encode()


def test_the_body_holds_the_model_and_the_input_and_nothing_else():
    body = wire.create_body(Request("z-image", '雨 {x} $y\n"z"', {"seed": 7}))
    assert json.loads(body) == {
        "model": "z-image",
        "input": {"prompt": '雨 {x} $y\n"z"', "seed": 7},
    }


def test_a_callback_stands_at_the_top_and_not_in_the_identity():
    request = Request("z-image", "a lake")
    body = json.loads(wire.create_body(request, "https://x.example/cb"))
    assert body == {
        "model": "z-image",
        "callBackUrl": "https://x.example/cb",
        "input": {"prompt": "a lake"},
    }
    assert request.digest == Request("z-image", "a lake").digest


@pytest.mark.parametrize("slash", ["/", "\\/", "\\\\\\/"])
def test_an_echoed_capability_is_taken_out(slash):
    url = slash.join(["https:", "", "x.example", "liangxin", "callback", "Secret-Word_1"])
    echoed = wire.without_capabilities(f'{{"callBackUrl":"{url}","prompt":"雨"}}'.encode()).decode()
    assert "Secret" not in echoed
    assert echoed.endswith('...","prompt":"雨"}')


def test_the_documented_success_is_read():
    record = wire.record(200, SUCCESS)
    assert record.task_id == "task_z-image_1777600000000"
    assert record.state == "success"
    assert record.state.final
    assert record.media == (Media("https://cdn.example.com/result.png", "image"),)
    assert record.param["input"]["prompt"] == "A cafe terrace"
    assert record.seconds == 18.0
    assert record.raw == SUCCESS.decode()


@pytest.mark.parametrize(
    "result",
    [
        {"resultUrls": ["https://x/1.png"]},
        '{"resultUrls": ["https://x/1.png"]}',
        json.dumps('{"resultUrls": ["https://x/1.png"]}'),
        {"resultUrls": "https://x/1.png"},
        {"resultUrls": [None, "https://x/1.png", ""], "firstFrameUrl": []},
    ],
)
def test_a_result_is_read_in_every_wrapping(result):
    record = wire.record(200, answer(state="success", resultJson=result))
    assert [media.url for media in record.media] == ["https://x/1.png"]


@pytest.mark.parametrize("result", ["", None, "{}", "nonsense", 7, [], '""', {"resultUrls": None}])
def test_a_missing_result_is_no_media(result):
    assert wire.record(200, answer(state="success", resultJson=result)).media == ()


def test_texts_objects_and_frames_are_results_too():
    result = {"resultUrls": ["https://x/a.mp4"], "firstFrameUrl": ["https://x/f.png"]}
    media = wire.record(200, answer(state="success", resultJson=result)).media
    assert [(one.kind, one.url) for one in media] == [
        ("video", "https://x/a.mp4"),
        ("image", "https://x/f.png"),
    ]
    spoken = {"text": "One\n\ntwo"}
    (one,) = wire.record(200, answer(state="success", resultJson={"resultObject": spoken})).media
    assert one.text == "One\n\ntwo"
    for told, text in (("雨", "雨"), ({"a": [1]}, '"a"'), ({"text": "x", "more": 1}, '"more"')):
        (one,) = wire.record(200, answer(state="success", resultJson={"resultObject": told})).media
        assert one.kind == "text"
        assert text in one.text


def test_an_unknown_state_is_still_running_by_its_own_name():
    state = wire.record(200, answer(state="preparing")).state
    assert state == "preparing"
    assert not state.final


def test_nulls_and_numbers_as_text_are_read():
    record = wire.record(
        200,
        answer(state="fail", failCode=500, failMsg=None, createTime="1000", completeTime="3500"),
    )
    assert (record.fail_code, record.fail_msg, record.seconds) == ("500", "", 2.5)


def test_a_failure_is_told_in_the_services_words():
    record = wire.record(200, answer(state="fail", failCode="SENSITIVE", failMsg="not\nallowed."))
    assert str(wire.failure(record)).startswith("The task failed (SENSITIVE): not allowed. ")


def said(code, message, status=200):
    return status, json.dumps({"code": code, "msg": message, "data": None}).encode()


def gateway(message, status):
    body = {"error": {"message": message, "type": "new_api_error", "code": ""}}
    return status, json.dumps(body).encode()


@pytest.mark.parametrize(
    ("reply", "kind", "number"),
    [
        (said(400, "input.prompt is required", 400), ServiceError, 400),
        (said(401, "bad key"), NotAuthorized, 401),
        (gateway("无效的令牌", 401), NotAuthorized, 401),
        (said(402, "no credits"), OutOfCredit, 402),
        (gateway("user quota is not enough", 403), OutOfCredit, 403),
        (gateway("access denied", 403), NotAuthorized, 403),
        (said(422, "sensitive content"), Moderated, 422),
        (said(422, "bad size"), ServiceError, 422),
        (said(429, "slow down", 429), Saturated, 429),
        (said(433, "limit"), OutOfCredit, 433),
        (said(455, "closed"), UnderMaintenance, 455),
        (said(500, "oops"), ServiceError, 500),
        ((502, b"<html><h1>Bad gateway</h1>"), ServiceError, 502),
        ((200, b"<html>log in</html>"), ServiceError, 502),
        ((200, b""), ServiceError, 502),
        ((200, b"[]"), ServiceError, 502),
        ((403, b"error code: 1010"), ServiceError, 403),
        ((200, answer(model="x")), ServiceError, 502),
    ],
)
def test_every_refusal_has_its_kind_and_one_line(reply, kind, number):
    with pytest.raises(ServiceError) as error:
        wire.record(*reply)
    assert type(error.value) is kind
    assert error.value.number == number
    assert "\n" not in str(error.value)


def test_a_created_task_has_an_id():
    assert wire.created(200, answer(taskId="task_1")) == "task_1"
    with pytest.raises(ServiceError, match="no taskId"):
        wire.created(200, answer())


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)
FIELDS = ("taskId", "state", "param", "resultJson", "failCode", "createTime", "completeTime")
DATA = st.dictionaries(st.sampled_from(FIELDS), ANYTHING)


def test_a_new_link_is_an_address_and_nothing_else():
    link = "https://files.example/1.png?until=1"
    said = json.dumps({"code": 200, "msg": "success", "data": link}).encode()
    assert wire.linked(200, said) == link
    for data in (None, 7, {"url": link}, "", "file:///etc/passwd", 'https://x/"><script>'):
        with pytest.raises(ServiceError):
            wire.linked(200, json.dumps({"code": 200, "data": data}).encode())


@given(status=st.integers(100, 599), body=st.binary() | st.builds(
    lambda data, code: json.dumps({"code": code, "data": data}).encode(), DATA, ANYTHING
))  # fmt: skip
def test_whatever_comes_is_read_or_one_of_our_errors(status, body):
    for read in (wire.record, wire.created, wire.credit, wire.uploaded, wire.linked):
        with suppress(LiangxinError):
            read(status, body)
