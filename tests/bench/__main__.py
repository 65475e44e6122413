"""`make bench`: benchmarks, each compared with a simple alternative in the same run.

The tables are printed and written to docs/bench.md, with the chart docs/pacing.png. `FULL=1` uses
more tasks: a thousand in real time, thousands in virtual time. Each module in this package with a
list FIGURES is part of the benchmarks.
"""

import importlib
import os
import pkgutil
import platform
from datetime import datetime
from pathlib import Path

from . import __path__ as package_path
from . import chart, pacing

FULL = bool(os.environ.get("FULL"))
DOCS = Path(__file__).parents[2] / "docs"
_MAX_LOAD = 1.0  # running processes per core; above it, other work affects real-time figures

_ABOUT = """## Delay and number of polls

Seconds between the end of a task and the poll that sees it: mean (95th percentile) · polls for each
task. The tasks run one at a time, in virtual time. *learned* is the adaptive schedule with a
history of 50 tasks. *fixed interval* makes the same number of polls as *learned*; *ratio* compares
their means. With at least 2 s between two polls, a mean far below 1 s is not possible if the ends
are spread. *never seen* has no history: there, *learned* is the documented schedule.
"""


def main():
    """Run all benchmarks; print the tables and write them to docs/bench.md."""
    title = f"{datetime.now().astimezone():%Y-%m-%d}, {_machine()}, {'full' if FULL else 'quick'}"
    report = _Report()
    report.add(f"# Benchmarks\n\nPrinted by `make bench`: {title}. {_load_warning()}\n")
    _report_polling(report, title)
    report.add("\n## Cost and throughput\n")
    report.add("| figure: this package / alternative | this package | alternative | ratio |")
    report.add("|---|--:|--:|--:|")
    for name, unit, measure in _figures():
        ours, plain = measure()
        ratio = f"{ours / plain:.3f}" if plain else ""
        report.add(f"| {name} | {ours:.4g} {unit} | {plain:.4g} {unit} | {ratio} |")


class _Report:
    """The lines printed so far, also written to a file."""

    def __init__(self):
        self._lines = []

    def add(self, line):
        self._lines.append(line)
        print(line, flush=True)
        (DOCS / "bench.md").write_text("\n".join(self._lines) + "\n", encoding="utf-8")


def _load_warning():
    """Return a warning if other processes were running, which affects figures in real time."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    if load <= _MAX_LOAD:
        return ""
    return (
        f"Other processes were running ({load:.0f} per core): "
        "times and delays are longer than on an idle machine."
    )


def _report_polling(report, title):
    """Report the delay and the number of polls of each strategy."""
    measurements = list(pacing.measured(3000 if FULL else 300))
    chart.draw(measurements, DOCS / "pacing.png", title)
    strategies = list(measurements[0][1])
    report.add(_ABOUT)
    report.add(f"| durations | {' | '.join(strategies)} | fixed interval | ratio |")
    report.add("|---|" + "--:|" * (len(strategies) + 2))
    for name, by_strategy, (interval, even) in measurements:
        cells = [f"{s.late:.2f} ({s.p95:.1f}) · {s.asked:.1f}" for s in by_strategy.values()]
        cells += [f"{interval:.1f} s: {even.late:.2f} · {even.asked:.1f}"]
        ratio = by_strategy["learned"].late / even.late
        report.add(f"| {name} | {' | '.join(cells)} | {ratio:.2f} |")
    known = [(s, even) for name, s, (_, even) in measurements if name in chart.WITH_HISTORY]
    ours = sum(strategies["learned"].late for strategies, _ in known) / len(known)
    fixed = sum(even.late for _, even in known) / len(known)
    report.add(
        f"\nMean of the first five rows: {ours:.2f} s; with a fixed interval: {fixed:.2f} s;"
    )
    report.add(f"ratio: {ours / fixed:.2f}.")
    report.add("\n![Mean delay and number of polls per task](pacing.png)")


def _figures():
    names = [
        module.name for module in pkgutil.iter_modules(package_path) if module.name != "__main__"
    ]
    for name in sorted(names, key=lambda name: (name == "crowd", name)):  # the longest is last
        yield from getattr(importlib.import_module(f"{__package__}.{name}"), "FIGURES", [])


def _machine():
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
