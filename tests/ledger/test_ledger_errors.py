"""Every error of a file, a lock or a disk is a `LedgerError` with one line and a next step."""

import os
import re
import resource
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from liangxin_nb.core.request import Request
from liangxin_nb.errors import LedgerError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger import connections as module
from liangxin_nb.ledger.database import Database

from ..processes import running

REQUEST = Request("z-image", "a lake")
LARGE = Request("z-image", "x" * 100_000)


@pytest.fixture
def folder():
    """A folder that another user may open: pytest's own folders belong to one user."""
    folder = Path(tempfile.mkdtemp(prefix="ledger-"))
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def become_another_user():
    """Lose the right of root to write everywhere."""
    if os.geteuid() == 0:
        os.setuid(65534)


def make_read_only(path):
    path.parent.chmod(0o555)
    path.chmod(0o444)
    become_another_user()


def make_file_read_only(path):
    path.parent.chmod(0o777)
    path.chmod(0o444)
    become_another_user()


def use_all_descriptors(_path):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def limit_file_size(path):
    """The next page of the file, its WAL or its journal does not fit."""
    limit = path.stat().st_size if path.exists() else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def remove_folder(path):
    shutil.rmtree(path.parent)


def replace_by_folder(path):
    for file in path.parent.iterdir():
        file.unlink()
    path.mkdir()


def lock(path):
    """Lock the ledger as an older version does, for readers too."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma journal_mode=delete")
    lock.held = sqlite3.connect(path, isolation_level=None)
    lock.held.execute("begin exclusive")


def open_ledger(path, cause):
    cause(path)
    return Ledger(path).list_jobs()


def read(path, cause):
    ledger = Ledger(path)
    ledger.close()
    cause(path)
    return ledger.list_jobs()


def write(path, cause):
    """Write with a connection that is open already."""
    ledger = Ledger(path)
    cause(path)
    return ledger.create(LARGE, "sandbox", "")


def write_anew(path, cause):
    """Write with a new connection, as the first call of a thread does."""
    ledger = Ledger(path)
    ledger.close()
    cause(path)
    return ledger.create(LARGE, "sandbox", "")


def report_error(pipe, action, path, cause):
    module.BUSY_TIMEOUT_S = Database._busy_timeout_s = 0.0
    Ledger(path).close()  # imports what opening needs
    try:
        action(Path(path), cause)
    except Exception as error:
        pipe.send(error)
    else:
        pipe.send(None)


OPENS = r"cannot be opened \(.+\); nothing was sent"
USES = r"cannot be used \(.+\)"


@pytest.mark.parametrize(
    ("action", "cause", "message"),
    [
        (open_ledger, remove_folder, OPENS),
        (open_ledger, replace_by_folder, OPENS),
        (open_ledger, use_all_descriptors, OPENS),
        (open_ledger, lock, OPENS),
        (read, lock, USES),
        (write, remove_folder, USES),
        (write, replace_by_folder, USES),
        (write, limit_file_size, USES),
        (write_anew, make_read_only, USES),
        (write_anew, make_file_read_only, USES),
        (write_anew, use_all_descriptors, USES),
        (write_anew, limit_file_size, USES),
        (write_anew, lock, USES),
    ],
)
def test_error_is_one_line_with_the_next_step(folder, action, cause, message, show_line):
    path = folder / "results" / "ledger.sqlite"
    path.parent.mkdir()
    folder.chmod(0o755)
    with closing(Ledger(path)) as ledger:
        before = ledger.create(REQUEST, "sandbox", "")
    with running(report_error, action, str(path), cause) as (_, pipe):
        error = pipe.recv()
    assert isinstance(error, LedgerError), error
    given = f"ledger: {action.__name__}, {cause.__name__}".replace("_", " ")
    show_line("files", given, str(error).replace(f"{folder}/", ""))
    assert error.next_step
    assert not error.is_damaged
    assert re.search(message, str(error)), str(error)
    if path.is_file():
        path.parent.chmod(0o755)
        path.chmod(0o644)
        assert Ledger(path).list_jobs() == [before]
