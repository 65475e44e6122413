"""Unchanged work is not paid for again: the setting `reuse`, and which results it takes."""

import shutil

import pytest
from PIL import Image

from liangxin_nb.batches import prepare
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.session.request_builder import build_requests


def generate(session, **options):
    job = session.generate("a lake", **options)
    job.wait(60)
    return job


def run_cell(session, count=3):
    """Submit what a cell with `-n` submits, and return the results."""
    requests, _ = build_requests(
        session.settings.profile, "a lake", "z-image", common_options={}, options={}, count=count
    )
    return [job.wait(60) for job in session.submit_each(requests, reuse=True)]


def test_setting_applies_unless_a_call_says_otherwise(connect, server):
    session = connect(reuse=True)
    first = generate(session)
    assert generate(session).record == first.record
    assert (first.is_reusing, generate(session, reuse=False).is_reusing) == (True, False)
    assert server.count("createTask") == 2
    assert prepare(session, ["a lake"]).estimate.tasks == 0
    assert prepare(session, ["a lake"], reuse=False).estimate.tasks == 1


def test_again_pays_although_the_setting_is_on(connect, server):
    session = connect(reuse=True)
    request = generate(session).record.request
    session.submit(request).wait(60)
    assert server.count("createTask") == 2


def test_results_of_a_cell_come_in_the_same_order(connect, server):
    first = run_cell(connect())
    assert run_cell(connect()) == first
    assert server.count("createTask") == 3
    more = run_cell(connect(), 5)
    assert more[:3] == first
    assert run_cell(connect(), 5) == more
    assert server.count("createTask") == 5


def test_newest_result_is_taken(connect):
    session = connect()
    generate(session)
    newest = generate(session)
    assert generate(session, reuse=True).record == newest.record


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: shutil.rmtree(folder),
        lambda folder: (folder / "1.png").unlink(),
        lambda folder: (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:-9]),
        lambda folder: (folder / "1.png").write_bytes(bytes((folder / "1.png").stat().st_size)),
        lambda folder: (folder / "metadata.json").write_bytes(b"{}"),
    ],
    ids=["folder", "file", "cut off", "zeros", "metadata"],
)
def test_result_that_is_gone_or_damaged_is_not_reused(connect, server, damage):
    session = connect(reuse=True)
    job = generate(session)
    damage(session.results.root / job.record.folder)
    assert generate(session).record.id != job.record.id
    assert server.count("createTask") == 2


def test_older_result_is_taken_if_the_newest_is_damaged(connect, server):
    session = connect()
    older, newest = generate(session), generate(session)
    (session.results.root / newest.record.folder / "1.png").unlink()
    assert generate(session, reuse=True).record == older.record
    assert server.count("createTask") == 2


def test_content_of_a_reference_counts_but_not_its_path(connect, server, tmp_path):
    session = connect(reuse=True)
    options = {"model": "seedream-v4-5-edit"}
    paths = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for path, colour in zip(paths, ("red", "red", "blue"), strict=True):
        Image.new("RGB", (9, 9), colour).save(path)
    jobs = [generate(session, image=path, **options) for path in paths]
    assert jobs[0].record == jobs[1].record
    assert server.count("createTask") == 2


@pytest.mark.parametrize(
    "change",
    [{"model": "seedream-v4-5"}, {"aspect": "16:9"}, {"seed": 5}, {"num_inference_steps": 9}],
)
def test_changed_request_is_sent(connect, server, change):
    session = connect(reuse=True)
    generate(session)
    generate(session, **change)
    assert server.count("createTask") == 2


def test_work_of_another_service_is_not_taken(connect, server):
    generate(connect(), model="nano-banana-pro")
    generate(connect(profile="kie"), model="nano-banana-pro", reuse=True)
    assert server.count("createTask") == 2


def test_batch_that_ran_before_is_opened_again(connect, server):
    prompts = ["a lake", "a lake", "a hill"]
    first = prepare(connect(), prompts, seeds=2, reuse=True).start(name="two")
    results = first.wait(60)
    again = prepare(connect(), prompts, seeds=2, reuse=True).start(name="two")
    assert (again.id, again.wait(60)) == (first.id, results)
    assert (again.progress.reused, len(again.session.ledger.list_batches())) == (0, 1)
    assert prepare(connect(), prompts, seeds=2, reuse=True).start(name="other").id != first.id
    assert server.count("createTask") == 6


def test_batch_with_new_rows_takes_the_results_of_the_others(connect, server):
    session = connect(reuse=True)
    first = prepare(session, ["a lake", "a hill"]).start()
    first.wait(60)
    second = prepare(session, ["a lake", "a tree", "a hill"]).start()
    second.wait(60)
    assert [outcome.reused for outcome in second] == [True, False, True]
    assert server.count("createTask") == 3
    third = prepare(connect(), ["a lake", "a tree", "a hill"], reuse=True).start(max_tasks=0)
    assert third.id == second.id


def test_second_click_does_not_start_a_batch_again(connect, server):
    prepared = prepare(connect(), ["a lake", "a hill"])
    assert prepared.start() is prepared.start()
    prepared.start().wait(60)
    assert server.count("createTask") == 2


def test_wrong_value_of_the_setting_is_named(connect):
    with pytest.raises(InvalidRequestError, match=r"reuse='sometimes'.*true or false"):
        connect(reuse="sometimes")
