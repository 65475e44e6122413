"""Pytest hooks: the random seed of a run, and the report of flaky tests."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

SEED = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption("--random-seed", type=int, help="repeat a run with its printed seed")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Choose the seed of the run; workers of pytest-xdist receive it from the main process."""
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        seed = workerinput["random_seed"]
    else:
        seed = config.getoption("random_seed")
        seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    config.stash[SEED] = seed
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(seed)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Send the seed to a worker of pytest-xdist."""
    node.workerinput["random_seed"] = node.config.stash[SEED]


def pytest_report_header(config):
    seed = config.stash[SEED]
    return f"random seed: {seed} (repeat with --random-seed {seed})"


@pytest.fixture
def rng(request):
    """Provide a random generator that depends on the seed of the run and on the test."""
    return random.Random(f"{request.config.stash[SEED]} {request.node.nodeid}")


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Report tests that failed and then passed as flaky, with the first failure.

    pytest-rerunfailures adds the first failure to the "rerun" reports. If the second run passed, it
    is counted as "flaky", which pytest adds to its summary line.
    """
    reruns = terminalreporter.stats.pop("rerun", [])
    failed = {report.nodeid for name in ("failed", "error")
              for report in terminalreporter.stats.get(name, [])}  # fmt: skip
    for report in reruns:
        outcome = "failed twice" if report.nodeid in failed else "flaky: passed when run again"
        terminalreporter.section(f"{report.nodeid} {outcome}; the first failure", sep="-")
        terminalreporter.write_line(report.longreprtext)
        for name, content in report.sections:
            terminalreporter.write_line(f"[{name}]\n{content[-4000:]}")
    flaky = [report for report in reruns if report.nodeid not in failed]
    if flaky:
        terminalreporter.stats["flaky"] = flaky
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.writelines(f"- flaky: `{report.nodeid}`\n" for report in flaky)
