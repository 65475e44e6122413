"""A kernel's look into the mailbox: only while a job waits, and nothing is missed."""

import asyncio
import sqlite3
import subprocess
import sys

import pytest

from liangxin_nb.callbacks.watcher import HintWatcher

from .. import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    """Asynchronous tests of this module run in virtual time."""
    return virtual_time.BACKEND


async def test_what_came_earlier_is_delivered_first_and_what_comes_later_too(store):
    store.put("ticket", "task_1")
    store.put("other", "task_x")
    watch = HintWatcher(store)
    with watch.subscribe("ticket") as news:
        assert await news.get() == "task_1"
        store.put("ticket", "task_2")
        assert await news.get() == "task_2"
        with watch.subscribe("other") as others:
            assert await others.get() == "task_x"
        store.put("ticket", "task_1")
        assert await news.get() == "task_1"
    assert news.empty()


async def test_it_looks_four_times_a_second_for_all_and_stops_when_no_job_waits(store, monkeypatch):
    looks, hints, clock = [], store.hints, asyncio.get_running_loop().time
    monkeypatch.setattr(store, "hints", lambda *given: looks.append(clock()) or hints(*given))
    watch = HintWatcher(store)
    with watch.subscribe("a") as first, watch.subscribe("b") as second:
        await asyncio.sleep(0.9)
        store.put("a", "task_1")
        store.put("b", "task_2")
        assert [await first.get(), await second.get()] == ["task_1", "task_2"]
        assert clock() == 1.0
    await watch._task
    assert looks == [0.0, 0.25, 0.5, 0.75, 1.0]


async def test_a_mailbox_that_cannot_be_read_is_read_again_later(store, monkeypatch):
    hints, broken = store.hints, [True, True]

    def read(*given):
        if broken:
            broken.pop()
            raise sqlite3.OperationalError("locked")
        return hints(*given)

    monkeypatch.setattr(store, "hints", read)
    store.put("ticket", "task_1")
    with HintWatcher(store).subscribe("ticket") as news:
        assert await news.get() == "task_1"
    assert asyncio.get_running_loop().time() == 0.5


def test_a_receiver_needs_no_jupyter_server_installed(tmp_path):
    code = (
        "import sys\nsys.modules['jupyter_server'] = None\n"
        "import liangxin_nb as lx\nwith lx.CallbackServer() as made: print(made.url[:17])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "http://127.0.0.1:"
