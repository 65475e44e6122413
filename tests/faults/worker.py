"""Functions that the processes of the crash tests run; they can be killed at any time."""

import threading
import time
from contextlib import suppress

import sqlalchemy as sa

from liangxin_nb import Session
from liangxin_nb.batches import open_batch, prepare
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LiangxinError
from liangxin_nb.ledger import Ledger

from ..task_server import KEY, PACE

__all__ = [
    "NOT_SENT",
    "open_session",
    "run_batch",
    "submit_and_collect",
    "submit_new",
    "write_under_stress",
]

#: Statuses of jobs that were never sent; a ledger that is full or locked prevents it.
NOT_SENT = ("pending", "rejected")


def submit_and_collect(pipe, url, results, count, end=""):
    """Resume all jobs, submit the prompts that were not submitted yet, and wait for all.

    This is what a careful script would do after each restart. When the pipe receives a message,
    the ledger's disk is full (`end` is "full disk") or the script ends normally ("exit").
    """
    session = open_session(url, results)
    pipe.send("started")
    if end == "full disk":
        threading.Thread(target=fill_disk_at_message, args=(pipe, session), daemon=True).start()
    jobs = submit_new(session, count)
    if end == "exit":
        pipe.recv()
        return
    for job in jobs:
        with suppress(LiangxinError):
            job.wait()
    pipe.send("saved")


def open_session(url, results):
    return Session(base_url=url, key=KEY, results=results, schedule=PACE)


def fill_disk_at_message(pipe, session):
    """From the next message on, the ledger cannot grow; other files can."""
    with suppress(EOFError, OSError):
        pipe.recv()
        full = "pragma max_page_count = 1"  # SQLite takes it as the present size
        sa.event.listen(session.ledger._engine, "connect", lambda db, _: db.execute(full))
        session.ledger.close()
        pipe.send("full")


def submit_new(session, count):
    """Resume all jobs and submit the prompts that were not submitted yet."""
    jobs = session.resume()
    # A prompt that may have been sent is not submitted again.
    records = session.ledger.list_jobs(limit=None)
    submitted = {record.request.prompt for record in records if record.status not in NOT_SENT}
    prompts = [f"a lake, number {n}" for n in range(count)]
    jobs += [session.generate(prompt) for prompt in prompts if prompt not in submitted]
    return jobs


def run_batch(pipe, url, results, count, batch_id=""):
    """Start or open a batch, send its id, and wait for its end."""
    session = open_session(url, results)
    if batch_id:
        batch = open_batch(session, batch_id)
    else:
        prompts = [f"a lake, number {n}" for n in range(count // 2)]
        batch = prepare(session, prompts, seeds=[1, 2]).start(max_tasks=count)
    pipe.send(batch.id)
    with suppress(LiangxinError):  # another process follows some of its jobs
        batch.wait()
    pipe.send("saved")


def write_under_stress(pipe, location, name, rounds, seconds):
    """Write and read job records: `rounds`, or as many as possible in `seconds`; send how many."""
    ledger, end, count = Ledger(location), time.monotonic() + seconds, 0
    shared = ledger.find("shared-task")
    while count < rounds or time.monotonic() < end:
        record = ledger.create(Request("z-image", f"{name} {count}"), "sandbox", "", name)
        record = ledger.update(record, "submitted", status="submitted", task_id=f"{name}-{count}")
        assert ledger.find(record.task_id) == record
        ledger.update(shared, "touched", name)
        file = {"name": "1.png", "bytes": 1, "sha256": "0"}
        ledger.mark_saved(record, f"2026-11-21/{name}-{count}", [file])
        ledger.list_jobs(limit=5)
        count += 1
    pipe.send(count)
