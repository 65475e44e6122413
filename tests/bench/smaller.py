"""Making pictures small beside the polling: in threads, as it is done, and in processes."""

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context

from liangxin_nb.imaging import thumbnail
from liangxin_nb.sandbox.painter import paint

_PICTURES, _AT_ONCE, _TICK = 8, 2, 0.005


async def _made(pool, originals):
    """Seconds for all of them, and milliseconds by which the loop was late at worst."""
    loop, start, worst = asyncio.get_running_loop(), time.perf_counter(), 0.0
    made = asyncio.gather(*(loop.run_in_executor(pool, thumbnail, one) for one in originals))
    while not made.done():
        before = time.perf_counter()
        await asyncio.sleep(_TICK)
        worst = max(worst, time.perf_counter() - before - _TICK)
    await made
    return time.perf_counter() - start, 1000 * worst


@cache
def both():
    """(seconds, stall in ms) in threads, and in processes that run already."""
    originals = [paint("a city at night", seed=n, size=(2048, 2048)) for n in range(2)]
    originals *= _PICTURES // len(originals)
    figures = []
    for pool in (
        ThreadPoolExecutor(_AT_ONCE),
        ProcessPoolExecutor(_AT_ONCE, mp_context=get_context("spawn")),
    ):
        with pool:
            list(pool.map(thumbnail, originals[:_AT_ONCE]))
            figures.append(asyncio.run(_made(pool, originals)))
    return figures


def _of(place):
    return lambda: tuple(figure[place] for figure in both())


FIGURES = [
    ("8 pictures of 2048 px made small, in threads / in processes", "s", _of(0)),
    ("the polling loop's longest stall meanwhile / the same", "ms", _of(1)),
]
