"""Batches in notebooks that a machine runs: the cell waits, leaves one sheet, and fails plainly."""

import json
from types import SimpleNamespace

import pytest

from liangxin_nb.ledger import Ledger

from ..conftest import start_sandbox
from ..kernels import execute, pictures, service, stream

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("batch-cells")]
CELLS = {
    "load": "%load_ext liangxin_nb",
    "dry": "%%liangxin batch --dry-run --size square -n 3\na lake\na cat",
    # One of the two is refused by the service.
    "rejected": "%%liangxin batch --size square --out b\na lake {x}\na cat",
    "retry": "b.retry(); b",
    "csv": "%liangxin batch --csv p.csv --size square",
    "reuse": "%liangxin batch --csv p.csv --size square --reuse --name again",
    "list": "%liangxin batches",
    "many": "%%liangxin batch\n" + "a lake\n" * 60,
    "show": "%liangxin batch {b.id}",
    "unconfirmed": "%liangxin batch nope",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The cells after they have run, by name; the notebook, its folder, and tasks created."""
    folder = tmp_path_factory.mktemp("batches")
    (folder / "p.csv").write_text("prompt,seed\na lake,1\na lake,2\n", encoding="utf-8")
    served = start_sandbox("--speed", "20", "--faults", "create-422-moderated*1")
    notebook = execute(list(CELLS.values()), folder, service(served), allow_errors=True)
    created = served.counters()["created"]
    served.stop()
    cells = dict(zip(CELLS, notebook.cells, strict=True))
    return SimpleNamespace(notebook=notebook, cells=cells, folder=folder, created=created)


def text(cell):
    return cell.outputs[0].data["text/plain"]


def test_a_dry_run_says_what_would_be_created(ran):
    assert "6 tasks would be created: 6 z-image." in text(ran.cells["dry"])


def test_a_batch_with_a_rejected_task_fails_in_one_line(ran):
    line = stream(ran.cells["rejected"]).strip()
    assert line.startswith("UsageError: Batch")
    assert "2 tasks: 1 saved, 1 rejected" in line
    assert "\n" not in line


def test_a_batch_that_goes_on_is_shown_the_same_in_both_cells(ran):
    assert ran.cells["rejected"].outputs[0].data == ran.cells["retry"].outputs[0].data


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("retry", "2 tasks: 2 saved"),
        ("csv", "2 tasks: 2 saved"),
        ("reuse", "2 tasks: 2 saved, 2 of them reused"),
    ],
)
def test_a_finished_batch_leaves_one_small_sheet(ran, name, words):
    (output,) = ran.cells[name].outputs
    assert set(output.data) == {"image/jpeg", "text/plain"}
    assert words in output.data["text/plain"]
    assert len(json.dumps(output)) <= 64 * 1024
    assert len(output.metadata["liangxin"]["task_ids"]) == 2


def test_only_sheets_are_left_as_pictures(ran):
    # The refused batch is shown three times, the two from the CSV file once each.
    assert len(pictures(ran.notebook)) == 5


def test_batches_are_listed_by_name(ran):
    assert "again" in text(ran.cells["list"])


def test_a_batch_of_more_than_50_must_be_allowed(ran):
    assert "Allow it with --max-tasks 60" in stream(ran.cells["many"])


def test_a_batch_is_shown_by_its_id(ran):
    assert text(ran.cells["show"]) == text(ran.cells["retry"])


def test_an_unknown_batch_is_named(ran):
    assert "There is no batch 'nope'" in stream(ran.cells["unconfirmed"])


def test_each_row_is_created_once_and_reused_rows_are_not_created(ran):
    counts = Ledger(ran.folder / "liangxin-results" / "ledger.sqlite").count_by_status()
    assert counts == {"saved": 4, "rejected": 1}
    assert ran.created == 4
