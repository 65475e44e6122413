"""Checks of extensions for notebooks: jupytext pairs files, JupySQL reads the ledger."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

from .checks import LOAD, PROMPT_CELL, jupyter, pictures, write
from .environments import Environment

#: Prompts and option lines that are not Python.
NOT_PYTHON = (
    PROMPT_CELL,
    '%%liangxin --aspect 16:9 -o style="it\'s odd"\na lighthouse, it\'s "dark"\n\n  第二行',
    "%%liangxin\n# %% a prompt that looks like a cell\n%matplotlib\n!ls\n---",
    "%%liangxin batch z-image --seed 1-3\na cafe terrace at night\na lighthouse in a storm",
    "%liangxin tasks",
    "jobs = %liangxin tasks",
)


def jupytext(environment: Environment, folder: Path) -> str:
    """Pair a notebook with a Python file, and read the notebook back from it."""
    (folder / "jupytext.toml").write_text('custom_cell_magics = "liangxin"\n', encoding="utf-8")
    command = ("jupytext", "--quiet")
    write(folder / "all.ipynb", LOAD, *NOT_PYTHON)
    jupyter(environment, folder, *command, "--to", "py:percent", "all.ipynb")
    ast.parse((folder / "all.py").read_text(encoding="utf-8"))
    jupyter(environment, folder, *command, "--to", "ipynb", "--output", "back.ipynb", "all.py")
    assert _sources(folder / "back.ipynb") == [LOAD, *NOT_PYTHON]

    write(folder / "n.ipynb", LOAD, PROMPT_CELL)
    jupyter(environment, folder, "jupyter", "execute", "--inplace", "n.ipynb")
    jupyter(environment, folder, *command, "--set-formats", "ipynb,py:percent", "n.ipynb")
    script, before = (folder / "n.py").read_text(encoding="utf-8"), pictures(folder / "n.ipynb")
    assert "# a cat on a wall" in script
    (folder / "n.py").write_text(f"{script}\n# %%\nprint(1)\n", encoding="utf-8")
    jupyter(environment, folder, *command, "--sync", "n.py")
    assert _sources(folder / "n.ipynb") == [LOAD, PROMPT_CELL, "print(1)"]
    assert pictures(folder / "n.ipynb") == before != []
    return "prompts are comments; each cell is read back unchanged; the outputs stay"


def _sources(file: Path) -> list[str]:
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells]


#: A reader in the notebook of the task: first a query, then an open transaction.
_READ = """
from sqlalchemy import create_engine
reader = create_engine("sqlite:///liangxin-results/ledger.sqlite").connect()
reader.exec_driver_sql("begin")
found = reader.exec_driver_sql("select status from jobs").fetchall()
"""


def jupysql(environment: Environment, folder: Path) -> str:
    """Read the ledger with JupySQL in the notebook of a running task."""
    first, second = (PROMPT_CELL.replace("--out", "--no-wait --out").replace("job", name)
                     for name in ("first", "second"))  # fmt: skip
    write(
        folder / "n.ipynb",
        f"{LOAD}\n%load_ext sql",
        first,
        "%sql sqlite:///liangxin-results/ledger.sqlite\n%sql select status from jobs",
        _READ,
        second.replace("a cat", "a hill"),
        "%sql select count(*) from events\nfirst.wait(); second.wait()\n"
        "rows = %sql select status from jobs\nprint([str(status) for status, in rows])",
    )
    jupyter(environment, folder, "jupyter", "execute", "--inplace", "n.ipynb")
    assert "['saved', 'saved']" in (folder / "n.ipynb").read_text(encoding="utf-8")
    return "queries and an open transaction disturb no task"


EXTENSIONS: dict[str, Callable[[Environment, Path], str]] = {
    "jupytext": jupytext,
    "jupysql": jupysql,
}
