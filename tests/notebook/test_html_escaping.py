"""Words from outside are text wherever they are shown as HTML, never elements.

Prompts, reasons, models, options and names of files come from services, from shared ledgers and
from files that someone brings along. Each place that puts them into HTML has a test here, which
fails when the escaping in that place is taken out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from liangxin_nb import Session
from liangxin_nb.archive import ExportReport
from liangxin_nb.batches import Estimate, Outcome, Progress
from liangxin_nb.catalog import InputSpec
from liangxin_nb.core.job_record import JobRecord, JobUpdate
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.core.table import Table
from liangxin_nb.errors import InvalidRequestError, LiangxinError
from liangxin_nb.ledger import File, JobWithFiles
from liangxin_nb.library import LibraryEntry
from liangxin_nb.library.embedded import EmbeddedMetadata
from liangxin_nb.notebook.magics.maintenance import ExportLink
from liangxin_nb.notebook.widgets import _final_bundle, batch_display
from liangxin_nb.notebook.widgets.batch_view import BatchView
from liangxin_nb.notebook.widgets.composer.common import ErrorBoundary, section_title
from liangxin_nb.notebook.widgets.composer.form import _hint_text
from liangxin_nb.notebook.widgets.composer.prompt import PromptInput
from liangxin_nb.notebook.widgets.composer.reference_picker import Reference, ReferencePicker
from liangxin_nb.notebook.widgets.composer.settings_form import status_line as service_line
from liangxin_nb.notebook.widgets.gallery import details
from liangxin_nb.notebook.widgets.gallery.comparison import comparison_table
from liangxin_nb.notebook.widgets.gallery.controls import StatusLine
from liangxin_nb.notebook.widgets.gallery.detail_view import DetailView, _image
from liangxin_nb.notebook.widgets.gallery.tile import Tile, tile_html
from liangxin_nb.notebook.widgets.task_card import Actions, TaskCard
from liangxin_nb.results.rendering import render_html

from ..hostile import ELEMENT, TEXT, attributes, elements_of, text_of

PICTURE = b"\xff\xd8 not looked at"
PLAIN = Request("z-image", "a lake", {})
HOSTILE = Request(TEXT, TEXT, {TEXT: TEXT})


def assert_text(html, *, said=TEXT):
    """The words are shown as text, and no element has come of them."""
    assert elements_of(html) == []
    assert said in text_of(html)


def assert_attribute(html, name):
    """The words are the whole value of an attribute, and no element has come of them."""
    assert elements_of(html) == []
    assert TEXT in attributes(html, name)


def job_record(request=PLAIN, **more):
    return replace(JobRecord.new(request, "liangxin", ""), **more)


def entry(request=PLAIN, files=("1.png",), folder=Path("there"), status="saved", **more):
    """Something on the shelf, with files of these names."""
    kept = tuple(File(name, 1000, 64, 40) for name in files)
    held = "there" if folder else ""
    return LibraryEntry(
        JobWithFiles(job_record(request, status=status, folder=held, **more), kept), folder
    )


def test_the_helper_finds_an_unescaped_text():
    for html in (TEXT, f"<b title='{TEXT}'>", f'<b title="{TEXT}">', f"<b>{ELEMENT}</b>"):
        assert elements_of(html) == ["img"]


# ---- tables


def test_a_cell_of_a_table_is_text():
    assert_text(Table(["prompt"], [[TEXT]])._repr_html_())


def test_a_heading_of_a_table_is_text():
    assert_text(Table([TEXT], [["a lake"]])._repr_html_())


def test_what_an_empty_table_says_is_text():
    assert_text(Table(["prompt"], [], empty=TEXT)._repr_html_())


# ---- what a cell leaves behind


def durable(**more):
    update = JobUpdate(job_record(more.pop("request", PLAIN)), "failed", **more)
    return _final_bundle(update, brief=False)["text/html"]


def test_the_model_of_a_failed_job_is_text():
    assert_text(durable(request=HOSTILE, error=LiangxinError("no")))


def test_the_reason_of_a_failed_job_is_text():
    assert_text(durable(error=LiangxinError(TEXT)))


def test_a_state_that_no_document_knows_is_text():
    html = card(phase=ELEMENT)._state.value
    assert_text(html, said=ELEMENT.capitalize())


def test_the_files_of_an_export_are_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = ExportLink(ExportReport(tmp_path / f"{ELEMENT}.zip", 1, 1, 1, left_out=(TEXT,)))
    assert_text(inside._repr_html_(), said=f"Download {ELEMENT}.zip")
    assert_text(inside._repr_html_())
    outside = ExportLink(ExportReport(tmp_path.parent / f"{ELEMENT}.zip", 1, 1, 1))
    assert_text(outside._repr_html_(), said=f"{ELEMENT}.zip")


def test_a_text_that_is_a_result_is_text(tmp_path):
    (tmp_path / "1.txt").write_text(TEXT)
    assert_text(render_html(tmp_path / "1.txt", {"kind": "text"}, "a lake"))


def test_the_title_of_a_film_is_text(tmp_path):
    assert_attribute(render_html(tmp_path / "1.webm", {"kind": "video"}, TEXT), "title")


def test_the_name_of_a_result_is_text(tmp_path):
    html = render_html(tmp_path / f"{ELEMENT}.zip", {"kind": "file"}, "a lake")
    assert_text(html, said=f"{ELEMENT}.zip")


# ---- the card


class Job:
    """As much of a job as a card looks at."""

    def __init__(self, update):
        self.last_update, self.record = update, update.record

    def watch(self, watcher):
        watcher(self.last_update)

    def detach(self):
        raise LiangxinError(TEXT)


class Result:
    """As much of a result as a card looks at."""

    relative_path = TEXT

    def __init__(self, picture):
        self._picture = picture

    def thumbnail(self):
        if isinstance(self._picture, Exception):
            raise self._picture
        return self._picture


ACTIONS = Actions(
    collect=lambda job: None,
    resubmit=lambda job: None,
    new_seed=lambda job: None,
    to_cell=lambda job_record: "",
    supports_seed=lambda job_record: False,
)


def card(request=PLAIN, *, notes=(), task_id="", **status):
    return TaskCard(
        Job(JobUpdate(job_record(request, task_id=task_id), **status)), ACTIONS, notes=notes
    )


def test_the_model_in_a_card_is_text():
    assert_text(card(HOSTILE)._state.value)


def test_the_prompt_in_a_card_is_text():
    assert_text(card(HOSTILE)._story.value)


def test_the_error_in_a_card_is_text():
    assert_text(card(phase="failed", error=LiangxinError(TEXT))._story.value)


def test_a_passing_remark_in_a_card_is_text():
    assert_text(card(note=TEXT)._story.value)


def test_a_note_of_the_request_in_a_card_is_text():
    assert_text(card(notes=[TEXT])._story.value)


def test_the_tasks_id_in_a_card_is_text():
    assert_text(card(task_id=TEXT)._story.value)


def test_the_place_of_a_result_in_a_card_is_text():
    assert_text(card(phase="saved", result=Result(PICTURE))._story.value)


def test_the_words_for_a_picture_in_a_card_are_text():
    assert_attribute(card(HOSTILE, phase="saved", result=Result(PICTURE))._art.value, "alt")


def test_why_a_picture_cannot_be_shown_in_a_card_is_text():
    assert_text(card(phase="saved", result=Result(ValueError(TEXT)))._art.value)


def test_what_goes_wrong_in_a_cards_button_is_text():
    made = card()
    made.buttons["leave"].click()
    assert_text(made._trouble.value)


# ---- the view of a batch


def outcome(row=TEXT, column="", phase="failed", reason=TEXT):
    update = JobUpdate(job_record(), phase, error=LiangxinError(reason))
    return Outcome(0, row, column, PLAIN, update)


def view(*troubles, name="", id="0123456789ab", notes=()):
    now = Progress(
        id,
        name,
        2,
        {"failed": 1, "running": 1},
        troubles,
        elapsed_s=1.0,
        rate_per_min=None,
        eta_s=None,
        retryable=1,
        reused=0,
        extra_attempts=0,
        paused=False,
        active=True,
        profile="liangxin",
    )

    def fail():
        raise LiangxinError(TEXT)

    return BatchView(now, dict.fromkeys(("pause", "resume", "leave", "retry"), fail), notes)


def test_the_name_of_a_batch_is_text():
    assert_text(view(name=TEXT)._body.value)


def test_the_id_of_a_batch_is_text():
    assert_text(view(id=TEXT)._body.value)


def test_a_note_of_a_batch_is_text():
    assert_text(view(notes=(TEXT,))._body.value)


def test_the_row_of_a_failed_place_is_text():
    assert_text(view(outcome(reason="no"))._body.value)


def test_the_column_of_a_failed_place_is_text():
    html = view(outcome("a lake", column=ELEMENT, reason="no"))._body.value
    assert_text(html, said=ELEMENT)


def test_the_reason_of_a_failed_place_is_text_beside_it_and_as_its_title():
    html = view(outcome("a lake"))._body.value
    assert_text(html)
    assert_attribute(html, "title")


def test_the_state_of_a_place_that_no_document_knows_is_text():
    assert_text(view(outcome("a lake", phase=TEXT, reason="no"))._body.value)


def test_what_goes_wrong_in_a_batchs_button_is_text():
    made = view()
    made.buttons["leave"].click()
    assert_text(made._trouble.value)


def test_the_words_for_a_batchs_sheet_are_text():
    made = view()
    made.show_sheet(PICTURE, TEXT)
    assert_attribute(made._sheet, "alt")


def test_what_a_batch_would_come_to_is_text(monkeypatch):
    boxes = []
    monkeypatch.setattr(batch_display, "allow_events_while_busy", lambda *parts: None)
    monkeypatch.setattr(batch_display.BatchOutput, "put_view", lambda *_: None)
    monkeypatch.setattr("ipywidgets.VBox", lambda children: boxes.append(children) or Box())

    def refuse(slot):
        raise LiangxinError(TEXT)

    batch_display.confirm(Estimate({HOSTILE.model: 1}, 0, {}, free=True), refuse)
    _, words, row = boxes[0]
    assert_text(words.value)
    row.children[0].click()
    assert words.value.count("&lt;img") == 2
    assert_text(words.value)


class Box:
    """As much of a box of widgets as a proposal needs."""

    model_id = "x"

    def add_class(self, name):
        pass


# ---- the gallery


def test_the_prompt_of_one_result_is_text():
    assert_text(details.entry_details(entry(Request("z-image", TEXT, {}))))


FACTS = {
    "model": {"request": Request(TEXT, "a lake", {})},
    "the name of an option": {"request": Request("z-image", "a lake", {TEXT: 1})},
    "the value of an option": {"request": Request("z-image", "a lake", {"style": TEXT})},
    "why": {"reason": TEXT, "status": "failed"},
    "batch": {"batch_id": TEXT},
    "task": {"task_id": TEXT},
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_fact_of_one_result_is_text(fact):
    assert_text(details.entry_details(entry(**FACTS[fact])))


@pytest.mark.parametrize("name", ["prompt", "model", "task_id", "service", "created_at"])
def test_a_fact_of_a_picture_that_is_brought_along_is_text(name):
    metadata = ResultMetadata(
        **{
            **dict.fromkeys(
                ("prompt", "model", "task_id", "job_id", "service", "created_at"), "plain"
            ),
            name: ELEMENT,
        }
    )
    said = ELEMENT[:16] if name == "created_at" else ELEMENT
    assert_text(details.metadata_details(metadata), said=said)


def test_the_words_for_a_tiles_picture_are_text():
    assert_attribute(tile_html(entry(HOSTILE), PICTURE, ""), "alt")


def test_the_first_words_on_a_tile_without_a_picture_are_text():
    assert_text(tile_html(entry(files=("1.txt",)), b"", TEXT))


def test_the_reason_on_a_tile_is_text():
    assert_text(tile_html(entry(status="failed", reason=TEXT), b"", ""))


def test_the_state_on_a_tile_that_no_document_knows_is_text():
    html = tile_html(entry(status="submitted", state=ELEMENT), b"", "")
    assert_text(html, said=ELEMENT.capitalize())


@pytest.mark.parametrize("request_", [Request(TEXT, "a lake", {}), Request("z-image", TEXT, {})],
                         ids=["model", "prompt"])  # fmt: skip
def test_a_tiles_caption_is_text(request_):
    tile = Tile(lambda tile: None, lambda tile: None)
    tile.show(entry(request_), b"", "", False)
    assert_text(tile._html.value)


def test_the_prompts_that_are_compared_are_text():
    one, other = entry(Request("z-image", TEXT, {})), entry(Request("z-image", "a lake", {}))
    assert_text(comparison_table([one, other], [b"", b""]))
    assert_text(comparison_table([one, one], [b"", b""]))


COMPARED = {
    "model": Request(TEXT, "a lake", {}),
    "the name of an option": Request("z-image", "a lake", {TEXT: 1}),
    "the value of an option": Request("z-image", "a lake", {"style": TEXT}),
}


@pytest.mark.parametrize("fact", COMPARED)
def test_a_fact_that_is_compared_is_text(fact):
    assert_text(comparison_table([entry(COMPARED[fact]), entry()], [b"", b""]))


def test_the_words_for_a_picture_that_is_compared_are_text():
    assert_attribute(comparison_table([entry(HOSTILE), entry()], [PICTURE, b""]), "alt")


def test_the_words_for_a_large_picture_are_text():
    assert_attribute(_image(entry(HOSTILE), PICTURE, 0), "alt")


@pytest.fixture
def one():
    """The view of one result; nothing is pressed in it."""
    return DetailView(StatusLine(), type("Ways", (), {"__getattr__": lambda self, name: print})())


def links(output):
    (shown,) = output.outputs
    return shown["data"]["text/html"]


def test_the_name_and_the_address_of_an_original_are_text(one):
    one.show_files([(ELEMENT, TEXT)], "")
    assert_text(links(one._files), said=ELEMENT)
    assert_attribute(links(one._files), "href")


def test_why_a_file_tells_no_story_is_text(one):
    one.show_metadata(EmbeddedMetadata(reason=TEXT), "")
    assert_text(one._facts.value)


def test_what_the_gallery_says_is_text():
    status_line = StatusLine()
    status_line.show(TEXT)
    assert_text(status_line._text.value)


def test_the_name_and_the_address_of_a_file_to_download_are_text():
    status_line = StatusLine()
    status_line.show("Exported.", (ELEMENT, TEXT))
    assert_text(links(status_line._link), said=ELEMENT)
    assert_attribute(links(status_line._link), "href")


def test_what_goes_wrong_in_the_gallery_is_text():
    status_line = StatusLine()
    status_line.show_error(ValueError(TEXT))
    assert_text(status_line._text.value)


# ---- the composer


def test_a_heading_of_the_composer_is_text():
    assert_text(section_title(TEXT).value)


def test_what_the_composer_says_is_text():
    errors = ErrorBoundary()
    errors.show(TEXT)
    assert_text(errors.line.value)


def test_what_is_wrong_with_the_prompt_is_text():
    prompt = PromptInput(lambda: None, ErrorBoundary(), list)
    prompt.show_error(TEXT)
    assert_text(prompt.remark.value)


def test_what_is_wrong_with_a_field_is_text():
    from liangxin_nb.catalog import Violation

    assert_text(_hint_text(InputSpec("seed", "string"), Violation("seed", TEXT), ""))


def test_the_field_that_excludes_another_is_text():
    assert_text(_hint_text(InputSpec("seed", "string"), None, TEXT))


def test_the_help_of_a_field_is_text():
    assert_text(_hint_text(InputSpec("seed", "string", help=TEXT), None, ""))


def test_the_name_of_a_reference_is_text():
    references = ReferencePicker(InputSpec("image", "string"), lambda: None, ErrorBoundary(), list)
    references.add(Reference(b"no picture", TEXT))
    (row,) = references._list.children
    assert_text(row.children[1].value)


def test_why_no_service_is_in_use_is_text():
    assert_text(service_line(None, InvalidRequestError(TEXT)))


def test_the_host_and_the_folder_of_the_service_in_use_are_text(tmp_path):
    made = Session(profile="sandbox", results=tmp_path / "results")
    other = Session.__new__(Session)
    other.settings = msgspec.structs.replace(
        made.settings, profile="liangxin", base_url=f"https://{ELEMENT}", results=Path("/", TEXT)
    )
    made.close()
    assert_text(service_line(other))
    assert_text(service_line(other), said=ELEMENT)
