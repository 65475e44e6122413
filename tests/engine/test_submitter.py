"""Submitting one job: its status after each outcome, and cancellation."""

import asyncio

import pytest

from liangxin_nb.engine.ledger_writer import LedgerWriter
from liangxin_nb.errors import (
    APIConnectionError,
    APIError,
    InsufficientCreditsError,
    InvalidRequestError,
)

from .parts import REQUEST, Client, Limiter, build_lifecycle

pytestmark = pytest.mark.anyio


@pytest.fixture
def add_pending(ledger):
    """Adds a pending job to the ledger."""

    def add(**values):
        record = ledger.create(REQUEST, "liangxin", "https://service.example", "me")
        return ledger.update(record, "created", **values) if values else record

    return add


def list_events(ledger, record):
    return [(event, detail) for _, event, detail in ledger.events(record.id)]


async def wait_until(condition, task):
    """Run the event loop until a condition holds; a task that ends before it is an error."""
    async with asyncio.timeout(60):
        while not condition():
            assert not task.done(), task
            await asyncio.sleep(0.001)


# ---- an accepted request


async def test_submitted_record_and_ledger_have_the_task_id(ledger, add_pending, updates):
    record = await build_lifecycle(ledger, Client(create=["task_1"])).submit(
        add_pending(), updates.append
    )
    assert (record.status, record.task_id) == ("submitted", "task_1")
    assert ledger.find(record.id) == record


async def test_events_of_a_submitted_job(ledger, add_pending, updates):
    record = await build_lifecycle(ledger, Client(create=["task_1"])).submit(
        add_pending(), updates.append
    )
    assert list_events(ledger, record) == [
        ("pending", ""),
        ("submitting", ""),
        ("submitted", "task_1"),
    ]


async def test_job_is_submitting_in_the_ledger_while_the_request_is_sent(
    ledger, add_pending, updates
):
    seen = []
    client = Client(create=[lambda *_: seen.append(ledger.find(record.id).status) or "task_1"])
    record = add_pending()
    await build_lifecycle(ledger, client).submit(record, updates.append)
    assert seen == ["submitting"]


async def test_updates_are_submitting_then_waiting(ledger, add_pending, updates):
    pending = add_pending()
    record = await build_lifecycle(ledger, Client(create=["task_1"])).submit(
        pending, updates.append
    )
    assert [(one.phase, one.record) for one in updates] == [
        ("submitting", pending),
        ("waiting", record),
    ]


async def test_client_receives_request_and_callback_url(ledger, add_pending, updates):
    client, limiter = Client(create=["task_1"]), Limiter()
    await build_lifecycle(ledger, client, limiter=limiter).submit(
        add_pending(), updates.append, "https://here/cb"
    )
    ((method, request, callback_url, _),) = client.calls
    assert (method, request, callback_url) == ("create", REQUEST, "https://here/cb")


async def test_callback_url_is_empty_by_default(ledger, add_pending, updates):
    client = Client(create=["task_1"])
    await build_lifecycle(ledger, client).submit(add_pending(), updates.append)
    assert client.calls[0][2] == ""


# ---- rate limit


async def test_wait_for_a_slot_is_reported_with_the_rate(ledger, add_pending, updates):
    async def wait(on_wait):
        on_wait(12.4)

    record, limiter = add_pending(), Limiter(wait)
    await build_lifecycle(ledger, Client(create=["task_1"]), limiter=limiter).submit(
        record, updates.append
    )
    first = updates[0]
    assert (first.phase, first.record) == ("submitting", record)
    assert first.note == "Sending in 12 s: 20 per 10 s."


async def test_slot_is_confirmed_after_the_task_id_is_in_the_ledger(ledger, add_pending, updates):
    record, limiter, seen = add_pending(), Limiter(), []
    limiter.on_confirm = lambda: seen.append(ledger.find(record.id).task_id)
    await build_lifecycle(ledger, Client(create=["task_1"]), limiter=limiter).submit(
        record, updates.append
    )
    assert seen == ["task_1"]
    assert limiter.calls == ["acquire_create", ("confirm_create", "slot 1")]


async def test_slot_is_confirmed_after_a_rejection(ledger, add_pending, updates):
    limiter = Limiter()
    client = Client(create=[InsufficientCreditsError("no credits", status=402)])
    with pytest.raises(InsufficientCreditsError):
        await build_lifecycle(ledger, client, limiter=limiter).submit(add_pending(), updates.append)
    assert limiter.calls == ["acquire_create", ("confirm_create", "slot 1")]


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
async def test_status_after_an_error_depends_on_whether_a_task_may_exist(
    ledger, add_pending, updates, error, status
):
    record = add_pending()
    with pytest.raises(type(error)) as raised:
        await build_lifecycle(ledger, Client(create=[error])).submit(record, updates.append)
    assert raised.value is error
    found = ledger.find(record.id)
    assert (found.status, found.reason, found.task_id) == (status, str(error), "")
    assert list_events(ledger, record)[1:] == [("submitting", ""), (status, str(error))]


async def test_failed_request_is_not_reported_as_waiting(ledger, add_pending, updates):
    client = Client(create=[InsufficientCreditsError("no credits", status=402)])
    with pytest.raises(InsufficientCreditsError):
        await build_lifecycle(ledger, client).submit(add_pending(), updates.append)
    assert [one.phase for one in updates] == ["submitting"]


async def test_job_is_rejected_if_there_is_no_client(ledger, add_pending, updates):
    record, limiter = add_pending(), Limiter()
    error = InvalidRequestError("no sandbox", next_step="start one")
    with pytest.raises(InvalidRequestError) as raised:
        await build_lifecycle(ledger, error, limiter=limiter).submit(record, updates.append)
    assert raised.value is error
    found = ledger.find(record.id)
    assert (found.status, found.reason) == ("rejected", "no sandbox start one")
    assert list_events(ledger, record)[1:] == [("rejected", "no sandbox start one")]
    assert limiter.calls == []


async def test_unexpected_error_leaves_the_job_submitting(ledger, add_pending, updates):
    """It may have arrived: the next `reconcile` decides."""
    record = add_pending()
    with pytest.raises(RuntimeError):
        await build_lifecycle(ledger, Client(create=[RuntimeError("bug")])).submit(
            record, updates.append
        )
    assert ledger.find(record.id).status == "submitting"


async def test_job_that_is_no_longer_pending_in_the_ledger_is_not_sent(
    ledger, add_pending, updates
):
    record, client = add_pending(), Client(create=["task_1"])
    ledger.update(record, "submitted", status="submitted", task_id="task_9")
    with pytest.raises(InvalidRequestError, match="nothing was sent"):
        await build_lifecycle(ledger, client).submit(record, updates.append)
    assert client.calls == []
    assert ledger.find(record.id).task_id == "task_9"


# ---- cancelling


async def wait_forever(*_):
    await asyncio.Event().wait()


async def cancel_while_waiting(ledger, record):
    """Cancel a job that waits for its slot; return the error and the calls that were made."""
    client, limiter = Client(create=["task_1"]), Limiter(wait_forever)
    task = asyncio.create_task(
        build_lifecycle(ledger, client, limiter=limiter).submit(record, lambda _: None)
    )
    await wait_until(lambda: limiter.calls, task)
    task.cancel()
    with pytest.raises(InvalidRequestError) as raised:
        await task
    return raised.value, client.calls


async def test_job_cancelled_while_waiting_for_a_slot_is_rejected_and_not_sent(ledger, add_pending):
    record = add_pending()
    error, calls = await cancel_while_waiting(ledger, record)
    assert calls == []
    assert str(error) == "Cancelled while waiting to be sent: nothing was sent, nothing was billed."
    found = ledger.find(record.id)
    assert (found.status, found.reason) == ("rejected", str(error))
    assert list_events(ledger, record)[1:] == [("rejected", str(error))]


async def test_cancelled_job_of_a_batch_stays_pending_without_owner(ledger, add_pending):
    record = add_pending(batch_id="b1")
    error, calls = await cancel_while_waiting(ledger, record)
    assert calls == []
    assert "nothing was sent" in str(error)
    found = ledger.find(record.id)
    assert (found.status, found.owner) == ("pending", "")
    assert list_events(ledger, record)[-1] == ("released", "before it was sent")


async def test_cancellation_does_not_interrupt_a_sent_request(ledger, add_pending, updates):
    answer = asyncio.Event()

    async def answered():
        await answer.wait()
        return "task_1"

    client, record = Client(create=[lambda *_: answered()]), add_pending()
    task = asyncio.create_task(build_lifecycle(ledger, client).submit(record, updates.append))
    await wait_until(lambda: client.calls, task)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    answer.set()
    assert (await task).task_id == "task_1"
    assert ledger.find("task_1").id == record.id


async def test_submit_ends_when_the_request_itself_is_cancelled(ledger, add_pending, updates):
    client = Client(create=[asyncio.CancelledError()])
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await build_lifecycle(ledger, client).submit(add_pending(), updates.append)


# ---- requests in flight


async def test_at_most_four_requests_are_in_flight(monkeypatch, ledger, add_pending, updates):
    async def write(_self, _job_id, _write, _on_busy):
        return "written"

    async def answered():
        await answer.wait()
        return f"task_{client.count('create')}"

    # Without the ledger's threads, everything that can be sent is sent after some loop iterations.
    monkeypatch.setattr(LedgerWriter, "write", write)
    answer = asyncio.Event()
    client = Client(create=[lambda *_: answered()])
    lifecycle = build_lifecycle(ledger, client)
    tasks = [asyncio.create_task(lifecycle.submit(add_pending(), updates.append)) for _ in range(6)]
    for _ in range(100):
        await asyncio.sleep(0)
    assert client.count("create") == 4
    answer.set()
    await asyncio.gather(*tasks)
    assert client.count("create") == 6


async def test_failed_requests_free_their_places(ledger, add_pending, updates):
    lifecycle = build_lifecycle(
        ledger, Client(create=[*[InsufficientCreditsError("no", status=402)] * 5, "task_1"])
    )
    for _ in range(5):
        with pytest.raises(InsufficientCreditsError):
            await lifecycle.submit(add_pending(), updates.append)
    async with asyncio.timeout(60):
        assert (await lifecycle.submit(add_pending(), updates.append)).task_id == "task_1"
