"""No task is paid for twice, and no paid task is lost.

Each test checks what a server on a real socket received, and the ledger's file.
"""

import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from liangxin_nb.batches import open_batch, prepare
from liangxin_nb.core.request import Request
from liangxin_nb.errors import APIConnectionError, InvalidRequestError, WaitTimeoutError

from ..conftest import wait_until
from ..processes import kill, running
from ..task_server import answer, hang_up
from ..workers import die_before_marking_saved, generate_and_wait, start_a_batch


@pytest.fixture
def ledger_file(tmp_path):
    """Reads a table of the ledger's file as dicts, as another program would."""

    def read_table(table="jobs"):
        file = f"file:{tmp_path}/results/ledger.sqlite?mode=ro"
        with closing(sqlite3.connect(file, uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(f"select * from {table}")]

    return read_table


def record_at_arrival(server, kind, read):
    """Collect what `read` returns whenever a request of a kind arrives."""
    values = []
    server.hooks[kind] = lambda _task_id: values.append(read())
    return values


# ---- the ledger's file when a request arrives


def test_request_is_in_the_ledger_when_it_arrives(connect, server, ledger_file):
    tables = record_at_arrival(server, "createTask", ledger_file)
    connect().generate("雨 {x}", seed=7).wait(60)
    ((row,),) = tables
    assert (row["prompt"], row["options"]) == ("雨 {x}", '{"seed": 7}')


def test_job_is_submitting_in_the_ledger_when_the_request_arrives(connect, server, ledger_file):
    """Otherwise it would be sent again after a crash."""
    tables = record_at_arrival(server, "createTask", ledger_file)
    connect().generate("a lake").wait(60)
    ((row,),) = tables
    assert row["status"] == "submitting"


def test_events_show_that_the_job_was_recorded_before_it_was_sent(connect, server, ledger_file):
    tables = record_at_arrival(server, "createTask", lambda: ledger_file("events"))
    connect().generate("a lake").wait(60)
    (events,) = tables
    assert [event["event"] for event in events] == ["pending", "submitting"]


def test_all_jobs_of_a_batch_are_in_the_ledger_when_the_first_request_arrives(
    connect, server, ledger_file
):
    tables = record_at_arrival(server, "createTask", ledger_file)
    prepare(connect(), ["a", "b", "c"]).start().wait(60)
    assert [sorted(row["prompt"] for row in rows) for rows in tables] == [["a", "b", "c"]] * 3


def test_task_id_is_in_the_ledger_when_the_first_poll_arrives(connect, server, ledger_file):
    tables = record_at_arrival(server, "recordInfo", ledger_file)
    connect().generate("a lake").wait(60)
    (row,) = tables[0]
    assert (row["status"], row["task_id"]) == ("submitted", "task_1")


# ---- a request that may have arrived is not sent again


def test_request_without_a_response_is_sent_once(connect, server):
    server.hooks["createTask"] = hang_up
    with pytest.raises(APIConnectionError, match="may be billed"):
        connect().generate("a lake").wait(60)
    assert server.count("createTask") == 1


@pytest.mark.parametrize("status", [429, 500])
def test_rejection_that_names_a_task_is_not_sent_again(connect, server, status):
    server.hooks["createTask"] = lambda task_id: answer(
        status, code=status, msg="saturated, queued", data={"taskId": task_id}
    )
    assert connect().generate("a lake").wait(60).task_id == "task_1"
    assert server.count("createTask") == 1


def test_retry_of_a_batch_does_not_send_unconfirmed_jobs_again(connect, server):
    server.hooks["createTask"] = hang_up
    batch = prepare(connect(), ["a", "b"]).start()
    batch.wait(60)
    assert batch.counts["unconfirmed"] == len(batch) == 2
    assert batch.retry() == 0
    assert server.count("createTask") == 2


def test_reopened_batch_does_not_send_unconfirmed_jobs_again(connect, server):
    server.hooks["createTask"] = hang_up
    first = prepare(connect(), ["a", "b"]).start()
    first.wait(60)
    batch = open_batch(connect(), first.id)
    batch.wait(60)
    assert batch.counts["unconfirmed"] == len(batch) == 2
    assert server.count("createTask") == 2


def test_request_in_flight_when_its_process_was_killed_is_not_sent_again(connect, server, tmp_path):
    with (
        server.held("createTask") as request,
        running(start_a_batch, server.url, tmp_path / "results", ["a lake"]) as (process, pipe),
    ):
        request.wait()
        batch_id = pipe.recv()
        kill(process)
    batch = open_batch(connect(), batch_id)
    batch.wait(60)
    assert batch.counts["unconfirmed"] == len(batch) == 1
    assert server.count("createTask") == 1


# ---- several notebooks


def add_pending_of_ended_notebook(session, owner="ended"):
    service = session.settings.profile, session.settings.base_url
    return session.ledger.create(Request("z-image", "a lake"), *service, owner)


def test_pending_job_is_sent_by_the_first_notebook_that_takes_it_over(connect, server):
    """The second notebook has read the record before the first one takes it over."""
    first, second = connect(), connect()
    record = add_pending_of_ended_notebook(first)
    job = first.take_over(record)
    assert second.take_over(record) is None
    job.wait(60)
    assert server.count("createTask") == 1


def test_pending_job_that_was_sent_and_detached_meanwhile_is_not_sent_again(connect, server):
    """Its owner is empty again, as it was when the second notebook read the record."""
    first, second = connect(), connect()
    record = add_pending_of_ended_notebook(first, owner="")
    server.last = "generating"
    job = first.take_over(record)
    wait_until(lambda: job.task_id)
    job.detach()
    wait_until(lambda: job.last_update.is_final)
    assert second.take_over(record) is None
    assert server.count("createTask") == 1


def test_two_notebooks_that_open_one_batch_send_each_request_once(connect, server, tmp_path):
    prompts = [f"a lake {n}" for n in range(8)]
    with (
        server.held("createTask") as request,
        running(start_a_batch, server.url, tmp_path / "results", prompts) as (process, pipe),
    ):
        request.wait()
        batch_id = pipe.recv()
        kill(process)
    batches = [open_batch(session, batch_id) for session in (connect(), connect())]
    for batch in batches:
        with suppress(WaitTimeoutError):  # the other notebook follows some of them
            batch.wait(60)
    ledger = batches[0].session.ledger
    wait_until(lambda: not ledger.resumable())
    assert max(Counter(server.prompts.values()).values()) == 1
    saved, unconfirmed = ledger.with_status("saved"), ledger.with_status("unconfirmed")
    assert sorted(record.request.prompt for record in saved + unconfirmed) == prompts


# ---- ownership


def test_task_of_a_live_process_is_not_taken_over(connect, server, tmp_path):
    server.last = "generating"
    with running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]):
        wait_until(lambda: server.count("recordInfo"))
        session = connect()
        assert session.resume() == []
        with pytest.raises(InvalidRequestError, match="followed by another notebook"):
            session.resume("task_1")


def test_request_of_a_live_process_is_being_sent(connect, server, tmp_path):
    with (
        running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]),
        server.held("createTask") as request,
    ):
        request.wait()
        assert [row.label for row in connect().audit()] == ["being sent"]


def test_request_of_a_killed_process_is_unconfirmed(connect, server, tmp_path):
    with (
        server.held("createTask") as request,
        running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]) as (process, _),
    ):
        request.wait()
        kill(process)
    assert [row.label for row in connect().audit()] == ["unconfirmed"]


# ---- paid results


def test_result_on_disk_but_not_in_the_ledger_is_saved_once(connect, server, tmp_path):
    with running(die_before_marking_saved, server.url, tmp_path / "results") as (process, _):
        process.join(60)
        assert process.exitcode is not None
    (folder,) = (tmp_path / "results").glob("20*/*")
    (job,) = connect().resume()
    assert job.wait(60).folder == folder
    assert server.count("file") == 1
    assert list((tmp_path / "results").glob("20*/*")) == [folder]


def test_download_of_a_killed_process_is_repeated_without_remains(connect, server, tmp_path):
    with (
        server.held("file") as request,
        running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]) as (process, _),
    ):
        request.wait()
        kill(process)
    (job,) = connect().resume()
    result = job.wait(60)
    assert result.paths[0].stat().st_size > 0
    assert list((tmp_path / "results").glob(".incoming*")) == []


def test_task_is_assigned_to_one_of_two_unconfirmed_jobs(connect, server):
    """Otherwise nothing would show that a second task may exist, and be billed."""
    session = connect()
    server.hooks["createTask"] = hang_up
    for _ in range(2):
        with pytest.raises(APIConnectionError):
            session.generate("a lake").wait(60)
    session.resume("task_1")[0].wait(60)
    with pytest.raises(InvalidRequestError, match="nothing to collect"):
        session.resume("task_1")
    assert session.ledger.count_by_status() == {"saved": 1, "unconfirmed": 1}


def test_task_that_two_notebooks_find_at_once_is_assigned_to_one_job(connect, server):
    """Both have an unconfirmed request like it, and poll before either of them records the task."""
    server.hooks["createTask"] = hang_up
    first, second = connect(), connect()
    for session in (first, second):
        with pytest.raises(APIConnectionError):
            session.generate("a lake").wait(60)
    both_polled = threading.Barrier(2)

    def answer_both_at_once(_task_id):
        both_polled.wait(60)
        server.hooks.pop("recordInfo", None)

    server.hooks["recordInfo"] = answer_both_at_once
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(session.resume, "task_1") for session in (first, second)]
    for future in futures:
        with suppress(InvalidRequestError):  # the other notebook has it
            future.result()[0].wait(60)
    assert first.ledger.count_by_status() == {"saved": 1, "unconfirmed": 1}
    assert sorted(record.task_id for record in first.ledger.list_jobs()) == ["", "task_1"]
