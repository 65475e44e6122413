"""Turns at exact moments: waits of one second, a place that fails, appointments that coincide."""

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


def virtual_budget(**pace):
    """A budget on the clock of the running loop, which it shares with no one."""
    return SharedRateLimiter(PollSchedule(**pace), clock=asyncio.get_running_loop().time)


# ---- what is reported to those who wait


@pytest.mark.anyio
@pytest.mark.parametrize(("creating", "reported"), [(0.99, []), (1.0, [1.0])])
async def test_wait_for_a_turn_is_reported_from_one_second_on(creating, reported):
    shared, found = virtual_budget(create_period_s=creating), []
    await asyncio.gather(*(shared.acquire_create(found.append) for _ in range(21)))
    assert found == reported


@pytest.mark.anyio
async def test_no_wait_is_reported_before_the_first_turn():
    shared, reported = virtual_budget(), []
    await asyncio.gather(shared.acquire_create(), shared.acquire_create(reported.append))
    assert reported == []


# ---- where the appointments are


def test_rates_are_shared_in_the_users_folder_unless_another_place_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(limiter, "default_folder", lambda: tmp_path / "usual")
    shared = SharedRateLimiter(PollSchedule())
    shared.bind(SERVICE, KEY)
    asyncio.run(shared.acquire_poll())
    (book,) = (tmp_path / "usual").glob("*.json")
    assert len(json.loads(book.read_text())[QUERY]["taken"]) == 1


def test_one_thread_serves_all_turns_of_a_loop(tmp_path, monkeypatch):
    made = []

    def executor(*arguments, **options):
        made.append(ThreadPoolExecutor(*arguments, **options))
        return made[-1]

    async def ask_three_times():
        for _ in range(3):
            await shared.acquire_poll()

    monkeypatch.setattr(limiter, "ThreadPoolExecutor", executor)
    shared = SharedRateLimiter(PollSchedule(poll_interval_s=0.0), str(tmp_path))
    shared.bind(SERVICE, KEY)
    asyncio.run(ask_three_times())
    assert len(made) == 1
    asyncio.run(ask_three_times())  # another loop, as after a fork
    assert len(made) == 2
    for pool in made:
        pool.shutdown()


class Failing(MemorySlotStore):
    """A place that cannot be used; it counts how often it was tried."""

    def __init__(self):
        super().__init__()
        self.tried = 0

    def reserve(self, call, limit, caller):
        self.tried += 1
        raise OSError("no answer")


@pytest.mark.anyio
async def test_place_that_failed_is_tried_again_after_half_a_minute(monkeypatch):
    place, shared = Failing(), virtual_budget()
    monkeypatch.setattr(limiter, "_open_store", lambda *_: place)
    shared.bind(SERVICE, KEY)
    tries = []
    for pause in (0.0, 29.5, 1.0):
        await asyncio.sleep(pause)
        await shared.acquire_poll()
        tries.append(place.tried)
    assert tries == [1, 1, 2]


# ---- appointments at exact moments


def test_appointment_waits_for_a_call_that_was_answered_at_the_same_moment():
    now = 0.0
    book, limit = MemorySlotStore(lambda: now), RateLimit(1, 10.0)
    assert [book.reserve(QUERY, limit, name) for name in ("a", "b")] == [0.0, 10.0]
    now = 10.0
    book.confirm(QUERY, "a")  # its answer took until the moment of b's appointment
    assert book.reserve(QUERY, limit, "b") == 10.0


@pytest.mark.parametrize(("ahead", "wait"), [(600.0, 0.0), (599.0, 609.0)])
def test_appointment_ten_minutes_ahead_is_from_before_a_restart(ahead, wait):
    """The clock of a machine begins anew when it is started."""
    now = ahead
    book, limit = MemorySlotStore(lambda: now), RateLimit(1, 10.0)
    assert book.reserve(QUERY, limit, "a") == 0.0
    now = 0.0
    assert book.reserve(QUERY, limit, "b") == wait
