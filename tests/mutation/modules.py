"""Mutation scores: mutmut on the modules of modules.toml, each with its own fast tests.

Results are saved in `.mutation/` in the checkout, which git ignores: a copy of the checkout for
each module with the results of mutmut. An interrupted run continues there.
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
    without: str = ""  # for pytest -k: tests that are too slow for thousands of runs

    def folder(self, kind):
        """Return the folder of its mutants; a sample must not overwrite the results of all."""
        return WORK / kind / self.file.removesuffix(".py").replace("/", ".")


@dataclass
class Score:
    """The results of a module's mutants."""

    file: str
    not_run: int = 0
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
    """Return the reasons of equivalent mutants by file, old line and new line."""
    entries = tomllib.loads(_LISTS.read_text(encoding="utf-8")).get("equivalent", [])
    return {
        (entry["file"], entry["old"].strip(), new.strip()): entry["reason"]
        for entry in entries
        for new in ([entry["new"]] if isinstance(entry["new"], str) else entry["new"])
    }


def _selection(module):
    """Return the pytest arguments that select the tests of a module."""
    without = ["-k", f"not ({module.without})"] if module.without else []
    return [*module.tests, "-m", "not slow and not browser", *without]


def _configure(module, folder):
    """Copy the checkout, configure mutmut, and return whether the tests have changed."""
    copy_checkout(folder, removed_first=("tests", "mutants/tests"))
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
    contents = [path.read_bytes() for path in (*(ROOT / t for t in module.tests), *sorted(helpers))]
    digest_file, digest = folder / "tests.sha256", hashlib.sha256(b"".join(contents)).hexdigest()
    changed = digest_file.is_file() and digest_file.read_text() != digest
    digest_file.write_text(digest)
    return changed


def run_module(module, *, sample=None, seed=0, seconds=None, processes=2):
    """Run the mutants of one module, and return the score.

    Args:
        module: What to mutate.
        sample: Number of random mutants; None means all without a result.
        seed: Seed of the random selection.
        seconds: Time limit; the next run continues.
        processes: Number of mutants that run in parallel.
    """
    folder = module.folder("all" if sample is None else "sample")
    changed = _configure(module, folder)
    mutants = folder / "mutants"
    mutants.mkdir(
        exist_ok=True
    )  # Python ignores folders in PYTHONPATH that do not exist when it starts
    # Processes that the tests start import the mutated module, too.
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
        process = subprocess.run(
            [sys.executable, script, *options],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if process.returncode or not report.is_file():
        print(log_end(log_file))
        # Usually a test fails that passed in the checkout; mutmut does not report which.
        tests = [sys.executable, "-m", "pytest", "-x", "-q", *_PYTEST, *_selection(module)]
        subprocess.run(tests, cwd=mutants, env=environment | {"MUTANT_UNDER_TEST": ""}, check=False)
        raise SystemExit(f"mutmut ended with {process.returncode} on {module.file}.")
    return score_of(module.file, json.loads(report.read_text(encoding="utf-8")))


def log_end(path):
    """Return the last lines of mutmut's output, without progress indicators."""
    lines = path.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").splitlines()
    return "\n".join([line for line in lines if line.strip() and line[0] not in SPINNER][-9:])


def score_of(file, mutants):
    """Count the mutants of a report, without those listed as equivalent."""
    equivalent, score = read_equivalent(), Score(file)
    for mutant in mutants:
        if mutant["status"] == "not checked":
            score.not_run += 1
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
        names: Only modules with one of these in their path. Empty means all.
        full: All mutants instead of a sample.
        seed: Seed of the sample; printed, so that a run can be repeated.
        sample: Number of mutants of each module.
        seconds: Time limit for each module.
        processes: Number of mutants that run in parallel.
    """
    selected = [m for m in read_modules() if not names or any(name in m.file for name in names)]
    kind = "all mutants" if full else f"{sample} mutants of each module, seed {seed}"
    print(f"mutmut: {kind}", flush=True)
    if not selected:
        print("There is no such module.")
        return 1
    scores = []
    WORK.mkdir(exist_ok=True)
    for module in selected:
        with FileLock(WORK / "lock", timeout=0):  # two runs would overwrite each other's results
            score = run_module(
                module, sample=None if full else sample, seed=seed, seconds=seconds,
                processes=processes,
            )  # fmt: skip
        scores.append(score)
        print(
            f"{score.file:30} {score.percent:5.1f} %  {score.killed} of {score.run} killed, "
            f"{score.equivalent} equivalent"
            + (f", {score.not_run} not run" if score.not_run else ""),
            flush=True,
        )
        for mutant in score.survivors:
            print(f"  {mutant['status']}: {mutant['name'].removeprefix('liangxin_nb.')}")
            print("".join(f"    - {line}\n" for line in mutant["old"].splitlines()), end="")
            print("".join(f"    + {line}\n" for line in mutant["new"].splitlines()), end="")
    killed, run = sum(score.killed for score in scores), sum(score.run for score in scores)
    print(f"{killed} of {run} mutants killed in {len(scores)} modules.")
    return 0
