"""Results: folders with readable names, each complete or absent."""

import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.errors import InvalidRequestError, ResultUnavailableError
from liangxin_nb.results import ResultStore, read_metadata

from ..task_server import KEY, PACE, TaskServer


def picture(form="PNG", size=(40, 30)):
    out = io.BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(out, form)
    return out.getvalue()


def job_record(prompt="A cafe terrace", job_id="3f9c5555aaaa"):
    return JobRecord(job_id, Request("z-image", prompt), 1795280700.0, "sandbox", task_id="task_1")


def make_metadata(prompt="A cafe terrace"):
    return ResultMetadata(
        prompt, "z-image", "task_1", "3f9c5555aaaa", "sandbox", "2026-11-21T17:45:00+00:00"
    )


def save_result(tmp_path, *datas, prompt="A cafe terrace"):
    """Save a result with these files; return the results folder and the result."""
    results = ResultStore(tmp_path / "r")
    staged = results.stage(job_record(prompt))
    for n, data in enumerate(datas, 1):
        staged.part_path(n).write_bytes(data)
    return results, staged.commit(make_metadata(prompt), [TaskOutput("", "image")] * len(datas))


def test_result_is_a_folder_with_a_readable_name(tmp_path):
    results, result = save_result(tmp_path, picture())
    assert result.folder.name.endswith("-a-cafe-terrace-3f9c")
    assert result.folder.parent.parent == results.root


def test_result_folder_has_the_files_and_the_metadata(tmp_path):
    _, result = save_result(tmp_path, picture())
    assert sorted(p.name for p in result.folder.iterdir()) == ["1.png", "metadata.json"]
    assert json.loads((result.folder / "metadata.json").read_text())["prompt"] == "A cafe terrace"


def test_result_is_read_back_from_its_folder(tmp_path):
    results, result = save_result(tmp_path, picture())
    assert results.load(result.folder.relative_to(results.root).as_posix()) == result


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_picture_holds_its_metadata(tmp_path, form):
    _, result = save_result(tmp_path, picture(form), prompt="雨夜 {x}")
    assert read_metadata(result.paths[0]).prompt == "雨夜 {x}"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_embedding_does_not_change_the_pixels(tmp_path, form):
    data = picture(form)
    _, result = save_result(tmp_path, data)
    assert Image.open(result.paths[0]).tobytes() == Image.open(io.BytesIO(data)).tobytes()


def test_suffix_follows_from_the_content(tmp_path):
    _, result = save_result(tmp_path, picture("WEBP"), picture("JPEG"))
    assert [path.name for path in result.paths] == ["1.webp", "2.jpg"]


@pytest.mark.parametrize("data", [b"", b"<html>no</html>", picture()[:300]])
def test_broken_picture_is_not_saved(tmp_path, data):
    results = ResultStore(tmp_path / "r")
    staged = results.stage(job_record())
    staged.part_path(1).write_bytes(data)
    with pytest.raises(ResultUnavailableError, match="Result 1 is not a usable picture"):
        staged.commit(make_metadata(), [TaskOutput("", "image")])
    staged.discard()
    assert list(results.root.iterdir()) == []


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("雨夜的咖啡馆", "雨夜的咖啡馆"),
        ("  CON: a\\b|c?*\n", "con-a-b-c"),
        ("🌧🌧", ""),
        ("x" * 300, "x" * 32),
        ("a very long prompt that would never fit into a name", "a-very-long-prompt-that-would"),
    ],
)
def test_prompt_becomes_a_safe_folder_name(tmp_path, prompt, slug):
    results, result = save_result(tmp_path, picture(), prompt=prompt)
    assert result.folder.name[5:] == "-".join(filter(None, (slug, "3f9c")))
    assert result.folder.parent.parent == results.root


def test_results_of_equal_names_get_separate_folders(tmp_path):
    _, first = save_result(tmp_path, picture())
    _, second = save_result(tmp_path, picture())
    assert first.folder != second.folder


def test_output_as_an_image_is_a_small_jpeg_and_one_line_of_text(tmp_path):
    results, result = save_result(tmp_path, picture(size=(1400, 700)))
    bundle, metadata = result.output(style="image")
    assert set(bundle) == {"image/jpeg", "text/plain"}
    assert metadata["image/jpeg"] == {"alt": result.prompt, "width": 720, "height": 360}
    assert len(bundle["image/jpeg"]) <= 64 * 1024
    path = result.paths[0].relative_to(results.root).as_posix()
    assert bundle["text/plain"] == f"<Result z-image 1400×700 · task_1 · {path}>"


def test_output_is_the_same_each_time(tmp_path):
    _, result = save_result(tmp_path, picture(size=(1400, 700)))
    assert result._repr_mimebundle_() == result._repr_mimebundle_()


def test_results_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidRequestError, match="cannot be written") as error:
        ResultStore(tmp_path / "file" / "r")
    assert "LIANGXIN_RESULTS" in str(error.value)


def test_picture_of_another_program_has_no_metadata(tmp_path):
    (tmp_path / "x.png").write_bytes(picture())
    assert read_metadata(tmp_path / "x.png") is None


def test_missing_file_cannot_be_read(tmp_path):
    with pytest.raises(InvalidRequestError, match="cannot be read as a picture"):
        read_metadata(tmp_path / "missing.png")


def test_removed_result_is_reported(tmp_path):
    with pytest.raises(ResultUnavailableError, match="no longer"):
        ResultStore(tmp_path / "r").load("2026-11-21/nothing")


MP4 = b"\0\0\0\x18ftypisom" + b"\0" * 40


@pytest.mark.parametrize(
    ("kind", "data", "name", "shown"),
    [
        ("audio", b"ID3" + b"\0" * 40, "1.mp3", "<audio controls"),
        ("text", "雨 <script>alert(1)</script>".encode(), "1.txt", "雨 &lt;script&gt;"),
        ("text", b'{"answer": 42}', "1.json", "answer"),
        ("file", b"PK\x03\x04" + b"\0" * 40, "1.zip", "href="),
    ],
)
def test_every_kind_of_result_is_saved_and_shown(tmp_path, kind, data, name, shown):
    staged = ResultStore(tmp_path / "r").stage(job_record())
    staged.part_path(1).write_bytes(data)
    result = staged.commit(make_metadata(), [TaskOutput("", kind)])
    assert [path.name for path in result.paths] == [name]
    assert result.paths[0].read_bytes() == data
    bundle, _ = result._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert shown in bundle["text/html"]
    assert "<script>" not in bundle["text/html"]


@pytest.mark.parametrize("kind", ["image", "video", "audio", "text", "file"])
@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html><p>gone", b"<html>", b"<?xml ?><Error/>"])
def test_web_page_instead_of_a_file_is_not_saved(tmp_path, kind, data):
    staged = ResultStore(tmp_path / "r").stage(job_record())
    staged.part_path(1).write_bytes(data)
    with pytest.raises(ResultUnavailableError, match="Result 1 is not"):
        staged.commit(make_metadata(), [TaskOutput("", kind)])


# ---- durability


class Disk:
    """Records each path that is synced or renamed, in order."""

    def __init__(self, monkeypatch):
        self.steps = []
        self._sync, self._rename = os.fsync, os.rename
        monkeypatch.setattr(os, "fsync", self.sync)
        monkeypatch.setattr(os, "rename", self.rename)

    def sync(self, handle):
        self._sync(handle)
        path, size = Path(f"/proc/self/fd/{handle}").readlink(), os.fstat(handle).st_size
        self.steps.append(("synced", str(path)) if path.is_dir() else ("synced", str(path), size))

    def rename(self, old, new, **more):
        self._rename(old, new, **more)
        self.steps.append(("renamed", str(old), str(new)))


@pytest.fixture
def disk(monkeypatch):
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("the operating system does not name the file of a descriptor")
    return Disk(monkeypatch)


def before_and_after_rename(disk, result):
    """Return the steps before and after the rename of a result folder, and its hidden path."""
    (index,) = [n for n, step in enumerate(disk.steps) if step[-1] == str(result.folder)]
    return disk.steps[:index], disk.steps[index + 1 :], disk.steps[index][1]


def test_every_file_is_synced_before_its_folder_appears(tmp_path, disk):
    _, result = save_result(tmp_path, picture(), picture("JPEG"))
    before, _, hidden = before_and_after_rename(disk, result)
    files = sorted(result.folder.iterdir())
    assert [file.name for file in files] == ["1.png", "2.jpg", "metadata.json"]
    for file in files:
        assert ("synced", f"{hidden}/{file.name}", file.stat().st_size) in before


def test_file_names_are_synced_before_their_folder_appears(tmp_path, disk):
    _, result = save_result(tmp_path, picture())
    before, _, hidden = before_and_after_rename(disk, result)
    assert before[-1] == ("synced", hidden)


def test_folder_name_is_synced_when_the_result_is_saved(tmp_path, disk):
    results, result = save_result(tmp_path, picture())
    _, after, _ = before_and_after_rename(disk, result)
    assert after == [("synced", str(result.folder.parent)), ("synced", str(results.root))]


def test_status_is_saved_only_after_the_result_is_on_disk(tmp_path, disk, monkeypatch):
    statuses = []

    def record_status(handle):
        disk.sync(handle)
        with closing(sqlite3.connect(f"file:{tmp_path}/ledger.sqlite?mode=ro", uri=True)) as db:
            statuses.append(db.execute("select status from jobs").fetchone()[0])

    monkeypatch.setattr(os, "fsync", record_status)
    with (
        closing(TaskServer()) as server,
        closing(Session(base_url=server.url, key=KEY, results=tmp_path, schedule=PACE)) as session,
    ):
        session.generate("a lake").wait(60)
        assert session.ledger.count_by_status() == {"saved": 1}
    # The status "succeeded" is written while the files are downloaded.
    assert statuses
    assert set(statuses) <= {"submitted", "succeeded"}


def test_partly_saved_result_can_be_resumed(tmp_path):
    with (
        closing(TaskServer()) as server,
        closing(Session(base_url=server.url, key=KEY, results=tmp_path, schedule=PACE)) as session,
    ):
        job = session.generate("a lake")
        result = job.wait(60)
        session.ledger.update(job.record, "partly saved", reason="1 of 2 outputs are saved.")
        assert session.resume(job.task_id)[0].wait(60) == result
        record = session.ledger.find(job.task_id)
        assert (record.status, record.reason) == ("saved", "")
