"""Many tasks of several processes under one key, in real time: `python -m tests.bench.crowd`.

The sandbox rejects requests beyond the limits with 429, and counts them. Each process has its own
session and folder, like four notebooks.
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
#: The same for all, so that the sandbox draws once: drawing is not measured.
_REQUEST = {"prompt": "a lake", "size": "square", "seed": 7}


def serve(speed, *faults):
    """Start a sandbox that enforces the limits; return its process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "liangxin_nb.sandbox", "--speed", str(speed),
         "--faults", ",".join(("limits", *faults))],
        stdout=subprocess.PIPE, env={**os.environ, "LIANGXIN_SANDBOX_KEY": _KEY},
    )  # fmt: skip
    return process, json.loads(process.stdout.readline())["url"]


def read_counters(url):
    """Return the counters of the sandbox."""
    headers = {"Authorization": f"Bearer {_KEY}"}
    request = urllib.request.Request(f"{url}/sandbox", headers=headers)
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def lower_bound(tasks, seconds):
    """Return the minimum of seconds: until the last create is allowed, plus its task."""
    return (tasks - 1) // _CREATES * _WITHIN + seconds


def crowd(processes=4, each=30, speed=4.0):
    """Measure `processes` sessions with `each` tasks; z-image takes about 8 s / speed."""
    server, url = serve(speed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            return _run_workers(url, Path(folder), processes, each, 8.0 / speed)
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()


def _run_workers(url, folder, processes, each, seconds):
    environment = {
        **os.environ,
        "LIANGXIN_API_KEY": _KEY,
        "LIANGXIN_BASE_URL": url,
        "LIANGXIN_PROFILE": "liangxin",
        "LIANGXIN_BUDGET": str(folder / "budget"),
    }
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.bench.crowd", str(folder / str(number)), str(each)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )
        for number in range(processes)
    ]  # fmt: skip
    for worker in workers:
        worker.stdout.readline()
    start = time.time()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    ends = [json.loads(worker.communicate(timeout=3600)[0]) for worker in workers]
    makespan = max(end["finished"][-1] for end in ends) - start
    limits = read_counters(url)["limits"]
    half = sorted(time_ for end in ends for time_ in end["finished"])[processes * each // 2]
    shares = [sum(time_ <= half for time_ in end["finished"]) for end in ends]
    bound = lower_bound(processes * each, seconds)
    return {
        "tasks": processes * each,
        "refused": sum(limit["rejected"] for limit in limits.values()),
        "most queries in 1 s": limits["recordInfo"]["max_per_second"],
        "makespan": makespan,
        "lower bound": bound,
        "ratio": makespan / bound,
        "share": min(shares) / max(1, max(shares)),
        "failed": sum(end["failed"] for end in ends),
        "late": statistics.mean(late for end in ends for late in end["late"]),
        "questions": read_counters(url)["calls"]["recordInfo"] / (processes * each),
        "growth": max(end["growth"] for end in ends),
    }


def _work(folder, each):
    """Run one process: submit its jobs, and print when each was saved."""
    from liangxin_nb import Session

    session = Session(results=Path(folder))
    print("ready", flush=True)
    sys.stdin.readline()
    finished, memory, failed = [], [], 0

    def on_update(update):
        if update.is_final:
            finished.append(time.time())

    jobs = [session.generate(**_REQUEST) for _ in range(int(each))]
    ids = [job.record.id for job in jobs]
    for job in jobs:
        job.watch(on_update)
    while jobs:
        try:
            jobs.pop(0).wait()
        except Exception:
            failed += 1
        memory.append(_resident())
    late = [seconds for job_id in ids if (seconds := _late(session, job_id)) is not None]
    session.close()
    grown = memory[-1] - memory[len(memory) // 2]
    end = {"finished": sorted(finished), "failed": failed, "late": late, "growth": grown}
    print(json.dumps(end))


def _late(session, job_id):
    """Return the seconds from the end at the service until it was noticed, by the ledger."""
    for created_at, event, detail in session.ledger.events(job_id):
        if event == "success":
            return created_at - json.loads(detail)["data"]["completeTime"] / 1000
    return None


def _resident():
    """Return the memory in use, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


@cache
def _once():
    return crowd(each=250 if os.environ.get("FULL") else 15)


def _of(figure, limit):
    return lambda: (_once()[figure], _once()[limit] if isinstance(limit, str) else limit)


_COUNT = "1,000" if os.environ.get("FULL") else "60"
FIGURES = [
    (f"{_COUNT} tasks, 4 processes, one key: seconds / the minimum that the limits allow", "s",
     _of("makespan", "lower bound")),
    ("of them rejected with 429 / allowed", "", _of("refused", 0)),
    ("maximum polls in any second at the server / the limit", "", _of("most queries in 1 s", 10)),
    ("memory growth during the second half of the tasks / allowed", "MiB", _of("growth", 10)),
]  # fmt: skip
if os.environ.get("FULL"):  # with few tasks, it only shows which process was first
    FIGURES.append(
        (
            "smallest share of a process / the largest, halfway / minimum",
            "",
            _of("share", 0.7),
        )
    )

if __name__ == "__main__":
    _work(*sys.argv[1:])
