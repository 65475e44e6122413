"""Taking up what was begun elsewhere: by another kernel, another machine, another notebook."""

import json
from contextlib import closing, suppress

import pytest

from liangxin_nb.core.request import Request
from liangxin_nb.errors import (
    APIConnectionError,
    InvalidRequestError,
    ResultUnavailableError,
    WaitTimeoutError,
)
from liangxin_nb.notebook.magics.extension import count_resumable

from ..conftest import wait_until
from ..processes import running
from ..task_server import TaskServer, hang_up
from ..workers import end_at_a_state


def accepted(session, prompt="a lake", **options):
    """A job whose task the service has accepted."""
    job = session.generate(prompt, **options)
    wait_until(lambda: job.task_id)
    return job


def lost(session, prompt):
    """A job whose answer to createTask was lost."""
    job = session.generate(prompt)
    with pytest.raises(APIConnectionError):
        job.wait(60)
    return job


# ---- what another session follows, or has left


def test_task_that_another_session_follows_is_left_to_it(connect, server):
    server.last = "generating"
    job = accepted(connect())
    other = connect()
    assert other.resume() == []
    assert other.count_owned_elsewhere() == 1
    with pytest.raises(InvalidRequestError, match="followed by another notebook"):
        other.resume(job.task_id)


def test_result_that_another_session_saved_is_there_for_all(connect):
    job = connect().generate("a lake")
    job.wait(60)
    other = connect()
    assert other.count_owned_elsewhere() == 0
    assert other.result(other.get_record(job.task_id)).task_id == job.task_id


@pytest.mark.parametrize("how", ["closed", "detached"])
def test_task_that_a_session_no_longer_follows_is_collected_by_another(connect, server, how):
    server.last = "generating"
    first = connect()
    job = accepted(first)
    first.close() if how == "closed" else job.detach()
    with pytest.raises(WaitTimeoutError):
        job.wait(60)
    server.last = "success"
    (again,) = connect().resume()
    assert again.wait(60).task_id == job.task_id


def test_task_of_another_service_is_not_asked_about_here(connect, server):
    server.last = "generating"
    first = connect()
    job = accepted(first)
    first.close()
    with closing(TaskServer()) as elsewhere:
        other = connect(base_url=elsewhere.url)
        assert other.resume() == []
        with pytest.raises(InvalidRequestError, match=f"{job.record.id} belongs to {server.url}"):
            other.resume(job.task_id)
        assert elsewhere.asked == []


# ---- any task by its id


def test_any_task_of_the_key_can_be_attached_with_its_request(connect):
    job = accepted(connect("one"), "雨夜 {x}", size="square")
    result = connect("two").attach(job.task_id).wait(60)
    assert result.prompt == "雨夜 {x}"
    assert result.metadata.options == {"image_size": "square", "seed": result.seed}


def test_attached_task_is_in_the_ledger(connect):
    job = accepted(connect("one"))
    other = connect("two")
    other.attach(job.task_id).wait(60)
    assert other.ledger.find(job.task_id).status == "saved"


def test_attaching_a_saved_task_asks_nothing(connect, server):
    session = connect()
    job = session.generate("a lake")
    result = job.wait(60)
    before = len(server.asked)
    assert session.attach(job.task_id).wait(60).paths == result.paths
    assert len(server.asked) == before


def test_attaching_an_unknown_task_is_reported(connect):
    session = connect()
    job = session.attach("task_unknown")
    with pytest.raises(ResultUnavailableError, match="does not know task task_unknown"):
        job.wait(60)
    assert job.status == "result_lost"
    assert len(session.history()) == 0


# ---- a lost answer, and the id that the service's console shows


def test_lost_answers_are_found_by_their_task_ids(connect, server):
    session = connect()
    server.hooks["createTask"] = hang_up
    lake, hill = lost(session, "a lake"), lost(session, "a hill")
    assert server.prompts == {"task_1": "a lake", "task_2": "a hill"}
    (found,) = session.resume("task_2")
    assert found.record.id == hill.record.id
    assert found.wait(60).prompt == "a hill"
    found = session.attach("task_1")
    assert found.record.id == lake.record.id
    assert found.wait(60).prompt == "a lake"
    assert server.count("createTask") == 2


def test_task_of_another_prompt_is_not_taken_for_the_lost_one(connect, server):
    other = accepted(connect("other"), "a hill")
    session = connect()
    server.hooks["createTask"] = hang_up
    lake = lost(session, "a lake")
    with pytest.raises(InvalidRequestError, match="is not in the ledger"):
        session.resume(other.task_id)
    assert session.ledger.find(lake.record.id).status == "unconfirmed"


def test_question_about_a_lost_task_counts_against_the_rate(connect, server, tmp_path, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BUDGET", str(tmp_path / "budget"))
    session = connect()
    server.hooks["createTask"] = hang_up
    lost(session, "a lake")
    with pytest.raises(InvalidRequestError, match="is not in the ledger"):
        session.resume("task_unknown")
    (book,) = (tmp_path / "budget").glob("*.json")
    assert len(json.loads(book.read_text())["recordInfo"]["reserved"]) == 1


# ---- a notebook file


def test_notebook_file_is_enough_to_collect_its_tasks(connect, tmp_path):
    job = accepted(connect("one"))
    outputs = [
        {"metadata": {"liangxin": {"ticket": "x", "task_id": job.task_id}}},
        {"metadata": {"liangxin": {"task_id": job.task_id}}},
        {"metadata": {"liangxin": {"task_id": 7}}},
        {"metadata": {"liangxin": {"task_id": "x" * 999}}},
        {"metadata": None},
        None,
    ]
    cells = [{"outputs": outputs}, {"outputs": None}, None, {}]
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": cells}))
    jobs = connect("two").recover(tmp_path / "n.ipynb")
    assert [found.wait(60).task_id for found in jobs] == [job.task_id]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 7}', "nonsense"])
def test_file_that_is_no_notebook_is_rejected(connect, tmp_path, text):
    (tmp_path / "n.ipynb").write_text(text)
    with pytest.raises(InvalidRequestError, match="is not a notebook file"):
        connect().recover(tmp_path / "n.ipynb")


def test_missing_notebook_is_rejected(connect, tmp_path):
    with pytest.raises(InvalidRequestError, match="cannot be read"):
        connect().recover(tmp_path / "missing.ipynb")


# ---- what became of everything


@pytest.fixture
def with_one_of_each(connect):
    """A session whose ledger holds a request that was saved, rejected, lost and never sent."""
    session = connect()
    session.generate("saved").wait(60)
    place = session.settings.profile, session.settings.base_url
    refused = session.ledger.create(Request("z-image", "rejected"), *place)
    session.ledger.update(refused, "rejected", status="rejected")
    lost = session.ledger.create(Request("z-image", "lost on its way"), *place)
    session.ledger.update(lost, "submitting", status="submitting")
    session.ledger.create(Request("z-image", "never sent"), *place)
    return session


def test_findings_count_everything_once(with_one_of_each):
    counts = {row.label: row.count for row in with_one_of_each.audit()}
    assert counts == {"saved": 1, "unconfirmed": 1, "rejected": 1, "never sent": 1}


def test_finding_of_a_lost_request_says_where_to_look(with_one_of_each):
    (unknown,) = [f for f in with_one_of_each.audit() if f.label == "unconfirmed"]
    assert "console" in unknown.next_step


def test_request_on_its_way_when_its_process_ended_counts_as_unknown(with_one_of_each):
    with_one_of_each.audit()
    assert with_one_of_each.ledger.count_by_status()["unconfirmed"] == 1


def test_removed_result_is_reported_and_can_be_collected_again(connect):
    session = connect()
    job = session.generate("a lake")
    for file in job.wait(60).folder.iterdir():
        file.unlink()
    job.result.folder.rmdir()
    assert [row.label for row in session.audit()] == ["files removed"]
    with pytest.raises(ResultUnavailableError, match="no longer"):
        session.result(session.get_record(job.task_id))
    assert session.resume(job.task_id)[0].wait(60).paths[0].exists()


def test_history_has_a_row_for_each_request(connect):
    session = connect()
    session.generate("雨夜").wait(60)
    table = session.history()
    (row,) = table
    assert (row["prompt"], row["status"], row["model"]) == ("雨夜", "saved", "z-image")
    assert row["task_id"] in repr(table)
    assert "雨夜" in table._repr_html_()


def test_history_can_be_searched(connect):
    session = connect()
    session.generate("雨夜").wait(60)
    assert len(session.history(search="雨")) == 1
    assert len(session.history(search="nothing like it")) == 0


def test_number_of_unfinished_tasks_is_read_from_the_file_alone(connect, server, tmp_path):
    place = tmp_path / "results" / "ledger.sqlite"
    assert count_resumable(place) == 0
    server.last = "generating"
    job = accepted(connect())
    assert count_resumable(place) == 1
    server.last = "success"
    job.wait(60)
    assert count_resumable(place) == 0


# ---- whatever ends the process, at whatever state


@pytest.mark.parametrize("how", ["leave", "close", "interrupt", "kill"])
@pytest.mark.parametrize("state", ["submitting", "waiting", "queuing", "generating", "saving"])
def test_task_is_collected_however_and_whenever_its_process_ended(
    connect, server, tmp_path, state, how
):
    with running(end_at_a_state, server.url, tmp_path / "results", state, how) as (process, pipe):
        with server.held("createTask") as request:
            request.wait()
            pipe.send("watch")
            with suppress(EOFError):  # it has ended already
                pipe.recv()
        process.join(60)
        assert process.exitcode is not None
    session = connect()
    for job in session.resume():
        job.wait(60)
    answered = state != "submitting" or how in ("leave", "close")
    assert session.ledger.count_by_status() == {"saved" if answered else "unconfirmed": 1}
    assert server.count("createTask") == 1
