"""*Restart & Run All* in a real kernel: work that still runs is followed, not paid for again."""

import pytest

from liangxin_nb.ledger import Ledger

from ..kernels import environment
from ..notebook_kernel import Kernel
from ..task_server import KEY

pytestmark = pytest.mark.slow
LOAD = "%load_ext liangxin_nb"


@pytest.fixture
def kernel(server, tmp_path):
    env = environment(tmp_path, LIANGXIN_BASE_URL=server.url, LIANGXIN_API_KEY=KEY)
    with Kernel(tmp_path, env) as kernel:
        yield kernel


def run_all(kernel, prompt="a lake"):
    """Run the two cells of a notebook; return the task id and what the second cell shows."""
    kernel.run(LOAD)
    shown = kernel.run(f"%%liangxin --no-wait --out job\n{prompt}", cell_id="cell-2")
    kernel.run("import time\nwhile not job.task_id: time.sleep(0.02)")
    *_, task_id = kernel.run("job.task_id")
    return task_id.strip("'"), "\n".join(shown)


def test_restart_and_run_all_follows_what_still_runs(kernel, server):
    server.last = "generating"
    assert run_all(kernel)[0] == "task_1"
    kernel.restart()
    task_id, shown = run_all(kernel)
    assert task_id == "task_1"
    assert "is still running; nothing was sent again." in shown
    assert "<Job z-image waiting" in shown
    assert server.count("createTask") == 1

    assert run_all(kernel, "a hill")[0] == "task_2", "the cell was changed"

    kernel.restart()
    server.last = "success"
    assert run_all(kernel)[0] == "task_1"
    kernel.run("job.wait(60)")
    assert run_all(kernel)[0] == "task_3", "the result was saved, and --reuse was not given"
    assert server.count("createTask") == 3


def test_doctor_rebuilds_the_ledger_of_the_kernel(kernel, server, tmp_path):
    task_id, _ = run_all(kernel)
    kernel.run("job.wait(60)")
    path = tmp_path / "liangxin-results" / "ledger.sqlite"
    kernel.restart()
    path.write_bytes(b"no ledger " * 900)
    assert "The ledger is damaged: %liangxin doctor --rebuild." in "".join(kernel.run(LOAD))
    (error,) = kernel.run("%liangxin tasks")
    assert "is damaged (file is not a database). %liangxin doctor --rebuild" in error
    shown = "".join(kernel.run("%liangxin doctor --rebuild"))
    assert "The ledger was rebuilt: 1 job, 1 of them saved, 0 to collect" in shown
    assert task_id in "".join(kernel.run("%liangxin tasks"))
    assert Ledger(path).find(task_id).status == "saved"
    assert server.count("createTask") == 1
