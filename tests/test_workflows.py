"""The workflows call what the Makefile has, and nothing of their own."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_targets_of_the_makefile_only(path):
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    runs = re.findall(r"- run: (.+)", text)
    assert runs
    for command in runs:
        word, target = command.split(" ", 1)
        assert word == "make"
        listed = re.search(r"target: \[(.+)\]", text) if "matrix.target" in target else None
        names = listed[1].split(", ") if listed else [target]
        assert {name.split()[0] for name in names} <= targets
