"""Tables: text, pandas, and what happens without pandas."""

import sys

import pytest

from liangxin_nb import LiangxinError, Table


def test_rows_are_dicts_by_column():
    assert list(Table(("prompt", "credits"), [("a lake", 2.0)])) == [
        {"prompt": "a lake", "credits": 2.0}
    ]


def test_columns_of_wide_characters_are_aligned():
    lines = repr(
        Table(("prompt", "status"), [("雨夜", "saved"), ("a lake", "failed")])
    ).splitlines()
    assert lines == ["prompt  status", "雨夜    saved", "a lake  failed"]


def test_table_is_a_data_frame_with_its_columns():
    frame = Table(("prompt", "credits"), [("a lake", 2.0)]).to_pandas()
    assert list(frame.columns) == ["prompt", "credits"]
    assert frame["credits"].sum() == 2.0


def test_without_pandas_the_error_names_the_package_and_another_way(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(LiangxinError, match=r"pip install pandas, or use the rows") as error:
        Table(("prompt",), [("a lake",)]).to_pandas()
    assert "\n" not in str(error.value)
