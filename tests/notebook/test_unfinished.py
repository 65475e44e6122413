"""What screens show of work that is not complete, and that it is not paid again by accident."""

from types import SimpleNamespace

import pytest

from liangxin_nb.batches.state import BatchState
from liangxin_nb.cell_outputs import batch_output
from liangxin_nb.cell_outputs.outcome_text import outcome_bundle
from liangxin_nb.core.job_record import LATE_NOTE, JobRecord, JobUpdate
from liangxin_nb.core.request import Request
from liangxin_nb.errors import APIConnectionError, ResultUnavailableError
from liangxin_nb.library import Library
from liangxin_nb.notebook.widgets.batch_view import BatchView
from liangxin_nb.notebook.widgets.gallery.gallery import Gallery
from liangxin_nb.notebook.widgets.job_output import status_line
from liangxin_nb.notebook.widgets.task_card import Actions, TaskCard
from liangxin_nb.notebook.widgets.terminal import TerminalProgress

from .. import stock

REASON = "2 of 3 outputs are saved; no. 2 is missing: The link has expired."
FULL = ResultUnavailableError(
    "The result cannot be written (No space left on device).",
    next_step="Free space, then %liangxin resume task_1.",
)
GONE = ResultUnavailableError("The result's link has expired (HTTP 404).")
NO_ANSWER = APIConnectionError("No answer: a task may have been created.", maybe_created=True)


def update(status, phase=None, task_id="task_1", **values):
    """Return the last update of a job; `reason` is of its record."""
    record = JobRecord.new(Request("z-image", "a lake", {"seed": 7}), "kie", "")
    record = record.replace(
        status=status, task_id=task_id, created_at=1.8e9, reason=values.pop("reason", "")
    )
    return JobUpdate(record, phase or status, ended_at=1.8e9, **values)


#: Update, words of its screen, and its first button.
STATES = {
    "partly saved": (
        update("saved", reason=REASON),
        ("Partly saved", REASON, "%liangxin resume task_1", "until about 2027-01-29"),
        "Collect missing",
    ),
    "not fetched": (
        update("succeeded", "detached", error=FULL),
        ("Succeeded, not fetched", "No space left", "Free space, then", "%liangxin resume task_1"),
        "Collect",
    ),
    "detached": (update("submitted", "detached"), ("Detached (still running)",), "Collect"),
    "result lost": (
        update("result_lost", error=GONE),
        ("Result lost", "HTTP 404", "%liangxin resume task_1", "until about 2027-01-29"),
        "Try to collect again",
    ),
    "unconfirmed": (
        update("unconfirmed", task_id="", error=NO_ANSWER),
        ("Unconfirmed (may be billed)", "https://kie.ai/logs", "%liangxin resume TASK_ID"),
        "Enter task id",
    ),
}
states = pytest.mark.parametrize(("last", "words", "button"), STATES.values(), ids=STATES)


class Job:
    """The part of a job that a card uses."""

    def __init__(self, last):
        self.last_update, self.record = last, last.record

    def watch(self, watcher):
        watcher(self.last_update)


def make_card(last, sent=None, found=None):
    """Return a card; `sent` gets the names of paying actions, `found` the ids to collect."""
    sent, found = [] if sent is None else sent, [] if found is None else found
    return TaskCard(
        Job(last),
        Actions(
            collect=lambda job: None,
            resubmit=lambda job: sent.append("resubmit"),
            new_seed=lambda job: sent.append("new_seed"),
            attach=found.append,
            to_cell=lambda record: "",
            supports_seed=lambda record: True,
        ),
    )


@states
def test_card_shows_what_is_left_and_how_to_get_it(last, words, button):
    card = make_card(last)
    shown = card._state.value + card._details.value.replace("&#39;", "'")
    for word in words:
        assert word in shown.replace("<code>", "").replace("</code>", "")
    assert card._row.children[0].description == button
    assert [b.description for b in card._row.children][-2:] == ["Again", "Vary"], "not the first"


@states
def test_durable_output_shows_the_same(last, words, button):
    bundle = outcome_bundle(last)
    for word in words:
        assert word in bundle["text/plain"]
    assert "lx-outcome" in bundle["text/html"]


@states
@pytest.mark.parametrize("name", ["resubmit", "new_seed"])
def test_work_that_may_exist_is_sent_again_only_after_a_warning(last, words, button, name):
    sent = []
    card = make_card(last, sent)
    card.buttons[name].click()
    question = card._question
    assert "creates another task, billed separately" in question.box.children[0].value
    assert sent == []
    question.keep.click()
    assert question.box not in card._footer.children
    assert sent == []
    card.buttons[name].click()
    question.send.click()
    assert sent == [name]


def test_task_that_was_found_at_the_service_is_collected_by_its_id():
    found = []
    card = make_card(STATES["unconfirmed"][0], found=found)
    card.buttons["attach"].click()
    card._attach.task_id.value = " task_2 "
    card._attach.collect.click()
    assert found == ["task_2"]
    assert card._attach.box not in card._footer.children


@pytest.mark.parametrize("status", ["saved", "failed", "rejected"])
def test_work_that_has_ended_is_sent_again_at_once(status):
    sent = []
    make_card(update(status), sent).buttons["resubmit"].click()
    assert sent == ["resubmit"]


def test_card_shows_the_note_of_an_update():
    note = f"{LATE_NOTE}; next attempt in 5 s."
    card = make_card(update("succeeded", "saving", note=note))
    assert "Waiting for the file" in card._state.value
    assert note in card._details.value
    busy = "The ledger is busy; task task_1 continues."
    card = make_card(update("submitted", "generating", note=busy))
    assert "Generating" in card._state.value
    assert busy in card._details.value
    assert busy in status_line(card.latest)


def test_terminal_prints_each_state_and_each_kind_of_note_once(capsys):
    line = TerminalProgress(update("submitted", "generating"), is_waited_for=False)
    for seconds in (1, 2, 5):
        note = f"{LATE_NOTE}; next attempt in {seconds} s."
        line.update(update("succeeded", "saving", note=note))
    line.update(STATES["partly saved"][0])
    late, partly = capsys.readouterr().out.splitlines()
    assert late.startswith("◕ Waiting for the file · z-image · task_1 · ")
    assert late.endswith("next attempt in 1 s.")
    assert partly.startswith("◑ Partly saved · z-image · task_1 · ")


def test_batch_counts_partly_saved_and_unfetched_results():
    record = SimpleNamespace(plan={"rows": ["a", "b", "c"], "columns": [""]}, id="1", name="")
    updates = [STATES[name][0] for name in ("partly saved", "not fetched")] + [update("saved")]
    state = BatchState(record, "kie", updates, {})
    progress = state.progress({}, 1, paused=False, active=False)
    assert progress.text == "3 tasks: 1 saved, 1 partly saved, 1 succeeded, not fetched"
    assert not progress.done
    view = BatchView(progress, dict.fromkeys(("pause", "resume", "detach", "retry"), lambda: None))
    assert "1 partly saved" in view._body.value
    assert REASON in batch_output(state.summary).data["text/html"]
    shown = [name for name, button in view.buttons.items() if not button.layout.display]
    assert shown == ["resume"], "nothing is sent again"


def test_gallery_marks_and_filters_partly_saved_results(session):
    stock.save_result(session, "a lake")
    partly = stock.save_result(session, "a cafe")
    session.ledger.update(partly, "partly saved", reason=REASON)
    stock.save_result(session, "a cat", status="succeeded")
    gallery = Gallery(Library(session), lambda work: work(), lambda: None)
    badges = ["Partly saved" in tile._html.value for tile in gallery.grid.tiles]
    assert badges == [True, False]
    for state, prompt in (("Partly saved", "a cafe"), ("Succeeded, not fetched", "a cat")):
        gallery.filters.state.value = state
        assert [entry.record.request.prompt for entry in gallery.entries] == [prompt]
    gallery.filters.state.value = "Partly saved"
    gallery.grid.tiles[0].open.click()
    assert f"%liangxin resume {partly.task_id}" in gallery.detail.view._details.value
