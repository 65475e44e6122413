"""Four processes on one ledger at once: nothing lost, nobody told that it is locked."""

import os
import subprocess
import sys

import pytest

from liangxin_nb.ledger import Ledger

pytestmark = pytest.mark.slow
SECONDS = float(os.environ.get("LIANGXIN_STRESS", "20"))
CODE = """
import sys, time
from liangxin_nb.ledger import Ledger
from liangxin_nb.request import Request
place, seconds, name = sys.argv[1], float(sys.argv[2]), sys.argv[3]
ledger, end, count = Ledger(place), time.monotonic() + float(seconds), 0
shared = ledger.find("shared-task")
while time.monotonic() < end:
    ticket = ledger.intend(Request("z-image", f"{name} {count}"), "sandbox", "", name)
    ticket = ledger.change(ticket, "accepted", fate="accepted", task_id=f"{name}-{count}")
    assert ledger.find(ticket.task_id) == ticket
    ledger.change(shared, "touched", name)
    file = {"name": "1.png", "bytes": 1, "sha256": "0"}
    ledger.keep(ticket, f"2026-11-21/{name}-{count}", [file])
    ledger.tickets(most=5)
    count += 1
print(count)
"""


def test_four_processes_share_a_ledger(tmp_path):
    from liangxin_nb.request import Request

    place = tmp_path / "ledger.sqlite"
    ledger = Ledger(place)
    shared = ledger.intend(Request("z-image", "shared"), "sandbox", "")
    ledger.change(shared, "accepted", fate="accepted", task_id="shared-task")
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(place), str(SECONDS), f"p{n}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(4)
    ]
    ends = [worker.communicate(timeout=SECONDS + 60) for worker in workers]
    assert [error for _, error in ends] == [""] * 4
    counts = [int(out) for out, _ in ends]
    print(f"tickets in {SECONDS:g} s: {counts}")
    assert min(counts) > 0
    assert ledger.count() == {"accepted": 1, "kept": sum(counts)}
    assert sum(what == "touched" for _, what, _ in ledger.events(shared.id)) == sum(counts)


def test_two_owners_cannot_claim_the_same_ticket(tmp_path):
    from liangxin_nb.request import Request

    ledger = Ledger(tmp_path / "ledger.sqlite")
    ticket = ledger.intend(Request("z-image", "x"), "sandbox", "", "dead")
    assert ledger.claim(ticket, "first").owner == "first"
    assert ledger.claim(ticket, "second") is None
    assert ledger.find(ticket.id).owner == "first"
