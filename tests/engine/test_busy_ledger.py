"""A ledger locked by another process: no job fails, nothing is sent before it is recorded."""

import sqlite3
from contextlib import closing

import pytest

from ..conftest import wait_until


@pytest.fixture
def session(connect):
    return connect()


@pytest.fixture
def lock(session):
    """A connection that locks the ledger with `begin immediate`, until `rollback`."""
    with closing(
        sqlite3.connect(session.ledger.location, isolation_level=None, check_same_thread=False)
    ) as connection:
        yield connection


def begin(lock):
    """Lock the ledger, as a hook that does not change the response."""
    if not lock.in_transaction:
        lock.execute("begin immediate")


def is_busy(job):
    return job.last_update.note.startswith("The ledger is busy; trying again.")


def test_ledger_locked_while_the_result_is_saved_does_not_fail_the_job(session, server, lock):
    server.hooks["file"] = lambda _: begin(lock)
    job = session.generate("a lake")
    wait_until(lambda: is_busy(job))
    assert job.status == "saving"
    lock.execute("rollback")
    job.wait(60)
    assert session.ledger.find(job.task_id).status == "saved"
    assert server.count("file") == 1


def test_ledger_locked_while_the_task_runs_does_not_stop_the_job(session, server, lock):
    """The job continues; its states are recorded when that is possible."""
    server.hooks["recordInfo"] = lambda _: begin(lock)
    job = session.generate("a lake")
    wait_until(lambda: server.count("file"))
    del server.hooks["recordInfo"]
    lock.execute("rollback")
    job.wait(60)
    assert session.ledger.find(job.task_id).status == "saved"


@pytest.mark.slow
def test_request_is_sent_once_the_ledger_can_be_written(session, server, lock):
    lock.execute("begin immediate")
    job = session.generate("a lake")
    wait_until(lambda: is_busy(job))
    assert (job.status, server.count("createTask")) == ("submitting", 0)
    assert session.ledger.find(job.record.id) is None
    lock.execute("rollback")
    job.wait(60)
    assert session.ledger.find(job.task_id).status == "saved"
    assert server.count("createTask") == 1


def test_job_detached_while_the_ledger_is_busy_ends_at_once_and_is_not_sent(session, server, lock):
    lock.execute("begin immediate")
    job = session.generate("a lake")
    wait_until(lambda: job.detach() or job.done())
    assert job.status == "rejected"
    lock.execute("rollback")
    wait_until(lambda: getattr(session.ledger.find(job.record.id), "status", "") == "rejected")
    session.generate("a hill").wait(60)
    assert server.count("createTask") == 1


@pytest.mark.slow
@pytest.mark.parametrize("detach", [False, True])
def test_pending_request_is_not_sent_before_it_is_recorded(session, server, lock, detach):
    """Four requests are on their way; the fifth may be sent when they are answered."""
    with server.held("createTask"):
        jobs = [session.generate("a lake", seed=n) for n in range(5)]
        wait_until(lambda: server.count("createTask") == 4)
        lock.execute("begin immediate")
    (last,) = [
        job for job in jobs if wait_until(lambda job=job: job.task_id or is_busy(job)) is True
    ]
    assert server.count("createTask") == 4
    if detach:
        last.detach()
        wait_until(lambda: last.status == "rejected")
    lock.execute("rollback")
    for job in jobs:
        wait_until(job.done)
    wait_until(lambda: not session.ledger.with_status("pending", "submitting", "submitted"))
    assert last.status == ("rejected" if detach else "saved")
    assert session.ledger.find(last.record.id).status == last.status
    assert server.count("createTask") == (4 if detach else 5)
