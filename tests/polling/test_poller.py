"""Following tasks to their end, in virtual time: every moment is exact."""

import asyncio
import math

import pytest

from liangxin_nb.core.task import TaskRecord, TaskState
from liangxin_nb.errors import APIConnectionError, APIError, WaitTimeoutError
from liangxin_nb.polling import Poller, PollSchedule, TaskDuration, build_schedule, tracked_task
from liangxin_nb.polling.tracked_task import FixedIntervalLimiter, TrackedTask

from .. import virtual_time

pytestmark = pytest.mark.anyio
#: A question about a task every two seconds, all questions an eighth of a second apart.
EVEN = PollSchedule(steps=((float("inf"), 2.0, 2.0),), poll_interval_s=0.125)
#: So seldom that only a hint makes a question come sooner.
SELDOM = PollSchedule(steps=((float("inf"), 60.0, 60.0),), poll_interval_s=0.125)


@pytest.fixture
def anyio_backend():
    """Asynchronous tests of this module run in virtual time."""
    return virtual_time.BACKEND


def now():
    return asyncio.get_running_loop().time()


class Service:
    """Answers from a list, the last answer forever; notes when it was asked.

    `slow`: seconds until it answers.
    """

    def __init__(self, *answers, slow=0.0):
        self.answers = list(answers)
        self.slow = slow
        self.asked = []

    async def record(self, task_id):
        self.asked.append(now())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(self.slow)
        if isinstance(answer, Exception):
            raise answer
        return TaskRecord(task_id, TaskState(answer))


def scheduler(schedule=EVEN, turns=None):
    return Poller(schedule, turns, clock=asyncio.get_running_loop().time)


def follow(service, by=None, *, patience=1000.0, tell=lambda _: None, task_id="task_1", **more):
    return (by or scheduler()).follow(task_id, service.record, tell, patience, **more)


def start(*given, **more):
    """`follow` as a task of its own."""
    return asyncio.create_task(follow(*given, **more))


# --- to the end ---------------------------------------------------------------------------------


async def test_a_task_is_asked_about_until_it_ends():
    service = Service("waiting", "queuing", "odd", "success")
    task = await follow(service)
    assert task.state == "success"
    assert service.asked == [2.0, 4.0, 6.0, 8.0]


async def test_every_answer_is_reported():
    answers = []
    await follow(Service("waiting", "queuing", "odd", "success"), tell=answers.append)
    assert [answer.state for answer in answers] == ["waiting", "queuing", "odd", "success"]


async def test_trouble_that_may_pass_is_reported_and_the_task_asked_about_again():
    answers = []
    busy = APIError("busy", status=503)
    service = Service(APIConnectionError("gone"), busy, "generating", "success")
    await follow(service, tell=answers.append)
    assert [type(answer) for answer in answers] == [
        APIConnectionError,
        APIError,
        TaskRecord,
        TaskRecord,
    ]


async def test_a_final_refusal_ends_the_wait():
    with pytest.raises(APIError, match="wrong key"):
        await follow(Service("waiting", APIError("wrong key", status=401)))


@pytest.mark.parametrize(
    "absent",
    [
        APIError("task not found", status=404),
        APIError("recordInfo is null", status=200, code="422"),
    ],
)
async def test_a_new_task_may_be_unknown_for_its_first_seconds(absent):
    service = Service(*[absent] * 9, "success")
    assert (await follow(service)).state == "success"
    assert service.asked[-1] == 20.0
    late = Service(absent)
    with pytest.raises(APIError) as error:
        await follow(late)
    assert error.value is absent
    assert late.asked[-1] == 40.0, "20 s after its beginning it has to be known"


async def test_patience_ends_the_wait_with_the_id_and_the_next_step():
    service = Service(APIConnectionError("the line is dead."))
    with pytest.raises(WaitTimeoutError) as error:
        await follow(service, patience=5.0)
    assert str(error.value) == (
        "Task task_1 is still running after 5 s. The last question failed: the line is dead. "
        "It goes on at the service; collect it with %liangxin resume task_1"
    )
    assert error.value.task_id == "task_1"
    assert service.asked == [2.0, 4.0, 5.0], "the last question is asked when the patience ends"


async def test_trouble_that_has_passed_is_not_named_when_the_patience_ends():
    with pytest.raises(WaitTimeoutError, match=r"after 5 s\. It goes on") as error:
        await follow(Service(APIConnectionError("gone"), "generating"), patience=5.0)
    assert "failed" not in str(error.value)


async def test_a_defect_ends_the_wait():
    with pytest.raises(KeyError):
        await follow(Service(KeyError("defect")))


async def test_a_task_that_is_taken_up_again_is_asked_about_soon():
    schedule = PollSchedule(steps=((30.0, 2.0, 2.0), (float("inf"), 15.0, 15.0)))
    service = Service("generating", "success")
    await follow(service, scheduler(schedule), age=1000.0)
    assert service.asked == [2.0, 17.0]


# --- many tasks ---------------------------------------------------------------------------------


async def test_many_tasks_share_one_loop_and_keep_their_distance():
    services = [Service("success") for _ in range(12)]
    shared = scheduler()
    await asyncio.gather(
        *(follow(service, shared, task_id=f"t{n}") for n, service in enumerate(services))
    )
    assert [service.asked for service in services] == [[2.0 + n * 0.125] for n in range(12)]


async def test_own_turns_count_from_the_last_one():
    own, given = FixedIntervalLimiter(0.5), []
    for pause in (0.0, 0.0, 0.25, 2.0, 0.0):
        await asyncio.sleep(pause)
        await own.acquire_poll()
        given.append(now())
    assert given == [0.0, 0.5, 1.0, 3.0, 3.5]


async def test_a_slow_answer_does_not_delay_other_tasks():
    shared = scheduler()
    slow = start(Service("success", slow=500.0), shared, task_id="slow")
    await asyncio.sleep(0)
    await follow(Service("success"), shared, task_id="quick")
    assert now() == 2.125
    assert (await slow).state == "success"
    assert now() == 502.0


async def test_the_service_that_asks_to_wait_is_not_asked_before():
    busy = APIError("slow down", status=429, retry_after=30.0)
    service = Service(busy, "success")
    await follow(service)
    assert service.asked == [2.0, 32.0]


async def test_the_service_is_not_waited_for_longer_than_two_minutes():
    busy = APIError("slow down", status=429, retry_after=9000.0)
    service = Service(busy, "success")
    await follow(service)
    assert service.asked == [2.0, 122.0]


async def test_a_refusal_is_passed_on_to_the_shared_turns():
    class Turns(FixedIntervalLimiter):
        heard = ()

        async def back_off(self, call, seconds):
            self.heard = (*self.heard, (call, seconds))

    turns = Turns(0.125)
    busy = [APIError("busy", status=429, retry_after=after) for after in (3.0, None)]
    await follow(Service(*busy, APIError("x", status=503), "success"), scheduler(turns=turns))
    assert turns.heard == (("recordInfo", 3.0), ("recordInfo", None))


# --- what is left behind ------------------------------------------------------------------------


async def test_a_cancelled_task_is_not_asked_about_any_more():
    service = Service("generating")
    following = start(service)
    await asyncio.sleep(5.0)
    following.cancel()
    await asyncio.sleep(1000.0)
    assert service.asked == [2.0, 4.0]


async def test_nothing_of_a_finished_or_cancelled_task_stays_behind():
    shared = scheduler()
    left = start(Service("generating"), shared, task_id="detached")
    await follow(Service("success"), shared, task_id="saved")
    left.cancel()
    await asyncio.sleep(1.0)
    held = (shared._queue, shared._ready, shared._tracked, shared._polls)
    assert [len(things) for things in held] == [0, 0, 0, 0]
    assert shared._running.done()


async def test_hints_about_unknown_tasks_do_not_fill_the_memory():
    shared = scheduler()
    for number in range(1001):
        shared.poll_now(f"task_{number}")
    assert len(shared._early_hints) == 1000
    assert "task_0" not in shared._early_hints
    assert "task_1" in shared._early_hints


# --- hints --------------------------------------------------------------------------------------


async def test_a_hint_makes_the_question_come_at_once():
    service, shared = Service("success"), scheduler(SELDOM)
    following = start(service, shared)
    await asyncio.sleep(3.0)
    shared.poll_now("task_other")
    await asyncio.sleep(3.0)
    shared.poll_now("task_1")
    assert (await following).state == "success"
    assert service.asked == [6.0]


async def test_a_hint_that_comes_before_the_task_is_followed_is_remembered_once():
    shared = scheduler(SELDOM)
    shared.poll_now("task_1")
    service = Service("generating", "success")
    await follow(service, shared)
    assert service.asked == [0.0, 60.0]
    again = Service("success")
    await follow(again, shared)
    assert again.asked == [120.0]


async def test_hints_ask_at_most_once_a_second():
    service, shared = Service("generating"), scheduler(SELDOM)
    following = start(service, shared)
    for _ in range(32):
        await asyncio.sleep(0.125)
        shared.poll_now("task_1")
    following.cancel()
    assert service.asked == [0.125, 1.125, 2.125, 3.125]


async def test_a_hint_while_the_question_is_on_its_way_asks_once_more():
    service, shared = Service("generating", "success", slow=0.5), scheduler(SELDOM)
    following = start(service, shared)
    await asyncio.sleep(1.0)
    shared.poll_now("task_1")
    await asyncio.sleep(0.25)
    shared.poll_now("task_1")
    assert (await following).state == "success"
    assert service.asked == [1.0, 2.0]


async def test_a_hint_does_not_overrule_the_service_that_asked_to_wait():
    busy = APIError("busy", status=429, retry_after=30.0)
    service, shared = Service(busy, "success"), scheduler(SELDOM)
    shared.poll_now("task_1")
    following = start(service, shared)
    for _ in range(3):
        await asyncio.sleep(2.0)
        shared.poll_now("task_1")
    await following
    assert service.asked == [0.0, 30.0]


# --- when the work begins -----------------------------------------------------------------------

#: Of tasks before: queued for however long, then worked on for 20 s.
QUEUED = tuple(
    TaskDuration(begun + 20.0, begun) for begun in (5.0, 10.0, 20.0, 40.0, 70.0, 90.0) * 8
)


@pytest.mark.parametrize("told", [True, False])
async def test_the_end_is_expected_as_long_after_the_begin_of_the_work_as_before(
    told, monkeypatch, rng
):
    """Whether the service says since when a task is worked on, or not: then since it was seen."""
    monkeypatch.setattr(tracked_task, "random", rng)
    asked = []

    async def ask(task_id):
        asked.append(now())
        state = "queuing" if now() < 60.0 else "generating" if now() < 80.0 else "success"
        since = {"created_ms": 5000, "updated_ms": 65_000} if told and state == "generating" else {}
        return TaskRecord(task_id, TaskState(state), **since)

    learned = build_schedule(PollSchedule(), QUEUED)
    await scheduler(PollSchedule()).follow("task_1", ask, lambda _: None, 600, schedule=learned)
    begun = 60.0 if told else next(moment for moment in asked if moment >= 60.0)
    assert sum(begun + 0.5 < moment < begun + 16 for moment in asked) <= 2
    assert 80.0 <= now() <= begun + 23.0


@pytest.mark.parametrize("told", [-50.0, 0.0, 3.0, 1e9])
def test_a_begin_that_cannot_be_true_counts_within_what_was_seen(told):
    entry = followed(since=100.0)
    entry.observe(TaskRecord("task_1", TaskState("queuing")), 102.5)
    assert entry.started_after_s == math.inf
    stamps = {"created_ms": 10**12, "updated_ms": int(10**12 + 1000 * told)}
    entry.observe(TaskRecord("task_1", TaskState("generating"), **stamps), 106.0)
    assert entry.started_after_s == min(6.0, max(2.5, told))
    entry.observe(TaskRecord("task_1", TaskState("generating"), **stamps), 120.0)
    assert entry.started_after_s == min(6.0, max(2.5, told))


def followed(since):
    async def ask(task_id): ...

    return TrackedTask(
        0.0,
        0,
        "task_1",
        ask,
        lambda _: None,
        build_schedule(PollSchedule()),
        since,
        0.0,
        60.0,
        None,
        last_poll=since,
    )


async def test_when_turns_are_short_the_likeliest_end_is_asked_for_first_and_all_get_a_turn():
    """Thirty tasks, one turn a second: those about to end are seen first."""
    asked, order = [], []
    slow = PollSchedule(steps=((float("inf"), 2.0, 2.0),), poll_interval_s=1.0)
    short, long = (build_schedule(slow, (TaskDuration(seconds),) * 20) for seconds in (4.0, 200.0))
    shared = scheduler(slow)

    async def ask(task_id):
        asked.append(task_id)
        ends = 4.0 if task_id.startswith("short") else 80.0
        return TaskRecord(task_id, TaskState("success" if now() >= ends else "generating"))

    async def one(task_id, learned):
        await shared.follow(task_id, ask, lambda _: None, 6000, schedule=learned)
        order.append(task_id)

    kinds = [(f"long_{n}", long) for n in range(25)] + [(f"short_{n}", short) for n in range(5)]
    await asyncio.gather(*(one(*kind) for kind in kinds))
    assert all(name.startswith("short") for name in order[:5])
    assert {name for name in asked if name.startswith("long")} == {name for name, _ in kinds[:25]}


def test_a_question_that_is_late_for_long_goes_before_any_likely_one():
    """Each second that it is late counts; after 15 times the least pause it comes first."""
    entry = followed(since=0.0)
    entry.due_at = 10.0
    for late in (0.0, 15.0, 30.0):
        likely = entry.schedule.probability(0.0, 10.0 + late)
        assert entry.urgency(10.0 + late) == pytest.approx(likely + late / 30.0)


def test_a_question_that_a_hint_asks_for_goes_before_any_other_one():
    entry = followed(since=0.0)
    entry.due_at, entry.poll_soon_at = 10.0, 20.0
    assert entry.urgency(19.9) < 1.5
    assert entry.urgency(20.0) == 2.0
