"""Decoding, thumbnails, grids and embedded text."""

import io

import pytest
from PIL import Image

from liangxin_nb import imaging

TEXT = '{"prompt": "雨の夜 🌧 {x} $y"}'


def make_image(form, mode="RGB", size=(64, 40), **options):
    out = io.BytesIO()
    image = Image.effect_noise(size, 60).convert(mode)
    image.save(out, form, **options)
    return out.getvalue()


def pixels(data):
    image = Image.open(io.BytesIO(data))
    return image.mode, image.size, image.tobytes()


CASES = [
    ("PNG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("PNG", "P", {}),
    ("JPEG", "RGB", {}),
    ("JPEG", "L", {}),
    ("JPEG", "CMYK", {}),
    ("WEBP", "RGB", {}),
    ("WEBP", "RGBA", {}),
    ("WEBP", "RGB", {"lossless": True}),
]


@pytest.mark.parametrize(("form", "mode", "options"), CASES)
def test_embedded_text_is_extracted_and_no_pixel_changes(form, mode, options):
    data = make_image(form, mode, **options)
    embedded = imaging.embed(data, TEXT)
    assert imaging.extract(embedded) == TEXT
    assert pixels(embedded) == pixels(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_embedding_preserves_other_exif_data(form):
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    data = make_image(form, exif=exif)
    embedded = imaging.embed(data, TEXT)
    assert imaging.extract(embedded) == TEXT
    assert Image.open(io.BytesIO(embedded)).getexif()[0x0112] == 6


def test_file_without_embedded_text_returns_none():
    assert imaging.extract(make_image("PNG")) is None
    assert imaging.extract(make_image("JPEG")) is None


def test_text_too_long_for_a_jpeg_segment_is_not_embedded():
    data = make_image("JPEG")
    assert imaging.embed(data, "x" * 40_000) == data


def test_format_and_size_are_read_from_the_content():
    assert imaging.verify(make_image("WEBP", size=(30, 20))) == imaging.ImageInfo("webp", 30, 20)


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"<html>",
        lambda: make_image("PNG")[:200],
        lambda: make_image("JPEG")[: len(make_image("JPEG")) // 2],
    ],
    ids=["empty", "html", "truncated png", "truncated jpeg"],
)
def test_broken_image_is_rejected(data):
    data = data()
    with pytest.raises(ValueError, match="picture"):
        imaging.verify(data)


def test_image_with_too_many_pixels_is_rejected_before_it_is_decoded():
    out = io.BytesIO()
    Image.new("1", (10_000, 8_100)).save(out, "PNG")
    bomb = out.getvalue()
    with pytest.raises(ValueError, match="more than"):
        imaging.verify(bomb)


@pytest.mark.parametrize("size", [(1300, 1300), (2400, 300), (300, 200)])
def test_thumbnail_is_a_jpeg_of_limited_size_and_never_enlarged(size):
    small = imaging.thumbnail(make_image("PNG", size=size))
    image = Image.open(io.BytesIO(small))
    assert image.format == "JPEG"
    assert len(small) <= imaging.THUMBNAIL_BYTES
    assert image.width <= min(1024, size[0])
    assert abs(image.width / image.height - size[0] / size[1]) < 0.05 * size[0] / size[1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_colour_mode_has_a_thumbnail(mode):
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert imaging.thumbnail(make_image(form, mode)).startswith(b"\xff\xd8")


@pytest.mark.parametrize(("form", "suffix"), [("AVIF", "avif"), ("GIF", "gif")])
def test_avif_and_gif_are_images(form, suffix):
    data = make_image(form, size=(120, 80))
    assert imaging.verify(data) == imaging.ImageInfo(suffix, 120, 80)
    assert Image.open(io.BytesIO(imaging.thumbnail(data))).size == (120, 80)
    assert imaging.encode(data)[0] == "image/jpeg"
    assert imaging.embed(data, TEXT) == data


def test_thumbnail_of_an_animation_is_its_first_frame():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    shown = Image.open(io.BytesIO(imaging.thumbnail(out.getvalue()))).getpixel((20, 20))
    assert shown[0] > 200 > 60 > shown[2]


def middle_colour(data):
    """Return the colour in the middle of an image's thumbnail."""
    image = Image.open(io.BytesIO(imaging.thumbnail(data)))
    return image.getpixel((image.width // 2, image.height // 2))


def flat(form, mode, colour):
    out = io.BytesIO()
    Image.new(mode, (60, 40), colour).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "mode", "colour", "expected"),
    [
        ("PNG", "RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("PNG", "RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("WEBP", "RGBA", (0, 0, 255, 255), (0, 0, 255)),
        ("PNG", "LA", (0, 0), (255, 255, 255)),
        ("PNG", "I;16", 65535 // 2, (127, 127, 127)),
        ("PNG", "1", 1, (255, 255, 255)),
        ("JPEG", "CMYK", (0, 255, 255, 0), (255, 0, 0)),
    ],
)
def test_thumbnail_has_the_displayed_colours(form, mode, colour, expected):
    got = middle_colour(flat(form, mode, colour))
    assert all(abs(a - b) <= 4 for a, b in zip(got, expected, strict=True)), got


def test_thumbnail_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    small = imaging.thumbnail(make_image("JPEG", size=(64, 40), exif=exif))
    assert Image.open(io.BytesIO(small)).size == (40, 64)


def test_grid_of_several_images_has_the_same_size_limit():
    sheet = imaging.grid([make_image("PNG", size=(600, 450)) for _ in range(3)])
    assert len(sheet) <= imaging.THUMBNAIL_BYTES
    assert Image.open(io.BytesIO(sheet)).width > Image.open(io.BytesIO(sheet)).height * 0.9


@pytest.mark.parametrize(
    ("count", "size", "columns", "rows"),
    [
        (2, (100, 100), 2, 1),
        (2, (180, 100), 1, 2),
        (3, (100, 180), 3, 1),
        (4, (100, 100), 2, 2),
        (6, (100, 100), 3, 2),
        (1, (100, 50), 1, 1),
    ],
)
def test_grid_has_the_shape_of_a_page_and_no_empty_cell(count, size, columns, rows):
    colours = ["red", "lime", "blue", "cyan", "magenta", "orange"][:count]
    images = [Image.new("RGB", size, colour) for colour in colours]
    sheet = Image.open(io.BytesIO(imaging.grid([to_png(image) for image in images])))
    assert sheet.width == pytest.approx(columns * size[0], abs=8 * columns)
    assert sheet.height == pytest.approx(rows * size[1], abs=8 * rows)
    corner = sheet.getpixel((sheet.width - 20, sheet.height - 20))
    assert max(abs(a - 255) for a in corner) > 60, "the last cell contains an image"


def to_png(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
