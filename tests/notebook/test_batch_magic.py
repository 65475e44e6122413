"""Batches in headless notebooks: cells wait, show one output, and fail with one line."""

import json
from types import SimpleNamespace

import pytest

from liangxin_nb.ledger import Ledger

from ..conftest import start_sandbox
from ..kernels import execute, service, stream

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("batch-cells")]
CELLS = {
    "load": "%load_ext liangxin_nb",
    "dry": "%%liangxin batch --dry-run --size square -n 3\na lake\na cat",
    # The service rejects one of the two.
    "rejected": "%%liangxin batch --size square --out b\na lake {x}\na cat",
    "retry": "%liangxin batch {b.id} --retry",
    "csv": "%liangxin batch --csv p.csv --size square",
    "reuse": "%liangxin batch --csv p.csv --size square --reuse --name again",
    "list": "%liangxin batches",
    "many": "%%liangxin batch\n" + "a lake\n" * 60,
    "show": "%liangxin batch {b.id}",
    "unknown": "%liangxin batch nope",
    "nothing to retry": "%liangxin batch {b.id} --retry",
    "unknown option": "%liangxin batch {b.id} --again",
}


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The executed cells by name, the notebook, its folder, and the number of tasks created."""
    folder = tmp_path_factory.mktemp("batches")
    (folder / "p.csv").write_text("prompt,seed\na lake,1\na lake,2\n", encoding="utf-8")
    sandbox = start_sandbox("--speed", "20", "--faults", "create-422-moderated*1")
    notebook = execute(list(CELLS.values()), folder, service(sandbox), allow_errors=True)
    created = sandbox.counters()["created"]
    sandbox.stop()
    cells = dict(zip(CELLS, notebook.cells, strict=True))
    return SimpleNamespace(notebook=notebook, cells=cells, folder=folder, created=created)


def text(cell):
    return cell.outputs[0].data["text/plain"]


def test_dry_run_shows_the_number_of_tasks(executed):
    assert "6 tasks would be created: 6 z-image." in text(executed.cells["dry"])


def test_batch_with_a_rejected_task_fails_the_cell_with_one_line(executed):
    line = stream(executed.cells["rejected"]).strip()
    assert line.startswith("TaskFailedError: Batch")
    assert "2 tasks: 1 saved, 1 rejected" in line
    assert "\n" not in line


def test_retried_batch_updates_the_output_of_both_cells(executed):
    assert executed.cells["rejected"].outputs[0].data == executed.cells["retry"].outputs[0].data


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("retry", "2 tasks: 2 saved"),
        ("csv", "2 tasks: 2 saved"),
        ("reuse", "2 tasks: 2 saved, 2 of them reused"),
    ],
)
def test_finished_batch_shows_one_small_sheet(executed, name, words):
    (output,) = executed.cells[name].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    assert output.data["text/html"].count("<img ") == 2
    assert words in output.data["text/plain"]
    assert len(json.dumps(output)) <= 64 * 1024
    assert len(output.metadata["liangxin"]["task_ids"]) == 2


def test_retry_as_a_command_sends_failed_requests_again(executed):
    lines = executed.cells["nothing to retry"].outputs
    assert "nothing was sent again" in lines[0].text
    assert "takes an id and --retry, not '--again'" in stream(executed.cells["unknown option"])


def test_batches_are_listed_by_name(executed):
    assert "again" in text(executed.cells["list"])


def test_batch_of_more_than_50_tasks_needs_an_option(executed):
    assert "Allow it with --max-tasks 60" in stream(executed.cells["many"])


def test_batch_is_shown_by_its_id(executed):
    assert text(executed.cells["show"]) == text(executed.cells["retry"])


def test_unknown_batch_is_named_in_the_error(executed):
    assert "There is no batch 'nope'" in stream(executed.cells["unknown"])


def test_each_row_is_created_once_and_reused_rows_are_not_created(executed):
    counts = Ledger(executed.folder / "liangxin-results" / "ledger.sqlite").count_by_status()
    assert counts == {"saved": 4, "rejected": 1}
    assert executed.created == 4
