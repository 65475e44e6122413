"""Collecting a task, adopting a task from elsewhere, and the status after each outcome."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from liangxin_nb.api.client import CreatedTask
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.engine import lifecycle
from liangxin_nb.errors import APIConnectionError, APIError, ResultUnavailableError, TaskFailedError
from liangxin_nb.polling import AdaptiveSchedule

from .parts import (
    PNG,
    REQUEST,
    SCHEDULE,
    Client,
    Limiter,
    Poller,
    build_lifecycle,
    submitted_record,
    task_record,
)

pytestmark = pytest.mark.anyio
LINK = "https://files.example/1.png"
ABSENT = APIError("no such task", status=404)


@pytest.fixture
def make(ledger):
    """Builds a lifecycle with a poller that passes on the answers of the test."""

    def build(poller=None, client=None, limiter=None, connect=None):
        return build_lifecycle(
            ledger,
            client or Client(create=["task_1"], download=[PNG]),
            poller=poller or Poller(task_record("success", LINK)),
            limiter=limiter,
            connect=connect,
        )

    return build


def last_event(ledger, record):
    return ledger.events(record.id)[-1][1:]


# ---- a task that succeeds


async def test_finished_task_is_saved(make, ledger, updates):
    record = submitted_record(ledger)
    result = await make().collect(record, updates.append)
    assert [path.name for path in result.paths] == ["1.png"]
    assert ledger.find(record.id).status == "saved"


async def test_updates_are_the_states_and_then_saving(make, ledger, updates):
    poller = Poller(task_record("queuing"), task_record("generating"), task_record("success", LINK))
    await make(poller).collect(submitted_record(ledger), updates.append)
    assert [one.phase for one in updates] == ["queuing", "generating", "saving"]
    assert [one.record.task_id for one in updates] == ["task_1"] * 3


async def test_credits_and_duration_are_recorded_before_the_result_is_saved(make, ledger, updates):
    done = task_record("success", LINK, credits=4.0, created_ms=1000, completed_ms=3500)
    job_record = submitted_record(ledger)
    await make(Poller(done)).collect(job_record, updates.append)
    found = ledger.find(job_record.id)
    assert (found.credits, found.duration_s, found.state) == (4.0, 2.5, "success")
    assert [what for _, what, _ in ledger.events(job_record.id)] == [
        "pending", "submitted", "success", "saved",
    ]  # fmt: skip


async def test_update_while_saving_has_the_recorded_status(make, ledger, updates):
    await make(Poller(task_record("success", LINK))).collect(
        submitted_record(ledger), updates.append
    )
    assert updates[-1].record.status == "succeeded"


async def test_finished_task_keeps_its_owner(make, ledger, updates):
    record = submitted_record(ledger)
    await make().collect(record, updates.append)
    assert ledger.find(record.id).owner == "me"


# ---- how it is followed


async def test_poller_receives_task_id_client_and_patience(make, ledger, updates):
    client = Client(download=[PNG])
    poller = Poller(task_record("success", LINK))
    await make(poller, client).collect(submitted_record(ledger), updates.append)
    assert (poller.arguments.task_id, poller.arguments.patience) == ("task_1", 7.0)
    assert poller.arguments.poll == client.get_task


async def test_schedule_is_built_from_similar_tasks(make, ledger, updates):
    for seconds in (9.0, 10.0, 11.0):
        submitted_record(ledger, status="saved", task_id="", duration_s=seconds)
    submitted_record(ledger, profile="kie", status="saved", task_id="", duration_s=99.0)
    poller = Poller(task_record("success", LINK))
    await make(poller).collect(submitted_record(ledger), updates.append)
    plan = poller.arguments.schedule
    assert isinstance(plan, AdaptiveSchedule)
    assert plan.documented is SCHEDULE
    assert plan.durations.count == 3


@pytest.fixture
def at_1000(monkeypatch):
    """The time of day, for the module under test alone, is 1000 seconds after 1970."""
    monkeypatch.setattr(
        lifecycle, "time", SimpleNamespace(time=lambda: 1000.0, monotonic=time.monotonic)
    )


@pytest.mark.parametrize(("created_at", "age"), [(940.0, 60.0), (1000.0, 0.0), (1003.0, 0.0)])
async def test_age_is_counted_from_the_creation_of_the_job(
    make, ledger, updates, at_1000, created_at, age
):
    poller = Poller(task_record("success", LINK))
    await make(poller).collect(
        submitted_record(ledger).replace(created_at=created_at), updates.append
    )
    assert poller.arguments.age == age


async def test_task_submitted_by_this_session_has_no_age(make, ledger, updates, at_1000):
    """It was submitted when its slot was free, perhaps long after its job record was created."""
    poller = Poller(APIConnectionError("no answer"))
    task_lifecycle = make(poller)
    pending = ledger.create(REQUEST, "liangxin", "https://service.example", "me").replace(
        created_at=940.0
    )
    record = await task_lifecycle.submit(pending, updates.append)
    with pytest.raises(APIConnectionError):
        await task_lifecycle.collect(record, updates.append)
    assert poller.arguments.age == 0.0
    with pytest.raises(APIConnectionError):
        await task_lifecycle.collect(record, updates.append)  # later its age counts
    assert poller.arguments.age == 60.0


async def test_submit_passes_the_callback_url(make, ledger, updates):
    client = Client(create=["task_1"])
    pending = ledger.create(REQUEST, "liangxin", "")
    record = await make(client=client).submit(pending, updates.append, "https://here/cb")
    assert (record.task_id, client.calls[0][2]) == ("task_1", "https://here/cb")
    assert [one.phase for one in updates] == ["submitting", "waiting"]


async def test_submit_without_callback_url(make, ledger, updates):
    client = Client(create=["task_1"])
    await make(client=client).submit(ledger.create(REQUEST, "liangxin", ""), updates.append)
    assert client.calls[0][2] == ""


# ---- a task that does not succeed


async def test_failed_task_is_recorded_with_its_reason(make, ledger, updates):
    job_record = submitted_record(ledger)
    failed = task_record("fail", fail_code="E1", fail_msg="no luck")
    with pytest.raises(TaskFailedError) as raised:
        await make(Poller(failed)).collect(job_record, updates.append)
    assert raised.value.fail_code == "E1"
    found = ledger.find(job_record.id)
    assert (found.status, found.reason, found.state) == ("failed", str(raised.value), "fail")
    assert ("failed", str(raised.value)) in [line[1:] for line in ledger.events(job_record.id)]
    assert [one.phase for one in updates] == []


async def test_result_is_lost_but_collectable_if_the_service_does_not_know_the_task(
    make, ledger, updates
):
    record = submitted_record(ledger)
    with pytest.raises(ResultUnavailableError, match="does not know task task_1") as raised:
        await make(Poller(ABSENT)).collect(record, updates.append)
    assert raised.value.task_id == "task_1"
    assert raised.value.next_step == (
        "A service shows tasks only to the key that created them. "
        "%liangxin resume task_1 asks again."
    )
    found = ledger.find(record.id)
    assert (found.status, found.reason) == ("result_lost", str(raised.value))
    assert [one.id for one in ledger.collectable()] == [record.id]


async def test_unusual_answer_to_a_create_is_noted_in_the_ledger(make, ledger, updates):
    client = Client(create=[CreatedTask("task_1", "The answer had HTTP status 429.")])
    pending = ledger.create(REQUEST, "liangxin", "https://service.example", "me")
    record = await make(client=client).submit(pending, updates.append)
    assert (record.status, record.task_id) == ("submitted", "task_1")
    assert last_event(ledger, record) == ("unusual_answer", "The answer had HTTP status 429.")


async def test_job_remains_succeeded_if_the_answer_names_no_outputs(make, ledger, updates):
    job_record = submitted_record(ledger)
    client = Client(get_task=[task_record("success")])
    with pytest.raises(ResultUnavailableError, match="names no result") as raised:
        await make(Poller(task_record("success")), client).collect(job_record, updates.append)
    assert raised.value.task_id == "task_1"
    assert ledger.find(job_record.id).status == "succeeded"


async def test_other_api_error_leaves_the_job_submitted(make, ledger, updates):
    record, error = submitted_record(ledger), APIError("not now", status=455)
    with pytest.raises(APIError) as raised:
        await make(Poller(error)).collect(record, updates.append)
    assert raised.value is error
    assert ledger.find(record.id).status == "submitted"


@pytest.mark.parametrize(
    "error",
    [APIConnectionError("no answer"), asyncio.CancelledError(), KeyboardInterrupt()],
    ids=type,
)
async def test_job_has_no_owner_after_collect_has_ended_early(make, ledger, updates, error):
    record = submitted_record(ledger)
    with pytest.raises(type(error)):
        await make(Poller(error)).collect(record, updates.append)
    found = ledger.find(record.id)
    assert (found.status, found.owner) == ("submitted", "")
    assert last_event(ledger, record) == ("released", type(error).__name__)


async def test_state_before_an_error_is_recorded(make, ledger, updates):
    job_record = submitted_record(ledger)
    with pytest.raises(APIConnectionError):
        await make(Poller(task_record("generating"), APIConnectionError("no answer"))).collect(
            job_record, updates.append
        )
    assert ledger.find(job_record.id).state == "generating"


async def test_job_has_no_owner_if_there_is_no_client(make, ledger, updates):
    async def connect():
        raise APIConnectionError("no sandbox")

    record = submitted_record(ledger)
    with pytest.raises(APIConnectionError):
        await make(connect=connect).collect(record, updates.append)
    assert ledger.find(record.id).owner == ""


# ---- a task from elsewhere


def new_record():
    """A job record for task_1 that is not in the ledger; its request is a placeholder."""
    record = JobRecord.new(Request("unknown", "?"), "liangxin", "https://service.example", "me")
    return record.replace(task_id="task_1")


ECHO = {"input": {"prompt": " a lake ", "image_size": "square", "seed": 7}}


async def test_adopted_task_has_the_request_that_the_service_echoes(make, ledger, updates):
    client = Client(get_task=[task_record("waiting", param=ECHO, model="flux-2-pro")])
    job_record = await make(client=client).adopt(new_record(), updates.append)
    assert job_record.request == Request(
        "flux-2-pro", "a lake", {"image_size": "square", "seed": 7}
    )
    assert (job_record.status, job_record.task_id) == ("submitted", "task_1")
    assert ledger.find("task_1") == job_record
    assert client.calls == [("get_task", "task_1")]


async def test_adopt_waits_for_a_poll_slot(make, updates):
    client, limiter = Client(get_task=[task_record("waiting", param=ECHO)]), Limiter()
    await make(client=client, limiter=limiter).adopt(new_record(), updates.append)
    assert limiter.calls == ["acquire_poll"]


@pytest.mark.parametrize(
    ("state", "phase"),
    [("queuing", "queuing"), ("waiting", "waiting"), ("success", "waiting"), ("fail", "waiting")],
)
async def test_phase_of_an_adopted_task(make, updates, state, phase):
    """A task that has ended is not collected yet."""
    client = Client(get_task=[task_record(state, param=ECHO)])
    job_record = await make(client=client).adopt(new_record(), updates.append)
    assert [(one.record, one.phase) for one in updates] == [(job_record, phase)]


@pytest.mark.parametrize("param", [{}, {"input": None}, {"input": {"prompt": "  "}}])
async def test_adopted_task_without_a_prompt_has_a_placeholder(make, updates, param):
    client = Client(get_task=[task_record("waiting", param=param, model="")])
    job_record = await make(client=client).adopt(new_record(), updates.append)
    assert job_record.request == Request("unknown", "(the service gives no prompt for task_1)")


async def test_adopt_raises_if_the_service_does_not_know_the_task(make, ledger, updates):
    with pytest.raises(ResultUnavailableError, match="does not know task task_1") as raised:
        await make(client=Client(get_task=[ABSENT])).adopt(new_record(), updates.append)
    assert raised.value.task_id == "task_1"
    assert ledger.count_by_status() == {}
    assert updates == []


async def test_adopt_raises_other_api_errors(make, ledger, updates):
    error = APIError("not now", status=455)
    with pytest.raises(APIError) as raised:
        await make(client=Client(get_task=[error])).adopt(new_record(), updates.append)
    assert raised.value is error
    assert ledger.count_by_status() == {}
