"""The output of a batch: one from begin to end, live while it runs, durable at its end."""

import json
import re
from dataclasses import replace
from itertools import count

import pytest
from ipywidgets.widgets import widget
from PIL import Image

from liangxin_nb.batches import Estimate
from liangxin_nb.cell_outputs import BatchSummary, batch_output, summarize_batch
from liangxin_nb.core.job_record import JobRecord, JobUpdate
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LiangxinError
from liangxin_nb.notebook.widgets import batch_display, output
from liangxin_nb.results.result import build_result

from ..conftest import wait_until
from ..hostile import attributes, text_of

MAX_BYTES = 64 * 1024
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SCRIPTS = {
    "Arabic": "مقهى في الليل",
    "Hebrew": "בית קפה בלילה",
    "Hindi": "रात में एक कैफ़े",
    "Chinese": "雨夜的咖啡馆",
    "emoji": "a cat 🐈 on a wall",
}


# ---- what is saved in the notebook


@pytest.fixture
def make_summary(tmp_path, rng):
    """Return a function that makes a batch with results on disk, each a noisy picture."""
    numbers = count()

    def save(record):
        folder = tmp_path / f"{next(numbers)}"
        folder.mkdir()
        noise = Image.frombytes("RGB", (256, 144), rng.randbytes(256 * 144 * 3))
        noise.resize((512, 288)).save(folder / "1.png")
        file = {"name": "1.png", "kind": "image", "width": 512, "height": 288}
        request = record.request
        metadata = ResultMetadata(
            request.prompt, request.model, record.task_id, record.id, files=(file,)
        )
        return build_result(tmp_path, folder, metadata)

    def make(prompts, columns=("",), failed=(), **request_options):
        updates = []
        for n in range(len(prompts) * len(columns)):
            request = Request("z-image", prompts[n // len(columns)], request_options)
            record = JobRecord.new(request, "liangxin", "")
            record = replace(record, id=f"{n:012x}", created_at=0.0)
            if n in failed:
                updates.append(JobUpdate(record, "failed", error=LiangxinError(failed[n])))
                continue
            record = replace(record, task_id=f"task_{n}")
            updates.append(JobUpdate(record, "saved", result=save(record)))
        return BatchSummary("0123456789ab", "", list(prompts), list(columns), tuple(updates))

    return make


def html_of(summary, **options):
    return batch_output(summary, **options).data["text/html"]


def pictures_in(html):
    """Return the size of each picture in HTML in bytes of base64."""
    return [len(src) for src in attributes(html, "src")]


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (9, 1), (48, 1), (4, 12)])
def test_pictures_of_a_batch_fit_limit_in_all(make_summary, rows, columns):
    prompts = [f"prompt {n}" for n in range(rows)]
    html = html_of(
        make_summary(prompts, [f"seed {n}" if columns > 1 else "" for n in range(columns)])
    )
    sizes = pictures_in(html)
    assert len(sizes) == rows * columns
    assert sum(sizes) <= MAX_BYTES
    assert len(html) - sum(sizes) <= 1000 * rows * columns + 2000


def test_output_of_500_prompts_shows_48_and_stays_small(make_summary):
    prompts = [f"prompt {n}" for n in range(500)]
    failed = {n: f"The service failed. {'x' * 500} end {n}." for n in range(48, 500)}
    data, metadata = batch_output(make_summary(prompts, failed=failed))
    assert len(pictures_in(data["text/html"])) == 48
    for text in (data["text/plain"], text_of(data["text/html"])):
        assert "The sheet shows the first 48 of 500." in text
    assert "end 48." in data["text/html"], "a reason is cut off"
    assert re.search(r"and \d+ more", text_of(data["text/html"]))
    assert len(json.dumps([data, metadata])) <= 3 * MAX_BYTES


def test_captions_and_alternative_texts_are_text_in_every_script(make_summary):
    html = html_of(make_summary(list(SCRIPTS.values())))
    assert attributes(html, "alt") == list(SCRIPTS.values())
    for number, prompt in enumerate(SCRIPTS.values(), 1):
        assert f"{number} · {prompt}" in text_of(html)
    assert html.count('<figcaption dir="auto"') == len(SCRIPTS)


def test_failures_are_listed_with_whole_reason_and_commands(make_summary):
    reason = "The prompt was rejected because of a long list of rules. " * 9 + "Rule 7."
    data, _ = batch_output(make_summary(["a lake", "a cat"], failed={1: reason}))
    assert reason in text_of(data["text/html"])
    for text in (data["text/plain"], text_of(data["text/html"])):
        assert "%liangxin batch 0123456789ab --retry submits the 1 failed or rejected" in text


def test_link_to_the_original_is_relative_to_the_notebook(make_summary, tmp_path):
    summary = make_summary(["a lake"])
    assert attributes(html_of(summary, start=tmp_path / "notebooks"), "href") == ["../0/1.png"]


def test_places_of_pictures_are_reserved_by_the_shape_that_was_requested(make_summary):
    summary = make_summary(["a lake", "a cat"], failed={0: "no", 1: "no"}, aspect_ratio="9:16")
    assert "width:252px;height:448px" in html_of(summary)


def test_style_image_is_one_jpeg_with_alternative_text(make_summary):
    summary = make_summary(["a lake", "a cat"], failed={1: "no"})
    data, metadata = batch_output(summary, style="image")
    assert set(data) == {"image/jpeg", "text/plain"}
    assert len(data["image/jpeg"]) <= MAX_BYTES
    assert metadata["image/jpeg"] == {"alt": "a lake; a cat"}
    assert "a cat: failed. no" in data["text/plain"]


def test_thumbnails_are_read_from_the_disk_without_the_originals(make_summary):
    summary = make_summary(["a lake", "a cat"])
    before = batch_output(summary)
    for update in summary.updates:
        update.result.path.write_bytes(b"damaged")
    assert batch_output(summary) == before


# ---- the same from the ledger alone


def test_ledger_alone_gives_the_same_output_as_the_kernel(session):
    first = session.batch(["a cat"], image_size="square")
    first.wait(60)
    batch = session.batch(["a lake", "a cat"], image_size="square", reuse=True)
    batch.wait(60)
    record = session.ledger.get_batch(batch.id)
    records = [*session.ledger.jobs_of_batch(batch.id), *session.ledger.jobs_of_batch(first.id)]
    summary = summarize_batch(record.id, record.name, record.plan, records, session.result)
    assert batch_output(summary) == batch.sheet().output
    assert "2 tasks: 2 saved, 1 of them reused" in batch.sheet().text


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"rows": 5, "columns": [""]},
        {"rows": ["a"], "columns": []},
        {"rows": ["a"], "columns": [""], "reused": []},
        {"rows": ["a"] * 10**5, "columns": ["b"] * 10**5},
    ],
    ids=range(5),
)
def test_damaged_plan_is_an_error(plan):
    with pytest.raises(LiangxinError, match="batch 1"):
        summarize_batch("1", "", plan, [], lambda record: None)


# ---- one output of a cell


class Page:
    """The outputs of a cell by display id, as a front end with widgets has them."""

    def __init__(self):
        self.bundles, self.metadata = {}, {}

    def display(self, data, *, display_id, metadata=None, **options):
        self.bundles[display_id], self.metadata[display_id] = data, metadata

    @property
    def bundle(self):
        (bundle,) = self.bundles.values()
        return bundle

    @property
    def batch(self):
        """What the metadata of the output says about the batch."""
        (metadata,) = self.metadata.values()
        return metadata["liangxin"]


@pytest.fixture
def page(monkeypatch):
    page = Page()
    for module in (output, batch_display):
        for name in ("display", "update_display"):
            monkeypatch.setattr(module, name, page.display, raising=False)
    monkeypatch.setenv("LIANGXIN_FRONTEND", "live")
    monkeypatch.setattr(batch_display, "_NAMING_INTERVAL_S", 0)
    return page


def view_of(page):
    """Return the widget that the output shows."""
    return widget._instances[page.bundle[WIDGET_VIEW]["model_id"]]


def test_batch_has_one_output_from_begin_to_end_and_leaves_no_widget(connect, server, page):
    widgets = set(widget._instances)
    session, server.last = connect(), "generating"
    batch = session.batch(["a lake", "a cat"])
    batch_display.show_batch(batch)
    assert page.batch["batch"] == batch.id
    wait_until(lambda: len(page.batch["task_ids"]) == 2)
    assert (page.batch["status"], WIDGET_VIEW in page.bundle) == ("running", True)
    server.last = "success"
    wait_until(lambda: page.batch["status"] == "ended")
    assert set(page.bundle) == {"text/html", "text/plain"}
    assert len(pictures_in(page.bundle["text/html"])) == 2
    wait_until(lambda: set(widget._instances) == widgets)


def test_confirmation_is_closed_when_the_page_has_replaced_it(connect, page):
    started = []
    batch_display.confirm(Estimate({"z-image": 1}, 0, {}, free=True), started.append)
    question = view_of(page)
    question._view_count = 1
    question.children[2].children[0].click()
    assert len(started) == 1
    assert question.comm is not None  # JupyterLab would hide the output that has replaced it
    question._view_count = 0
    assert question.comm is None


def test_pictures_appear_in_the_view_while_the_batch_runs(connect, server, page):
    session = connect()
    server.hooks["createTask"] = lambda task: server.lasts.update(
        {task: "success" if server.prompts[task] == "a lake" else "generating"}
    )
    batch = session.batch(["a lake", "a cat"])
    wait_until_shown = batch_display.show_batch(batch)
    wait_until(lambda: view_of(page).children[2].value.count("<img ") == 1)
    assert batch.progress.active
    batch.detach()
    assert wait_until_shown()


def test_batch_that_is_retried_turns_back_to_a_live_view(connect, server, page):
    session, server.last = connect(), "fail"
    batch = session.batch(["a lake"])
    batch_display.show_batch(batch)
    wait_until(lambda: page.batch["status"] == "ended")
    assert "--retry" in page.bundle["text/html"]
    server.last = "generating"
    batch.retry()
    wait_until(lambda: WIDGET_VIEW in page.bundle)
    server.last = "success"
    wait_until(lambda: page.batch["status"] == "ended" and WIDGET_VIEW not in page.bundle)
    assert len(pictures_in(page.bundle["text/html"])) == 1


def test_view_that_a_reloaded_page_still_shows_keeps_the_result(connect, server, page):
    session, server.last = connect(), "generating"
    batch = session.batch(["a lake"])
    batch_display.show_batch(batch)
    view = view_of(page)
    view._view_count = 1
    server.last = "success"
    wait_until(lambda: page.batch["status"] == "ended")
    assert view.children[2].value.count("<img ") == 1
    view._view_count = 0
    wait_until(lambda: view.comm is None)


def test_paused_batch_keeps_its_buttons(connect, server, page):
    session, server.last = connect(), "generating"
    batch = session.batch(["a lake", "a cat"], concurrency=1)
    wait_until_shown = batch_display.show_batch(batch)
    wait_until(lambda: batch[0].task_id)
    batch.pause()
    server.last = "success"
    wait_until(lambda: not batch.progress.active and "1 saved" in page.bundle["text/plain"])
    assert wait_until_shown()
    assert WIDGET_VIEW in page.bundle
    assert page.batch["status"] == "running"
    assert len(page.batch["task_ids"]) == 1
