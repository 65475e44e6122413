"""What users read about files that others wrote: notebooks, pictures, CSV, models, metadata."""

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.archive import export_session
from liangxin_nb.batches.inputs import parse_prompts
from liangxin_nb.catalog import load_models
from liangxin_nb.errors import InvalidRequestError, ResultUnavailableError

from .. import stock


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    """A session that no test sends with."""
    session = Session(profile="sandbox", results=tmp_path_factory.mktemp("offline") / "results")
    yield session
    session.close()


def make_pipe(path):
    os.mkfifo(path)


def make_large(path):
    with path.open("wb") as file:
        file.truncate(200 << 20)


def write(data):
    return lambda path: path.write_bytes(data)


FILES = {
    "missing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "pipe that nothing writes to": make_pipe,
    "200 MB of zeros": make_large,
    "empty": write(b""),
    "UTF-16": write("prompt\na cat\n".encode("utf-16")),
    "latin-1 in line 2": write("prompt\né\n".encode("latin-1")),
    "PNG": write(stock._picture()),
    "zeros": write(bytes(99)),
    "100,000 brackets": write(b"[" * 100_000),
}
READERS = {
    "notebook": lambda session, path: session.recover(path),
    "picture": lambda _, path: lx.read_metadata(path),
    "archive": lambda session, path: session.import_archive(path),
    "CSV": lambda _, path: parse_prompts(path),
    "models": lambda *_: load_models("sandbox"),
}


@pytest.mark.parametrize("given", FILES)
@pytest.mark.parametrize("reader", READERS)
def test_unusable_file_is_named_in_one_line(
    reader, given, offline, tmp_path, monkeypatch, request, show_line
):
    path = tmp_path / f"given.{reader}"
    FILES[given](path)
    request.addfinalizer(lambda: path.is_dir() or path.unlink(missing_ok=True))
    monkeypatch.setenv("LIANGXIN_MODELS", str(path) if reader == "models" else "")
    if (reader, given) in {("picture", "PNG"), ("models", "empty")}:
        assert READERS[reader](offline, path) is not False
        return
    with pytest.raises(InvalidRequestError) as error:
        READERS[reader](offline, path)
    assert path.name in str(error.value)
    assert error.value.next_step
    show_line("strangers", f"{reader}: {given}", str(error.value).replace(f"{tmp_path}/", ""))


@pytest.mark.parametrize(
    ("given", "text", "words"),
    [
        ("row with too many values", "prompt,seed\na cat, 7\na dog, 7, 8\n", "Row 2"),
        ("quote that does not end", 'prompt\n"a cat\n', "after line 1"),
        ("column twice", "prompt,seed,seed\na cat,1,2\n", "two columns"),
        ("another separator", "prompt;seed\na cat;7\n", "no column prompt"),
        ("row without a prompt", "prompt,seed\na cat,7\n,8\n", "Row 2"),
        ("value of 200,000 characters", f'prompt\n"{"x" * 200_000}"\n', "after line 1"),
    ],
)
def test_invalid_csv_is_reported_with_its_line_or_row(given, text, words, tmp_path, show_line):
    path = tmp_path / "batch.csv"
    path.write_text(text)
    with pytest.raises(InvalidRequestError, match=words) as error:
        parse_prompts(path)
    show_line("strangers", f"CSV: {given}", str(error.value).replace(f"{tmp_path}/", ""))


def test_csv_with_a_byte_order_mark_and_formulas_is_read_literally(tmp_path):
    path = tmp_path / "batch.csv"
    path.write_bytes("\ufeffprompt\r\n=1+1\r\n".encode())
    assert [row.prompt for row in parse_prompts(path)] == ["=1+1"]


def test_notebook_that_names_thousands_of_tasks_is_refused(offline, tmp_path, show_line):
    ids = [f"task_{n}" for n in range(1001)]
    output = {"metadata": {"liangxin": {"task_ids": ids}}}
    path = tmp_path / "many.ipynb"
    path.write_text(json.dumps({"cells": [{"outputs": [output]}]}))
    with pytest.raises(InvalidRequestError, match="1001 tasks") as error:
        offline.recover(path)
    show_line("strangers", "notebook: 1001 tasks", str(error.value).replace(f"{tmp_path}/", ""))


METADATA = {
    "metadata.json in latin-1": lambda text: text.replace("a cat", "é").encode("latin-1"),
    "metadata.json with wrong types": lambda text: text.replace('"a cat"', "[7]").encode(),
    "metadata.json with 0 bytes": lambda text: b"",
    "metadata.json nested 100,000 times": lambda text: b"[" * 100_000,
}


@pytest.mark.parametrize("given", METADATA)
def test_unreadable_metadata_is_named_with_the_next_step(given, offline, show_line):
    record = stock.save_result(offline, "a cat")
    path = offline.results.root / record.folder / "metadata.json"
    path.write_bytes(METADATA[given](path.read_text()))
    with pytest.raises(ResultUnavailableError, match="pictures are beside it") as error:
        offline.result(record)
    show_line("files", given, str(error.value).replace(str(path.parent), "…"))
    assert len(offline.history()) > 0


def test_export_is_private_and_names_no_folder_of_this_machine(offline, tmp_path):
    record = stock.save_result(offline, "a cat")
    reason = f"{str(offline.results.root)!r} is full; its id is in {Path.home() / 'journal'}."
    offline.ledger.update(record, "trouble", reason, reason=reason)
    path = export_session(offline, tmp_path / "1.zip", notebooks=False).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["1.zip"]
    with zipfile.ZipFile(path) as archive:
        text = archive.read("ledger.jsonl").decode()
    assert "~/journal" in text
    assert str(offline.results.root) not in text
    assert str(Path.home()) not in text.replace("~", "")


def test_export_follows_no_name_out_of_the_results_folder(offline, tmp_path):
    """A shared ledger may hold any name."""
    record = stock.save_result(offline, "a cat")
    outside = tmp_path / "outside"
    (offline.results.root / record.folder).rename(outside)
    (offline.results.root / record.folder).symlink_to(outside)
    report = export_session(offline, tmp_path, notebooks=False, job_ids=[record.id])
    assert (report.results, len(report.left_out)) == (0, 1)
    offline.ledger.update(record, "moved", folder=os.path.relpath(outside, offline.results.root))
    report = export_session(offline, tmp_path, notebooks=False, job_ids=[record.id])
    assert (report.results, len(report.left_out)) == (0, 1)


@pytest.mark.parametrize("path", ["a\0b.zip", "~no-such-user-here/x.zip", "x" * 300 + ".zip"])
def test_impossible_path_of_an_export_is_named_in_one_line(path, offline, show_line):
    with pytest.raises(InvalidRequestError, match="cannot be written") as error:
        export_session(offline, path, notebooks=False)
    show_line("files", f"export to {path[:20]!r}", str(error.value).replace("x" * 300, "x…"))
