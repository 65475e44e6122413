"""When to ask about a task: the rule alone, and what it comes to in virtual time."""

import itertools
import math
import random
from functools import cache

import pytest

from liangxin_nb.polling import DurationModel, PollSchedule, TaskDuration, build_schedule

from ..bench import pacing as bench
from ..bench.worlds import WORLDS

PACE = PollSchedule()
QUEUES = ("a queue, then work", "the same, queue untold")
KNOWN = ("40 durations, 3-300 s", "log-normal", "two humps", "heavy tail", "drifting")
WRONG = tuple(f"history wrong: {what}{how} 5" for what in ("", "work ") for how in ("x", "/"))
UNKNOWN = "never seen"
#: On one worker, so that each world is measured once.
measuring = pytest.mark.xdist_group("worlds of pacing")


def times(learned, until, chance=0.5):
    """When a task is asked about that does not end."""
    now, asked = 0.0, []
    while now < until:
        now += learned.wait(now, len(asked), chance)
        asked.append(now)
    return asked


def around(seconds, spread=0.1, count=50, seed=1):
    chance = random.Random(seed)
    return tuple(TaskDuration(seconds * math.exp(chance.gauss(0, spread))) for _ in range(count))


@pytest.mark.parametrize(
    ("elapsed", "least", "most"),
    [(0, 2, 3), (29.9, 2, 3), (30, 5, 10), (119, 5, 10), (120, 15, 30), (10_000, 15, 30)],
)
def test_the_documented_schedule(elapsed, least, most):
    assert PACE.wait(elapsed, 0.0) == least
    assert PACE.wait(elapsed, 1.0) == most
    assert least < PACE.wait(elapsed, 0.5) < most


def test_all_tasks_together_stay_within_ten_questions_a_second():
    assert PACE.poll_interval_s >= 0.1


def test_without_history_the_documents_alone_say_when_to_ask():
    for known in ((), around(60)[:4]):
        learned = build_schedule(PACE, known)
        for elapsed in (0.0, 10.0, 29.9, 70.0, 500.0):
            assert learned.wait(elapsed, 3, 0.3) == PACE.wait(elapsed, 0.3)


def test_with_history_it_looks_early_is_quiet_and_then_asks_where_ends_are_likely():
    asked = times(build_schedule(PACE, around(60)), 70)
    assert 2 <= asked[0] <= 3
    assert sum(asked_at < 45 for asked_at in asked) <= 6
    assert all(2 <= later - sooner <= 3.5 for sooner, later in between(asked, 55, 65))


def between(asked, start, end):
    inside = [moment for moment in asked if start <= moment <= end]
    assert len(inside) > 2
    return itertools.pairwise(inside)


def test_two_humps_are_asked_about_twice_and_the_valley_between_is_quiet():
    asked = times(build_schedule(PACE, around(12, 0.08)[:25] + around(75, 0.08)[:25]), 85)
    count = [sum(low <= moment < low + 12 for moment in asked) for low in (6, 35, 70)]
    assert count[1] <= 2 < min(count[0], count[2])


def queued(count=50, seed=2):
    """Lives that queue for 5 to 90 s and then take about 20 s of work."""
    chance = random.Random(seed)
    begun = [20 * math.exp(chance.gauss(0, 0.7)) for _ in range(count)]
    return tuple(
        TaskDuration(began + 20 * math.exp(chance.gauss(0, 0.05)), began) for began in begun
    )


def test_once_the_work_has_begun_that_decides_when_it_is_asked_about():
    learned = build_schedule(PACE, queued())
    for began in (10.0, 40.0, 90.0):
        now, asked = began + 0.5, []
        while now < began + 21:
            now += learned.wait(now, 3, 0.5, began)
            asked.append(now - began)
        assert sum(moment < 16 for moment in asked) <= 2
        assert all(2 <= later - sooner <= 3 for sooner, later in between(asked, 18, 23))


def test_what_still_queues_is_not_asked_about_as_if_it_were_about_to_end():
    learned = build_schedule(PACE, queued())
    for elapsed in (25.0, 35.0, 50.0):
        assert learned.wait(elapsed, 4, 0.5, math.inf) >= 8
        assert learned.wait(elapsed, 4, 0.5, None) <= 4
    assert learned.probability(30, 40, math.inf) < 0.05 < learned.probability(30, 40)
    assert learned.probability(30, 40, 15.0) > 0.9


def test_a_beginning_that_foretells_nothing_is_not_gone_by():
    """All take 60 s, and the work begins whenever it likes."""
    chance = random.Random(3)
    lived = tuple(TaskDuration(60 + chance.random(), 50 * chance.random()) for _ in range(50))
    assert build_schedule(PACE, lived).work_durations is None
    assert build_schedule(PACE, around(60)).work_durations is None


def test_a_task_that_outlives_all_experience_is_asked_about_as_documented():
    learned = build_schedule(PACE, around(20))
    assert learned.wait(100.0, 12, 0.4) == PACE.wait(100.0, 0.4)


@pytest.mark.parametrize(
    "known", [around(8), around(60, 0.4), around(200, 0.25), around(3), queued()]
)
def test_the_bounds_hold_whatever_the_history_and_the_states_say(known):
    """Never under 2 s; a silence is bounded; twice the documented questions and four at most."""
    for chance, began in itertools.product((0.0, 1.0), (None, math.inf, 0.0, 60.0)):
        assert_bounds(build_schedule(PACE, known), chance, began)


def assert_bounds(learned, chance, began):
    now, asked = 0.0, 0
    while now < 900:
        pause = learned.wait(now, asked, chance, math.inf if began and now < began else began)
        documented = PACE.wait(now, chance)
        assert 2 <= pause <= max(documented, min(30, max(8, 0.75 * now))) + learned.durations.step
        now, asked = now + pause, asked + 1
        assert asked <= 2 * PACE.expected_polls(now) + 5 + now / 24  # and then the documented ones


def test_a_likely_end_is_more_probable_than_an_unlikely_one():
    known = DurationModel([one.duration_s for one in around(60)])
    assert known.probability_between(10, 40) < 0.05
    assert known.probability_between(40, 75) > 0.85
    assert 0 < DurationModel(()).probability_between(30, 60) < 0.5


@cache
def seen(name):
    """Of 400 tasks of a world, in virtual time: each way of asking, and the equal fixed poller."""
    cases = WORLDS[name](400)
    documented = bench.poller(cases, bench.PLAIN["documented"])
    ways = {"learned": bench.ours(cases), "documented": documented}
    return ways, bench.as_many(cases, ways["learned"])[1]


def mean(way, what):
    return sum(getattr(seen(name)[0][way], what) for name in KNOWN) / len(KNOWN)


@measuring
def test_with_history_half_as_late_as_the_fixed_poller_that_asks_as_many():
    late = sum(seen(name)[1].late for name in KNOWN) / len(KNOWN)
    assert mean("learned", "late") <= 0.5 * late
    assert mean("learned", "asked") <= mean("documented", "asked")


@measuring
@pytest.mark.parametrize("name", KNOWN)
def test_in_each_world_earlier_than_any_even_poller_for_as_many_questions(name):
    ways, equal = seen(name)
    assert ways["learned"].late < 0.9 * equal.late
    assert ways["learned"].late < ways["documented"].late
    assert ways["learned"].asked <= 1.05 * ways["documented"].asked


@measuring
def test_a_queue_that_the_service_reports_saves_questions_and_lateness():
    told, untold = (seen(name)[0]["learned"] for name in QUEUES)
    assert told.late <= 0.8 * untold.late
    assert told.asked <= 0.7 * untold.asked
    assert told.late <= 0.5 * seen(QUEUES[0])[1].late


@measuring
def test_a_cold_start_is_the_documented_schedule():
    ways, _ = seen(UNKNOWN)
    assert ways["learned"].late == pytest.approx(ways["documented"].late, rel=0.15)
    assert ways["learned"].asked == pytest.approx(ways["documented"].asked, rel=0.05)


@measuring
@pytest.mark.parametrize(("slower", "faster"), [WRONG[:2], WRONG[2:]])
def test_a_wrong_history_costs_no_more_than_is_stated(slower, faster):
    (slower, _), (faster, _) = seen(slower), seen(faster)
    assert slower["learned"].late <= 1.25 * slower["documented"].late
    assert slower["learned"].asked <= 2 * slower["documented"].asked + 4
    assert faster["learned"].late <= faster["documented"].late + 6
    assert faster["learned"].asked <= faster["documented"].asked + 4


def test_every_world_is_measured_by_a_test():
    assert {*KNOWN, *QUEUES, *WRONG, UNKNOWN} == set(WORLDS)
