"""Slots at exact times: waits of one second, a store that fails, slots that coincide."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from liangxin_nb.polling import PollSchedule
from liangxin_nb.ratelimit import SharedRateLimiter, limiter
from liangxin_nb.ratelimit.file_store import MemorySlotStore
from liangxin_nb.ratelimit.slots import RateLimit

from ..virtual_time import BACKEND

QUERY = "recordInfo"
SERVICE, KEY = "https://service.example", "sk-1"


@pytest.fixture
def anyio_backend():
    return BACKEND


def build_limiter(**schedule):
    """A limiter on the clock of the running loop, which shares nothing."""
    return SharedRateLimiter(PollSchedule(**schedule), clock=asyncio.get_running_loop().time)


# ---- reported waits


@pytest.mark.anyio
@pytest.mark.parametrize(("period_s", "expected"), [(0.99, []), (1.0, [1.0])])
async def test_wait_for_a_slot_is_reported_from_one_second_on(period_s, expected):
    shared, reported = build_limiter(create_period_s=period_s), []
    await asyncio.gather(*(shared.acquire_create(reported.append) for _ in range(21)))
    assert reported == expected


@pytest.mark.anyio
async def test_no_wait_is_reported_before_the_first_slot():
    shared, reported = build_limiter(), []
    await asyncio.gather(shared.acquire_create(), shared.acquire_create(reported.append))
    assert reported == []


# ---- the slot store


def test_rates_are_shared_in_the_default_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(limiter, "default_folder", lambda: tmp_path / "default")
    shared = SharedRateLimiter(PollSchedule())
    shared.bind(SERVICE, KEY)
    asyncio.run(shared.acquire_poll())
    (file,) = (tmp_path / "default").glob("*.json")
    assert len(json.loads(file.read_text())[QUERY]["reserved"]) == 1


def test_one_thread_serves_all_slots_of_a_loop(tmp_path, monkeypatch):
    executors = []

    def create_executor(*arguments, **options):
        executors.append(ThreadPoolExecutor(*arguments, **options))
        return executors[-1]

    async def poll_three_times():
        for _ in range(3):
            await shared.acquire_poll()

    monkeypatch.setattr(limiter, "ThreadPoolExecutor", create_executor)
    shared = SharedRateLimiter(PollSchedule(poll_interval_s=0.0), str(tmp_path))
    shared.bind(SERVICE, KEY)
    asyncio.run(poll_three_times())
    assert len(executors) == 1
    asyncio.run(poll_three_times())  # another loop, as after a fork
    assert len(executors) == 2
    for executor in executors:
        executor.shutdown()


class FailingStore(MemorySlotStore):
    """A slot store that cannot be used; it counts the calls."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def reserve(self, call, limit, caller):
        self.calls += 1
        raise OSError("no answer")


@pytest.mark.anyio
async def test_failed_store_is_not_used_for_half_a_minute(monkeypatch):
    store, shared = FailingStore(), build_limiter()
    monkeypatch.setattr(limiter, "_open_store", lambda *_: store)
    shared.bind(SERVICE, KEY)
    calls = []
    for pause in (0.0, 29.5, 1.0):
        await asyncio.sleep(pause)
        await shared.acquire_poll()
        calls.append(store.calls)
    assert calls == [1, 1, 2]


# ---- slots at exact times


def test_slot_waits_for_a_call_confirmed_at_the_same_time():
    now = 0.0
    store, limit = MemorySlotStore(lambda: now), RateLimit(1, 10.0)
    assert [store.reserve(QUERY, limit, name) for name in ("a", "b")] == [0.0, 10.0]
    now = 10.0
    store.confirm(QUERY, "a")  # its response arrived at the time of the slot of b
    assert store.reserve(QUERY, limit, "b") == 10.0


@pytest.mark.parametrize(("ahead", "wait"), [(600.0, 0.0), (599.0, 609.0)])
def test_slot_ten_minutes_ahead_is_from_before_a_restart(ahead, wait):
    """The clock of a machine starts again when it is rebooted."""
    now = ahead
    store, limit = MemorySlotStore(lambda: now), RateLimit(1, 10.0)
    assert store.reserve(QUERY, limit, "a") == 0.0
    now = 0.0
    assert store.reserve(QUERY, limit, "b") == wait
