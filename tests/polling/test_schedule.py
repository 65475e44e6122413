"""The poll schedules: single intervals, and their results in virtual time."""

import itertools
import math
import random
from functools import cache

import pytest

from liangxin_nb.polling import DurationModel, PollSchedule, TaskDuration, build_schedule

from ..bench import pacing as bench
from ..bench.worlds import WORLDS

SCHEDULE = PollSchedule()
QUEUES = ("a queue, then work", "the same, queue untold")
KNOWN = ("40 durations, 3-300 s", "log-normal", "two humps", "heavy tail", "drifting")
WRONG = tuple(f"history wrong: {what}{how} 5" for what in ("", "work ") for how in ("x", "/"))
UNKNOWN = "never seen"
#: On one worker, so that each world is measured once.
uses_worlds = pytest.mark.xdist_group("worlds of pacing")


def poll_times(learned, until, jitter=0.5):
    """Return the times of the polls of a task that does not end."""
    now, polled_at = 0.0, []
    while now < until:
        now += learned.wait(now, len(polled_at), jitter)
        polled_at.append(now)
    return polled_at


def around(seconds, spread=0.1, count=50, seed=1):
    rng = random.Random(seed)
    return tuple(TaskDuration(seconds * math.exp(rng.gauss(0, spread))) for _ in range(count))


@pytest.mark.parametrize(
    ("elapsed", "low", "high"),
    [(0, 2, 3), (29.9, 2, 3), (30, 5, 10), (119, 5, 10), (120, 15, 30), (10_000, 15, 30)],
)
def test_documented_schedule(elapsed, low, high):
    assert SCHEDULE.wait(elapsed, 0.0) == low
    assert SCHEDULE.wait(elapsed, 1.0) == high
    assert low < SCHEDULE.wait(elapsed, 0.5) < high


def test_poll_interval_is_within_ten_per_second():
    assert SCHEDULE.poll_interval_s >= 0.1


def test_documented_schedule_is_used_without_history():
    for history in ((), around(60)[:4]):
        learned = build_schedule(SCHEDULE, history)
        for elapsed in (0.0, 10.0, 29.9, 70.0, 500.0):
            assert learned.wait(elapsed, 3, 0.3) == SCHEDULE.wait(elapsed, 0.3)


def test_learned_schedule_polls_early_then_rarely_then_around_the_likely_end():
    polled_at = poll_times(build_schedule(SCHEDULE, around(60)), 70)
    assert 2 <= polled_at[0] <= 3
    assert sum(time < 45 for time in polled_at) <= 6
    assert all(2 <= later - sooner <= 3.5 for sooner, later in pairs_between(polled_at, 55, 65))


def pairs_between(polled_at, start, end):
    inside = [time for time in polled_at if start <= time <= end]
    assert len(inside) > 2
    return itertools.pairwise(inside)


def test_two_peaks_are_polled_often_and_the_gap_rarely():
    polled_at = poll_times(
        build_schedule(SCHEDULE, around(12, 0.08)[:25] + around(75, 0.08)[:25]), 85
    )
    count = [sum(low <= time < low + 12 for time in polled_at) for low in (6, 35, 70)]
    assert count[1] <= 2 < min(count[0], count[2])


def queued(count=50, seed=2):
    """Return durations of tasks that queue for 5 to 90 s, then take about 20 s of work."""
    rng = random.Random(seed)
    starts = [20 * math.exp(rng.gauss(0, 0.7)) for _ in range(count)]
    return tuple(TaskDuration(start + 20 * math.exp(rng.gauss(0, 0.05)), start) for start in starts)


def test_start_of_the_work_determines_the_polls():
    learned = build_schedule(SCHEDULE, queued())
    for start in (10.0, 40.0, 90.0):
        now, polled_after = start + 0.5, []
        while now < start + 21:
            now += learned.wait(now, 3, 0.5, start)
            polled_after.append(now - start)
        assert sum(seconds < 16 for seconds in polled_after) <= 2
        assert all(
            2 <= later - sooner <= 3 for sooner, later in pairs_between(polled_after, 18, 23)
        )


def test_queued_task_is_polled_rarely():
    learned = build_schedule(SCHEDULE, queued())
    for elapsed in (25.0, 35.0, 50.0):
        assert learned.wait(elapsed, 4, 0.5, math.inf) >= 8
        assert learned.wait(elapsed, 4, 0.5, None) <= 4
    assert learned.probability(30, 40, math.inf) < 0.05 < learned.probability(30, 40)
    assert learned.probability(30, 40, 15.0) > 0.9


def test_start_without_predictive_value_is_ignored():
    """All tasks take 60 s, and their work starts at random times."""
    rng = random.Random(3)
    history = tuple(TaskDuration(60 + rng.random(), 50 * rng.random()) for _ in range(50))
    assert build_schedule(SCHEDULE, history).work_durations is None
    assert build_schedule(SCHEDULE, around(60)).work_durations is None


def test_documented_schedule_is_used_after_all_known_durations():
    learned = build_schedule(SCHEDULE, around(20))
    assert learned.wait(100.0, 12, 0.4) == SCHEDULE.wait(100.0, 0.4)


@pytest.mark.parametrize(
    "history", [around(8), around(60, 0.4), around(200, 0.25), around(3), queued()]
)
def test_limits_hold_for_every_history_and_state(history):
    """At least 2 s, a maximum pause, and at most twice the documented polls plus four."""
    for jitter, start in itertools.product((0.0, 1.0), (None, math.inf, 0.0, 60.0)):
        assert_limits(build_schedule(SCHEDULE, history), jitter, start)


def assert_limits(learned, jitter, start):
    now, polls = 0.0, 0
    while now < 900:
        pause = learned.wait(now, polls, jitter, math.inf if start and now < start else start)
        documented = SCHEDULE.wait(now, jitter)
        assert 2 <= pause <= max(documented, min(30, max(8, 0.75 * now))) + learned.durations.step
        now, polls = now + pause, polls + 1
        assert polls <= 2 * SCHEDULE.expected_polls(now) + 5 + now / 24  # then the documented ones


def test_probability_of_an_end_in_an_interval():
    model = DurationModel([task.duration_s for task in around(60)])
    assert model.probability_between(10, 40) < 0.05
    assert model.probability_between(40, 75) > 0.85
    assert 0 < DurationModel(()).probability_between(30, 60) < 0.5


@cache
def measure(name):
    """Measure each schedule with 400 tasks of a world, and a fixed interval with as many polls."""
    cases = WORLDS[name](400)
    documented = bench.poller(cases, bench.PLAIN["documented"])
    schedules = {"learned": bench.ours(cases), "documented": documented}
    return schedules, bench.as_many(cases, schedules["learned"])[1]


def mean(schedule, figure):
    return sum(getattr(measure(name)[0][schedule], figure) for name in KNOWN) / len(KNOWN)


@uses_worlds
def test_learned_schedule_is_half_as_late_as_a_fixed_interval_with_as_many_polls():
    late = sum(measure(name)[1].late for name in KNOWN) / len(KNOWN)
    assert mean("learned", "late") <= 0.5 * late
    assert mean("learned", "asked") <= mean("documented", "asked")


@uses_worlds
@pytest.mark.parametrize("name", KNOWN)
def test_learned_schedule_is_earlier_than_a_fixed_interval_in_each_world(name):
    schedules, fixed = measure(name)
    assert schedules["learned"].late < 0.9 * fixed.late
    assert schedules["learned"].late < schedules["documented"].late
    assert schedules["learned"].asked <= 1.05 * schedules["documented"].asked


@uses_worlds
def test_reported_queue_saves_polls_and_time():
    reported, unreported = (measure(name)[0]["learned"] for name in QUEUES)
    assert reported.late <= 0.8 * unreported.late
    assert reported.asked <= 0.7 * unreported.asked
    assert reported.late <= 0.5 * measure(QUEUES[0])[1].late


@uses_worlds
def test_cold_start_equals_the_documented_schedule():
    schedules, _ = measure(UNKNOWN)
    assert schedules["learned"].late == pytest.approx(schedules["documented"].late, rel=0.15)
    assert schedules["learned"].asked == pytest.approx(schedules["documented"].asked, rel=0.05)


@uses_worlds
@pytest.mark.parametrize(("slower", "faster"), [WRONG[:2], WRONG[2:]])
def test_cost_of_a_wrong_history_is_limited(slower, faster):
    (slower, _), (faster, _) = measure(slower), measure(faster)
    assert slower["learned"].late <= 1.25 * slower["documented"].late
    assert slower["learned"].asked <= 2 * slower["documented"].asked + 4
    assert faster["learned"].late <= faster["documented"].late + 6
    assert faster["learned"].asked <= faster["documented"].asked + 4


def test_every_world_is_measured_by_a_test():
    assert {*KNOWN, *QUEUES, *WRONG, UNKNOWN} == set(WORLDS)
