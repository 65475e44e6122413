"""Reference images: the numbers of arrays and the colours of profiles."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from liangxin_nb import imaging


def sent(picture):
    """Return the image that is sent for a reference."""
    _, data = imaging.encode(picture)
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize(
    "array",
    [
        np.full((8, 8), 0.5),
        np.full((8, 8), 0.5, "float32"),
        np.full((8, 8, 3), 0.5, "float16"),
        np.full((8, 8, 1), 0.5),
        np.full((8, 8), 128, "uint8"),
        np.full((8, 8), 128, "int64"),
        np.full((8, 8, 3), 128, "int32"),
        np.full((8, 8), 32896, "uint16"),
        np.full((8, 8, 3), 32896, "uint16"),
        np.full((8, 16, 3), 128, "uint8")[:, ::2],
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_array_is_sent_with_its_brightness(array):
    assert all(abs(value - 128) <= 2 for value in sent(array).getpixel((4, 4)))


def test_boolean_array_is_black_and_white():
    image = sent(np.array([[True, False]] * 2).repeat(8, 0).repeat(8, 1))
    assert image.getpixel((1, 1))[0] > 240
    assert image.getpixel((14, 1))[0] < 15


@pytest.mark.parametrize(
    "array",
    [
        np.full((8, 8), 128.0),
        np.full((8, 8), -0.5),
        np.full((8, 8), np.nan),
        np.full((8, 8), 300, "int32"),
        np.full((8, 8), -1, "int16"),
        np.full((3, 8, 8), 0.5),
        np.full((8,), 1, "uint8"),
        np.zeros((0, 0), "float64"),
        np.full((8, 8), 1j),
        np.array([["a"]]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_array_of_other_numbers_is_rejected(array):
    with pytest.raises(ValueError, match=r"array|picture|numbers"):
        imaging.encode(array)


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 128), ("I", 32896), ("I;16", 32896)])
def test_pillow_image_of_wide_numbers_is_sent_with_its_brightness(mode, value):
    got = sent(Image.new(mode, (8, 8), value)).getpixel((4, 4))
    assert all(abs(channel - 128) <= 2 for channel in got)


@pytest.mark.parametrize(("mode", "value"), [("F", 128.0), ("F", -1.0), ("I", 70_000)])
def test_pillow_image_of_other_numbers_is_rejected(mode, value):
    with pytest.raises(ValueError, match="its numbers are from"):
        imaging.encode(Image.new(mode, (8, 8), value))


def wide_gamut_profile():
    """A profile whose colours differ clearly from sRGB: red and blue are exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = data.find(b"rXYZ"), data.find(b"bXYZ")
    data[red : red + 4], data[blue : blue + 4] = data[blue : blue + 4], data[red : red + 4]
    return bytes(data)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_colours_are_converted_from_the_profile_of_the_image(mode, form):
    out = io.BytesIO()
    colour = (255, 0, 0) if mode == "RGB" else (255, 0, 0, 255)
    Image.new(mode, (8, 8), colour).save(out, form, icc_profile=wide_gamut_profile(), lossless=True)
    red, _, blue = sent(out.getvalue()).getpixel((4, 4))
    assert blue > 200 > 60 > red


def test_broken_profile_is_ignored():
    image = Image.new("RGB", (8, 8), "red")
    image.info["icc_profile"] = b"no profile"
    assert sent(image).getpixel((4, 4))[0] > 240
