"""Nothing is paid for twice, and nothing that was paid for is lost.

Each test looks at what a server on a real socket received, and at the ledger's file.
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
from ..workers import die_before_the_ledger_says_kept, generate_and_wait, start_a_batch


@pytest.fixture
def ledger_file(tmp_path):
    """Looks into the ledger's file, as another program would: a table's rows as dicts."""

    def look(table="jobs"):
        file = f"file:{tmp_path}/results/ledger.sqlite?mode=ro"
        with closing(sqlite3.connect(file, uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(f"select * from {table}")]

    return look


def at_arrival(server, kind, look):
    """What `look` returns at the moment in which a request of a kind arrives."""
    seen = []
    server.hooks[kind] = lambda _task_id: seen.append(look())
    return seen


# ---- what the ledger's file says when a request arrives


def test_request_is_in_the_ledger_when_it_arrives(connect, server, ledger_file):
    seen = at_arrival(server, "createTask", ledger_file)
    connect().generate("雨 {x}", seed=7).wait(60)
    ((row,),) = seen
    assert (row["prompt"], row["options"]) == ("雨 {x}", '{"seed": 7}')


def test_ledger_says_sent_when_the_request_arrives(connect, server, ledger_file):
    """Otherwise a crash would leave it as never sent, and it would be sent again."""
    seen = at_arrival(server, "createTask", ledger_file)
    connect().generate("a lake").wait(60)
    ((row,),) = seen
    assert row["status"] == "submitting"


def test_history_says_that_it_was_written_before_it_was_sent(connect, server, ledger_file):
    seen = at_arrival(server, "createTask", lambda: ledger_file("events"))
    connect().generate("a lake").wait(60)
    (events,) = seen
    assert [event["event"] for event in events] == ["pending", "submitting"]


def test_every_request_of_a_batch_is_in_the_ledger_when_the_first_arrives(
    connect, server, ledger_file
):
    seen = at_arrival(server, "createTask", ledger_file)
    prepare(connect(), ["a", "b", "c"]).start().wait(60)
    assert [sorted(row["prompt"] for row in rows) for rows in seen] == [["a", "b", "c"]] * 3


def test_task_id_is_in_the_ledger_when_the_first_question_about_it_arrives(
    connect, server, ledger_file
):
    seen = at_arrival(server, "recordInfo", ledger_file)
    connect().generate("a lake").wait(60)
    (row,) = seen[0]
    assert (row["status"], row["task_id"]) == ("submitted", "task_1")


# ---- what may have arrived is not sent again


def test_request_without_an_answer_is_sent_once(connect, server):
    server.hooks["createTask"] = hang_up
    with pytest.raises(APIConnectionError, match="may be billed"):
        connect().generate("a lake").wait(60)
    assert server.count("createTask") == 1


@pytest.mark.parametrize("status", [429, 500])
def test_refusal_that_names_a_task_is_not_sent_again(connect, server, status):
    server.hooks["createTask"] = lambda task_id: answer(
        status, code=status, msg="saturated, queued", data={"taskId": task_id}
    )
    assert connect().generate("a lake").wait(60).task_id == "task_1"
    assert server.count("createTask") == 1


def test_retry_of_a_batch_does_not_send_again_what_may_exist(connect, server):
    server.hooks["createTask"] = hang_up
    batch = prepare(connect(), ["a", "b"]).start()
    batch.wait(60)
    assert batch.counts["unconfirmed"] == len(batch) == 2
    assert batch.retry() == 0
    assert server.count("createTask") == 2


def test_reopened_batch_does_not_send_again_what_may_exist(connect, server):
    server.hooks["createTask"] = hang_up
    first = prepare(connect(), ["a", "b"]).start()
    first.wait(60)
    batch = open_batch(connect(), first.id)
    batch.wait(60)
    assert batch.counts["unconfirmed"] == len(batch) == 2
    assert server.count("createTask") == 2


def test_request_on_its_way_when_its_process_was_killed_is_not_sent_again(
    connect, server, tmp_path
):
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


# ---- of several notebooks one sends


def intent_of_an_ended_notebook(session, owner="ended"):
    place = session.settings.profile, session.settings.base_url
    return session.ledger.create(Request("z-image", "a lake"), *place, owner)


def test_pending_record_is_sent_by_the_notebook_that_took_it_up_first(connect, server):
    """The second saw it as it was before the first took it."""
    first, second = connect(), connect()
    record = intent_of_an_ended_notebook(first)
    job = first.take_over(record)
    assert second.take_over(record) is None
    job.wait(60)
    assert server.count("createTask") == 1


def test_pending_record_that_was_sent_and_left_meanwhile_is_not_sent_again(connect, server):
    """Its sender has let go of it, so its owner is the same as when the second saw it."""
    first, second = connect(), connect()
    record = intent_of_an_ended_notebook(first, owner="")
    server.last = "generating"
    job = first.take_over(record)
    wait_until(lambda: job.task_id)
    job.detach()
    wait_until(lambda: job.last_update.is_final)
    assert second.take_over(record) is None
    assert server.count("createTask") == 1


def test_two_notebooks_that_take_up_one_batch_send_each_request_once(connect, server, tmp_path):
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
        with suppress(WaitTimeoutError):  # the other notebook has some of them
            batch.wait(60)
    ledger = batches[0].session.ledger
    wait_until(lambda: not ledger.resumable())
    assert max(Counter(server.prompts.values()).values()) == 1
    kept, unknown = ledger.with_status("saved"), ledger.with_status("unconfirmed")
    assert sorted(record.request.prompt for record in kept + unknown) == prompts


# ---- who follows a task


def test_task_that_a_living_process_follows_is_not_taken_by_another(connect, server, tmp_path):
    server.last = "generating"
    with running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]):
        wait_until(lambda: server.count("recordInfo"))
        session = connect()
        assert session.resume() == []
        with pytest.raises(InvalidRequestError, match="followed by another notebook"):
            session.resume("task_1")


def test_task_of_a_killed_process_is_taken_by_another(connect, server, tmp_path):
    server.last = "generating"
    with running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]) as (process, _):
        wait_until(lambda: server.count("recordInfo"))
        kill(process)
    server.last = "success"
    (job,) = connect().resume()
    assert job.wait(60).task_id == "task_1"


def test_request_that_a_living_process_is_sending_is_not_given_up(connect, server, tmp_path):
    with (
        running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]),
        server.held("createTask") as request,
    ):
        request.wait()
        assert [row.label for row in connect().audit()] == ["being sent"]


def test_request_that_a_killed_process_was_sending_may_be_billed(connect, server, tmp_path):
    with (
        server.held("createTask") as request,
        running(generate_and_wait, server.url, tmp_path / "results", ["a lake"]) as (process, _),
    ):
        request.wait()
        kill(process)
    assert [row.label for row in connect().audit()] == ["unconfirmed"]


# ---- what was paid for is kept


def test_result_on_disk_that_the_ledger_does_not_know_is_saved_once(connect, server, tmp_path):
    with running(die_before_the_ledger_says_kept, server.url, tmp_path / "results") as (process, _):
        process.join(60)
        assert process.exitcode is not None
    (folder,) = (tmp_path / "results").glob("20*/*")
    (job,) = connect().resume()
    assert job.wait(60).folder == folder
    assert server.count("file") == 1
    assert list((tmp_path / "results").glob("20*/*")) == [folder]


def test_download_of_a_killed_process_is_made_anew_and_nothing_of_it_stays(
    connect, server, tmp_path
):
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


def test_task_that_two_lost_requests_may_have_made_is_given_to_one_of_them(connect, server):
    """Two requests for one task would hide that the other's task may exist, and be billed."""
    session = connect()
    server.hooks["createTask"] = hang_up
    for _ in range(2):
        with pytest.raises(APIConnectionError):
            session.generate("a lake").wait(60)
    session.resume("task_1")[0].wait(60)
    with pytest.raises(InvalidRequestError, match="nothing to collect"):
        session.resume("task_1")
    assert session.ledger.count_by_status() == {"saved": 1, "unconfirmed": 1}


def test_task_that_two_notebooks_find_at_once_is_given_to_one_request(connect, server):
    """Both have lost a request like it, and both have asked the service before either took it."""
    server.hooks["createTask"] = hang_up
    first, second = connect(), connect()
    for session in (first, second):
        with pytest.raises(APIConnectionError):
            session.generate("a lake").wait(60)
    both_asked = threading.Barrier(2)

    def answer_both_at_once(_task_id):
        both_asked.wait(60)
        server.hooks.pop("recordInfo", None)

    server.hooks["recordInfo"] = answer_both_at_once
    with ThreadPoolExecutor() as pool:
        finding = [pool.submit(session.resume, "task_1") for session in (first, second)]
    for found in finding:
        with suppress(InvalidRequestError):  # the other notebook has it
            found.result()[0].wait(60)
    assert first.ledger.count_by_status() == {"saved": 1, "unconfirmed": 1}
    assert sorted(record.task_id for record in first.ledger.list_jobs()) == ["", "task_1"]
