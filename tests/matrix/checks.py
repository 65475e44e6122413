"""Checks without a browser: run a front end and verify its output."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..installing import CHECKOUT
from .environments import Environment

LOAD = "%load_ext liangxin_nb"
PROMPT_CELL = "%%liangxin --size square --seed 7 --out job\na cat on a wall"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LINE = r"<Result z-image 512×512 · task_\S+ · \S+/1\.png>"
#: Lines in a terminal: each state once, then the path.
STATES = r"[○◔◐◕] (Sending|Waiting|Queuing|Generating|Saving) · z-image"
DONE = r"● Done · z-image · task_\S+ · \d+ s\s+liangxin-results/\S+/1\.png"


def run(environment: Environment, folder: Path, *command: str, **variables: str) -> str:
    """Run a command of the environment and return its output; fail with it on an error."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY_"))}
    home = folder / ".home"
    isolated = {
        "PATH": environment.path,
        "LIANGXIN_SPEED": "8",
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONWARNINGS": "ignore",
    }
    if environment.name != "this":
        inherited.pop("PYTHONPATH", None)  # only the wheel must be importable
    process = subprocess.run(
        command, cwd=folder, env={**inherited, **isolated, **variables}, text=True, timeout=900,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout[-2000:]
    return process.stdout


def jupyter(environment: Environment, folder: Path, *command: str, **variables: str) -> str:
    """Run a Jupyter command of the environment and return its output."""
    # With its interpreter: the first line of a script may be too long for the system.
    return run(environment, folder, str(environment.python), "-m", *command, **variables)


def write(file: Path, *cells: str, tags: str = "") -> None:
    """Write a notebook; the first cell may have a tag."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{n}",
                "source": source,
                "metadata": {"tags": [tags]} if tags and not n else {},
                "execution_count": None,
                "outputs": [],
            }
            for n, source in enumerate(cells)
        ],
    }
    file.write_text(json.dumps(content), encoding="utf-8")


def pictures(file: Path) -> list[dict[str, Any]]:
    """Return the outputs of a notebook that are pictures; no output may contain a widget."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell["outputs"]]
    assert "widget-view" not in json.dumps(outputs)
    images = [output for output in outputs if "image/jpeg" in json.dumps(output.get("data", {}))]
    for image in images:
        assert set(image["data"]) == {"text/html", "text/plain"}
        assert len(json.dumps(image)) <= 64 * 1024
        assert re.fullmatch(LINE, "".join(image["data"]["text/plain"]))
    return images


def compat(environment: Environment, folder: Path) -> str:
    """Private attributes of other libraries in the versions of this environment."""
    (folder / "pytest.ini").touch()  # without the options of the checkout
    test = CHECKOUT / "tests" / "test_compat.py"
    output = run(
        environment, folder, str(environment.python), "-m", "pytest", "--quiet", "--noconftest",
        "--import-mode=importlib", "-c", "pytest.ini", "-p", "no:cacheprovider", str(test),
    )  # fmt: skip
    summary = output.strip().splitlines()[-1]
    assert re.match(r"\d+ passed(, \d+ warnings?)? in", summary), output
    return f"private attributes of uvicorn, ipykernel and ipywidgets: {summary}"


def fast(environment: Environment, folder: Path) -> str:
    """Run the fast tests of some packages with the libraries of this environment."""
    tests = CHECKOUT / "tests"
    # These test what only ipywidgets 8 and IPython 8 have.
    newer = ("completion", "gallery", "refresher")
    tooltips = "tests/notebook/test_composer.py::test_every_control_has_label_and_tooltip"
    output = run(
        environment, folder, str(environment.python), "-m", "pytest", "--quiet", "-n", "2",
        "-p", "no:cacheprovider", "-c", str(CHECKOUT / "pyproject.toml"),
        "-m", "not slow and not browser",
        "-W", "ignore::DeprecationWarning",  # old libraries on a new Python
        "--deselect", tooltips,
        *(f"--ignore={tests / 'notebook' / f'test_{name}.py'}" for name in newer),
        *(str(tests / name) for name in ("api", "ledger", "notebook", "results", "session")),
        PYTHONPATH=str(CHECKOUT), LIANGXIN_SPEED="1",
    )  # fmt: skip
    return f"fast tests: {output.strip().splitlines()[-1]}"


def execute(environment: Environment, folder: Path) -> str:
    """Run `jupyter execute`, which uses nbclient."""
    write(folder / "n.ipynb", LOAD, PROMPT_CELL, "job.result")
    jupyter(environment, folder, "jupyter", "execute", "--inplace", "n.ipynb")
    assert len(pictures(folder / "n.ipynb")) == 2
    return "waits for the result; picture and one line saved"


def papermill(environment: Environment, folder: Path) -> str:
    """Run papermill with a parameter that is inserted into the prompt."""
    prompt_cell = "%%liangxin --size square --template --out job\na {animal} on a wall"
    write(
        folder / "n.ipynb",
        "animal = 'cat'",
        LOAD,
        prompt_cell,
        "job.record.request.prompt",
        tags="parameters",
    )
    jupyter(
        environment,
        folder,
        "papermill",
        "n.ipynb",
        "out.ipynb",
        "-p",
        "animal",
        "dog",
        "-k",
        "python3",
    )
    assert len(pictures(folder / "out.ipynb")) == 1
    assert "a dog on a wall" in (folder / "out.ipynb").read_text(encoding="utf-8")
    return "parameter inserted into the prompt (--template); picture saved"


def nbconvert(environment: Environment, folder: Path) -> str:
    """Convert to HTML with nbconvert, which runs the notebook."""
    write(folder / "n.ipynb", LOAD, PROMPT_CELL)
    jupyter(environment, folder, "jupyter", "nbconvert", "--to", "html", "--execute", "n.ipynb")
    return check_html(folder / "n.html")


def export(environment: Environment, folder: Path) -> str:
    """Convert a notebook to HTML that has been run, without its kernel."""
    write(folder / "n.ipynb", LOAD, PROMPT_CELL)
    jupyter(environment, folder, "jupyter", "execute", "--inplace", "n.ipynb")
    jupyter(environment, folder, "jupyter", "nbconvert", "--to", "html", "n.ipynb")
    return check_html(folder / "n.html")


def check_html(file: Path) -> str:
    """Check that an HTML file contains the picture itself."""
    html = file.read_text(encoding="utf-8")
    images = re.findall(r'<img[^>]+src="data:image/jpeg;base64,[A-Za-z0-9+/=\s]{1000,}"', html)
    assert len(images) == 1
    assert "widget-view+json" not in html
    return "page contains the picture; no kernel, widget or network needed"


#: Types into a terminal; pexpect is a dependency of IPython.
_TYPING = """
import pexpect, sys
shell = pexpect.spawn(
    sys.executable, ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
    timeout=60, encoding="utf-8", dimensions=(40, 160),
)
shell.logfile_read = sys.stdout
for cell in (["%load_ext liangxin_nb"], ["%%liangxin --size square", "a cat", "", ""],
             ["%%liangxin no-such-model --any-model", "a cat", "", ""], ["exit"]):
    shell.expect(r"In \\[\\d+\\]: ")
    for line in cell:
        shell.sendline(line)
shell.expect(pexpect.EOF)
"""


def terminal(environment: Environment, folder: Path) -> str:
    """IPython in a terminal: one line is rewritten, then the path; an error is one line."""
    output = run(environment, folder, str(environment.python), "-c", _TYPING)
    assert re.search(rf"\x1b\[2K{STATES}", output), output
    assert re.search(DONE, output), output
    assert re.search(r"APIError: The service \w+ the request \(400\)", output), output
    assert "Traceback" not in output
    return "one line is rewritten, then the path"


_SCRIPT = """
import liangxin_nb as lx
job = lx.generate("a cat on a wall", size="square")
lx.show(job)
result = job.wait()
assert lx.read_metadata(result.paths[0]).prompt == "a cat on a wall"
try:
    lx.generate("a cat", size="nonsense")
except lx.InvalidRequestError as error:
    print(error)
"""


def script(environment: Environment, folder: Path) -> str:
    """Run a Python script."""
    (folder / "s.py").write_text(_SCRIPT, encoding="utf-8")
    output = run(environment, folder, str(environment.python), "s.py")
    assert re.search(STATES, output), output
    assert re.search(DONE, output), output
    assert "nothing was billed" in output
    return "one line for each state, then the path"


def override(environment: Environment, folder: Path) -> str:
    """Set the kind of front end: a card with old widgets, lines of text without widgets."""
    prompt_cell = PROMPT_CELL.replace("--out", "--wait --out")
    for name, expected in (("live", "widget-view+json"), ("plain", "<Job z-image")):
        write(folder / f"{name}.ipynb", LOAD, prompt_cell)
        code = _RUN_AND_PRINT.format(name=f"{name}.ipynb")
        output = run(
            environment, folder, str(environment.python), "-c", code, LIANGXIN_FRONTEND=name
        )
        assert expected in output, output
        assert len(pictures(folder / f"{name}.ipynb")) == 1
    return "LIANGXIN_FRONTEND=live: card, then picture; plain: lines of text, then picture"


#: Runs a notebook and prints each message that a front end would display.
_RUN_AND_PRINT = """
import nbformat
from nbclient import NotebookClient
class Client(NotebookClient):
    def output(self, outs, msg, display_id, cell_index):
        print(msg["msg_type"], list(msg["content"].get("data", {{}}).items()), flush=True)
        return super().output(outs, msg, display_id, cell_index)
notebook = nbformat.read("{name}", 4)
Client(notebook, timeout=120).execute()
nbformat.write(notebook, "{name}")
"""

CHECKS: dict[str, Callable[[Environment, Path], str]] = {
    "compat": compat,
    "fast": fast,
    "execute": execute,
    "papermill": papermill,
    "nbconvert": nbconvert,
    "export": export,
    "terminal": terminal,
    "script": script,
    "override": override,
}
