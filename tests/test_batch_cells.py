"""Batches in notebooks that a machine runs: the cell waits, keeps one sheet, and fails plainly."""

import json

import pytest

from liangxin_nb.ledger import Ledger

from .conftest import start_sandbox
from .test_headless import execute, pictures, said

pytestmark = pytest.mark.slow


@pytest.fixture
def troubled(monkeypatch):
    served = start_sandbox("--speed", "20", "--faults", "create-422-moderated*1")
    monkeypatch.setenv("LIANGXIN_BASE_URL", served.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", served.key)
    yield served
    served.stop()


def test_a_batch_cell_waits_keeps_one_sheet_and_fails_in_one_line(tmp_path, troubled):
    (tmp_path / "p.csv").write_text("prompt,seed\na lake,1\na lake,2\n", encoding="utf-8")
    cells = [
        "%load_ext liangxin_nb",
        "%%liangxin batch --dry --size square -n 3\na lake\na cat",
        "%%liangxin batch --size square --out b\na lake {x}\na cat",
        "b.retry(); b",
        "%liangxin batch --csv p.csv --size square",
        "%liangxin batch --csv p.csv --size square --reuse --name again",
        "%liangxin batches",
        "%%liangxin batch\n" + "a lake\n" * 60,
        "%liangxin batch {b.id}",
        "%liangxin batch nope",
    ]
    notebook = execute(cells, tmp_path, allow_errors=True)
    outputs = [cell.outputs for cell in notebook.cells]
    assert "6 tasks would be created: 6 z-image." in outputs[1][0].data["text/plain"]
    assert "UsageError: Batch" in said(notebook.cells[2])
    assert "2 tasks: 1 done, 1 refused" in said(notebook.cells[2])
    assert said(notebook.cells[2]).strip().count("\n") == 0
    assert outputs[2][0].data == outputs[3][0].data, "a batch that goes on is told everywhere"
    for n, told in ((3, "2 tasks: 2 done"), (4, "2 tasks: 2 done"), (5, "2 of them reused")):
        (output,) = outputs[n]
        assert set(output.data) == {"image/jpeg", "text/plain"}
        assert told in output.data["text/plain"]
        assert len(json.dumps(output)) <= 64 * 1024
        assert len(output.metadata["liangxin"]["task_ids"]) == 2
    assert len(pictures(notebook)) == 5
    assert "again" in outputs[6][0].data["text/plain"]
    assert "Allow it with --most 60" in said(notebook.cells[7])
    assert outputs[8][0].data["text/plain"] == outputs[3][0].data["text/plain"]
    assert "There is no batch 'nope'" in said(notebook.cells[9])
    ledger = Ledger(tmp_path / "liangxin-results" / "ledger.sqlite")
    assert ledger.count() == {"kept": 4, "refused": 1}
    assert troubled.counters()["created"] == 4
