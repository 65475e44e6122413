"""An imported archive changes nothing that `reuse`, limits, estimates and pacing depend on."""

import json
import sqlite3
from contextlib import closing

import pytest

from liangxin_nb import Session
from liangxin_nb.archive import export_session, import_session, reader
from liangxin_nb.batches import list_batches
from liangxin_nb.core.request import Request
from liangxin_nb.diagnostics import rebuild
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ledger import BatchRecord, find_work
from liangxin_nb.ledger.spending import check_limits, usage_by_day
from liangxin_nb.library import Library
from liangxin_nb.notebook.magics.maintenance import import_command
from liangxin_nb.notebook.widgets.gallery.details import entry_details
from liangxin_nb.session.default import get_session, set_session

from .. import stock
from .test_archive import change_job, read_part, replace_part

OWN, OTHER = Request("z-image", "a cat", {"seed": 7}), Request("z-image", "a dog", {"seed": 7})


@pytest.fixture
def open_here(tmp_path):
    """Return a function that opens a session of the sandbox in a folder, with some settings."""
    sessions = []

    def open_session(folder, **settings):
        sessions.append(Session(profile="sandbox", results=tmp_path / folder, **settings))
        return sessions[-1]

    yield open_session
    for session in sessions:
        session.close()


@pytest.fixture
def archive(open_here, tmp_path):
    """The archive of another person's session with one saved picture of a cat."""
    there = open_here("there")
    record = stock.save_result(there, OWN.prompt)
    there.ledger.update(record, "cost", credits=9e9, duration_s=0.5, started_after_s=0.1)
    return export_session(there, tmp_path / "1.zip", notebooks=False).path


def identical(session, request):
    return session.find_identical([request])[0]


def request_in(archive):
    job = json.loads(read_part(archive, "ledger.jsonl").splitlines()[1])["job"]
    return Request(job["model"], job["prompt"], json.loads(job["options"]))


def test_imported_result_is_not_reused_unless_its_archive_is_trusted(archive, open_here):
    here, request = open_here("here"), request_in(archive)
    import_session(here, archive, notebooks=False)
    assert identical(here, request) is None
    import_session(here, archive, notebooks=False, trust=True)
    assert identical(here, request).origin == "trusted"


def test_claimed_digest_of_another_prompt_is_recomputed(archive, open_here):
    here = open_here("here")
    import_session(here, change_job(archive, digest=OTHER.digest), notebooks=False, trust=True)
    assert identical(here, OTHER) is None
    assert identical(here, request_in(archive)).request.prompt == "a cat"


def test_archive_within_a_trusted_archive_stays_imported(archive, open_here, tmp_path):
    middle, here = open_here("middle"), open_here("here")
    import_session(middle, archive, notebooks=False)
    packed = export_session(middle, tmp_path / "2.zip", notebooks=False).path
    import_session(here, packed, notebooks=False, trust=True)
    assert [record.origin for record in here.ledger.list_jobs()] == ["imported"]


@pytest.mark.parametrize("trust", [False, True])
def test_imported_jobs_count_for_no_limit_and_no_estimate(archive, open_here, trust):
    here = open_here("here", max_tasks=1, max_credits=1.0)
    import_session(here, archive, notebooks=False, trust=trust)
    (record,) = here.ledger.list_jobs()
    check_limits(here.ledger, here.settings, record.request.model)
    assert list(usage_by_day(here.ledger)) == []
    assert here.ledger.last_cost(record.request.model, record.profile) is None
    assert here.ledger.recent_durations(record) == ()
    assert here.ledger.median_duration(record.request.model, record.profile, samples=3) is None


def test_running_task_of_an_archive_does_not_replace_a_new_one(archive, open_here):
    here = open_here("here")
    changed = change_job(archive, status="submitted", task_id="task_x")
    import_session(here, changed, notebooks=False)
    (record,) = here.ledger.list_jobs()
    service = (record.profile, record.service)
    assert find_work(here.ledger, record.request, *service) == []
    assert record.is_resumable


def test_archive_does_not_finish_a_job_of_this_ledger(archive, open_here):
    here = open_here("here")
    line = json.loads(read_part(archive, "ledger.jsonl").splitlines()[1])["job"]
    request = request_in(archive)
    record = here.ledger.create(request, line["profile"], line["service"])
    record = here.ledger.update(record, "submitted", status="submitted", task_id=line["task_id"])
    folder = f"results/{line['folder']}"
    metadata = json.loads(read_part(archive, f"{folder}/metadata.json"))
    changed = change_job(archive, id=record.id)
    changed = replace_part(
        changed, f"{folder}/metadata.json", json.dumps(metadata | {"job_id": record.id})
    )
    import_session(here, changed, notebooks=False)
    assert here.ledger.list_jobs() == [record]
    assert list(here.results.root.glob("*/*/metadata.json")) == []
    import_session(here, changed, notebooks=False, trust=True)
    (finished,) = here.ledger.list_jobs()
    assert (finished.status, finished.origin, finished.credits) == ("saved", "", None)


def test_own_record_comes_before_an_imported_one_of_the_same_task(archive, open_here):
    here = open_here("here")
    line = json.loads(read_part(archive, "ledger.jsonl").splitlines()[1])["job"]
    own = here.ledger.create(OTHER, line["profile"], line["service"])
    here.ledger.update(own, "unconfirmed", status="unconfirmed")
    import_session(here, archive, notebooks=False)
    assert here.ledger.confirm_lost(own, line["task_id"]).id == own.id
    assert here.ledger.find(line["task_id"]).id == own.id


def test_archive_adds_no_job_to_an_own_batch(archive, open_here):
    here = open_here("here")
    here.ledger.add_batch(BatchRecord("b1", 1.0, "", {"rows": ["a"], "columns": ["b"]}), [])
    import_session(here, change_job(archive, batch_id="b1", batch_index=0), notebooks=False)
    assert here.ledger.jobs_of_batch("b1") == []
    assert len(here.ledger.list_jobs()) == 1


def test_cell_does_not_continue_the_batch_of_an_archive(archive, open_here):
    header, rest = read_part(archive, "ledger.jsonl").decode().split("\n", 1)
    plan = json.dumps({"rows": ["a"], "columns": ["b"], "reused": {}, "key": "k" * 64})
    batch = json.dumps({"batch": {"id": "b1", "created_at": 1.0, "plan": plan}})
    here = open_here("here")
    changed = replace_part(archive, "ledger.jsonl", "\n".join([header, batch, rest]))
    import_session(here, changed, notebooks=False)
    assert "key" not in here.ledger.get_batch("b1").plan
    assert len(list_batches(here)) == 1


def test_rebuilt_ledger_knows_what_was_imported(archive, open_here):
    here = open_here("here")
    import_session(here, archive, notebooks=False)
    settings = here.settings
    here.close()
    with closing(sqlite3.connect(settings.results / "ledger.sqlite")) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    (settings.results / "ledger.sqlite").write_bytes(b"garbage " * 1000)
    for metadata in settings.results.glob("*/*/metadata.json"):
        metadata.unlink()
    assert rebuild(settings).saved == 1
    again = open_here("here")
    assert [record.origin for record in again.ledger.list_jobs()] == ["imported"]
    assert identical(again, request_in(archive)) is None


def test_lists_say_what_was_imported(archive, open_here):
    here = open_here("here")
    import_session(here, archive, notebooks=False)
    (record,) = here.ledger.list_jobs()
    assert next(iter(here.history()))["path or reason"].endswith(" · imported")
    assert "imported" in entry_details(Library(here).entries([record.id])[0])


def test_many_unfinished_jobs_need_the_word_of_the_user(archive, open_here, show_line):
    """Each of them would be polled with the user's key."""
    header, first = read_part(archive, "ledger.jsonl").decode().splitlines()
    line = json.loads(first) | {"files": []}
    line["job"] |= {"status": "submitted", "folder": ""}
    lines = [json.dumps(line | {"job": line["job"] | {"id": f"{n:012x}"}}) for n in range(201)]
    changed = replace_part(archive, "ledger.jsonl", "\n".join([header, *lines]))
    here = open_here("here")
    with pytest.raises(InvalidRequestError, match="more than 200 unfinished jobs") as error:
        import_session(here, changed, notebooks=False)
    show_line("strangers", "archive with 201 unfinished jobs", str(error.value))
    assert here.ledger.list_jobs() == []
    assert import_session(here, changed, notebooks=False, trust=True).unfinished == 201


def test_own_archive_may_have_more_events_and_files(archive, open_here, tmp_path, monkeypatch):
    header, line = read_part(archive, "ledger.jsonl").decode().splitlines()
    events = [{"created_at": n, "event": "x"} for n in range(1500)]
    row = json.dumps(json.loads(line) | {"events": events})
    changed = replace_part(archive, "ledger.jsonl", f"{header}\n{row}")
    here = open_here("here")
    with pytest.raises(InvalidRequestError, match="more than 1000 events"):
        import_session(here, changed, notebooks=False)
    assert import_session(here, changed, notebooks=False, trust=True).results == 1
    exported = export_session(here, tmp_path / "2.zip", notebooks=False).path
    assert import_session(open_here("b"), exported, notebooks=False).results == 1
    monkeypatch.setattr(reader, "_MAX_DIRECTORY_BYTES", 10)
    with pytest.raises(InvalidRequestError, match=r"too many files; .*--trust"):
        import_session(open_here("c"), exported, notebooks=False)
    assert import_session(open_here("c"), exported, notebooks=False, trust=True).results == 1


def test_magic_marks_an_archive_as_the_users_own(archive, open_here):
    set_session(open_here("here"))
    for line, origin in ((f"'{archive}'", "imported"), (f"'{archive}' --trust", "trusted")):
        import_command(line)
        assert [job.origin for job in get_session().ledger.list_jobs()] == [origin]
    with pytest.raises(InvalidRequestError, match="needs a file"):
        import_command("--trust")
