"""Four processes on one ledger at once: no record is lost, and no process fails.

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
    print(f"records of each process: {counts}")
    return ledger, counts


def test_four_processes_write_to_a_ledger_without_errors(shared):
    _, counts = shared
    assert min(counts) > 0


def test_no_record_of_four_processes_is_lost(shared):
    ledger, counts = shared
    assert ledger.count_by_status() == {"submitted": 1, "saved": sum(counts)}


def test_no_update_of_a_shared_record_is_lost(shared):
    ledger, counts = shared
    record = ledger.find("shared-task")
    touched = [event for _, event, _ in ledger.events(record.id)].count("touched")
    assert touched == sum(counts)
