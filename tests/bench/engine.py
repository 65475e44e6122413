"""The cost of following 300 running tasks in one process, with a sandbox.

Compared with a thread for each task that polls every 5 s, with the same client.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from .crowd import _KEY, serve

_TASKS, _SECONDS = 300, 20.0 if os.environ.get("FULL") else 8.0
_SETTLED = 3.0  # seconds until all tasks are followed


def costs(tasks=_TASKS, seconds=_SECONDS):
    """(ours, plain): CPU seconds per task and minute, and the main thread's longest stall in ms."""
    return tuple(_run(how, tasks, seconds) for how in ("ours", "plain"))


def _run(how, tasks, seconds):
    # At this speed no task ends during the measurement.
    server, url = serve(0.001)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        try:
            environment = {**os.environ, "LIANGXIN_API_KEY": _KEY, "LIANGXIN_BUDGET": place}
            code = [sys.executable, "-m", "tests.bench.engine", how, url, place]
            done = subprocess.run(
                [*code, str(tasks), str(seconds)],
                env=environment, capture_output=True, text=True, check=True, timeout=300,
            )  # fmt: skip
            return json.loads(done.stdout.splitlines()[-1])
        finally:
            server.terminate()
            server.wait(10)
            server.stdout.close()


def _measured(tasks, seconds):
    """Measure CPU per task and minute, and the longest stall of this thread."""
    cpu, begun, worst, last = time.process_time(), time.monotonic(), 0.0, time.monotonic()
    while last - begun < seconds:
        time.sleep(0.005)
        now = time.monotonic()
        worst, last = max(worst, now - last - 0.005), now
    used = (time.process_time() - cpu) / tasks / (last - begun) * 60
    return {"cpu": used, "stall": 1000 * worst}


def _ticking():
    """Measure an idle process, to subtract it."""
    return _measured(1, 1.0)


def _ours(url, place, tasks, seconds):
    from liangxin_nb import Session
    from liangxin_nb.core.request import Request

    # Creating is not measured: the tasks exist, and are resumed all at once.
    session = Session(base_url=url, results=Path(place) / "r")
    for task in _created(url, tasks):
        record = session.ledger.create(Request("z-image", "a lake"), "liangxin", url)
        session.ledger.update(record, "submitted", status="submitted", task_id=task)
    assert len(session.resume()) == tasks
    time.sleep(_SETTLED)
    return _measured(tasks, seconds)


def _plain(url, place, tasks, seconds):
    import threading

    import httpx

    ids = _created(url, tasks)

    def poll(task):
        with httpx.Client(headers={"Authorization": f"Bearer {_KEY}"}) as client:
            while True:
                client.get(f"{url}/api/v1/jobs/recordInfo", params={"taskId": task})
                time.sleep(5)

    for task in ids:
        threading.Thread(target=poll, args=(task,), daemon=True).start()
    time.sleep(_SETTLED)
    return _measured(tasks, seconds)


def _created(url, tasks):
    import httpx

    body = {"model": "z-image", "input": {"prompt": "a lake", "image_size": "square"}}
    head = {"Authorization": f"Bearer {_KEY}"}
    httpx.put(f"{url}/sandbox/faults", json={"faults": []}, headers=head)

    async def create_all():
        async with httpx.AsyncClient(headers=head, timeout=60) as client:
            made = [client.post(f"{url}/api/v1/jobs/createTask", json=body) for _ in range(tasks)]
            return [reply.json()["data"]["taskId"] for reply in await asyncio.gather(*made)]

    return asyncio.run(create_all())


@cache
def _both():
    return costs()


def _of(what, factor=1.0):
    return lambda: tuple(factor * cost[what] for cost in _both())


FIGURES = [
    ("CPU for each followed task and minute, 300 live / a thread each, every 5 s", "ms",
     _of("cpu", 1000)),
    ("main thread's longest stall meanwhile / the same", "ms", _of("stall")),
]  # fmt: skip

if __name__ == "__main__":
    how, url, place, tasks, seconds = sys.argv[1:]
    idle = _ticking()
    result = {"ours": _ours, "plain": _plain}[how](url, place, int(tasks), float(seconds))
    ticking = idle["cpu"] / int(tasks)
    print(
        json.dumps({"cpu": max(0.0, result["cpu"] - ticking), "stall": result["stall"]}), flush=True
    )
    os._exit(0)  # the polling threads would block the exit
