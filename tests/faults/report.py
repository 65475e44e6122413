"""The tables of outcomes and crashes, printed at the end of a run: a pytest plugin.

A test adds its row to its report, so that the rows of all test workers come together.
"""

__all__ = ["add_crash", "add_row"]

_OUTCOME, _CRASH = "outcome of one job", "crash row"
_COLUMNS = "{0:<54}{1:>7}  {2:<11}{3:<12}{4:<12}{5}"


def add_row(node, table, name, requests, files, status, outcome, message):
    """Add what became of a job to a test's report.

    Args:
        node: The test.
        table: The call that was answered: createTask, recordInfo or files.
        name: What was answered.
        requests: The number of createTask requests and of created tasks.
        files: The files of the result on disk.
        status: The status in the ledger.
        outcome: The job's last phase.
        message: What the user reads.
    """
    sent_created = "/".join(map(str, requests))
    row = [table, name or "(none)", sent_created, files, str(status), str(outcome), message]
    node.user_properties.append((_OUTCOME, row))


def add_crash(node, number, end, moment, *counts):
    """Add the outcome of a crash: the numbers of tasks created, recorded, saved, unconfirmed."""
    node.user_properties.append((_CRASH, [number, end, moment, *counts]))


def pytest_terminal_summary(terminalreporter):
    outcomes, crashes = (_rows(terminalreporter, kind) for kind in (_OUTCOME, _CRASH))
    write = terminalreporter.write_line
    columns = ("", "sent/created", "files", "ledger", "outcome", "what the user reads")
    for table in ("createTask", "recordInfo", "files"):
        if found := [row[1:] for row in outcomes if row[0] == table]:
            terminalreporter.section(f"{table}: what becomes of one job after each answer")
            for row in (columns, *found):
                write(_COLUMNS.format(*row).rstrip())
    if crashes:
        terminalreporter.section("crashes: tasks before, ids on disk then, outcome of all prompts")
        write(f"run  {'end':<17}{'moment':<46}tasks  ids  saved  unconfirmed")
    for number, end, moment, created, recorded, saved, unconfirmed in crashes:
        counts = f"{created:>5}{recorded:>5}{saved:>7}{unconfirmed:>13}"
        write(f"{number:>3}  {end:<17}{moment:<46}{counts}")


def _rows(terminalreporter, kind):
    """Return the sorted rows of one kind that the tests have added."""
    reports = [r for reports in terminalreporter.stats.values() for r in reports]
    return sorted(
        row
        for report in reports
        for name, row in getattr(report, "user_properties", ())
        if name == kind and report.when == "call"
    )
