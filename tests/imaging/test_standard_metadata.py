"""Embedded metadata as other programs read it, and files that it must not damage."""

import io
import struct
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from liangxin_nb import imaging
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.imaging import embedded_text
from liangxin_nb.results.standard_metadata import build_texts, build_xmp

from .test_imaging import make_image, pixels

METADATA = ResultMetadata(
    "雨 <cafe> & 'x'",
    "z-image",
    "task_1",
    options={"seed": 7, "size": "1024x1024", "negative_prompt": "blur", "note": "a, b"},
)
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


def embed(data, metadata=METADATA):
    return imaging.embed(
        data, metadata.to_json(), texts=build_texts(metadata), xmp=build_xmp(metadata)
    )


def open_bytes(data):
    return Image.open(io.BytesIO(data))


def test_png_has_the_parameters_of_stable_diffusion_web_uis():
    info = open_bytes(embed(make_image("PNG"))).info
    assert info["parameters"] == (
        "雨 <cafe> & 'x'\nNegative prompt: blur\n"
        'Seed: 7, Size: 1024x1024, note: "a, b", Model: z-image'
    )
    assert info["Software"] == "liangxin_nb"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("is_sandbox", "source"), [(False, "trainedAlgorithmicMedia"), (True, "algorithmicMedia")]
)
def test_xmp_has_the_prompt_and_the_source_type(form, is_sandbox, source):
    metadata = ResultMetadata("雨 <a> & b\0", "m", "t", is_sandbox=is_sandbox)
    data = make_image(form)
    embedded = embed(data, metadata)
    info = open_bytes(embedded).info
    packet = info.get("xmp") or info["XML:com.adobe.xmp"]
    packet = packet if isinstance(packet, str) else packet.decode()
    tree = ET.fromstring(packet)
    assert tree.find(f".//{RDF}li").text == "雨 <a> & b"
    assert tree.find(f".//{IPTC}DigitalSourceType").text.rpartition("/")[2] == source
    assert pixels(embedded) == pixels(data)
    assert ResultMetadata.from_json(imaging.extract(embedded)) == metadata


def test_texts_and_xmp_of_the_file_are_kept():
    from PIL.PngImagePlugin import PngInfo

    own = PngInfo()
    own.add_text("parameters", "of the service")
    own.add_itxt("XML:com.adobe.xmp", "<x/>")
    data = embed(make_image("PNG", pnginfo=own))
    assert data.count(b"parameters\0") == 1
    assert data.count(b"XML:com.adobe.xmp\0") == 1
    assert open_bytes(data).info["parameters"] == "of the service"
    jpeg = embed(make_image("JPEG", xmp=b"<x/>"))
    assert open_bytes(jpeg).info["xmp"] == b"<x/>"


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", [None, 6])
def test_user_comment_has_the_type_undefined(form, orientation):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    data = embed(make_image(form, exif=exif))
    image = open_bytes(data)
    tiff = image.info["exif"].removeprefix(b"Exif\0\0")
    order = "<" if tiff[:2] == b"II" else ">"
    entry = struct.pack(order + "HH", 0x9286, 7)
    assert tiff.count(entry) == 1
    assert struct.pack(order + "HH", 0x9286, 1) not in tiff
    assert image.getexif().get(0x0112) == orientation


@pytest.mark.parametrize("error", [OSError, ValueError, struct.error, KeyError, TypeError])
@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_file_is_untouched_if_its_metadata_cannot_be_written(monkeypatch, form, error):
    def fail(*_):
        raise error("odd EXIF data")

    monkeypatch.setattr(embedded_text, "_exif_with_text", fail)
    data = make_image(form)
    assert embed(data) == data


def test_file_is_untouched_if_the_text_cannot_be_read_back(monkeypatch):
    monkeypatch.setattr(embedded_text, "_exif_with_text", lambda *_: b"II*\0\x08\0\0\0\0\0")
    data = make_image("JPEG")
    assert embed(data) == data


def test_large_jpeg_is_decoded_at_a_fraction_of_its_size(monkeypatch):
    """Its size and its whole data are verified all the same."""
    sizes, load = [], Image.Image.load
    out = io.BytesIO()
    Image.new("RGB", (4096, 2048), "teal").save(out, "JPEG")
    monkeypatch.setattr(
        "PIL.ImageFile.ImageFile.load", lambda self: sizes.append(self.size) or load(self)
    )
    assert imaging.verify(out.getvalue()) == imaging.ImageInfo("jpg", 4096, 2048)
    assert sizes == [(512, 256)]


def test_large_jpeg_that_was_cut_off_is_rejected():
    data = make_image("JPEG", size=(3000, 2000))
    with pytest.raises(ValueError, match="broken or cut off"):
        imaging.verify(data[: len(data) // 2])
