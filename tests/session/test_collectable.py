"""What `resume` without arguments offers, and where unconfirmed requests are named."""

import re
import time

import pytest

from liangxin_nb.config.settings import Settings
from liangxin_nb.core import outcomes
from liangxin_nb.core.formatting import format_time
from liangxin_nb.core.request import Request
from liangxin_nb.engine.ownership import Lease
from liangxin_nb.errors import ResultUnavailableError
from liangxin_nb.notebook.magics import job_commands
from liangxin_nb.notebook.magics.extension import _greeting, count_resumable, find_unsettled
from liangxin_nb.notebook.magics.maintenance import doctor_command

from ..conftest import wait_until
from ..task_server import KEY, answer

REQUEST = Request("z-image", "a lake")
DAY_S = 86_400.0


@pytest.fixture
def session(connect):
    return connect()


@pytest.fixture
def add(session, server):
    """Adds a job of an ended process to the ledger, and its task to the server."""

    def add(status, task_id="task_50", age_s=0.0, **values):
        record = session.ledger.create(
            REQUEST, session.settings.profile, session.settings.base_url, "ended"
        )
        values = {"status": status, "task_id": task_id, **values}
        record = session.ledger.update(record, status, created_at=time.time() - age_s, **values)
        if task_id:
            server.add(task_id, {"model": "z-image", "input": {"prompt": "a lake"}})
        return record

    return add


@pytest.mark.parametrize(
    ("status", "reason", "age_s"),
    [
        ("submitted", "", 0.0),
        ("submitted", "", 30 * DAY_S),
        ("succeeded", "", 0.0),
        ("succeeded", "The disk is full.", 30 * DAY_S),
        ("result_lost", "The link has expired.", 0.0),
        ("result_lost", "The link has expired.", 13.9 * DAY_S),
        ("saved", "2 of 3 saved.", DAY_S),
    ],
)
def test_resume_offers_what_the_service_may_still_have(session, add, status, reason, age_s):
    record = add(status, reason=reason, age_s=age_s)
    assert count_resumable(session.settings.results / "ledger.sqlite") == 1, "the greeting"
    assert [job.record.id for job in session.resume()] == [record.id]


@pytest.mark.parametrize(
    ("status", "reason", "age_s"),
    [
        ("result_lost", "The link has expired.", 14.1 * DAY_S),
        ("saved", "", 0.0),
        ("saved", "2 of 3 saved.", 14.1 * DAY_S),
        ("failed", "no reason", 0.0),
        ("rejected", "", 0.0),
        ("deleted", "", 0.0),
        ("unconfirmed", "", 0.0),
    ],
)
def test_resume_offers_nothing_else(session, add, status, reason, age_s):
    add(status, reason=reason, age_s=age_s)
    assert count_resumable(session.settings.results / "ledger.sqlite") == 0, "the greeting"
    assert session.resume() == []


def test_resumed_task_is_saved_without_a_second_create(session, add, server):
    add("result_lost", reason="The link has expired.", age_s=DAY_S)
    (job,) = session.resume()
    assert job.wait(60).task_id == "task_50"
    assert session.ledger.find("task_50").status == "saved"
    assert server.count("createTask") == 0


def test_partly_saved_task_can_be_resumed_by_its_id(session, add):
    add("saved", reason="2 of 3 saved.", age_s=30 * DAY_S, folder="2026-11-21/x")
    (job,) = session.resume("task_50")
    assert job.task_id == "task_50"


def test_task_that_the_service_does_not_know_is_offered_again(connect, server, monkeypatch):
    monkeypatch.setattr(outcomes, "_NEW_TASK_S", 0.0)
    monkeypatch.setattr(outcomes, "_ABSENCE_INTERVAL_S", 0.0)
    server.hooks["recordInfo"] = lambda _: answer(404, code=404, msg="task not found")
    session = connect()
    job = session.generate("a lake")
    with pytest.raises(ResultUnavailableError, match="does not know task task_1") as raised:
        job.wait(60)
    record = session.ledger.find("task_1")
    assert (job.status, record.status) == ("result_lost", "result_lost")
    assert record.reason == str(raised.value)
    del server.hooks["recordInfo"]
    (again,) = session.resume()
    assert again.wait(60).task_id == "task_1"


def test_file_that_is_not_there_when_the_patience_ends_is_offered_again(connect, server):
    server.hooks["file"] = lambda _: answer(404)
    session = connect(patience=0.5)
    job = session.generate("a lake")
    with pytest.raises(ResultUnavailableError, match=r"404.*%liangxin resume"):
        job.wait(60)
    assert (job.status, session.ledger.find("task_1").status) == ("detached", "succeeded")
    del server.hooks["file"]
    (again,) = connect().resume()
    assert again.wait(60).task_id == "task_1"


# ---- requests that may have been billed


@pytest.mark.parametrize(("count", "words"), [(1, "1 request may"), (3, "3 requests may")])
def test_unconfirmed_requests_are_named(session, add, monkeypatch, count, words):
    for _ in range(count):
        add("unconfirmed", task_id="")
    sentence = f"{words} have been billed: %liangxin doctor."
    monkeypatch.setattr(job_commands, "current_session", lambda: session)
    assert sentence in repr(job_commands.resume_command(""))
    settings = Settings.load(
        results=session.settings.results, base_url=session.settings.base_url, key=KEY
    )
    assert sentence in _greeting(settings)


def test_doctor_says_how_to_look_them_up(session, add, capsys):
    record = add("unconfirmed", task_id="")
    (row,) = doctor_command(session=session).rows
    assert row[:2] == (1, "unconfirmed")
    printed = capsys.readouterr().out
    assert "1 request may have been billed; the answer was lost:" in printed
    assert f"{format_time(record.created_at)} · z-image · a lake" in printed
    assert "in the console of LiangXin" in printed
    assert "%liangxin resume TASK_ID collects it" in printed


def test_nothing_is_named_without_unconfirmed_requests(session, add):
    add("saved")
    settings = Settings.load(results=session.settings.results, profile="sandbox")
    assert "billed: " not in _greeting(settings)
    assert job_commands._unconfirmed(session) == ""


def test_request_of_an_ended_process_counts_before_the_ledger_is_opened(session, add):
    add("submitting", task_id="")
    results = session.settings.results
    assert find_unsettled(results / "ledger.sqlite", results).unconfirmed == 1


def test_request_that_another_notebook_is_sending_is_not_unconfirmed(session, add):
    results = session.settings.results
    lease = Lease(results / ".owners")
    add("submitting", task_id="", owner=lease.id)
    assert find_unsettled(results / "ledger.sqlite", results).unconfirmed == 0
    lease.release()
    assert find_unsettled(results / "ledger.sqlite", results).unconfirmed == 1


def test_request_with_an_id_in_the_journal_is_unfinished_and_not_unconfirmed(session, add):
    record = add("submitting", task_id="")
    session.journal.append(record.replace(task_id="task_50", status="submitted"))
    greeting = _greeting(session.settings)
    assert "1 unfinished: %liangxin resume collects them." in greeting
    assert "billed: " not in greeting


# ---- batches with prompts that were not sent


def unsent_sentences(session, monkeypatch):
    """Return what the greeting and `%liangxin resume` say about unsent prompts."""
    monkeypatch.setattr(job_commands, "current_session", lambda: session)
    texts = [_greeting(session.settings), repr(job_commands.resume_command(""))]
    return {sentence for text in texts for sentence in re.findall("Some prompts.*", text)}


def test_batches_with_unsent_prompts_are_named(session, add, monkeypatch):
    for batch_id in ("b1", "b2", "b2", ""):
        add("pending", task_id="", batch_id=batch_id)
    assert unsent_sentences(session, monkeypatch) == {
        "Some prompts of a batch were not sent; to send them: "
        "%liangxin batch b1, %liangxin batch b2."
    }


def test_running_batch_has_no_unsent_prompts_until_it_is_detached(session, server, monkeypatch):
    server.last = "waiting"
    batch = session.batch(["a lake", "a hill"], concurrency=1)
    assert unsent_sentences(session, monkeypatch) == set()
    batch.detach()
    wait_until(lambda: not batch.progress.active)
    assert batch.id in repr(job_commands.resume_command(""))


def test_batch_of_another_notebook_has_no_unsent_prompts_while_it_runs(session, add, monkeypatch):
    lease = Lease(session.settings.results / ".owners")
    add("pending", task_id="", batch_id="b1", owner=lease.id)
    assert unsent_sentences(session, monkeypatch) == set()
    lease.release()
    assert len(unsent_sentences(session, monkeypatch)) == 1


def test_missing_ledger_has_no_unconfirmed_requests(tmp_path):
    assert find_unsettled(tmp_path / "no-such.sqlite", tmp_path).unconfirmed == 0
