import io

import pytest
from PIL import Image

from liangxin_nb import imaging

TEXT = '{"prompt": "雨の夜 🌧 {x} $y"}'


def made(form, mode="RGB", size=(64, 40), **options):
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
def test_a_text_goes_in_and_comes_back_and_no_pixel_changes(form, mode, options):
    data = made(form, mode, **options)
    inside = imaging.embed(data, TEXT)
    assert imaging.extract(inside) == TEXT
    assert pixels(inside) == pixels(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_second_text_replaces_or_follows_without_harm_and_exif_stays(form):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    data = made(form, exif=exif)
    inside = imaging.embed(data, TEXT)
    assert imaging.extract(inside) == TEXT
    assert Image.open(io.BytesIO(inside)).getexif()[0x0112] == 6


def test_a_file_without_our_text_tells_no_story():
    assert imaging.extract(made("PNG")) is None
    assert imaging.extract(made("JPEG")) is None


def test_a_text_too_long_for_a_jpeg_segment_leaves_the_file_as_it_was():
    data = made("JPEG")
    assert imaging.embed(data, "x" * 40_000) == data


def test_the_facts_come_from_the_bytes():
    assert imaging.verify(made("WEBP", size=(30, 20))) == imaging.ImageInfo("webp", 30, 20)


@pytest.mark.parametrize(
    "data",
    [
        lambda: b"",
        lambda: b"<html>",
        lambda: made("PNG")[:200],
        lambda: made("JPEG")[: len(made("JPEG")) // 2],
    ],
    ids=["empty", "a page", "a png cut off", "a jpeg cut off"],
)
def test_what_is_no_whole_picture_is_rejected(data):
    data = data()
    with pytest.raises(ValueError, match="picture"):
        imaging.verify(data)


def test_a_picture_of_too_many_pixels_is_rejected_before_it_is_decoded():
    out = io.BytesIO()
    Image.new("1", (10_000, 8_100)).save(out, "PNG")
    bomb = out.getvalue()
    with pytest.raises(ValueError, match="more than"):
        imaging.verify(bomb)


@pytest.mark.parametrize("size", [(1300, 1300), (2400, 300), (300, 200)])
def test_a_thumbnail_is_a_jpeg_within_the_budget_and_never_enlarged(size):
    small = imaging.thumbnail(made("PNG", size=size))
    image = Image.open(io.BytesIO(small))
    assert image.format == "JPEG"
    assert len(small) <= imaging.THUMBNAIL_BYTES
    assert image.width <= min(1024, size[0])
    assert abs(image.width / image.height - size[0] / size[1]) < 0.05 * size[0] / size[1]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "CMYK"])
def test_every_kind_of_picture_has_a_thumbnail(mode):
    form = "JPEG" if mode == "CMYK" else "PNG"
    assert imaging.thumbnail(made(form, mode)).startswith(b"\xff\xd8")


@pytest.mark.parametrize(("form", "ending"), [("AVIF", "avif"), ("GIF", "gif")])
def test_the_newer_and_the_older_formats_are_pictures_too(form, ending):
    data = made(form, size=(120, 80))
    assert imaging.verify(data) == imaging.ImageInfo(ending, 120, 80)
    assert Image.open(io.BytesIO(imaging.thumbnail(data))).size == (120, 80)
    assert imaging.encode(data)[0] == "image/jpeg"
    assert imaging.embed(data, TEXT) == data


def test_a_moving_picture_is_shown_by_its_first_one():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100)
    shown = Image.open(io.BytesIO(imaging.thumbnail(out.getvalue()))).getpixel((20, 20))
    assert shown[0] > 200 > 60 > shown[2]


def shade(data):
    """The middle of a picture's thumbnail."""
    image = Image.open(io.BytesIO(imaging.thumbnail(data)))
    return image.getpixel((image.width // 2, image.height // 2))


def flat(form, mode, colour):
    out = io.BytesIO()
    Image.new(mode, (60, 40), colour).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "mode", "colour", "seen"),
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
def test_a_thumbnail_has_the_colours_that_people_see(form, mode, colour, seen):
    got = shade(flat(form, mode, colour))
    assert all(abs(a - b) <= 4 for a, b in zip(got, seen, strict=True)), got


def test_a_turned_photograph_is_shown_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    small = imaging.thumbnail(made("JPEG", size=(64, 40), exif=exif))
    assert Image.open(io.BytesIO(small)).size == (40, 64)


def test_several_pictures_are_one_sheet_within_the_same_budget():
    sheet = imaging.grid([made("PNG", size=(600, 450)) for _ in range(3)])
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
def test_a_sheet_has_a_pages_shape_and_no_empty_place(count, size, columns, rows):
    colours = ["red", "lime", "blue", "cyan", "magenta", "orange"][:count]
    made = [Image.new("RGB", size, colour) for colour in colours]
    sheet = Image.open(io.BytesIO(imaging.grid([encoded(image) for image in made])))
    assert sheet.width == pytest.approx(columns * size[0], abs=8 * columns)
    assert sheet.height == pytest.approx(rows * size[1], abs=8 * rows)
    corner = sheet.getpixel((sheet.width - 20, sheet.height - 20))
    assert max(abs(a - 255) for a in corner) > 60, "the last place holds a picture"


def encoded(image):
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
