"""`make mutate`: named mutations, then mutmut on the modules that affect billing.

python -m tests.mutation                     the named mutations
python -m tests.mutation NAME …              only those with NAME in their name
python -m tests.mutation --modules           a sample of each module's mutants
python -m tests.mutation --modules --full    all of them; continues an interrupted run
python -m tests.mutation --modules ledger    only modules with "ledger" in their path
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
    parser.add_argument("--seconds", type=int, help="maximum time for one module")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    if not options.modules:
        return named.main(options.names, options.processes)
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    return modules.main(
        options.names, full=options.full, seed=seed, sample=options.sample,
        seconds=options.seconds, processes=options.processes,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
