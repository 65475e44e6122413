"""Sending one request: when it counts as sent, refused or unknown, and what a cancel does."""

import asyncio

import pytest

from liangxin_nb.engine import submitter as module
from liangxin_nb.engine.submitter import Submitter
from liangxin_nb.errors import (
    APIConnectionError,
    APIError,
    InsufficientCreditsError,
    InvalidRequestError,
)
from liangxin_nb.ledger import Ledger

from .parts import REQUEST, Budget, Client

pytestmark = pytest.mark.anyio


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def statuses():
    return []


@pytest.fixture
def intend(ledger):
    """Writes a new intent into the ledger."""

    def intent(**values):
        record = ledger.create(REQUEST, "liangxin", "https://service.example", "me")
        return ledger.update(record, "made", **values) if values else record

    return intent


def sending(client, ledger, budget=None):
    async def connect():
        if isinstance(client, Exception):
            raise client
        return client

    return Submitter(connect, ledger, budget or Budget())


def history(ledger, record):
    return [(what, detail) for _, what, detail in ledger.events(record.id)]


async def until(condition, task):
    """Let the event loop go on until a condition holds; a task that ends before it is an error."""
    async with asyncio.timeout(60):
        while not condition():
            assert not task.done(), task
            await asyncio.sleep(0.001)


# ---- an accepted request


async def test_accepted_record_has_the_task_id_here_and_in_the_ledger(ledger, intend, statuses):
    record = await sending(Client(create=["task_1"]), ledger).submit(intend(), statuses.append)
    assert (record.status, record.task_id) == ("submitted", "task_1")
    assert ledger.find(record.id) == record


async def test_history_of_an_accepted_request(ledger, intend, statuses):
    record = await sending(Client(create=["task_1"]), ledger).submit(intend(), statuses.append)
    assert history(ledger, record) == [("pending", ""), ("submitting", ""), ("submitted", "task_1")]


async def test_ledger_says_sent_while_the_request_is_on_its_way(ledger, intend, statuses):
    seen = []
    client = Client(create=[lambda *_: seen.append(ledger.find(intent.id).status) or "task_1"])
    intent = intend()
    await sending(client, ledger).submit(intent, statuses.append)
    assert seen == ["submitting"]


async def test_statuses_are_sending_and_then_waiting(ledger, intend, statuses):
    intent = intend()
    record = await sending(Client(create=["task_1"]), ledger).submit(intent, statuses.append)
    assert [(one.phase, one.record) for one in statuses] == [
        ("submitting", intent),
        ("waiting", record),
    ]


async def test_client_is_given_the_request_the_callback_and_the_budget(ledger, intend, statuses):
    client, budget = Client(create=["task_1"]), Budget()
    await sending(client, ledger, budget).submit(intend(), statuses.append, "https://here/cb")
    assert client.calls == [("create", REQUEST, "https://here/cb", budget)]


async def test_without_a_callback_the_client_is_given_none(ledger, intend, statuses):
    client = Client(create=["task_1"])
    await sending(client, ledger).submit(intend(), statuses.append)
    assert client.calls[0][2] == ""


# ---- its turn


async def test_wait_for_a_turn_is_reported_with_the_rate(ledger, intend, statuses):
    async def waiting(tell):
        tell(12.4)

    intent, budget = intend(), Budget(waiting)
    await sending(Client(create=["task_1"]), ledger, budget).submit(intent, statuses.append)
    first = statuses[0]
    assert (first.phase, first.record) == ("submitting", intent)
    assert first.note == "Sending in 12 s: 20 per 10 s."


async def test_turn_ends_after_the_task_id_is_in_the_ledger(ledger, intend, statuses):
    intent, budget, seen = intend(), Budget(), []
    budget.on_created = lambda: seen.append(ledger.find(intent.id).task_id)
    await sending(Client(create=["task_1"]), ledger, budget).submit(intent, statuses.append)
    assert seen == ["task_1"]
    assert budget.steps == ["acquire_create", ("confirm_create", "turn 1")]


async def test_turn_ends_when_the_request_was_rejected(ledger, intend, statuses):
    budget = Budget()
    client = Client(create=[InsufficientCreditsError("no credits", status=402)])
    with pytest.raises(InsufficientCreditsError):
        await sending(client, ledger, budget).submit(intend(), statuses.append)
    assert budget.steps == ["acquire_create", ("confirm_create", "turn 1")]


# ---- errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (APIConnectionError("no answer", maybe_created=True), "unconfirmed"),
        (APIConnectionError("no connection", maybe_created=False), "rejected"),
        (APIError("not like this", status=400), "rejected"),
    ],
    ids=["answer lost", "not sent", "service says no"],
)
async def test_error_decides_whether_a_task_may_exist(ledger, intend, statuses, error, status):
    intent = intend()
    with pytest.raises(type(error)) as raised:
        await sending(Client(create=[error]), ledger).submit(intent, statuses.append)
    assert raised.value is error
    found = ledger.find(intent.id)
    assert (found.status, found.reason, found.task_id) == (status, str(error), "")
    assert history(ledger, intent)[1:] == [("submitting", ""), (status, str(error))]


async def test_request_that_failed_is_not_reported_as_waiting(ledger, intend, statuses):
    client = Client(create=[InsufficientCreditsError("no credits", status=402)])
    with pytest.raises(InsufficientCreditsError):
        await sending(client, ledger).submit(intend(), statuses.append)
    assert [one.phase for one in statuses] == ["submitting"]


async def test_without_a_connection_nothing_is_sent(ledger, intend, statuses):
    intent, budget = intend(), Budget()
    error = InvalidRequestError("no sandbox", next_step="start one")
    with pytest.raises(InvalidRequestError) as raised:
        await sending(error, ledger, budget).submit(intent, statuses.append)
    assert raised.value is error
    found = ledger.find(intent.id)
    assert (found.status, found.reason) == ("rejected", "no sandbox start one")
    assert history(ledger, intent)[1:] == [("rejected", "no sandbox start one")]
    assert budget.steps == []


async def test_unexpected_error_leaves_the_request_as_sent(ledger, intend, statuses):
    """It may have arrived: recovery decides later."""
    intent = intend()
    with pytest.raises(RuntimeError):
        await sending(Client(create=[RuntimeError("bug")]), ledger).submit(intent, statuses.append)
    assert ledger.find(intent.id).status == "submitting"


# ---- cancelling


async def forever(*_):
    await asyncio.Event().wait()


async def cancelled_in_the_queue(ledger, intent):
    """Cancel a request that waits for its turn; the error raised and the calls made."""
    client, budget = Client(create=["task_1"]), Budget(forever)
    task = asyncio.create_task(sending(client, ledger, budget).submit(intent, lambda _: None))
    await until(lambda: budget.steps, task)
    task.cancel()
    with pytest.raises(InvalidRequestError) as raised:
        await task
    return raised.value, client.calls


async def test_request_cancelled_before_its_turn_is_rejected_and_not_sent(ledger, intend):
    intent = intend()
    error, calls = await cancelled_in_the_queue(ledger, intent)
    assert calls == []
    assert str(error) == "Left before its turn came: nothing was sent, nothing was billed."
    found = ledger.find(intent.id)
    assert (found.status, found.reason) == ("rejected", str(error))
    assert history(ledger, intent)[1:] == [("rejected", str(error))]


async def test_cancelled_request_of_a_batch_stays_an_pending_record_without_owner(ledger, intend):
    intent = intend(batch_id="b1")
    error, calls = await cancelled_in_the_queue(ledger, intent)
    assert calls == []
    assert "nothing was sent" in str(error)
    found = ledger.find(intent.id)
    assert (found.status, found.owner) == ("pending", "")
    assert history(ledger, intent)[-1] == ("let go", "before its turn")


async def test_request_on_its_way_is_not_cancelled(ledger, intend, statuses):
    answer = asyncio.Event()

    async def answered():
        await answer.wait()
        return "task_1"

    client, intent = Client(create=[lambda *_: answered()]), intend()
    task = asyncio.create_task(sending(client, ledger).submit(intent, statuses.append))
    await until(lambda: client.calls, task)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    answer.set()
    assert (await task).task_id == "task_1"
    assert ledger.find("task_1").id == intent.id


async def test_request_ends_when_its_own_task_is_cancelled(ledger, intend, statuses):
    client = Client(create=[asyncio.CancelledError()])
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await sending(client, ledger).submit(intend(), statuses.append)


# ---- how many at once


async def test_four_requests_are_on_their_way_at_once(monkeypatch, ledger, intend, statuses):
    async def write(_ledger, job_record, _what, _detail="", **values):
        return job_record.replace(**values)

    async def answered():
        await answer.wait()
        return f"task_{client.count('create')}"

    # Without the ledger's threads, all that can be sent is sent after some turns of the loop.
    monkeypatch.setattr(module, "write_update", write)
    answer = asyncio.Event()
    client = Client(create=[lambda *_: answered()])
    line = sending(client, ledger)
    tasks = [asyncio.create_task(line.submit(intend(), statuses.append)) for _ in range(6)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert client.count("create") == 4
    answer.set()
    await asyncio.gather(*tasks)
    assert client.count("create") == 6


async def test_failed_requests_leave_their_places(ledger, intend, statuses):
    line = sending(
        Client(create=[*[InsufficientCreditsError("no", status=402)] * 5, "task_1"]), ledger
    )
    for _ in range(5):
        with pytest.raises(InsufficientCreditsError):
            await line.submit(intend(), statuses.append)
    async with asyncio.timeout(60):
        assert (await line.submit(intend(), statuses.append)).task_id == "task_1"
