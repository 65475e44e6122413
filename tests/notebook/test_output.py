"""The output in a saved notebook: it names its task, and its picture is small."""

from __future__ import annotations

import gc
import io
import json
import random
import threading
import weakref
from types import SimpleNamespace

import pytest
from PIL import Image

from liangxin_nb import Session, imaging
from liangxin_nb.batches.contact_sheet import ContactSheet
from liangxin_nb.cell_outputs import batch_output
from liangxin_nb.notebook.widgets import batch_display, output, show
from liangxin_nb.notebook.widgets.job_output import JobOutput
from liangxin_nb.notebook_files.healing import BUTTONS

from .. import stock
from ..conftest import wait_until

#: The maximum size of one output in a notebook file, in bytes.
MAX_BYTES = 64 * 1024


class Screen:
    """Collects the text and the metadata of each output that is sent to a front end."""

    def __init__(self):
        self.metadata = []
        self.texts = []

    def display(self, data, *, metadata, **_):
        self.metadata.append(metadata)
        self.texts.append(data["text/plain"])

    @property
    def latest(self):
        return self.metadata[-1]


@pytest.fixture
def screen(monkeypatch):
    """A notebook's front end that shows text only."""
    screen = Screen()
    for module in (output, batch_display):
        for name in ("display", "update_display"):
            monkeypatch.setattr(module, name, screen.display, raising=False)
    monkeypatch.setenv("LIANGXIN_FRONTEND", "plain")
    return screen


def job_metadata(job, **more):
    return {"liangxin": {"job_id": job.record.id, "task_id": job.task_id, **more}}


def test_output_of_finished_job_names_its_task(session, screen):
    job = session.generate("a cat", size="square")
    show(job, session)
    job.wait(60)
    assert job.task_id
    assert screen.latest == job_metadata(job, status="saved")


def test_output_names_task_as_soon_as_service_has_accepted_it(connect, server, screen, monkeypatch):
    monkeypatch.setenv("LIANGXIN_FRONTEND", "headless")  # no line of text for each state
    session = connect()
    with server.held("createTask"):
        job = session.generate("a cat", size="square")
        show(job, session)
    job.wait(60)
    assert screen.metadata[-2:] == [job_metadata(job), job_metadata(job, status="saved")]


def test_output_of_rejected_job_names_its_record(session, screen):
    job = session.generate("a cat", model="no-such-model", any_model=True)
    show(job, session)
    wait_until(lambda: job.last_update.is_final)
    assert screen.latest == {
        "liangxin": {"job_id": job.record.id, "task_id": "", "status": "rejected"}
    }


def test_output_for_the_buttons_of_a_card_is_marked(session, screen):
    """A save removes it from the file below the durable output, and no other empty output."""
    job = session.generate("a cat", model="no-such-model", any_model=True)
    wait_until(lambda: job.last_update.is_final)
    box = SimpleNamespace(model_id="0" * 32)
    job_output = JobOutput(job.record)
    job_output.show_card(SimpleNamespace(latest=job.last_update, box=box, actions_box=box))
    job_output.update(job.last_update)
    assert [metadata["liangxin"] for metadata in screen.metadata[1:3]] == [BUTTONS] * 2


def test_output_of_batch_names_all_its_tasks(session, screen):
    batch = session.batch(["a cat", "a lake"], image_size="square")
    wait_until_shown = batch_display.show_batch(batch)
    batch.wait(60)
    assert wait_until_shown()
    tasks = [outcome.task_id for outcome in batch]
    assert all(tasks)
    expected = {"batch": batch.id, "task_ids": tasks, "status": "ended"}
    assert screen.latest == {"liangxin": expected}


def test_cell_ends_after_the_new_sheet_of_a_batch_that_ran_again(session, screen, monkeypatch):
    """A runner of notebooks drops what is shown between two cells."""
    hooks, may_draw = [], threading.Event()
    events = SimpleNamespace(register=lambda event, hook: hooks.append((event, hook)))
    monkeypatch.setattr(batch_display, "get_ipython", lambda: SimpleNamespace(events=events))
    wait = batch_display._BatchDisplay.wait_until_shown
    monkeypatch.setattr(
        ContactSheet,
        "output",
        property(lambda sheet: may_draw.wait(60) and batch_output(sheet.summary)),
    )
    # Nothing is drawn before a cell waits for it.
    monkeypatch.setattr(
        batch_display._BatchDisplay, "wait_until_shown", lambda own: may_draw.set() or wait(own)
    )
    batch = session.batch(["a cat", "a lake"], image_size="square", concurrency=1)
    batch_display.show_batch(batch)
    ((event, end_of_cell),) = hooks
    assert event == "post_run_cell"
    batch.pause()
    wait_until(lambda: not batch.progress.active)
    end_of_cell(None)
    may_draw.clear()
    batch.resume().wait(60)
    end_of_cell(None)
    assert "2 tasks: 2 saved" in screen.texts[-1]


def test_batches_share_one_function_of_the_cell_events_which_keeps_none_in_memory(
    connect, server, screen, monkeypatch
):
    session, hooks = connect(), []
    events = SimpleNamespace(register=lambda _, hook: hooks.append(hook))
    monkeypatch.setattr(batch_display, "get_ipython", lambda: SimpleNamespace(events=events))
    references = []
    for prompt in ("a cat", "a lake"):
        server.last = "generating"
        batch = session.batch([prompt])
        wait_until_shown = batch_display.show_batch(batch)
        server.last = "success"
        batch.wait(60)
        assert wait_until_shown()
        references.append(weakref.ref(batch))
    assert len(set(hooks)) == 1
    del batch, wait_until_shown
    wait_until(lambda: gc.collect() >= 0 and not any(reference() for reference in references))


# ---- size


def noise(side, deviation):
    """Return a picture that JPEG compresses badly: more noise, more bytes."""
    out = io.BytesIO()
    Image.effect_noise((side, side), deviation).convert("RGB").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def offline(tmp_path):
    session = Session(profile="sandbox", results=tmp_path / "results")
    yield session
    session.close()


def output_of(result):
    """Return the JSON of an output in a notebook file."""
    data, metadata = result._repr_mimebundle_()
    return json.dumps({"output_type": "display_data", "data": data, "metadata": metadata})


#: From little noise to much: for any limit, some pictures come close to it.
DEVIATIONS = (8, 16, 32, 64)


def test_single_picture_fits_limit(offline):
    results = [
        offline.result(
            stock.save_result(offline, "noise", parts=[("image", noise(1024, deviation))])
        )
        for deviation in DEVIATIONS
    ]
    sizes = [len(output_of(result)) for result in results]
    assert max(sizes) <= MAX_BYTES
    assert max(sizes) > 0.8 * MAX_BYTES, "the limit is nearly used"


def test_pictures_of_one_result_fit_limit(offline):
    results = [
        offline.result(
            stock.save_result(offline, "noise", parts=[("image", noise(512, deviation))] * 4)
        )
        for deviation in DEVIATIONS
    ]
    assert max(len(output_of(result)) for result in results) <= 4 * MAX_BYTES


def test_contact_sheet_fits_limit():
    data = [noise(256, deviation) for deviation in DEVIATIONS]
    sizes = []
    for count in (4, 9, 16):
        reads = {n: lambda n=n: data[n % len(data)] for n in range(count)}
        sheet = imaging.render(imaging.SheetSpec(reads, [f"row {n}" for n in range(count)]))
        sizes.append(len(sheet) * 4 / 3)
    assert max(sizes) <= MAX_BYTES


def test_random_pictures_fit_limit(offline, rng: random.Random):
    """Pictures of a random size, shape and noise."""
    for _ in range(5):
        size = (rng.randint(300, 1400), rng.randint(300, 1400))
        out = io.BytesIO()
        Image.effect_noise(size, rng.uniform(5, 100)).convert("RGB").save(out, "PNG")
        record = stock.save_result(offline, "noise", parts=[("image", out.getvalue())])
        assert len(output_of(offline.result(record))) <= MAX_BYTES
