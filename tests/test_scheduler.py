import asyncio
import itertools
import math

import pytest

from liangxin_nb.errors import ServiceError, StillRunning, Unreachable
from liangxin_nb.pacing import Lived, Pace, plan
from liangxin_nb.record import Record, State
from liangxin_nb.scheduler import Scheduler
from liangxin_nb.scheduler._base import Followed

pytestmark = pytest.mark.anyio
FAST = Pace(steps=((float("inf"), 0.01, 0.02),), spacing=0.001)


class Service:
    """Answers from a list, the last answer for ever; counts the questions."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    async def record(self, task_id):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Record(task_id, State(answer))


async def follow(service, patience=5.0, told=lambda _: None, scheduler=None):
    return await (scheduler or Scheduler(FAST)).follow("task_1", service.record, told, patience)


async def test_a_task_is_followed_to_its_end_and_every_answer_is_told():
    told = []
    record = await follow(Service("waiting", "queuing", "odd", "success"), told=told.append)
    assert record.state == "success"
    assert [answer.state for answer in told] == ["waiting", "queuing", "odd", "success"]


async def test_trouble_on_the_way_is_told_and_asked_again():
    told = []
    busy = ServiceError("busy", status=503)
    service = Service(Unreachable("gone"), busy, "generating", "success")
    await follow(service, told=told.append)
    assert [type(answer) for answer in told] == [Unreachable, ServiceError, Record, Record]


async def test_a_final_no_ends_the_wait():
    with pytest.raises(ServiceError, match="wrong key"):
        await follow(Service("waiting", ServiceError("wrong key", status=401)))


async def test_a_task_may_be_unknown_at_first_and_not_later():
    absent = ServiceError("task not found", status=404)
    null = ServiceError("recordInfo is null", status=200, code="422")
    assert (await follow(Service(absent, null, "success"))).state == "success"
    strict = Pace(steps=FAST.steps, spacing=0.001, grace=0.05)
    with pytest.raises(ServiceError, match="not found"):
        await follow(Service(absent), scheduler=Scheduler(strict))


async def test_patience_ends_every_wait_with_the_id_and_the_next_step():
    with pytest.raises(StillRunning) as error:
        await follow(Service(Unreachable("the line is dead.")), patience=0.1)
    assert "task_1 is still running after" in str(error.value)
    assert "the line is dead" in str(error.value)
    assert "%liangxin resume task_1" in str(error.value)


async def test_a_defect_ends_the_wait_too():
    with pytest.raises(KeyError):
        await follow(Service(KeyError("defect")))


async def test_a_cancelled_task_is_asked_about_no_more():
    service, scheduler = Service("generating"), Scheduler(FAST)
    following = asyncio.create_task(follow(service, scheduler=scheduler))
    while service.asked < 2:
        await asyncio.sleep(0.005)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    after = service.asked
    await asyncio.sleep(0.1)
    assert service.asked <= after + 1  # one question may have been on its way


async def test_many_tasks_share_one_loop_and_keep_their_distance():
    times = []
    scheduler = Scheduler(Pace(steps=((float("inf"), 0.0, 0.0),), spacing=0.02))

    async def record(task_id):
        times.append(asyncio.get_running_loop().time())
        return Record(task_id, State("success"))

    await asyncio.gather(*(scheduler.follow(f"t{n}", record, lambda _: None, 5) for n in range(12)))
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert len(times) == 12
    assert min(gaps) > 0.015


async def test_a_slow_answer_holds_nobody_else_up():
    scheduler = Scheduler(FAST)
    never = asyncio.Event()

    async def slow(task_id):
        await never.wait()

    waiting = asyncio.create_task(scheduler.follow("slow", slow, lambda _: None, 5))
    assert (await follow(Service("success"), scheduler=scheduler)).state == "success"
    waiting.cancel()


async def test_retry_after_is_kept():
    loop = asyncio.get_running_loop()
    times = []
    refusal = ServiceError("slow down", status=429, retry_after=0.3)
    service = Service(refusal, "success")

    async def record(task_id):
        times.append(loop.time())
        return await service.record(task_id)

    await Scheduler(FAST).follow("t", record, lambda _: None, 5)
    assert times[1] - times[0] >= 0.3


LAZY = Pace(steps=((float("inf"), 60.0, 60.0),), spacing=0.01)


async def test_a_hurried_task_is_asked_about_at_once():
    service, scheduler = Service("success"), Scheduler(LAZY)
    following = asyncio.create_task(follow(service, scheduler=scheduler))
    await asyncio.sleep(0)
    scheduler.hurry("task_other")
    scheduler.hurry("task_1")
    async with asyncio.timeout(1):
        assert (await following).state == "success"
    assert service.asked == 1


async def test_a_hint_that_comes_before_the_task_is_followed_is_remembered():
    scheduler = Scheduler(LAZY)
    scheduler.hurry("task_1")
    async with asyncio.timeout(1):
        assert (await follow(Service("success"), scheduler=scheduler)).state == "success"


async def test_hints_ask_at_most_once_a_second():
    service, scheduler = Service("generating"), Scheduler(LAZY)
    following = asyncio.create_task(follow(service, scheduler=scheduler))
    clock = asyncio.get_running_loop().time
    begun = clock()
    while service.asked < 2:
        await asyncio.sleep(0.01)
        scheduler.hurry("task_1")
    following.cancel()
    assert clock() - begun >= 1


async def test_a_hint_while_the_question_is_on_its_way_asks_once_more():
    scheduler = Scheduler(LAZY)

    class Slow(Service):
        async def record(self, task_id):
            scheduler.hurry(task_id)
            return await super().record(task_id)

    service = Slow("generating", "success")
    following = asyncio.create_task(follow(service, scheduler=scheduler))
    await asyncio.sleep(0)
    scheduler.hurry("task_1")
    async with asyncio.timeout(3):
        assert (await following).state == "success"
    assert service.asked == 2


async def test_a_hint_does_not_overrule_the_service_that_asked_to_wait():
    busy = ServiceError("busy", status=429, retry_after=30.0)
    service, scheduler = Service(busy, "success"), Scheduler(LAZY)
    following = asyncio.create_task(follow(service, scheduler=scheduler))
    await asyncio.sleep(0)
    for _ in range(3):
        scheduler.hurry("task_1")
        await asyncio.sleep(0.05)
    assert service.asked == 1
    following.cancel()


async def test_nothing_of_a_finished_or_left_task_stays_behind():
    scheduler = Scheduler(LAZY)
    left = asyncio.create_task(follow(Service("generating"), scheduler=scheduler))
    await asyncio.sleep(0)
    left.cancel()
    for number in range(2000):
        scheduler.hurry(f"task_unknown_{number}")
    await asyncio.sleep(0.02)
    held = (scheduler._queue, scheduler._ready, scheduler._followed, scheduler._asking)
    assert [len(things) for things in held] == [0, 0, 0, 0]
    assert scheduler._running.done()
    assert len(scheduler._early) <= 1000


#: Of tasks before: queued for however long, then worked on for 0.4 s.
QUEUED = tuple(Lived(seconds + 0.4, seconds) for seconds in (0.1, 0.2, 0.5, 1.0, 2.0, 3.0) * 5)


@pytest.mark.parametrize("told", [True, False])
async def test_an_end_is_asked_for_as_long_after_the_begin_of_the_work_as_ever(told):
    """Whether the service says since when a task is worked on, or not: then since it was seen."""
    clock, asked = asyncio.get_running_loop().time, []
    pace = Pace(steps=((float("inf"), 0.04, 0.06),), spacing=0.0)
    begun = clock()

    async def ask(task_id):
        passed = clock() - begun
        asked.append(passed)
        state = "queuing" if passed < 0.6 else "generating" if passed < 1.0 else "success"
        since = {"created_ms": 5000, "updated_ms": 5600} if told and state == "generating" else {}
        return Record(task_id, State(state), **since)

    scheduler = Scheduler(pace)
    await scheduler.follow("task_1", ask, lambda _: None, 60, learned=plan(pace, QUEUED))
    assert clock() - begun < 1.3
    assert sum(0.62 < moment < 0.9 for moment in asked) <= 8


@pytest.mark.parametrize("told", [-50.0, 0.0, 3.0, 1e9])
def test_a_begin_that_cannot_be_true_counts_within_what_was_seen(told):
    entry = followed(since=100.0)
    entry.heard(Record("task_1", State("queuing")), 102.5)
    assert entry.began == math.inf
    stamps = {"created_ms": 10**12, "updated_ms": int(10**12 + 1000 * told)}
    entry.heard(Record("task_1", State("generating"), **stamps), 106.0)
    assert entry.began == min(6.0, max(2.5, told))
    entry.heard(Record("task_1", State("generating"), **stamps), 120.0)
    assert entry.began == min(6.0, max(2.5, told))


def followed(since):
    async def ask(task_id): ...

    return Followed(
        0.0, 0, "task_1", ask, lambda _: None, plan(Pace()), since, 0.0, 60.0, None, last=since
    )


async def test_when_turns_are_short_the_likeliest_end_goes_first_and_nobody_starves():
    """Thirty tasks, ten turns a second: those about to end are seen at once."""
    asked, order = [], []
    slow = Pace(steps=((float("inf"), 0.05, 0.05),), spacing=0.02)
    short, long = (plan(slow, (Lived(seconds),) * 20) for seconds in (0.1, 5.0))
    scheduler, clock = Scheduler(slow), asyncio.get_running_loop().time
    begun = clock()

    async def ask(task_id):
        asked.append(task_id)
        ends = 0.1 if task_id.startswith("short") else 2.0
        return Record(task_id, State("success" if clock() - begun >= ends else "generating"))

    async def one(task_id, learned):
        await scheduler.follow(task_id, ask, lambda _: None, 60, learned=learned)
        order.append(task_id)

    kinds = [(f"long_{n}", long) for n in range(25)] + [(f"short_{n}", short) for n in range(5)]
    await asyncio.gather(*(one(*kind) for kind in kinds))
    assert sum(name.startswith("short") for name in order[:5]) == 5
    assert {name for name in asked if name.startswith("long")} == {name for name, _ in kinds[:25]}
