import json

import pytest

from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState
from liangxin_nb.sandbox.task_timeline import state_at


class Clock:
    now = 1_777_600_000.0

    def __call__(self):
        return self.now


def wish(**given):
    return {"model": "z-image", "input": {"prompt": "A cafe terrace", **given}}


def test_a_life_is_a_pure_function_of_creation_and_clock():
    states = [state_at(1000, 10_000, now)[0] for now in range(1000, 12_001, 500)]
    assert list(dict.fromkeys(states)) == ["waiting", "queuing", "generating", "success"]
    assert state_at(1000, 10_000, 10_999)[0] == "generating"
    assert state_at(1000, 10_000, 11_000) == ("success", 11_000)
    assert state_at(1000, 10_000, 99_999) == ("success", 11_000)


def test_a_record_has_every_documented_field():
    clock = Clock()
    state = SandboxState(None, clock=clock)
    id = state.create("k", wish(image_size="square_hd"))
    young = state.record("k", id, "http://x")
    assert young["state"] == "waiting"
    assert (young["resultJson"], young["costTime"], young["completeTime"]) == ("", 0, 0)
    clock.now += 600
    old = state.record("k", id, "http://x")
    assert set(old) == {
        "taskId", "model", "state", "param", "resultJson", "failCode", "failMsg", "costTime",
        "completeTime", "createTime", "updateTime",
    }  # fmt: skip
    assert json.loads(old["param"]) == wish(image_size="square_hd")
    assert json.loads(old["resultJson"]) == {"resultUrls": [f"http://x/files/{id}/1.png"]}
    assert old["completeTime"] - old["createTime"] == old["costTime"] > 0


def test_tasks_of_the_same_moment_have_ids_of_their_own():
    state = SandboxState(None, clock=Clock())
    assert len({state.create("k", wish()) for _ in range(20)}) == 20


def test_a_restarted_sandbox_still_knows_its_tasks(tmp_path):
    clock = Clock()
    id = SandboxState(tmp_path, clock=clock).create("k", wish())
    with (tmp_path / "tasks.jsonl").open("a") as file:
        file.write('{"id": "cut o')
    again = SandboxState(tmp_path, clock=clock)
    assert again.record("k", id, "http://x")["taskId"] == id
    assert again.task_count == 1


def test_a_task_is_seen_by_the_key_that_made_it_and_the_key_is_saved_nowhere(tmp_path):
    state = SandboxState(tmp_path, clock=Clock())
    id = state.create("secret-key", wish())
    with pytest.raises(RejectedRequestError) as refusal:
        state.record("other", id, "http://x")
    assert refusal.value.code == 404
    assert "secret-key" not in (tmp_path / "tasks.jsonl").read_text()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "model is required"),
        ({"input": {"prompt": "x"}}, "model is required"),
        ({"model": "nope", "input": {"prompt": "x"}}, "unsupported model: nope"),
        ({"model": "z-image"}, "input.prompt is required"),
        ({"model": "z-image", "input": {"prompt": " "}}, "input.prompt is required"),
        (wish(image_size="huge"), "input.image_size is invalid"),
        (
            {"model": "seedream-v4-5", "input": {"prompt": "x", "aspect_ratio": "7:5"}},
            "aspect_ratio",
        ),
    ],
)
def test_a_bad_request_is_rejected_in_the_documents_words(body, message):
    with pytest.raises(RejectedRequestError) as refusal:
        SandboxState(None).create("k", body)
    assert refusal.value.code == 400
    assert message in refusal.value.message


def test_equal_requests_are_equal_drawings_and_a_file_is_there_only_when_it_is_done():
    clock = Clock()
    state = SandboxState(None, clock=clock)
    first, second = state.create("k", wish()), state.create("k", wish())
    other = state.create("k", wish(seed=7, output_format="jpeg", image_size="square"))
    assert state.drawing(first, "1.png") is None
    clock.now += 600
    assert state.drawing(first, "1.png") == state.drawing(second, "1.png")
    spec = state.drawing(other, "1.jpg")
    assert (spec.seed, spec.size, spec.format) == (7, (512, 512), "jpeg")
    assert state.drawing(other, "1.png") is None
    assert state.drawing("nope", "1.png") is None
