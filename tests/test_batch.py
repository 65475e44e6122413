"""Batches: what people hand in, what is refused before anything is sent, what comes of it."""

import asyncio
import threading
import time

import pytest
from PIL import Image

from liangxin_nb.batches import draft, lines, reopen
from liangxin_nb.batches.line import read_line
from liangxin_nb.batches.rows import rows
from liangxin_nb.errors import InvalidRequest, StillRunning
from liangxin_nb.ledger import Ledger
from liangxin_nb.request import Request
from liangxin_nb.session import Session

from .conftest import FAST_PACE, start_sandbox

CSV = 'prompt,seed,aspect\n"a lake, at dawn",7,16:9\n\n雨夜的咖啡馆,,\n'


def planned(session, prompts, **more):
    return draft(session, prompts, **more).plan


def told(session, prompts, **more):
    """What is refused, in its one line; nothing is written and nothing sent."""
    with pytest.raises(InvalidRequest) as error:
        draft(session, prompts, **more).begin(most=more.pop("most", 50))
    assert session.ledger.count() == {}
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
            (row.prompt, row.values.get("seed"), row.values.get("aspect")) for row in rows(given)
        ]
        assert [(p, s and str(s), a) for p, s, a in found] == wanted
    assert [(r.name, r.prompt) for r in lines("\n a {b} $c \n\nd")] == [
        ("line 2", "a {b} $c"),
        ("line 4", "d"),
    ]


def test_a_matrix_has_a_place_for_every_combination_row_by_row(session):
    plan = planned(
        session,
        ["a lake", {"prompt": "a cat", "num_inference_steps": 4}],
        models=["z-image", "seedream-v4-5"][:1],
        seeds=[1, 2],
        aspect=["1:1", "16:9"],
    )
    assert plan.columns == ("seed 1 · 1:1", "seed 1 · 16:9", "seed 2 · 1:1", "seed 2 · 16:9")
    assert plan.rows == ("a lake", "a cat")
    asked = [(r.prompt, r.options["seed"], r.options["aspect_ratio"]) for r in plan.requests]
    assert asked[:3] == [("a lake", 1, "1:1"), ("a lake", 1, "16:9"), ("a lake", 2, "1:1")]
    assert len(asked) == len(set(asked)) == 8
    assert [r.options.get("num_inference_steps") for r in plan.requests] == [None] * 4 + [4] * 4
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
         "with most=51."),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_is_sent(session, prompts, more, said):
    assert said in told(session, prompts, **more)


def test_the_limits_count_the_batch_as_a_whole(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_tasks=3)
    assert "these are 4 more, the limit is 3" in told(session, ["a"], seeds=4)
    spent = session.ledger.intend(Request("z-image", "x"), "liangxin", sandbox.url)
    session.ledger.change(spent, "kept", fate="kept", credits=4.0)
    dear = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_credits=11)
    with pytest.raises(InvalidRequest, match="these 2 tasks would cost 8, the limit is 11"):
        draft(dear, ["a", "b"]).begin()
    assert len(session.history()) == 1
    session.close()
    dear.close()


def test_a_dry_run_says_how_many_and_what_is_known_of_the_cost(session):
    estimate = draft(session, ["a", "b"], models=["z-image", "seedream-v4-5"]).estimate
    assert estimate.models == {"z-image": 2, "seedream-v4-5": 2}
    assert "4 tasks would be created: 2 z-image, 2 seedream-v4-5." in repr(estimate)
    assert "z-image and seedream-v4-5 will cost is not known" in repr(estimate)
    spent = session.ledger.intend(Request("z-image", "x"), "liangxin", session.settings.base_url)
    session.ledger.change(spent, "kept", fate="kept", credits=4.0)
    estimate = draft(session, ["a", "b"], models=["z-image", "seedream-v4-5"]).estimate
    assert "About 8 credits" in estimate.cost
    assert "seedream-v4-5 will cost is not known" in estimate.cost
    assert next(iter(estimate.table()))["credits"] == 8.0
    assert session.ledger.count() == {"kept": 1}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--seed x", "'x' is not a list of seeds"),
        ("--seed 1 -n 2", "exclude each other"),
        ("--csv a.csv", "prompts below and a --csv file"),
        ("--most 0", "not a number from 1 to 10000"),
        ("--colour red", "arguments: --colour; nothing was sent. The options are --csv"),
        ("-o steps", "not NAME=VALUE"),
    ],
)  # fmt: skip
def test_a_wrong_batch_line_is_refused_in_one_line(line, said):
    with pytest.raises(InvalidRequest) as error:
        read_line(line, "a lake", {})
    assert said in str(error.value)


def test_a_batch_line_is_read_as_it_is_meant():
    line = "z-image --seed 1,4-6 -o a=1 -o a=2 -o b=x seedream-v4-5 --aspect 1:1 --fill --no-wait"
    asked = read_line(line, "a {what}", {"what": "lake"})
    assert asked.text == "a lake"
    assert asked.wait is False
    assert asked.asked == {
        "models": ["z-image", "seedream-v4-5"], "seeds": [1, 4, 5, 6], "a": ["1", "2"], "b": "x",
        "aspect": "1:1", "image": None, "reuse": False,
    }  # fmt: skip


@pytest.fixture(scope="module")
def troubled():
    served = start_sandbox(
        "--speed", "40", "--faults", "create-422-moderated*1, fail:500*2, create-lost*1"
    )
    yield served
    served.stop()


def test_a_batch_ends_partly_in_order_and_only_what_may_be_is_sent_again(troubled, tmp_path):
    session = Session(base_url=troubled.url, key=troubled.key, results=tmp_path, pace=FAST_PACE)
    batch = draft(session, ["a lake", "a cat"], seeds=[1, 2, 3], size="square").begin(name="pair")
    assert len(session.ledger.of_batch(batch.id)) == 6, "all are written at once"
    seen = [outcome.state for outcome in batch.as_completed()]
    failed = seen.count("failed")  # one that was to fail may be the one whose answer was lost
    assert failed in (1, 2)
    assert sorted(seen) == ["done"] * (4 - failed) + ["failed"] * failed + ["refused", "unknown"]
    assert [r is None for r in batch.wait()] == [bool(o.reason) for o in batch]
    assert batch.counts == {"done": 4 - failed, "failed": failed, "refused": 1, "unknown": 1}
    assert {o.state for o in batch.failures} == {"failed", "refused", "unknown"}
    created = troubled.counters()["created"]
    assert batch.retry() == failed + 1, "never what may exist already"

    async def rest():
        return [outcome.state async for outcome in batch]

    assert asyncio.run(rest()).count("done") == 5
    assert batch.progress.text == "6 tasks: 5 done, 1 unknown (may be billed)"
    assert batch.progress.tries == failed + 1
    assert troubled.counters()["created"] == created + failed + 1
    assert len(session.ledger.of_batch(batch.id)) == 7 + failed, "the old tickets stay"
    frame = batch.to_pandas()
    assert list(frame["row"]) == ["a lake"] * 3 + ["a cat"] * 3
    assert list(frame["tries"]).count(2) == failed + 1

    sheet = batch.sheet()
    shown = sheet._repr_mimebundle_()
    assert set(shown) == {"image/jpeg", "text/plain"}
    assert sum(map(len, shown.values())) <= 64 * 1024
    assert shown["text/plain"].startswith(f"<Batch {batch.id} 'pair' · 6 tasks: 5 done, 1 unknown")
    with Image.open(sheet.save(tmp_path / "sheet.png", 200)) as image:
        assert image.width > 3 * 200
    with pytest.raises(InvalidRequest, match=r"'\.gif' is no ending"):
        sheet.save(tmp_path / "sheet.gif")
    session.close()

    later = Session(base_url=troubled.url, key=troubled.key, results=tmp_path, pace=FAST_PACE)
    again = reopen(later, batch.id[:5])
    assert again.progress.text == batch.progress.text
    assert [o.row for o in again.failures] == [o.row for o in batch.failures]
    assert again.sheet().text == sheet.text
    later.close()


def test_identical_work_is_taken_from_the_ledger_and_said_so(session, sandbox):
    first = draft(session, ["a lake"], seeds=[1, 2], size="square").begin()
    kept = first.wait(30)
    before = sandbox.counters()["created"]
    planned = draft(session, ["a lake"], seeds=[1, 2, 3], size="square", reuse=True)
    assert "1 task would be created: 1 z-image. 2 results are kept already" in planned.estimate.text
    batch = planned.begin()
    results = batch.wait(30)
    assert results[:2] == kept
    assert [o.reused for o in batch] == [True, True, False]
    assert "2 of them reused" in batch.sheet().text
    job = session.generate("a lake", seed=1, size="square", reuse=True)
    assert job.wait(10) == kept[0]
    assert job.note.startswith("Reused from 20")
    assert kept[0].task_id in job.note
    assert sandbox.counters()["created"] == before + 1
    assert session.generate("a lake", seed=1, size="square").note == ""


def test_a_paused_batch_says_so_and_goes_on(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path, pace=FAST_PACE)
    batch = draft(session, [f"a lake {n}" for n in range(6)], size="square").begin(window=2)
    batch.pause()
    with pytest.raises(StillRunning, match=rf"not sent yet.*%liangxin batch {batch.id}"):
        batch.wait(30)
    unsent = batch.counts["unsent"]
    assert unsent >= 4
    assert session.ledger.count()["intent"] == unsent
    assert reopen(session, batch.id) is batch, "one batch, one queue"
    assert all(batch.wait(60))
    batch = draft(session, [f"a cat {n}" for n in range(6)], size="square").begin(window=2)
    batch.leave()
    with pytest.raises(StillRunning):
        batch.wait(30)
    assert all(batch.resume().wait(60))
    assert session.ledger.count() == {"kept": 12}
    session.close()


def test_an_intent_that_another_notebook_sent_and_left_is_not_sent_again(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite")
    ticket = ledger.intend(Request("z-image", "x"), "sandbox", "")
    mine = ledger.claim(ticket, "quick")
    ledger.change(mine, "accepted", fate="accepted", task_id="t", owner="")
    assert ledger.claim(ticket, "slow") is None


def test_a_batch_that_is_not_there_is_named(session):
    with pytest.raises(InvalidRequest, match=r"no batch 'nope'.*%liangxin batches lists them"):
        reopen(session, "nope")


def test_the_loop_answers_while_500_prompts_are_worked_on(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path, pace=FAST_PACE)
    batch = draft(session, [f"a lake {n}" for n in range(500)], size="square").begin(most=500)
    session.loop.submit(session._connect()).result(60)  # its libraries are loaded once, there
    words, answers, end = [], [], time.monotonic() + 3
    batch.watch(lambda now: words.append(time.monotonic() < end))
    while time.monotonic() < end:
        begun, answered = time.monotonic(), threading.Event()
        session.loop.call(answered.set)
        assert answered.wait(10)
        answers.append(time.monotonic() - begun)
        time.sleep(0.02)
    batch.leave()
    with pytest.raises(StillRunning):
        batch.wait(60)
    usual, slowest = sorted(answers)[len(answers) // 2], max(answers)
    print(f"the loop answers in {usual:.3f} s, at worst {slowest:.3f} s; {sum(words)} words in 3 s")
    assert usual < 0.2
    assert sum(words) <= 3 + 2 * 3
    session.close()
