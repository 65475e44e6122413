"""Videos in a notebook: the poster, the player of the local file, hostile files."""

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
    with av.open(out, "w", format="mp4") as video:
        stream = video.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(20):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, colour))
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    return out.getvalue()


#: The beginning of an MP4 file.
MP4 = b"\0\0\0\x18ftypisom" + b"\0" * 40


def save_result(tmp_path, *datas, prompt="A cafe terrace", kind="video"):
    """Save a result with these files and load it again."""
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


def bundle_of(result):
    return result._repr_mimebundle_()[0]


def poster(bundle):
    """Return the last picture in the HTML."""
    jpeg = bundle["text/html"].rpartition("data:image/jpeg;base64,")[2].partition('"')[0]
    return Image.open(io.BytesIO(base64.b64decode(jpeg)))


def corner_colour(image):
    """Return the colour at a point that the play symbol does not cover."""
    return image.getpixel((image.width // 8, image.height // 8))


@pytest.mark.parametrize("form", ["webm", "mp4"])
def test_video_is_shown_by_its_first_frame_and_a_player_of_the_local_file(tmp_path, webm, form):
    result = save_result(tmp_path, webm if form == "webm" else mp4("orange"))
    file = result.metadata.files[0]
    assert (file["kind"], file["seconds"]) == ("video", pytest.approx(2, abs=0.2))
    assert f" {file['width']}×{file['height']} " in repr(result)
    bundle = bundle_of(result)
    assert set(bundle) == {"text/html", "text/plain"}
    assert sum(map(len, bundle.values())) <= 64 * 1024
    red, green, blue = corner_colour(poster(bundle))
    assert (red > 230, 140 < green < 190, blue < 40) == (True, True, True)
    assert 'poster="data:image/jpeg;base64,' in bundle["text/html"]
    assert f"/1.{form}" in bundle["text/html"]
    assert (result.folder / "1.poster.jpg").read_bytes() == result.thumbnail()


def test_output_of_a_noisy_video_has_the_usual_size_limit(tmp_path):
    noise = io.BytesIO()
    Image.effect_noise((800, 450), 120).convert("RGB").save(noise, "PNG")
    bundle = bundle_of(save_result(tmp_path, encode_webm(noise.getvalue(), (640, 360), 1)))
    assert sum(map(len, bundle.values())) <= 64 * 1024


def test_videos_and_images_of_one_result_are_all_shown(tmp_path, webm):
    result = save_result(tmp_path, webm, webm, drawing())
    bundle = bundle_of(result)
    assert bundle["text/html"].count("<video ") == 2
    assert "/3.png" in bundle["text/html"]
    assert corner_colour(poster(bundle))[2] < 40, "the image, without a play symbol"
    assert sum(map(len, bundle.values())) <= 160 * 1024


def test_without_pyav_the_poster_is_text(tmp_path, webm, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    result = save_result(tmp_path, webm, prompt="A cafe terrace\nat night")
    assert not (result.folder / "1.poster.jpg").exists()
    image = poster(bundle_of(result))
    lines = image.crop((0, round(image.height * 0.6), image.width, image.height)).convert("L")
    assert lines.getextrema()[1] > 200, "text in a light colour"
    assert corner_colour(image)[0] < 80


def replace_bytes(webm, old, new):
    """Return a video with other bytes in one place."""
    assert old in webm
    return webm.replace(old, new)


#: The field of a header that states a width of 320 pixels.
WIDTH = b"\xb0\x01\0\0\0\0\0\0\x02" + struct.pack(">H", 320)


PLAYLIST = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
HOSTILE = {
    "only the signature": lambda webm: b"\x1aE\xdf\xa3" + b"\xff" * 5000,
    "truncated": lambda webm: webm[:700],
    "an empty mp4": lambda webm: MP4,
    "a playlist": lambda webm: b"\x1aE\xdf\xa3" + PLAYLIST,
    "a playlist with the signature of mp4": lambda webm: b"\0\0\0\x18ftypisom" + PLAYLIST,
    "wrong codec": lambda webm: replace_bytes(webm, b"V_VP8", b"V_VP9"),
    "wrong size": lambda webm: replace_bytes(webm, WIDTH, WIDTH[:-2] + b"\xff\xff"),
    "wrong timestamps": lambda webm: replace_bytes(webm, b"\xe7\x01", b"\xe7\x41"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_video_is_saved_and_shown(tmp_path, webm, name):
    data = HOSTILE[name](webm)
    result = save_result(tmp_path, data)
    bundle = bundle_of(result)
    assert poster(bundle).format == "JPEG"
    assert sum(map(len, bundle.values())) <= 64 * 1024
    assert result.paths[0].read_bytes() == data


def test_prompt_and_path_of_a_video_are_escaped(tmp_path, webm, monkeypatch):
    folder = tmp_path / 'a "b" #1 100%'
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    html = save_result(folder, webm, prompt='"><script>alert(1)</script>').html()
    assert "<script>" not in html
    assert 'src="a%20%22b%22%20%231%20100%25/r/' in html


def test_replaced_poster_file_is_not_shown(tmp_path, webm):
    result = save_result(tmp_path, webm)
    for content in (b"<svg onload=alert(1)>", b"\0" * 100_000, drawing()):
        (result.folder / "1.poster.jpg").write_bytes(content)
        assert corner_colour(poster(bundle_of(result)))[0] < 80, "the text poster"


def test_playlist_has_no_first_frame(tmp_path):
    (tmp_path / "x.m3u8").write_bytes(PLAYLIST)
    assert first_frame(tmp_path / "x.m3u8", "m3u8") is None


def test_a_films_tile_is_its_poster_and_an_export_holds_it(session, webm):
    record = stock.save_result(session, "the sea", parts=[("video", webm)])
    library = Library(session)
    (entry,) = library.page(Query())
    tile = Image.open(io.BytesIO(library.thumbnail(entry)))
    assert tile.size == (320, 180)
    assert corner_colour(tile)[0] > 230, "the first frame of the video"
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
    assert library.thumbnail(entry) == b"", "a placeholder is shown instead"


@pytest.mark.parametrize("content", ["the poster", "no image", "a large image"])
def test_archive_contains_a_poster_only_if_it_is_a_small_image(
    session, tmp_path, webm, monkeypatch, content
):
    record = stock.save_result(session, "the sea", parts=[("video", webm)])
    poster_file = session.results.root / record.folder / "1.poster.jpg"
    first = poster_file.read_bytes()
    if content != "the poster":
        poster_file.write_bytes(b"<svg>" if content == "no image" else first + b"\0" * 20_000)
    exported = export_session(session, tmp_path / "out.zip", notebooks=False)
    assert (exported.results, exported.left_out) == (1, ())
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)  # no video can be decoded here
    other = Session(base_url=session.settings.base_url, key="k" * 20, results=tmp_path / "other")
    imported = import_session(other, exported.path, notebooks=False)
    assert (imported.results, imported.left_out) == (1, ())
    result = other.result(other.ledger.list_jobs()[0])
    copy = result.folder / "1.poster.jpg"
    if content == "the poster":
        assert copy.read_bytes() == first == result.thumbnail()
    else:
        assert not copy.exists()
        assert corner_colour(poster(bundle_of(result)))[0] < 80, "the text poster"
    other.close()
