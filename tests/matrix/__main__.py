"""`make matrix`: makes each environment anew, tries each front end in it, prints a table.

    python -m tests.matrix [NAME …]

With names, only those environments or front ends.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from ..browser.driver import Driver
from .checks import CHECKS
from .environments import PLANS, made, wheel
from .pages import PAGES


def rows(wanted, folder):
    """Each row: environment, its versions, front end, what was seen, seconds."""
    built = wheel(folder / "wheel")
    driver = Driver()
    try:
        for plan in PLANS:
            tries = [t for t in plan.tries if not wanted or {t, plan.name} & wanted]
            if tries:
                yield from row(plan, tries, built, folder, driver)
    finally:
        driver.stop()


def row(plan, tries, built, folder, driver):
    """The rows of one environment; one that fails does not end the others."""
    here = made(plan, built, folder / plan.name)
    if here is None:
        yield plan.name, "", "all", f"not tried: no Python {plan.python} here", 0.0
        return
    versions = here.versions()
    said = ", ".join(f"{name} {number}" for name, number in versions.items())
    for name in tries:
        place = folder / f"{plan.name}-{name}"
        place.mkdir()
        start = time.monotonic()
        try:
            if name in PAGES:
                with driver.activate() as browser:
                    seen = PAGES[name](here, place, browser)
            else:
                seen = CHECKS[name](here, place)
        except Exception as error:  # a table with a failed row is the result
            seen = f"FAILED: {' '.join(str(error).split())[-300:]}"
        yield plan.name, said, name, seen, time.monotonic() - start


def main():
    """Prints the table as it grows; ends with 1 when a row has failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="environments or front ends; default all")
    wanted = set(parser.parse_args().names)
    failed, last = 0, ""
    with tempfile.TemporaryDirectory(
        prefix="liangxin-matrix-", ignore_cleanup_errors=True
    ) as folder:
        for name, versions, front, seen, seconds in rows(wanted, Path(folder)):
            if name != last:
                print(f"\n{name}: {versions}", flush=True)
            last = name
            failed += seen.startswith("FAILED")
            print(f"  {front:<10} {seconds:5.0f} s  {seen}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
