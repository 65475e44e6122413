"""Many tasks of several processes under one key, in real time: `python -m tests.bench.crowd`.

The sandbox refuses with 429 what goes beyond the limits, and counts. Each process has a session
and a folder of its own, as four notebooks have.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import cache
from pathlib import Path

_KEY = "sk-bench-0123456789abcdef"
#: Twenty creates in any ten seconds.
_CREATES, _WITHIN = 20, 10.0
#: The same for all, so that the sandbox draws once: its drawing is not what is measured.
_WISH = {"prompt": "a lake", "size": "square", "seed": 7}


def serve(speed, *faults):
    """A sandbox of our own that enforces the limits: its process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "liangxin_nb.sandbox", "--speed", str(speed),
         "--faults", ",".join(("limits", *faults))],
        stdout=subprocess.PIPE, env={**os.environ, "LIANGXIN_SANDBOX_KEY": _KEY},
    )  # fmt: skip
    return process, json.loads(process.stdout.readline())["url"]


def told(url):
    """What the sandbox counted."""
    with urllib.request.urlopen(f"{url}/sandbox") as reply:
        return json.load(reply)


def lower_bound(tasks, seconds):
    """Seconds in which no client can be done: the last create goes out, and its task runs."""
    return (tasks - 1) // _CREATES * _WITHIN + seconds


def crowd(processes=4, each=30, speed=4.0):
    """The figures of `processes` sessions with `each` tasks; z-image takes about 8 s / speed."""
    server, url = serve(speed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        try:
            return _counted(url, Path(place), processes, each, 8.0 / speed)
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()


def _counted(url, place, processes, each, seconds):
    environment = {
        **os.environ,
        "LIANGXIN_API_KEY": _KEY,
        "LIANGXIN_BASE_URL": url,
        "LIANGXIN_PROFILE": "liangxin",
        "LIANGXIN_BUDGET": str(place / "budget"),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.crowd", str(place / str(number)), str(each)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )
        for number in range(processes)
    ]  # fmt: skip
    for worker in workers:
        worker.stdout.readline()
    begun = time.time()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    ends = [json.loads(worker.communicate(timeout=3600)[0]) for worker in workers]
    took = max(end["finished"][-1] for end in ends) - begun
    limits = told(url)["limits"]
    half = sorted(moment for end in ends for moment in end["finished"])[processes * each // 2]
    shares = [sum(moment <= half for moment in end["finished"]) for end in ends]
    least = lower_bound(processes * each, seconds)
    return {
        "tasks": processes * each,
        "refused": sum(limit["refused"] for limit in limits.values()),
        "most queries in 1 s": limits["recordInfo"]["most"],
        "makespan": took,
        "lower bound": least,
        "ratio": took / least,
        "share": min(shares) / max(1, max(shares)),
        "failed": sum(end["failed"] for end in ends),
        "late": statistics.mean(late for end in ends for late in end["late"]),
        "questions": told(url)["calls"]["recordInfo"] / (processes * each),
        "growth": max(end["growth"] for end in ends),
    }


def _work(place, each):
    """One process: asks for its pictures, and tells when each was there."""
    from liangxin_nb import Session

    session = Session(results=Path(place))
    print("ready", flush=True)
    sys.stdin.readline()
    finished, memory, failed = [], [], 0

    def watch(status):
        if status.is_final:
            finished.append(time.time())

    jobs = [session.generate(**_WISH) for _ in range(int(each))]
    ids = [job.record.id for job in jobs]
    for job in jobs:
        job.watch(watch)
    while jobs:
        try:
            jobs.pop(0).wait()
        except Exception:
            failed += 1
        memory.append(_resident())
    late = [seconds for ticket in ids if (seconds := _late(session, ticket)) is not None]
    session.close()
    grown = memory[-1] - memory[len(memory) // 2]
    end = {"finished": sorted(finished), "failed": failed, "late": late, "growth": grown}
    print(json.dumps(end))


def _late(session, ticket):
    """Seconds from the end at the service to the answer that told of it, by the ledger."""
    for at, what, detail in session.ledger.events(ticket):
        if what == "success":
            return at - json.loads(detail)["data"]["completeTime"] / 1000
    return None


def _resident():
    """MiB of memory in use."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


@cache
def _once():
    return crowd(each=250 if os.environ.get("FULL") else 15)


def _of(what, limit):
    return lambda: (_once()[what], _once()[limit] if isinstance(limit, str) else limit)


_COUNT = "1,000" if os.environ.get("FULL") else "60"
FIGURES = [
    (f"{_COUNT} tasks, 4 processes, one key: done / the least that the limits allow", "s",
     _of("makespan", "lower bound")),
    ("of them refused with 429 / allowed", "", _of("refused", 0)),
    ("most questions in any second at the server / the limit", "", _of("most queries in 1 s", 10)),
    ("memory grown over the second half of the tasks / allowed", "MiB", _of("growth", 10)),
]  # fmt: skip
if os.environ.get("FULL"):  # of few tasks it tells who was there first, when all turns are free
    FIGURES.append(
        ("smallest share of a process beside the largest, halfway / wanted", "", _of("share", 0.7))
    )

if __name__ == "__main__":
    _work(*sys.argv[1:])
