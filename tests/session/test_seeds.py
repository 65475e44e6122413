"""A seed is drawn where the model takes one and none was given; it does not change the work."""

import random

import pytest
from PIL import Image

from liangxin_nb.batches import prepare
from liangxin_nb.catalog import InputSpec, ModelSpec, find_model
from liangxin_nb.catalog.codegen import to_cell_source
from liangxin_nb.core.request import Request
from liangxin_nb.diagnostics import rebuild
from liangxin_nb.session.request_builder import build_requests, repeat, with_new_seed

Z = find_model("liangxin", "z-image")


def build(model="z-image", count=1, profile="liangxin", seed=None, **options):
    common = {"seed": seed}
    requests, _ = build_requests(
        profile, "a lake", model, common_options=common, options=options, count=count
    )
    return requests


def seeds(requests):
    return [request.options.get("seed") for request in requests]


def model(exclusive=(), together=(), **limits):
    inputs = {"seed": InputSpec("seed", **{"type": "integer", **limits})}
    return ModelSpec(
        id="m", title="m", seed="seed", inputs=inputs, exclusive=exclusive, together=together
    )


def test_drawn_seed_is_sent_recorded_and_shown(connect, server):
    session = connect()
    job = session.generate("a lake")
    result = job.wait(60)
    assert server.bodies[job.task_id]["input"] == {"prompt": "a lake", "seed": result.seed}
    assert (job.record.seed_drawn, job.record.request.drawn_seed) == (True, "seed")
    assert result.metadata.seed_drawn
    assert f"--seed {result.seed}" in to_cell_source(Z, job.record.request)
    assert not session.generate("a lake", seed=7).record.seed_drawn


def test_each_request_has_a_seed_of_its_own():
    assert len({*seeds(build(count=30))}) == 30


@pytest.mark.parametrize("columns", [None, 3])
def test_each_request_of_a_batch_has_a_seed_of_its_own(connect, columns):
    grid = prepare(connect(), ["a lake", "a hill", "a hill"], seeds=columns).grid
    assert len({*seeds(grid.requests)}) == 3 * len(grid.columns)
    assert grid.columns == (("no. 1", "no. 2", "no. 3") if columns else ("",))


def test_seed_does_not_depend_on_the_state_of_random():
    drawn = []
    for _ in range(2):
        random.seed(1)
        drawn += seeds(build())
        assert random.random() == random.Random(1).random(), "the user's numbers are unchanged"
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("limits", "lowest", "highest"),
    [
        ({}, 1, 2**31 - 1),
        ({"minimum": -5, "maximum": 2}, 1, 2),
        ({"minimum": 0, "maximum": 2**32 - 1}, 1, 2**31 - 1),
        ({"minimum": 8, "maximum": 9}, 8, 9),
    ],
)
def test_seed_is_within_the_limits_of_the_model(limits, lowest, highest):
    drawn = {model(**limits).draw_seed()["seed"] for _ in range(40)}
    assert lowest <= min(drawn) <= max(drawn) <= highest
    assert highest - lowest > 1 or drawn == {lowest, highest}


def test_seed_has_the_type_of_its_input():
    (request,) = build("google/imagen4", profile="kie")
    assert request.options["seed"].isdecimal()


@pytest.mark.parametrize(
    "spec",
    [
        model(maximum=0),
        model(exclusive=(("seed", "strength"),)),
        model(together=(("seed", "strength"),)),
        model(allowed=("5000000000",)),
        find_model("liangxin", "nano-banana-pro"),
        find_model("liangxin", "a-model-of-tomorrow"),
    ],
)
def test_no_seed_is_drawn_where_it_could_be_wrong(spec):
    assert spec.draw_seed({"strength": 1}) == {}


def test_request_of_a_model_without_seed_is_unchanged():
    assert build("nano-banana-pro", 2) == [Request("nano-banana-pro", "a lake")] * 2


def test_drawn_seed_does_not_change_the_identity_of_the_work():
    first, second = build(count=2)
    assert first.digest == second.digest == Request("z-image", "a lake").digest
    assert first.digest != build(seed=7)[0].digest


def test_again_draws_another_seed_and_keeps_a_given_one():
    (drawn,), (given,) = build(image_size="square"), build(seed=7)
    again = repeat("liangxin", drawn)
    assert again.digest == drawn.digest
    assert again.options["seed"] != drawn.options["seed"]
    assert repeat("liangxin", given) is given
    varied = with_new_seed("liangxin", given)
    assert (varied.drawn_seed, [*varied.options][-1]) == ("seed", "seed")


def test_given_seed_finds_the_work_for_which_it_was_drawn(connect, server):
    session = connect()
    result = session.generate("a lake", size="square").wait(60)
    same = {"size": "square", "seed": result.seed, "reuse": True}
    assert session.generate("a lake", **same).wait(60) == result
    assert server.count("createTask") == 1
    session.generate("a lake", **{**same, "seed": result.seed + 1}).wait(60)
    session.generate("a hill", **same).wait(60)
    assert server.count("createTask") == 3


def test_given_seed_finds_the_work_that_has_an_embedded_reference(connect, server, tmp_path):
    session = connect()
    Image.new("RGB", (9, 9), "red").save(path := tmp_path / "a.png")
    edit = {"model": "seedream-v4-5-edit", "image": path}
    result = session.generate("a lake", **edit).wait(60)
    assert session.generate("a lake", seed=result.seed, reuse=True, **edit).wait(60) == result
    assert server.count("createTask") == 1


def test_work_of_an_earlier_version_without_a_seed_is_found(connect, server):
    session = connect()
    (job,) = session.submit_each([Request("z-image", "a lake")], reuse=False)
    assert session.generate("a lake", reuse=True).wait(60) == job.wait(60)
    assert server.count("createTask") == 1


def test_rebuilt_ledger_finds_the_work_of_a_drawn_seed(connect, server):
    session = connect()
    result = session.generate("a lake", size="square").wait(60)
    session.close()
    session.ledger.path.write_bytes(b"no ledger " * 900)
    rebuild(session.settings)
    other = connect()
    assert other.generate("a lake", size="square", reuse=True).wait(60) == result
    assert server.count("createTask") == 1


def test_request_that_was_not_sent_keeps_its_seed(connect, server):
    first = connect()
    first.create_jobs({0: build()[0]}, "0123456789ab")
    first.close()
    second = connect()
    (record,) = second.ledger.with_status("pending")
    result = second.take_over(record).wait(60)
    assert server.bodies[result.task_id]["input"]["seed"] == record.request.options["seed"]
    assert record.request.digest == Request("z-image", "a lake").digest
