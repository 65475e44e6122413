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
        chosen = re.search(r"options: \[(.+)\]", text) if "inputs.target" in target else None
        assert word == "make"
        assert set(chosen[1].split(", ") if chosen else [target]) <= targets
