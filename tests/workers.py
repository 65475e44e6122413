"""What the tests' processes run; see `processes`. Loads nothing of pytest."""

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
    """Ask for some prompts and wait for their pictures."""
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    jobs = [session.generate(prompt) for prompt in prompts]
    for job in jobs:
        with suppress(LiangxinError):
            job.wait()


def end_at_a_state(pipe, url, results, state, how):
    """Ask for a picture, and end in some way as soon as the job reaches a state.

    Waits for a word from the pipe before it watches the job, and sends one when it does.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    job = session.generate("a lake")
    ways = {
        "leave": job.detach,
        "close": session.close,
        "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    }
    reached = threading.Event()

    def look(status):
        if status.phase == state and not reached.is_set():
            reached.set()
            ways[how]()

    with suppress(LiangxinError, KeyboardInterrupt):
        pipe.recv()
        job.watch(look)
        pipe.send("watching")
        job.wait(60)
    os._exit(0)


def write_many(_pipe, place, count):
    """Write job records into a ledger, each with one change."""
    ledger = Ledger(place)
    for n in range(count):
        record = ledger.create(Request("z-image", f"prompt {n}"), "sandbox", "")
        ledger.update(record, "submitted", status="submitted", task_id=f"task_{record.id}")


def start_a_batch(pipe, url, results, prompts):
    """Begin a batch, send its id, and wait for its end."""
    session = Session(base_url=url, key=KEY, results=results, schedule=PACE)
    batch = prepare(session, prompts).start()
    pipe.send(batch.id)
    batch.wait()


def die_before_the_ledger_says_kept(_pipe, url, results):
    """Ask for a picture, and die when it is on disk and the ledger does not know yet."""
    Ledger.mark_saved = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    generate_and_wait(None, url, results, ["a lake"])
