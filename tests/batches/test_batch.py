"""Batches: input formats, checks before anything is sent, execution, resuming and retries."""

import asyncio
import gc
import threading
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.batches import executor, open_batch, prepare, prompt_lines
from liangxin_nb.batches.inputs import parse_prompts
from liangxin_nb.cell_outputs.batch_summary import STATUS_LABELS
from liangxin_nb.core.recorded_update import update_from_record
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError, WaitTimeoutError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger.database import Database
from liangxin_nb.notebook.magics.batch_magic import parse_batch_cell

from ..conftest import FAST_PACE, start_sandbox

CSV = 'prompt,seed,aspect\n"a lake, at dawn",7,16:9\n\n雨夜的咖啡馆,,\n'


def build_grid(session, prompts, **arguments):
    return prepare(session, prompts, **arguments).grid


def rejection(session, prompts, **arguments):
    """Return the one-line error of a rejected batch; nothing is written and nothing is sent."""
    with pytest.raises(InvalidRequestError) as error:
        prepare(session, prompts, **arguments).start()
    assert session.ledger.count_by_status() == {}
    assert "\n" not in str(error.value)
    assert "othing was sent" in str(error.value)
    return str(error.value)


def test_rows_are_read_from_csv_file_data_frame_and_dicts(tmp_path):
    import pandas as pd

    (tmp_path / "p.csv").write_text(CSV, encoding="utf-8")
    frame = pd.read_csv(tmp_path / "p.csv")
    expected = [("a lake, at dawn", "7", "16:9"), ("雨夜的咖啡馆", None, None)]
    dicts = [dict(zip(("prompt", "seed", "aspect"), row, strict=True)) for row in expected]
    for prompts in (tmp_path / "p.csv", str(tmp_path / "p.csv"), frame, dicts):
        rows = [
            (row.prompt, row.values.get("seed"), row.values.get("aspect"))
            for row in parse_prompts(prompts)
        ]
        assert [(p, s and str(s), a) for p, s, a in rows] == expected
    assert [(r.name, r.prompt) for r in prompt_lines("\n a {b} $c \n\nd")] == [
        ("line 2", "a {b} $c"),
        ("line 4", "d"),
    ]


def test_grid_has_one_request_per_combination_row_by_row(session):
    grid = build_grid(
        session,
        ["a lake", {"prompt": "a cat", "num_inference_steps": 4}],
        models=["z-image", "seedream-v4-5"][:1],
        seeds=[1, 2],
        aspect=["1:1", "16:9"],
    )
    assert grid.columns == ("seed 1 · 1:1", "seed 1 · 16:9", "seed 2 · 1:1", "seed 2 · 16:9")
    assert grid.rows == ("a lake", "a cat")
    combinations = [(r.prompt, r.options["seed"], r.options["aspect_ratio"]) for r in grid.requests]
    assert combinations[:3] == [("a lake", 1, "1:1"), ("a lake", 1, "16:9"), ("a lake", 2, "1:1")]
    assert len(combinations) == len(set(combinations)) == 8
    assert [r.options.get("num_inference_steps") for r in grid.requests] == [None] * 4 + [4] * 4
    assert len({r.options["seed"] for r in build_grid(session, ["x"], seeds=5).requests}) == 5


@pytest.mark.parametrize(
    ("prompts", "arguments", "message"),
    [
        (["a", 7], {}, "Row 2 is neither a prompt nor a dict but int"),
        (["a", " "], {}, "Row 2 has no prompt"),
        ([{"prompt": "a"}, {"text": "b"}], {}, "Row 2 has no prompt"),
        ([], {}, "has no prompt"),
        ("one prompt", {}, "'one prompt' is not a batch"),
        ("nowhere.csv", {}, "cannot be read as CSV"),
        ([{"prompt": "a", "seed": 3}], {"seeds": [1, 2]}, "Row 1: it sets seed, which also"),
        (
            ["a", {"prompt": "b", "aspect": "7:5"}, "c", {"prompt": "d", "aspect": "x"}],
            {},
            "Row 2: aspect_ratio '7:5' is not one of 1:1, 3:4, 9:16, 4:3, 16:9. Nothing was sent, "
            "nothing was billed. Also invalid: 4.",
        ),
        (["a"], {"steps": 3}, "z-image has no input 'steps'"),
        (["a"], {"seeds": [1, 1]}, "seed contains a value twice"),
        (["a"] * 200, {"seeds": 100}, "more than 10000 tasks"),
        (["a"] * 51, {}, "51 tasks would be created, more than 50; nothing was sent. Allow it "
         "with max_tasks=51."),
    ],
)  # fmt: skip
def test_invalid_row_is_named_and_nothing_is_sent(session, prompts, arguments, message):
    assert message in rejection(session, prompts, **arguments)


def test_daily_limits_apply_to_the_whole_batch(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_tasks=3)
    assert "these are 4 more, the limit is 3" in rejection(session, ["a"], seeds=4)
    spent = session.ledger.create(Request("z-image", "x"), "liangxin", sandbox.url)
    session.ledger.update(spent, "saved", status="saved", credits=4.0)
    limited = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_credits=11)
    with pytest.raises(InvalidRequestError, match="these 2 tasks would cost 8, the limit is 11"):
        prepare(limited, ["a", "b"]).start()
    assert len(session.history()) == 1
    session.close()
    limited.close()


def test_estimate_contains_number_of_tasks_and_known_cost(session):
    estimate = prepare(session, ["a", "b"], models=["z-image", "seedream-v4-5"]).estimate
    assert estimate.models == {"z-image": 2, "seedream-v4-5": 2}
    assert "4 tasks would be created: 2 z-image, 2 seedream-v4-5." in repr(estimate)
    assert "The cost of z-image and seedream-v4-5 is not known" in repr(estimate)
    spent = session.ledger.create(Request("z-image", "x"), "liangxin", session.settings.base_url)
    session.ledger.update(spent, "saved", status="saved", credits=4.0)
    estimate = prepare(session, ["a", "b"], models=["z-image", "seedream-v4-5"]).estimate
    assert "About 8 credits" in estimate.cost
    assert "The cost of seedream-v4-5 is not known" in estimate.cost
    assert next(iter(estimate.table()))["credits"] == 8.0
    assert session.ledger.count_by_status() == {"saved": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--seed x", "'x' is not a list of seeds"),
        ("--seed 1 -n 2", "exclude each other"),
        ("--csv a.csv", "prompts below and a --csv file"),
        ("--max-tasks 0", "not a number from 1 to 10000"),
        ("--colour red", "Unknown option --colour; nothing was sent. The options are --csv"),
        ("-o steps", "not NAME=VALUE"),
    ],
)  # fmt: skip
def test_invalid_batch_line_is_rejected_in_one_line(line, message):
    with pytest.raises(InvalidRequestError) as error:
        parse_batch_cell(line, "a lake", {})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_every_option_of_a_batch_line_is_parsed():
    line = (
        "z-image --seed 1,4-6 -o a=1 -o a=2 -o b=x seedream-v4-5 --aspect 1:1 --template --no-wait"
    )
    arguments = parse_batch_cell(line, "a {what}", {"what": "lake"})
    assert arguments.text == "a lake"
    assert arguments.wait is False
    assert arguments.parameters == {
        "models": ["z-image", "seedream-v4-5"], "seeds": [1, 4, 5, 6], "a": ["1", "2"], "b": "x",
        "aspect": "1:1", "image": None, "reuse": None, "allow_key_like": False,
        "any_model": False,
    }  # fmt: skip


@pytest.fixture(scope="module")
def partial(tmp_path_factory):
    """A batch in which one task was rejected, one is unconfirmed, and one or two failed.

    The answer that was lost may be that of a task that would have failed: `failed` is 1 or 2.
    """
    served = start_sandbox(
        "--speed", "40", "--faults", "create-422-moderated*1, fail:500*2, create-lost*1"
    )
    folder = tmp_path_factory.mktemp("partial")
    arguments = {
        "base_url": served.url, "key": served.key, "results": folder, "schedule": FAST_PACE,
    }  # fmt: skip
    session = Session(**arguments)
    batch = prepare(session, ["a lake", "a cat"], seeds=[1, 2, 3], size="square").start(name="pair")
    observed = SimpleNamespace(batch=batch, session=session, arguments=arguments)
    observed.records_at_start = len(session.ledger.jobs_of_batch(batch.id))
    observed.states = [outcome.status for outcome in batch.as_completed()]
    observed.failed = observed.states.count("failed")
    observed.results, observed.reasons = batch.wait(), [outcome.reason for outcome in batch]
    observed.counts = batch.counts
    observed.failures = {outcome.status for outcome in batch.failures}
    before = served.counters()["created"]
    observed.retried = batch.retry()

    async def collect_states():
        return [outcome.status async for outcome in batch]

    observed.states_after_retry = asyncio.run(collect_states())
    observed.created_by_retry = served.counters()["created"] - before
    yield observed
    session.close()
    served.stop()


same_worker = pytest.mark.xdist_group("partial batch")


@same_worker
def test_all_records_are_written_before_the_first_request_is_sent(partial):
    assert partial.records_at_start == 6


@same_worker
def test_partial_failure_reports_the_status_of_every_request(partial):
    assert partial.failed in (1, 2)
    ended = {"saved": 4 - partial.failed, "failed": partial.failed, "rejected": 1, "unconfirmed": 1}
    assert sorted(partial.states) == sorted(state for state, n in ended.items() for _ in range(n))
    assert partial.counts == {**dict.fromkeys(STATUS_LABELS, 0), **ended}
    assert partial.failures == {"failed", "rejected", "unconfirmed"}
    assert [result is None for result in partial.results] == list(map(bool, partial.reasons))


@same_worker
def test_retry_sends_failed_and_rejected_requests_only(partial):
    """An unconfirmed request may have created a task, so it is never sent reopened."""
    assert partial.retried == partial.created_by_retry == partial.failed + 1
    assert partial.states_after_retry.count("saved") == 5
    assert partial.batch.progress.text == "6 tasks: 5 saved, 1 unconfirmed (may be billed)"
    assert partial.batch.progress.extra_attempts == partial.failed + 1


@same_worker
def test_records_of_earlier_attempts_stay_in_the_ledger(partial):
    assert len(partial.session.ledger.jobs_of_batch(partial.batch.id)) == 7 + partial.failed


@same_worker
def test_table_has_one_row_per_request_in_order(partial):
    frame = partial.batch.to_pandas()
    assert list(frame["row"]) == ["a lake"] * 3 + ["a cat"] * 3
    assert list(frame["attempts"]).count(2) == partial.failed + 1


@same_worker
def test_contact_sheet_is_small_in_a_notebook_and_large_in_a_file(partial, tmp_path):
    sheet = partial.batch.sheet()
    shown, _ = sheet._repr_mimebundle_()
    assert set(shown) == {"text/html", "text/plain"}
    assert sum(map(len, shown.values())) <= 64 * 1024
    named = f"<Batch {partial.batch.id} 'pair' · 6 tasks: 5 saved, 1 unconfirmed"
    assert shown["text/plain"].startswith(named)
    with Image.open(sheet.save(tmp_path / "sheet.png", 200)) as image:
        assert image.width > 3 * 200
    page = sheet.save(tmp_path / "sheet.html", 200).read_text()
    assert page.count("<img ") == 5
    with pytest.raises(InvalidRequestError, match=r"'\.gif' is not a format of a sheet"):
        sheet.save(tmp_path / "sheet.gif")
    with pytest.raises(InvalidRequestError, match="side=8 is not a number from 16 to 2048"):
        sheet.save(tmp_path / "sheet.png", 8)


@same_worker
def test_progress_shows_counts_and_activity(partial):
    text = f"<Progress {partial.batch.id} · 6 tasks: 5 saved, 1 unconfirmed (may be billed) · idle"
    assert repr(partial.batch.progress).startswith(text)


@same_worker
def test_another_session_opens_the_batch_in_the_same_state(partial):
    other = Session(**partial.arguments)
    reopened = open_batch(other, partial.batch.id[:5])
    assert reopened.progress.text == partial.batch.progress.text
    assert [o.row for o in reopened.failures] == [o.row for o in partial.batch.failures]
    assert reopened.sheet().output == partial.batch.sheet().output
    other.close()


def test_reuse_returns_saved_results_of_identical_requests(session, sandbox):
    first = prepare(session, ["a lake"], seeds=[1, 2], size="square").start()
    saved = first.wait(120)
    before = sandbox.counters()["created"]
    prepared = prepare(session, ["a lake"], seeds=[1, 2, 3], size="square", reuse=True)
    text = "1 task would be created: 1 z-image. 2 saved results are reused."
    assert text in prepared.estimate.text
    batch = prepared.start()
    results = batch.wait(120)
    assert results[:2] == saved
    assert [o.reused for o in batch] == [True, True, False]
    assert "2 of them reused" in batch.sheet().text
    assert sandbox.counters()["created"] == before + 1


def test_reused_result_says_when_it_was_saved(session, sandbox):
    arguments = {"prompt": "a lake", "seed": 1, "size": "square"}
    saved = session.generate(**arguments).wait(120)
    job = session.generate(**arguments, reuse=True)
    assert job.wait(120) == saved
    assert job.note.startswith("Reused from 20")
    assert saved.task_id in job.note
    assert session.generate(**arguments).note == ""


def test_paused_batch_reports_unsent_requests_and_can_be_opened_again(session):
    batch = prepare(session, ["a lake"] * 6, size="square").start(concurrency=2)
    batch.pause()
    with pytest.raises(WaitTimeoutError, match=rf"not sent yet.*%liangxin batch {batch.id}"):
        batch.wait(120)
    pending = batch.counts["pending"]
    assert pending >= 4
    assert session.ledger.count_by_status()["pending"] == pending
    assert open_batch(session, batch.id) is batch, "a batch is opened once per process"
    assert all(batch.wait(120))
    assert session.ledger.count_by_status() == {"saved": 6}


def test_detached_batch_is_resumed_and_nothing_is_created_twice(session):
    batch = prepare(session, ["a lake"] * 6, size="square").start(concurrency=2)
    batch.detach()
    with pytest.raises(WaitTimeoutError):
        batch.wait(120)
    assert all(batch.resume().wait(120))
    assert session.ledger.count_by_status() == {"saved": 6}


def test_record_that_another_notebook_submitted_cannot_be_claimed(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    record = ledger.create(Request("z-image", "x"), "sandbox", "")
    claimed = ledger.claim(record, "quick")
    ledger.update(claimed, "submitted", status="submitted", task_id="t", owner="")
    assert ledger.claim(record, "slow") is None


def test_deleted_result_counts_as_lost(session):
    record = session.ledger.create(Request("z-image", "x"), "sandbox", "").replace(status="deleted")
    update = update_from_record(session.result, record)
    assert (update.phase, update.is_final) == ("result_lost", True)
    assert f"%liangxin resume {record.id}" in str(update.error)


def test_unknown_batch_is_rejected_by_name(session):
    with pytest.raises(InvalidRequestError, match=r"no batch 'nope'.*%liangxin batches lists them"):
        open_batch(session, "nope")


def run_until_ten_ended(session, count, watcher=lambda progress: None):
    """Start a batch of `count` prompts and detach it when ten jobs have ended."""
    batch = prepare(session, ["a lake"] * count, size="square").start(max_tasks=count)
    batch.watch(watcher)
    for _ in zip(range(10), batch.as_completed(), strict=False):
        pass
    batch.detach()
    with pytest.raises(WaitTimeoutError):
        batch.wait(120)


def test_ledger_is_not_used_on_the_background_loop(session, monkeypatch):
    threads = Counter()

    def count_threads(method):
        def counted(ledger):
            if ledger is session.ledger:
                threads[threading.current_thread().name] += 1
            return method(ledger)

        return counted

    for name in ("transaction", "read_only"):
        monkeypatch.setattr(Database, name, count_threads(getattr(Database, name)))
    run_until_ten_ended(session, 60)
    assert sum(threads.values()) > 30, "each record is written several times"
    assert "liangxin" not in threads


def test_no_step_on_the_background_loop_takes_long(session, monkeypatch):
    """Measured in CPU time without garbage collection, so that other programs do not count."""
    session.loop.submit(session._connect()).result(120)  # loads its libraries
    steps, step = [0.0], asyncio.Handle._run

    def run_measured(handle):
        started = time.thread_time()
        step(handle)
        if threading.current_thread().name == "liangxin":
            steps.append(time.thread_time() - started)

    monkeypatch.setattr(asyncio.Handle, "_run", run_measured)
    gc.disable()  # a collection can happen in any step
    try:
        run_until_ten_ended(session, 500)
    finally:
        gc.enable()
    print(f"{len(steps)} steps, the longest {max(steps):.3f} s")
    assert max(steps) < 0.25


def test_watcher_is_called_at_an_interval_not_at_every_update(session, monkeypatch):
    assert executor._INTERVAL_S == 0.5
    monkeypatch.setattr(executor, "_INTERVAL_S", 3600.0)
    snapshots = []
    run_until_ten_ended(session, 60, snapshots.append)
    assert 2 <= len(snapshots) <= 4, "at the start, after the first interval, and at the end"
