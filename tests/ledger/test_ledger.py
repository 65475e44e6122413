"""The ledger, on SQLite and on PostgreSQL: rows, changes, claims, searches, versions."""

import sqlite3
import threading
from contextlib import closing

import psycopg
import pytest
import sqlalchemy as sa

from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LedgerError
from liangxin_nb.ledger import (
    BatchRecord,
    Ledger,
    Query,
    export_rows,
    import_rows,
    migrations,
    parse_line,
    read_only,
    salvage,
)
from liangxin_nb.ledger.queries import batch_sizes, count_jobs, count_models, get_page
from liangxin_nb.ledger.read_only import read_jobs
from liangxin_nb.ledger.relatives import find_children, find_parents
from liangxin_nb.notebook.magics.extension import count_resumable

from ..postgres import databases
from ..processes import running
from ..workers import write_many

PROMPT = "雨 {x} $y '; drop table tickets; --"
FILE = {"name": "1.png", "bytes": 3, "sha256": "0" * 64}


@pytest.fixture(scope="session")
def new_database():
    """Return a function that creates databases on a PostgreSQL server of this test run."""
    with databases() as make:
        yield make


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.xdist_group("postgres"))]
)
def ledger(request, tmp_path):
    """A ledger in a file, and one on a database server."""
    on_file = request.param == "sqlite"
    path = tmp_path / "ledger.sqlite" if on_file else request.getfixturevalue("new_database")()
    with closing(Ledger(path)) as made:
        yield made


@pytest.fixture
def on_file(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


def new_job(ledger, prompt="x", owner=""):
    return ledger.create(Request("z-image", prompt), "sandbox", "", owner)


@pytest.mark.xdist_group("postgres")
def test_server_without_the_database_is_reported_in_one_line_with_the_next_step(new_database):
    url = new_database()
    with closing(Ledger(url)) as ledger:
        new_job(ledger)
        name = url.removeprefix("postgresql://postgres@/").partition("?")[0]
        with psycopg.connect(url.replace(name, "postgres", 1), autocommit=True) as db:
            db.execute(f"drop database {name} with (force)")
        for call in (new_job, Ledger.list_jobs):
            with pytest.raises(LedgerError, match=r"cannot be used \(.+does not exist") as error:
                call(ledger)
            assert "\n" not in str(error.value)
            assert error.value.next_step.startswith("Check the database server")


# ---- rows and their history


def test_lineage_is_read_back_as_it_was_written(ledger):
    record = JobRecord.new(Request("z-image", "x"), "sandbox", "").replace(
        parent_ids=("3f9c12345678", "task of another ledger"),
        change="seed 7 → 8",
        seed_drawn=True,
    )
    ledger.add(record)
    assert ledger.find(record.id) == record
    (row,) = export_rows(ledger)
    assert parse_line(row.to_json().encode(), 2).record == record


def test_relatives_are_found_by_job_id_and_by_task_id(ledger):
    parent = ledger.update(new_job(ledger), "submitted", task_id="task_%")
    children = [
        JobRecord.new(Request("z-image", "x"), "sandbox", "").replace(parent_ids=names)
        for names in ((parent.id,), ("another", "task_%"), ("task_x",))
    ]
    for child in children:
        ledger.add(child)
    assert find_children(ledger, [parent]) == children[:2]
    assert [find_parents(ledger, [child]) for child in children] == [[parent], [parent], []]


def test_salvaged_record_keeps_its_lineage(tmp_path):
    path = tmp_path / "ledger.sqlite"
    record = JobRecord.new(Request("z-image", "x"), "sandbox", "")
    record = record.replace(parent_ids=("a", "b"), change="prompt changed", seed_drawn=True)
    with closing(Ledger(path)) as ledger:
        ledger.add(record)
    ((row,), _, _) = salvage(path)
    assert row.record == record


def test_pending_record_is_read_back_as_it_was_written(ledger):
    record = ledger.create(Request("z-image", PROMPT, {"seed": 7}), "sandbox", "")
    found = ledger.find(record.id)
    assert found == record
    assert (found.status, found.request.prompt) == ("pending", PROMPT)
    assert found.request.options == {"seed": 7}


def test_every_change_appends_an_event(ledger):
    record = new_job(ledger)
    record = ledger.update(record, "submitting", status="submitting")
    record = ledger.update(record, "submitted", "task_1", status="submitted", task_id="task_1")
    ledger.mark_saved(record, "2026-11-21/x", [FILE])
    history = [event for _, event, _ in ledger.events(record.id)]
    assert history == ["pending", "submitting", "submitted", "saved"]


def test_saved_record_is_found_by_its_task_id_with_its_folder(ledger):
    record = ledger.update(new_job(ledger), "submitted", status="submitted", task_id="task_1")
    ledger.mark_saved(record, "2026-11-21/x", [FILE])
    found = ledger.find("task_1")
    assert (found.status, found.folder) == ("saved", "2026-11-21/x")


def test_record_is_found_by_the_beginning_of_its_id_when_only_one_fits(ledger):
    record = new_job(ledger)
    assert ledger.find(record.id[:6]) == record
    new_job(ledger)
    assert ledger.find("") is None
    assert ledger.find("%") is None


def test_unfinished_records_come_first(ledger):
    old = ledger.update(new_job(ledger, "old"), "submitted", status="submitted", task_id="task_old")
    new = new_job(ledger, "new")
    assert [record.id for record in ledger.list_jobs()] == [old.id, new.id]
    assert [record.id for record in ledger.resumable()] == [old.id]


def test_prompts_are_searched_literally_and_in_any_case(ledger):
    old, new = new_job(ledger, "an Old lake"), new_job(ledger, "100% new")
    found = {
        word: [record.id for record in ledger.list_jobs(search=word)]
        for word in ("old", "100%", "%", "_")
    }
    assert found == {"old": [old.id], "100%": [new.id], "%": [new.id], "_": []}


def test_median_duration_needs_three_tasks(ledger):
    for seconds in (9.0, 5.0, 7.0):
        assert ledger.median_duration("z-image", "sandbox") is None
        ledger.update(new_job(ledger), "success", duration_s=seconds)
    assert ledger.median_duration("z-image", "sandbox") == 7.0


# ---- claims


def test_claim_gives_the_record_to_its_new_owner(ledger):
    record = new_job(ledger, owner="ended")
    assert ledger.claim(record, "first").owner == "first"
    assert ledger.find(record.id).owner == "first"


def test_claim_fails_when_another_owner_was_quicker(ledger):
    record = new_job(ledger, owner="ended")
    ledger.claim(record, "first")
    assert ledger.claim(record, "second") is None
    assert ledger.find(record.id).owner == "first"


def test_claim_fails_when_the_request_was_sent_meanwhile(ledger):
    """The sender may have released it, so that its owner is the same as before."""
    record = new_job(ledger)
    ledger.update(record, "submitting", status="submitting")
    assert ledger.claim(record, "second") is None
    assert ledger.find(record.id).owner == ""


def test_of_many_claims_at_once_one_succeeds(ledger):
    record = new_job(ledger, owner="ended")
    start, claimed = threading.Barrier(6), []

    def claim(owner):
        start.wait(60)
        claimed.append(ledger.claim(record, owner))

    threads = [threading.Thread(target=claim, args=(f"owner {n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [found for found in claimed if found is not None]
    assert ledger.find(record.id).owner == winner.owner


# ---- lost responses


def unconfirmed_job(ledger, prompt="x"):
    return ledger.update(new_job(ledger, prompt), "unconfirmed", "no answer", status="unconfirmed")


def test_lost_request_is_submitted_under_the_confirmed_task_id(ledger):
    record = unconfirmed_job(ledger)
    assert ledger.confirm_lost(record, "task_1").task_id == "task_1"
    found = ledger.find(record.id)
    assert (found.status, found.task_id) == ("submitted", "task_1")


def test_lost_request_is_not_given_a_task_id_that_another_has(ledger):
    """Two records with one task id would hide that a second task may exist and be billed."""
    owner_of_the_id = ledger.update(
        new_job(ledger), "submitted", status="submitted", task_id="task_1"
    )
    record = unconfirmed_job(ledger)
    assert ledger.confirm_lost(record, "task_1") is None
    found = ledger.find(record.id)
    assert (found.status, found.task_id) == ("unconfirmed", "")
    assert ledger.find("task_1").id == owner_of_the_id.id


def test_of_two_lost_requests_one_is_given_the_task_id(ledger):
    first, second = unconfirmed_job(ledger), unconfirmed_job(ledger)
    assert ledger.confirm_lost(first, "task_1").id == first.id
    assert ledger.confirm_lost(second, "task_1") is None


def test_task_id_that_is_already_known_is_not_replaced(ledger):
    record = ledger.update(new_job(ledger), "submitted", status="submitted", task_id="task_1")
    assert ledger.confirm_lost(record, "task_2") is None
    assert ledger.find(record.id).task_id == "task_1"


# ---- rows of another ledger


@pytest.fixture
def two_rows(ledger):
    """The rows of a ledger with a saved and a rejected job."""
    saved = ledger.create(Request("z-image", PROMPT, {"seed": 7}), "sandbox", "", "an owner")
    ledger.mark_saved(saved, "2026-11-21/x", [FILE])
    ledger.update(new_job(ledger), "rejected", status="rejected")
    return export_rows(ledger)


def test_rows_survive_conversion_to_text(two_rows):
    assert [parse_line(row.to_json().encode(), 2) for row in two_rows] == two_rows


def test_imported_rows_are_the_same_in_the_other_ledger(two_rows, tmp_path):
    other = Ledger(tmp_path / "other.sqlite")
    assert import_rows(other, two_rows) == ["new", "new"]
    assert export_rows(other) == two_rows


def test_rows_imported_twice_change_nothing(ledger, two_rows):
    assert import_rows(ledger, two_rows) == ["known", "known"]
    assert export_rows(ledger) == two_rows


def test_imported_rows_have_no_owner(two_rows, tmp_path):
    other = Ledger(tmp_path / "other.sqlite")
    import_rows(other, two_rows)
    assert {record.owner for record in other.list_jobs()} == {""}


# ---- pages of the gallery


@pytest.fixture
def of_four(ledger):
    jobs = [
        ("a", 100.0, "z-image", "A Cafe terrace, 100% rain", "saved", ""),
        ("b", 200.0, "z-image", "rain over the café 雨夜", "failed", "b1"),
        ("c", 300.0, "flux", "a lake", "saved", "b1"),
        ("d", 400.0, "flux", "the same lake, in RAIN", "deleted", "b2"),
    ]
    for job_id, created_at, model, prompt, status, batch_id in jobs:
        record = JobRecord(job_id, Request(model, prompt), created_at, "sandbox", status=status)
        ledger.add(record.replace(task_id=f"task_{job_id}", batch_id=batch_id))
    return ledger


PAGES = [
    (Query(), "dcba"),
    (Query(text="RAIN cafe"), "a"),
    (Query(text="雨"), "b"),
    (Query(text="100%"), "a"),
    (Query(text="_"), ""),
    (Query(text="task_c"), "c"),
    (Query(model="flux"), "dc"),
    (Query(statuses=("saved", "deleted")), "dca"),
    (Query(batch_id="b1"), "cb"),
    (Query(since=200.0, until=400.0), "cb"),
    (Query(sort="oldest"), "abcd"),
    (Query(sort="prompt"), "acbd"),
    (Query(sort="model"), "dcba"),
    (Query(text="lake", statuses=("saved",), model="flux", batch_id="b1"), "c"),
]


def test_page_holds_the_matching_jobs(of_four):
    pages = [(q, "".join(row.record.id for row in get_page(of_four, q))) for q, _ in PAGES]
    assert pages == PAGES


def test_count_is_that_of_the_page(of_four):
    assert [count_jobs(of_four, query) for query, _ in PAGES] == [len(ids) for _, ids in PAGES]


def test_successive_pages_hold_every_job_once(of_four):
    joined = [
        (
            query,
            "".join(
                row.record.id
                for n in range(5)
                for row in get_page(of_four, query, first=n, limit=1)
            ),
        )
        for query, _ in PAGES
    ]
    assert joined == PAGES


def test_models_and_batches_are_counted(of_four):
    assert count_models(of_four) == {"flux": 2, "z-image": 2}
    assert batch_sizes(of_four) == [("b2", 400.0, 1), ("b1", 200.0, 2)]


# ---- the file, the server, and their versions


def test_file_on_a_local_disk_is_written_ahead(on_file):
    with closing(sqlite3.connect(on_file.location)) as db:
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)


def test_every_commit_reaches_the_disk(on_file):
    with on_file.read_only() as db:
        full = 2
        assert db.exec_driver_sql("pragma synchronous").scalar() == full


def test_ledger_of_a_newer_version_is_rejected(on_file):
    with closing(sqlite3.connect(on_file.location)) as db, db:
        db.execute("update version set number = 99")
    with pytest.raises(LedgerError, match="version 99"):
        Ledger(on_file.location)


def test_ledger_that_cannot_be_opened_is_reported_in_one_line(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(LedgerError, match="cannot be opened") as error:
        Ledger(tmp_path / "ledger.sqlite")
    assert "\n" not in str(error.value)


def test_unreachable_database_is_reported_in_one_line_without_its_password():
    with pytest.raises(LedgerError, match="cannot be opened") as error:
        Ledger("postgresql://me:hunter2@127.0.0.1:9/ledger")
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


def _as_version_4(db):
    """Give the tables of a ledger the names that they had in version 4."""
    db.execute("drop index ix_jobs_with_parents")
    for name in ("origin", "parent_ids", "change", "seed_drawn"):
        db.execute(f"alter table jobs drop column {name}")
    for name in migrations.NEW_INDEXES:
        db.execute(f"drop index {name}")
    for table, names in migrations.OLD_NAMES.items():
        for old, new in names.items():
            db.execute(f"alter table {table} rename column {new} to {old}")
    db.execute("alter table jobs rename to tickets")
    for old, new in migrations.OLD_STATUSES.items():
        db.execute("update tickets set fate = ? where fate = ?", (old, new))
        db.execute("update events set what = ? where what = ?", (old, new))
    db.execute("create index ix_tickets_batch on tickets (batch)")
    db.execute("create index ix_tickets_fate_at on tickets (fate, at)")
    db.execute("update version set number = 4")


def test_ledger_of_version_4_is_migrated_to_the_new_names(tmp_path):
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    record = ledger.create(Request("z-image", "old"), "sandbox", "", "an owner")
    record = ledger.update(record, "submitted", status="submitted", task_id="task_1")
    with sqlite3.connect(path) as db:
        _as_version_4(db)
        assert db.execute("select fate from tickets").fetchall() == [("accepted",)]
    assert count_resumable(path) == 1
    ledger = Ledger(path)
    assert ledger.find("task_1") == record
    assert [event for _, event, _ in ledger.events(record.id)] == ["pending", "submitted"]
    assert count_resumable(path) == 1
    with sqlite3.connect(path) as db:
        assert db.execute("select number from version").fetchall() == [(migrations.VERSION,)]
        names = {name for (name,) in db.execute("select name from sqlite_master")}
    assert names >= {"jobs", *migrations.NEW_INDEXES}
    assert "tickets" not in names


@pytest.fixture
def of_version_1(tmp_path):
    """The file of a ledger of the first version, with one job."""
    path = tmp_path / "ledger.sqlite"
    new_job(Ledger(path), "old", "an owner")
    with closing(sqlite3.connect(path)) as db, db:
        _as_version_4(db)
        db.execute("drop index ix_tickets_batch")
        for column in ("owner", "batch", "place", "began"):
            db.execute(f"alter table tickets drop column {column}")
        db.execute("update version set number = 1")
    return path


def test_ledger_of_the_first_version_keeps_its_rows(of_version_1):
    (found,) = Ledger(of_version_1).list_jobs()
    assert (found.request.prompt, found.owner) == ("old", "")


def test_ledger_of_the_first_version_is_migrated(of_version_1):
    ledger = Ledger(of_version_1)
    (found,) = ledger.list_jobs()
    assert ledger.claim(found, "me").owner == "me"
    with closing(sqlite3.connect(of_version_1)) as db:
        assert db.execute("select number from version").fetchall() == [(migrations.VERSION,)]


# ---- reading without changing anything


def location(ledger):
    """What opens the same database again."""
    return str(ledger.path) if ledger.path else ledger._connections._location


def test_jobs_and_batches_are_read_by_their_ids(ledger):
    first, second, third = (new_job(ledger, prompt) for prompt in ("1", "2", "3"))
    second = ledger.update(second, "submitted", status="submitted", task_id="task_2")
    batch = BatchRecord("b1", 7.0, "name", {"rows": ["a"], "columns": [""]})
    member = third.replace(id="abc", batch_id="b1")
    ledger.add_batch(batch, [member])
    stored = read_jobs(
        location(ledger),
        job_ids=[first.id, "unknown", "'; drop table jobs; --"],
        task_ids=["task_2"],
        batch_ids=["b1", "b2"],
    )
    assert stored.jobs == {job.id: job for job in (first, second, member)}
    assert stored.batches == {"b1": batch}


def test_more_ids_than_a_query_takes_are_read(ledger):
    job = new_job(ledger)
    ids = [*(f"unknown{n}" for n in range(1000)), job.id]
    assert read_jobs(location(ledger), job_ids=ids).jobs == {job.id: job}


def test_ledger_of_version_4_is_read_as_it_is(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with closing(Ledger(path)) as ledger:
        record = ledger.create(Request("z-image", "old"), "sandbox", "", "an owner")
        record = ledger.update(record, "submitted", status="submitted", task_id="task_1")
    with closing(sqlite3.connect(path)) as db, db:
        _as_version_4(db)
    before = path.read_bytes()
    stored = read_jobs(str(path), task_ids=["task_1"], batch_ids=["b"])
    assert stored.jobs == {record.id: record}
    assert path.read_bytes() == before


def test_ledger_of_the_first_version_is_read_as_it_is(of_version_1):
    with closing(sqlite3.connect(of_version_1)) as db:
        ((job_id,),) = db.execute("select id from tickets")
    assert read_jobs(str(of_version_1), job_ids=[job_id]).jobs[job_id].request.prompt == "old"


def test_reading_creates_no_file_and_no_ledger(tmp_path):
    with pytest.raises(LedgerError, match="cannot be read"):
        read_jobs(str(tmp_path / "ledger.sqlite"), job_ids=["x"])
    assert list(tmp_path.iterdir()) == []


def test_error_of_reading_contains_no_password():
    with pytest.raises(LedgerError) as error:
        read_jobs("postgresql://me:hunter2@127.0.0.1:9/ledger", job_ids=["x"])
    assert "hunter2" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.xdist_group("postgres")
def test_server_does_not_let_a_reader_write(new_database):
    url = new_database()
    Ledger(url).close()
    with read_only._database(url, 5) as db, pytest.raises(sa.exc.InternalError, match="read-only"):
        db.exec_driver_sql("delete from jobs")


# ---- several writers


def test_nothing_is_lost_when_processes_and_threads_write_at_once(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with (
        running(write_many, path, 15) as (first, _),
        running(write_many, path, 15) as (second, _),
        running(write_many, path, 15) as (third, _),
    ):
        threads = [threading.Thread(target=write_many, args=(None, path, 15)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for worker in (first, second, third, *threads):
            worker.join()
        assert [worker.exitcode for worker in (first, second, third)] == [0, 0, 0]
    ledger = Ledger(path)
    assert ledger.count_by_status() == {"submitted": 75}
    assert all(len(ledger.events(record.id)) == 2 for record in ledger.resumable())
