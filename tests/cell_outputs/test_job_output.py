"""The durable output of one job: a figure with its caption, or a block that says what to do."""

from __future__ import annotations

import sys
from dataclasses import replace
from urllib.parse import unquote

import pytest

from liangxin_nb import Session
from liangxin_nb.cell_outputs import job_output
from liangxin_nb.cell_outputs.outcome_text import lines_html
from liangxin_nb.core.job_record import JobUpdate
from liangxin_nb.core.recorded_update import update_from_record
from liangxin_nb.errors import TaskFailedError
from liangxin_nb.results import ThumbnailCache, display_size

from .. import stock
from ..hostile import attributes, text_of

OPENED: list[str] = []
sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)
#: A prompt that needs many bytes wherever it is written.
LONG = '"雨夜的咖啡馆" <🌧> & ' * 500


def saved_update(session, prompt="a lake", **values):
    record = stock.save_result(session, prompt, seed=7, **values)
    return update_from_record(session.result, record)


def html_of(update, **options):
    return job_output(update, **options).data["text/html"]


def test_picture_has_its_caption_its_prompt_as_alternative_text_and_a_link(session, tmp_path):
    update = saved_update(session, "A café\nat night")
    data, metadata = job_output(update, start=tmp_path)
    html, record = data["text/html"], update.record
    assert set(data) == {"text/html", "text/plain"}
    assert attributes(html, "alt") == ["A café at night"]
    assert (attributes(html, "width"), attributes(html, "height")) == (["480"], ["320"])
    assert text_of(html) == (
        "A café · z-image · 480×320 · seed 7 · Sandbox drawing · open the original"
    )
    (link,) = attributes(html, "href")
    assert (tmp_path / unquote(link)).resolve() == update.result.path
    assert html.count("base64,") == 1, "the only copy of the bytes"
    assert "\n" not in data["text/plain"]
    job = {"job_id": record.id, "task_id": record.task_id, "status": "saved"}
    assert metadata == {"liangxin": job}


def test_result_and_job_have_the_same_output(session, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    update = saved_update(session)
    assert update.result._repr_mimebundle_() == tuple(job_output(update))


def test_link_is_quoted_and_relative_to_the_notebook(tmp_path):
    folder = tmp_path / 'a "b" #1 ü'
    with Session(profile="sandbox", results=folder / "r") as session:
        update = saved_update(session)
    html = html_of(update, start=folder / "notebooks")
    assert attributes(html, "href")[0].startswith("../r/")
    html = html_of(update, start=tmp_path)
    assert attributes(html, "href")[0].startswith("a%20%22b%22%20%231%20%C3%BC/r/")


def test_several_pictures_are_numbered(session):
    html = html_of(saved_update(session, parts=[("image", stock._picture())] * 3))
    assert attributes(html, "alt") == [f"{n} of 3: a lake" for n in (1, 2, 3)]
    assert [f"{n} of 3 · 480×320 · open the original" in text_of(html) for n in (1, 2, 3)]
    assert text_of(html).endswith("a lake · z-image · seed 7 · Sandbox drawing")


def test_many_pictures_are_counted(session):
    html = html_of(saved_update(session, parts=[("image", stock._picture())] * 14))
    assert html.count("<img ") == 12
    assert text_of(html).endswith("12 of 14 shown")


def test_bare_picture_has_its_alternative_text_and_size_in_the_metadata(session):
    data, metadata = job_output(saved_update(session), style="image")
    assert set(data) == {"image/jpeg", "text/plain"}
    assert metadata["image/jpeg"] == {"alt": "a lake", "width": 480, "height": 320}
    assert metadata["liangxin"]["status"] == "saved"


def test_long_prompt_fits_the_limit(session):
    update = saved_update(session, LONG)
    data, _ = job_output(update)
    words = len(data["text/html"].encode()) - len(update.result.thumbnail()) * 4 / 3
    assert words < 64 * 1024 - 46_000 * 4 / 3 - 500


def test_second_output_reads_no_original(session):
    update = saved_update(session)
    first = job_output(update)
    OPENED.clear()
    again = replace(update, result=session.results.load(update.record.folder))
    assert job_output(again) == first
    assert not [name for name in OPENED if name.endswith(".png")]


@pytest.mark.parametrize("content", [b"", b"\xff\xd8 cut off", b"\xff\xd8" + b"x" * 50_000])
def test_damaged_thumbnail_is_not_shown(session, content):
    update = saved_update(session)
    first = job_output(update)
    (cached,) = (session.results.root / ".thumbnails").iterdir()
    cached.write_bytes(content)
    assert job_output(update) == first


def test_picture_that_is_added_later_does_not_get_the_thumbnail_of_another(tmp_path):
    """Of three outputs the second was missing: the third one was the second file."""
    (tmp_path / "3.png").write_bytes(stock._picture())
    cache = ThumbnailCache(tmp_path)
    assert cache.make("3f9c", tmp_path / "3.png")
    assert cache.cached("3f9c", tmp_path / "2.png") == b""


def test_gone_file_has_no_link_and_is_named(session):
    update = saved_update(session)
    with_picture = html_of(update)
    update.result.path.unlink()
    html = html_of(update)
    assert attributes(html, "href") == []
    assert text_of(html).endswith("1.png is no longer there")
    assert attributes(html, "src") == attributes(with_picture, "src")


def test_commands_in_a_reason_are_code():
    line = "It was deleted. %liangxin restore ab12 brings it back; %liangxin doctor checks <b>."
    assert lines_html([line]) == (
        "<div>It was deleted. <code>%liangxin restore ab12</code> brings it back; "
        "<code>%liangxin doctor</code> checks &lt;b&gt;.</div>"
    )


def test_failure_names_reason_cost_and_command(session):
    record = stock.save_result(session, "a lake", status="failed")
    record = replace(record, reason="The task failed (500): busy.", profile="kie")
    update = JobUpdate(record, "failed", error=TaskFailedError("Busy.", next_step="Wait."))
    data, metadata = job_output(update)
    assert data["text/plain"].splitlines() == [
        "✕ Failed · z-image",
        "The task failed (500): busy.",
        "Whether a failed task is billed is shown in https://kie.ai/logs.",
        f"%liangxin again {record.task_id} sends the same request: a new task, billed separately.",
    ]
    assert f"<code>%liangxin again {record.task_id}</code>" in data["text/html"]
    assert "a lake" in text_of(data["text/html"])
    assert "var(" not in data["text/html"], "removed from notebooks that are not trusted"
    assert metadata["liangxin"]["status"] == "failed"
    healed = update_from_record(session.result, record)
    assert job_output(healed).data == data, "the same from the ledger alone"


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("unconfirmed", "It is not sent again; %liangxin doctor says how to look it up."),
        ("result_lost", "%liangxin resume task_a.1 tries again."),
    ],
)
def test_next_step_is_named_once(session, status, advice):
    record = stock.save_result(session, "a lake", status=status)
    record = replace(record, reason=f"No answer (HTTP 404). {advice}")
    text = job_output(update_from_record(session.result, record)).data["text/plain"]
    assert "No answer (HTTP 404).\n" in text
    assert (text.count("%liangxin"), text.count("%liangxin resume")) == (1, 1)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1024, 1024), (640, 640)), ((1344, 756), (720, 405)), ((512, 512), (512, 512)),
     ((576, 1024), (360, 640)), ((1, 100_000), (1, 640)), ((0, 0), (1, 1))],
)  # fmt: skip
def test_picture_fits_on_the_screen_and_is_never_enlarged(size, shown):
    assert display_size(*size) == shown
