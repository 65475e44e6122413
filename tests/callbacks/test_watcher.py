"""Reading the hint store while jobs wait."""

import asyncio
import sqlite3
import subprocess
import sys

import pytest

from liangxin_nb.callbacks.channel import HintWatcher

from .. import virtual_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    """Asynchronous tests of this module run in virtual time."""
    return virtual_time.BACKEND


async def test_earlier_and_later_hints_are_delivered_in_order(store):
    store.add_hint("job-1", "task_1")
    store.add_hint("job-2", "task_x")
    watcher = HintWatcher(store)
    with watcher.subscribe("job-1") as queue:
        assert await queue.get() == "task_1"
        store.add_hint("job-1", "task_2")
        assert await queue.get() == "task_2"
        with watcher.subscribe("job-2") as other_queue:
            assert await other_queue.get() == "task_x"
        store.add_hint("job-1", "task_1")
        assert await queue.get() == "task_1"
    assert queue.empty()


async def test_store_is_read_four_times_per_second_while_jobs_wait(store, monkeypatch):
    reads, list_hints, clock = [], store.list_hints, asyncio.get_running_loop().time
    monkeypatch.setattr(
        store, "list_hints", lambda *args: reads.append(clock()) or list_hints(*args)
    )
    watcher = HintWatcher(store)
    with watcher.subscribe("a") as first, watcher.subscribe("b") as second:
        await asyncio.sleep(0.9)
        store.add_hint("a", "task_1")
        store.add_hint("b", "task_2")
        assert [await first.get(), await second.get()] == ["task_1", "task_2"]
        assert clock() == 1.0
    await watcher._task
    assert reads == [0.0, 0.25, 0.5, 0.75, 1.0]


async def test_failed_read_is_repeated(store, monkeypatch):
    list_hints, broken = store.list_hints, [True, True]

    def read(*arguments):
        if broken:
            broken.pop()
            raise sqlite3.OperationalError("locked")
        return list_hints(*arguments)

    monkeypatch.setattr(store, "list_hints", read)
    store.add_hint("job-1", "task_1")
    with HintWatcher(store).subscribe("job-1") as queue:
        assert await queue.get() == "task_1"
    assert asyncio.get_running_loop().time() == 0.5


def test_callback_server_does_not_need_jupyter_server(tmp_path):
    code = (
        "import sys\nsys.modules['jupyter_server'] = None\n"
        "import liangxin_nb as lx\nwith lx.CallbackServer() as server: print(server.url[:17])\n"
    )
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "http://127.0.0.1:"
