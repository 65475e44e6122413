"""Reports of the random seed and of flaky tests, checked with small test files."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow  # each starts pytest and a worker

CHECKOUT = Path(__file__).parent.parent
FLAKY = """
import pathlib, pytest

@pytest.mark.flaky(reruns=1)
def test_it():
    marker = pathlib.Path(__file__).with_name("marker")
    if not marker.exists():
        marker.touch()
        pytest.fail("the first failure")
"""
BROKEN = """
import pytest

@pytest.mark.flaky(reruns=1)
def test_it():
    pytest.fail("both failures")
"""
RANDOM = """
def test_it(rng):
    print("\\nrandom:", rng.random())
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Return a function that runs one test file and returns the result."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(source, *options):
        pytester.makepyfile(source)
        return pytester.runpytest_subprocess("-p", "tests.run_report", *options)

    return run


def test_pass_after_a_failure_is_reported_as_flaky(run):
    result = run(FLAKY, "-n", "1")
    assert result.ret == 0
    assert "1 flaky" in result.outlines[-1]
    result.stdout.fnmatch_lines(["*flaky: passed when run again; the first failure*"])
    result.stdout.fnmatch_lines(["*the first failure*"])


def test_two_failures_are_reported_as_failed(run):
    result = run(BROKEN, "-n", "1")
    assert result.ret == 1
    assert "1 failed" in result.outlines[-1]
    assert "flaky" not in result.outlines[-1]
    result.stdout.fnmatch_lines(["*failed twice; the first failure*"])


def test_seed_is_printed_and_repeats_the_random_numbers(run):
    first = run(RANDOM, "-s")
    (seed,) = (line.split()[2] for line in first.outlines if line.startswith("random seed:"))
    again, other = run(RANDOM, "-s", "--random-seed", seed), run(RANDOM, "-s", "--random-seed", "1")
    numbers = [
        next(line for line in result.outlines if line.startswith("random: "))
        for result in (first, again, other)
    ]
    assert numbers[0] == numbers[1] != numbers[2]


def test_github_summary_lists_flaky_tests(run, monkeypatch, tmp_path):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run(FLAKY, "-n", "0")
    (line,) = summary.read_text(encoding="utf-8").splitlines()
    assert line.startswith("- flaky: `")
    assert line.endswith("::test_it`")
