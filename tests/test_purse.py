import json

import pytest

from liangxin_nb.errors import InvalidRequest, ServiceError
from liangxin_nb.ledger import Ledger
from liangxin_nb.purse import guard, newest, totals
from liangxin_nb.request import Request
from liangxin_nb.session import Session
from liangxin_nb.settings import Settings

from .test_client import KEY, serve  # noqa: F401 the fixture


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


def spend(ledger, credits, model="z-image", fate="kept"):
    ticket = ledger.intend(Request(model, "x"), "sandbox", "")
    ledger.change(ticket, fate, fate=fate, credits=credits)


def test_what_was_spent_is_added_up_by_day_and_model(ledger):
    spend(ledger, 4.0)
    spend(ledger, 4.5)
    spend(ledger, None, model="other")
    spend(ledger, None, fate="refused")
    rows = [(row["model"], row["tasks"], row["credits"]) for row in totals(ledger)]
    assert rows == [("z-image", 2, 8.5), ("other", 1, "–")]
    day = next(iter(totals(ledger)))["day"]
    assert newest(ledger).startswith(f"{day}: 2 z-image (8.5 credits), 1 other. ")


def test_before_the_first_task_nothing_is_said_of_spending(ledger):
    assert newest(ledger) == ""


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_tasks": 2}, "2 tasks were asked for today, the limit is 2"),
        ({"max_credits": 9.0}, "8 credits were used today and z-image last cost 4, the limit is 9"),
        ({"max_credits": 8.0}, "the limit is 8"),
    ],
)
def test_the_submit_that_would_cross_a_limit_is_refused(ledger, limits, said):
    spend(ledger, 4.0)
    spend(ledger, 4.0)
    with pytest.raises(InvalidRequest, match="nothing was sent") as error:
        guard(ledger, Settings.load({}, **limits), "z-image")
    assert said in str(error.value)


@pytest.mark.parametrize("limits", [{}, {"max_tasks": 3}, {"max_credits": 12.0}])
def test_within_the_limits_nothing_is_refused(ledger, limits):
    spend(ledger, 4.0)
    spend(ledger, 4.0)
    spend(ledger, None, fate="refused")
    guard(ledger, Settings.load({}, **limits), "z-image")


def test_the_guard_stands_before_the_ledger_and_the_service(sandbox, tmp_path):
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r", max_tasks=1)
    session.generate("a lake", size="square")
    before = sandbox.counters()["calls"].get("createTask", 0)
    with pytest.raises(InvalidRequest, match="the limit is 1"):
        session.generate("a lake", size="square")
    assert len(session.history()) == 1
    assert sandbox.counters()["calls"].get("createTask", 0) - before <= 1
    session.close()


def kie(server, folder):
    return Session(profile="kie", base_url=server.url, key=KEY, results=folder)


@pytest.mark.parametrize(("data", "credits"), [(100, 100.0), ("12.5", 12.5)])
def test_kies_balance_is_told(serve, tmp_path, data, credits):  # noqa: F811
    body = {"code": 200, "msg": "success", "data": data}
    server = serve((200, {}, json.dumps(body).encode()))
    assert kie(server, tmp_path / "r").credits() == credits
    assert server.seen[0][:2] == ("GET", "/api/v1/chat/credit")


def test_a_wrong_key_is_told_in_place_of_a_balance(serve, tmp_path):  # noqa: F811
    server = serve((200, {}, b'{"code": 401, "msg": "unauthorized"}'))
    with pytest.raises(ServiceError, match=r"\(401\)"):
        kie(server, tmp_path / "r").credits()


def test_where_nobody_documents_a_balance_it_is_said_honestly(sandbox, tmp_path):
    with pytest.raises(InvalidRequest, match="bills nothing"):
        Session(results=tmp_path / "r").credits()
    with pytest.raises(InvalidRequest, match="documents no way"):
        Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r").credits()
