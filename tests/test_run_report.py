"""How a run reports its seed and its flaky tests, tried on small test files of its own."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow  # each starts pytest anew, and that a worker

CHECKOUT = Path(__file__).parent.parent
FLAKY = """
import pathlib, pytest

@pytest.mark.flaky(reruns=1)
def test_it():
    tried = pathlib.Path(__file__).with_name("tried")
    if not tried.exists():
        tried.touch()
        pytest.fail("what went wrong at first")
"""
BROKEN = """
import pytest

@pytest.mark.flaky(reruns=1)
def test_it():
    pytest.fail("what went wrong both times")
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


def test_test_that_passes_when_run_again_is_reported_as_flaky(run):
    result = run(FLAKY, "-n", "1")
    assert result.ret == 0
    assert "1 flaky" in result.outlines[-1]
    result.stdout.fnmatch_lines(["*flaky: passed when run again; the first failure*"])
    result.stdout.fnmatch_lines(["*what went wrong at first*"])


def test_test_that_fails_twice_is_a_failure(run):
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


def test_run_on_github_lists_its_flaky_tests_in_the_summary(run, monkeypatch, tmp_path):
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run(FLAKY, "-n", "0")
    (line,) = summary.read_text(encoding="utf-8").splitlines()
    assert line.startswith("- flaky: `")
    assert line.endswith("::test_it`")
