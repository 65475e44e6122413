"""The cost of a slot, and how four processes share them; compared with pyrate-limiter."""

import json
import subprocess
import sys
import tempfile
import time
from functools import cache

_SHARED = """
import asyncio, json, sys, time
{setup}
async def main(place, rate):
    acquire = make(place, float(rate))
    print("ready", flush=True)
    sys.stdin.readline()
    end, count = time.monotonic() + {seconds}, 0
    cpu = time.process_time()
    while time.monotonic() < end:
        await acquire()
        count += 1
    print(json.dumps([count, (time.process_time() - cpu) / count * 1e6]))
asyncio.run(main(*sys.argv[1:]))
"""
_OURS = """
from liangxin_nb.ratelimit import SharedRateLimiter
from liangxin_nb.polling import PollSchedule
def make(place, rate):
    budget = SharedRateLimiter(PollSchedule(poll_interval_s=1 / rate), place)
    budget.bind("https://service.example", "sk-bench")
    return budget.acquire_poll
"""
_PYRATE = """
from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket
def make(place, rate):
    rates = [Rate(1, int(1000 / rate))]
    bucket = SQLiteBucket.init_from_file(rates, db_path=place + "/x.sqlite", use_file_lock=True)
    limiter = Limiter(bucket)
    return lambda: limiter.try_acquire_async("x")
"""


def shares(processes=4, seconds=4.0, rate=9.0):
    """(ours, pyrate-limiter): the smallest share beside the largest, and CPU µs of a turn."""
    return tuple(_shared(setup, processes, seconds, rate) for setup in (_OURS, _PYRATE))


def _shared(setup, processes, seconds, rate):
    code = _SHARED.replace("{setup}", setup).replace("{seconds}", str(seconds))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        command = [sys.executable, "-c", code, place, str(rate)]
        workers = [subprocess.Popen(command, **pipes) for _ in range(processes)]
        for worker in workers:
            worker.stdout.readline()
        time.sleep(0.2)
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        said = [json.loads(worker.communicate(timeout=120)[0]) for worker in workers]
    counts = [count for count, _ in said]
    cost = sum(micro for _, micro in said) / len(said)
    return {"share": min(counts) / max(counts), "cost": cost, "rate": sum(counts) / seconds}


@cache
def _both():
    return shares()


def _of(what):
    return lambda: tuple(side[what] for side in _both())


FIGURES = [
    ("turns of four processes, 9 a second wanted / pyrate-limiter's SQLite", "/s", _of("rate")),
    ("the smallest share beside the largest / the same", "", _of("share")),
    ("CPU of a turn that is waited for / the same", "us", _of("cost")),
]
