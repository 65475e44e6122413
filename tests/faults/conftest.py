"""The table of faults, printed at the end of the run."""

import pytest

SEEN = pytest.StashKey[list]()


@pytest.fixture(scope="session")
def table(request):
    """Rows of what was seen, for the summary."""
    return request.config.stash.setdefault(SEEN, [])


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(SEEN, [])
    if not rows:
        return
    write = terminalreporter.write_line
    terminalreporter.section("faults: what came of one prompt each")
    write(f"{'fault':<44}{'sent':>5}{'made':>5}  {'outcome':<9}{'ledger':<11}what the user reads")
    for name, calls, created, outcome, fate, says in sorted(rows, key=lambda row: row[:1]):
        said = says if len(says) <= 90 else f"{says[:89]}…"
        write(f"{name or '(none)':<44}{calls:>5}{created:>5}  {outcome:<9}{fate:<11}{said}")
