"""Runs mutmut on one module, in a copy of the checkout; started by `modules.py` as a script.

Differs from the command `mutmut` in three ways: texts for people are left as they are, because
tests do not repeat every word of a message; a random sample of the mutants can be run; and a run
can be ended after some seconds, to go on from there the next time. Writes `report.json`.
"""

import argparse
import contextlib
import json
import random
import signal
import sys
from pathlib import Path

# The folder of this script is no place to import from, the package `tests` is that of `mutants/`.
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, "")

from libcst import SimpleString
from mutmut import __main__ as mutmut
from mutmut.mutation import mutators
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

KILLED = ("killed", "timeout", "segfault", "suspicious")


def leave_messages(mutate):
    """Wrap the operator for strings: one with a space is a text for people, "utf-8" is too."""

    def operator(node):
        if not isinstance(node, SimpleString) or " " in node.value or node.value == '"utf-8"':
            return
        # One change is enough: a key in other letters fails just as a key with more letters does.
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
    """Let the mutants that no test has seen be run again: the tests have changed."""
    mutmut._reset_mutant_results(lambda _, code: status_by_exit_code[code] not in KILLED)
    Path("mutants/mutmut-stats.json").unlink(missing_ok=True)


def report(path, names):
    """Write what came of each mutant: name, status, the old and the new lines.

    Args:
        path: The JSON file to write.
        names: Only these mutants; empty means all.
    """
    found = []
    for name, code in mutant_names().items():
        if names and name not in names:
            continue
        diff = get_diff_for_mutant(name).splitlines()[2:]
        old = [line[1:].strip() for line in diff if line.startswith("-")]
        new = [line[1:].strip() for line in diff if line.startswith("+")]
        status = status_by_exit_code[code]
        found.append({
            "name": name, "status": status, "killed": status in KILLED,
            "old": "\n".join(old), "new": "\n".join(new),
        })  # fmt: skip
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1), encoding="utf-8")


def limit_time(seconds):
    """End the run some seconds after the preparations, which a run that goes on has again."""
    prepared = mutmut.run_forced_fail_test

    def begin(runner):
        prepared(runner)
        signal.alarm(seconds)

    def stop(*_):
        raise KeyboardInterrupt  # mutmut ends its workers then, and has saved what is done

    mutmut.run_forced_fail_test = begin
    signal.signal(signal.SIGALRM, stop)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, help="how many mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=int, help="end after so long, and go on next time")
    parser.add_argument("--changed", action="store_true", help="the tests are not those of before")
    chosen = parser.parse_args()
    prepare()
    names = sorted(mutant_names())
    if chosen.changed:
        forget_survivors()
    if chosen.sample is not None and chosen.sample < len(names):
        names = random.Random(chosen.seed).sample(names, chosen.sample)
        mutmut._reset_mutant_results(lambda *_: True)
    else:
        names = []
    if chosen.seconds:
        limit_time(chosen.seconds)
    with contextlib.suppress(KeyboardInterrupt):
        mutmut._run(names, chosen.processes)
    signal.alarm(0)
    report(Path("report.json"), names)


if __name__ == "__main__":
    main()
