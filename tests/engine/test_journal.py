"""The side journal: a task id survives a ledger that cannot be written."""

import asyncio
import errno
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.engine import journal as module
from liangxin_nb.engine import ledger_writer
from liangxin_nb.engine.journal import Journal, SubmissionRecorder
from liangxin_nb.engine.ledger_writer import retry_write
from liangxin_nb.errors import LedgerError
from liangxin_nb.ledger import Ledger, record_submitted

from .. import virtual_time
from .parts import REQUEST, Client, build_lifecycle

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return virtual_time.BACKEND


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """A journal with three folders of this test."""
    (tmp_path / "results").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(module, "default_folder", lambda: tmp_path / "run")
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    return Journal(tmp_path / "results", "ledger.sqlite")


@pytest.fixture
def updates():
    return []


def job(task_id="task_1", **values):
    record = JobRecord.new(REQUEST, "liangxin", "https://service.example", "me")
    return record.replace(status="submitted", task_id=task_id, **values)


def add(ledger, record, status):
    """Add a job to the ledger as it was before its answer."""
    ledger.add(record.replace(task_id="", status="pending"))
    ledger.update(record.replace(status="pending"), status, status=status)


def events(ledger, record):
    return [event for _, event, _ in ledger.events(record.id)]


# ---- the file


def test_appended_job_is_read_back_with_its_request(journal):
    record = job(batch_id="b1", batch_index=3)
    assert journal.append(record) == journal.paths[0]
    (row,) = journal.rows()
    assert row.record == record.replace(owner="")
    assert row.job.digest == REQUEST.digest


def test_appended_job_is_synced_with_its_folder(journal, monkeypatch):
    synced = []
    monkeypatch.setattr(
        module.os, "fsync", lambda fd: synced.append(str(Path(f"/dev/fd/{fd}").readlink()))
    )
    path = journal.append(job())
    assert synced == [str(path), str(path.parent)]


@pytest.mark.parametrize("broken", [1, 2])
def test_next_folder_is_used_where_one_cannot_be_written(journal, monkeypatch, broken):
    unwritable = {str(path) for path in journal.paths[:broken]}
    real_open = os.open

    def open_or_fail(path, *arguments):
        if str(path) in unwritable:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_open(path, *arguments)

    monkeypatch.setattr(module.os, "open", open_or_fail)
    assert journal.append(job()) == journal.paths[broken]
    assert len(journal.rows()) == 1


def test_write_that_is_cut_off_by_a_full_disk_goes_to_the_next_folder(journal, monkeypatch):
    real_write, full = os.write, [True]

    def write(descriptor, data):
        return real_write(descriptor, data[:20] if full and full.pop() else data)

    monkeypatch.setattr(module.os, "write", write)
    assert journal.append(job("task_1")) == journal.paths[1]
    journal.append(job("task_2"))
    assert {row.job.task_id for row in journal.rows()} == {"task_1", "task_2"}


def test_no_folder_can_be_written(journal, monkeypatch):
    def fail(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(module.os, "open", fail)
    assert journal.append(job()) is None


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"null", b"\xff\x00", b'{"job": {}}', b'{"batch": 1}', b"[" * 9999],
    ids=lambda line: repr(line[:10]),
)
def test_line_that_is_no_job_is_ignored(journal, line):
    journal.append(job("task_1"))
    with journal.paths[0].open("ab") as file:
        file.write(line)
    journal.append(job("task_2"))
    assert {row.job.task_id for row in journal.rows()} == {"task_1", "task_2"}


def test_link_in_the_temporary_folder_is_neither_written_nor_read(journal, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(f"\n{module.TransferRow.from_record(job()).to_json()}\n")
    journal.paths[0].symlink_to(other)
    assert journal.rows() == []
    assert journal.append(job("task_2")) == journal.paths[1]


def test_file_is_private(journal):
    assert journal.append(job()).stat().st_mode & 0o077 == 0


# ---- the ledger after it works again


@pytest.mark.parametrize("status", ["pending", "submitting", "unconfirmed", "rejected"])
def test_merge_submits_the_job_that_the_ledger_has(journal, ledger, status):
    record = job()
    add(ledger, record, status)
    journal.append(record)
    assert [changed.task_id for changed in journal.merge(ledger)] == ["task_1"]
    assert ledger.find(record.id) == record
    assert ledger.resumable() == [record]


def test_merge_adds_the_job_that_the_ledger_has_lost(journal, ledger):
    record = job()
    journal.append(record)
    journal.merge(ledger)
    assert ledger.find("task_1") == record.replace(owner="")


def test_merge_happens_once(journal, ledger):
    record = job()
    add(ledger, record, "submitting")
    journal.append(record)
    journal.merge(ledger)
    assert journal.merge(ledger) == []
    assert events(ledger, record).count("submitted") == 1
    assert len(journal.rows()) == 1, "it remains, to rebuild a damaged ledger"


def test_merge_reads_every_folder(journal, ledger):
    for number, path in enumerate(journal.paths):
        module._write_line(path, module.TransferRow.from_record(job(f"task_{number}")).to_json())
    assert {record.task_id for record in journal.merge(ledger)} == {"task_0", "task_1", "task_2"}


def test_merge_that_fails_is_repeated(journal, ledger, monkeypatch):
    record = job()
    journal.append(record)

    def busy(*_):
        raise LedgerError("The ledger is locked.")

    with monkeypatch.context() as patch:
        patch.setattr(module, "record_submitted", busy)
        with pytest.raises(LedgerError):
            journal.merge(ledger)
    assert len(journal.merge(ledger)) == 1


@pytest.mark.parametrize("status", ["succeeded", "saved", "failed", "result_lost", "deleted"])
def test_late_id_does_not_set_a_status_back(ledger, status):
    record = job()
    add(ledger, record, status)
    assert record_submitted(ledger, record)
    found = ledger.find(record.id)
    assert (found.status, found.task_id) == (status, "task_1")


def test_other_id_does_not_replace_the_known_one(ledger):
    record = job("task_1")
    ledger.add(record)
    assert not record_submitted(ledger, record.replace(task_id="task_2"))
    assert ledger.find(record.id).task_id == "task_1"


def test_id_that_is_recorded_again_changes_nothing(ledger):
    record = job()
    add(ledger, record, "submitting")
    assert record_submitted(ledger, record)
    assert not record_submitted(ledger, record)
    assert events(ledger, record) == ["pending", "submitting", "submitted"]


# ---- while the job continues


class Lock:
    """Fails the first writes of an id, as a ledger that is locked or full does."""

    def __init__(self, monkeypatch, failures, error=None):
        self.calls = 0
        thread = threading.get_ident()

        def write(ledger, record):
            if threading.get_ident() != thread:  # a job of an earlier test, in its background
                return record_submitted(ledger, record)
            self.calls += 1
            if self.calls <= failures:
                raise error or LedgerError("The ledger is locked.")
            return record_submitted(ledger, record)

        monkeypatch.setattr(module, "record_submitted", write)


async def test_id_goes_to_the_ledger_alone_if_that_works(journal, ledger, updates):
    record = job()
    add(ledger, record, "submitting")
    recorder = SubmissionRecorder(ledger, journal)
    assert await recorder.record(record, "task_1", updates.append) == record
    assert journal.rows() == []
    assert updates == []
    assert ledger.find(record.id) == record


@pytest.mark.parametrize("failures", [1, 4])
async def test_id_is_in_the_journal_until_the_ledger_works(
    journal, ledger, updates, monkeypatch, failures
):
    record = job()
    add(ledger, record, "submitting")
    lock = Lock(monkeypatch, failures)
    recorder = SubmissionRecorder(ledger, journal)
    submitted = await recorder.record(record, "task_1", updates.append)
    assert submitted == record, "the job continues"
    assert [row.job.task_id for row in journal.rows()] == ["task_1"]
    assert ledger.find(record.id).task_id == ""
    await asyncio.sleep(60)
    assert ledger.find(record.id) == record
    assert lock.calls == failures + 1
    assert journal.merge(ledger) == []


async def test_card_says_that_the_ledger_is_busy(journal, ledger, updates, monkeypatch):
    Lock(monkeypatch, 1)
    recorder = SubmissionRecorder(ledger, journal)
    await recorder.record(job(), "task_1", updates.append)
    (update,) = updates
    assert (update.phase, update.record.task_id) == ("waiting", "task_1")
    assert update.note == (
        f"The ledger is busy; task task_1 continues, its id is in {journal.paths[0]}."
    )


async def test_card_names_the_id_if_no_folder_can_be_written(journal, ledger, updates, monkeypatch):
    Lock(monkeypatch, 1)
    monkeypatch.setattr(journal, "append", lambda _: None)
    await SubmissionRecorder(ledger, journal).record(job(), "task_1", updates.append)
    assert updates[0].note.endswith("keep its id: task_1.")


async def test_id_is_kept_when_python_starts_no_more_threads(journal, ledger, updates, monkeypatch):
    Lock(monkeypatch, 99, RuntimeError("cannot schedule new futures after shutdown"))
    await SubmissionRecorder(ledger, journal).record(job(), "task_1", updates.append)
    await asyncio.sleep(60)
    assert [row.job.task_id for row in journal.rows()] == ["task_1"]


async def test_locked_ledger_does_not_end_the_submission(ledger, updates, monkeypatch):
    Lock(monkeypatch, 2)
    record = ledger.create(REQUEST, "liangxin", "https://service.example", "me")
    client = Client(create=["task_1"])
    submitted = await build_lifecycle(ledger, client).submit(record, updates.append)
    assert (submitted.status, submitted.task_id) == ("submitted", "task_1")
    assert client.count("create") == 1
    await asyncio.sleep(60)
    assert ledger.find(record.id).task_id == "task_1"


async def test_write_is_repeated_while_the_ledger_is_busy():
    notes, failures = [], [LedgerError("Locked."), LedgerError("Locked.")]

    def write():
        if failures:
            raise failures.pop()
        return "written"

    assert await retry_write(write, notes.append) == "written"
    assert notes == ["The ledger is busy; trying again. Locked."] * 2


async def test_write_ends_when_the_ledger_stays_busy(monkeypatch):
    monkeypatch.setattr(ledger_writer.time, "monotonic", asyncio.get_running_loop().time)

    def write():
        raise LedgerError("Locked.")

    with pytest.raises(LedgerError):
        await retry_write(write, lambda _: None)
    assert asyncio.get_running_loop().time() < 150


# ---- a real lock and a real service


def test_ledger_locked_at_the_answer_loses_no_id(server, connect, monkeypatch):
    """The lock is released after the task has ended at the service."""
    monkeypatch.setattr(module, "_JOURNAL_AFTER_S", 0.01)
    session = connect()
    locked = sqlite3.connect(session.ledger.location, isolation_level=None, check_same_thread=False)
    polls = []

    def unlock_at_third_poll(_task_id):
        polls.append(1)
        if len(polls) == 3 and locked.in_transaction:
            locked.execute("rollback")

    with closing(locked):
        server.hooks["createTask"] = lambda _: locked.execute("begin immediate") and None
        server.hooks["recordInfo"] = unlock_at_third_poll
        job = session.generate("a lake")
        assert job.wait(60).task_id == "task_1"
    record = session.ledger.find(job.record.id)
    assert (record.status, record.task_id) == ("saved", "task_1")
    assert server.count("createTask") == 1


def test_next_session_reads_the_journal(server, connect, tmp_path):
    first = connect()
    record = first.ledger.create(REQUEST, first.settings.profile, server.url, "ended")
    first.ledger.update(record, "submitting", status="submitting")
    server.add("task_9", {"model": "z-image", "input": {"prompt": REQUEST.prompt}})
    first.journal.append(record.replace(status="submitted", task_id="task_9"))
    (job,) = connect().resume()
    assert job.wait(60).task_id == "task_9"
    assert server.count("createTask") == 0
