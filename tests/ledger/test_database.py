"""The ledger's database: atomic transactions, one writer at a time, and opening."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from liangxin_nb.core.request import Request
from liangxin_nb.errors import LedgerError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger import database as store
from liangxin_nb.ledger.migrations import VERSION

REQUEST = Request("z-image", "a lake")


@pytest.fixture
def other(ledger, path):
    """Another program that uses the ledger's file and does not wait for a lock."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as db:
        yield db


@pytest.fixture
def opened_urls(monkeypatch):
    """The URLs and options with which databases would be opened; none is opened."""
    opened = []

    def create(url, **options):
        opened.append((url, options))
        raise sa.exc.OperationalError("", {}, Exception("not in this test"))

    monkeypatch.setattr(store.sa, "create_engine", create)
    return opened


# ---- transactions


def test_change_that_fails_in_the_middle_leaves_nothing(ledger):
    record = ledger.create(REQUEST, "sandbox", "")
    file = {"name": "1.png", "bytes": 3, "sha256": "0" * 64}
    with pytest.raises(LedgerError, match="constraint failed"):
        ledger.mark_saved(record, "2026-11-21/x", [file, file])  # the names collide
    assert ledger.find(record.id) == record
    assert [event for _, event, _ in ledger.events(record.id)] == ["pending"]
    with ledger.read_only() as db:
        assert db.exec_driver_sql("select count(*) from files").scalar() == 0


def test_change_is_not_seen_before_its_end(ledger, other):
    with ledger.transaction() as db:
        db.exec_driver_sql("delete from version")
        assert other.execute("select number from version").fetchall() == [(VERSION,)]
    assert other.execute("select number from version").fetchall() == []


def test_change_keeps_other_writers_out_from_its_first_moment(ledger, other):
    """Otherwise two processes could read the same row and then both change it."""
    with (
        ledger.transaction(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("begin immediate")


def test_reading_keeps_no_writer_out(ledger, other):
    with ledger.read_only() as db:
        assert db.exec_driver_sql("select count(*) from jobs").scalar() == 0
        other.execute("begin immediate")
        other.execute("rollback")


def test_writer_waits_for_another(ledger, other):
    with ledger.read_only() as db:
        assert db.exec_driver_sql("pragma busy_timeout").scalar() == 30_000


def test_event_needs_its_record(ledger):
    with pytest.raises(LedgerError, match="constraint failed"), ledger.transaction() as db:
        db.exec_driver_sql(
            "insert into events (job_id, created_at, event, detail) values ('x', 0, '', '')"
        )


def test_locked_ledger_is_reported_in_one_line(ledger, other):
    sa.event.listen(ledger._engine, "connect", lambda db, _: db.execute("pragma busy_timeout = 0"))
    ledger.close()
    other.execute("begin exclusive")
    with pytest.raises(LedgerError, match=r"cannot be used \(database is locked\)") as error:
        ledger.create(REQUEST, "sandbox", "")
    assert "\n" not in str(error.value)
    assert ledger.list_jobs() == [], "others can read meanwhile"
    other.execute("rollback")
    assert ledger.create(REQUEST, "sandbox", "").id


def test_full_disk_is_reported_and_changes_nothing(ledger):
    record = ledger.create(REQUEST, "sandbox", "")
    full = "pragma max_page_count = 1"  # SQLite takes it as the present size
    sa.event.listen(ledger._engine, "connect", lambda db, _: db.execute(full))
    ledger.close()
    with pytest.raises(LedgerError, match=r"cannot be used \(database or disk is full\)"):
        ledger.update(record, "submitted", "x" * 1_000_000, status="submitted")
    assert ledger.find(record.id) == record


# ---- opening


def test_new_ledger_has_the_current_version(ledger, other):
    assert other.execute("select number from version").fetchall() == [(VERSION,)]


def test_ledger_opened_again_is_unchanged(ledger, path, other):
    record = ledger.create(REQUEST, "sandbox", "")
    assert Ledger(path).find(record.id) == record
    assert other.execute("select number from version").fetchall() == [(VERSION,)]


def test_location_of_a_file_is_its_path(ledger, path):
    assert ledger.location == str(path)


def test_newer_ledger_is_rejected_with_the_next_step(ledger, path, other):
    other.execute(f"update version set number = {VERSION + 1}")
    with pytest.raises(LedgerError) as error:
        Ledger(path)
    assert error.value.message == (
        f"The ledger {str(path)!r} has version {VERSION + 1}, this liangxin_nb knows {VERSION}."
    )
    assert error.value.next_step == "Update liangxin_nb."
    assert other.execute("select number from version").fetchall() == [(VERSION + 1,)]


def test_folder_instead_of_a_file_is_rejected_with_the_reason_and_the_next_step(path):
    path.mkdir()
    with pytest.raises(LedgerError) as error:
        Ledger(path)
    assert error.value.message == (
        f"The ledger {str(path)!r} cannot be opened (unable to open database file); "
        "nothing was sent."
    )
    assert error.value.next_step.startswith("Choose a folder you can write to")


def test_file_that_is_not_a_database_is_rejected_and_unchanged(path):
    path.write_text("some text " * 200)
    with pytest.raises(LedgerError, match=r"is damaged \(file is not a database\)\. .*--rebuild"):
        Ledger(path)
    assert path.read_text() == "some text " * 200


def test_reason_is_one_line_of_at_most_200_characters(path, monkeypatch):
    def fail(_self):
        raise sa.exc.OperationalError("", {}, Exception("is\nin  use " + "x" * 300))

    monkeypatch.setattr(Ledger, "_prepare", fail)
    with pytest.raises(LedgerError) as error:
        Ledger(path)
    assert f"cannot be opened (is in use {'x' * 190}); nothing" in error.value.message


@pytest.mark.parametrize("name", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_url_selects_the_installed_driver(opened_urls, name):
    with pytest.raises(LedgerError):
        Ledger(f"{name}://me@host/ledger")
    ((url, _),) = opened_urls
    assert url == "postgresql+psycopg://me@host/ledger"


def test_other_urls_are_unchanged(opened_urls):
    with pytest.raises(LedgerError):
        Ledger("mysql://me@host/postgres://ledger")
    ((url, _),) = opened_urls
    assert url == "mysql://me@host/postgres://ledger"


def test_connection_to_a_server_is_checked_before_it_is_used(opened_urls):
    """The server may have closed it meanwhile."""
    with pytest.raises(LedgerError):
        Ledger("postgresql://me@host/ledger")
    ((_, options),) = opened_urls
    assert options == {"pool_pre_ping": True}


def test_location_of_a_server_has_no_password():
    with pytest.raises(LedgerError) as error:
        Ledger("postgresql://me:secret@127.0.0.1:9/ledger")
    assert "'postgresql://…@127.0.0.1:9/ledger' cannot be opened" in error.value.message


@pytest.mark.parametrize(
    "url", ["postgresql://h:port/db", "postgresql:///db?host=h&port=x", "x://h"]
)
def test_url_that_cannot_be_read_is_reported_in_one_line(url):
    with pytest.raises(LedgerError, match=r"^The ledger .* cannot be opened") as error:
        Ledger(url)
    assert "\n" not in str(error.value)
