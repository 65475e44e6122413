"""Four processes on one ledger at once: nothing is lost, and none is told that it is locked.

Each writes `ROUNDS` job records; with LIANGXIN_STRESS as many as it can in so many seconds.
"""

import os
from contextlib import ExitStack

import pytest

from liangxin_nb.core.request import Request
from liangxin_nb.ledger import Ledger

from ..processes import running
from .worker import write_under_stress

#: One group, so that all of its tests see the same run.
pytestmark = pytest.mark.xdist_group("stress")
ROUNDS = 8
SECONDS = float(os.environ.get("LIANGXIN_STRESS", "0"))
PROCESSES = 4


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A ledger that four processes have written to, and how many job records each wrote."""
    ledger = Ledger(tmp_path_factory.mktemp("stress") / "ledger.sqlite")
    record = ledger.create(Request("z-image", "shared"), "sandbox", "")
    ledger.update(record, "submitted", status="submitted", task_id="shared-task")
    with ExitStack() as stack:
        pipes = [
            stack.enter_context(
                running(write_under_stress, ledger.location, f"p{n}", ROUNDS, SECONDS)
            )[1]
            for n in range(PROCESSES)
        ]
        counts = [pipe.recv() for pipe in pipes]  # an error in a process would end its pipe
    print(f"tickets of each process: {counts}")
    return ledger, counts


def test_four_processes_write_a_ledger_without_an_error(shared):
    _, counts = shared
    assert min(counts) > 0


def test_no_record_of_four_processes_is_lost(shared):
    ledger, counts = shared
    assert ledger.count_by_status() == {"submitted": 1, "saved": sum(counts)}


def test_no_change_of_a_record_that_four_processes_share_is_lost(shared):
    ledger, counts = shared
    record = ledger.find("shared-task")
    touched = [what for _, what, _ in ledger.events(record.id)].count("touched")
    assert touched == sum(counts)
