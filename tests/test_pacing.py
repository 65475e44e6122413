import pytest

from liangxin_nb.pacing import Pace


@pytest.mark.parametrize(
    ("elapsed", "least", "most"),
    [(0, 2, 3), (29.9, 2, 3), (30, 5, 10), (119, 5, 10), (120, 15, 30), (10_000, 15, 30)],
)
def test_the_documented_schedule(elapsed, least, most):
    assert Pace().wait(elapsed, 0.0) == least
    assert Pace().wait(elapsed, 1.0) == most
    assert least < Pace().wait(elapsed, 0.5) < most


def test_all_tasks_together_stay_within_ten_questions_a_second():
    assert Pace().spacing >= 0.1
