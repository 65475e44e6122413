"""Other programs use the ledger while a batch runs: no job ends in an error, nothing is lost."""

import shutil
import sqlite3
import threading
from contextlib import closing

import psutil
import pytest

from liangxin_nb.ledger import Ledger, is_healthy

from ..conftest import wait_until
from ..processes import running

PROMPTS = ["a lake", "a hill", "a river", "a harbour"]


def execute_and_hold(pipe, path, statements):
    """Execute statements at a message; the last one stays open until the next message."""
    pipe.recv()
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as db:
        for statement in statements:
            cursor = db.execute(statement)
        pipe.send(cursor.fetchone())
        pipe.recv()


def copy_repeatedly(pipe, path, _):
    """Copy the ledger as backup tools do, from one message to the next."""
    pipe.recv()
    count = 0
    while not pipe.poll():
        shutil.copy(path, f"{path}.copy")
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(f"{path}.backup")) as target,
        ):
            source.backup(target)
        count += 1
        if count == 1:
            pipe.send(None)


READERS = {
    "an open SELECT": (execute_and_hold, ["select * from events"]),
    "a read transaction": (execute_and_hold, ["begin", "select count(*) from jobs"]),
    "a backup": (copy_repeatedly, []),
}
WRITERS = {
    "begin immediate": (execute_and_hold, ["begin immediate"]),
    "begin exclusive": (execute_and_hold, ["begin exclusive"]),
}


@pytest.mark.parametrize("name", [*READERS, *WRITERS])
def test_batch_is_saved_while_another_program_uses_the_ledger(connect, server, name):
    session = connect()
    path, journal = session.ledger.path, session.journal.paths[0]
    function, statements = (READERS | WRITERS)[name]
    with running(function, str(path), statements) as (_, pipe):
        begin_at_first_request(server, pipe)
        batch = session.batch(PROMPTS)
        if name in READERS:
            batch.wait(60)
        else:
            wait_until(journal.exists)  # an answer has arrived, and the ledger is locked
        pipe.send("end")
        batch.wait(60)
        counts = session.ledger.count_by_status()
    assert counts == {"saved": len(PROMPTS)}
    assert server.count("createTask") == len(PROMPTS)
    assert is_healthy(path)


def begin_at_first_request(server, pipe):
    """Let the other program begin when the first request has arrived, before its answer."""
    lock = threading.Lock()
    begun = []

    def begin(_task_id):
        with lock:
            if not begun:
                pipe.send("begin")
                begun.append(pipe.recv())

    server.hooks["createTask"] = begin


def test_ledger_is_read_only_readable_where_its_wal_is_missing(connect):
    """This is how the greeting and other programs open it after the last session has ended."""
    session = connect()
    session.generate("a lake").wait(60)
    path = session.ledger.path
    session.ledger.close()
    assert not path.with_name("ledger.sqlite-wal").exists()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        assert db.execute("select status from jobs").fetchall() == [("saved",)]
    assert session.generate("a hill").wait(60)


def test_copy_by_sqlite_of_a_ledger_in_use_is_complete(connect, tmp_path):
    """A copy of the file alone lacks what is in the WAL."""
    session = connect()
    session.generate("a lake").wait(60)
    with closing(sqlite3.connect(session.ledger.path)) as db:
        db.execute("vacuum into ?", (str(tmp_path / "copy.sqlite"),))
    with closing(Ledger(tmp_path / "copy.sqlite")) as copy:
        assert copy.list_jobs() == session.ledger.list_jobs()


def test_closed_session_leaves_no_file_open(connect, tmp_path):
    """Otherwise Windows could not delete the folder."""
    with connect() as session:
        session.batch(PROMPTS).wait(60)
    ledger = str(tmp_path / "results" / "ledger.sqlite")
    files = psutil.Process().open_files
    wait_until(lambda: not [file for file in files() if file.path.startswith(ledger)])
    assert {path.name for path in tmp_path.glob("results/ledger*")} == {"ledger.sqlite"}
