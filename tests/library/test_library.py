"""The library: thumbnails, deletion, export, and the metadata inside pictures."""

import io
import json
import os
import sys
import time
import zipfile
from contextlib import closing

import pytest
from PIL import Image

import liangxin_nb as lx
from liangxin_nb.catalog import find_model, load_models
from liangxin_nb.catalog.codegen import to_python_source, to_source
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError, ResultUnavailableError
from liangxin_nb.imaging import embed
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
from liangxin_nb.notebook.magics.cell_magic import parse_cell
from liangxin_nb.sandbox.painter import paint
from liangxin_nb.session.request_builder import build_requests

from .. import stock

OPENED = []
sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)


def test_thumbnail_is_created_once_and_then_read_without_the_original(session):
    stock.save_result(
        session, "a lake", parts=[("image", paint("a lake", seed=1, size=(900, 600)))]
    )
    library = Library(session)
    (entry,) = library.page(Query())
    assert library.cached_thumbnail(entry) == b""
    small = library.thumbnail(entry)
    assert max(Image.open(io.BytesIO(small)).size) == 384
    OPENED.clear()
    again = Library(session)
    (entry,) = again.page(Query())
    assert again.cached_thumbnail(entry) == again.thumbnail(entry) == small
    assert not [name for name in OPENED if name.endswith(".png")]


@pytest.fixture
def entry(session):
    """A saved result as an entry of the library."""
    stock.save_result(session, "a lake")
    (entry,) = Library(session).page(Query())
    return entry


def test_broken_thumbnail_is_created_again(session, entry):
    library = Library(session)
    library.thumbnail(entry)
    path = session.results.root / ".thumbnails" / f"{entry.id}-1.jpg"
    path.write_bytes(b"truncated")
    assert library.thumbnail(entry).startswith(b"\xff\xd8")


def test_broken_original_has_no_thumbnail(session, entry):
    library = Library(session)
    (entry.folder / "1.png").write_bytes(b"no picture")
    assert library.thumbnail(entry) == library.preview(entry) == b""


def test_deleted_result_is_in_the_trash_and_comes_back_with_all_its_files(session, entry):
    library = Library(session)
    files = {path.name: path.read_bytes() for path in entry.folder.iterdir()}
    result = session.result(entry.record)
    library.delete(entry.id)
    assert not entry.folder.parent.exists(), "the folder of the day is empty"
    ((in_trash, deleted),) = library.trash()
    assert (in_trash.id, deleted.size) == (entry.id, sum(map(len, files.values())))
    with pytest.raises(ResultUnavailableError, match=f"%liangxin restore {entry.id}"):
        _ = result.image
    assert library.restore(entry.id).status == "saved"
    assert {path.name: path.read_bytes() for path in entry.folder.iterdir()} == files
    assert result.image.size == session.result(session.get_record(entry.id)).image.size
    assert library.trash() == []
    assert session.ledger.events(entry.id)[-1][1:] == ("restored", entry.record.folder)


def test_restored_result_that_was_incomplete_is_incomplete_again(session):
    record = stock.save_result(session, "a lake", missing=[{"number": 2, "reason": "a dead link"}])
    assert record.is_partial
    Library(session).delete(record.id)
    assert "no. 2 is missing: a dead link" in Library(session).restore(record.id).reason


def test_result_returns_beside_one_that_has_taken_its_folder(session, entry):
    library = Library(session)
    library.delete(entry.id)
    entry.folder.mkdir(parents=True)
    restored = library.restore(entry.id)
    assert restored.folder == f"{entry.record.folder}-2"
    assert session.result(restored).path.is_file()


def test_result_that_is_not_in_the_trash_cannot_be_restored(session, entry):
    with pytest.raises(InvalidRequestError, match="is in its folder"):
        Library(session).restore(entry.id)
    Library(session).delete(entry.id)
    Library(session).empty_trash()
    with pytest.raises(InvalidRequestError, match=r"no longer in the trash.*%liangxin resume"):
        Library(session).restore(entry.id)


def test_trash_is_emptied_after_thirty_days_or_at_once(session, entry):
    library = Library(session)
    library.thumbnail(entry)
    library.delete(entry.id)
    library.remove_expired()
    assert len(library.trash()) == 1
    holder = session.results.root / ".trash" / entry.id
    past = time.time() - 31 * 86_400
    os.utime(holder, (past, past))
    library.remove_expired()
    assert library.trash() == []
    assert list((session.results.root / ".trash").iterdir()) == []
    assert list((session.results.root / ".thumbnails").iterdir()) == []
    assert "removed from the trash" in session.get_record(entry.id).reason


def test_trash_follows_no_links_out_of_the_results_folder(session, entry, tmp_path):
    outside = tmp_path / "precious"
    (outside / "2026-01-01" / "things").mkdir(parents=True)
    Library(session).delete(entry.id)
    (session.results.root / ".trash" / "linked").symlink_to(outside)
    assert [result.name for result in session.results.trash.results()] == [entry.id]
    assert Library(session).empty_trash() == 1
    assert (outside / "2026-01-01" / "things").is_dir()
    record = stock.save_result(session, "a harbour")
    (session.results.root / ".trash" / record.id).symlink_to(outside)
    with pytest.raises(InvalidRequestError, match="cannot be moved to the trash"):
        Library(session).delete(record.id)
    assert session.result(record).path.is_file()


def test_deleted_result_stays_in_the_ledger(session, entry):
    deleted = Library(session).delete(entry.id)
    assert session.get_record(entry.id) == deleted
    assert (deleted.status, deleted.request.prompt) == ("deleted", "a lake")
    assert session.ledger.events(deleted.id)[-1][1:] == ("deleted", entry.record.folder)


def test_deleted_result_is_counted_as_deleted(session, entry):
    Library(session).delete(entry.id)
    assert f"%liangxin restore {entry.id}" in repr(session.history())
    assert [(row.label, row.count) for row in session.audit()] == [("deleted", 1)]


def test_deleted_result_cannot_be_shown_or_deleted_again(session, entry):
    deleted = Library(session).delete(entry.id)
    with pytest.raises(InvalidRequestError, match=r"has no saved result: it is deleted"):
        session.result(deleted)
    with pytest.raises(InvalidRequestError, match="has no saved result"):
        Library(session).delete(entry.id)


def test_deleted_result_is_collected_again_only_by_its_id_and_without_a_new_task(session, sandbox):
    job = session.generate("a lake at dawn", size="square")
    job.wait(60)
    Library(session).delete(job.record.id)
    created = sandbox.counters()["created"]
    assert session.resume() == []
    (again,) = session.resume(job.record.id)
    assert again.wait(60).paths[0].is_file()
    assert session.get_record(job.record.id).status == "saved"
    assert sandbox.counters()["created"] == created


def test_deleting_removes_nothing_outside_of_the_results_folder(session, tmp_path):
    outside = tmp_path / "precious" / "things"
    outside.mkdir(parents=True)
    (outside / "1.png").write_bytes(b"x")
    (session.results.root / "2026-01-01").symlink_to(outside.parent)
    names = ("../precious/things", str(outside), "..", "", ".owners/x", "2026-01-01/things")
    for n, folder in enumerate(names):
        record = JobRecord(f"t{n}", Request("z", "x"), 1.0, "sandbox", status="saved")
        session.ledger.add(record)
        session.ledger.mark_saved(record, folder, [{"name": "1.png", "bytes": 1, "sha256": ""}])
        (entry,) = Library(session).entries([record.id])
        assert entry.folder is None
        Library(session).delete(record.id)
    assert (outside / "1.png").read_bytes() == b"x"


def test_only_copy_stays_when_a_process_ended_while_it_was_deleted(session, entry):
    with session.results.trash.adding(entry.id, entry.folder):
        pass  # the ledger was not changed any more
    library = Library(session)
    assert library.empty_trash() == 0
    assert library.restore(entry.id).status == "saved"
    assert session.result(entry.record).path.is_file()


@pytest.mark.parametrize("is_mounted", [True, False])
def test_result_that_was_deleted_while_its_disk_was_away_comes_back(session, entry, is_mounted):
    library = Library(session)
    away = entry.folder.parent.rename(session.results.root / ".away")
    assert "once its files are on this disk again" in library.delete(entry.id).reason
    if is_mounted:
        away.rename(entry.folder.parent)
    (deleted,) = library.entries([entry.id])
    assert library.can_restore(deleted) == is_mounted
    if is_mounted:
        assert library.restore(entry.id).folder == entry.record.folder
    else:
        with pytest.raises(InvalidRequestError, match="no longer in the trash"):
            library.restore(entry.id)


@pytest.mark.parametrize("change", ["delete", "restore"])
def test_change_that_cannot_be_recorded_is_undone(session, entry, change, monkeypatch):
    library = Library(session)
    if change == "restore":
        library.delete(entry.id)

    def fail(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(type(session.ledger), "update", fail)
    with pytest.raises(InvalidRequestError, match="cannot be"):
        getattr(library, change)(entry.id)
    assert entry.folder.exists() == (change == "delete")
    assert len(session.results.trash.results()) == (change == "restore")


def test_export_holds_the_files_and_their_metadata(session):
    first = stock.save_result(
        session, "a lake", parts=[("image", paint("x", seed=1, size=(64, 64)))] * 2
    )
    second = stock.save_result(session, "雨夜", parts=[("text", "夜の雨".encode())])
    failed = stock.save_result(session, "no", status="failed")
    path, number = Library(session).export([first.id, failed.id, second.id])
    assert number == 2
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() is None
        assert sorted(zipped.namelist()) == sorted(
            ["README.txt", "ledger.jsonl"]
            + [f"results/{first.folder}/{name}" for name in ("1.png", "2.png", "metadata.json")]
            + [f"results/{second.folder}/{name}" for name in ("1.txt", "metadata.json")]
        )
        metadata = json.loads(zipped.read(f"results/{second.folder}/metadata.json"))
        assert metadata["prompt"] == "雨夜"


def test_export_of_chosen_results_is_imported(session, tmp_path):
    chosen = stock.save_result(session, "a lake", batch_id="b1")
    stock.save_result(session, "another lake")
    path, _ = Library(session).export([chosen.id])
    with closing(lx.Session(profile="sandbox", results=tmp_path / "new")) as other:
        report = other.import_archive(path)
        assert (report.jobs, report.results, report.left_out) == (1, 1, ())
        (record,) = other.ledger.list_jobs()
        assert record == session.ledger.find(chosen.id).replace(owner="", origin="imported")
        assert other.result(record).prompt == "a lake"


def test_export_without_any_file_is_rejected(session):
    failed = stock.save_result(session, "no", status="failed")
    with pytest.raises(InvalidRequestError, match="None of these has a file"):
        Library(session).export([failed.id])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_metadata_of_a_saved_picture_is_read_back(session, form):
    out = io.BytesIO()
    Image.effect_noise((64, 40), 60).convert("RGB").save(out, form)
    record = stock.save_result(session, "雨 {x} $y 🌧", parts=[("image", out.getvalue())], seed=7)
    path = session.result(record).paths[0]
    embedded = Library(session).read_metadata(path.read_bytes())
    assert (embedded.request.prompt, dict(embedded.request.options)) == ("雨 {x} $y 🌧", {"seed": 7})
    assert embedded.picture.startswith(b"\xff\xd8")


PLAIN = paint("a lake", seed=1, size=(64, 64))
METADATA = {"prompt": "x", "model": "m", "task_id": "t"}


@pytest.mark.parametrize(
    "text",
    [
        "no json", "[]", "3", "[" * 50_000, "x" * 200_000, json.dumps({**METADATA, "files": 3}),
        *(json.dumps({**METADATA, name: value}) for name, value in [
            ("prompt", ["x"]), ("prompt", " "), ("model", 3), ("options", [1]), ("options", "x"),
            ("seconds", "soon"), ("made", None), ("credits", {}),
        ]),
    ],
)  # fmt: skip
def test_forged_metadata_is_not_read(session, text):
    embedded = Library(session).read_metadata(embed(PLAIN, text))
    assert embedded.metadata is None
    assert "has no metadata" in embedded.reason or "not a readable" in embedded.reason


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, PLAIN[:200], b"GIF89a", b"<svg/>", PLAIN[:60] + b"\xff" * 900],
)
def test_bytes_that_are_not_a_picture_are_reported(session, data):
    embedded = Library(session).read_metadata(data)
    assert (embedded.metadata, embedded.picture) == (None, b"")
    assert "not a readable" in embedded.reason


def test_file_that_is_too_large_is_not_read(session):
    assert "more than 64 MB" in Library(session).read_metadata(bytes((64 << 20) + 1)).reason


REQUESTS = [
    Request("z-image", "a cafe, {x} $y\n\nsecond paragraph", {"seed": 7, "image_size": "square"}),
    Request("no-such-model", "x", {"steps": 8, "style": "two words", "flag": True, "q": "it's"}),
    Request("no-such-model", "x", {"weights": [1, 2], "name": "-1"}),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_cell_of_a_request_repeats_it(request_):
    line, _, body = to_source(find_model("sandbox", request_.model), request_).partition("\n")
    arguments = parse_cell(line.removeprefix("%%liangxin "), body, {})
    plain = {
        "common_options": arguments.common_options,
        "options": arguments.options,
        "images": arguments.images,
        "any_model": arguments.any_model,
    }
    (again,), _ = build_requests("sandbox", arguments.prompt, arguments.model, **plain)
    assert again.prompt == request_.prompt
    assert {k: str(v) for k, v in again.options.items()} == {
        k: str(v) for k, v in request_.options.items()
    }


@pytest.mark.parametrize("value", ["{x}", "$HOME", "two\nlines"])
def test_request_that_no_cell_can_express_is_written_in_python(value):
    code = to_source(
        find_model("sandbox", "m"), Request("m", 'a "lake"', {"style": value, "not-a-name": 3})
    )
    arguments = {}
    code = code.replace("import liangxin_nb as lx\n\n", "")

    class lx:  # noqa: N801 stands for the package
        generate = staticmethod(lambda prompt, **options: arguments.update(options, prompt=prompt))

    exec(code)
    assert arguments == {
        "prompt": 'a "lake"', "model": "m", "any_model": True, "style": value, "not-a-name": 3
    }  # fmt: skip


def test_reference_picture_that_is_not_stored_is_named_as_missing():
    model = next(m for m in load_models("kie").values() if "image" in m.common_options)
    named = ["image/png;90000 characters;sha256 0123456789abcdef", "https://x.example/a.png"]
    request = Request(model.id, "x", {model.common_options["image"]: named})
    for text in (to_source(model, request), to_python_source(model, request)):
        assert "90000" not in text
        assert "picture_1" in text
        assert "https://x.example/a.png" in text
