"""The ledger's methods change one record completely, and no other record."""

import importlib
from types import SimpleNamespace

import pytest

from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request

REQUEST = Request("z-image", "雨夜 {x}", {"seed": 7})
FILE = {"name": "1.png", "bytes": 3, "sha256": "0" * 64, "width": 8, "height": 6}


@pytest.fixture
def add(ledger):
    """Return a function that adds a job record with given values."""

    def add_job(
        job_id, created_at=100.0, prompt="a lake", model="z-image", profile="liangxin", **values
    ):
        record = JobRecord(
            job_id, Request(model, prompt), created_at, profile, "https://service.example"
        )
        ledger.add(record)
        return ledger.update(record, "test", **values) if values else record

    return add_job


def events(ledger, record):
    return [(event, detail) for _, event, detail in ledger.events(record.id)]


def ids(records):
    return [record.id for record in records]


def files(ledger):
    with ledger.read_only() as db:
        return sorted(tuple(row) for row in db.exec_driver_sql("select job_id, name from files"))


# ---- writing


def test_pending_record_holds_the_request_the_service_and_the_owner(ledger):
    record = ledger.create(REQUEST, "kie", "https://service.example", "me")
    found = ledger.find(record.id)
    assert (found.request, found.profile, found.service, found.owner, found.status) == (
        REQUEST, "kie", "https://service.example", "me", "pending",
    )  # fmt: skip


def test_pending_record_without_an_owner(ledger):
    assert ledger.create(REQUEST, "kie", "").owner == ""


def test_update_appends_an_event_with_the_detail(ledger, add):
    record = add("a")
    ledger.update(record, "submitted", "task_1", status="submitted", task_id="task_1")
    ledger.update(record, "event only")
    assert events(ledger, record) == [
        ("pending", ""),
        ("submitted", "task_1"),
        ("event only", ""),
    ]
    assert ledger.find("a").status == "submitted"


def test_events_have_their_time_and_their_order(ledger, add, monkeypatch):
    times = iter([3.0, 1.0, 2.0])  # a clock that was set back
    module = importlib.import_module("liangxin_nb.ledger.mapping")
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: next(times)))
    record = add("a")
    ledger.update(record, "submitting")
    ledger.update(record, "submitted")
    found = [(time, event) for time, event, _ in ledger.events("a")]
    assert found == [(3.0, "pending"), (1.0, "submitting"), (2.0, "submitted")]


def test_history_is_of_one_record(ledger, add):
    first, second = add("a"), add("b")
    ledger.update(first, "submitting")
    assert events(ledger, second) == [("pending", "")]


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger, job_record: ledger.update(job_record, "submitting", status="submitting"),
        lambda ledger, job_record: ledger.claim(job_record, "you"),
        lambda ledger, job_record: ledger.confirm_lost(job_record, "task_1"),
        lambda ledger, job_record: ledger.mark_saved(job_record, "2026-11-21/x", [FILE]),
    ],
    ids=["update", "claim", "confirm_lost", "mark_saved"],
)
def test_writing_about_one_record_leaves_the_others_alone(ledger, add, write):
    # A similar record on either side: an update without the id would change them too.
    before, record, after = (add(job_id, status="submitting") for job_id in "abc")
    assert write(ledger, record) is not None
    assert [ledger.find("a"), ledger.find("c")] == [before, after]
    assert events(ledger, before) == events(ledger, after)


@pytest.mark.parametrize("status", ["submitting", "unconfirmed"])
def test_lost_response_of_either_status_can_be_confirmed(ledger, add, status):
    record = add("a", status=status, reason="no answer")
    found = ledger.confirm_lost(record, "task_1")
    assert (found.status, found.task_id, found.reason) == ("submitted", "task_1", "")
    assert ledger.find("a") == found
    assert events(ledger, record)[-1] == ("found", "task_1")


@pytest.mark.parametrize("status", ["pending", "rejected", "submitted", "saved", "failed"])
def test_finished_request_is_not_confirmed_again(ledger, add, status):
    record = add("a", status=status)
    assert ledger.confirm_lost(record, "task_1") is None
    assert ledger.find("a") == record
    assert "found" not in [event for event, _ in events(ledger, record)]


def test_saved_record_has_its_folder_and_its_event(ledger, add):
    record = add("a", status="succeeded")
    saved = ledger.mark_saved(record, "2026-11-21/x", [FILE])
    assert (saved.status, saved.folder) == ("saved", "2026-11-21/x")
    assert ledger.find("a") == saved
    assert events(ledger, record)[-1] == ("saved", "2026-11-21/x")


def test_saved_record_has_the_task_id_that_was_in_the_journal_only(ledger, add):
    record = add("a", status="submitting")
    ledger.mark_saved(record.replace(task_id="task_9"), "2026-11-21/x", [FILE])
    assert ledger.find("task_9").status == "saved"


@pytest.mark.parametrize(("reason", "owner"), [("", "me"), ("2 of 3 outputs are saved.", "")])
def test_partly_saved_record_has_no_owner(ledger, add, reason, owner):
    record = add("a", status="succeeded").replace(owner="me", reason=reason)
    ledger.update(record, "x", owner="me", reason=reason)
    assert ledger.mark_saved(record, "2026-11-21/x", [FILE]).owner == owner
    assert ledger.find("a").owner == owner


def test_files_of_a_result_saved_twice_are_those_of_the_second_time(ledger, add):
    first, second = add("a"), add("b")
    ledger.mark_saved(first, "2026-11-21/x", [FILE])
    ledger.mark_saved(second, "2026-11-21/y", [FILE, FILE | {"name": "2.png"}])
    ledger.mark_saved(second, "2026-11-21/y", [FILE | {"name": "1.webp"}])
    assert files(ledger) == [("a", "1.png"), ("b", "1.webp")]


def test_file_is_written_with_all_its_columns(ledger, add):
    ledger.mark_saved(
        add("a"), "2026-11-21/x", [FILE, {"name": "2.txt", "bytes": 1, "sha256": "1" * 64}]
    )
    with ledger.read_only() as db:
        rows = db.exec_driver_sql("select * from files order by name").fetchall()
    assert [tuple(row) for row in rows] == [
        ("a", "1.png", 3, "0" * 64, 8, 6),
        ("a", "2.txt", 1, "1" * 64, None, None),
    ]


# ---- finding


@pytest.mark.parametrize("wanted", ["aa11", "task_1"])
def test_record_is_found_by_its_whole_id_or_task_id(ledger, add, wanted):
    add("aa112")  # begins with the same letters
    record = add("aa11", task_id="task_1")
    add("bb22", task_id="task_12")
    assert ledger.find(wanted) == record


def test_of_two_records_with_one_task_id_the_newest_is_found(ledger, add):
    add("a", created_at=1.0, task_id="task_1")
    add("b", created_at=3.0, task_id="task_1")
    add("c", created_at=2.0, task_id="task_1")
    assert ledger.find("task_1").id == "b"


@pytest.mark.parametrize("wanted", ["_a", "a_", "%", "_", "a%"])
def test_beginning_of_an_id_is_taken_literally(ledger, add, wanted):
    add("aa11")
    assert ledger.find(wanted) is None


def test_beginning_of_several_ids_finds_nothing(ledger, add):
    for id in ("aa1", "aa2", "aa3"):
        add(id)
    assert ledger.find("aa") is None
    assert ledger.find("aa3").id == "aa3"


def test_records_of_some_statuses_come_oldest_first(ledger, add):
    add("a", created_at=3.0, status="submitting")
    add("b", created_at=1.0, status="unconfirmed")
    add("c", created_at=2.0, status="submitting")
    add("d", created_at=0.0, status="saved")
    assert ids(ledger.with_status("submitting", "unconfirmed")) == ["b", "c", "a"]


def test_unfinished_records_are_those_with_a_task_to_collect(ledger, add):
    add("a", created_at=2.0, status="submitted", task_id="task_a")
    add("b", created_at=1.0, status="succeeded", task_id="task_b")
    add("c", status="submitted")
    add("d", status="saved", task_id="task_d")
    assert ids(ledger.resumable()) == ["b", "a"]


def test_unfinished_records_come_first_and_then_the_newest(ledger, add):
    add("a", created_at=1.0, status="submitted")
    add("b", created_at=2.0, status="succeeded")
    add("c", created_at=3.0, status="saved")
    add("d", created_at=5.0, status="failed")
    add("e", created_at=4.0, status="saved")
    assert ids(ledger.list_jobs()) == ["b", "a", "d", "e", "c"]
    assert ids(ledger.list_jobs(limit=3)) == ["b", "a", "d"]


def test_fifty_records_are_listed_unless_all_are_wanted(ledger):
    ledger.add_batch(None, [JobRecord.new(REQUEST, "liangxin", "") for _ in range(51)])
    assert len(ledger.list_jobs()) == 50
    assert len(ledger.list_jobs(limit=None)) == 51


def test_records_are_counted_by_status(ledger, add):
    for id, status in {"a": "saved", "b": "saved", "c": "failed"}.items():
        add(id, status=status)
    assert ledger.count_by_status() == {"saved": 2, "failed": 1}


# ---- the usual duration


def test_usual_duration_is_the_median_of_the_same_model_and_profile(ledger, add):
    for n, seconds in enumerate((2.0, 4.0, 8.0, 16.0)):
        add(f"a{n}", duration_s=seconds)
        add(f"b{n}", duration_s=1000.0, model="flux-2-pro")
        add(f"c{n}", duration_s=1000.0, profile="kie")
        add(f"d{n}")  # not finished
    assert ledger.median_duration("z-image", "liangxin") == 8.0
    assert ledger.median_duration("flux-2-pro", "kie") is None


def test_usual_duration_is_that_of_the_newest_tasks(ledger, add):
    for n, (at, seconds) in enumerate([(1.0, 99.0), (4.0, 3.0), (3.0, 2.0), (2.0, 1.0)]):
        add(f"a{n}", created_at=at, duration_s=seconds)
    assert ledger.median_duration("z-image", "liangxin", samples=3) == 2.0


def test_usual_duration_is_that_of_the_last_twenty(ledger, add):
    for n in range(21):
        add(f"a{n:02}", created_at=float(n), duration_s=1.0 if n < 11 else 100.0)
    assert ledger.median_duration("z-image", "liangxin") == 100.0
    assert ledger.median_duration("z-image", "liangxin", samples=21) == 1.0
