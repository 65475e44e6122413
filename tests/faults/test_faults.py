"""Each fault with a real sandbox: requests, ledger and error message."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
import stamina
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.api import downloads
from liangxin_nb.engine import output_fetcher
from liangxin_nb.errors import InvalidRequestError, LiangxinError
from liangxin_nb.polling import PollSchedule
from liangxin_nb.results import read_metadata

from ..conftest import start_sandbox, wait_until
from ..imaging.test_reference_image import wide_gamut_profile
from ..sandbox_faults import set_faults
from .create_rows import CREATE_ROWS
from .record_rows import RECORD_ROWS
from .report import add_row
from .result_rows import RESULT_ROWS

#: Together the rows take longer than the fast tests may.
pytestmark = pytest.mark.slow
#: Waits at most a tenth of a second when the service asks for a pause.
SCHEDULE = PollSchedule(
    steps=((float("inf"), 0.03, 0.05),), poll_interval_s=0.01, create_period_s=0.2, max_block_s=0.1
)
#: The options of a row's job: small pictures are drawn and saved quickly.
SMALL = {"seed": 7, "size": "square"}


@pytest.fixture(scope="module")
def faulty():
    """A sandbox for this module; each test sets its faults."""
    served = start_sandbox("--speed", "100", "--any-model")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def reset_faults(faulty, monkeypatch):
    """Requests and downloads are repeated as often as usual, but without pauses."""
    monkeypatch.setattr(downloads, "MAX_BYTES", 4 << 20)
    monkeypatch.setattr(output_fetcher, "PATIENCE_S", 0.0)
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
    set_faults(faulty)


@pytest.fixture
def connect(faulty, tmp_path):
    """Opens sessions on the sandbox with one results folder."""
    sessions = []

    def connect(**settings):
        settings = {"base_url": faulty.url, "key": faulty.key, "schedule": SCHEDULE, **settings}
        sessions.append(Session(results=tmp_path / "r", **settings))
        return sessions[-1]

    yield connect
    for session in sessions:
        session.close()


def wide_gamut_picture():
    """A red picture with a profile that shows it as blue."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG", icc_profile=wide_gamut_profile())
    return out.getvalue()


def count_creates(served):
    """Return the number of createTask requests and of tasks so far."""
    counters = served.counters()
    return counters["calls"].get("createTask", 0), counters["created"]


def wait_for_message(job):
    """Wait for a job, and return its error message; empty if it succeeds."""
    try:
        job.wait(120)
    except LiangxinError as error:
        return str(error)
    return ""


@pytest.fixture
def check(faulty, connect, monkeypatch, request):
    """Checks a row: submits a job while its faults occur, and compares what becomes of it."""

    def check(table, row):
        for name, value in row.patches.items():
            monkeypatch.setattr(f"liangxin_nb.{name}", value)
        play = play_script if row.script else play_faults
        session, job, message, requests = play(row, faulty, connect, monkeypatch, request)
        record = session.ledger.find(job.record.id)
        message = message or describe_saved(session, job, record)
        files = count_files(session, job)
        add_row(request.node, table, row.name, requests, files, record.status, job.status, message)
        actual = replace(
            row, calls=requests[0], created=requests[1], files=files,
            outcome=job.status, status=record.status,
        )  # fmt: skip
        assert actual == row
        assert re.search(row.message, message), message
        assert "\n" not in message
        check_files(session, job, record, is_readable=not re.search("exif|gif", row.faults))
        if may_be_collected(row, job, record):
            (collected,) = connect(base_url=session.settings.base_url).resume(job.task_id)
            assert collected.wait(60).task_id == job.task_id
            assert collected.result.missing == ()

    return check


def may_be_collected(row, job, record):
    """Return whether a later `resume` gets the complete result, since the trouble has ended."""
    is_incomplete = bool(job.result and job.result.missing)
    has_trouble = "stall" in row.faults or "host" in row.faults
    return not has_trouble and (
        is_incomplete or record.status in ("submitted", "succeeded", "result_lost")
    )


def play_faults(row, faulty, connect, _monkeypatch, _request):
    """Submit the job to the sandbox."""
    set_faults(faulty, *split(row.faults))
    before = count_creates(faulty)
    session = connect(timeout=row.timeout, patience=row.patience)
    job = session.generate("a lake", **{**SMALL, **row.options})
    if row.then:
        wait_until(lambda: job.task_id)
        set_faults(faulty, *split(row.then))
    message = wait_for_message(job)
    # A request that has ended here may still be on its way to the sandbox.
    wait_until(lambda: count_creates(faulty)[1] >= before[1] + row.created)
    unused = [fault for fault, uses in faulty.counters()["faults"].items() if not uses]
    assert unused == []
    set_faults(faulty)
    after = count_creates(faulty)
    return session, job, message, tuple(now - then for now, then in zip(after, before, strict=True))


def play_script(row, _faulty, connect, monkeypatch, request):
    """Submit the job to the scripted server."""
    server = request.getfixturevalue("server")
    session = connect(base_url=server.url, timeout=row.timeout, patience=row.patience)
    end_trouble = row.script(server, session, monkeypatch)
    job = session.generate("a lake", **{**SMALL, **row.options})
    message = wait_for_message(job)
    if end_trouble:
        end_trouble()
    return session, job, message, (server.count("createTask"), len(server.bodies))


def split(faults):
    return [fault.strip() for fault in faults.split(",") if fault.strip()]


def describe_saved(session, job, record):
    """Return what the user reads about a saved job: its files, and what is missing or unusual."""
    notes = [text for _, event, text in session.ledger.events(record.id) if event.startswith("un")]
    files = []
    for file in job.result.metadata.files:
        size = f"{file['width']}×{file['height']}" if "width" in file else ""
        files.append(f"{file['name']} {file.get('note', size)}".strip())
    return " ".join(filter(None, [", ".join(files) + ".", record.reason, *notes]))


def count_files(session, job):
    """Return the number of result files on disk; "2 of 3" if outputs are missing."""
    paths = session.results.root.glob("*-*-*/*/*")
    names = [path.name for path in paths if path.name != "metadata.json"]
    names = [name for name in names if ".poster." not in name]
    missing = job.result.metadata.missing if job.result else ()
    if names == ["result.json"]:
        return "the answer"
    return f"{len(names)} of {len(names) + len(missing)}" if missing else str(len(names))


def check_files(session, job, record, is_readable):
    """Check that nothing is incomplete, and that pictures name their task to any program."""
    assert list(session.results.root.glob("**/.*.part")) == []
    assert list(session.results.root.glob(".incoming*")) == []
    assert record.duration_s is None or 0 <= record.duration_s < 600
    if job.result is None:
        return
    assert job.result.metadata.task_id == job.task_id
    for path in job.result.image_paths:
        metadata = read_metadata(path)
        assert metadata.task_id == job.task_id if is_readable else metadata is None
        with Image.open(path) as image:
            assert "Seed: 7" in image.info.get("parameters", "Seed: 7")


@pytest.mark.parametrize("row", CREATE_ROWS, ids=lambda row: row.name or "none")
def test_create_has_the_documented_outcome(row, check):
    check("createTask", row)


@pytest.mark.parametrize("row", RECORD_ROWS, ids=lambda row: row.name)
def test_record_has_the_documented_outcome(row, check):
    check("recordInfo", row)


@pytest.mark.parametrize("row", RESULT_ROWS, ids=lambda row: row.name or "none")
def test_result_has_the_documented_outcome(row, check):
    check("files", row)


def test_refused_connection_means_that_nothing_was_sent(connect, request):
    session = connect(base_url="http://127.0.0.1:9")
    job = session.generate("a lake")
    message = wait_for_message(job)
    status = session.ledger.find(job.record.id).status
    add_row(request.node, "createTask", "(no server)", (0, 0), "0", status, job.status, message)
    assert "Nothing was sent, nothing was billed" in message
    assert (job.status, status) == ("rejected", "rejected")


@pytest.mark.parametrize(
    ("name", "picture", "colour"),
    [
        ("2-D floats from 0 to 1", np.full((8, 8), 0.5), (128, 128, 128)),
        ("profile with red and blue exchanged", wide_gamut_picture(), (0, 0, 255)),
        ("floats above 1", np.full((8, 8), 128.0), None),
    ],
    ids=["floats", "profile", "rejected"],
)
def test_reference_is_sent_in_its_colours_or_not_at_all(
    name, picture, colour, connect, server, request
):
    session = connect(base_url=server.url)
    requests, status, phase, message = (0, 0), "", "", ""
    try:
        job = session.generate("a lake", model="nano-banana-pro", image=picture)
        job.wait(60)
        requests = server.count("createTask"), len(server.bodies)
        status, phase = session.ledger.find(job.task_id).status, job.status
        uri = server.bodies[job.task_id]["input"]["image_input"][0]
        with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
            actual = image.convert("RGB").getpixel((4, 4))
        message = f"(the service reads the colour {actual})"
        assert max(abs(a - b) for a, b in zip(actual, colour, strict=True)) < 60
    except InvalidRequestError as error:
        message = str(error)
        assert colour is None
        assert "from 0 to 1" in message
        assert session.ledger.count_by_status() == {}
    row = "reference: " + name, requests, str(requests[1]), status, phase, message
    add_row(request.node, "createTask", *row)


def test_many_jobs_stay_within_the_limits_of_the_service(faulty, connect):
    set_faults(faulty, "limits")
    documented = PollSchedule()
    session = connect(schedule=replace(documented, steps=((float("inf"), 0.4, 0.5),)))
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(12)]
    assert [wait_for_message(job) for job in jobs] == [""] * 12
    assert session.ledger.count_by_status() == {"saved": 12}
