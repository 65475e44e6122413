"""Named mutations: known ways to break the product, each with the test that must turn red.

They are listed in tests/mutations*.toml. Each is applied to a copy of the checkout, alone, and
its test is run there.
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

_LONGEST = 300.0  # seconds after which a test run counts as hanging
_PYTEST = ("-m", "pytest", "-n", "0", "-x", "-q", "-rfE", "--tb=no", "-p", "no:cacheprovider")
_RED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Mutation:
    """One entry: in `file` the text `old` is replaced by `new`; then `tests` must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a mutation: the verdict, the tests that failed, and how long it took."""

    mutation: Mutation
    verdict: str
    red: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def good(self):
        return self.verdict == "red"


def read_mutations(root=ROOT):
    """Every entry of tests/mutations*.toml, in the order of the files."""
    found = []
    for path in sorted((root / "tests").glob("mutations*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("mutation", []):
            tests = entry.pop("test")
            entry["tests"] = (tests,) if isinstance(tests, str) else tuple(tests)
            found.append(Mutation(**entry))
    return found


def occurrences(mutation, root=ROOT):
    """How often the text to be replaced stands in its file; a mutation applies if once."""
    path = root / mutation.file
    return path.read_text(encoding="utf-8").count(mutation.old) if path.is_file() else 0


def run_mutations(mutations, processes=2, root=ROOT):
    """Run each mutation's test on a mutated copy, and yield the outcomes as they come.

    First all tests are run without a mutation: a test that is red anyway proves nothing.

    Args:
        mutations: What to run.
        processes: How many are run at once, each on a copy of its own.
        root: The checkout whose files are counted for "not applicable".
    """
    applicable = [one for one in mutations if occurrences(one, root) == 1]
    for one in mutations:
        if one not in applicable:
            yield Outcome(one, f"NOT APPLICABLE: found {occurrences(one, root)} times")
    if not applicable:
        return
    with tempfile.TemporaryDirectory(prefix="liangxin-mutation-") as folder:
        copies = queue.SimpleQueue()
        for number in range(processes):
            copies.put(copy_checkout(Path(folder) / str(number) / ROOT.name))
        copy = copies.get()
        assert_copy_is_imported(copy)
        code, red, seconds = run_tests(copy, sorted({t for one in applicable for t in one.tests}))
        copies.put(copy)
        print(f"without a mutation: {len(red)} tests red, {seconds:.0f} s", flush=True)
        if code:
            what = ", ".join(red) or f"pytest ended with {code}"
            raise SystemExit(f"The tests must pass without a mutation first: {what}")

        def run(one):
            copy = copies.get()
            try:
                return _run_one(copy, one)
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
    """Run tests in a copy; the exit code (None if it hung), the red tests, and the seconds."""
    begun = time.monotonic()
    command = [sys.executable, *_PYTEST, f"--basetemp={copy.parent / 'tmp'}", *tests]
    process = subprocess.Popen(
        command, cwd=copy, env=environment(copy), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    # Also what the tests have started, so that nothing is left running.
    timer = threading.Timer(_LONGEST, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    output = process.communicate()[0]
    timer.cancel()
    seconds = time.monotonic() - begun
    code = None if process.returncode == -signal.SIGKILL else process.returncode
    if code not in (0, 1):
        print(output[-2000:], flush=True)
    return code, red_tests(output), seconds


def red_tests(output):
    """The node ids in the short summary at the end of pytest's output."""
    return tuple(dict.fromkeys(_RED.findall(output)))


def main(names=(), processes=2):
    """Print the table of mutations; 1 if any did not turn a test red.

    Args:
        names: Only mutations whose name contains one of these. Empty means all.
        processes: How many are run at once.
    """
    chosen = [
        one for one in read_mutations()
        if not names or any(name in one.name for name in names)
    ]  # fmt: skip
    if not chosen:
        print("There is no such mutation.")
        return 1
    width = max(len(one.name) for one in chosen)
    outcomes = []
    for outcome in run_mutations(chosen, processes):
        outcomes.append(outcome)
        result = ", ".join(outcome.red) if outcome.good else outcome.verdict
        print(f"{outcome.mutation.name:{width}}  {outcome.seconds:5.1f} s  {result}", flush=True)
    bad = [outcome for outcome in outcomes if not outcome.good]
    print(f"{len(outcomes)} mutations, {len(outcomes) - len(bad)} turned a test red.")
    return 1 if bad else 0
