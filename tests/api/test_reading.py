"""Answers as real services and the gateways before them send them: they are read all the same."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liangxin_nb.api import codec
from liangxin_nb.api.outputs import parse_outputs
from liangxin_nb.api.tolerant_json import UNREADABLE, read_json
from liangxin_nb.core.outcomes import decide_create
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.errors import APIError

# --- createTask ---------------------------------------------------------------------------------

NAMED = [
    (429, '{"code":429,"msg":"saturated, queued","data":{"taskId":"task_1"}}'),
    (429, '{"error":{"code":"429","message":"queued"},"data":{"taskId":"task_1"}}'),
    (503, '{"error":{"message":"busy"},"task_id":"task_1"}'),
    (202, '{"code":202,"data":{"taskId":"task_1"}}'),
    (200, '{"code":0,"data":{"taskId":"task_1"}}'),
    (201, '{"code":201,"taskId":"task_1"}'),
    (500, '{"code":500,"data":{"taskId":"task_1"}}'),
    (504, '{"code":0,"data":{"task_id":"task_1"}}'),
    (401, '{"code":401,"data":{"id":"task_1"}}'),
    (302, '{"data":{"taskId":"task_1"}}'),
    (200, '{"data":{"task_id":"task_1"}}'),
    (200, '{"data":{"id":"task_1"}}'),
    (200, '{"taskId":"task_1"}'),
    (200, '{"task_id":"task_1"}'),
    (200, '{"code":200,"data":"task_1"}'),
    (200, '{"code":200,"data":"{\\"taskId\\":\\"task_1\\"}"}'),
    (200, '{"code":200,"data":[{"taskId":"task_1"}]}'),
    (200, '[{"taskId":"task_1"}]'),
    (200, '{"result":{"task":{"taskId":"task_1"}}}'),
    (200, '"{\\"data\\":{\\"taskId\\":\\"task_1\\"}}"'),
    (200, '\ufeff{"data":{"taskId":"task_1"}}'),
    (200, '{"data":{"taskId":" task_1\\n"}}'),
    (200, '{"data":{"taskId":"task_1","cost":NaN}}'),
    (200, '{"msg":"line\nbreak","data":{"taskId":"task_1"}}'),
    (200, '{"code":200,"data":{"taskId":task_1}}'),
    (200, "{'code':200,'data':{'taskId':'task_1'}}"),
    (200, '{"code":200,"data":{"taskId":"task_1","model":"z-im'),
    (200, '<br />Warning: x in y.php on line 3{"code":200,"data":{"taskId":"task_1"}}'),
    (200, "task_1"),
]


@pytest.mark.parametrize(("status", "body"), NAMED)
def test_task_id_is_found_in_every_answer(status, body):
    answer, _ = codec.read_create(status, body.encode())
    assert answer.task_id == "task_1"
    assert decide_create(answer).outcome == "submitted"


@pytest.mark.parametrize(
    "task_id",
    [7, 1_777_600_000_000, "281e5b0f39b9b9a1", "9f1c7e52-8a2b-4d6f-9a54-3a0d3ad4c0ee", "x/y z"],
)
def test_numbers_and_odd_texts_are_task_ids(task_id):
    body = json.dumps({"data": {"taskId": task_id}}).encode()
    assert codec.read_create(200, body)[0].task_id == str(task_id)


@pytest.mark.parametrize(
    "data", ["281e5b0f39b9b9a1", "9f1c7e52-8a2b-4d6f-9a54-3a0d3ad4c0ee", "job-7", "Task_9.b"]
)
def test_data_may_be_the_task_id(data):
    assert codec.read_create(200, json.dumps({"data": data}).encode())[0].task_id == data


def test_task_id_may_be_in_utf_16():
    body = '{"data":{"taskId":"task_1"}}'.encode("utf-16")
    assert codec.read_create(200, body)[0].task_id == "task_1"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, '{"data":{"taskId":null}}'),
        (200, '{"data":{"taskId":"null"}}'),
        (200, '{"data":{"taskId":"undefined","id":0}}'),
        (200, '{"data":{"taskId":true}}'),
        (200, '{"data":{"taskId":[]}}'),
        (200, '{"data":{"taskId":""},"msg":"no taskId: try again"}'),
        (200, '{"data":"success"}'),
        (200, '{"data":"internal_error_500_in_worker"}'),
        (500, "task_1"),
        (200, '{"data":{"taskId":"task_'),
        (200, '{"data":{"taskId":12'),
        (200, '{"data":{"taskId":"a"},"old":{"taskId":"b"}'),
        (200, "<p>taskId is required</p>"),
        (200, '{"requestId":"281e5b0f39b9b9a1"}'),
    ],
)
def test_nothing_else_is_a_task_id(status, body):
    assert codec.read_create(status, body.encode())[0].task_id == ""


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (504, '{"code":0,"msg":"upstream timeout"}', "unconfirmed"),
        (502, '{"error":{"code":"400","message":"bad gateway"}}', "unconfirmed"),
        (503, '{"error":{"code":"429","message":"saturated"}}', "unconfirmed"),
        (500, "<html>This field is required</html>", "unconfirmed"),
        (500, '{"code":500,"msg":"model is required"}', "unconfirmed"),
        (200, '{"code":500,"msg":"model is required"}', "unconfirmed"),
        (200, '{"code":"500"}', "unconfirmed"),
        (200, "<html>log in</html>", "unconfirmed"),
        (200, "", "unconfirmed"),
        (302, "", "unconfirmed"),
        (200, '{"code":"E7"}', "unconfirmed"),
        (200, '{"code":"²"}', "unconfirmed"),
        (200, '{"code":505,"msg":"feature disabled"}', "rejected"),
        (200, '{"code":"505"}', "rejected"),
        (200, '{"code":422.0}', "unconfirmed"),
        (200, '{"code":422}', "rejected"),
        (200, '{"error":{"code":"402","message":"no credits"}}', "rejected"),
        (401, '{"error":{"message":"invalid token"}}', "rejected"),
        (403, "error code: 1010", "rejected"),
        (413, "<html>too large</html>", "rejected"),
        (429, "<html>slow down</html>", "rejected"),
    ],
)
def test_answer_without_a_task_id(status, body, outcome):
    answer, error = codec.read_create(status, body.encode())
    assert decide_create(answer).outcome == outcome
    assert isinstance(error, APIError)


# --- recordInfo ---------------------------------------------------------------------------------

RESULT = '"{\\"resultUrls\\":[\\"https://x/1.png\\"]}"'
OUTPUTS = (TaskOutput("https://x/1.png", "image"),)


def record(fields, status=200, code=200):
    body = f'{{"code":{code},"msg":"success","data":{{{fields}}}}}'
    return codec.parse_record(status, body.encode())


@pytest.mark.parametrize(
    "param",
    [
        '"{"model":"m","input":"{\\"a\\":1}"}"',
        '"{"model":"m","input":"{\\"a\\":\\"he said \\\\\\"x\\\\\\"}\\"}"}"',
        '"{"model":"m","input":{"a":1,"b":[{"c":"d"}]}}"',
        '"{ "model": "m", "input": "{}" }"',
        '"{"model":"m","input":"{"a":1}"}"',
        '"{"model":"m","input":"{"a":"b"}","x":"{"y":1}"}"',
        '"{"a":"}"}"',
    ],
)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_record_with_quotes_escaped_once_too_few_is_read(param, place):
    fields = ['"taskId":"task_1"', '"state":"success"', f'"resultJson":{RESULT}']
    fields.insert({"first": 0, "middle": 2, "last": 3}[place], f'"param":{param}')
    task = record(",".join(fields))
    assert (task.task_id, task.state, task.outputs) == ("task_1", "success", OUTPUTS)


def test_request_in_a_defective_param_is_read():
    task = record('"param":"{"model":"m","input":"{\\"a\\":1}"}","state":"success"')
    assert task.param == {"model": "m", "input": {"a": 1}}


def test_defective_result_is_read():
    result = '"{"resultUrls":["https://x/1.png"]}"'
    param = '"{"model":"m","input":"{\\"a\\":1}"}"'
    for fields in (f'"resultJson":{result}', f'"param":{param},"resultJson":{result}'):
        assert record(f'"state":"success",{fields}').outputs == OUTPUTS


@pytest.mark.parametrize(
    "body",
    [
        '\ufeff{"data":{"state":"success","resultJson":%s}}',
        '{"data":{"state":"success","creditsConsumed":NaN,"resultJson":%s}}',
        '{"data":{"state":"success","costTime":-Infinity,"resultJson":%s}}',
        '{"data":{"state":"success","failMsg":"a\nb","resultJson":%s}}',
        '{"data":{"state":"success","model":"\\ud800","resultJson":%s}}',
        '{"data":{"state":"success","resultJson":%s,"param":"{"input":"a"b"}}',
        '{"data":{"state":"success","resultJson":%s},}',
        'Notice: undefined index{"data":{"state":"success","resultJson":%s}}',
    ],
)
def test_record_with_other_defects_is_read(body):
    task = codec.parse_record(200, (body % RESULT).encode())
    assert (task.state, task.outputs) == ("success", OUTPUTS)
    task.model.encode()


def test_prompt_that_looks_like_a_state_is_not_one():
    body = '{"data":{"state":"generating","param":"{"input":{"prompt":""state":"success""}}"}}'
    assert codec.parse_record(200, body.encode()).state == "generating"
    with pytest.raises(APIError):
        codec.parse_record(200, f"x{body}".encode())
    body = '{"data":{"state":"generating","param":"{\\"state\\":\\"success\\"}",}}'
    assert codec.parse_record(200, body.encode()).state == "generating"


SUCCESS = ["SUCCESS", "Success", "succeeded", "successful", "completed", "Complete", "finished",
           "DONE", " done "]  # fmt: skip
FAIL = ["FAIL", "failed", "Failure", "ERROR", "cancelled", "canceled", "expired"]
RUNNING = {"Waiting": "waiting", "QUEUED": "queuing", "in progress": "generating",
           "PROCESSING": "generating", "running": "generating"}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "state"),
    [*[(word, "success") for word in SUCCESS], *[(word, "fail") for word in FAIL],
     *RUNNING.items()],
)  # fmt: skip
def test_state_has_synonyms_in_any_case(word, state):
    task = record(f'"state":"{word}","failMsg":"no"')
    assert (task.state, task.state_word) == (state, word.strip())
    assert record(f'"status":"{word}"').state == state


@pytest.mark.parametrize(
    ("flag", "state"),
    [(0, "generating"), (1, "success"), (2, "fail"), (3, "fail"), ("1", "success")],
)
def test_success_flag_is_a_state(flag, state):
    assert record(f'"successFlag":{json.dumps(flag)}').state == state
    assert record(f'"successFlag":{json.dumps(flag)},"status":"7"').state == state


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        (f'"state":"archived","completeTime":1777600000000,"resultJson":{RESULT}', "success"),
        (f'"status":3,"completeTime":1777600000000,"resultJson":{RESULT}', "success"),
        (f'"completeTime":1777600000000,"resultJson":{RESULT}', "success"),
        ('"state":"aborted","failMsg":"no GPU"', "fail"),
        ('"state":"aborted","failCode":"500"', "fail"),
        (f'"state":"archived","resultJson":{RESULT}', "archived"),
        ('"state":"archived","completeTime":1777600000000', "archived"),
        ('"state":"odd","failCode":"0","failMsg":""', "odd"),
        ('"state":"odd","failCode":200', "odd"),
        ('"state":"waiting","failMsg":"still in the queue"', "waiting"),
    ],
)
def test_unknown_state_is_final_by_what_it_carries(fields, state):
    assert record(fields).state == state


@pytest.mark.parametrize("status", [200, 404, 500])
@pytest.mark.parametrize("code", [0, 1, 201, 404, 422, 501, '"x"'])
def test_final_state_decides_whatever_the_codes_say(status, code):
    task = record('"state":"fail","failMsg":"no GPU"', status, code)
    assert (task.state, task.fail_msg) == ("fail", "no GPU")
    assert record(f'"state":"success","resultJson":{RESULT}', status, code).outputs == OUTPUTS


@pytest.mark.parametrize("code", [501, 404, 500])
def test_running_state_with_an_error_code_is_an_error(code):
    with pytest.raises(APIError):
        record('"state":"generating"', 200, code)


@pytest.mark.parametrize(
    ("status", "body", "is_absence"),
    [
        (404, '{"code":404,"msg":"task not found"}', True),
        (200, '{"code":422,"msg":"recordInfo is null"}', True),
        (200, '{"code":500,"msg":"The task does not exist"}', True),
        (404, "<html>404 Not Found</html>", False),
        (404, "", False),
        (403, "<title>Just a moment...</title>", False),
        (200, '{"code":422,"msg":"bad"}', False),
    ],
)
def test_only_the_api_itself_says_that_a_task_is_unknown(status, body, is_absence):
    with pytest.raises(APIError) as error:
        codec.parse_record(status, body.encode())
    assert error.value.is_task_unknown is is_absence


# --- resultJson ---------------------------------------------------------------------------------

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()
ORIGIN = "https://api.example"


@pytest.mark.parametrize(
    ("result", "urls"),
    [
        ([{"url": "https://x/1"}], ["https://x/1"]),
        ({"resultUrls": [{"url": "https://x/1"}, {"resultUrl": "https://x/2"}]},
         ["https://x/1", "https://x/2"]),
        ({"resultUrls": '["https://x/1","https://x/2"]'}, ["https://x/1", "https://x/2"]),
        ({"resultUrls": ["https://x/1\n", " https://x/2 "]}, ["https://x/1", "https://x/2"]),
        ({"resultUrls": ["https://x/1", "https://x/1"]}, ["https://x/1"]),
        ({"result_urls": ["https://x/1"]}, ["https://x/1"]),
        ({"images": [{"url": "https://x/1"}]}, ["https://x/1"]),
        ({"images": ["https://x/1"]}, ["https://x/1"]),
        ({"data": [{"audio_url": "https://x/1"}]}, ["https://x/1"]),
        ({"data": [{"video_url": "https://x/1"}]}, ["https://x/1"]),
        ({"data": [{"image_url": "https://x/1"}]}, ["https://x/1"]),
        ({"videoUrl": "https://x/1"}, ["https://x/1"]),
        ({"data": {"videoUrl": "https://x/1"}}, ["https://x/1"]),
        ({"resultUrls": ["//cdn.x/1", "/files/1.png", "files/2.png"]},
         ["https://cdn.x/1", f"{ORIGIN}/files/1.png", f"{ORIGIN}/files/2.png"]),
        ("https://x/1", ["https://x/1"]),
        ("see https://x/1.png, or https://x/2.png.", ["https://x/1.png", "https://x/2.png"]),
        ({"odd": {"odder": "https:\\/\\/x\\/1"}}, ["https://x/1"]),
        ('{"broken": "https://x/1", ', ["https://x/1"]),
        (["https://x/1"], ["https://x/1"]),
        ({"resultUrls": [f"data:image/png;base64,{PNG}"]}, [f"data:image/png;base64,{PNG}"]),
        ({"data": [{"b64_json": PNG}]}, [f"data:image/png;base64,{PNG}"]),
        ({"images": [PNG]}, [f"data:image/png;base64,{PNG}"]),
        (PNG, [f"data:image/png;base64,{PNG}"]),
        ({"b64_json": "AAAA"}, ["data:application/octet-stream;base64,AAAA"]),
    ],
)  # fmt: skip
def test_outputs_are_found_in_every_shape(result, urls):
    for value in (result, json.dumps(result), json.dumps(json.dumps(result))):
        outputs = parse_outputs(value, ORIGIN)
        assert [output.url for output in outputs] == urls
        assert not any(output.is_secondary for output in outputs)


def test_frames_and_covers_are_secondary():
    film = {"firstFrameUrl": "https://x/f.png", "resultUrls": ["https://x/1.mp4"]}
    song = {"data": [{"image_url": "https://x/c.png", "audio_url": "https://x/1.mp3"}]}
    for result in (film, song):
        assert [output.is_secondary for output in parse_outputs(result)] == [False, True]


def test_text_is_an_output_and_its_links_are_not():
    outputs = parse_outputs({"resultObject": {"text": "see https://x/1"}})
    assert outputs[-1] == TaskOutput("", "text", "see https://x/1")


def test_success_that_cannot_be_read_keeps_the_raw_answer():
    task = record('"state":"success","resultJson":"{\\"odd\\":1}"')
    assert task.outputs == ()
    assert "odd" in task.raw


# --- anything -----------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text()
    | st.sampled_from(["https://x/1", "//x", "/x", "data:,x", '{"url":"https://x"}']),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["url", "data", "images", "b64_json", "x"]), inner),
    max_leaves=12,
)  # fmt: skip


@given(ANYTHING)
def test_any_result_is_read(value):
    for form in (value, json.dumps(value), json.dumps(json.dumps(value))):
        outputs = parse_outputs(form, ORIGIN)
        assert len({(output.url, output.text) for output in outputs}) == len(outputs)
        for output in outputs:
            assert output.url or output.text


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '"' * 100_000, "9" * 100_000,
                                  '{"param":"{"' + '}"},' * 50_000, '{"x":"\\ud800"'])  # fmt: skip
def test_hostile_json_is_unreadable(text):
    assert read_json(text.encode()) is UNREADABLE


@pytest.mark.parametrize(
    "part", ["\\", " ", "taskId", 'taskId":', '"state":"', '{"param":"{"', "https://", "[", "A "]
)
def test_long_hostile_answer_is_read_in_linear_time(part):
    """A quadratic search would take hours."""
    text = part * ((1 << 20) // len(part))
    codec.read_create(200, text.encode())
    assert parse_outputs(f"{text}!") is not None
    with suppress(APIError):
        codec.parse_record(200, b'{"data":{"state":' + text.encode())


@given(st.text(alphabet='{}[]":,\\aparmstue01 ', max_size=200))
def test_any_text_is_read_or_unreadable(text):
    read_json(f'{{"param":"{text}')
    codec.read_create(200, text.encode())
