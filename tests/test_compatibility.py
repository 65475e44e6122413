"""Files written by version 0.1.0 open, resume, show and export; see samples/version-0.1.0."""

import json
import shutil
import sqlite3
import zipfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

import liangxin_nb as lx
from liangxin_nb.archive import export_session, import_session
from liangxin_nb.core.notebook_file import extract_task_ids
from liangxin_nb.ledger import Ledger, Query
from liangxin_nb.ledger.database import VERSION
from liangxin_nb.library import Library
from liangxin_nb.notebook.magics.extension import count_resumable
from liangxin_nb.notebook.widgets.gallery.static_fallback import gallery_bundle
from liangxin_nb.session.default import set_session

from . import task_server
from .postgres import databases

SAMPLES = Path(__file__).parent / "samples" / "version-0.1.0"
STATUSES = {
    "a lake in the mountains": "saved",
    "a cafe at night": "saved",
    "a lighthouse": "saved",
    "a lake": "rejected",
    "a task that fails": "failed",
    "an answer that was lost": "unconfirmed",
    "a file that was lost": "result_lost",
    "a task still running": "submitted",
}
SAVED = [prompt for prompt, status in STATUSES.items() if status == "saved"]
UNFINISHED = "task_flux-2-pro_1795661145681"
OLD_EVENTS = {"intent", "sent", "accepted", "kept", "refused", "unknown", "lost"}


@pytest.fixture
def results(tmp_path):
    """A results folder with its ledger, as version 0.1.0 left it."""
    folder = tmp_path / "results"
    with zipfile.ZipFile(SAMPLES / "export.zip") as archive:
        archive.extractall(tmp_path, [n for n in archive.namelist() if n.startswith("results/")])
    shutil.copy(SAMPLES / "ledger.sqlite", folder)
    return folder


@pytest.fixture
def session(results):
    """A session of the default service on the old results folder."""
    with closing(lx.Session(profile="sandbox", results=results)) as opened:
        yield opened


@pytest.fixture
def empty_session(tmp_path):
    """A session without any job, as on a new machine."""
    with closing(lx.Session(profile="sandbox", results=tmp_path / "new" / "results")) as opened:
        yield opened


@pytest.fixture(scope="module")
def new_database():
    with databases() as make:
        yield make


def statuses(ledger):
    return {record.request.prompt: record.status for record in ledger.list_jobs(limit=None)}


def dump(path):
    """Return a SQLite file as SQL statements."""
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())


def copy_into_postgres(address):
    """Copy the old tables into an empty PostgreSQL database, under the old names."""
    with (
        closing(sqlite3.connect(SAMPLES / "ledger.sqlite")) as old,
        psycopg.connect(address) as new,
    ):
        for name in ("tickets", "version", "batches", "events", "files"):
            create = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
            sql = old.execute(create, (name,)).fetchone()[0]
            # What SQLAlchemy creates for an autoincrement column there.
            new.execute(sql.replace("n INTEGER NOT NULL", "n SERIAL NOT NULL"))
            for row in old.execute(f"SELECT * FROM {name}").fetchall():
                new.execute(f"INSERT INTO {name} VALUES ({', '.join(['%s'] * len(row))})", row)
        for (sql,) in old.execute("SELECT sql FROM sqlite_master WHERE type = 'index'"):
            if sql:
                new.execute(sql)


# ---- the ledger


def check_ledger(ledger):
    """Check every record of the migrated ledger."""
    assert statuses(ledger) == STATUSES
    assert ledger.count_by_status() == Counter(STATUSES.values())
    (unfinished,) = ledger.resumable()
    assert (unfinished.task_id, unfinished.started_after_s) == (UNFINISHED, 0.291)
    (saved,) = ledger.list_jobs(search="mountains")
    assert (saved.duration_s, saved.started_after_s, saved.batch_id) == (0.879, 0.263, "")
    assert saved.request.options == {"seed": 7, "width": 256, "height": 256}
    names = [event for _, event, _ in ledger.events(saved.id)]
    assert names == [
        "pending", "submitting", "submitted", "queuing", "generating", "success", "saved",
    ]  # fmt: skip
    for record in ledger.list_jobs(limit=None):
        assert OLD_EVENTS.isdisjoint(event for _, event, _ in ledger.events(record.id))
    (batch,) = ledger.list_batches()
    assert (batch.name, len(ledger.jobs_of_batch(batch.id))) == ("two scenes", 2)


def test_old_sqlite_ledger_is_migrated(results):
    path = results / "ledger.sqlite"
    assert count_resumable(path) == 1  # before the migration
    with closing(Ledger(path)) as ledger:
        check_ledger(ledger)
        collectable = len(ledger.collectable())  # lost results too, for some days
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT number FROM version").fetchall() == [(VERSION,)]
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    assert not [name for name in names if "ticket" in name]
    assert count_resumable(path) == collectable >= 1


def test_migrated_ledger_opens_again_unchanged(results):
    path = results / "ledger.sqlite"
    Ledger(path).close()
    before = dump(path)
    with closing(Ledger(path)) as ledger:
        check_ledger(ledger)
    assert dump(path) == before


@pytest.mark.xdist_group("postgres")
def test_old_postgresql_ledger_is_migrated(new_database):
    address = new_database()
    copy_into_postgres(address)
    with closing(Ledger(address)) as ledger:
        check_ledger(ledger)


# ---- what users see


def test_history_lists_every_old_record(session):
    set_session(session)
    history = lx.history()
    assert {row["prompt"]: row["status"].split(" (")[0] for row in history} == STATUSES
    assert next(row["status"] for row in history) == "submitted (generating)"


@pytest.mark.parametrize("prompt", SAVED)
def test_old_result_opens_with_its_metadata(session, prompt):
    (record,) = [r for r in session.ledger.list_jobs(limit=None) if r.request.prompt == prompt]
    result = session.result(record)
    metadata = result.metadata
    assert (metadata.prompt, metadata.job_id, metadata.task_id) == (
        prompt, record.id, record.task_id,
    )  # fmt: skip
    assert metadata.is_sandbox
    assert metadata.duration_s == record.duration_s
    assert metadata.created_at.startswith("2026-11-26T02:45:4")
    assert metadata.options == record.request.options
    assert [path.name for path in result.paths] == ["1.png"]
    embedded = lx.read_metadata(result.paths[0])
    assert (embedded.prompt, embedded.job_id) == (prompt, record.id)
    assert embedded.is_sandbox


def test_library_shows_the_old_results(session):
    library = Library(session)
    page = library.page(Query(statuses=("saved",)))
    assert sorted(entry.record.request.prompt for entry in page) == sorted(SAVED)
    assert all(entry.kind == "image" and not entry.files_missing for entry in page)
    assert all(library.thumbnail(entry) for entry in page)
    assert library.count(Query()) == len(STATUSES)
    assert [count for _, _, count in library.batches()] == [2]
    assert "image/jpeg" in gallery_bundle(library, page)


def test_old_batch_opens_with_its_results(session):
    (record,) = session.ledger.list_batches()
    batch = session.batch(id=record.id)
    assert [result.prompt for result in batch.wait(60)] == ["a cafe at night", "a lighthouse"]


def test_submitted_task_of_the_old_ledger_is_resumed(results, server):
    """The old ledger belongs to the service that the server of this test stands for."""
    with closing(sqlite3.connect(results / "ledger.sqlite")) as db, db:
        db.execute("UPDATE tickets SET profile = 'liangxin', service = ?", (server.url,))
    server.add(UNFINISHED, {"model": "flux-2-pro", "input": {"prompt": "a task still running"}})
    with closing(
        lx.Session(
            base_url=server.url, key=task_server.KEY, results=results, schedule=task_server.PACE
        )
    ) as session:
        jobs = {job.task_id: job for job in session.resume()}  # also the results lost lately
        assert jobs[UNFINISHED].wait(60).prompt == "a task still running"
        assert statuses(session.ledger) == STATUSES | {"a task still running": "saved"}
    assert server.count("createTask") == 0


def test_old_notebook_output_names_its_task():
    outputs = [
        {"output_type": "display_data", "metadata": {"liangxin": metadata}}
        for metadata in (
            {"ticket": "f97a3c18be1c", "task_id": "task_1"},
            {"batch": "826337ed4f80", "tickets": ["a", "b"], "task_ids": ["task_2", "task_3"]},
        )
    ]
    notebook = {"cells": [{"cell_type": "code", "outputs": outputs}], "nbformat": 4}
    assert extract_task_ids(json.dumps(notebook).encode()) == ["task_1", "task_2", "task_3"]


# ---- archives


def test_old_archive_is_imported(empty_session):
    report = import_session(empty_session, SAMPLES / "export.zip", notebooks=True)
    assert (report.jobs, report.results, report.unfinished) == (8, 3, 1)
    assert report.left_out == ()
    assert statuses(empty_session.ledger) == STATUSES
    (batch,) = empty_session.ledger.list_batches()
    opened = empty_session.batch(id=batch.id)
    assert [result.prompt for result in opened.wait(60)] == ["a cafe at night", "a lighthouse"]


def test_old_archive_adds_nothing_to_its_own_ledger(session):
    report = import_session(session, SAMPLES / "export.zip", notebooks=True)
    assert (report.jobs, report.already_here, report.results) == (0, 8, 0)
    assert statuses(session.ledger) == STATUSES


def test_new_archive_of_the_old_files_is_imported(session, empty_session, tmp_path):
    packed = export_session(session, tmp_path / "new.zip", notebooks=False)
    assert (packed.jobs, packed.results, packed.left_out) == (8, 3, ())
    report = import_session(empty_session, packed.path, notebooks=False)
    assert (report.jobs, report.results, report.left_out) == (8, 3, ())
    assert statuses(empty_session.ledger) == STATUSES
    for record in empty_session.ledger.with_status("saved"):
        there, here = session.result(record), empty_session.result(record)
        assert here.paths[0].read_bytes() == there.paths[0].read_bytes()
        assert (here.folder / "metadata.json").is_file()
        events = empty_session.ledger.events(record.id)
        assert events == session.ledger.events(record.id)
