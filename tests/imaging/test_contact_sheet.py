"""Contact sheets: all images, or the first ones at a size at which they can be distinguished."""

import io
import re
import unicodedata

import pytest
from PIL import Image

from liangxin_nb.imaging import THUMBNAIL_BYTES, SheetSpec, render, render_file, sheet_text

SIDE = 200


class ImageSource:
    """Images of one colour; counts how many were read."""

    def __init__(self, count, colour=(200, 30, 30)):
        out = io.BytesIO()
        Image.new("RGB", (SIDE, SIDE), colour).save(out, "PNG")
        self.read, self._data = 0, out.getvalue()
        self.pictures = dict.fromkeys(range(count), self._one)

    def _one(self):
        self.read += 1
        return self._data


def tile_widths(data, y):
    """Return the widths of the images that a horizontal line through a sheet crosses."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    line = "".join(
        "x" if red > 120 and green < 110 else " "
        for red, green, _ in (image.getpixel((x, y)) for x in range(image.width))
    )
    return [len(run) for run in line.split() if len(run) > 2]


def test_notebook_shows_the_first_48_of_many_images():
    source = ImageSource(500)
    spec = SheetSpec(source.pictures, [f"prompt {n}" for n in range(500)], caption="500 tasks")
    data = render(spec)
    assert len(data) <= THUMBNAIL_BYTES
    assert source.read == 48, "images that are not shown are not read"
    assert spec.truncated.caption == "500 tasks · the first 48 of 500"
    widths = tile_widths(data, 30)
    assert len(widths) == 8
    assert min(widths) >= 64


def test_large_matrix_is_truncated_to_its_first_columns_and_rows():
    rows, columns = [f"row {n}" for n in range(50)], [f"seed {n}" for n in range(30)]
    labels = {0: "saved", 29: "failed", 30: "unconfirmed", 31: "result_lost"}
    shown = SheetSpec(ImageSource(1500).pictures, rows, columns, labels).truncated
    assert (len(shown.rows), len(shown.columns)) == (4, 12)
    assert sorted(shown.pictures) == list(range(48))
    assert shown.labels == {0: "saved", 12: "unconfirmed", 13: "result_lost"}


@pytest.mark.parametrize(("rows", "columns"), [(48, 1), (1, 12), (4, 12), (1, 1)])
def test_sheet_that_fits_is_not_truncated(rows, columns):
    names = [f"row {n}" for n in range(rows)], [f"column {n}" for n in range(columns)]
    spec = SheetSpec(ImageSource(rows * columns).pictures, *names)
    assert spec.truncated is spec


def test_file_contains_all_images():
    source = ImageSource(100)
    spec = SheetSpec(source.pictures, [str(n) for n in range(100)])
    data = render_file(spec, "PNG", 64)
    assert source.read == 100
    assert len(tile_widths(data, 30)) == 11


@pytest.mark.parametrize("has_raqm", [True, False])
@pytest.mark.parametrize(
    "text", ["a cat 🐈 on a wall", "रात में एक कैफ़े", "مقهى في الليل", "雨夜 cafe"]
)
def test_letter_without_a_glyph_is_left_out(monkeypatch, text, has_raqm):
    monkeypatch.setattr(sheet_text.features, "check", lambda name: has_raqm)
    drawn, font = sheet_text._drawable(text, 16)
    missing = font.getmask("\U000fffff")
    for letter in filter(str.strip, drawn):
        mask = font.getmask(letter)
        assert (mask.size, bytes(mask)) != (missing.size, bytes(missing)), "a box is drawn"
    assert not drawn or not unicodedata.category(drawn[0]).startswith("M")
    assert has_raqm or not re.search("[\u0590-\u0dff]", drawn), "letters are not joined"


def test_latin_letters_are_drawn_whatever_stands_between_them():
    assert sheet_text._drawable("a cat 🐈 on a wall", 16)[0] == "a cat on a wall"
