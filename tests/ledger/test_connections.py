"""Connections to a SQLite ledger: one per thread, opened anew when needed, and its journal."""

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import pytest

from liangxin_nb.core.request import Request
from liangxin_nb.errors import LedgerError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger import connections as module
from liangxin_nb.ledger.connections import is_wal_safe

from ..processes import running

REQUEST = Request("z-image", "a lake")


def raw_connection(ledger):
    with ledger.read_only() as db:
        return db.connection.dbapi_connection


def in_thread(function):
    values = []
    thread = threading.Thread(target=lambda: values.append(function()))
    thread.start()
    thread.join()
    return values[0]


# ---- one connection for each thread


def test_thread_keeps_its_connection(ledger):
    assert raw_connection(ledger) is raw_connection(ledger)


def test_other_thread_has_its_own_connection(ledger):
    assert in_thread(lambda: raw_connection(ledger)) is not raw_connection(ledger)


def test_transaction_inside_another_has_its_own_connection(ledger):
    with ledger.read_only() as outer, ledger.read_only() as inner:
        assert inner is not outer


def test_ended_threads_leave_no_connection(ledger):
    ledger.create(REQUEST, "sandbox", "")
    before = psutil.Process().num_fds()
    for _ in range(200):
        in_thread(lambda: raw_connection(ledger).total_changes)
    assert psutil.Process().num_fds() <= before + 3, "SQLite reuses some"


def test_thread_that_starts_while_ended_threads_are_looked_for_keeps_its_connection(
    ledger, monkeypatch
):
    enumerate_threads, values, end = threading.enumerate, [], threading.Event()

    def read_twice():
        first = raw_connection(ledger)
        opened.set()
        end.wait(60)
        values.append(raw_connection(ledger) is first)

    opened, thread = threading.Event(), threading.Thread(target=read_twice)

    def enumerate_before_the_thread():
        running = enumerate_threads()
        monkeypatch.undo()
        thread.start()
        opened.wait(60)
        return running

    monkeypatch.setattr(threading, "enumerate", enumerate_before_the_thread)
    in_thread(lambda: raw_connection(ledger).total_changes)
    end.set()
    thread.join()
    assert values == [True]


def test_close_closes_the_file_in_every_thread(ledger, path):
    """Otherwise Windows could not delete the folder."""
    with ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            pool.submit(ledger.create, REQUEST, "sandbox", "").result()
        ledger.create(REQUEST, "sandbox", "")
        ledger.close()
        opened = {file.path for file in psutil.Process().open_files()}
        assert not [name for name in opened if name.startswith(str(path))]
        assert {file.name for file in path.parent.iterdir()} == {path.name}, "it holds everything"
        assert len(ledger.list_jobs()) == 3


def test_file_that_was_replaced_is_opened_anew(ledger, path, tmp_path):
    """Otherwise a row would be written to a file that has no name any more."""
    ledger.create(REQUEST, "sandbox", "")
    other = Ledger(tmp_path / "other.sqlite")
    other.close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).rename(tmp_path / f"aside.sqlite{suffix}")
    (tmp_path / "other.sqlite").rename(path)
    assert ledger.list_jobs() == []


def test_removed_file_is_reported_and_not_created_empty(ledger, path):
    ledger.create(REQUEST, "sandbox", "")
    path.unlink()
    with pytest.raises(LedgerError, match=r"cannot be used \(No such file or directory\)"):
        ledger.create(REQUEST, "sandbox", "")
    assert not path.exists()


def test_forked_process_opens_its_own_connection(ledger):
    ledger.create(REQUEST, "sandbox", "")
    parent = raw_connection(ledger)
    read_end, write_end = os.pipe()
    if (child := os.fork()) == 0:
        is_own = raw_connection(ledger) is not parent
        ledger.create(REQUEST, "sandbox", "")
        os.write(write_end, b"1" if is_own else b"0")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read_end, 1) == b"1"
    assert len(ledger.list_jobs()) == 2


# ---- checkpoints


def test_checkpoint_excludes_writers(ledger, path, monkeypatch):
    """SQLite before 3.51.3 may lose data if a transaction restarts the WAL meanwhile."""
    excluded, checkpoint = [], module._checkpoint

    def try_to_write(checkpointed):
        with closing(sqlite3.connect(path, timeout=0)) as other:
            try:
                other.execute("begin immediate")
            except sqlite3.OperationalError:
                excluded.append(checkpointed)
        return checkpoint(checkpointed)

    monkeypatch.setattr(module, "_checkpoint", try_to_write)
    ledger.create(REQUEST, "sandbox", "")
    assert excluded == [path]
    with ledger.read_only() as db:
        assert db.exec_driver_sql("pragma wal_autocheckpoint").scalar() == 0


def test_wal_stays_short(ledger, path, monkeypatch):
    monkeypatch.setattr(module, "_MAX_WAL_BYTES", 200_000)
    wal, sizes = path.with_name("ledger.sqlite-wal"), []
    for _ in range(30):
        ledger.create(Request("z-image", "x" * 20_000), "sandbox", "")
        sizes.append(wal.stat().st_size)
    assert max(sizes) < 400_000
    assert min(sizes[10:]) < 200_000, "it begins anew"
    assert path.stat().st_size > 400_000
    assert len(ledger.list_jobs()) == 30


# ---- other readers


def hold_open_select(pipe, path):
    with closing(sqlite3.connect(path)) as db:
        cursor = db.execute("select * from jobs")
        pipe.send(len(cursor.fetchmany(1)))
        pipe.recv()
        cursor.close()


def test_open_select_of_another_process_does_not_stop_writers(ledger, path):
    for _ in range(3):
        ledger.create(REQUEST, "sandbox", "")
    with running(hold_open_select, str(path)) as (_, pipe):
        assert pipe.recv() == 1
        ledger.create(REQUEST, "sandbox", "")
        pipe.send("done")
    assert len(ledger.list_jobs()) == 4


def test_ledger_of_an_earlier_version_opens_while_another_reads(path):
    """The change to WAL needs a moment without readers; until then the old mode serves."""
    with closing(Ledger(path)) as ledger:
        for _ in range(3):
            ledger.create(REQUEST, "sandbox", "")
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma journal_mode=delete")
        cursor = db.execute("select * from jobs")
        cursor.fetchmany(1)
        with closing(Ledger(path)) as ledger:
            assert len(ledger.list_jobs()) == 3
        cursor.close()
    with closing(Ledger(path)) as ledger, ledger.read_only() as db:
        assert db.exec_driver_sql("pragma journal_mode").scalar() == "wal"


# ---- where WAL is safe


MOUNTS = """\
overlay / overlay rw 0 0
/dev/sda1 /home ext4 rw 0 0
server:/pictures /home/me/shared nfs4 rw 0 0
//server/share /mnt/with\\040space cifs rw 0 0
me@server: /mnt/remote fuse.sshfs rw 0 0
/dev/sdb1 /mnt/remote/local xfs rw 0 0
C:\\134 /mnt/c 9p rw 0 0
tmpfs /covered tmpfs rw 0 0
server:/x /covered nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "is_safe"),
    [
        ("/work", True),
        ("/home/me", True),
        ("/home/me/shared/results", False),
        ("/home/me/shared-not", True),
        ("/mnt/with space", False),
        ("/mnt/remote", False),
        ("/mnt/remote/local", True),
        ("/mnt/c/Users", False),
        ("/covered", False),
    ],
)
def test_wal_is_used_on_local_disks_only(tmp_path, monkeypatch, folder, is_safe):
    monkeypatch.setattr(module.sys, "platform", "linux")
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert is_wal_safe(tmp_path.__class__(folder) / "ledger.sqlite", mounts) is is_safe


def test_unknown_system_keeps_the_rollback_journal(tmp_path):
    assert not is_wal_safe(tmp_path / "ledger.sqlite", tmp_path / "no-such-list")


def test_ledger_on_a_network_disk_keeps_the_rollback_journal(path, monkeypatch):
    monkeypatch.setattr(module, "is_wal_safe", lambda _: False)
    with closing(Ledger(path)) as ledger, ledger.read_only() as db:
        assert db.exec_driver_sql("pragma journal_mode").scalar() == "delete"


# ---- damage


@pytest.fixture
def beside_a_result(tmp_path):
    folder = tmp_path / "2026-11-21" / "1745-a-lake"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text("{}")


def test_empty_file_beside_results_is_damage(path, beside_a_result, monkeypatch):
    monkeypatch.setattr(module, "_NEW_FILE_S", 0.0)
    path.touch()
    with pytest.raises(LedgerError, match=r"damaged \(it is empty.*doctor --rebuild"):
        Ledger(path)
    assert path.stat().st_size == 0


def test_empty_file_without_results_is_a_new_ledger(path):
    path.touch()
    assert Ledger(path).list_jobs() == []


def test_missing_file_beside_results_is_a_new_ledger(path, beside_a_result):
    assert Ledger(path).list_jobs() == []


def test_file_that_another_process_is_creating_is_no_damage(path, beside_a_result, monkeypatch):
    path.touch()
    monkeypatch.setattr(module.time, "sleep", lambda _: path.write_bytes(b"SQLite"))
    assert not module.is_damaged_file(path)


@pytest.mark.parametrize(
    "column", ["options = 'no json'", "status = 'no-status'", "options = CAST(x'ff00ff' AS TEXT)"]
)
def test_row_that_cannot_be_read_is_damage(ledger, column):
    ledger.create(REQUEST, "sandbox", "")
    with ledger.transaction() as db:
        db.exec_driver_sql(f"update jobs set {column}")
    with pytest.raises(LedgerError, match=r"damaged.*doctor --rebuild") as error:
        ledger.list_jobs()
    assert "\n" not in str(error.value)
