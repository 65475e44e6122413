"""The exact messages of the daily limits, and the exact sums of the usage."""

from types import SimpleNamespace

import pytest

from liangxin_nb.config.settings import Settings
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ledger import spending
from liangxin_nb.ledger.spending import check_limits, latest_day_summary, usage_by_day

DAY = 86_400.0
NOW = 1_700_000_000.0


@pytest.fixture
def ledger(ledger, monkeypatch):
    """An empty ledger, with a fixed current time."""
    monkeypatch.setattr(spending, "time", SimpleNamespace(time=lambda: NOW))
    return ledger


@pytest.fixture
def spend(ledger):
    """Return a function that adds a task with its credits, some seconds before now."""
    numbers = iter(range(1000))

    def add_task(credits, model="z-image", ago=0.0, profile="sandbox"):
        record = JobRecord(f"t{next(numbers)}", Request(model, "x"), NOW - ago, profile)
        ledger.add(record)
        ledger.update(record, "saved", status="saved", credits=credits)

    return add_task


def limit_error(ledger, *models, **limits):
    """Return the error for one more task of each model."""
    with pytest.raises(InvalidRequestError) as error:
        check_limits(ledger, Settings.load({}, **limits), *models)
    return error.value


def is_allowed(ledger, *models, **limits):
    check_limits(ledger, Settings.load({}, **limits), *models)
    return True


# ---- limits


def test_too_many_tasks_are_rejected_with_the_numbers_and_the_next_step(ledger, spend):
    spend(1.0)
    error = limit_error(ledger, "z-image", max_tasks=1)
    assert error.message == "1 tasks were submitted today, the limit is 1; nothing was sent."
    assert error.next_step == "Raise it with %config LiangXin.max_tasks = …, or wait for tomorrow."


def test_too_many_tasks_at_once_are_rejected_with_their_number(ledger, spend):
    spend(1.0)
    error = limit_error(ledger, "z-image", "z-image", max_tasks=2)
    assert error.message == (
        "1 tasks were submitted today and these are 2 more, the limit is 2; nothing was sent."
    )


def test_too_many_credits_are_rejected_with_the_numbers_and_the_next_step(ledger, spend):
    spend(4.0)
    error = limit_error(ledger, "z-image", max_credits=7.5)
    assert error.message == (
        "4 credits were used today and z-image last cost 4, the limit is 7.5; nothing was sent."
    )
    assert error.next_step == (
        "Raise it with %config LiangXin.max_credits = …, or wait for tomorrow."
    )


def test_too_many_credits_of_several_tasks_are_rejected_with_their_sum(ledger, spend):
    spend(4.0)
    spend(2.5, model="flux-2-pro")
    error = limit_error(ledger, "z-image", "flux-2-pro", "z-image", max_credits=16.0)
    assert error.message == (
        "6.5 credits were used today and these 3 tasks would cost 10.5, the limit is 16; "
        "nothing was sent."
    )
    assert limit_error(ledger, "z-image", "z-image", max_credits=9.0).message.count("these 2 tasks")


def test_sum_that_is_exactly_the_limit_is_allowed(ledger, spend):
    spend(4.0)
    assert is_allowed(ledger, "z-image", max_credits=8.0)


def test_limit_that_is_used_up_refuses_a_task_of_unknown_cost(ledger, spend):
    spend(4.0)
    assert "next-model last cost 0" in limit_error(ledger, "next-model", max_credits=4.0).message
    assert is_allowed(ledger, "next-model", max_credits=4.5)


def test_task_without_credits_adds_nothing(ledger, spend):
    spend(None)
    assert is_allowed(ledger, "z-image", max_credits=0.5)


def test_cost_of_a_model_is_that_of_its_newest_task_with_credits(ledger, spend):
    spend(1.0, ago=3)
    spend(9.0, ago=2)
    spend(None, ago=1)
    assert "z-image last cost 9" in limit_error(ledger, "z-image", max_credits=11.0).message


def test_cost_is_known_from_an_earlier_day_that_counts_no_more(ledger, spend):
    spend(9.0, ago=2 * DAY)
    error = limit_error(ledger, "z-image", max_credits=8.0)
    assert error.message.startswith("0 credits were used today and z-image last cost 9")
    assert is_allowed(ledger, "z-image", max_credits=9.0, max_tasks=1)


def test_tasks_of_another_profile_do_not_count(ledger, spend):
    spend(9.0, profile="kie")
    assert is_allowed(ledger, "z-image", max_credits=1.0, max_tasks=1)


# ---- usage


def test_days_and_models_come_with_the_newest_first(ledger, spend):
    spend(1.0, ago=2 * DAY)
    spend(2.0, model="flux-2-pro")
    spend(3.0)
    spend(4.0)
    rows = [(row["model"], row["tasks"], row["credits"]) for row in usage_by_day(ledger)]
    assert rows == [("z-image", 2, 7.0), ("flux-2-pro", 1, 2.0), ("z-image", 1, 1.0)]


def test_empty_list_says_so(ledger):
    assert "No task yet." in repr(usage_by_day(ledger))


def test_newest_day_leaves_out_the_others(ledger, spend):
    spend(1.0, ago=2 * DAY)
    spend(2.5)
    day = usage_by_day(ledger)
    assert latest_day_summary(ledger) == (
        f"{next(iter(day))['day']}: 1 z-image (2.5 credits). %liangxin credits lists every day."
    )


def test_newest_day_with_one_model(ledger, spend):
    spend(None)
    assert ": 1 z-image. " in latest_day_summary(ledger)
