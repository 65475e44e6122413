"""A process to be killed at any moment: asks for what is not asked for yet, collects the rest.

Arguments: address, results folder, number of prompts; the key comes from the environment. Prints
`begun` and, at the end, `done`.
"""

import sys
from contextlib import suppress

from liangxin_nb.errors import LiangxinError
from liangxin_nb.pacing import Pace
from liangxin_nb.session import Session


def main(url, results, count):
    """What a careful script would do after each restart."""
    quick = Pace(steps=((float("inf"), 0.05, 0.1),), spacing=0.005, creating=0.2)
    session = Session(base_url=url, results=results, pace=quick)
    print("begun", flush=True)
    jobs = session.resume()
    # Whatever may have been sent is not asked for again.
    asked = {t.request.prompt for t in session.ledger.tickets(most=None) if t.fate != "intent"}
    wanted = [f"a lake, number {n}" for n in range(int(count))]
    jobs += [session.generate(p, size="square") for p in wanted if p not in asked]
    for job in jobs:
        with suppress(LiangxinError):
            job.wait()
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
