"""The table of faults, printed at the end of a run: a pytest plugin.

A test adds its row to its report, so that the rows of all test workers come together.
"""

__all__ = ["add_row"]

_NAME = "fault row"


def add_row(node, name, calls, created, state, status, message):
    """Add the outcome of a fault to the report of a test."""
    node.user_properties.append((_NAME, [name, calls, created, str(state), str(status), message]))


def pytest_terminal_summary(terminalreporter):
    rows = sorted(
        row
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, row in getattr(report, "user_properties", ())
        if name == _NAME and report.when == "call"
    )
    if not rows:
        return
    write = terminalreporter.write_line
    terminalreporter.section("faults: outcome of one job each")
    write(f"{'fault':<44}{'sent':>5}{'tasks':>6}  {'outcome':<12}{'ledger':<13}message")
    for name, calls, created, state, status, message in rows:
        short = message if len(message) <= 90 else f"{message[:89]}…"
        write(f"{name or '(none)':<44}{calls:>5}{created:>6}  {state:<12}{status:<13}{short}")
