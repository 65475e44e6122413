"""The database below the ledger: whole transactions, one writer at a time, and what opens it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger import database as store
from liangxin_nb.ledger.database import VERSION

REQUEST = Request("z-image", "a lake")


@pytest.fixture
def place(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(place):
    return Ledger(place)


@pytest.fixture
def other(ledger, place):
    """Another program at the ledger's file, which does not wait for its turn to write."""
    with closing(sqlite3.connect(place, timeout=0, isolation_level=None)) as db:
        yield db


@pytest.fixture
def addresses(monkeypatch):
    """The addresses and options with which databases would be opened; none is opened."""
    opened = []

    def create(address, **options):
        opened.append((address, options))
        raise sa.exc.OperationalError("", {}, Exception("not in this test"))

    monkeypatch.setattr(store.sa, "create_engine", create)
    return opened


def tickets(db):
    return db.execute("select count(*) from jobs").fetchone()[0]


# ---- whole transactions


def test_change_that_fails_in_the_middle_leaves_nothing(ledger):
    record = ledger.create(REQUEST, "sandbox", "")
    file = {"name": "1.png", "bytes": 3, "sha256": "0" * 64}
    with pytest.raises(sa.exc.IntegrityError):
        ledger.mark_saved(record, "2026-11-21/x", [file, file])  # the second is in the way
    assert ledger.find(record.id) == record
    assert [what for _, what, _ in ledger.events(record.id)] == ["pending"]
    with ledger.read_only() as db:
        assert db.exec_driver_sql("select count(*) from files").scalar() == 0


def test_change_is_not_seen_before_its_end(ledger, other):
    with ledger.transaction() as db:
        db.exec_driver_sql("delete from version")
        assert other.execute("select number from version").fetchall() == [(VERSION,)]
    assert other.execute("select number from version").fetchall() == []


def test_change_keeps_other_writers_out_from_its_first_moment(ledger, other):
    """Otherwise two could read the same row and then both write it."""
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
    with pytest.raises(sa.exc.IntegrityError), ledger.transaction() as db:
        db.exec_driver_sql(
            "insert into events (job_id, created_at, event, detail) values ('x', 0, '', '')"
        )


def test_file_is_closed_between_two_uses(ledger, place):
    """A connection that is carried over a fork damages the file."""
    ledger.create(REQUEST, "sandbox", "")
    ledger.count_by_status()
    opened = {Path(file.path) for file in psutil.Process().open_files()}
    assert place not in opened


# ---- opening


def test_new_ledger_says_its_version(ledger, other):
    assert other.execute("select number from version").fetchall() == [(VERSION,)]


def test_ledger_that_is_opened_again_is_as_before(ledger, place, other):
    record = ledger.create(REQUEST, "sandbox", "")
    assert Ledger(place).find(record.id) == record
    assert other.execute("select number from version").fetchall() == [(VERSION,)]


def test_place_of_a_file_is_its_path(ledger, place):
    assert ledger.location == str(place)


def test_newer_ledger_is_rejected_with_the_next_step(ledger, place, other):
    other.execute(f"update version set number = {VERSION + 1}")
    with pytest.raises(InvalidRequestError) as error:
        Ledger(place)
    assert error.value.message == (
        f"The ledger {str(place)!r} has version {VERSION + 1}, this liangxin_nb knows {VERSION}."
    )
    assert error.value.next_step == "Update liangxin_nb."
    assert other.execute("select number from version").fetchall() == [(VERSION + 1,)]


def test_folder_in_place_of_the_file_is_rejected_with_the_reason_and_the_next_step(place):
    place.mkdir()
    with pytest.raises(InvalidRequestError) as error:
        Ledger(place)
    assert error.value.message == (
        f"The ledger {str(place)!r} cannot be opened (unable to open database file); "
        "nothing was sent."
    )
    assert error.value.next_step.startswith("Choose a folder you can write to")


def test_reason_is_one_line_of_at_most_160_letters(place, monkeypatch):
    def fail(_self):
        raise sa.exc.OperationalError("", {}, Exception("is\nin  use " + "x" * 160))

    monkeypatch.setattr(Ledger, "_prepare", fail)
    with pytest.raises(InvalidRequestError) as error:
        Ledger(place)
    assert f"cannot be opened (is in use {'x' * 150}); nothing" in error.value.message


@pytest.mark.parametrize("name", ["postgresql", "postgres", "postgresql+psycopg"])
def test_address_of_postgresql_means_the_driver_that_is_installed(addresses, name):
    with pytest.raises(sa.exc.OperationalError):
        Ledger(f"{name}://me@host/ledger")
    ((address, _),) = addresses
    assert address == "postgresql+psycopg://me@host/ledger"


def test_other_addresses_are_left_as_they_are(addresses):
    with pytest.raises(sa.exc.OperationalError):
        Ledger("mysql://me@host/postgres://ledger")
    ((address, _),) = addresses
    assert address == "mysql://me@host/postgres://ledger"


def test_connection_to_a_server_is_checked_before_it_is_used(addresses):
    """The server may have closed it meanwhile."""
    with pytest.raises(sa.exc.OperationalError):
        Ledger("postgresql://me@host/ledger")
    ((_, options),) = addresses
    assert options == {"pool_pre_ping": True}


def test_place_of_a_server_is_named_without_its_password():
    with pytest.raises(InvalidRequestError) as error:
        Ledger("postgresql://me:secret@127.0.0.1:9/ledger")
    assert "postgresql+psycopg://me:***@127.0.0.1:9/ledger" in error.value.message
