"""Detection of the front end, and what is printed where widgets cannot be shown."""

import sys

import pytest

from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.widgets import frontend, is_interactive, show


class Kernel:
    """A shell whose front end can or cannot answer input()."""

    def __init__(self, **content):
        self.kernel = self
        self.content = content

    def get_parent(self):
        return {"content": self.content} if self.content else {}


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        (None, "script"),
        (object(), "terminal"),
        (Kernel(allow_stdin=True), "live"),
        (Kernel(allow_stdin=False), "headless"),
        (Kernel(silent=False), "live"),
        (Kernel(), "live"),
    ],
)
def test_front_end_is_detected_by_its_abilities(shell, expected, monkeypatch):
    module = sys.modules["liangxin_nb.notebook.widgets.frontend"]
    monkeypatch.setattr(module, "get_ipython", lambda: shell)
    assert frontend() == expected
    assert is_interactive() == (expected == "live")


def test_voila_is_detected_by_its_variable(monkeypatch):
    monkeypatch.setenv("VOILA_KERNEL_ID", "x")
    assert (frontend(), is_interactive()) == ("voila", True)


def test_variable_overrides_detection(monkeypatch):
    monkeypatch.setenv("VOILA_KERNEL_ID", "x")
    monkeypatch.setenv("LIANGXIN_FRONTEND", "plain")
    assert (frontend(), is_interactive()) == ("plain", True)


def test_unknown_front_end_is_rejected(monkeypatch):
    monkeypatch.setenv("LIANGXIN_FRONTEND", "lab")
    with pytest.raises(
        InvalidRequestError, match="FRONTEND='lab' is not valid; allowed: live, voila"
    ):
        frontend()


@pytest.mark.parametrize("name", ["live", "plain"])
def test_without_ipywidgets_states_and_result_are_printed(name, session, monkeypatch, capsys):
    monkeypatch.setenv("LIANGXIN_FRONTEND", name)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    for module in ("task_card", "card_factory"):
        monkeypatch.delitem(sys.modules, f"liangxin_nb.notebook.widgets.{module}", raising=False)
    job = session.generate("a cat", size="square")
    show(job, session)
    job.wait(60)
    printed = capsys.readouterr().out
    assert "<Job z-image" in printed
    assert f"<Result z-image 512×512 · {job.task_id}" in printed
    assert "widget-view" not in printed


def test_each_task_in_terminal_has_its_own_line(session, monkeypatch, capsys):
    monkeypatch.setenv("LIANGXIN_FRONTEND", "terminal")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    jobs = [session.generate("a cat", size="square", seed=n) for n in range(2)]
    for job in jobs:
        show(job, session, brief=True)
    for job in jobs:
        job.wait(60)
    lines = capsys.readouterr().out.replace("\r\x1b[2K", "\r").splitlines()
    for job in jobs:
        (done,) = [line for line in lines if "● Done" in line and job.task_id in line]
        assert done.lstrip("\r").startswith("● Done · z-image · ")
    assert sum(line.endswith("/1.png") for line in lines) == 2
