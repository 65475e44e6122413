"""A damaged ledger is set aside and rebuilt; nothing is deleted and nothing paid for is lost."""

import json
import random
import shutil
import sqlite3
import sys
from contextlib import closing

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.core.request import Request
from liangxin_nb.diagnostics import rebuild
from liangxin_nb.errors import InvalidRequestError, LedgerError
from liangxin_nb.ledger import connections, is_healthy, salvage
from liangxin_nb.ledger.spending import usage_by_day
from liangxin_nb.library import Library
from liangxin_nb.notebook.magics.extension import is_damaged

from ..conftest import wait_until
from ..task_server import KEY, PACE

REQUEST = Request("z-image", "a lake", {"seed": 7})


@pytest.fixture
def results(server, connect):
    """A results folder with five saved results and one task in the journal; the settings."""
    with connect() as session:
        jobs = [session.generate(f"a lake {n}", seed=n, aspect="16:9") for n in range(5)]
        for job in jobs:
            job.wait(60)
        settings = session.settings
        record = session.ledger.create(REQUEST, settings.profile, settings.base_url, "ended")
        session.ledger.update(record, "submitting", status="submitting")
        session.journal.append(record.replace(status="submitted", task_id="task_99"))
        session.ledger.close()
    return settings


def ledger_path(settings):
    return settings.results / "ledger.sqlite"


def saved_records(settings):
    """The saved records with their files, without what only a ledger knows."""
    with closing(sqlite3.connect(ledger_path(settings))) as db:
        db.row_factory = sqlite3.Row
        names = (
            "id, profile, service, model, prompt, options, digest, status, state, task_id, reason, "
            "folder, duration_s, credits"
        )
        jobs = [dict(row) for row in db.execute(f"select {names} from jobs where folder != ''")]
        files = [dict(row) for row in db.execute("select * from files order by job_id, name")]
    return sorted(jobs, key=lambda job: job["id"]), files


def with_status(settings, status):
    with closing(sqlite3.connect(ledger_path(settings))) as db:
        query = "select task_id from jobs where status = ?"
        return [task_id for (task_id,) in db.execute(query, (status,))]


def checkpoint(settings):
    """Move everything into the ledger's file itself."""
    with closing(sqlite3.connect(ledger_path(settings))) as db:
        db.execute("pragma wal_checkpoint(truncate)")


def overwrite_everything(path):
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def overwrite_middle_of_each_page(path):
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 4096):
        data[start + 1000 : start + 3000] = random.Random(start).randbytes(2000)
    path.write_bytes(data)


def overwrite_the_first_page(path):
    data = bytearray(path.read_bytes())
    data[100:4096] = random.Random(3).randbytes(3996)
    path.write_bytes(data)


def overwrite_a_middle_page(path):
    data = bytearray(path.read_bytes())
    middle = len(data) // 4096 // 2 * 4096
    data[middle : middle + 4096] = random.Random(4).randbytes(4096)
    path.write_bytes(data)


def overwrite_the_header(path):
    data = bytearray(path.read_bytes())
    data[:100] = random.Random(5).randbytes(100)
    path.write_bytes(data)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:9000])


def empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("a note " * 900)


def open_session(settings):
    return Session(results=settings.results, base_url=settings.base_url, key=KEY, schedule=PACE)


DAMAGE = [
    overwrite_everything, overwrite_middle_of_each_page, overwrite_the_first_page,
    overwrite_a_middle_page, overwrite_the_header, cut_off, empty, replace_by_text,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_ledger_is_rebuilt_record_by_record(results, damage):
    before = saved_records(results)
    assert len(before[0]) == 5
    checkpoint(results)
    damage(ledger_path(results))
    damaged = ledger_path(results).read_bytes()

    report = rebuild(results)

    assert saved_records(results) == before
    assert with_status(results, "submitted") == ["task_99"], "of the journal"
    assert report.aside.read_bytes() == damaged, "it is set aside, unchanged"
    assert (report.jobs, report.saved, report.uncollected) == (6, 5, 1)
    assert is_healthy(ledger_path(results))


#: What users call first; each opens the ledger or reads it.
FIRST_CALLS = {
    "generate": lambda session: session.generate("a hill").wait(60),
    "reuse": lambda session: session.generate("a lake 1", reuse=True).wait(60),
    "resume": lambda session: session.resume(),
    "attach": lambda session: session.attach("task_1").wait(60),
    "history": lambda session: session.history(),
    "library": lambda session: session.gallery(),
    "batch": lambda session: session.batch(["a hill", "a river"]).wait(60),
    "batches": lambda session: session.ledger.list_batches(),
    "spending": lambda session: usage_by_day(session.ledger),
    "export": lambda session: session.export_archive(session.settings.results / "x.zip"),
    "audit": lambda session: session.audit(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_reported_in_one_line_with_the_next_step(
    results, damage, tmp_path, monkeypatch, show_line
):
    monkeypatch.setattr(connections, "_NEW_FILE_S", 0.0)
    checkpoint(results)
    damage(ledger_path(results))
    reported = {}
    for name, call in FIRST_CALLS.items():
        copy = replace_settings(results, results=tmp_path / name)
        shutil.copytree(results.results, copy.results)
        if line := reported_damage(copy, call):
            reported[name] = line.replace(f"{tmp_path}/", "")
    if reported:
        given = f"ledger: {damage.__name__}".replace("_", " ")
        show_line("files", given, next(iter(reported.values())))
    if damage in (overwrite_a_middle_page, overwrite_middle_of_each_page):
        assert not is_healthy(ledger_path(results)), "the doctor reads every page"
    else:
        assert reported.keys() == FIRST_CALLS.keys()
        assert is_damaged(ledger_path(results)), "loading the extension says it"


def reported_damage(settings, call):
    """Return the error for damage that a call ends with; any other error fails the test."""
    try:
        with open_session(settings) as session:
            call(session)
    except LedgerError as error:
        assert error.is_damaged, error
        assert "\n" not in str(error)
        assert str(error).endswith("sets it aside and rebuilds it from the results.")
        return str(error)
    return ""


@pytest.mark.parametrize("damage", DAMAGE)
def test_doctor_names_the_damage_and_rebuilds(results, damage, capsys, monkeypatch):
    before = saved_records(results)
    checkpoint(results)
    for name, value in [("RESULTS", results.results), ("BASE_URL", results.base_url)]:
        monkeypatch.setenv(f"LIANGXIN_{name}", str(value))
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    damage(ledger_path(results))
    assert lx.doctor() is None
    assert "--rebuild sets it aside and rebuilds it" in capsys.readouterr().out
    rows = {row["status"]: row["jobs"] for row in lx.doctor(rebuild=True)}
    assert rows == {"saved": 5, "waiting to be collected": 1}
    assert "The ledger was rebuilt: 6 jobs, 5 of them saved" in capsys.readouterr().out
    assert saved_records(results) == before


def test_lost_wal_is_completed_from_the_results_and_the_journal(results):
    older = ledger_path(results).read_bytes()
    with open_session(results) as session:
        for prompt in ("a hill", "a river"):
            session.generate(prompt).wait(60)
        session.ledger.close()
    before = saved_records(results)
    ledger_path(results).write_bytes(older)
    assert saved_records(results) != before
    assert str(rebuild(results)).endswith("is not damaged; 3 jobs added that it lacked.")
    assert saved_records(results) == before
    assert with_status(results, "submitted") == ["task_99"]


@pytest.mark.parametrize("damage", [overwrite_everything, overwrite_middle_of_each_page, empty])
def test_jobs_of_a_running_session_continue(results, server, damage):
    """Their rows are written again, even those that could not be read."""
    server.last = "generating"
    with open_session(results) as session:
        followed = session.generate("a hill")
        wait_until(lambda: followed.task_id)
        with server.held("createTask") as request:
            sent = session.generate("a river")
            request.wait()
            checkpoint(results)
            damage(ledger_path(results))
            session.doctor(rebuild=True)
        server.last = "success"
        for job in (followed, sent):
            assert job.wait(60).path.exists()
            assert session.ledger.find(job.task_id).status == "saved"
    assert is_healthy(ledger_path(results))
    assert len(with_status(results, "saved")) == 7
    assert server.count("createTask") == 7


def test_absurd_row_id_does_not_stop_the_rebuild(results):
    with closing(sqlite3.connect(ledger_path(results))) as db, db:
        db.execute("update jobs set rowid = 1 << 60, options = 'no json' where prompt = 'a lake 1'")
    assert len(salvage(ledger_path(results))[0]) == 5
    assert rebuild(results).jobs == 6


def test_missing_outputs_are_known_after_the_rebuild(results):
    """Otherwise `resume` would not try them again."""
    first, *_ = sorted(results.results.glob("*/*/metadata.json"))
    metadata = json.loads(first.read_text())
    missing = [{"number": 2, "kind": "image", "reason": "the link is dead"}]
    first.write_text(json.dumps(metadata | {"missing": missing}))
    empty(ledger_path(results))
    rebuild(results)
    with open_session(results) as session:
        record = session.ledger.find(metadata["job_id"])
        assert record.reason == "1 of 2 outputs are saved; no. 2 is missing: the link is dead."
        assert metadata["task_id"] in {job.task_id for job in session.ledger.collectable()}


def test_deleted_result_is_deleted_after_the_rebuild_and_can_be_restored(results):
    with open_session(results) as session:
        record = session.ledger.with_status("saved")[0]
        Library(session).delete(record.id)
    ledger_path(results).write_bytes(b"")
    rebuild(results)
    with open_session(results) as session:
        assert session.get_record(record.id).status == "deleted"
        restored = Library(session).restore(record.id)
        assert session.result(restored).path.is_file()


def test_missing_ledger_is_rebuilt(results):
    before = saved_records(results)
    for path in results.results.glob("ledger.sqlite*"):
        path.unlink()
    assert rebuild(results).saved == 5
    assert saved_records(results) == before


def test_healthy_ledger_is_left_alone(results):
    before = saved_records(results)
    assert str(rebuild(results)).endswith("is not damaged; 1 job added that it lacked.")
    report = rebuild(results)
    assert report.aside is None
    assert str(report).endswith("is not damaged; nothing was changed.")
    assert saved_records(results) == before
    assert list(results.results.glob("*damaged*")) == []


def test_ledger_of_a_newer_version_is_not_set_aside(results):
    with closing(sqlite3.connect(ledger_path(results))) as db, db:
        db.execute("update version set number = 99")
    with pytest.raises(LedgerError, match="version 99"):
        rebuild(results)
    assert list(results.results.glob("*damaged*")) == []


def test_ledger_on_a_server_is_not_rebuilt(results):
    with pytest.raises(InvalidRequestError, match="database server"):
        rebuild(replace_settings(results, ledger="postgresql://me@host/ledger"))


def replace_settings(settings, **values):
    import msgspec

    return msgspec.structs.replace(settings, **values)


def test_metadata_inside_the_picture_serves_where_the_file_beside_it_is_gone(results):
    before = saved_records(results)
    for path in results.results.glob("*/*/metadata.json"):
        path.unlink()
    overwrite_everything(ledger_path(results))
    rebuild(results)
    jobs, files = saved_records(results)
    ignored = {"duration_s": None, "credits": None}
    assert [job | ignored for job in jobs] == [job | ignored for job in before[0]]
    assert [(f["name"], f["sha256"], f["bytes"]) for f in files] == [
        (f["name"], f["sha256"], f["bytes"]) for f in before[1]
    ]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"prompt": ""}', "\0", '{"prompt": 1, "model": 2}']
)
def test_unreadable_metadata_costs_its_own_result_only(results, text):
    first, *_ = sorted(results.results.glob("*/*/metadata.json"))
    for picture in first.parent.glob("*.png"):
        picture.write_bytes(b"no picture")
    first.write_text(text)
    overwrite_everything(ledger_path(results))
    assert rebuild(results).saved == 4


def test_rows_that_can_be_read_are_kept(results):
    """A task that is still at the service is in the ledger only."""
    with open_session(results) as session:
        for status, task_id in [
            ("submitted", "task_50"), ("unconfirmed", ""), ("pending", ""), ("submitting", ""),
            ("failed", "task_51"),
        ]:  # fmt: skip
            record = session.ledger.create(REQUEST, session.settings.profile, results.base_url)
            session.ledger.update(
                record, status, status=status, task_id=task_id, owner="a notebook"
            )
        session.ledger.close()
    with closing(sqlite3.connect(ledger_path(results))) as db, db:
        db.execute("update jobs set options = 'no json' where status = 'saved'")
    rebuild(results)
    assert sorted(with_status(results, "submitted")) == ["task_50", "task_99"]
    assert with_status(results, "failed") == ["task_51"]
    with open_session(results) as session:
        assert session.ledger.find("task_50").owner == "a notebook"
    assert len(with_status(results, "pending")) == 1
    assert len(with_status(results, "unconfirmed")) == 1
    assert len(with_status(results, "submitting")) == 1
    assert len(with_status(results, "saved")) == 5


def test_batches_are_kept(results):
    with open_session(results) as session:
        batch = session.batch(["a hill", "a river"])
        batch.wait(60)
        before = session.ledger.get_batch(batch.id)
    with closing(sqlite3.connect(ledger_path(results))) as db, db:
        db.execute("update jobs set status = 'no-status' where prompt = 'a lake 1'")
    rebuild(results)
    with open_session(results) as session:
        assert session.ledger.get_batch(batch.id) == before
        assert len(session.ledger.jobs_of_batch(batch.id)) == 2


def test_journal_task_is_collected_after_the_rebuild(results, server):
    server.add("task_99", {"model": "z-image", "input": {"prompt": "a lake"}})
    overwrite_everything(ledger_path(results))
    rebuild(results)
    with open_session(results) as session:
        (job,) = session.resume()
        assert job.wait(60).task_id == "task_99"
    assert server.count("createTask") == 5


def test_earlier_damaged_file_is_not_replaced(results, monkeypatch):
    monkeypatch.setattr("time.strftime", lambda *_: "20261126-080000")
    asides = set()
    for _ in range(3):
        overwrite_everything(ledger_path(results))
        asides.add(rebuild(results).aside)
    assert len(asides) == 3
    assert all(aside.exists() for aside in asides)


def test_full_disk_leaves_the_damaged_ledger_where_it_was(results, monkeypatch):
    overwrite_everything(ledger_path(results))
    damaged = ledger_path(results).read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys.modules["liangxin_nb.diagnostics.rebuild"], "_set_aside", fail)
    with pytest.raises(LedgerError, match=r"cannot be rebuilt \(No space left on device\)"):
        rebuild(results)
    assert ledger_path(results).read_bytes() == damaged
    monkeypatch.undo()
    assert rebuild(results).saved == 5


def test_open_session_uses_the_rebuilt_ledger(results):
    with open_session(results) as session:
        assert len(session.history()) == 6
        with closing(sqlite3.connect(ledger_path(results))) as db, db:
            db.execute("update jobs set status = 'no-status' where prompt = 'a lake 1'")
        rebuild(results)
        assert len(session.history()) == 6
        assert session.generate("a hill").wait(60).path.exists()


def test_salvage_changes_nothing(results):
    checkpoint(results)
    overwrite_middle_of_each_page(ledger_path(results))
    before = ledger_path(results).read_bytes()
    salvage(ledger_path(results))
    assert ledger_path(results).read_bytes() == before


def test_metadata_without_a_job_id_gets_one(results):
    path, *_ = sorted(results.results.glob("*/*/metadata.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"job_id": "../../x"}))
    overwrite_everything(ledger_path(results))
    assert rebuild(results).saved == 5


def test_report_is_one_line(results):
    overwrite_everything(ledger_path(results))
    text = str(rebuild(results))
    assert text.startswith("The ledger was rebuilt: 6 jobs, 5 of them saved, 1 to collect")
    assert "\n" not in text
