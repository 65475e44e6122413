"""Mutation scores: mutmut on the modules of modules.toml, each with its own fast tests.

Everything happens in `.mutation/` below the checkout, which git ignores: a copy of the checkout
for each module, and in it what mutmut has found. A run that was ended goes on there.
"""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from .checkout import ROOT, copy_checkout

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
WORK = ROOT / ".mutation"
_LISTS = Path(__file__).parent / "modules.toml"
_PYTEST = [
    "-n0", "--random-seed=0", "-p", "no:cacheprovider", "-p", "no:rerunfailures",
    "-p", "tests.mutation.hypothesis_profile", "-W", "ignore",
]  # fmt: skip


@dataclass(frozen=True)
class Module:
    """A module to mutate, and the tests that are run on each mutant."""

    file: str
    tests: tuple[str, ...]
    without: str = ""  # an expression of pytest's -k: tests too slow for thousands of runs

    def folder(self, kind):
        """Where its mutants are; a sample (`kind`) must not replace what all of them gave."""
        return WORK / kind / self.file.removesuffix(".py").replace("/", ".")


@dataclass
class Score:
    """What came of a module's mutants."""

    file: str
    left: int = 0
    killed: int = 0
    equivalent: int = 0
    survivors: list = field(default_factory=list)

    @property
    def run(self):
        return self.killed + len(self.survivors)

    @property
    def percent(self):
        return 100 * self.killed / self.run if self.run else 0.0


def read_modules():
    return [
        Module(entry["file"], tuple(entry["tests"]), entry.get("without", ""))
        for entry in tomllib.loads(_LISTS.read_text(encoding="utf-8"))["module"]
    ]


def read_equivalent():
    """The mutants that no test can see: file, old line, new line; with the reason."""
    listed = tomllib.loads(_LISTS.read_text(encoding="utf-8")).get("equivalent", [])
    return {
        (one["file"], one["old"].strip(), new.strip()): one["reason"]
        for one in listed
        for new in ([one["new"]] if isinstance(one["new"], str) else one["new"])
    }


def _selection(module):
    """The arguments of pytest that choose a module's tests."""
    without = ["-k", f"not ({module.without})"] if module.without else []
    return [*module.tests, "-m", "not slow and not browser", *without]


def _configure(module, folder):
    """Copy the checkout, write mutmut's part of pyproject.toml; whether the tests have changed."""
    copy_checkout(folder, afresh=("tests", "mutants/tests"))
    settings = {
        "source_paths": ["liangxin_nb"],
        "only_mutate": [module.file],
        "pytest_add_cli_args": _PYTEST,
        "pytest_add_cli_args_test_selection": _selection(module),
        # The tests start threads and event loops: each mutant needs a process without them.
        "process_isolation": "forkserver",
        "timeout_multiplier": 5.0,
        "timeout_constant": 3.0,
        "use_git_change_detection": False,
        "on_dependency_change": "ignore",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.mutmut]\n" + "\n".join(lines) + "\n")
    helpers = (path for path in (ROOT / "tests").glob("*.py") if not path.match("test_*"))
    texts = [path.read_bytes() for path in (*(ROOT / t for t in module.tests), *sorted(helpers))]
    seen, now = folder / "tests.sha256", hashlib.sha256(b"".join(texts)).hexdigest()
    changed = seen.is_file() and seen.read_text() != now
    seen.write_text(now)
    return changed


def run_module(module, *, sample=None, seed=0, seconds=None, processes=2):
    """Run the mutants of one module, and return the score.

    Args:
        module: What to mutate.
        sample: How many mutants, drawn by chance; None means all that have no result yet.
        seed: For the draw.
        seconds: End after so long. The next run goes on from there.
        processes: How many mutants are run at once.
    """
    folder = module.folder("all" if sample is None else "sample")
    changed = _configure(module, folder)
    mutants = folder / "mutants"
    mutants.mkdir(exist_ok=True)  # Python would ignore a folder that is not there when it starts
    # Also the processes that tests start import the mutated module.
    environment = {**os.environ, "PYTHONPATH": str(mutants), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["--processes", str(processes), "--seed", str(seed)]
    options += ["--sample", str(sample)] if sample is not None else []
    options += ["--seconds", str(seconds)] if seconds is not None else []
    options += ["--changed"] if changed else []
    script = folder / "tests/mutation/mutmut_runner.py"
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    log_file = folder / "mutmut.log"
    with log_file.open("w") as log:
        done = subprocess.run(
            [sys.executable, script, *options],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode or not report.is_file():
        print(log_end(log_file))
        # Most often a test fails that passed in the checkout; mutmut does not say which.
        tests = [sys.executable, "-m", "pytest", "-x", "-q", *_PYTEST, *_selection(module)]
        subprocess.run(tests, cwd=mutants, env=environment | {"MUTANT_UNDER_TEST": ""}, check=False)
        raise SystemExit(f"mutmut ended with {done.returncode} on {module.file}.")
    return score_of(module.file, json.loads(report.read_text(encoding="utf-8")))


def log_end(path):
    """The last lines of mutmut's output, without its signs of progress."""
    lines = path.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()
    return "\n".join([line for line in lines if line.strip() and line[0] not in SPINNER][-9:])


def score_of(file, mutants):
    """Count the mutants of a report; those listed as equivalent do not count."""
    equivalent, score = read_equivalent(), Score(file)
    for mutant in mutants:
        if mutant["status"] == "not checked":
            score.left += 1
        elif mutant["killed"]:
            score.killed += 1
        elif (file, mutant["old"], mutant["new"]) in equivalent:
            score.equivalent += 1
        else:
            score.survivors.append(mutant)
    return score


def main(names=(), *, full=False, seed=0, sample=25, seconds=None, processes=2):
    """Print the mutation score of each module and its survivors.

    Args:
        names: Only modules whose path contains one of these. Empty means all.
        full: All mutants instead of a sample.
        seed: For the sample; printed, so that a run can be repeated.
        sample: How many mutants of each module.
        seconds: The longest time for one module.
        processes: How many mutants are run at once.
    """
    chosen = [m for m in read_modules() if not names or any(name in m.file for name in names)]
    kind = "all mutants" if full else f"{sample} mutants of each module, seed {seed}"
    print(f"mutmut: {kind}", flush=True)
    if not chosen:
        print("There is no such module.")
        return 1
    scores = []
    WORK.mkdir(exist_ok=True)
    for module in chosen:
        with FileLock(WORK / "lock", timeout=0):  # two runs would overwrite each other's results
            score = run_module(
                module, sample=None if full else sample, seed=seed, seconds=seconds,
                processes=processes,
            )  # fmt: skip
        scores.append(score)
        print(
            f"{score.file:30} {score.percent:5.1f} %  {score.killed} of {score.run} killed, "
            f"{score.equivalent} equivalent" + (f", {score.left} not run" if score.left else ""),
            flush=True,
        )
        for mutant in score.survivors:
            print(f"  {mutant['status']}: {mutant['name'].removeprefix('liangxin_nb.')}")
            print("".join(f"    - {line}\n" for line in mutant["old"].splitlines()), end="")
            print("".join(f"    + {line}\n" for line in mutant["new"].splitlines()), end="")
    killed, run = sum(score.killed for score in scores), sum(score.run for score in scores)
    print(f"{killed} of {run} mutants killed in {len(scores)} modules.")
    return 0
