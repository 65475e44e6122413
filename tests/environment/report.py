"""The table of what users read about their settings, networks and files: a pytest plugin.

A test adds its row to its report, so that the rows of all test workers come together.
"""

import pytest

__all__ = ["show_line"]

_ROW = "line that a user reads"


@pytest.fixture
def show_line(request):
    """Return a function that adds a row to the table, and checks that the text is one line.

    Its arguments are the kind of input (keys, settings, networks, processes, files, strangers),
    the input in a few words, and what the user reads.
    """

    def show(kind, given, line):
        assert len(line.splitlines()) == 1, line
        request.node.user_properties.append((_ROW, [kind, given, line]))

    return show


def pytest_terminal_summary(terminalreporter):
    reports = [r for reports in terminalreporter.stats.values() for r in reports]
    rows = sorted(
        row
        for report in reports
        for name, row in getattr(report, "user_properties", ())
        if name == _ROW and report.when == "call"
    )
    for kind in dict.fromkeys(row[0] for row in rows):
        terminalreporter.section(f"{kind}: what the user reads")
        for _, given, line in (row for row in rows if row[0] == kind):
            terminalreporter.write_line(f"{given:<58}{line}")
