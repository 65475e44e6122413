"""`make bench`: a table of figures, each beside the plain alternative, from the same run.

Printed, and written to docs/bench.md with the chart docs/pacing.png. `FULL=1` takes more tasks: a
thousand in real time, thousands in virtual time. A module here that has FIGURES is a part of it.
"""

import importlib
import os
import pkgutil
import platform
from datetime import datetime
from pathlib import Path

from . import __path__ as here
from . import chart, pacing

FULL = bool(os.environ.get("FULL"))
DOCS = Path(__file__).parents[2] / "docs"
_LOAD = 1.0  # running processes for each core above which figures in real time tell of the others


def main():
    """Runs every figure, prints the tables, and writes them down."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    title = f"{datetime.now().astimezone():%Y-%m-%d}, {_machine()}, {'full' if FULL else 'quick'}"
    busy = f" The machine was busy with other work ({load:.1f} processes for each core)."
    lines = [f"# Figures\n\nPrinted by `make bench`: {title}.{busy if load > _LOAD else ''}\n"]
    lines += _waiting(title)
    lines += ["\n## Cost and throughput\n", "| figure: ours / plain | ours | plain | ratio |"]
    lines += ["|---|--:|--:|--:|"]
    for name, unit, measure in _figures():
        ours, plain = measure()
        ratio = f"{ours / plain:.3f}" if plain else ""
        lines.append(f"| {name} | {ours:.4g} {unit} | {plain:.4g} {unit} | {ratio} |")
        print(lines[-1], flush=True)
    (DOCS / "bench.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def _waiting(title):
    """How late an end is seen by each way of asking, and for how many questions."""
    seen = list(pacing.measured(6000 if FULL else 600))
    chart.draw(seen, DOCS / "pacing.png", title)
    ways = list(seen[0][1])
    lines = [
        "## Lateness against questions\n",
        "Seconds from a task's end to the answer that tells of it: mean (95th percentile) · "
        "questions for each task. In virtual time, each task by itself; *learned* knows 50 tasks "
        "that are over. *As many, evenly* is the fixed poller that asks just as many questions as "
        "*learned* does; the ratio is to its mean.\n",
        f"| durations | {' | '.join(ways)} | as many, evenly | ratio |",
        "|---|" + "--:|" * (len(ways) + 2),
    ]
    for name, by_way, (interval, even) in seen:
        cells = [f"{s.late:.2f} ({s.p95:.1f}) · {s.asked:.1f}" for s in by_way.values()]
        cells += [f"{interval:.1f} s: {even.late:.2f} · {even.asked:.1f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {by_way['learned'].late / even.late:.2f} |")
    print("\n".join(lines), flush=True)
    return [*lines, "\n![Mean lateness against questions for each task](pacing.png)"]


def _figures():
    for module in sorted(pkgutil.iter_modules(here), key=lambda module: module.name):
        if module.name != "__main__":
            yield from getattr(
                importlib.import_module(f"{__package__}.{module.name}"), "FIGURES", []
            )


def _machine():
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
