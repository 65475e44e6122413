"""What each front end without a browser must show: run it, read what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .environments import Environment

LOAD = "%load_ext liangxin_nb"
ASK = "%%liangxin --size square --seed 7 --out job\na cat on a wall"
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
LINE = r"<Result z-image 512×512 · task_\S+ · \S+/1\.png>"
#: What a terminal's lines look like: states, each once, and then the path.
STATES = r"[○◔◐◕] (Sending|Waiting|Queuing|Generating|Saving) · z-image"
DONE = r"● Done · z-image · task_\S+ · \d+ s\s+liangxin-results/\S+/1\.png"


def run(here: Environment, folder: Path, *command: str, **more: str) -> str:
    """What a command of the environment prints; raises with its words when it fails."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "JPY_"))}
    state = folder / ".home"
    own = {
        "PATH": here.path,
        "LIANGXIN_SPEED": "8",
        "IPYTHONDIR": str(state / "ipython"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "PYTHONWARNINGS": "ignore",
    }
    if here.name != "this":
        kept.pop("PYTHONPATH", None)  # only the wheel may be there
    done = subprocess.run(
        command, cwd=folder, env={**kept, **own, **more}, text=True, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


def jupyter(here: Environment, folder: Path, *command: str, **more: str) -> str:
    """What a Jupyter command of the environment prints."""
    # By its interpreter: the scripts' first lines are longer than some systems take.
    return run(here, folder, str(here.python), "-m", *command, **more)


def write(file: Path, *cells: str, tags: str = "") -> None:
    """A notebook file; the first cell may have a tag."""
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
    """The outputs of a notebook file that are pictures; no widget may be left in any."""
    notebook = json.loads(file.read_text(encoding="utf-8"))
    outputs = [out for cell in notebook["cells"] for out in cell["outputs"]]
    assert "widget-view" not in json.dumps(outputs)
    found = [out for out in outputs if "image/jpeg" in out.get("data", {})]
    for out in found:
        assert set(out["data"]) == {"image/jpeg", "text/plain"}
        assert len(json.dumps(out)) <= 64 * 1024
        assert re.fullmatch(LINE, "".join(out["data"]["text/plain"]))
    return found


def execute(here: Environment, folder: Path) -> str:
    """`jupyter execute`, which is nbclient."""
    write(folder / "n.ipynb", LOAD, ASK, "job.result")
    jupyter(here, folder, "jupyter", "execute", "--inplace", "n.ipynb")
    assert len(pictures(folder / "n.ipynb")) == 2
    return "waits by itself; picture and one line saved"


def papermill(here: Environment, folder: Path) -> str:
    """Papermill with a parameter that is filled into the prompt."""
    ask = "%%liangxin --size square --template --out job\na {animal} on a wall"
    write(
        folder / "n.ipynb",
        "animal = 'cat'",
        LOAD,
        ask,
        "job.record.request.prompt",
        tags="parameters",
    )
    jupyter(
        here, folder, "papermill", "n.ipynb", "out.ipynb", "-p", "animal", "dog", "-k", "python3"
    )
    assert len(pictures(folder / "out.ipynb")) == 1
    assert "a dog on a wall" in (folder / "out.ipynb").read_text(encoding="utf-8")
    return "a parameter reaches the prompt (--template); picture saved"


def nbconvert(here: Environment, folder: Path) -> str:
    """Nbconvert to HTML, running the notebook."""
    write(folder / "n.ipynb", LOAD, ASK)
    jupyter(here, folder, "jupyter", "nbconvert", "--to", "html", "--execute", "n.ipynb")
    return page(folder / "n.html")


def export(here: Environment, folder: Path) -> str:
    """Nbconvert to HTML of a notebook that has run, on a machine without its kernel."""
    write(folder / "n.ipynb", LOAD, ASK)
    jupyter(here, folder, "jupyter", "execute", "--inplace", "n.ipynb")
    jupyter(here, folder, "jupyter", "nbconvert", "--to", "html", "n.ipynb")
    return page(folder / "n.html")


def page(file: Path) -> str:
    """A page of HTML holds the picture itself."""
    html = file.read_text(encoding="utf-8")
    found = re.findall(r'<img[^>]+src="data:image/jpeg;base64,[A-Za-z0-9+/=\s]{1000,}"', html)
    assert len(found) == 1
    assert "widget-view+json" not in html
    return "the page holds the picture; no kernel, no widget, no network"


#: Types into a real terminal; pexpect comes with IPython.
_TYPING = """
import pexpect, sys
shell = pexpect.spawn(
    sys.executable, ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
    timeout=60, encoding="utf-8", dimensions=(40, 160),
)
shell.logfile_read = sys.stdout
for cell in (["%load_ext liangxin_nb"], ["%%liangxin --size square", "a cat", "", ""],
             ["%%liangxin no-such-model", "a cat", "", ""], ["exit"]):
    shell.expect(r"In \\[\\d+\\]: ")
    for line in cell:
        shell.sendline(line)
shell.expect(pexpect.EOF)
"""


def terminal(here: Environment, folder: Path) -> str:
    """IPython in a terminal: a line rewritten in place, then the path; an error is one line."""
    said = run(here, folder, str(here.python), "-c", _TYPING)
    assert re.search(rf"\x1b\[2K{STATES}", said), said
    assert re.search(DONE, said), said
    assert "UsageError: The service rejected the request (400)" in said
    assert "Traceback" not in said
    return "one line rewritten in place, then the path"


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


def script(here: Environment, folder: Path) -> str:
    """A plain Python script."""
    (folder / "s.py").write_text(_SCRIPT, encoding="utf-8")
    said = run(here, folder, str(here.python), "s.py")
    assert re.search(STATES, said), said
    assert re.search(DONE, said), said
    assert "nothing was billed" in said
    return "each state a line, then the path"


def override(here: Environment, folder: Path) -> str:
    """A kernel that is told who looks: a card with old widgets, and lines of text without any."""
    ask = ASK.replace("--out", "--wait --out")
    for name, seen in (("live", "widget-view+json"), ("plain", "<Job z-image")):
        write(folder / f"{name}.ipynb", LOAD, ask)
        code = _WATCHED.format(name=f"{name}.ipynb")
        said = run(here, folder, str(here.python), "-c", code, LIANGXIN_FRONTEND=name)
        assert seen in said, said
        assert len(pictures(folder / f"{name}.ipynb")) == 1
    return "LIANGXIN_FRONTEND=live: card, then picture; plain: lines of text, then picture"


#: Runs a notebook and prints each message that a front end would have drawn.
_WATCHED = """
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
    "execute": execute,
    "papermill": papermill,
    "nbconvert": nbconvert,
    "export": export,
    "terminal": terminal,
    "script": script,
    "override": override,
}
