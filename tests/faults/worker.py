"""What the processes of the crash tests run; they may be killed at any moment."""

import time
from contextlib import suppress

from liangxin_nb import Session
from liangxin_nb.batches import open_batch, prepare
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LiangxinError
from liangxin_nb.ledger import Ledger

from ..task_server import KEY, PACE

__all__ = ["ask_and_collect", "go_on_with_a_batch", "write_under_stress"]


def ask_and_collect(pipe, url, results, count):
    """Collect what was begun, ask for prompts that were not asked for yet, and wait for all.

    What a careful script would do after each restart.
    """
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    pipe.send("begun")
    jobs = session.resume()
    # Whatever may have been sent is not asked for again.
    asked = {
        t.request.prompt for t in session.ledger.list_jobs(limit=None) if t.status != "pending"
    }
    wanted = [f"a lake, number {n}" for n in range(count)]
    jobs += [session.generate(prompt) for prompt in wanted if prompt not in asked]
    for job in jobs:
        with suppress(LiangxinError):
            job.wait()
    pipe.send("saved")


def go_on_with_a_batch(pipe, url, results, count, batch_id=""):
    """Begin a batch or take one up, send its id, and wait for its end."""
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    if batch_id:
        batch = open_batch(session, batch_id)
    else:
        prompts = [f"a lake, number {n}" for n in range(count // 2)]
        batch = prepare(session, prompts, seeds=[1, 2]).start(max_tasks=count)
    pipe.send(batch.id)
    with suppress(LiangxinError):  # another process has some of it
        batch.wait()
    pipe.send("saved")


def write_under_stress(pipe, place, name, rounds, seconds):
    """Write job records and read them, and send how many: `rounds`, or as many as in `seconds`."""
    ledger, end, count = Ledger(place), time.monotonic() + seconds, 0
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
