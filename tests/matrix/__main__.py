"""`make matrix`: create each environment, run its checks and print a table.

    python -m tests.matrix [NAME …]

With names, only those environments or checks.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from ..browser.driver import Driver
from ..installing import CHECKOUT, build_wheel
from .checks import CHECKS
from .collaboration import collaboration
from .environments import PLANS, create
from .extensions import EXTENSIONS
from .pages import PAGES

IN_A_BROWSER = {**PAGES, "collaboration": collaboration}
OTHERS = {**CHECKS, **EXTENSIONS}


def run_plans(names, folder):
    """Yield environment, versions, check, outcome and seconds of each check."""
    wheel = build_wheel(CHECKOUT, folder / "wheel")
    driver = Driver()
    try:
        for plan in PLANS:
            selected = [check for check in plan.checks if not names or {check, plan.name} & names]
            if selected:
                yield from run_checks(plan, selected, wheel, folder, driver)
    finally:
        driver.stop()


def run_checks(plan, names, wheel, folder, driver):
    """Yield the outcome of each check in one environment; a failure does not stop the others."""
    environment = create(plan, wheel, folder / plan.name)
    if environment is None:
        yield plan.name, "", "all", f"not run: Python {plan.python} is not installed", 0.0
        return
    numbers = environment.versions(plan.requirements)
    versions = ", ".join(f"{name} {number}" for name, number in numbers.items())
    for name in names:
        work = folder / f"{plan.name}-{name}"
        work.mkdir()
        start = time.monotonic()
        try:
            if name in IN_A_BROWSER:
                with driver.activate() as browser:
                    outcome = IN_A_BROWSER[name](environment, work, browser)
            else:
                outcome = OTHERS[name](environment, work)
        except Exception as error:  # a failure is a result of the table
            outcome = f"FAILED: {' '.join(str(error).split())[-300:]}"
        yield plan.name, versions, name, outcome, time.monotonic() - start


def main():
    """Print the table row by row; exit with 1 if a check has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="environments or checks; default all")
    names = set(parser.parse_args().names)
    failures, previous = 0, ""
    with tempfile.TemporaryDirectory(
        prefix="liangxin-matrix-", ignore_cleanup_errors=True
    ) as folder:
        for plan, versions, check, outcome, seconds in run_plans(names, Path(folder)):
            if plan != previous:
                print(f"\n{plan}: {versions}", flush=True)
            previous = plan
            failures += outcome.startswith("FAILED")
            print(f"  {check:<13} {seconds:5.0f} s  {outcome}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
