import io
import json
import sys
import zipfile

import pytest
from PIL import Image

from liangxin_nb.asking import requests
from liangxin_nb.catalog import model as find
from liangxin_nb.catalog import models
from liangxin_nb.cell import read
from liangxin_nb.errors import InvalidRequest
from liangxin_nb.ledger import Wanted
from liangxin_nb.pictures import imprinted
from liangxin_nb.request import Request
from liangxin_nb.sandbox.painter import paint
from liangxin_nb.shelf import Shelf
from liangxin_nb.taught import as_call, as_typed
from liangxin_nb.ticket import Ticket

from . import stock

OPENED = []
sys.addaudithook(lambda what, args: OPENED.append(str(args[0])) if what == "open" else None)


def test_a_thumbnail_is_made_once_and_then_read_without_the_original(session):
    stock.kept(session, "a lake", parts=[("image", paint("a lake", seed=1, size=(900, 600)))])
    shelf = Shelf(session)
    (entry,) = shelf.page(Wanted())
    assert shelf.held(entry) == b""
    small = shelf.thumbnail(entry)
    assert max(Image.open(io.BytesIO(small)).size) == 384
    OPENED.clear()
    again = Shelf(session)
    (entry,) = again.page(Wanted())
    assert again.held(entry) == again.thumbnail(entry) == small
    assert not [name for name in OPENED if name.endswith(".png")]


def test_a_broken_original_or_a_broken_thumbnail_is_no_trouble(session):
    stock.kept(session, "a lake")
    shelf = Shelf(session)
    (entry,) = shelf.page(Wanted())
    shelf.thumbnail(entry)
    place = session.results.root / ".thumbnails" / f"{entry.id}-1.jpg"
    place.write_bytes(b"cut off")
    assert shelf.thumbnail(entry).startswith(b"\xff\xd8")
    place.unlink()
    (entry.folder / "1.png").write_bytes(b"no picture")
    assert shelf.thumbnail(entry) == shelf.large(entry) == b""


def test_what_is_deleted_is_gone_from_the_disk_and_stays_in_the_ledger(session, sandbox):
    job = session.generate("a lake at dawn", model="z-image")
    result = job.wait(30)
    shelf = Shelf(session)
    (entry,) = shelf.page(Wanted())
    shelf.thumbnail(entry)
    deleted = shelf.delete(entry.id)

    assert not result.folder.exists()
    assert not result.folder.parent.exists(), "the day had nothing else"
    assert list((session.results.root / ".thumbnails").iterdir()) == []
    assert session.ticket(job.task_id) == deleted
    assert (deleted.fate, deleted.request.prompt) == ("deleted", "a lake at dawn")
    assert session.ledger.events(deleted.id)[-1][1:] == ("deleted", entry.ticket.folder)
    assert "deleted on purpose" in repr(session.history())
    assert [(f.what, f.count) for f in session.examine()] == [("deleted", 1)]
    assert session.resume() == []
    with pytest.raises(InvalidRequest, match=r"Nothing is kept of .* it is deleted"):
        session.result(deleted)
    with pytest.raises(InvalidRequest, match="Nothing is kept"):
        shelf.delete(entry.id)

    # Asked for by name, the service still has it, and it costs nothing more.
    created = sandbox.counters()["created"]
    (again,) = session.resume(deleted.id)
    assert again.wait(30).paths[0].is_file()
    assert session.ticket(deleted.id).fate == "kept"
    assert sandbox.counters()["created"] == created


def test_no_folder_outside_of_the_results_is_deleted(session, tmp_path):
    outside = tmp_path / "precious" / "things"
    outside.mkdir(parents=True)
    (outside / "1.png").write_bytes(b"x")
    (session.results.root / "2026-01-01").symlink_to(outside.parent)
    names = ("../precious/things", str(outside), "..", "", ".owners/x", "2026-01-01/things")
    for n, folder in enumerate(names):
        ticket = Ticket(f"t{n}", Request("z", "x"), 1.0, "sandbox", fate="kept")
        session.ledger.add(ticket)
        session.ledger.keep(ticket, folder, [{"name": "1.png", "bytes": 1, "sha256": ""}])
        (entry,) = Shelf(session).entries([ticket.id])
        assert entry.folder is None
        Shelf(session).delete(ticket.id)
    assert (outside / "1.png").read_bytes() == b"x"


def test_a_deletion_that_cannot_be_written_down_does_not_happen(session):
    ticket = stock.kept(session, "a lake")

    def fail():
        with session.results.removing(ticket.folder):
            assert session.results.inside(ticket.folder) is None
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert session.result(ticket).paths[0].is_file()


def test_an_export_holds_the_files_and_their_stories(session):
    first = stock.kept(session, "a lake", parts=[("image", paint("x", seed=1, size=(64, 64)))] * 2)
    second = stock.kept(session, "雨夜", parts=[("text", "夜の雨".encode())])
    failed = stock.kept(session, "no", fate="failed")
    path, number = Shelf(session).export([first.id, failed.id, second.id])
    assert number == 2
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() is None
        assert sorted(zipped.namelist()) == sorted(
            [f"{first.folder}/{name}" for name in ("1.png", "2.png", "story.json")]
            + [f"{second.folder}/{name}" for name in ("1.txt", "story.json")]
        )
        assert json.loads(zipped.read(f"{second.folder}/story.json"))["prompt"] == "雨夜"
    with pytest.raises(InvalidRequest, match="None of these has a file"):
        Shelf(session).export([failed.id])


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_story_of_a_picture_made_here_is_read_back(session, form):
    out = io.BytesIO()
    Image.effect_noise((64, 40), 60).convert("RGB").save(out, form)
    ticket = stock.kept(session, "雨 {x} $y 🌧", parts=[("image", out.getvalue())], seed=7)
    path = session.result(ticket).paths[0]
    told = Shelf(session).read(path.read_bytes())
    assert (told.request.prompt, dict(told.request.options)) == ("雨 {x} $y 🌧", {"seed": 7})
    assert told.picture.startswith(b"\xff\xd8")


PLAIN = paint("a lake", seed=1, size=(64, 64))
STORY = {"prompt": "x", "model": "m", "task_id": "t"}


@pytest.mark.parametrize(
    "words",
    [
        "no json", "[]", "3", "[" * 50_000, "x" * 200_000, json.dumps({**STORY, "files": 3}),
        *(json.dumps({**STORY, name: value}) for name, value in [
            ("prompt", ["x"]), ("prompt", " "), ("model", 3), ("options", [1]), ("options", "x"),
            ("seconds", "soon"), ("made", None), ("credits", {}),
        ]),
    ],
)  # fmt: skip
def test_a_forged_story_is_no_story(session, words):
    told = Shelf(session).read(imprinted(PLAIN, words))
    assert told.story is None
    assert "holds no story" in told.why or "can be read" in told.why


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 100, PLAIN[:200], b"GIF89a", b"<svg/>", PLAIN[:60] + b"\xff" * 900],
)
def test_bytes_that_are_no_picture_are_told_plainly(session, data):
    told = Shelf(session).read(data)
    assert (told.story, told.picture) == (None, b"")
    assert "can be read" in told.why


def test_a_file_too_large_is_not_looked_into(session):
    assert "more than 64 MB" in Shelf(session).read(bytes((64 << 20) + 1)).why


REQUESTS = [
    Request("z-image", "a cafe, {x} $y\n\nsecond paragraph", {"seed": 7, "image_size": "square"}),
    Request("no-such-model", "x", {"steps": 8, "style": "two words", "flag": True, "q": "it's"}),
    Request("no-such-model", "x", {"weights": [1, 2], "name": "-1"}),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_cell_of_a_request_asks_for_the_same(request_):
    line, _, body = as_typed(find("sandbox", request_.model), request_).partition("\n")
    asked = read(line.removeprefix("%%liangxin "), body, {})
    plain = {"plain": asked.plain, "options": asked.options, "images": asked.images}
    (again,), _ = requests("sandbox", asked.prompt, asked.model, **plain)
    assert again.prompt == request_.prompt
    assert {k: str(v) for k, v in again.options.items()} == {
        k: str(v) for k, v in request_.options.items()
    }


@pytest.mark.parametrize("value", ["{x}", "$HOME", "two\nlines"])
def test_what_a_cell_cannot_say_is_said_in_python(value):
    said = as_typed(
        find("sandbox", "m"), Request("m", 'a "lake"', {"style": value, "not-a-name": 3})
    )
    given = {}
    said = said.replace("import liangxin_nb as lx\n\n", "")

    class lx:  # noqa: N801 stands for the package
        generate = staticmethod(lambda prompt, **options: given.update(options, prompt=prompt))

    exec(said)
    assert given == {"prompt": 'a "lake"', "model": "m", "style": value, "not-a-name": 3}


def test_a_picture_that_was_sent_along_and_not_kept_is_named_as_missing():
    able = next(model for model in models("kie").values() if "image" in model.plain)
    told = ["image/png;90000 characters;sha256 0123456789abcdef", "https://x.example/a.png"]
    request = Request(able.id, "x", {able.plain["image"]: told})
    for text in (as_typed(able, request), as_call(able, request)):
        assert "90000" not in text
        assert "picture_1" in text
        assert "https://x.example/a.png" in text
