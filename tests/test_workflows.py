"""The workflows run only targets of the Makefile."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_runs_only_targets_of_the_makefile(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    runs = re.findall(r"- run: (.+)", text)
    assert runs
    for command in runs:
        program, target = command.split(" ", 1)
        assert program == "make"
        matrix = re.search(r"target: \[(.+)\]", text) if "matrix.target" in target else None
        names = matrix[1].split(", ") if matrix else [target]
        assert {name.split()[0] for name in names} <= targets
