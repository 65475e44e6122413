"""Functions that the processes of the tests run; see `processes`. Does not import pytest."""

import os
import signal
import threading
from contextlib import suppress

from liangxin_nb import Session
from liangxin_nb.batches import prepare
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LiangxinError
from liangxin_nb.ledger import Ledger

from .task_server import KEY, PACE


def generate_and_wait(_pipe, url, results, prompts):
    """Submit some prompts and wait for their results."""
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    jobs = [session.generate(prompt) for prompt in prompts]
    for job in jobs:
        with suppress(LiangxinError):
            job.wait()


def end_at_a_state(pipe, url, results, state, how):
    """Submit a job, and end in some way as soon as the job reaches a state.

    Waits for a message from the pipe before it watches the job, and sends one when it does.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    job = session.generate("a lake")
    actions = {
        "leave": job.detach,
        "close": session.close,
        "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    }
    reached = threading.Event()

    def on_update(update):
        if update.phase == state and not reached.is_set():
            reached.set()
            actions[how]()

    with suppress(LiangxinError, KeyboardInterrupt):
        pipe.recv()
        job.watch(on_update)
        pipe.send("watching")
        job.wait(60)
    if how in ("leave", "close"):
        session.loop.submit(job.settle()).result(60)
    os._exit(0)


def write_many(_pipe, location, count):
    """Add job records to a ledger, each with one update."""
    ledger = Ledger(location)
    for n in range(count):
        record = ledger.create(Request("z-image", f"prompt {n}"), "sandbox", "")
        ledger.update(record, "submitted", status="submitted", task_id=f"task_{record.id}")


def start_a_batch(pipe, url, results, prompts):
    """Start a batch, send its id, and wait for its end."""
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    batch = prepare(session, prompts).start()
    pipe.send(batch.id)
    batch.wait()


def die_before_marking_saved(_pipe, url, results):
    """Submit a job, and die when its result is on disk but not in the ledger."""
    Ledger.mark_saved = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    generate_and_wait(None, url, results, ["a lake"])
