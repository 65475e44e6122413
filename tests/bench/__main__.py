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

_ABOUT = """## Lateness against questions

Seconds from a task's end to the answer that tells of it: mean (95th percentile) · questions for
each task. In virtual time, each task by itself; *learned* knows 50 tasks that are over. *As many,
evenly* is the fixed poller that asks just as many questions as *learned* does; the ratio is to its
mean. No rule that keeps 2 s between two questions can come much below 1 s where ends are spread.
*Never seen* has no history: there *learned* is the documented schedule, and differs by chance only.
"""


def main():
    """Runs every figure, prints the tables, and writes them down."""
    title = f"{datetime.now().astimezone():%Y-%m-%d}, {_machine()}, {'full' if FULL else 'quick'}"
    said = _Said()
    said.more(f"# Figures\n\nPrinted by `make bench`: {title}. {_busy()}\n")
    _waiting(said, title)
    said.more("\n## Cost and throughput\n\n| figure: ours / plain | ours | plain | ratio |")
    said.more("|---|--:|--:|--:|")
    for name, unit, measure in _figures():
        ours, plain = measure()
        ratio = f"{ours / plain:.3f}" if plain else ""
        said.more(f"| {name} | {ours:.4g} {unit} | {plain:.4g} {unit} | {ratio} |")


class _Said:
    """What was printed so far, in the file too."""

    def __init__(self):
        self._lines = []

    def more(self, line):
        self._lines.append(line)
        print(line, flush=True)
        (DOCS / "bench.md").write_text("\n".join(self._lines) + "\n", encoding="utf-8")


def _busy():
    """Whether other work took the processors: then figures in real time tell of it, too."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load <= _LOAD:
        return ""
    return (
        f"Other work kept the machine busy ({load:.0f} processes waiting for each core): times "
        "of the clock and stalls are worse than a quiet machine's."
    )


def _waiting(said, title):
    """How late an end is seen by each way of asking, and for how many questions."""
    seen = list(pacing.measured(3000 if FULL else 300))
    chart.draw(seen, DOCS / "pacing.png", title)
    ways = list(seen[0][1])
    said.more(_ABOUT)
    said.more(f"| durations | {' | '.join(ways)} | as many, evenly | ratio |")
    said.more("|---|" + "--:|" * (len(ways) + 2))
    for name, by_way, (interval, even) in seen:
        cells = [f"{s.late:.2f} ({s.p95:.1f}) · {s.asked:.1f}" for s in by_way.values()]
        cells += [f"{interval:.1f} s: {even.late:.2f} · {even.asked:.1f}"]
        ratio = by_way["learned"].late / even.late
        said.more(f"| {name} | {' | '.join(cells)} | {ratio:.2f} |")
    known = [(ways, even) for name, ways, (_, even) in seen if name in chart.KNOWN]
    ours = sum(ways["learned"].late for ways, _ in known) / len(known)
    evenly = sum(even.late for _, even in known) / len(known)
    said.more(f"\nOver the five with a history: {ours:.2f} s against {evenly:.2f} s evenly,")
    said.more(f"a ratio of {ours / evenly:.2f}.")
    said.more("\n![Mean lateness against questions for each task](pacing.png)")


def _figures():
    names = [module.name for module in pkgutil.iter_modules(here) if module.name != "__main__"]
    for name in sorted(names, key=lambda name: (name == "crowd", name)):  # the longest comes last
        yield from getattr(importlib.import_module(f"{__package__}.{name}"), "FIGURES", [])


def _machine():
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
