"""Runs mutmut on one module, in a copy of the checkout; started by `modules.py` as a script.

Differs from the command `mutmut` in three ways: messages are not mutated, because tests do not
repeat every word of them; a random sample of the mutants can be run; and a run can have a time
limit and be continued later. Writes `report.json`.
"""

import argparse
import contextlib
import json
import random
import signal
import sys
from pathlib import Path

# Do not import from the folder of this script: the package `tests` is that in `mutants/`.
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, "")

from libcst import SimpleString
from mutmut import __main__ as mutmut
from mutmut.mutation import mutators
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

KILLED = ("killed", "timeout", "segfault", "suspicious")


def leave_messages(mutate):
    """Wrap the operator for strings; skip messages (strings with a space) and "utf-8"."""

    def operator(node):
        if not isinstance(node, SimpleString) or " " in node.value or node.value == '"utf-8"':
            return
        # One change is enough: all variants of a changed key fail in the same way.
        yield from list(mutate(node))[:1]

    return operator


def prepare():
    """Use the operators of this file."""
    for n, (kind, operator) in enumerate(mutators.mutation_operators):
        if operator is mutators.operator_string:
            mutators.mutation_operators[n] = (kind, leave_messages(operator))


def mutant_names():
    """Write the mutated module, and return the names of all mutants with their results."""
    mutmut.set_mutant_under_test("mutant_generation")
    mutmut.copy_src_dir()
    mutmut.copy_also_copy_files()
    mutmut.create_mutants(1)
    mutants, _ = mutmut.collect_source_file_mutation_data(mutant_names=())
    return {name: result for _, name, result in mutants}


def forget_survivors():
    """Run the surviving mutants again, because the tests have changed."""
    mutmut._reset_mutant_results(lambda _, code: status_by_exit_code[code] not in KILLED)
    Path("mutants/mutmut-stats.json").unlink(missing_ok=True)


def report(path, names):
    """Write the result of each mutant: name, status, old and new lines.

    Args:
        path: The JSON file to write.
        names: Only these mutants; empty means all.
    """
    entries = []
    for name, code in mutant_names().items():
        if names and name not in names:
            continue
        diff = get_diff_for_mutant(name).splitlines()[2:]
        old = [line[1:].strip() for line in diff if line.startswith("-")]
        new = [line[1:].strip() for line in diff if line.startswith("+")]
        status = status_by_exit_code[code]
        entries.append({
            "name": name, "status": status, "killed": status in KILLED,
            "old": "\n".join(old), "new": "\n".join(new),
        })  # fmt: skip
    path.write_text(json.dumps(entries, ensure_ascii=False, indent=1), encoding="utf-8")


def limit_time(seconds):
    """Stop the run some seconds after the preparations."""
    prepared = mutmut.run_forced_fail_test

    def begin(runner):
        prepared(runner)
        signal.alarm(seconds)

    def stop(*_):
        raise KeyboardInterrupt  # mutmut then stops its workers and has saved the results

    mutmut.run_forced_fail_test = begin
    signal.signal(signal.SIGALRM, stop)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, help="number of random mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, help="time limit; the next run continues")
    parser.add_argument(
        "--changed", action="store_true", help="the tests have changed since the last run"
    )
    options = parser.parse_args()
    prepare()
    names = sorted(mutant_names())
    if options.changed:
        forget_survivors()
    if options.sample is not None and options.sample < len(names):
        names = random.Random(options.seed).sample(names, options.sample)
        mutmut._reset_mutant_results(lambda *_: True)
    else:
        names = []
    if options.seconds:
        limit_time(options.seconds)
    with contextlib.suppress(KeyboardInterrupt):
        mutmut._run(names, options.processes)
    signal.alarm(0)
    report(Path("report.json"), names)


if __name__ == "__main__":
    main()
