"""Archives of other people are rejected or harmless, in little memory and time."""

import copy
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

from liangxin_nb import Session
from liangxin_nb.archive import export_session
from liangxin_nb.ledger import Query, parse_line
from liangxin_nb.library import Library
from liangxin_nb.notebook.widgets.gallery.details import entry_details

from .. import hostile, stock
from .hostile_archives import CORPUS, Parts

ROOT = Path(__file__).parents[2]
MAX_MEMORY_MB = 200
MAX_CPU_S = 5.0


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """The path of a valid archive."""
    folder = tmp_path_factory.mktemp("hostile")
    with Session(profile="sandbox", results=folder / "there") as session:
        stock.save_result(session, "a cat")
        return export_session(session, folder / "valid.zip", notebooks=False).path


def import_all(valid):
    """Import each archive in a child of one process; return what became of them."""
    paths = [valid.with_name(f"{n}.zip") for n in range(len(CORPUS))]
    for path, (build, _) in zip(paths, CORPUS.values(), strict=True):
        path.write_bytes(build(Parts(valid)))
    command = [sys.executable, "-m", "tests.archive.import_process", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_hostile_archives_are_rejected_or_harmless(valid, show_line):
    before = {path.name for path in valid.parent.iterdir()}
    outcomes = import_all(valid)
    for (name, (_, expected)), outcome in zip(CORPUS.items(), outcomes, strict=True):
        line, left_out = outcome["line"], outcome["left_out"]
        became = "rejected" if line else "left out" if left_out else "imported"
        figures = f"{outcome['cpu_s']:5.2f} s {outcome['memory_mb']:4.0f} MB"
        shown = (line or " ".join(left_out) or became).replace(f"{valid.parent}/", "")
        show_line("strangers", name, f"{figures}  {shown}")
        assert expected in (became, "") or expected in line, name
        assert outcome["memory_mb"] <= MAX_MEMORY_MB, name
        assert outcome["cpu_s"] <= MAX_CPU_S, name
        assert outcome["healthy"], name
        assert outcome["valid"] == 1, name
        assert line == "" or (outcome["jobs"], outcome["results"]) == (0, 0), name
    added = {path.name for path in valid.parent.iterdir()} - before
    assert added == {f"{n}.zip{end}" for n in range(len(CORPUS)) for end in ("", ".d")}
    for place in valid.parent.glob("*.zip.d"):
        assert {p.name for p in place.iterdir() if p.suffix != ".ipynb"} == {"results"}
        assert not [path for path in place.rglob("*") if path.is_symlink()]


BAD_VALUES = [None, True, [], {}, -1, 1.5, 10**30, "x" * 1_000_001, "\0", "", "no such value"]


def test_wrong_value_of_any_field_is_rejected_in_one_line(valid):
    row = Parts(valid).row
    row["events"] = row["events"][:1]
    for part in ("job", "events", "files"):
        fields = row[part] if part == "job" else row[part][0]
        for name, value in itertools.product(fields, BAD_VALUES):
            changed = copy.deepcopy(row)
            (changed[part] if part == "job" else changed[part][0])[name] = value
            try:
                parsed = parse_line(json.dumps(changed).encode(), 2)
            except ValueError as error:
                assert len(str(error).splitlines()) == 1
                assert len(str(error)) < 400
            else:
                assert parse_line(parsed.to_json().encode(), 2) == parsed


def test_hostile_texts_are_shown_as_text(valid, tmp_path):
    path = tmp_path / "texts.zip"
    build, _ = CORPUS["texts with HTML and escape sequences"]
    path.write_bytes(build(Parts(valid)))
    with Session(profile="sandbox", results=tmp_path / "results") as session:
        session.import_archive(path)
        (entry,) = Library(session).page(Query())
        page = session.history()._repr_html_() + entry_details(entry)
        assert "<img" not in page
        assert "&lt;img" in page
        figure = session.result(entry.record).html()
        assert hostile.attributes(figure, "onerror") == []
        assert "onerror=alert(1)>" in hostile.attributes(figure, "alt")[0]
