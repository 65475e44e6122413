"""A process with a batch, to be killed at any moment and taken up again.

Arguments: address, results folder, and the batch's id where it is taken up; the key comes from
the environment. Prints the id, and how it stands at the end.
"""

import sys
from contextlib import suppress

from liangxin_nb.batches import draft, reopen
from liangxin_nb.errors import LiangxinError
from liangxin_nb.pacing import Pace
from liangxin_nb.session import Session


def main(url, results, count, id=""):
    quick = Pace(steps=((float("inf"), 0.05, 0.1),), spacing=0.005)
    session = Session(base_url=url, results=results, pace=quick)
    if id:
        batch = reopen(session, id)
    else:
        prompts = [f"a lake, number {n}" for n in range(int(count) // 2)]
        batch = draft(session, prompts, seeds=[1, 2], size="square").begin(most=int(count))
    print(batch.id, flush=True)
    with suppress(LiangxinError):
        batch.wait()
    print(batch.progress.text, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
