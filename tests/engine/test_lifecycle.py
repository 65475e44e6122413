"""Following one task to its end, taking in a task from elsewhere, and how each end is noted."""

import asyncio
from types import SimpleNamespace

import pytest

from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.engine import TaskLifecycle, lifecycle
from liangxin_nb.errors import APIConnectionError, APIError, ResultUnavailableError, TaskFailedError
from liangxin_nb.ledger import Ledger
from liangxin_nb.polling import AdaptiveSchedule, PollSchedule
from liangxin_nb.results import ResultStore

from .parts import PNG, REQUEST, Budget, Client, record, submitted

pytestmark = pytest.mark.anyio
PACE = PollSchedule()
LINK = "https://files.example/1.png"
ABSENT = APIError("no such task", status=404)


class Follow:
    """Follows a task without asking: it gives the answers of the test, and returns the last."""

    def __init__(self, *answers):
        self.answers = answers
        self.given = None

    async def __call__(self, task_id, poll, on_answer, patience, *, schedule, age):
        self.given = SimpleNamespace(
            task_id=task_id, poll=poll, patience=patience, schedule=schedule, age=age
        )
        for answer in self.answers:
            if isinstance(answer, BaseException):
                raise answer
            on_answer(answer)
        return self.answers[-1]


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def statuses():
    return []


@pytest.fixture
def make(ledger, tmp_path):
    """Makes a life whose tasks are followed as a test says."""

    def living(follow=None, client=None, budget=None):
        client = client or Client(create=["task_1"], download=[PNG])

        async def connect():
            return client

        results = ResultStore(tmp_path / "results")
        follow = follow or Follow(record("success", LINK))
        return TaskLifecycle(
            connect, ledger, results, follow, budget or Budget(), schedule=PACE, patience=7.0
        )  # fmt: skip

    return living


def last_event(ledger, record):
    return ledger.events(record.id)[-1][1:]


# ---- a task that succeeds


async def test_finished_task_is_saved(make, ledger, statuses):
    record = submitted(ledger)
    result = await make().collect(record, statuses.append)
    assert [path.name for path in result.paths] == ["1.png"]
    assert ledger.find(record.id).status == "saved"


async def test_states_of_a_task_are_reported_and_then_saving(make, ledger, statuses):
    follow = Follow(record("queuing"), record("generating"), record("success", LINK))
    await make(follow).collect(submitted(ledger), statuses.append)
    assert [one.phase for one in statuses] == ["queuing", "generating", "saving"]
    assert [one.record.task_id for one in statuses] == ["task_1"] * 3


async def test_credits_and_seconds_are_written_before_the_result_is_saved(make, ledger, statuses):
    done = record("success", LINK, credits=4.0, created_ms=1000, completed_ms=3500)
    job_record = submitted(ledger)
    await make(Follow(done)).collect(job_record, statuses.append)
    found = ledger.find(job_record.id)
    assert (found.credits, found.duration_s, found.state) == (4.0, 2.5, "success")
    assert [what for _, what, _ in ledger.events(job_record.id)] == [
        "pending", "submitted", "success", "saved",
    ]  # fmt: skip


async def test_status_of_saving_has_the_record_as_it_was_written(make, ledger, statuses):
    await make(Follow(record("success", LINK))).collect(submitted(ledger), statuses.append)
    assert statuses[-1].record.status == "succeeded"


async def test_finished_task_keeps_its_owner(make, ledger, statuses):
    record = submitted(ledger)
    await make().collect(record, statuses.append)
    assert ledger.find(record.id).owner == "me"


# ---- how it is followed


async def test_task_is_followed_by_its_id_with_the_client_and_the_patience(make, ledger, statuses):
    client = Client(download=[PNG])
    follow = Follow(record("success", LINK))
    await make(follow, client).collect(submitted(ledger), statuses.append)
    assert (follow.given.task_id, follow.given.patience) == ("task_1", 7.0)
    assert follow.given.poll == client.get_task


async def test_plan_is_made_of_the_pace_and_of_tasks_like_this_one(make, ledger, statuses):
    for seconds in (9.0, 10.0, 11.0):
        submitted(ledger, status="saved", task_id="", duration_s=seconds)
    submitted(ledger, profile="kie", status="saved", task_id="", duration_s=99.0)
    follow = Follow(record("success", LINK))
    await make(follow).collect(submitted(ledger), statuses.append)
    plan = follow.given.schedule
    assert isinstance(plan, AdaptiveSchedule)
    assert plan.documented is PACE
    assert plan.durations.count == 3


@pytest.fixture
def at_1000(monkeypatch):
    """The time of day, for the module under test alone, is 1000 seconds after 1970."""
    monkeypatch.setattr(lifecycle, "time", SimpleNamespace(time=lambda: 1000.0))


@pytest.mark.parametrize(("began", "age"), [(940.0, 60.0), (1000.0, 0.0), (1003.0, 0.0)])
async def test_age_of_a_task_is_counted_from_its_record(
    make, ledger, statuses, at_1000, began, age
):
    follow = Follow(record("success", LINK))
    await make(follow).collect(submitted(ledger).replace(created_at=began), statuses.append)
    assert follow.given.age == age


async def test_task_that_was_sent_just_now_has_no_age(make, ledger, statuses, at_1000):
    """It was accepted when its turn came, perhaps long after its job record was written."""
    follow = Follow(APIConnectionError("no answer"))
    living = make(follow)
    intent = ledger.create(REQUEST, "liangxin", "https://service.example", "me").replace(
        created_at=940.0
    )
    record = await living.submit(intent, statuses.append)
    with pytest.raises(APIConnectionError):
        await living.collect(record, statuses.append)
    assert follow.given.age == 0.0
    with pytest.raises(APIConnectionError):
        await living.collect(record, statuses.append)  # later its age counts
    assert follow.given.age == 60.0


async def test_request_is_sent_with_its_callback(make, ledger, statuses):
    client = Client(create=["task_1"])
    intent = ledger.create(REQUEST, "liangxin", "")
    record = await make(client=client).submit(intent, statuses.append, "https://here/cb")
    assert (record.task_id, client.calls[0][2]) == ("task_1", "https://here/cb")
    assert [one.phase for one in statuses] == ["submitting", "waiting"]


async def test_request_is_sent_without_a_callback(make, ledger, statuses):
    client = Client(create=["task_1"])
    await make(client=client).submit(ledger.create(REQUEST, "liangxin", ""), statuses.append)
    assert client.calls[0][2] == ""


# ---- a task that does not succeed


async def test_failed_task_is_written_down_with_its_reason(make, ledger, statuses):
    job_record = submitted(ledger)
    failed = record("fail", fail_code="E1", fail_msg="no luck")
    with pytest.raises(TaskFailedError) as raised:
        await make(Follow(failed)).collect(job_record, statuses.append)
    assert raised.value.fail_code == "E1"
    found = ledger.find(job_record.id)
    assert (found.status, found.reason, found.state) == ("failed", str(raised.value), "fail")
    assert ("failed", str(raised.value)) in [line[1:] for line in ledger.events(job_record.id)]
    assert [one.phase for one in statuses] == []


async def test_task_that_the_service_has_forgotten_is_lost(make, ledger, statuses):
    record = submitted(ledger)
    with pytest.raises(ResultUnavailableError, match="does not know task task_1") as raised:
        await make(Follow(ABSENT)).collect(record, statuses.append)
    assert raised.value.task_id == "task_1"
    assert raised.value.next_step.startswith("Tasks are seen by the key that made them")
    found = ledger.find(record.id)
    assert (found.status, found.reason) == ("result_lost", str(raised.value))
    assert ("result_lost", str(raised.value)) in [line[1:] for line in ledger.events(record.id)]


async def test_task_without_a_result_is_lost(make, ledger, statuses):
    job_record = submitted(ledger)
    client = Client(get_task=[record("success")])
    with pytest.raises(ResultUnavailableError, match="names no result") as raised:
        await make(Follow(record("success")), client).collect(job_record, statuses.append)
    assert raised.value.task_id == "task_1"
    assert ledger.find(job_record.id).status == "result_lost"


async def test_other_refusal_leaves_the_task_to_be_collected(make, ledger, statuses):
    record, refusal = submitted(ledger), APIError("not now", status=455)
    with pytest.raises(APIError) as raised:
        await make(Follow(refusal)).collect(record, statuses.append)
    assert raised.value is refusal
    assert ledger.find(record.id).status == "submitted"


@pytest.mark.parametrize(
    "error",
    [APIConnectionError("no answer"), asyncio.CancelledError(), KeyboardInterrupt()],
    ids=type,
)
async def test_task_that_is_no_longer_followed_has_no_owner(make, ledger, statuses, error):
    record = submitted(ledger)
    with pytest.raises(type(error)):
        await make(Follow(error)).collect(record, statuses.append)
    found = ledger.find(record.id)
    assert (found.status, found.owner) == ("submitted", "")
    assert last_event(ledger, record) == ("let go", type(error).__name__)


async def test_state_before_an_error_is_in_the_ledger(make, ledger, statuses):
    job_record = submitted(ledger)
    with pytest.raises(APIConnectionError):
        await make(Follow(record("generating"), APIConnectionError("no answer"))).collect(
            job_record, statuses.append
        )
    assert ledger.find(job_record.id).state == "generating"


async def test_connection_that_fails_leaves_the_task_without_an_owner(make, ledger, statuses):
    async def connect():
        raise APIConnectionError("no sandbox")

    record, living = submitted(ledger), make()
    living._connect = connect
    with pytest.raises(APIConnectionError):
        await living.collect(record, statuses.append)
    assert ledger.find(record.id).owner == ""


# ---- a task from elsewhere


def unknown_here():
    """A job record for task_1 that the ledger does not have, with a placeholder for its request."""
    record = JobRecord.new(Request("unknown", "?"), "liangxin", "https://service.example", "me")
    return record.replace(task_id="task_1")


ECHO = {"input": {"prompt": " a lake ", "image_size": "square", "seed": 7}}


async def test_attached_task_takes_its_request_from_the_service(make, ledger, statuses):
    client = Client(get_task=[record("waiting", param=ECHO, model="flux-2-pro")])
    job_record = await make(client=client).adopt(unknown_here(), statuses.append)
    assert job_record.request == Request(
        "flux-2-pro", "a lake", {"image_size": "square", "seed": 7}
    )
    assert (job_record.status, job_record.task_id) == ("submitted", "task_1")
    assert ledger.find("task_1") == job_record
    assert client.calls == [("get_task", "task_1")]


async def test_question_about_an_attached_task_takes_a_turn(make, statuses):
    client, budget = Client(get_task=[record("waiting", param=ECHO)]), Budget()
    await make(client=client, budget=budget).adopt(unknown_here(), statuses.append)
    assert budget.steps == ["acquire_poll"]


@pytest.mark.parametrize(
    ("state", "phase"),
    [("queuing", "queuing"), ("waiting", "waiting"), ("success", "waiting"), ("fail", "waiting")],
)
async def test_phase_of_an_attached_task(make, statuses, state, phase):
    """One that has ended already is to be collected yet."""
    client = Client(get_task=[record(state, param=ECHO)])
    job_record = await make(client=client).adopt(unknown_here(), statuses.append)
    assert [(one.record, one.phase) for one in statuses] == [(job_record, phase)]


@pytest.mark.parametrize("param", [{}, {"input": None}, {"input": {"prompt": "  "}}])
async def test_attached_task_without_a_prompt_says_so(make, statuses, param):
    client = Client(get_task=[record("waiting", param=param, model="")])
    job_record = await make(client=client).adopt(unknown_here(), statuses.append)
    assert job_record.request == Request("unknown", "(the service tells no prompt for task_1)")


async def test_attached_task_that_the_service_does_not_know_is_lost(make, ledger, statuses):
    with pytest.raises(ResultUnavailableError, match="does not know task task_1") as raised:
        await make(client=Client(get_task=[ABSENT])).adopt(unknown_here(), statuses.append)
    assert raised.value.task_id == "task_1"
    assert ledger.count_by_status() == {}
    assert statuses == []


async def test_other_refusal_to_attach_is_raised_as_it_is(make, ledger, statuses):
    refusal = APIError("not now", status=455)
    with pytest.raises(APIError) as raised:
        await make(client=Client(get_task=[refusal])).adopt(unknown_here(), statuses.append)
    assert raised.value is refusal
    assert ledger.count_by_status() == {}
