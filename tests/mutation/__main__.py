"""`make mutate`: named mutations, then a mutation tool on the modules that guard the money.

python -m tests.mutation                     the named mutations
python -m tests.mutation NAME …              only those whose name contains NAME
python -m tests.mutation --modules           a sample of each module's mutants
python -m tests.mutation --modules --full    all of them; goes on where it was ended
python -m tests.mutation --modules purse     only modules whose path contains "purse"
"""

import argparse
import random
import sys

from . import modules, named


def main():
    """Read the command line, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--modules", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--sample", type=int, default=25, help="mutants of each module")
    parser.add_argument("--seed", type=int, help="repeat a sample")
    parser.add_argument("--seconds", type=int, help="the longest time for one module")
    parser.add_argument("--processes", type=int, default=2)
    chosen = parser.parse_args()
    if not chosen.modules:
        return named.main(chosen.names, chosen.processes)
    seed = random.SystemRandom().randrange(2**32) if chosen.seed is None else chosen.seed
    return modules.main(
        chosen.names, full=chosen.full, seed=seed, sample=chosen.sample,
        seconds=chosen.seconds, processes=chosen.processes,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
