"""Named mutations: known defects, each with the test that must fail.

They are listed in tests/mutations*.toml. Each is applied separately to a copy of the checkout, in
which its test is run.
"""

import os
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .checkout import ROOT, assert_copy_is_imported, copy_checkout, environment

_TIMEOUT_S = 300.0  # then a test run counts as hanging
_PYTEST = ("-m", "pytest", "-n", "0", "-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider")
_RED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Mutation:
    """One entry: `old` is replaced by `new` in `file`; then `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """Result of a mutation: verdict, failed tests, and duration."""

    mutation: Mutation
    verdict: str
    red: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def good(self):
        return self.verdict == "red"


def read_mutations(root=ROOT):
    """Return all entries of tests/mutations*.toml, in the order of the files."""
    mutations = []
    for path in sorted((root / "tests").glob("mutations*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("mutation", []):
            tests = entry.pop("test")
            entry["tests"] = (tests,) if isinstance(tests, str) else tuple(tests)
            mutations.append(Mutation(**entry))
    return mutations


def occurrences(mutation, root=ROOT):
    """Count the text to be replaced in its file; a mutation applies if it occurs once."""
    path = root / mutation.file
    return path.read_text(encoding="utf-8").count(mutation.old) if path.is_file() else 0


def run_mutations(mutations, processes=2, root=ROOT):
    """Run the test of each mutation on a mutated copy, and yield the outcomes.

    First all tests are run without a mutation: they must pass.

    Args:
        mutations: The mutations to run.
        processes: Number of mutations that run in parallel, each on a separate copy.
        root: The checkout in which the texts to be replaced are counted.
    """
    applicable = [mutation for mutation in mutations if occurrences(mutation, root) == 1]
    for mutation in mutations:
        if mutation not in applicable:
            yield Outcome(mutation, f"NOT APPLICABLE: found {occurrences(mutation, root)} times")
    if not applicable:
        return
    with tempfile.TemporaryDirectory(prefix="liangxin-mutation-") as folder:
        copies = queue.SimpleQueue()
        for number in range(processes):
            copies.put(copy_checkout(Path(folder) / str(number) / ROOT.name))
        copy = copies.get()
        assert_copy_is_imported(copy)
        tests = sorted({test for mutation in applicable for test in mutation.tests})
        code, red, seconds = run_tests(copy, tests)
        copies.put(copy)
        print(f"without a mutation: {len(red)} tests failed, {seconds:.0f} s", flush=True)
        if code:
            what = ", ".join(red) or f"pytest ended with {code}"
            raise SystemExit(f"The tests must pass without a mutation first: {what}")

        def run(mutation):
            copy = copies.get()
            try:
                return _run_one(copy, mutation)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(processes) as pool:
            yield from pool.map(run, applicable)


def _run_one(copy, mutation):
    path = copy / mutation.file
    original = path.read_text(encoding="utf-8")
    path.write_text(original.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        code, red, seconds = run_tests(copy, mutation.tests)
    finally:
        path.write_text(original, encoding="utf-8")
    if code == 0:
        return Outcome(mutation, "SURVIVED", (), seconds)
    if code == 1 and red:
        return Outcome(mutation, "red", red, seconds)
    if code is None:
        return Outcome(mutation, "HANGS", (), seconds)
    return Outcome(mutation, f"BROKEN: pytest ended with {code}", red, seconds)


def run_tests(copy, tests):
    """Run tests in a copy; return exit code (None if it hung), failed tests and seconds."""
    start = time.monotonic()
    command = [sys.executable, *_PYTEST, f"--basetemp={copy.parent / 'tmp'}", *tests]
    process = subprocess.Popen(
        command, cwd=copy, env=environment(copy), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    # Includes the processes that the tests have started.
    timer = threading.Timer(_TIMEOUT_S, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    output = process.communicate()[0]
    timer.cancel()
    seconds = time.monotonic() - start
    code = None if process.returncode == -signal.SIGKILL else process.returncode
    if code not in (0, 1):
        print(output[-2000:], flush=True)
    return code, red_tests(output), seconds


def red_tests(output):
    """Return the node ids in the summary of pytest's output."""
    return tuple(dict.fromkeys(_RED.findall(output)))


def main(names=(), processes=2):
    """Print the table of mutations; return 1 if a mutation was not detected.

    Args:
        names: Only mutations with one of these in their name. Empty means all.
        processes: Number of mutations that run in parallel.
    """
    selected = [
        mutation for mutation in read_mutations()
        if not names or any(name in mutation.name for name in names)
    ]  # fmt: skip
    if not selected:
        print("There is no such mutation.")
        return 1
    width = max(len(mutation.name) for mutation in selected)
    outcomes = []
    for outcome in run_mutations(selected, processes):
        outcomes.append(outcome)
        result = ", ".join(outcome.red) if outcome.good else outcome.verdict
        print(f"{outcome.mutation.name:{width}}  {outcome.seconds:5.1f} s  {result}", flush=True)
    bad = [outcome for outcome in outcomes if not outcome.good]
    print(f"{len(outcomes)} mutations, {len(outcomes) - len(bad)} detected.")
    return 1 if bad else 0
