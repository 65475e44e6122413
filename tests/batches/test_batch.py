"""Batches: what people hand in, what is refused before anything is sent, what comes of it."""

import asyncio
import gc
import threading
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from PIL import Image

from liangxin_nb.batches import executor, open_batch, prepare, prompt_lines
from liangxin_nb.batches.inputs import parse_prompts
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError, WaitTimeoutError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger.database import Database
from liangxin_nb.notebook.magics.batch_magic import parse_batch_cell
from liangxin_nb.session import Session

from ..conftest import FAST_PACE, start_sandbox

CSV = 'prompt,seed,aspect\n"a lake, at dawn",7,16:9\n\n雨夜的咖啡馆,,\n'


def planned(session, prompts, **more):
    return prepare(session, prompts, **more).grid


def refusal(session, prompts, **more):
    """The one line in which a batch is refused; nothing is written and nothing sent."""
    with pytest.raises(InvalidRequestError) as error:
        prepare(session, prompts, **more).start(max_tasks=more.pop("most", 50))
    assert session.ledger.count_by_status() == {}
    assert "\n" not in str(error.value)
    assert "othing was sent" in str(error.value)
    return str(error.value)


def test_a_table_is_read_from_wherever_people_have_it(tmp_path):
    import pandas as pd

    (tmp_path / "p.csv").write_text(CSV, encoding="utf-8")
    frame = pd.read_csv(tmp_path / "p.csv")
    wanted = [("a lake, at dawn", "7", "16:9"), ("雨夜的咖啡馆", None, None)]
    dicts = [dict(zip(("prompt", "seed", "aspect"), row, strict=True)) for row in wanted]
    for given in (tmp_path / "p.csv", str(tmp_path / "p.csv"), frame, dicts):
        found = [
            (row.prompt, row.values.get("seed"), row.values.get("aspect"))
            for row in parse_prompts(given)
        ]
        assert [(p, s and str(s), a) for p, s, a in found] == wanted
    assert [(r.name, r.prompt) for r in prompt_lines("\n a {b} $c \n\nd")] == [
        ("line 2", "a {b} $c"),
        ("line 4", "d"),
    ]


def test_a_matrix_has_a_place_for_every_combination_row_by_row(session):
    grid = planned(
        session,
        ["a lake", {"prompt": "a cat", "num_inference_steps": 4}],
        models=["z-image", "seedream-v4-5"][:1],
        seeds=[1, 2],
        aspect=["1:1", "16:9"],
    )
    assert grid.columns == ("seed 1 · 1:1", "seed 1 · 16:9", "seed 2 · 1:1", "seed 2 · 16:9")
    assert grid.rows == ("a lake", "a cat")
    asked = [(r.prompt, r.options["seed"], r.options["aspect_ratio"]) for r in grid.requests]
    assert asked[:3] == [("a lake", 1, "1:1"), ("a lake", 1, "16:9"), ("a lake", 2, "1:1")]
    assert len(asked) == len(set(asked)) == 8
    assert [r.options.get("num_inference_steps") for r in grid.requests] == [None] * 4 + [4] * 4
    assert len({r.options["seed"] for r in planned(session, ["x"], seeds=5).requests}) == 5


@pytest.mark.parametrize(
    ("prompts", "more", "said"),
    [
        (["a", 7], {}, "Row 2 is neither a prompt nor a dict but int"),
        (["a", " "], {}, "Row 2 has no prompt"),
        ([{"prompt": "a"}, {"text": "b"}], {}, "Row 2 has no prompt"),
        ([], {}, "has no prompt"),
        ("one prompt", {}, "'one prompt' is no batch"),
        ("nowhere.csv", {}, "cannot be read as CSV"),
        ([{"prompt": "a", "seed": 3}], {"seeds": [1, 2]}, "Row 1: it has a seed of its own"),
        (
            ["a", {"prompt": "b", "aspect": "7:5"}, "c", {"prompt": "d", "aspect": "x"}],
            {},
            "Row 2: aspect_ratio '7:5' is not one of 1:1, 3:4, 9:16, 4:3, 16:9. Nothing was sent, "
            "nothing was billed. Wrong too: 4.",
        ),
        (["a"], {"steps": 3}, "z-image has no input 'steps'"),
        (["a"], {"seeds": [1, 1]}, "seed names a value twice"),
        (["a"] * 200, {"seeds": 100}, "more than 10000 tasks"),
        (["a"] * 51, {}, "51 tasks would be created, more than 50; nothing was sent. Allow it "
         "with max_tasks=51."),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_is_sent(session, prompts, more, said):
    assert said in refusal(session, prompts, **more)


def test_the_limits_count_the_batch_as_a_whole(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_tasks=3)
    assert "these are 4 more, the limit is 3" in refusal(session, ["a"], seeds=4)
    spent = session.ledger.create(Request("z-image", "x"), "liangxin", sandbox.url)
    session.ledger.update(spent, "saved", status="saved", credits=4.0)
    dear = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_credits=11)
    with pytest.raises(InvalidRequestError, match="these 2 tasks would cost 8, the limit is 11"):
        prepare(dear, ["a", "b"]).start()
    assert len(session.history()) == 1
    session.close()
    dear.close()


def test_a_dry_run_says_how_many_and_what_is_known_of_the_cost(session):
    estimate = prepare(session, ["a", "b"], models=["z-image", "seedream-v4-5"]).estimate
    assert estimate.models == {"z-image": 2, "seedream-v4-5": 2}
    assert "4 tasks would be created: 2 z-image, 2 seedream-v4-5." in repr(estimate)
    assert "z-image and seedream-v4-5 will cost is not known" in repr(estimate)
    spent = session.ledger.create(Request("z-image", "x"), "liangxin", session.settings.base_url)
    session.ledger.update(spent, "saved", status="saved", credits=4.0)
    estimate = prepare(session, ["a", "b"], models=["z-image", "seedream-v4-5"]).estimate
    assert "About 8 credits" in estimate.cost
    assert "seedream-v4-5 will cost is not known" in estimate.cost
    assert next(iter(estimate.table()))["credits"] == 8.0
    assert session.ledger.count_by_status() == {"saved": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--seed x", "'x' is not a list of seeds"),
        ("--seed 1 -n 2", "exclude each other"),
        ("--csv a.csv", "prompts below and a --csv file"),
        ("--max-tasks 0", "not a number from 1 to 10000"),
        ("--colour red", "Unknown option --colour; nothing was sent. The options are --csv"),
        ("-o steps", "not NAME=VALUE"),
    ],
)  # fmt: skip
def test_a_wrong_batch_line_is_rejected_in_one_line(line, said):
    with pytest.raises(InvalidRequestError) as error:
        parse_batch_cell(line, "a lake", {})
    assert said in str(error.value)


def test_a_batch_line_is_read_as_it_is_meant():
    line = (
        "z-image --seed 1,4-6 -o a=1 -o a=2 -o b=x seedream-v4-5 --aspect 1:1 --template --no-wait"
    )
    arguments = parse_batch_cell(line, "a {what}", {"what": "lake"})
    assert arguments.text == "a lake"
    assert arguments.wait is False
    assert arguments.parameters == {
        "models": ["z-image", "seedream-v4-5"], "seeds": [1, 4, 5, 6], "a": ["1", "2"], "b": "x",
        "aspect": "1:1", "image": None, "reuse": False,
    }  # fmt: skip


@pytest.fixture(scope="module")
def partly(tmp_path_factory):
    """What happened to a batch of which one task was refused, one lost, and up to two failed.

    One that was to fail may be the one whose answer was lost: `failed` is 1 or 2.
    """
    served = start_sandbox(
        "--speed", "40", "--faults", "create-422-moderated*1, fail:500*2, create-lost*1"
    )
    place = tmp_path_factory.mktemp("partly")
    opened = {"base_url": served.url, "key": served.key, "results": place, "schedule": FAST_PACE}
    session = Session(**opened)
    batch = prepare(session, ["a lake", "a cat"], seeds=[1, 2, 3], size="square").start(name="pair")
    seen = SimpleNamespace(batch=batch, session=session, opened=opened)
    seen.at_once = len(session.ledger.jobs_of_batch(batch.id))
    seen.states = [outcome.status for outcome in batch.as_completed()]
    seen.failed = seen.states.count("failed")
    seen.results, seen.reasons = batch.wait(), [outcome.reason for outcome in batch]
    seen.counts = batch.counts
    seen.failures = {outcome.status for outcome in batch.failures}
    before = served.counters()["created"]
    seen.sent_again = batch.retry()

    async def rest():
        return [outcome.status async for outcome in batch]

    seen.rest = asyncio.run(rest())
    seen.created_again = served.counters()["created"] - before
    yield seen
    session.close()
    served.stop()


story = pytest.mark.xdist_group("a batch that ends partly")


@story
def test_all_records_of_a_batch_are_written_before_the_first_is_sent(partly):
    assert partly.at_once == 6


@story
def test_a_batch_ends_partly_and_says_of_each_place_how(partly):
    assert partly.failed in (1, 2)
    ended = {"saved": 4 - partly.failed, "failed": partly.failed, "rejected": 1, "unconfirmed": 1}
    assert sorted(partly.states) == sorted(state for state, n in ended.items() for _ in range(n))
    assert partly.counts == ended
    assert partly.failures == {"failed", "rejected", "unconfirmed"}
    assert [result is None for result in partly.results] == list(map(bool, partly.reasons))


@story
def test_only_what_cannot_exist_already_is_sent_again(partly):
    """What failed and what was refused; never what is unknown."""
    assert partly.sent_again == partly.created_again == partly.failed + 1
    assert partly.rest.count("saved") == 5
    assert partly.batch.progress.text == "6 tasks: 5 saved, 1 unconfirmed (may be billed)"
    assert partly.batch.progress.extra_attempts == partly.failed + 1


@story
def test_the_records_of_earlier_tries_stay_in_the_ledger(partly):
    assert len(partly.session.ledger.jobs_of_batch(partly.batch.id)) == 7 + partly.failed


@story
def test_a_batch_is_a_table_in_the_order_of_what_was_asked_for(partly):
    frame = partly.batch.to_pandas()
    assert list(frame["row"]) == ["a lake"] * 3 + ["a cat"] * 3
    assert list(frame["tries"]).count(2) == partly.failed + 1


@story
def test_a_contact_sheet_is_small_in_a_notebook_and_large_in_a_file(partly, tmp_path):
    sheet = partly.batch.sheet()
    shown = sheet._repr_mimebundle_()
    assert set(shown) == {"image/jpeg", "text/plain"}
    assert sum(map(len, shown.values())) <= 64 * 1024
    named = f"<Batch {partly.batch.id} 'pair' · 6 tasks: 5 saved, 1 unconfirmed"
    assert shown["text/plain"].startswith(named)
    with Image.open(sheet.save(tmp_path / "sheet.png", 200)) as image:
        assert image.width > 3 * 200
    with pytest.raises(InvalidRequestError, match=r"'\.gif' is no ending"):
        sheet.save(tmp_path / "sheet.gif")


@story
def test_another_session_opens_the_batch_as_it_stands(partly):
    later = Session(**partly.opened)
    again = open_batch(later, partly.batch.id[:5])
    assert again.progress.text == partly.batch.progress.text
    assert [o.row for o in again.failures] == [o.row for o in partly.batch.failures]
    assert again.sheet().text == partly.batch.sheet().text
    later.close()


def test_identical_work_is_taken_from_the_ledger(session, sandbox):
    first = prepare(session, ["a lake"], seeds=[1, 2], size="square").start()
    kept = first.wait(120)
    before = sandbox.counters()["created"]
    prepared = prepare(session, ["a lake"], seeds=[1, 2, 3], size="square", reuse=True)
    assert (
        "1 task would be created: 1 z-image. 2 results are kept already" in prepared.estimate.text
    )
    batch = prepared.start()
    results = batch.wait(120)
    assert results[:2] == kept
    assert [o.reused for o in batch] == [True, True, False]
    assert "2 of them reused" in batch.sheet().text
    assert sandbox.counters()["created"] == before + 1


def test_a_result_that_is_used_again_says_since_when_it_is_saved(session, sandbox):
    wish = {"prompt": "a lake", "seed": 1, "size": "square"}
    kept = session.generate(**wish).wait(120)
    job = session.generate(**wish, reuse=True)
    assert job.wait(120) == kept
    assert job.note.startswith("Reused from 20")
    assert kept.task_id in job.note
    assert session.generate(**wish).note == ""


def test_a_paused_batch_says_so_and_goes_on(session):
    batch = prepare(session, ["a lake"] * 6, size="square").start(concurrency=2)
    batch.pause()
    with pytest.raises(WaitTimeoutError, match=rf"not sent yet.*%liangxin batch {batch.id}"):
        batch.wait(120)
    unsent = batch.counts["pending"]
    assert unsent >= 4
    assert session.ledger.count_by_status()["pending"] == unsent
    assert open_batch(session, batch.id) is batch, "one batch, one queue"
    assert all(batch.wait(120))
    assert session.ledger.count_by_status() == {"saved": 6}


def test_a_batch_that_was_left_is_resumed_and_nothing_is_created_twice(session):
    batch = prepare(session, ["a lake"] * 6, size="square").start(concurrency=2)
    batch.detach()
    with pytest.raises(WaitTimeoutError):
        batch.wait(120)
    assert all(batch.resume().wait(120))
    assert session.ledger.count_by_status() == {"saved": 6}


def test_an_pending_record_that_another_notebook_sent_and_left_is_not_sent_again(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    record = ledger.create(Request("z-image", "x"), "sandbox", "")
    mine = ledger.claim(record, "quick")
    ledger.update(mine, "submitted", status="submitted", task_id="t", owner="")
    assert ledger.claim(record, "slow") is None


def test_a_batch_that_is_not_there_is_named(session):
    with pytest.raises(InvalidRequestError, match=r"no batch 'nope'.*%liangxin batches lists them"):
        open_batch(session, "nope")


def worked_on(session, prompts, watch=lambda now: None):
    """Works on a batch of so many prompts until ten have ended, then leaves the rest."""
    batch = prepare(session, ["a lake"] * prompts, size="square").start(max_tasks=prompts)
    batch.watch(watch)
    for _ in zip(range(10), batch.as_completed(), strict=False):
        pass
    batch.detach()
    with pytest.raises(WaitTimeoutError):
        batch.wait(120)


def test_the_private_loop_does_not_wait_for_the_ledgers_disk(session, monkeypatch):
    threads = Counter()

    def noted(method):
        def use(ledger):
            if ledger is session.ledger:
                threads[threading.current_thread().name] += 1
            return method(ledger)

        return use

    for name in ("transaction", "read_only"):
        monkeypatch.setattr(Database, name, noted(getattr(Database, name)))
    worked_on(session, 60)
    assert sum(threads.values()) > 30, "a ticket is written several times"
    assert "liangxin" not in threads


def test_no_step_on_the_private_loop_takes_long(session, monkeypatch):
    """In the processor's time, so that other programs do not count, nor does garbage collection."""
    session.loop.submit(session._connect()).result(120)  # its libraries are loaded once, there
    steps, step = [0.0], asyncio.Handle._run

    def measured(handle):
        begun = time.thread_time()
        step(handle)
        if threading.current_thread().name == "liangxin":
            steps.append(time.thread_time() - begun)

    monkeypatch.setattr(asyncio.Handle, "_run", measured)
    gc.disable()  # a collection of this whole process may come in any step
    try:
        worked_on(session, 500)
    finally:
        gc.enable()
    print(f"{len(steps)} steps, the longest {max(steps):.3f} s")
    assert max(steps) < 0.25


def test_a_watcher_of_a_batch_is_called_twice_a_second_however_much_happens(session, monkeypatch):
    assert executor._INTERVAL_S == 0.5
    monkeypatch.setattr(executor, "_INTERVAL_S", 3600.0)
    told = []
    worked_on(session, 60, told.append)
    assert 2 <= len(told) <= 4, "when the watch begins, at the first beat, and at the end"
