"""Any bytes that are no error page are saved as they are."""

import hashlib
import io
import struct
import zipfile
import zlib

import pytest
from PIL import Image

from liangxin_nb.core.task import TaskOutput
from liangxin_nb.errors import ResultUnavailableError
from liangxin_nb.results import ResultStore, inspection
from liangxin_nb.results.completeness import is_cut_off

from .test_results import job_record, make_metadata, picture


def encode(form, **options):
    out = io.BytesIO()
    Image.effect_noise((40, 30), 50).convert("RGB").save(out, form, **options)
    return out.getvalue()


def huge_png(width=10_000, height=9_000):
    """A PNG with too many pixels to decode."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    )


def huge_jpeg(**options):
    """A JPEG of one block, with a header of 8192 × 8192 pixels."""
    data = encode("JPEG", **options)
    start = data.index(b"\xff\xc2") + 5
    return data[:start] + struct.pack(">HH", 8192, 8192) + data[start + 4 :]


def huge_webp():
    """An animated WebP with small frames on a canvas of 8192 × 8192 pixels."""
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    data = out.getvalue()
    return data[:24] + b"\xff\x1f\0" * 2 + data[30:]


def broken_png():
    """A whole PNG file with damaged pixels."""
    data = bytearray(picture())
    data[60:70] = bytes(10)
    return bytes(data)


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(zipfile.ZipInfo("a.obj"), "v 0 0 0")
    return out.getvalue()


def box(name, body=b""):
    return struct.pack(">I4s", len(body) + 8, name) + body


MP4 = box(b"ftyp", b"isom\0\0\2\0") + box(b"moov", bytes(40)) + box(b"mdat", bytes(500))
WEBM = b"\x1aE\xdf\xa3\x9b" + b"B\x82\x84webm" + bytes(20) + b"\x18S\x80g\x88" + bytes(8)
GLB = struct.pack("<4sII", b"glTF", 2, 112) + bytes(100)
PDF = b"%PDF-1.4\n\xe2\xe3\n" + bytes(200) + b"\n%%EOF\n"
WAV = b"RIFF" + struct.pack("<I", 104) + b"WAVEfmt " + bytes(96)
SVG = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x" [<!ENTITY a "b">]>
<!-- made by a model --><svg xmlns="http://www.w3.org/2000/svg"/>"""
AAC = b"\xff\xf1\x50\x80" + bytes(range(200))


@pytest.fixture
def staged(tmp_path):
    return ResultStore(tmp_path / "r").stage(job_record())


def save(staged, data, url="https://cdn.example/x", content_type="", kind=""):
    output = TaskOutput.from_url(url)
    if kind:
        output = TaskOutput(url, kind)
    staged.part_path(1).write_bytes(data)
    staged.check(1, output, content_type)
    return staged.commit(make_metadata(), [output])


@pytest.mark.parametrize(
    ("data", "name", "note"),
    [
        (encode("TIFF"), "1.tiff", "TIFF pictures"),
        (encode("BMP"), "1.bmp", "BMP pictures"),
        (encode("JPEG2000"), "1.jp2", "JP2 pictures"),
        (SVG, "1.svg", "SVG pictures"),
        (SVG.replace(b"svg ", b"svg:svg "), "1.svg", "SVG pictures"),
        (huge_png(), "1.png", "more than 80000000 pixels"),
        (huge_png(20_000, 20_000), "1.png", "more than 80000000 pixels"),
        (huge_png(8900, 8900), "1.png", "decode 8900 × 8900 pixels would need too much memory"),
        (huge_jpeg(progressive=True, subsampling=0), "1.jpg", "too much memory"),
        (huge_webp(), "1.webp", "too much memory"),
        (broken_png(), "1.png", "broken"),
        (AAC, "1.aac", ""),
        (MP4, "1.mp4", ""),
        (zipped(), "1.zip", ""),
        (b"\x01\x02\x03\xff" * 50, "1.bin", ""),
        (b"v 0 0 0\nf 1 2 3\n", "1.txt", ""),
        (b"<?xml version='1.0'?><COLLADA/>", "1.txt", ""),
        (b'{"vertices": [1, 2]}', "1.json", ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_file_is_saved_untouched_without_a_thumbnail(staged, data, name, note):
    result = save(staged, data)
    assert [path.name for path in result.paths] == [name]
    assert result.paths[0].read_bytes() == data
    (file,) = result.metadata.files
    assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert note in file.get("note", "")
    assert result.image_paths == ()
    bundle, _ = result._repr_mimebundle_()
    assert note in bundle["text/html"]
    assert ResultStore(staged.root).find_saved(staged.record) == result


@pytest.mark.parametrize(
    ("url", "content_type", "name"),
    [
        ("https://cdn.example/x", "audio/flac; rate=1", "1.flac"),
        ("https://cdn.example/x.psd?token=1", "application/octet-stream", "1.psd"),
        ("https://cdn.example/x.mkv", "", "1.mkv"),
        ("https://cdn.example/x.mkv", "audio/aac", "1.aac"),
        ("https://cdn.example/x.exe", "application/x-msdownload", "1.bin"),
        ("https://cdn.example/x.png", "image/png", "1.bin"),
        ("https://[x", "", "1.bin"),
    ],
)
def test_unknown_content_is_named_by_its_header_or_its_url(staged, url, content_type, name):
    result = save(staged, b"\x01\x02\x03\xff" * 50, url, content_type)
    assert [path.name for path in result.paths] == [name]


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"<!doctype HTML><title>Just a moment</title>",
        b"\xef\xbb\xbf<html lang=en>",
        b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>",
        b"<Error><Code>NoSuchKey</Code></Error>",
        b'{"error": {"message": "expired"}}',
        b'{"code": 404, "msg": "x"}',
        b'{"Message": "Forbidden"}',
        b"{}",
        b"null",
        b"<html>" + b"x" * 100_000,
    ],
    ids=range(12),
)
def test_error_page_is_no_result(staged, kind, data):
    with pytest.raises(ResultUnavailableError, match="Result 1 is not") as raised:
        save(staged, data, kind=kind)
    assert raised.value.retryable


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        ("mp4", MP4),
        ("mov", MP4),
        ("m4a", MP4),
        ("webm", WEBM),
        ("glb", GLB),
        ("zip", zipped()),
        ("pdf", PDF),
        ("wav", WAV),
        ("png", picture()),
        ("jpg", picture("JPEG")),
        ("webp", picture("WEBP")),
        ("gif", picture("GIF")),
    ],
)
def test_file_that_was_cut_off_is_recognised_by_its_own_sizes(tmp_path, suffix, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    assert not is_cut_off(path, suffix)
    for length in (len(data) - 8, len(data) // 2, len(data) // 3):
        path.write_bytes(data[:length])
        assert is_cut_off(path, suffix), length


def test_film_that_ends_between_two_boxes_is_cut_off(tmp_path):
    (tmp_path / "x").write_bytes(box(b"ftyp", b"isom") + box(b"mdat", bytes(100)))
    assert is_cut_off(tmp_path / "x", "mp4")


@pytest.mark.parametrize("data", [MP4[:100], picture()[:300], picture("JPEG")[:200], zipped()[:40]])
def test_file_that_was_cut_off_is_no_result(staged, data):
    with pytest.raises(ResultUnavailableError, match="cut off"):
        save(staged, data)


def test_file_of_unknown_length_is_not_cut_off(tmp_path):
    """Live encoders write the sizes before they know them."""
    for suffix, data in (
        ("wav", b"RIFF\xff\xff\xff\xffWAVE" + bytes(40)),
        ("webm", b"\x1aE\xdf\xa3\x80\x18S\x80g\x01" + b"\xff" * 7 + bytes(40)),
        ("mp4", box(b"ftyp", b"isom") + box(b"moov") + b"\0\0\0\0mdat" + bytes(40)),
    ):
        (tmp_path / "x").write_bytes(data)
        assert not is_cut_off(tmp_path / "x", suffix), suffix


def test_large_picture_file_is_not_read_into_memory(staged, monkeypatch):
    monkeypatch.setattr(inspection, "_MAX_PICTURE_BYTES", 1000)
    data = picture(size=(200, 200))
    result = save(staged, data)
    assert result.paths[0].read_bytes() == data
    assert "larger than" in result.metadata.files[0]["note"]


def test_jpeg_with_broken_exif_is_saved_untouched(staged):
    data = encode("JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(6)
    broken = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    result = save(staged, broken)
    assert result.metadata.files[0]["kind"] == "image"
    assert result.path.read_bytes() == broken or result.image.size == (40, 30)
    assert ResultStore(staged.root).find_saved(staged.record).prompt == "A cafe terrace"
