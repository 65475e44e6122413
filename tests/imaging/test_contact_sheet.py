"""Contact sheets: what a person can make out on them, however many pictures there are."""

import io

import pytest
from PIL import Image

from liangxin_nb.imaging import THUMBNAIL_BYTES, SheetSpec, render, render_file

SIDE = 200


class Drawer:
    """Pictures of one colour each, which counts how many were asked for."""

    def __init__(self, count, colour=(200, 30, 30)):
        out = io.BytesIO()
        Image.new("RGB", (SIDE, SIDE), colour).save(out, "PNG")
        self.read, self._data = 0, out.getvalue()
        self.pictures = dict.fromkeys(range(count), self._one)

    def _one(self):
        self.read += 1
        return self._data


def widths(data, at):
    """The widths of the pictures that a line across a sheet meets."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    line = "".join(
        "x" if red > 120 and green < 110 else " "
        for red, green, _ in (image.getpixel((x, at)) for x in range(image.width))
    )
    return [len(run) for run in line.split() if len(run) > 2]


def test_of_five_hundred_pictures_the_first_can_be_distinguished():
    drawer = Drawer(500)
    spec = SheetSpec(drawer.pictures, [f"prompt {n}" for n in range(500)], caption="500 tasks")
    data = render(spec)
    assert len(data) <= THUMBNAIL_BYTES
    assert drawer.read == 48, "what is not shown is not read"
    assert spec.truncated.caption == "500 tasks · the first 48 of 500"
    across = widths(data, 30)
    assert len(across) == 8
    assert min(across) >= 64


def test_a_wide_table_shows_its_first_columns_and_rows_in_their_places():
    rows, columns = [f"row {n}" for n in range(50)], [f"seed {n}" for n in range(30)]
    words = {0: "saved", 29: "failed", 30: "unconfirmed", 31: "result_lost"}
    shown = SheetSpec(Drawer(1500).pictures, rows, columns, words).truncated
    assert (len(shown.rows), len(shown.columns)) == (4, 12)
    assert sorted(shown.pictures) == list(range(48))
    assert shown.labels == {0: "saved", 12: "unconfirmed", 13: "result_lost"}


@pytest.mark.parametrize(("rows", "columns"), [(48, 1), (1, 12), (4, 12), (1, 1)])
def test_what_fits_is_shown_whole(rows, columns):
    names = [f"row {n}" for n in range(rows)], [f"column {n}" for n in range(columns)]
    spec = SheetSpec(Drawer(rows * columns).pictures, *names)
    assert spec.truncated is spec


def test_a_file_holds_all_of_them():
    drawer = Drawer(100)
    spec = SheetSpec(drawer.pictures, [str(n) for n in range(100)])
    data = render_file(spec, "PNG", 64)
    assert drawer.read == 100
    assert len(widths(data, 30)) == 11
