"""Following tasks to their end, in virtual time, with exact times."""

import asyncio
import math

import pytest

from liangxin_nb.core.task import TaskRecord, TaskState
from liangxin_nb.errors import APIConnectionError, APIError, WaitTimeoutError
from liangxin_nb.polling import Poller, PollSchedule, TaskDuration, build_schedule, tracked_task
from liangxin_nb.polling.poller import FixedIntervalLimiter
from liangxin_nb.polling.tracked_task import TrackedTask

from .. import virtual_time

pytestmark = pytest.mark.anyio
#: One poll of each task every two seconds, all polls an eighth of a second apart.
EVEN_SCHEDULE = PollSchedule(steps=((float("inf"), 2.0, 2.0),), poll_interval_s=0.125)
#: Polls so rarely that only a hint causes an earlier one.
RARE_SCHEDULE = PollSchedule(steps=((float("inf"), 60.0, 60.0),), poll_interval_s=0.125)


@pytest.fixture
def anyio_backend():
    """Asynchronous tests of this module run in virtual time."""
    return virtual_time.BACKEND


def now():
    return asyncio.get_running_loop().time()


class Service:
    """Answers polls from a list, and repeats the last answer.

    Attributes:
        delay_s: Seconds until it answers.
        polled_at: The times of the polls.
    """

    def __init__(self, *answers, delay_s=0.0):
        self.answers = list(answers)
        self.delay_s = delay_s
        self.polled_at = []

    async def poll(self, task_id):
        self.polled_at.append(now())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(self.delay_s)
        if isinstance(answer, Exception):
            raise answer
        return TaskRecord(task_id, TaskState(answer))


def build_poller(schedule=EVEN_SCHEDULE, limiter=None):
    return Poller(schedule, limiter, clock=asyncio.get_running_loop().time)


def follow(
    service, poller=None, *, patience=1000.0, on_answer=lambda _: None, task_id="task_1", **options
):
    poller = poller or build_poller()
    return poller.follow(task_id, service.poll, on_answer, patience, **options)


def start(*arguments, **options):
    """Start `follow` as an asyncio task."""
    return asyncio.create_task(follow(*arguments, **options))


# ---- one task


async def test_task_is_polled_until_it_ends():
    service = Service("waiting", "queuing", "odd", "success")
    task = await follow(service)
    assert task.state == "success"
    assert service.polled_at == [2.0, 4.0, 6.0, 8.0]


async def test_every_answer_is_reported():
    answers = []
    await follow(Service("waiting", "queuing", "odd", "success"), on_answer=answers.append)
    assert [answer.state for answer in answers] == ["waiting", "queuing", "odd", "success"]


async def test_temporary_error_is_reported_and_polling_continues():
    answers = []
    busy = APIError("busy", status=503)
    service = Service(APIConnectionError("gone"), busy, "generating", "success")
    await follow(service, on_answer=answers.append)
    assert [type(answer) for answer in answers] == [
        APIConnectionError,
        APIError,
        TaskRecord,
        TaskRecord,
    ]


KEY_REJECTED = APIError("wrong key", status=401)
ABSENT = APIError("task not found", status=404)
PAGE = APIError("a page", status=404, is_api_answer=False)


async def test_third_rejection_of_the_key_in_a_row_ends_following():
    service = Service(KEY_REJECTED)
    with pytest.raises(APIError) as error:
        await follow(service)
    assert error.value is KEY_REJECTED
    assert service.polled_at == [2.0, 4.0, 6.0]


async def test_other_answer_interrupts_rejections_of_the_key():
    busy = APIError("busy", status=503)
    service = Service(*[KEY_REJECTED] * 2, busy, *[KEY_REJECTED] * 2, "generating", "success")
    assert (await follow(service)).state == "success"


@pytest.mark.parametrize(
    "absent",
    [
        ABSENT,
        APIError("recordInfo is null", status=200, code="422"),
        APIError("task does not exist", status=200, code="500"),
    ],
)
async def test_task_is_unknown_after_three_answers_half_a_minute_apart(absent):
    service = Service(absent)
    with pytest.raises(APIError) as error:
        await follow(service)
    assert error.value is absent
    assert service.polled_at[-1] == 180.0, "the first answer that counts is the one at 120 s"


async def test_old_task_is_unknown_after_one_minute():
    service = Service(ABSENT)
    with pytest.raises(APIError):
        await follow(service, age=1000.0)
    assert service.polled_at[-1] == 62.0


async def test_known_task_is_unknown_only_after_three_more_answers():
    service = Service(*[ABSENT] * 30, "generating", ABSENT)
    with pytest.raises(APIError):
        await follow(service, age=1000.0)
    assert service.polled_at[30] == 62.0
    assert service.polled_at[-1] == 124.0


TROUBLE = [
    PAGE,
    APIError("a page", status=403, is_api_answer=False),
    APIError("moved", status=302, is_api_answer=False),
    APIError("unreadable", status=502, is_api_answer=False),
    APIError("bad", status=400),
    APIError("forbidden", status=403),
    APIError("busy", status=429),
    APIError("oops", status=500),
    APIConnectionError("gone"),
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda error: f"{error.message}")
async def test_trouble_on_the_way_does_not_end_following(trouble):
    answers = []
    service = Service(*[trouble] * 100, "success")
    assert (await follow(service, on_answer=answers.append)).state == "success"
    assert answers[:100] == [trouble] * 100


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda error: f"{error.message}")
async def test_trouble_on_the_way_ends_with_the_patience(trouble):
    with pytest.raises(WaitTimeoutError, match=trouble.message):
        await follow(Service(trouble), patience=300.0)
    assert now() == 300.0


async def test_patience_ends_while_a_poll_waits_for_its_answer():
    poller = build_poller()
    service = Service("success", delay_s=500.0)
    with pytest.raises(WaitTimeoutError):
        await follow(service, poller, patience=8.0)
    assert now() == 8.0
    await asyncio.sleep(0.1)
    assert not poller._polls, "the poll is cancelled"


async def test_patience_ends_while_the_limiter_is_blocked():
    class BlockedLimiter(FixedIntervalLimiter):
        async def acquire_poll(self):
            await asyncio.sleep(1e6)

    with pytest.raises(WaitTimeoutError):
        await follow(Service("success"), build_poller(limiter=BlockedLimiter(1.0)), patience=5.0)
    assert now() == 5.0


async def test_last_poll_leaves_time_for_its_answer():
    service = Service("generating", "success", delay_s=2.0)
    await follow(service, build_poller(RARE_SCHEDULE), patience=80.0)
    assert service.polled_at == [60.0, 77.0]


async def test_retry_after_is_limited_by_the_patience():
    busy = APIError("busy", status=429, retry_after=999_999_999.0)
    service = Service(busy, "success")
    await follow(service, patience=20.0)
    assert service.polled_at == [2.0, 17.0]


@pytest.mark.parametrize("delay", [1.0, 1000.0])
async def test_patience_is_extended_by_one_poll_after_the_machine_slept(delay):
    """The clock runs on while the machine sleeps, but no timer fires."""
    slept = 0.0
    poller = Poller(RARE_SCHEDULE, clock=lambda: asyncio.get_running_loop().time() + slept)
    service = Service("generating")
    following = start(service, poller, patience=20.0)
    await asyncio.sleep(19.0)
    slept = delay
    with pytest.raises(WaitTimeoutError):
        await following
    assert service.polled_at == ([17.0] if delay == 1.0 else [17.0, 20.0])


async def test_timeout_names_the_task_and_the_next_step():
    service = Service(APIConnectionError("connection closed."))
    with pytest.raises(WaitTimeoutError) as error:
        await follow(service, patience=5.0)
    assert str(error.value) == (
        "Task task_1 is still running after 5 s. The last poll failed: connection closed. "
        "The service continues it; collect it with %liangxin resume task_1"
    )
    assert error.value.task_id == "task_1"
    assert service.polled_at == [2.0, 4.0]
    assert now() == 5.0


async def test_timeout_does_not_name_an_earlier_error():
    with pytest.raises(WaitTimeoutError, match=r"after 5 s\. The service") as error:
        await follow(Service(APIConnectionError("gone"), "generating"), patience=5.0)
    assert "failed" not in str(error.value)


async def test_unexpected_exception_ends_following():
    with pytest.raises(KeyError):
        await follow(Service(KeyError("bug")))


async def test_resumed_task_is_polled_soon():
    schedule = PollSchedule(steps=((30.0, 2.0, 2.0), (float("inf"), 15.0, 15.0)))
    service = Service("generating", "success")
    await follow(service, build_poller(schedule), age=1000.0)
    assert service.polled_at == [2.0, 17.0]


# ---- many tasks


async def test_many_tasks_share_one_loop_and_its_rate():
    services = [Service("success") for _ in range(12)]
    poller = build_poller()
    await asyncio.gather(
        *(follow(service, poller, task_id=f"t{n}") for n, service in enumerate(services))
    )
    assert [service.polled_at for service in services] == [[2.0 + n * 0.125] for n in range(12)]


async def test_fixed_interval_counts_from_the_last_poll():
    limiter, times = FixedIntervalLimiter(0.5), []
    for pause in (0.0, 0.0, 0.25, 2.0, 0.0):
        await asyncio.sleep(pause)
        await limiter.acquire_poll()
        times.append(now())
    assert times == [0.0, 0.5, 1.0, 3.0, 3.5]


async def test_slow_answer_does_not_delay_other_tasks():
    poller = build_poller()
    slow_task = start(Service("success", delay_s=500.0), poller, task_id="slow")
    await asyncio.sleep(0)
    await follow(Service("success"), poller, task_id="quick")
    assert now() == 2.125
    assert (await slow_task).state == "success"
    assert now() == 502.0


async def test_retry_after_is_respected():
    busy = APIError("slow down", status=429, retry_after=30.0)
    service = Service(busy, "success")
    await follow(service)
    assert service.polled_at == [2.0, 32.0]


async def test_retry_after_is_limited_to_one_minute():
    busy = APIError("slow down", status=429, retry_after=9000.0)
    service = Service(busy, "success")
    await follow(service)
    assert service.polled_at == [2.0, 62.0]


async def test_429_is_passed_to_the_limiter():
    class RecordingLimiter(FixedIntervalLimiter):
        calls = ()

        async def back_off(self, call, seconds):
            self.calls = (*self.calls, (call, seconds))

    limiter = RecordingLimiter(0.125)
    busy = [APIError("busy", status=429, retry_after=after) for after in (3.0, None)]
    await follow(
        Service(*busy, APIError("x", status=503), "success"), build_poller(limiter=limiter)
    )
    assert limiter.calls == (("recordInfo", 3.0), ("recordInfo", None))


# ---- cleanup


async def test_cancelled_task_is_no_longer_polled():
    service = Service("generating")
    following = start(service)
    await asyncio.sleep(5.0)
    following.cancel()
    await asyncio.sleep(1000.0)
    assert service.polled_at == [2.0, 4.0]


async def test_finished_and_cancelled_tasks_are_removed():
    poller = build_poller()
    cancelled = start(Service("generating"), poller, task_id="cancelled")
    await follow(Service("success"), poller, task_id="finished")
    cancelled.cancel()
    await asyncio.sleep(1.0)
    collections = (poller._queue, poller._ready, poller._tracked, poller._polls)
    assert [len(collection) for collection in collections] == [0, 0, 0, 0]
    assert poller._running.done()


async def test_stored_hints_about_unknown_tasks_are_limited():
    poller = build_poller()
    for number in range(1001):
        poller.poll_now(f"task_{number}")
    assert len(poller._early_hints) == 1000
    assert "task_0" not in poller._early_hints
    assert "task_1" in poller._early_hints


# ---- hints


async def test_hint_causes_a_poll_at_once():
    service, poller = Service("success"), build_poller(RARE_SCHEDULE)
    following = start(service, poller)
    await asyncio.sleep(3.0)
    poller.poll_now("task_other")
    await asyncio.sleep(3.0)
    poller.poll_now("task_1")
    assert (await following).state == "success"
    assert service.polled_at == [6.0]


async def test_hint_before_following_is_used_once():
    poller = build_poller(RARE_SCHEDULE)
    poller.poll_now("task_1")
    service = Service("generating", "success")
    await follow(service, poller)
    assert service.polled_at == [0.0, 60.0]
    second = Service("success")
    await follow(second, poller)
    assert second.polled_at == [120.0]


async def test_hints_cause_at_most_one_poll_per_second():
    service, poller = Service("generating"), build_poller(RARE_SCHEDULE)
    following = start(service, poller)
    for _ in range(32):
        await asyncio.sleep(0.125)
        poller.poll_now("task_1")
    following.cancel()
    assert service.polled_at == [0.125, 1.125, 2.125, 3.125]


async def test_hint_during_a_poll_causes_another_one():
    service, poller = Service("generating", "success", delay_s=0.5), build_poller(RARE_SCHEDULE)
    following = start(service, poller)
    await asyncio.sleep(1.0)
    poller.poll_now("task_1")
    await asyncio.sleep(0.25)
    poller.poll_now("task_1")
    assert (await following).state == "success"
    assert service.polled_at == [1.0, 2.0]


async def test_hint_does_not_override_retry_after():
    busy = APIError("busy", status=429, retry_after=30.0)
    service, poller = Service(busy, "success"), build_poller(RARE_SCHEDULE)
    poller.poll_now("task_1")
    following = start(service, poller)
    for _ in range(3):
        await asyncio.sleep(2.0)
        poller.poll_now("task_1")
    await following
    assert service.polled_at == [0.0, 30.0]


# ---- start of the work

#: Earlier tasks: queued for different times, then 20 s of work.
QUEUED = tuple(
    TaskDuration(start + 20.0, start) for start in (5.0, 10.0, 20.0, 40.0, 70.0, 90.0) * 8
)


@pytest.mark.parametrize("is_reported", [True, False])
async def test_end_is_predicted_from_the_start_of_the_work(is_reported, monkeypatch, rng):
    """The start of the work is the service's value, or the time at which it was noticed."""
    monkeypatch.setattr(tracked_task, "random", rng)
    polled_at = []

    async def poll(task_id):
        polled_at.append(now())
        state = "queuing" if now() < 60.0 else "generating" if now() < 80.0 else "success"
        stamps = {"created_ms": 5000, "updated_ms": 65_000}
        if not is_reported or state != "generating":
            stamps = {}
        return TaskRecord(task_id, TaskState(state), **stamps)

    learned = build_schedule(PollSchedule(), QUEUED)
    await build_poller(PollSchedule()).follow("task_1", poll, lambda _: None, 600, schedule=learned)
    start = 60.0 if is_reported else next(time for time in polled_at if time >= 60.0)
    assert sum(start + 0.5 < time < start + 16 for time in polled_at) <= 2
    assert 80.0 <= now() <= start + 23.0


@pytest.mark.parametrize("reported", [-50.0, 0.0, 3.0, 1e9])
def test_impossible_start_is_limited_to_the_observed_interval(reported):
    entry = build_entry(since=100.0)
    entry.observe(TaskRecord("task_1", TaskState("queuing")), 102.5)
    assert entry.started_after_s == math.inf
    stamps = {"created_ms": 10**12, "updated_ms": int(10**12 + 1000 * reported)}
    entry.observe(TaskRecord("task_1", TaskState("generating"), **stamps), 106.0)
    # An impossible value is none: then the work started when it was noticed.
    expected = 6.0 if reported < 0 else min(6.0, max(2.5, reported))
    assert entry.started_after_s == expected
    entry.observe(TaskRecord("task_1", TaskState("generating"), **stamps), 120.0)
    assert entry.started_after_s == expected


def build_entry(since):
    async def poll(task_id): ...

    return TrackedTask(
        0.0,
        0,
        "task_1",
        poll,
        lambda _: None,
        build_schedule(PollSchedule()),
        since,
        0.0,
        60.0,
        None,
        last_poll=since,
    )


async def test_likely_ends_are_polled_first_and_all_tasks_are_polled():
    """Thirty tasks, one poll per second: those about to end are polled first."""
    polled, order = [], []
    schedule = PollSchedule(steps=((float("inf"), 2.0, 2.0),), poll_interval_s=1.0)
    short, long = (
        build_schedule(schedule, (TaskDuration(seconds),) * 20) for seconds in (4.0, 200.0)
    )
    poller = build_poller(schedule)

    async def poll(task_id):
        polled.append(task_id)
        ends = 4.0 if task_id.startswith("short") else 80.0
        return TaskRecord(task_id, TaskState("success" if now() >= ends else "generating"))

    async def follow_one(task_id, learned):
        await poller.follow(task_id, poll, lambda _: None, 6000, schedule=learned)
        order.append(task_id)

    tasks = [(f"long_{n}", long) for n in range(25)] + [(f"short_{n}", short) for n in range(5)]
    await asyncio.gather(*(follow_one(*task) for task in tasks))
    assert all(name.startswith("short") for name in order[:5])
    assert {name for name in polled if name.startswith("long")} == {name for name, _ in tasks[:25]}


def test_urgency_increases_with_lateness():
    """Each second counts; after 15 minimum intervals it is more urgent than all likely ones."""
    entry = build_entry(since=0.0)
    entry.due_at = 10.0
    for late in (0.0, 15.0, 30.0):
        probability = entry.schedule.probability(0.0, 10.0 + late)
        assert entry.urgency(10.0 + late) == pytest.approx(probability + late / 30.0)


def test_poll_requested_by_a_hint_is_most_urgent():
    entry = build_entry(since=0.0)
    entry.due_at, entry.poll_soon_at = 10.0, 20.0
    assert entry.urgency(19.9) < 1.5
    assert entry.urgency(20.0) == 2.0
