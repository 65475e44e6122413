"""Untrusted text is escaped wherever it is shown as HTML.

Prompts, reasons, models, options and file names come from services, from shared ledgers and from
uploaded files. Each place that puts them into HTML has a test here, which fails if that place
does not escape them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from liangxin_nb import Session
from liangxin_nb.archive import ExportReport
from liangxin_nb.batches import Estimate, Progress
from liangxin_nb.catalog import InputSpec
from liangxin_nb.cell_outputs import BatchSummary, batch_output, batch_sheet
from liangxin_nb.cell_outputs.batch_output import sheet_page
from liangxin_nb.cell_outputs.outcome_text import outcome_bundle
from liangxin_nb.core.job_record import JobRecord, JobUpdate
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.core.table import Table
from liangxin_nb.errors import InvalidRequestError, LiangxinError
from liangxin_nb.imaging import poster
from liangxin_nb.ledger import File, JobWithFiles
from liangxin_nb.library import LibraryEntry
from liangxin_nb.library.embedded import EmbeddedMetadata
from liangxin_nb.notebook.magics.maintenance import ExportLink
from liangxin_nb.notebook.widgets import batch_display
from liangxin_nb.notebook.widgets.batch_view import BatchView
from liangxin_nb.notebook.widgets.composer.common import ErrorBoundary, section_title
from liangxin_nb.notebook.widgets.composer.form import _hint_html
from liangxin_nb.notebook.widgets.composer.prompt import PromptInput
from liangxin_nb.notebook.widgets.composer.reference_picker import Reference, ReferencePicker
from liangxin_nb.notebook.widgets.composer.settings_form import service_html
from liangxin_nb.notebook.widgets.gallery import details
from liangxin_nb.notebook.widgets.gallery.comparison import comparison_table
from liangxin_nb.notebook.widgets.gallery.controls import StatusLine
from liangxin_nb.notebook.widgets.gallery.detail_view import DetailView, _picture_tag
from liangxin_nb.notebook.widgets.gallery.tile import Tile, picture_html
from liangxin_nb.notebook.widgets.task_card import Actions, TaskCard
from liangxin_nb.results.figure import ShownFile, figure_html
from liangxin_nb.results.result import build_result

from ..hostile import ELEMENT, TEXT, attributes, elements_of, text_of

JPEG = poster(lines=["a lake"])
PICTURE = b"\xff\xd8 not decoded"
PLAIN = Request("z-image", "a lake", {})
HOSTILE = Request(TEXT, TEXT, {TEXT: TEXT})


def assert_escaped(html, *, text=TEXT):
    """Check that a text is shown, and that it created no element."""
    assert elements_of(html) == []
    assert text in text_of(html)


def assert_attribute(html, name):
    """Check that a text is the whole value of an attribute, and that it created no element."""
    assert elements_of(html) == []
    assert TEXT in attributes(html, name)


def job_record(request=PLAIN, **changes):
    return replace(JobRecord.new(request, "liangxin", ""), **changes)


def entry(request=PLAIN, files=("1.png",), folder=Path("folder"), status="saved", **changes):
    """Return an entry of the library, with files of these names."""
    record = job_record(request, status=status, folder="folder" if folder else "", **changes)
    return LibraryEntry(
        JobWithFiles(record, tuple(File(name, 1000, 64, 40) for name in files)), folder
    )


def test_helper_detects_unescaped_text():
    for html in (TEXT, f"<b title='{TEXT}'>", f'<b title="{TEXT}">', f"<b>{ELEMENT}</b>"):
        assert elements_of(html) == ["img"]


# ---- tables


def test_table_cell_is_escaped():
    assert_escaped(Table(["prompt"], [[TEXT]])._repr_html_())


def test_table_heading_is_escaped():
    assert_escaped(Table([TEXT], [["a lake"]])._repr_html_())


def test_message_of_empty_table_is_escaped():
    assert_escaped(Table(["prompt"], [], empty=TEXT)._repr_html_())


# ---- the durable output of a cell


def failure_html(request=PLAIN, **values):
    update = JobUpdate(job_record(request), "failed", **values)
    return outcome_bundle(update)["text/html"]


def test_model_in_failure_output_is_escaped():
    assert_escaped(failure_html(request=HOSTILE, error=LiangxinError("no")))


def test_reason_in_failure_output_is_escaped():
    assert_escaped(failure_html(error=LiangxinError(TEXT)))


def test_prompt_in_failure_output_is_escaped():
    assert_escaped(failure_html(request=Request("z-image", TEXT)))


HOSTILE_METADATA = ResultMetadata(TEXT, TEXT, TEXT)
PARTIAL = ResultMetadata(
    TEXT, TEXT, TEXT, missing=({"number": 2, "kind": "image", "reason": TEXT},)
)


def test_partial_result_is_escaped():
    assert_escaped(build_result(Path("r"), Path("r"), PARTIAL).html())


def test_undocumented_state_in_card_is_escaped():
    html = card(phase=ELEMENT)._state.value
    assert_escaped(html, text=ELEMENT.capitalize())


def test_file_names_of_export_are_escaped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = ExportLink(ExportReport(tmp_path / f"{ELEMENT}.zip", 1, 1, 1, left_out=(TEXT,)))
    assert_escaped(inside._repr_html_(), text=f"Download {ELEMENT}.zip")
    assert_escaped(inside._repr_html_())
    outside = ExportLink(ExportReport(tmp_path.parent / f"{ELEMENT}.zip", 1, 1, 1))
    assert_escaped(outside._repr_html_(), text=f"{ELEMENT}.zip")


def test_text_result_is_escaped(tmp_path):
    (tmp_path / "1.txt").write_text(TEXT)
    assert_escaped(figure(tmp_path / "1.txt", "text"))


def figure(path, kind="image", link="", metadata=HOSTILE_METADATA):
    files = [ShownFile(path, {"kind": kind}, JPEG, link)]
    return figure_html(replace(metadata, files=({"name": path.name},)), None, files)


@pytest.mark.parametrize(("kind", "attribute"), [("image", "alt"), ("video", "title")])
def test_prompt_as_text_of_a_picture_is_escaped(kind, attribute):
    assert_attribute(figure(Path("1.png"), kind, "1.png"), attribute)


def test_caption_of_a_picture_is_escaped():
    assert_escaped(figure(Path("1.png")))
    one_of_several = replace(HOSTILE_METADATA, missing=({"number": 2},))
    assert_escaped(figure(Path("1.png"), metadata=one_of_several))


def test_link_of_a_picture_is_escaped():
    assert_attribute(figure(Path("1.png"), link=TEXT), "href")


def test_name_of_a_file_that_is_gone_is_escaped():
    assert_escaped(figure(Path(f"{ELEMENT}.zip"), "file"), text=f"{ELEMENT}.zip")


# ---- the card


class Job:
    """The part of a job that a card uses."""

    def __init__(self, update):
        self.last_update, self.record = update, update.record

    def watch(self, watcher):
        watcher(self.last_update)

    def detach(self):
        raise LiangxinError(TEXT)


class Result:
    """The part of a result that a card uses."""

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
    attach=lambda task_id: None,
    to_cell=lambda job_record: "",
    supports_seed=lambda job_record: False,
)


def card(request=PLAIN, *, notes=(), task_id="", **status):
    return TaskCard(
        Job(JobUpdate(job_record(request, task_id=task_id), **status)), ACTIONS, notes=notes
    )


def test_model_in_card_is_escaped():
    assert_escaped(card(HOSTILE)._state.value)


def test_prompt_in_card_is_escaped():
    assert_escaped(card(HOSTILE)._details.value)


def test_error_in_card_is_escaped():
    assert_escaped(card(phase="failed", error=LiangxinError(TEXT))._details.value)


def test_note_of_update_in_card_is_escaped():
    assert_escaped(card(note=TEXT)._details.value)


def test_note_of_request_in_card_is_escaped():
    assert_escaped(card(notes=[TEXT])._details.value)


def test_task_id_in_card_is_escaped():
    assert_escaped(card(task_id=TEXT)._details.value)


def test_result_path_in_card_is_escaped():
    assert_escaped(card(phase="saved", result=Result(PICTURE))._details.value)


def test_alt_text_in_card_is_escaped():
    assert_attribute(card(HOSTILE, phase="saved", result=Result(PICTURE))._picture.value, "alt")


def test_picture_error_in_card_is_escaped():
    assert_escaped(card(phase="saved", result=Result(ValueError(TEXT)))._picture.value)


def test_button_error_in_card_is_escaped():
    task_card = card()
    task_card.buttons["detach"].click()
    assert_escaped(task_card._error_line.value)


# ---- the view of a batch


def view(*, name="", batch_id="0123456789ab", notes=()):
    progress = Progress(
        batch_id,
        name,
        2,
        {"failed": 1, "running": 1},
        (),
        (),
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

    return BatchView(progress, dict.fromkeys(("pause", "resume", "detach", "retry"), fail), notes)


def test_batch_name_is_escaped():
    assert_escaped(view(name=TEXT)._body.value)


def test_batch_id_is_escaped():
    assert_escaped(view(batch_id=TEXT)._foot.value)


def test_batch_note_is_escaped():
    assert_escaped(view(notes=(TEXT,))._foot.value)


def test_button_error_in_batch_is_escaped():
    batch_view = view()
    batch_view.buttons["detach"].click()
    assert_escaped(batch_view._error_line.value)


# ---- the durable output of a batch


def summary(request=PLAIN, *, rows=("a lake", "a cat"), columns=("",), reason="no", **values):
    """Return a batch with a saved and a failed request in each row."""
    metadata = ResultMetadata(request.prompt, request.model, "task_1", files=FILES)
    result = build_result(Path("results"), Path("results/1745-a-lake"), metadata)
    saved = JobUpdate(job_record(request), "saved", result=result)
    failed = JobUpdate(job_record(request), "failed", error=LiangxinError(reason))
    return BatchSummary("0123456789ab", "", rows, columns, (saved, failed), **values)


FILES = ({"name": "1.png", "kind": "image", "width": 64, "height": 40},)


@pytest.fixture
def batch_html(monkeypatch):
    """Return the durable output of a batch with a picture that is not decoded."""
    monkeypatch.setattr(batch_sheet, "picture_of", lambda *_: PICTURE)
    return lambda *given, **values: batch_output(summary(*given, **values)).data["text/html"]


def test_prompt_in_output_of_batch_is_escaped_in_table_and_alt_text(batch_html):
    html = batch_html(HOSTILE)
    assert_escaped(html)
    assert TEXT in attributes(html, "alt")


@pytest.mark.parametrize("columns", [("",), ("seed 1", "seed 2")], ids=["list", "matrix"])
def test_row_in_output_of_batch_is_escaped(batch_html, columns):
    html = batch_html(rows=(TEXT,) * (3 - len(columns)), columns=columns)
    assert_escaped(html)
    assert len(columns) > 1 or TEXT in attributes(html, "title")


def test_column_in_output_of_batch_is_escaped(batch_html):
    assert_escaped(batch_html(rows=("a lake",), columns=(ELEMENT, ELEMENT)), text=ELEMENT)


def test_reason_in_output_of_batch_is_escaped(batch_html):
    assert_escaped(batch_html(reason=TEXT))


def test_name_and_id_in_output_of_batch_are_escaped():
    failed = JobUpdate(job_record(), "failed", error=LiangxinError("no"))
    html = batch_output(BatchSummary(ELEMENT, TEXT, ("a",), ("",), (failed,))).data["text/html"]
    assert_escaped(html)
    assert_escaped(html, text=ELEMENT)


def test_title_of_batch_page_is_escaped(tmp_path):
    failed = JobUpdate(job_record(), "failed", error=LiangxinError("no"))
    page = sheet_page(BatchSummary("1", "", (TEXT,), ("",), (failed,)), 64, tmp_path)
    assert_escaped(page)


def test_batch_estimate_is_escaped(monkeypatch):
    boxes = []
    monkeypatch.setattr(batch_display, "allow_events_while_busy", lambda *parts: None)
    monkeypatch.setattr(batch_display.BatchOutput, "put", lambda *_: None)
    monkeypatch.setattr("ipywidgets.VBox", lambda children: boxes.append(children) or Box())

    def fail(output):
        raise LiangxinError(TEXT)

    batch_display.confirm(Estimate({HOSTILE.model: 1}, 0, {}, free=True), fail)
    _, body, row = boxes[0]
    assert_escaped(body.value)
    row.children[0].click()
    assert body.value.count("&lt;img") == 2
    assert_escaped(body.value)


class Box:
    """The part of a box of widgets that the confirmation uses."""

    model_id = "x"

    def add_class(self, name):
        pass


# ---- the gallery


def test_prompt_in_details_is_escaped():
    assert_escaped(details.entry_details(entry(Request("z-image", TEXT, {}))))


DETAILS = {
    "model": {"request": Request(TEXT, "a lake", {})},
    "the name of an option": {"request": Request("z-image", "a lake", {TEXT: 1})},
    "the value of an option": {"request": Request("z-image", "a lake", {"style": TEXT})},
    "reason": {"reason": TEXT, "status": "failed"},
    "batch": {"batch_id": TEXT},
    "task": {"task_id": TEXT},
}


@pytest.mark.parametrize("detail", DETAILS)
def test_detail_of_entry_is_escaped(detail):
    assert_escaped(details.entry_details(entry(**DETAILS[detail])))


@pytest.mark.parametrize("name", ["prompt", "model", "task_id", "service", "created_at"])
def test_detail_of_uploaded_picture_is_escaped(name):
    metadata = ResultMetadata(
        **{
            **dict.fromkeys(
                ("prompt", "model", "task_id", "job_id", "service", "created_at"), "plain"
            ),
            name: ELEMENT,
        }
    )
    said = ELEMENT[:16] if name == "created_at" else ELEMENT
    assert_escaped(details.metadata_details(metadata), text=said)


def test_alt_text_of_tile_is_escaped():
    assert_attribute(picture_html(entry(HOSTILE), PICTURE, ""), "alt")


def test_excerpt_on_tile_is_escaped():
    assert_escaped(picture_html(entry(files=("1.txt",)), b"", TEXT))


def test_reason_on_tile_is_escaped():
    assert_escaped(picture_html(entry(status="failed", reason=TEXT), b"", ""))


def test_undocumented_state_on_tile_is_escaped():
    html = picture_html(entry(status="submitted", state=ELEMENT), b"", "")
    assert_escaped(html, text=ELEMENT.capitalize())


@pytest.mark.parametrize("request_", [Request(TEXT, "a lake", {}), Request("z-image", TEXT, {})],
                         ids=["model", "prompt"])  # fmt: skip
def test_tile_caption_is_escaped(request_):
    tile = Tile(lambda tile: None, lambda tile: None)
    tile.show(entry(request_), b"", "", False)
    assert_escaped(tile._html.value)


def test_compared_prompts_are_escaped():
    one, other = entry(Request("z-image", TEXT, {})), entry(Request("z-image", "a lake", {}))
    assert_escaped(comparison_table([one, other], [b"", b""]))
    assert_escaped(comparison_table([one, one], [b"", b""]))


COMPARED = {
    "model": Request(TEXT, "a lake", {}),
    "the name of an option": Request("z-image", "a lake", {TEXT: 1}),
    "the value of an option": Request("z-image", "a lake", {"style": TEXT}),
}


@pytest.mark.parametrize("detail", COMPARED)
def test_compared_detail_is_escaped(detail):
    assert_escaped(comparison_table([entry(COMPARED[detail]), entry()], [b"", b""]))


def test_alt_text_in_comparison_is_escaped():
    assert_attribute(comparison_table([entry(HOSTILE), entry()], [PICTURE, b""]), "alt")


def test_alt_text_of_large_picture_is_escaped():
    assert_attribute(_picture_tag(entry(HOSTILE), PICTURE, 0), "alt")


@pytest.fixture
def detail_view():
    """The view of one result, whose buttons do nothing."""
    actions = type("Actions", (), {"__getattr__": lambda self, name: print})()
    return DetailView(StatusLine(), actions)


def links(output):
    (content,) = output.outputs
    return content["data"]["text/html"]


def test_name_and_url_of_original_are_escaped(detail_view):
    detail_view.show_files([(ELEMENT, TEXT)], "")
    assert_escaped(links(detail_view._files), text=ELEMENT)
    assert_attribute(links(detail_view._files), "href")


def test_reason_for_missing_metadata_is_escaped(detail_view):
    detail_view.show_metadata(EmbeddedMetadata(reason=TEXT), "")
    assert_escaped(detail_view._details.value)


def test_message_of_gallery_is_escaped():
    status_line = StatusLine()
    status_line.show(TEXT)
    assert_escaped(status_line._text.value)


def test_name_and_url_of_download_are_escaped():
    status_line = StatusLine()
    status_line.show("Exported.", (ELEMENT, TEXT))
    assert_escaped(links(status_line._link), text=ELEMENT)
    assert_attribute(links(status_line._link), "href")


def test_error_of_gallery_is_escaped():
    status_line = StatusLine()
    status_line.show_error(TEXT)
    assert_escaped(status_line._text.value)


# ---- the composer


def test_heading_of_composer_is_escaped():
    assert_escaped(section_title(TEXT).value)


def test_message_of_composer_is_escaped():
    errors = ErrorBoundary()
    errors.show(TEXT)
    assert_escaped(errors.line.value)


def test_error_of_composer_is_escaped():
    errors = ErrorBoundary()
    errors.show_error(TEXT)
    assert_escaped(errors.line.value)


def test_violation_of_prompt_is_escaped():
    prompt = PromptInput(lambda: None, ErrorBoundary(), list)
    prompt.show_error(TEXT)
    assert_escaped(prompt.remark.value)


def test_violation_of_field_is_escaped():
    from liangxin_nb.catalog import Violation

    assert_escaped(_hint_html(InputSpec("seed", "string"), Violation("seed", TEXT), ""))


def test_name_of_excluding_field_is_escaped():
    assert_escaped(_hint_html(InputSpec("seed", "string"), None, TEXT))


def test_help_of_field_is_escaped():
    assert_escaped(_hint_html(InputSpec("seed", "string", help=TEXT), None, ""))


def test_name_of_reference_is_escaped():
    references = ReferencePicker(InputSpec("image", "string"), lambda: None, ErrorBoundary(), list)
    references.add(Reference(b"no picture", TEXT))
    (row,) = references._list.children
    assert_escaped(row.children[1].value)


def test_error_of_settings_is_escaped():
    assert_escaped(service_html(None, InvalidRequestError(TEXT)))


def test_host_and_folder_in_use_are_escaped(tmp_path):
    session = Session(profile="sandbox", results=tmp_path / "results")
    other = Session.__new__(Session)
    # No such address can be set.
    other.settings = SimpleNamespace(profile="liangxin", host=ELEMENT, results=Path("/", TEXT))
    session.close()
    assert_escaped(service_html(other))
    assert_escaped(service_html(other), text=ELEMENT)
