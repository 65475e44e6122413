import io
import json

import pytest
from PIL import Image

from liangxin_nb.errors import InvalidRequest, ResultLost
from liangxin_nb.record import Media
from liangxin_nb.request import Request
from liangxin_nb.results import Results, story
from liangxin_nb.stories import Story
from liangxin_nb.ticket import Ticket


def picture(form="PNG", size=(40, 30)):
    out = io.BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(out, form)
    return out.getvalue()


def ticket(prompt="A cafe terrace", id="3f9c5555aaaa"):
    return Ticket(id, Request("z-image", prompt), 1795280700.0, "sandbox", task_id="task_1")


def told(prompt="A cafe terrace"):
    return Story(
        prompt, "z-image", "task_1", "3f9c5555aaaa", "sandbox", "2026-11-21T17:45:00+00:00"
    )


def kept(tmp_path, *datas, prompt="A cafe terrace"):
    results = Results(tmp_path / "r")
    parcel = results.parcel(ticket(prompt))
    for n, data in enumerate(datas, 1):
        parcel.part(n).write_bytes(data)
    return results, parcel.seal(told(prompt), [Media("", "image")] * len(datas))


def test_a_result_is_a_folder_that_people_can_read(tmp_path):
    results, result = kept(tmp_path, picture())
    assert result.folder.name.endswith("-a-cafe-terrace-3f9c")
    assert sorted(p.name for p in result.folder.iterdir()) == ["1.png", "story.json"]
    assert json.loads((result.folder / "story.json").read_text())["prompt"] == "A cafe terrace"
    assert results.load(result.folder.relative_to(results.root).as_posix()) == result


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_picture_tells_its_story_and_its_pixels_are_untouched(tmp_path, form):
    data = picture(form)
    _, result = kept(tmp_path, data, prompt="雨夜 {x}")
    assert story(result.paths[0]).prompt == "雨夜 {x}"
    assert Image.open(result.paths[0]).tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_the_type_is_taken_from_the_bytes(tmp_path):
    _, result = kept(tmp_path, picture("WEBP"), picture("JPEG"))
    assert [path.name for path in result.paths] == ["1.webp", "2.jpg"]


@pytest.mark.parametrize("data", [b"", b"<html>no</html>", picture()[:300]])
def test_what_is_no_whole_picture_is_lost_with_the_reason_and_nothing_appears(tmp_path, data):
    results = Results(tmp_path / "r")
    parcel = results.parcel(ticket())
    parcel.part(1).write_bytes(data)
    with pytest.raises(ResultLost, match="Result 1 is not a usable picture"):
        parcel.seal(told(), [Media("", "image")])
    parcel.drop()
    assert list(results.root.iterdir()) == []


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("雨夜的咖啡馆", "雨夜的咖啡馆"),
        ("  CON: a\\b|c?*\n", "con-a-b-c"),
        ("🌧🌧", ""),
        ("x" * 300, "x" * 32),
        ("a very long prompt that would never fit into a name", "a-very-long-prompt-that-would"),
    ],
)
def test_no_prompt_makes_a_bad_name(tmp_path, prompt, slug):
    results, result = kept(tmp_path, picture(), prompt=prompt)
    assert result.folder.name[5:] == "-".join(filter(None, (slug, "3f9c")))
    assert result.folder.parent.parent == results.root


def test_equal_names_do_not_collide(tmp_path):
    _, first = kept(tmp_path, picture())
    _, second = kept(tmp_path, picture())
    assert first.folder != second.folder


def test_the_durable_output_is_a_small_jpeg_and_one_stable_line(tmp_path):
    results, result = kept(tmp_path, picture(size=(1400, 700)))
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"image/jpeg", "text/plain"}
    assert len(bundle["image/jpeg"]) <= 64 * 1024
    place = result.paths[0].relative_to(results.root).as_posix()
    assert bundle["text/plain"] == f"<Result z-image 1400×700 · task_1 · {place}>"
    assert bundle == result._repr_mimebundle_()


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequest, match="cannot be written") as error:
        Results(tmp_path / "file" / "r")
    assert "LIANGXIN_RESULTS" in str(error.value)


def test_a_file_without_a_story_tells_none(tmp_path):
    (tmp_path / "x.png").write_bytes(picture())
    assert story(tmp_path / "x.png") is None
    with pytest.raises(InvalidRequest, match="cannot be read as a picture"):
        story(tmp_path / "missing.png")


def test_a_story_that_is_gone_says_so(tmp_path):
    with pytest.raises(ResultLost, match="no longer"):
        Results(tmp_path / "r").load("2026-11-21/nothing")


MP4 = b"\0\0\0\x18ftypisom" + b"\0" * 40


@pytest.mark.parametrize(
    ("kind", "data", "name", "shown"),
    [
        ("audio", b"ID3" + b"\0" * 40, "1.mp3", "<audio controls"),
        ("text", "雨 <script>alert(1)</script>".encode(), "1.txt", "雨 &lt;script&gt;"),
        ("text", b'{"answer": 42}', "1.json", "answer"),
        ("file", b"PK\x03\x04" + b"\0" * 40, "1.zip", "href="),
    ],
)
def test_every_kind_of_result_is_kept_and_shown_as_what_it_is(tmp_path, kind, data, name, shown):
    parcel = Results(tmp_path / "r").parcel(ticket())
    parcel.part(1).write_bytes(data)
    result = parcel.seal(told(), [Media("", kind)])
    assert [path.name for path in result.paths] == [name]
    assert result.paths[0].read_bytes() == data
    bundle = result._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert shown in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]


@pytest.mark.parametrize("kind", ["image", "video", "audio", "text", "file"])
@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html><p>gone", b"<html>", b"<?xml ?><Error/>"])
def test_a_page_in_place_of_a_file_is_never_kept(tmp_path, kind, data):
    parcel = Results(tmp_path / "r").parcel(ticket())
    parcel.part(1).write_bytes(data)
    with pytest.raises(ResultLost, match="Result 1 is not"):
        parcel.seal(told(), [Media("", kind)])
