"""The tables of faults and crashes, printed at the end of a run: a pytest plugin.

A test adds its row to its report, so that the rows of all test workers come together.
"""

__all__ = ["add_crash", "add_row"]

_FAULT, _CRASH = "fault row", "crash row"


def add_row(node, name, calls, created, state, status, message):
    """Add the outcome of a fault to the report of a test."""
    node.user_properties.append((_FAULT, [name, calls, created, str(state), str(status), message]))


def add_crash(node, number, end, moment, *counts):
    """Add the outcome of a crash: the numbers of tasks created, recorded, saved, unconfirmed."""
    node.user_properties.append((_CRASH, [number, end, moment, *counts]))


def pytest_terminal_summary(terminalreporter):
    reports = [r for reports in terminalreporter.stats.values() for r in reports]
    faults, crashes = (
        sorted(
            row
            for report in reports
            for name, row in getattr(report, "user_properties", ())
            if name == kind and report.when == "call"
        )
        for kind in (_FAULT, _CRASH)
    )
    write = terminalreporter.write_line
    if faults:
        terminalreporter.section("faults: outcome of one job each")
        write(f"{'fault':<44}{'sent':>5}{'tasks':>6}  {'outcome':<12}{'ledger':<13}message")
    for name, calls, created, state, status, message in faults:
        short = message if len(message) <= 90 else f"{message[:89]}…"
        write(f"{name or '(none)':<44}{calls:>5}{created:>6}  {state:<12}{status:<13}{short}")
    if crashes:
        terminalreporter.section("crashes: tasks before, ids on disk then, outcome of all prompts")
        write(f"run  {'end':<17}{'moment':<46}tasks  ids  saved  unconfirmed")
    for number, end, moment, created, recorded, saved, unconfirmed in crashes:
        counts = f"{created:>5}{recorded:>5}{saved:>7}{unconfirmed:>13}"
        write(f"{number:>3}  {end:<17}{moment:<46}{counts}")
