"""The background loop."""

import asyncio
import concurrent.futures
import contextvars
import subprocess
import sys
import threading

import pytest

from liangxin_nb.engine.background_loop import BackgroundLoop

VARIABLE = contextvars.ContextVar("word", default="none")


async def name():
    return threading.current_thread().name, VARIABLE.get()


def test_all_coroutines_run_on_one_thread():
    loop = BackgroundLoop("test-loop")
    names = [loop.submit(name()).result(60)[0] for _ in range(2)]
    assert names == ["test-loop", "test-loop"]
    assert [t.name for t in threading.enumerate()].count("test-loop") == 1


def test_coroutine_runs_in_a_copy_of_the_callers_context():
    VARIABLE.set("mine")
    assert BackgroundLoop().submit(name()).result(60)[1] == "mine"


def test_error_reaches_the_waiting_caller():
    async def broken():
        raise KeyError("x")

    with pytest.raises(KeyError):
        BackgroundLoop().submit(broken()).result(60)


def test_cancellation_wakes_the_waiting_caller():
    async def endless():
        asyncio.current_task().cancel()
        await asyncio.Event().wait()

    with pytest.raises(concurrent.futures.CancelledError):
        BackgroundLoop().submit(endless()).result(60)


def test_loop_runs_while_the_main_thread_is_blocked():
    ended = threading.Event()

    async def in_three_steps():
        for _ in range(3):
            await asyncio.sleep(0.01)
        ended.set()

    BackgroundLoop().submit(in_three_steps())
    assert ended.wait(60)  # blocks the main thread, as a cell may


NESTED = """
import asyncio
import liangxin_nb as lx
async def inner(): return 7
async def outer():
    try:
        asyncio.run(inner())
    except RuntimeError:
        print("rejected")
    lx.allow_nested_loops()
    print(asyncio.run(inner()))
asyncio.run(outer())
"""


def test_nested_loops_are_opt_in():
    command = [sys.executable, "-W", "ignore", "-c", NESTED]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["rejected", "7"]
