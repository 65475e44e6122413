import asyncio
import concurrent.futures
import contextvars
import threading
import time

import pytest

from liangxin_nb.loop import Loop

WORD = contextvars.ContextVar("word", default="none")


async def name():
    return threading.current_thread().name, WORD.get()


def test_work_runs_on_one_thread_of_its_own_in_a_copy_of_the_callers_context():
    loop = Loop("test-loop")
    WORD.set("mine")
    assert loop.submit(name()).result(5) == ("test-loop", "mine")
    assert loop.submit(name()).result(5)[0] == "test-loop"
    assert [t.name for t in threading.enumerate()].count("test-loop") == 1


def test_an_error_reaches_whoever_waits():
    async def broken():
        raise KeyError("x")

    with pytest.raises(KeyError):
        Loop().submit(broken()).result(5)


def test_a_cancellation_wakes_whoever_waits():
    async def endless():
        asyncio.current_task().cancel()
        await asyncio.sleep(60)

    with pytest.raises(concurrent.futures.CancelledError):
        Loop().submit(endless()).result(5)


def test_it_lives_while_the_main_thread_blocks():
    beats = []

    async def beat():
        for _ in range(3):
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    work = Loop().submit(beat())
    time.sleep(0.2)  # the main thread is busy, as a cell may be
    assert work.done()
    assert len(beats) == 3


def test_nested_loops_are_allowed_only_when_asked_for():
    code = """
import asyncio
import liangxin_nb as lx
async def inner(): return 7
async def outer():
    try:
        asyncio.run(inner())
    except RuntimeError:
        print("refused")
    lx.allow_nested_loops()
    print(asyncio.run(inner()))
asyncio.run(outer())
"""
    import subprocess
    import sys

    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["refused", "7"]
