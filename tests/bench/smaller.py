"""Benchmark of thumbnails during polling: in threads (as implemented) and in processes."""

import asyncio
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context

from liangxin_nb.imaging import thumbnail
from liangxin_nb.sandbox.painter import paint

_PICTURES, _WORKERS, _TICK = 8, 2, 0.005


async def _measure(pool, originals):
    """Return seconds for all pictures, and the longest delay of the loop in milliseconds."""
    loop, start, worst = asyncio.get_running_loop(), time.perf_counter(), 0.0
    thumbnails = asyncio.gather(
        *(loop.run_in_executor(pool, thumbnail, data) for data in originals)
    )
    while not thumbnails.done():
        before = time.perf_counter()
        await asyncio.sleep(_TICK)
        worst = max(worst, time.perf_counter() - before - _TICK)
    await thumbnails
    return time.perf_counter() - start, 1000 * worst


@cache
def both():
    """Return (seconds, delay in ms) for threads, and for processes that are already running."""
    originals = [paint("a city at night", seed=n, size=(2048, 2048)) for n in range(2)]
    originals *= _PICTURES // len(originals)
    figures = []
    for pool in (
        ThreadPoolExecutor(_WORKERS),
        ProcessPoolExecutor(_WORKERS, mp_context=get_context("spawn")),
    ):
        with pool:
            list(pool.map(thumbnail, originals[:_WORKERS]))
            figures.append(asyncio.run(_measure(pool, originals)))
    return figures


def _compare(index):
    return lambda: tuple(figure[index] for figure in both())


FIGURES = [
    ("8 thumbnails of 2048 px pictures, in threads / in processes", "s", _compare(0)),
    ("longest delay of the polling loop during that / the same", "ms", _compare(1)),
]
