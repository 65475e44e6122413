"""What a cell leaves in the saved notebook: the way back to its task, and a small picture."""

from __future__ import annotations

import io
import json
import random

import pytest
from PIL import Image

from liangxin_nb import Session, imaging
from liangxin_nb.notebook.widgets import batch_display, output, show

from .. import stock
from ..conftest import wait_until

#: What one output may take in a notebook file.
ROOM = 64 * 1024


class Screen:
    """What a front end is sent: each output's data and metadata, in order."""

    def __init__(self):
        self.metadata = []

    def display(self, data, *, metadata, **_):
        self.metadata.append(metadata)

    @property
    def latest(self):
        return self.metadata[-1]


@pytest.fixture
def screen(monkeypatch):
    """A notebook's front end that shows text only."""
    screen = Screen()
    for room in (output, batch_display):
        for name in ("display", "update_display"):
            monkeypatch.setattr(room, name, screen.display, raising=False)
    monkeypatch.setenv("LIANGXIN_FRONTEND", "plain")
    return screen


def names(job):
    return {"liangxin": {"job_id": job.record.id, "task_id": job.task_id}}


def test_the_output_of_a_finished_job_names_its_task(session, screen):
    job = session.generate("a cat", size="square")
    show(job, session)
    job.wait(60)
    assert job.task_id
    assert screen.latest == names(job)


def test_the_output_names_the_task_as_soon_as_the_service_has_accepted_it(
    session, screen, monkeypatch
):
    monkeypatch.setenv("LIANGXIN_FRONTEND", "headless")  # no line of text for each state
    job = session.generate("a cat", size="square")
    show(job, session)
    job.wait(60)
    assert screen.metadata[-2:] == [names(job), names(job)], "accepted, and at the end"


def test_the_output_of_a_rejected_job_names_its_record(session, screen):
    job = session.generate("a cat", model="no-such-model")
    show(job, session)
    wait_until(lambda: job.last_update.is_final)
    assert screen.latest == {"liangxin": {"job_id": job.record.id, "task_id": ""}}


def test_the_output_of_a_batch_names_all_its_tasks(session, screen):
    import liangxin_nb as lx
    from liangxin_nb.session.default import set_session

    set_session(session)
    batch = lx.batch(["a cat", "a lake"], image_size="square")
    settled = batch_display.show_batch(batch)
    batch.wait(60)
    assert settled()
    tasks = [outcome.task_id for outcome in batch]
    assert all(tasks)
    assert screen.latest == {"liangxin": {"batch": batch.id, "task_ids": tasks}}


# ---- how large it is


def noise(side, deviation):
    """A picture that JPEG can hardly make smaller: more noise, more bytes."""
    out = io.BytesIO()
    Image.effect_noise((side, side), deviation).convert("RGB").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def offline(tmp_path):
    session = Session(profile="sandbox", results=tmp_path / "results")
    yield session
    session.close()


def output_of(result):
    """One output as a notebook file holds it."""
    data = result._repr_mimebundle_()
    return json.dumps({"output_type": "display_data", "data": data, "metadata": {}})


#: From hardly any noise to a great deal: whatever the budget is, some come close to it.
DEVIATIONS = (8, 16, 32, 64)


def test_no_single_picture_takes_more_than_its_room(offline):
    results = [
        offline.result(
            stock.save_result(offline, "noise", parts=[("image", noise(1024, deviation))])
        )
        for deviation in DEVIATIONS
    ]
    sizes = [len(output_of(result)) for result in results]
    assert max(sizes) <= ROOM
    assert max(sizes) > 0.8 * ROOM, "the room is made use of"


def test_no_pictures_side_by_side_take_more_than_their_room(offline):
    results = [
        offline.result(
            stock.save_result(offline, "noise", parts=[("image", noise(512, deviation))] * 4)
        )
        for deviation in DEVIATIONS
    ]
    assert max(len(output_of(result)) for result in results) <= ROOM


def test_no_contact_sheet_takes_more_than_its_room():
    data = [noise(256, deviation) for deviation in DEVIATIONS]
    sizes = []
    for count in (4, 9, 16):
        reads = {n: lambda n=n: data[n % len(data)] for n in range(count)}
        sheet = imaging.render(imaging.SheetSpec(reads, [f"row {n}" for n in range(count)]))
        sizes.append(len(sheet) * 4 / 3)
    assert max(sizes) <= ROOM


def test_the_room_is_saved_whatever_the_picture_shows(offline, rng: random.Random):
    """Pictures of a random size, shape and noise."""
    for _ in range(5):
        size = (rng.randint(300, 1400), rng.randint(300, 1400))
        out = io.BytesIO()
        Image.effect_noise(size, rng.uniform(5, 100)).convert("RGB").save(out, "PNG")
        kept = stock.save_result(offline, "noise", parts=[("image", out.getvalue())])
        assert len(output_of(offline.result(kept))) <= ROOM
