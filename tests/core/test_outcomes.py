"""What every answer means for money and for the wait: each row of the two tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liangxin_nb.core.outcomes import (
    CREATE_RULES,
    RECORD_RULES,
    REJECTING_CODES,
    CreateAnswer,
    PollHistory,
    decide_create,
    decide_record,
)
from liangxin_nb.core.task import TaskRecord, TaskState
from liangxin_nb.errors import APIConnectionError, APIError

# --- createTask ---------------------------------------------------------------------------------

STATUSES = st.none() | st.integers(100, 599)
CODES = st.none() | st.integers(-1, 1000) | st.sampled_from(sorted(REJECTING_CODES))
ANSWERS = st.builds(CreateAnswer, STATUSES, CODES, st.sampled_from(["", "t"]), st.booleans())


@given(status=STATUSES, code=CODES)
def test_answer_with_a_task_id_is_submitted_whatever_its_status_and_code(status, code):
    decision = decide_create(CreateAnswer(status, code, "task_1"))
    assert (decision.outcome, decision.may_resend) == ("submitted", False)
    is_usual = status is not None and 200 <= status < 300 and code in (None, 0, 200)
    assert decision.is_unusual is not is_usual


@given(status=st.integers(500, 599), code=CODES)
def test_body_code_never_softens_an_http_500(status, code):
    decision = decide_create(CreateAnswer(status, code))
    assert (decision.outcome, decision.may_resend) == ("unconfirmed", False)


@given(ANSWERS)
def test_request_is_sent_again_only_if_it_provably_created_nothing(answer):
    decision = decide_create(answer)
    if decision.may_resend:
        assert decision.outcome == "rejected"
        assert not answer.task_id
        assert not answer.was_sent or 429 in (answer.status, answer.code)


def test_request_that_was_not_sent_is_rejected_and_may_be_sent_again():
    decision = decide_create(CreateAnswer(None, was_sent=False))
    assert (decision.outcome, decision.may_resend) == ("rejected", True)


@pytest.mark.parametrize(
    ("status", "code"), [(429, None), (429, 429), (429, 0), (200, 429), (201, 429)]
)
def test_429_is_rejected_and_may_be_sent_again(status, code):
    decision = decide_create(CreateAnswer(status, code))
    assert (decision.outcome, decision.may_resend) == ("rejected", True)


@pytest.mark.parametrize("code", sorted(REJECTING_CODES))
def test_status_or_code_of_a_rejection_is_final(code):
    for answer in (
        CreateAnswer(code), CreateAnswer(code, code), CreateAnswer(code, 200),
        CreateAnswer(200, code), CreateAnswer(202, code), CreateAnswer(429, code),
    ):  # fmt: skip
        decision = decide_create(answer)
        assert (decision.outcome, decision.may_resend) == ("rejected", False)


@pytest.mark.parametrize("status", [200, 202, 400, 429])
def test_disabled_feature_is_a_rejection(status):
    assert decide_create(CreateAnswer(status, 505)).outcome == "rejected"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (None, None),  # a time-out, or the connection was closed
        (500, 505),
        *[(status, None) for status in (408, 409, 425, 499, 500, 502, 503, 504, 520, 522, 524)],
        *[(status, None) for status in (301, 302, 303, 307, 308, 304)],
        (504, 0),
        (502, 400),
        (200, 500),
        (200, 501),
        (200, 599),
        (429, 500),
        (400, 500),
        (200, None),  # a page, an empty or cut answer, or JSON without a task id
        (200, 200),
        (202, 202),
        (200, 1),
        (200, 408),
        (200, 409),
        (418, None),
        (409, 422),
    ],
)
def test_ambiguous_answer_is_unconfirmed(status, code):
    decision = decide_create(CreateAnswer(status, code))
    assert (decision.outcome, decision.may_resend) == ("unconfirmed", False)


# --- recordInfo ---------------------------------------------------------------------------------

ABSENT = APIError("recordInfo is null", status=200, code="422")
KEY_REJECTED = APIError("wrong key", status=401)
TROUBLE = [
    APIError("a page", status=404, is_api_answer=False),
    APIError("a page", status=403, is_api_answer=False),
    APIError("moved", status=302, is_api_answer=False),
    *[APIError("no", status=status) for status in (400, 402, 403, 408, 422, 429, 455, 500, 502)],
    APIError("no", status=200, code="501"),
    APIConnectionError("gone"),
]


def record(state):
    return TaskRecord("task_1", TaskState(state))


def decide_all(*answers, every_s=30.0, age=1000.0):
    """Return the outcomes of answers that come in equal intervals."""
    history, outcomes = PollHistory(), []
    for number, answer in enumerate(answers):
        at = number * every_s
        decision = decide_record(answer, history, 500.0 + at, age + at)
        history = decision.history
        outcomes.append(str(decision.outcome))
    return outcomes


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("success", "final"), ("fail", "final"), ("waiting", "running"), ("archived", "running")],
)
def test_state_decides(state, outcome):
    assert decide_all(record(state)) == [outcome]


@pytest.mark.parametrize("trouble", TROUBLE)
def test_trouble_on_the_way_never_ends_the_wait(trouble):
    assert decide_all(*[trouble] * 50) == ["trouble"] * 50


def test_unknown_task_is_believed_after_three_answers_half_a_minute_apart():
    assert decide_all(*[ABSENT] * 3) == ["absent", "absent", "unavailable"]
    assert decide_all(*[ABSENT] * 5, every_s=15.0) == ["absent"] * 4 + ["unavailable"]
    assert decide_all(*[ABSENT] * 3, every_s=29.9) == ["absent"] * 3


def test_new_task_may_be_unknown_for_two_minutes():
    assert decide_all(*[ABSENT] * 7, age=0.0) == ["absent"] * 6 + ["unavailable"]


@pytest.mark.parametrize("other", [*TROUBLE, KEY_REJECTED, record("generating")])
def test_other_answer_interrupts_a_row_of_absences(other):
    outcomes = decide_all(ABSENT, ABSENT, other, ABSENT, ABSENT)
    assert outcomes.count("absent") == 4
    assert decide_all(ABSENT, ABSENT, other, ABSENT, ABSENT, ABSENT)[-1] == "unavailable"


def test_key_is_rejected_after_three_answers_in_a_row():
    assert decide_all(*[KEY_REJECTED] * 3) == ["trouble", "trouble", "key_rejected"]
    assert "key_rejected" not in decide_all(
        KEY_REJECTED, KEY_REJECTED, ABSENT, KEY_REJECTED, KEY_REJECTED, TROUBLE[0], KEY_REJECTED
    )


def test_every_rule_decides_some_answer():
    creates = [
        CreateAnswer(status, code, task_id, was_sent)
        for status in (None, 200, 400, 429, 500, 418)
        for code in (None, 200, 429, 422, 501)
        for task_id in ("", "t")
        for was_sent in (True, False)
    ]
    assert {decide_create(answer).rule for answer in creates} == {
        rule.name for rule in CREATE_RULES
    }
    histories = (PollHistory(), PollHistory(2, 0.0, 2))
    answers = (record("success"), record("waiting"), ABSENT, KEY_REJECTED, TROUBLE[0])
    rules = {
        decide_record(answer, history, 1000.0, 1000.0).rule
        for answer in answers
        for history in histories
    }
    assert rules == {rule.name for rule in RECORD_RULES}
