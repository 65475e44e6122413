"""Usage by day, daily limits, and the balance of the account."""

from contextlib import closing

import pytest

from liangxin_nb import Session
from liangxin_nb.config.settings import Settings
from liangxin_nb.core.request import Request
from liangxin_nb.errors import APIError, InvalidRequestError
from liangxin_nb.ledger.spending import check_limits, latest_day_summary, usage_by_day

from ..task_server import answer


def spend(ledger, credits, model="z-image", status="saved"):
    record = ledger.create(Request(model, "x"), "sandbox", "")
    ledger.update(record, status, status=status, credits=credits)


# ---- usage


def test_tasks_and_credits_are_added_up_by_model(ledger):
    spend(ledger, 4.0)
    spend(ledger, 4.5)
    spend(ledger, None, model="other")
    rows = [(row["model"], row["tasks"], row["credits"]) for row in usage_by_day(ledger)]
    assert rows == [("z-image", 2, 8.5), ("other", 1, "–")]


def test_rejected_requests_cost_nothing(ledger):
    spend(ledger, None, status="rejected")
    assert list(usage_by_day(ledger)) == []


@pytest.mark.parametrize(
    "status", ["submitting", "unconfirmed", "submitted", "failed", "result_lost", "deleted"]
)
def test_whatever_may_be_billed_is_counted(ledger, status):
    spend(ledger, None, status=status)
    assert [row["tasks"] for row in usage_by_day(ledger)] == [1]


def test_newest_day_is_one_line(ledger):
    spend(ledger, 8.5)
    spend(ledger, None, model="other")
    day = next(iter(usage_by_day(ledger)))["day"]
    assert latest_day_summary(ledger).startswith(f"{day}: 1 z-image (8.5 credits), 1 other. ")


def test_nothing_is_said_before_the_first_task(ledger):
    assert latest_day_summary(ledger) == ""


# ---- the limits


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_tasks": 2}, "2 tasks were submitted today, the limit is 2"),
        ({"max_credits": 9.0}, "8 credits were used today and z-image last cost 4, the limit is 9"),
        ({"max_credits": 8.0}, "the limit is 8"),
    ],
    ids=["tasks", "credits", "credits-used-up"],
)
def test_request_that_would_cross_a_limit_is_rejected(ledger, limits, message):
    spend(ledger, 4.0)
    spend(ledger, 4.0)
    with pytest.raises(InvalidRequestError, match="nothing was sent") as error:
        check_limits(ledger, Settings.load({}, **limits), "z-image")
    assert message in str(error.value)


@pytest.mark.parametrize("limits", [{}, {"max_tasks": 3}, {"max_credits": 12.0}])
def test_request_within_the_limits_is_not_rejected(ledger, limits):
    spend(ledger, 4.0)
    spend(ledger, 4.0)
    spend(ledger, None, status="rejected")
    check_limits(ledger, Settings.load({}, **limits), "z-image")


def test_request_over_the_limit_is_neither_written_nor_sent(connect, server):
    session = connect(max_tasks=1)
    session.generate("a lake").wait(60)
    with pytest.raises(InvalidRequestError, match="the limit is 1"):
        session.generate("a lake")
    session = connect(max_tasks=2)
    session.generate("a hill").wait(60)  # what is sent after it is the second request
    assert list(server.prompts.values()) == ["a lake", "a hill"]
    assert session.ledger.count_by_status() == {"saved": 2}


def test_batch_over_the_limit_is_not_written(connect):
    session = connect(max_tasks=1)
    with pytest.raises(InvalidRequestError, match="these are 2 more, the limit is 1"):
        session.create_jobs({0: Request("z-image", "a"), 1: Request("z-image", "b")}, "batch")
    assert session.ledger.count_by_status() == {}


# ---- the balance


@pytest.mark.parametrize(("data", "credits"), [(100, 100.0), ("12.5", 12.5)])
def test_kie_tells_the_balance(connect, server, data, credits):
    server.hooks["credit"] = lambda _: answer(200, code=200, msg="success", data=data)
    assert connect(profile="kie").credits() == credits


def test_wrong_key_is_reported_instead_of_a_balance(connect, server):
    server.hooks["credit"] = lambda _: answer(200, code=401, msg="unauthorized")
    with pytest.raises(APIError, match=r"\(401\)"):
        connect(profile="kie").credits()


def test_sandbox_has_no_balance(tmp_path):
    with (
        closing(Session(results=tmp_path / "results")) as session,
        pytest.raises(InvalidRequestError, match="bills nothing"),
    ):
        session.credits()


def test_service_that_documents_no_balance_is_not_asked(connect, server):
    with pytest.raises(InvalidRequestError, match="documents no request"):
        connect().credits()
    assert server.asked == []
