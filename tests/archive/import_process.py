"""Imports archives, each in a child process, and prints what became of it and what it took.

The arguments are the paths of the archives; `valid.zip` is in the same folder.
"""

import json
import os
import resource
import sys
from pathlib import Path

from liangxin_nb.archive.importer import import_zip
from liangxin_nb.errors import LiangxinError
from liangxin_nb.ledger import Ledger, is_healthy
from liangxin_nb.results import ResultStore


def import_one(path, place):
    """Import one archive and then the valid one; return the figures."""
    place.mkdir()
    results = ResultStore(place / "results")
    ledger = Ledger(results.root / "ledger.sqlite")
    outcome = {"line": "", "left_out": []}
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    try:
        report = import_zip(path, ledger, results, place, trust=False)
        outcome |= {"jobs": report.jobs, "left_out": report.left_out}
    except LiangxinError as error:
        outcome |= {"jobs": 0, "line": str(error)}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    outcome |= {"cpu_s": sum(usage[:2]) - before, "memory_mb": usage.ru_maxrss / 1024}
    count = len(list(results.root.glob("*/*/metadata.json")))
    outcome |= {"healthy": is_healthy(results.root / "ledger.sqlite"), "results": count}
    valid = import_zip(path.with_name("valid.zip"), ledger, results, None, trust=False)
    return outcome | {"valid": valid.jobs + valid.already_here}


def main(*paths):
    for path in paths:
        if (child := os.fork()) == 0:
            try:
                text = json.dumps(import_one(path, path.with_name(f"{path.name}.d")))
                os.write(1, f"{text}\n".encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
