"""Tasks of the sandbox and their records."""

import json
import re

import pytest

from liangxin_nb.sandbox.faults import Faults
from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState
from liangxin_nb.sandbox.task_timeline import state_at


class Clock:
    now = 1_777_600_000.0

    def __call__(self):
        return self.now


def request_body(**inputs):
    return {"model": "z-image", "input": {"prompt": "A cafe terrace", **inputs}}


def test_states_depend_only_on_creation_time_and_clock():
    states = [state_at(1000, 10_000, now)[0] for now in range(1000, 12_001, 500)]
    assert list(dict.fromkeys(states)) == ["waiting", "queuing", "generating", "success"]
    assert state_at(1000, 10_000, 10_999)[0] == "generating"
    assert state_at(1000, 10_000, 11_000) == ("success", 11_000)
    assert state_at(1000, 10_000, 99_999) == ("success", 11_000)


def test_record_has_all_documented_fields():
    clock = Clock()
    state = SandboxState(None, clock=clock)
    task_id = state.create("k", request_body(image_size="square_hd"))
    early = state.record("k", task_id, "http://x")
    assert early["state"] == "waiting"
    assert (early["resultJson"], early["costTime"], early["completeTime"]) == ("", 0, 0)
    clock.now += 600
    late = state.record("k", task_id, "http://x")
    assert set(late) == {
        "taskId", "model", "state", "param", "resultJson", "failCode", "failMsg", "costTime",
        "completeTime", "createTime", "updateTime",
    }  # fmt: skip
    assert json.loads(late["param"]) == request_body(image_size="square_hd")
    (url,) = json.loads(late["resultJson"])["resultUrls"]
    token = re.fullmatch("http://x/files/([0-9a-f]{32})/1.png", url)[1]
    assert state.find_task_id(token) == task_id
    assert late["completeTime"] - late["createTime"] == late["costTime"] > 0


def test_tasks_created_simultaneously_have_different_ids():
    state = SandboxState(None, clock=Clock())
    assert len({state.create("k", request_body()) for _ in range(20)}) == 20


def test_restarted_sandbox_has_the_earlier_tasks(tmp_path):
    clock = Clock()
    task_id = SandboxState(tmp_path, clock=clock).create("k", request_body())
    with (tmp_path / "tasks.jsonl").open("a") as file:
        file.write('{"id": "cut o')
    restarted = SandboxState(tmp_path, clock=clock)
    assert restarted.record("k", task_id, "http://x")["taskId"] == task_id
    assert restarted.task_count == 1


def test_tasks_saved_by_an_older_sandbox_are_read(tmp_path):
    clock = Clock()
    faults = Faults(["fail:500"])
    task_id = SandboxState(tmp_path, clock=clock, faults=faults).create("sandbox", request_body())
    file = tmp_path / "tasks.jsonl"
    task = json.loads(file.read_text("utf-8"))
    task["fates"] = task.pop("faults")
    del task["token"]
    file.write_text(json.dumps(task) + "\n", "utf-8")
    clock.now += 600
    state = SandboxState(tmp_path, clock=clock)
    assert state.record("another key", task_id, "http://x")["state"] == "fail"
    assert state.find_task_id(task_id) == task_id


def test_task_is_visible_only_to_its_key_and_the_key_is_not_saved(tmp_path):
    state = SandboxState(tmp_path, clock=Clock())
    task_id = state.create("secret-key", request_body())
    with pytest.raises(RejectedRequestError) as error:
        state.record("other", task_id, "http://x")
    assert error.value.code == 404
    assert "secret-key" not in (tmp_path / "tasks.jsonl").read_text()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "model is required"),
        ({"input": {"prompt": "x"}}, "model is required"),
        ({"model": "nope", "input": {"prompt": "x"}}, "unsupported model: nope"),
        ({"model": "z-image"}, "input.prompt is required"),
        ({"model": "z-image", "input": {"prompt": " "}}, "input.prompt is required"),
        (request_body(image_size="huge"), "input.image_size is invalid"),
        (
            {"model": "seedream-v4-5", "input": {"prompt": "x", "aspect_ratio": "7:5"}},
            "aspect_ratio",
        ),
    ],
)
def test_invalid_request_is_rejected_with_the_documented_message(body, message):
    with pytest.raises(RejectedRequestError) as error:
        SandboxState(None).create("k", body)
    assert error.value.code == 400
    assert message in error.value.message


def test_equal_requests_give_equal_drawings_once_the_tasks_have_succeeded():
    clock = Clock()
    state = SandboxState(None, clock=clock)
    first, second = state.create("k", request_body()), state.create("k", request_body())
    other = state.create("k", request_body(seed=7, output_format="jpeg", image_size="square"))
    assert state.drawing(first, "1.png") is None
    clock.now += 600
    assert state.drawing(first, "1.png") == state.drawing(second, "1.png")
    spec = state.drawing(other, "1.jpg")
    assert (spec.seed, spec.size, spec.format) == (7, (512, 512), "jpeg")
    assert state.drawing(other, "1.png") is None
    assert state.drawing("nope", "1.png") is None
