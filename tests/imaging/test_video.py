"""A film in a notebook: a poster that stays, a player of the local file, nothing that breaks."""

import base64
import importlib.util
import io
import struct
import zipfile

import av
import pytest
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.archive import export_session, import_session
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.imaging import first_frame
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
from liangxin_nb.results import ResultStore
from liangxin_nb.sandbox.film import encode_webm

from .. import stock


def drawing(colour="orange", size=(640, 360)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def webm():
    return encode_webm(drawing(), (320, 180), 2)


def mp4(colour, size=(320, 240)):
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as made:
        stream = made.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(20):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, colour))
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return out.getvalue()


#: An MP4 file of which only the beginning is there.
MP4 = b"\0\0\0\x18ftypisom" + b"\0" * 40


def kept(tmp_path, *datas, prompt="A cafe terrace", kind="video"):
    """A result of these files, kept and read again."""
    results = ResultStore(tmp_path / "r")
    record = JobRecord("3f9c5555aaaa", Request("z-image", prompt), 1795280700.0, "sandbox")
    staged = results.stage(record.replace(task_id="task_1"))
    for n, data in enumerate(datas, 1):
        staged.part_path(n).write_bytes(data)
    metadata = ResultMetadata(
        prompt, "z-image", "task_1", record.id, "sandbox", "2026-11-21T17:45:00+00:00"
    )
    result = staged.commit(metadata, [TaskOutput("", kind)] * len(datas))
    return results.load(result.folder.relative_to(results.root).as_posix())


def poster(bundle):
    return Image.open(io.BytesIO(base64.b64decode(bundle["image/jpeg"])))


def beside(image):
    """A place that the sign in the middle does not cover."""
    return image.getpixel((image.width // 8, image.height // 8))


@pytest.mark.parametrize("form", ["webm", "mp4"])
def test_a_film_is_its_first_picture_and_a_player_of_the_local_file(tmp_path, webm, form):
    result = kept(tmp_path, webm if form == "webm" else mp4("orange"))
    file = result.metadata.files[0]
    assert (file["kind"], file["seconds"]) == ("video", pytest.approx(2, abs=0.2))
    assert f" {file['width']}×{file['height']} " in repr(result)
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/jpeg", "text/plain"}
    assert sum(map(len, bundle.values())) <= 64 * 1024
    red, green, blue = beside(poster(bundle))
    assert (red > 230, 140 < green < 190, blue < 40) == (True, True, True)
    assert f'poster="data:image/jpeg;base64,{bundle["image/jpeg"]}"' in bundle["text/html"]
    assert f"/1.{form}" in bundle["text/html"]
    assert (result.folder / "1.poster.jpg").read_bytes() == result.thumbnail()


def test_a_noisy_film_keeps_to_the_notebooks_budget(tmp_path):
    noise = io.BytesIO()
    Image.effect_noise((800, 450), 120).convert("RGB").save(noise, "PNG")
    bundle = kept(tmp_path, encode_webm(noise.getvalue(), (640, 360), 1))._repr_mimebundle_()
    assert sum(map(len, bundle.values())) <= 64 * 1024


def test_two_films_and_a_picture_are_all_there(tmp_path, webm):
    result = kept(tmp_path, webm, webm, drawing())
    bundle = result._repr_mimebundle_()
    assert bundle["text/html"].count("<video ") == 2
    assert "/3.png" in bundle["text/html"]
    assert beside(poster(bundle))[2] < 40, "the picture, without the sign of a film"
    assert sum(map(len, bundle.values())) <= 160 * 1024


def test_without_the_library_the_poster_says_what_it_is(tmp_path, webm, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    result = kept(tmp_path, webm, prompt="A cafe terrace\nat night")
    assert not (result.folder / "1.poster.jpg").exists()
    image = poster(result._repr_mimebundle_())
    words = image.crop((0, round(image.height * 0.6), image.width, image.height)).convert("L")
    assert words.getextrema()[1] > 200, "words in a light ink"
    assert beside(image)[0] < 80


def changed(webm, old, new):
    """A film with other bytes in one place."""
    assert old in webm
    return webm.replace(old, new)


#: How a header says that its pictures are 320 pixels wide.
WIDTH = b"\xb0\x01\0\0\0\0\0\0\x02" + struct.pack(">H", 320)


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
HOSTILE = {
    "nothing but its sign": lambda webm: b"\x1aE\xdf\xa3" + b"\xff" * 5000,
    "cut off": lambda webm: webm[:700],
    "an empty mp4": lambda webm: MP4,
    "a list of other files": lambda webm: b"\x1aE\xdf\xa3" + PLAYLIST,
    "an mp4 that is a list": lambda webm: b"\0\0\0\x18ftypisom" + PLAYLIST,
    "another codec than it says": lambda webm: changed(webm, b"V_VP8", b"V_VP9"),
    "a size that is a lie": lambda webm: changed(webm, WIDTH, WIDTH[:-2] + b"\xff\xff"),
    "a clock from elsewhere": lambda webm: changed(webm, b"\xe7\x01", b"\xe7\x41"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_film_made_to_break_things_breaks_nothing(tmp_path, webm, what):
    data = HOSTILE[what](webm)
    result = kept(tmp_path, data)
    bundle = result._repr_mimebundle_()
    assert poster(bundle).format == "JPEG"
    assert sum(map(len, bundle.values())) <= 64 * 1024
    assert result.paths[0].read_bytes() == data


def test_what_a_film_is_called_and_where_it_lies_cannot_write_html(tmp_path, webm, monkeypatch):
    folder = tmp_path / 'a "b" #1 100%'
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    html = kept(folder, webm, prompt='"><script>alert(1)</script>')._repr_mimebundle_()["text/html"]
    assert "<script>" not in html
    assert 'src="a%20%22b%22%20%231%20100%25/r/' in html


def test_a_poster_that_was_replaced_by_something_else_is_not_shown(tmp_path, webm):
    result = kept(tmp_path, webm)
    for content in (b"<svg onload=alert(1)>", b"\0" * 100_000, drawing()):
        (result.folder / "1.poster.jpg").write_bytes(content)
        assert beside(poster(result._repr_mimebundle_()))[0] < 80, "the plain one"


def test_a_first_picture_is_not_looked_for_in_what_no_film_player_plays(tmp_path):
    (tmp_path / "x.m3u8").write_bytes(PLAYLIST)
    assert first_frame(tmp_path / "x.m3u8", "m3u8") is None


def test_a_films_tile_is_its_poster_and_an_export_holds_it(session, webm):
    record = stock.save_result(session, "the sea", parts=[("video", webm)])
    library = Library(session)
    (entry,) = library.page(Query())
    tile = Image.open(io.BytesIO(library.thumbnail(entry)))
    assert tile.size == (320, 180)
    assert beside(tile)[0] > 230, "the film's first picture"
    assert library.cached_thumbnail(entry) == library.thumbnail(entry)
    assert Image.open(io.BytesIO(library.contact_sheet([entry]))).size == (320, 180)
    path, _ = library.export([record.id])
    names = [
        f"results/{record.folder}/{name}" for name in ("1.poster.jpg", "1.webm", "metadata.json")
    ]
    with zipfile.ZipFile(path) as zipped:
        assert sorted(zipped.namelist()) == ["README.txt", "ledger.jsonl", *names]

    broken = stock.save_result(session, "broken", parts=[("video", b"\0\0\0\x18ftypmp42")])
    (entry,) = library.entries([broken.id])
    assert library.thumbnail(entry) == b"", "a sign stands in its place"


@pytest.mark.parametrize("brought", ["its poster", "no picture", "a large one"])
def test_a_poster_goes_along_in_an_archive_if_it_is_a_small_picture(
    session, tmp_path, webm, monkeypatch, brought
):
    record = stock.save_result(session, "the sea", parts=[("video", webm)])
    poster_file = session.results.root / record.folder / "1.poster.jpg"
    first = poster_file.read_bytes()
    if brought != "its poster":
        poster_file.write_bytes(b"<svg>" if brought == "no picture" else first + b"\0" * 20_000)
    packed = export_session(session, tmp_path / "out.zip", notebooks=False)
    assert (packed.results, packed.left_out) == (1, ())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)  # no film can be read here
    home = Session(base_url=session.settings.base_url, key="k" * 20, results=tmp_path / "home")
    taken = import_session(home, packed.path, notebooks=False)
    assert (taken.results, taken.left_out) == (1, ())
    result = home.result(home.ledger.list_jobs()[0])
    there = result.folder / "1.poster.jpg"
    if brought == "its poster":
        assert there.read_bytes() == first == result.thumbnail()
    else:
        assert not there.exists()
        assert beside(poster(result._repr_mimebundle_()))[0] < 80, "the plain one"
    home.close()
