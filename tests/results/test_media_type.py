"""The detection of file types from content."""

import hashlib
import io

import pytest
from PIL import Image

from liangxin_nb.core.media_types import canonical_suffix, kind_of, mime_type, suffix_of
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.imaging import can_decode
from liangxin_nb.results import ResultStore, inspection, staging
from liangxin_nb.results.media_type import detect

from .test_results import job_record, make_metadata


def mp4(brand):
    return b"\0\0\0\x20ftyp" + brand + b"\0\0\2\0isomiso2avc1mp41" + bytes(64)


CONTENT = {
    ("audio", "m4a"): mp4(b"M4A "),
    ("video", "mov"): mp4(b"qt  "),
    ("video", "mp4"): mp4(b"isom"),
    ("image", "avif"): mp4(b"avif"),
    ("file", "heic"): mp4(b"heic"),
    ("video", "webm"): b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm",
    ("video", "mkv"): b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08"
    b"B\x82\x88matroskaB\x87",
    ("video", "avi"): b"RIFF\x24\0\0\0AVI LIST",
    ("audio", "wav"): b"RIFF\x24\0\0\0WAVEfmt ",
    ("audio", "mp3"): b"ID3\x03" + bytes(40),
    ("audio", "ogg"): b"OggS\0\2" + bytes(30),
    ("audio", "flac"): b"fLaC\0\0\0\x22" + bytes(34),
    ("audio", "aac"): b"\xff\xf1\x50\x80" + bytes(34),
    ("file", "zip"): b"PK\x03\x04\x14" + bytes(40),
    ("file", "glb"): b"glTF\2\0\0\0" + bytes(40),
    ("file", "pdf"): b"%PDF-1.4\n1 0 obj\n",
    (
        "file",
        "svg",
    ): b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    ("file", "tiff"): b"II*\0" + bytes(40),
    ("file", "bin"): bytes(range(256)),
    ("text", "txt"): "雨夜 BM\n".encode(),
    ("text", "json"): b'{"a": 1}',
    ("", ""): b" \n<!DOCTYPE html><p>gone",
}


@pytest.mark.parametrize("expected", CONTENT, ids="-".join)
def test_kind_and_suffix_follow_from_the_content(expected):
    assert detect(CONTENT[expected]) == expected
    if expected[0]:
        assert kind_of(f"1.{expected[1]}") == expected[0]


@pytest.mark.parametrize("second", [0xFA, 0xFB, 0xF2, 0xF3])
def test_mp3_without_a_tag_is_recognised_by_its_first_frame(second):
    assert detect(bytes([0xFF, second, 0x90, 0]) + bytes(400)) == ("audio", "mp3")


def test_other_brands_of_heif_are_not_taken_for_videos():
    for brand in (b"mif1", b"msf1", b"heix", b"hevc"):
        assert detect(mp4(brand)) == ("file", "heic")


def commit(tmp_path, data, kind="image"):
    staged = ResultStore(tmp_path / "r").stage(job_record())
    staged.part_path(1).write_bytes(data)
    return staged.commit(make_metadata(), [TaskOutput("", kind)])


@pytest.mark.parametrize(
    ("data", "name"),
    [(CONTENT["file", "heic"], "1.heic"), (bytes(range(256)), "1.bin"), (b"\0" * 99, "1.bin")],
    ids=["heic", "unknown", "zeros"],
)
def test_unknown_format_in_place_of_an_image_is_saved_as_a_file(tmp_path, data, name):
    result = commit(tmp_path, data)
    assert [path.name for path in result.paths] == [name]
    assert result.paths[0].read_bytes() == data
    assert result.image_paths == ()
    assert "href=" in result.html()


def test_image_that_this_pillow_cannot_decode_is_saved_as_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(inspection, "can_decode", lambda suffix: suffix != "avif")
    result = commit(tmp_path, CONTENT["image", "avif"])
    assert [(file["name"], file["kind"]) for file in result.metadata.files] == [("1.avif", "file")]


def import_files(staged, contents, kinds):
    """Import files of these contents, whose metadata describes them truly."""
    files = tuple(
        {
            "name": name,
            "kind": kinds.get(name, "image"),
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in contents.items()
    )
    metadata = ResultMetadata("p", "m", "t", "j", "sandbox", "", files=files)
    extract = lambda name, path: path.write_bytes(contents[name])  # noqa: E731
    return staged.commit_import(metadata, extract, {})


def test_suffix_chosen_by_an_earlier_version_is_imported(tmp_path):
    staged = ResultStore(tmp_path / "r").stage(job_record())
    contents = {"1.webm": CONTENT["video", "mkv"], "2.bin": CONTENT["file", "heic"]}
    result = import_files(staged, contents, {"1.webm": "video", "2.bin": "file"})
    assert [path.name for path in result.paths] == ["1.webm", "2.bin"]


@pytest.mark.parametrize("name", ["1.png", "1.mp4", "1.html"])
def test_unknown_content_is_not_imported_under_a_media_files_name(tmp_path, name):
    staged = ResultStore(tmp_path / "r").stage(job_record())
    with pytest.raises(staging.ResultUnavailableError, match="Result 1 is no"):
        import_files(staged, {name: bytes(range(256))}, {})


def test_suffixes_and_mime_types_are_one_table():
    assert (kind_of("a/B.JPEG"), kind_of(".webm"), kind_of("exe")) == ("image", "video", "file")
    assert (mime_type("jpeg"), mime_type("1.mov")) == ("image/jpeg", "video/quicktime")
    assert (suffix_of("image/jpeg"), suffix_of("x/y")) == ("jpg", "bin")
    assert (canonical_suffix("a.tif"), canonical_suffix("run.sh")) == ("tiff", "bin")


def test_formats_that_can_be_decoded_are_images():
    image = io.BytesIO()
    Image.new("RGB", (2, 2)).save(image, "GIF")
    assert detect(image.getvalue()) == ("image", "gif")
    assert can_decode("gif")
    assert not can_decode("heic")
