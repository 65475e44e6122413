"""Pytest hooks of the whole run: the random seed, and how flaky tests are reported."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

SEED = pytest.StashKey[int]()


def pytest_addoption(parser):
    parser.addoption("--random-seed", type=int, help="repeat a run with the seed that it printed")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """Choose one seed for the run; pytest-xdist's workers receive it from the main process."""
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
    """Hand the seed to a worker of pytest-xdist."""
    node.workerinput["random_seed"] = node.config.stash[SEED]


def pytest_report_header(config):
    seed = config.stash[SEED]
    return f"random seed: {seed} (repeat with --random-seed {seed})"


@pytest.fixture
def rng(request):
    """A random generator that gives the same numbers in a run with the same seed."""
    return random.Random(f"{request.config.stash[SEED]} {request.node.nodeid}")


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Report a test that failed and then passed as flaky, with its first failure in full.

    pytest-rerunfailures keeps the first failure among the "rerun" reports. Those whose second run
    passed are counted as "flaky", which pytest adds to its closing line.
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
