"""The library: thumbnails, deletion, export, and the metadata inside pictures."""

import io
import json
import sys
import zipfile
from contextlib import closing

import pytest
from PIL import Image

import liangxin_nb as lx
from liangxin_nb.catalog import find_model, load_models
from liangxin_nb.catalog.codegen import to_python_source, to_source
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
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


def test_deleted_result_is_removed_from_the_disk(session, entry):
    library = Library(session)
    library.thumbnail(entry)
    library.delete(entry.id)
    assert not entry.folder.exists()
    assert not entry.folder.parent.exists(), "the folder of the day is empty"
    assert list((session.results.root / ".thumbnails").iterdir()) == []


def test_deleted_result_stays_in_the_ledger(session, entry):
    deleted = Library(session).delete(entry.id)
    assert session.get_record(entry.id) == deleted
    assert (deleted.status, deleted.request.prompt) == ("deleted", "a lake")
    assert session.ledger.events(deleted.id)[-1][1:] == ("deleted", entry.record.folder)


def test_deleted_result_is_counted_as_deleted(session, entry):
    Library(session).delete(entry.id)
    assert "deleted on purpose" in repr(session.history())
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


def test_deletion_that_cannot_be_recorded_is_undone(session):
    record = stock.save_result(session, "a lake")

    def fail():
        with session.results.deletion(record.folder):
            assert session.results.resolve(record.folder) is None
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert session.result(record).paths[0].is_file()


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
