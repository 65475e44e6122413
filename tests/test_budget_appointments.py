"""Appointments that fall on the very same moment."""

from liangxin_nb.budget._base import Rule
from liangxin_nb.budget.machine import OwnBook

QUERY = "recordInfo"


def test_appointment_waits_for_a_call_that_was_answered_at_the_same_moment():
    now = 0.0
    book, rule = OwnBook(lambda: now), Rule(1, 10.0)
    assert [book.reserve(QUERY, rule, name) for name in ("a", "b")] == [0.0, 10.0]
    now = 10.0
    book.sent(QUERY, "a")  # its answer took until the moment of b's appointment
    assert book.reserve(QUERY, rule, "b") == 10.0
