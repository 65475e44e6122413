"""A whole notebook that runs again with `reuse`: nothing is paid for, and no output changes."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from ..kernels import environment, execute, ipython_folder, stream
from ..task_server import KEY

pytestmark = pytest.mark.slow

CELLS = [
    "%load_ext liangxin_nb",
    "%%liangxin\na lake",
    "%%liangxin -n 2\na hill",
    "%liangxin panel",
    "%%liangxin batch -n 2 --name two\na tree\na river",
    "import liangxin_nb as lx\nlx.generate('a lake', aspect='16:9').wait()",
    "%liangxin gallery",
]


@pytest.fixture
def env(server, tmp_path):
    return environment(
        tmp_path, LIANGXIN_BASE_URL=server.url, LIANGXIN_API_KEY=KEY,
        IPYTHONDIR=str(ipython_folder(tmp_path / "ipython", (0.05, 0.1))),
    )  # fmt: skip


def outputs(notebook):
    return [cell.outputs for cell in notebook.cells]


def run(env, folder, name):
    """Run the notebook with Jupyter's own command, and return what it has written."""
    path = folder / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in CELLS]), path)
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", str(path)]
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return nbformat.read(path, 4)


def test_jupyter_execute_twice_pays_once_and_writes_the_same_outputs(env, server, tmp_path):
    env["LIANGXIN_REUSE"] = "true"
    first = outputs(run(env, tmp_path, "first"))
    assert server.count("createTask") == 8
    assert outputs(run(env, tmp_path, "second")) == first
    assert server.count("createTask") == 8
    html = [output.data["text/html"] for cell in first[1:3] for output in cell]
    assert len(html) == 3
    assert all(", reused while unchanged" in text for text in html)
    assert first[1][0].metadata["liangxin"]["reuse"] is True
    (panel,) = first[3]
    assert "%liangxin panel opens it again" in panel.data["text/plain"]


def test_running_all_cells_again_in_one_kernel_pays_once(server, tmp_path):
    cells = ["%load_ext liangxin_nb", "%config LiangXin.reuse = True", *CELLS[1:3], *CELLS[1:3]]
    notebook = execute(
        [*cells, "style = 'winter'", "%%liangxin --template --no-reuse\na {style} lake"],
        tmp_path, {"LIANGXIN_BASE_URL": server.url, "LIANGXIN_API_KEY": KEY},
    )  # fmt: skip
    shown = outputs(notebook)
    assert shown[2:4] == shown[4:6]
    assert server.count("createTask") == 4
    assert not any(map(stream, notebook.cells[2:]))
    assert "reused" not in shown[-1][0].data["text/html"]
