"""Archives: exported while jobs run, imported into another session, and validated there."""

import base64
import hashlib
import html
import json
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

import liangxin_nb as lx
from liangxin_nb import Session
from liangxin_nb.archive import export_session, import_session
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.library import Library
from liangxin_nb.polling import PollSchedule
from liangxin_nb.session.default import set_session

from .. import stock
from ..conftest import FAST_PACE, wait_until
from ..results.test_any_bytes import huge_png

NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def replace_part(archive, name, data):
    """Return a copy of the archive with one file added or replaced."""
    with zipfile.ZipFile(archive) as old:
        parts = {n: old.read(n) for n in old.namelist()}
    parts[name] = data if isinstance(data, bytes) else data.encode()
    copy = Path(archive).with_name("changed.zip")
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as new:
        for n, content in parts.items():
            new.writestr(n, content)
    return copy


def read_part(archive, name):
    with zipfile.ZipFile(archive) as opened:
        return opened.read(name)


def picture_in(archive):
    """Return the name of the only picture."""
    with zipfile.ZipFile(archive) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith("1.png")]
    return name


def change_job(archive, **values):
    """Return a copy of the archive with other values in its first job."""
    header, first, *rest = read_part(archive, "ledger.jsonl").decode().splitlines()
    line = json.loads(first)
    line["job"] |= values
    return replace_part(
        archive, "ledger.jsonl", "\n".join([header, json.dumps(line), *rest]) + "\n"
    )


def file_digests(folder):
    """Return the digest of every file below a folder, except those of the ledger."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "sqlite" not in path.name and ".owners" not in path.parts
    }


@pytest.fixture
def other(sandbox, tmp_path):
    """A session with the same key and another folder, as on another machine."""
    folder = tmp_path / "home" / "results"
    session = Session(base_url=sandbox.url, key=sandbox.key, results=folder, schedule=FAST_PACE)
    yield session
    session.close()


@pytest.fixture(scope="module")
def source(sandbox, tmp_path_factory):
    """A session with one saved picture, and a notebook next to its results folder."""
    folder = tmp_path_factory.mktemp("away")
    session = Session(
        base_url=sandbox.url, key=sandbox.key, results=folder / "results", schedule=FAST_PACE
    )
    session.generate("a cat", size="square").wait(120)
    (folder / "first.ipynb").write_text(NOTEBOOK)
    yield session
    session.close()


@pytest.fixture
def archive(source, tmp_path):
    """The archive of `source`."""
    return export_session(source, tmp_path / "out.zip", notebooks=True).path


@pytest.fixture
def slow_session(sandbox, tmp_path):
    """A session that polls so rarely that it does not notice the end of its task."""
    schedule = PollSchedule(steps=((float("inf"), 3600.0, 3600.0),), poll_interval_s=0.01)
    session = Session(
        base_url=sandbox.url, key=sandbox.key, results=tmp_path / "slow", schedule=schedule
    )
    yield session
    session.close()


def wait_submitted(job):
    """Wait until the job has a task id, and return it."""
    wait_until(lambda: job.task_id)
    return job


def test_picture_is_imported_unchanged_and_a_second_import_changes_nothing(source, archive, other):
    first = import_session(other, archive, notebooks=True)
    assert (first.jobs, first.results, [p.name for p in first.notebooks]) == (
        1, 1, ["first.ipynb"],
    )  # fmt: skip
    (exported,) = source.ledger.list_jobs()
    (imported,) = other.ledger.list_jobs()
    assert imported == exported.replace(owner="", origin="imported")
    assert other.ledger.events(imported.id) == source.ledger.events(exported.id)
    result = other.result(imported)
    assert result.paths[0].read_bytes() == source.result(exported).paths[0].read_bytes()
    assert lx.read_metadata(result.paths[0]).prompt == "a cat"
    assert repr(result) == repr(source.result(exported))
    before = file_digests(other.results.root.parent)
    again = import_session(other, archive, notebooks=True)
    assert (again.jobs, again.already_here, again.results, again.notebooks) == (0, 1, 0, ())
    assert file_digests(other.results.root.parent) == before
    assert len(other.ledger.list_jobs()) == 1


def test_partly_saved_result_is_imported_with_what_is_missing(session, tmp_path, other):
    missing = {"number": 3, "kind": "image", "reason": "The result's link has expired (HTTP 404)."}
    parts = [("image", huge_png()), ("image", stock._picture())]
    record = stock.save_result(session, "a cat", parts=parts, missing=[missing])
    exported = export_session(session, tmp_path / "partial.zip", notebooks=False)
    import_session(other, exported.path, notebooks=False)
    result, imported = other.result(other.get_record(record.id)), other.get_record(record.id)
    assert result.metadata.files == session.result(record).metadata.files
    assert result.metadata.missing == (missing,)
    assert "pixels" in result.metadata.files[0]["note"]
    assert imported.reason == session.get_record(record.id).reason != ""
    assert [one.id for one in other.ledger.collectable()] == [record.id]


def test_job_running_during_the_export_is_collected_after_the_import(slow_session, tmp_path, other):
    job = wait_submitted(slow_session.generate("a slow lighthouse", size="square"))
    packed = export_session(slow_session, tmp_path / "running.zip", notebooks=False)
    assert packed.jobs == 1
    job.detach()
    report = import_session(other, packed.path, notebooks=True)
    assert (report.jobs, report.unfinished) == (1, 1)
    assert "%liangxin resume" in repr(report)
    (collected,) = other.resume()
    assert collected.wait(120).prompt == "a slow lighthouse"
    assert other.ledger.find(job.task_id).status == "saved"


def test_imported_pending_job_is_never_submitted(session, tmp_path, other):
    """The exporting session may still submit it: a second submission would be paid twice."""
    service = (session.settings.profile, session.settings.base_url)
    pending = session.ledger.create(Request("z-image", "a cat"), *service)
    submitting = session.ledger.create(Request("z-image", "a dog"), *service)
    session.ledger.update(submitting, "submitting", status="submitting")
    import_session(
        other, export_session(session, tmp_path / "1.zip", notebooks=False).path, notebooks=False
    )
    assert other.ledger.find(pending.id).status == "rejected"
    assert other.ledger.find(submitting.id).status == "unconfirmed"
    assert other.resume() == []


def test_record_of_a_deleted_result_is_imported(session, tmp_path, other):
    record = stock.save_result(session, "a cat")
    Library(session).delete(record.id)
    packed = export_session(session, tmp_path / "1.zip", notebooks=False)
    report = import_session(other, packed.path, notebooks=False)
    assert (report.jobs, report.results, report.left_out) == (1, 0, ())
    assert other.ledger.find(record.id).status == "deleted"


def test_batch_is_imported_with_its_jobs(session, tmp_path, other):
    batch = session.batch(["a cat", "a dog"], size="square")
    batch.wait(120)
    packed = export_session(session, tmp_path / "1.zip", notebooks=False)
    assert import_session(other, packed.path, notebooks=False).results == 2
    import_session(other, packed.path, notebooks=False)
    imported = other.batch(id=batch.id)
    assert [result.prompt for result in imported.wait(120)] == ["a cat", "a dog"]
    assert len(other.ledger.list_batches()) == 1


@pytest.mark.parametrize(
    "batch",
    [
        {"id": "b1", "created_at": 1.0, "plan": "[]"},
        {"id": "b1", "created_at": 1.0, "plan": '{"rows": ["a"], "columns": [1]}'},
        {
            "id": "b1",
            "created_at": 1.0,
            "plan": '{"rows": ["a"], "columns": ["b"], "reused": {"9": "x"}}',
        },
        {"id": "../b", "created_at": 1.0, "plan": '{"rows": [], "columns": []}'},
        {"id": "b1", "plan": "{}"},
        [],
    ],
)
def test_invalid_batch_is_rejected(archive, other, batch):
    header, rest = read_part(archive, "ledger.jsonl").decode().split("\n", 1)
    text = "\n".join([header, json.dumps({"batch": batch}), rest])
    with pytest.raises(InvalidRequestError, match="nothing was changed"):
        import_session(other, replace_part(archive, "ledger.jsonl", text), notebooks=False)
    assert other.ledger.list_jobs() == []


def test_batch_that_is_listed_twice_is_imported_once(archive, other):
    header, rest = read_part(archive, "ledger.jsonl").decode().split("\n", 1)
    batch = json.dumps(
        {"batch": {"id": "b1", "created_at": 1.0, "plan": '{"rows": [], "columns": []}'}}
    )
    text = "\n".join([header, batch, batch, rest])
    import_session(other, replace_part(archive, "ledger.jsonl", text), notebooks=False)
    assert [record.id for record in other.ledger.list_batches()] == ["b1"]


def test_job_that_names_a_file_twice_is_rejected(archive, other):
    header, first = read_part(archive, "ledger.jsonl").decode().splitlines()
    line = json.loads(first)
    line["files"] *= 2
    changed = replace_part(archive, "ledger.jsonl", f"{header}\n{json.dumps(line)}\n")
    with pytest.raises(InvalidRequestError, match="names a file twice"):
        import_session(other, changed, notebooks=False)
    assert other.ledger.list_jobs() == []


def test_later_archive_adds_the_result_of_an_imported_job(slow_session, sandbox, tmp_path, other):
    job = wait_submitted(slow_session.generate("a garden", size="square"))
    import_session(
        other,
        export_session(slow_session, tmp_path / "1.zip", notebooks=False).path,
        notebooks=False,
    )
    assert other.ledger.find(job.task_id).status == "submitted"
    slow_session.close()
    wait_until(lambda: job.last_update.is_final)
    fast_session = Session(
        base_url=sandbox.url, key=sandbox.key, results=slow_session.results.root, schedule=FAST_PACE
    )
    fast_session.resume(job.task_id)[0].wait(120)
    import_session(
        other,
        export_session(fast_session, tmp_path / "2.zip", notebooks=False).path,
        notebooks=False,
    )
    fast_session.close()
    record = other.ledger.find(job.task_id)
    assert record.status == "saved"
    assert other.result(record).paths[0].is_file()
    assert [event for _, event, _ in other.ledger.events(record.id)][-1] == "saved"


def test_import_overwrites_nothing(archive, other):
    notebook = other.results.root.parent / "first.ipynb"
    notebook.write_text(NOTEBOOK.replace("5}", "4}"))
    original = notebook.read_text()
    import_session(other, archive, notebooks=True)
    (record,) = other.ledger.list_jobs()
    changed = change_job(archive, prompt="another prompt", status="failed")
    import_session(other, changed, notebooks=True)
    assert other.ledger.list_jobs() == [record]
    assert notebook.read_text() == original
    assert (notebook.parent / "first-2.ipynb").read_text() == NOTEBOOK


def test_import_restores_removed_files(archive, other):
    import_session(other, archive, notebooks=False)
    (record,) = other.ledger.list_jobs()
    for path in (other.results.root / record.folder).iterdir():
        path.unlink()
    (other.results.root / record.folder).rmdir()
    assert import_session(other, archive, notebooks=False).results == 1
    assert other.result(record).paths[0].is_file()


def test_archive_does_not_contain_the_key(session, tmp_path, sandbox):
    session.generate("a cat", size="square").wait(120)
    key = sandbox.key
    encoded = [key, html.escape(key), quote(key, safe=""), base64.b64encode(key.encode()).decode()]
    for number, text in enumerate(encoded):
        bad = tmp_path / f"leaks-{number}.ipynb"
        bad.write_text(NOTEBOOK.replace("[]", json.dumps([{"source": f"key = '{text}'"}])))
    (tmp_path / "fine.ipynb").write_text(NOTEBOOK)
    output = {"output_type": "stream", "name": "stdout", "text": f"{key}\n"}
    cell = {"cell_type": "code", "metadata": {}, "outputs": [output], "source": "print(key)"}
    (tmp_path / "shown.ipynb").write_text(NOTEBOOK.replace("[]", json.dumps([cell])))
    set_session(session)
    with pytest.warns(UserWarning, match="a key in use in the .* of cell 1") as left_out:
        path = lx.export_archive(tmp_path / "out.zip")
    *sources, shown = (str(warning.message) for warning in left_out)
    assert len(sources) == len(encoded)
    assert shown == "Left out: shown.ipynb: a key in use in the output of cell 1; dots replace it."
    for bad in (*tmp_path.glob("leaks-*"), tmp_path / "shown.ipynb"):
        bad.unlink()
    with zipfile.ZipFile(path) as archive:
        assert "notebooks/fine.ipynb" in archive.namelist()
        assert not [n for n in archive.namelist() if "leaks" in n]
        assert "••••••" in archive.read("notebooks/shown.ipynb").decode()
        assert all(sandbox.key.encode() not in archive.read(n) for n in archive.namelist())


def test_existing_file_is_rejected_and_a_folder_gets_a_new_file_each_time(archive, source):
    with pytest.raises(InvalidRequestError, match="already exists"):
        export_session(source, archive, notebooks=False)
    names = {export_session(source, archive.parent, notebooks=False).path.name for _ in range(3)}
    assert len(names) == 3
    with pytest.raises(InvalidRequestError, match="cannot be written"):
        export_session(source, "/proc/nowhere/x.zip", notebooks=False)
    assert not list(archive.parent.glob(".*.part"))


ESCAPES = [
    "../../evil/1.png",
    "/tmp/evil",
    "2026-11-22/../../evil",
    "C:\\evil",
    "a/b/c",
    "..",
    ".",
    "",
]


@pytest.mark.parametrize("folder", ESCAPES)
def test_no_name_in_a_zip_becomes_a_path(archive, other, folder):
    """The files of a row are saved in a folder named here, whatever folder the row names."""
    first = json.loads(read_part(archive, "ledger.jsonl").decode().splitlines()[1])["job"]["folder"]
    changed = change_job(archive, folder=folder)
    for name in ("1.png", "metadata.json"):
        changed = replace_part(
            changed, f"results/{folder}/{name}", read_part(archive, f"results/{first}/{name}")
        )
    report = import_session(other, changed, notebooks=False)
    (record,) = other.ledger.list_jobs()
    assert report.results == 1
    assert other.result(record).folder.resolve().is_relative_to(other.results.root.resolve())
    assert {path.name for path in other.results.root.parent.iterdir()} == {"results"}


@pytest.mark.parametrize(
    "name",
    ["../up.ipynb", "notebooks/../up.ipynb", "notebooks/.hidden.ipynb", "notebooks/x.html",
     "/tmp/up.ipynb", "notebooks/a\\b.ipynb"],
)  # fmt: skip
def test_no_notebook_is_saved_outside_its_folder(archive, other, name):
    report = import_session(other, replace_part(archive, name, NOTEBOOK), notebooks=True)
    names = {path.name for path in other.results.root.parent.iterdir()}
    assert names - {"up.ipynb"} == {"results", "first.ipynb"}
    assert not (other.results.root.parent.parent / "up.ipynb").exists()
    assert len(report.notebooks) <= 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda picture: picture[:-1] + b"x", "not what the ledger says"),
        (lambda picture: b"", "not what the ledger says"),
        (lambda picture: picture + b"x", "larger than it may be"),
        (lambda picture: b"\0" * 2_000_000, "larger than it may be"),
    ],
)
def test_file_that_does_not_match_the_ledger_is_left_out(archive, other, change, message):
    name = picture_in(archive)
    report = import_session(
        other, replace_part(archive, name, change(read_part(archive, name))), notebooks=False
    )
    assert report.results == 0
    assert message in report.left_out[0]
    assert file_digests(other.results.root) == {}
    (record,) = other.ledger.list_jobs()
    assert [row.label for row in other.audit()] == ["files removed"]
    assert record.task_id


def test_html_under_the_name_of_a_picture_is_left_out(archive, other):
    page = b"<!doctype html><script>alert(1)</script>"
    name = picture_in(archive)
    changed = replace_part(archive, name, page)
    header, first = read_part(changed, "ledger.jsonl").decode().splitlines()
    line = json.loads(first)
    line["files"][0] |= {"bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}
    changed = replace_part(changed, "ledger.jsonl", f"{header}\n{json.dumps(line)}\n")
    assert "not a usable picture" in import_session(other, changed, notebooks=False).left_out[0]
    assert file_digests(other.results.root) == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": "../x"}, "job.id: unexpected characters"),
        ({"status": "free of charge"}, "job.status: Invalid enum value"),
        ({"options": "[" * 100_000}, "no readable request"),
        ({"options": "[1]"}, "no readable request"),
        ({"prompt": " "}, "no readable request"),
        ({"prompt": 7}, "job.prompt: "),
        ({"prompt": "\ud800"}, "line 2: JSON is malformed"),
        ({"prompt": "a\0b"}, "job.prompt: "),
        ({"created_at": -1}, "job.created_at: "),
        ({"created_at": float("nan")}, "line 2: JSON is malformed"),
        ({"created_at": 1e300}, "job.created_at: "),
        ({"credits": -500.0}, "job.credits: "),
        ({"task_id": "x" * 201}, "job.task_id: "),
        ({"digest": "z" * 64}, "job.digest: "),
        ({"model": None}, "job.model: Expected str"),
    ],
)
def test_archive_with_an_invalid_job_is_rejected_completely(archive, other, values, message):
    with pytest.raises(InvalidRequestError, match="nothing was changed") as error:
        import_session(other, change_job(archive, **values), notebooks=True)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert other.ledger.list_jobs() == []
    assert file_digests(other.results.root.parent) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"format": 99}\n', "format is 99"),
        ("nonsense\n", "not a valid archive"),
        ('{"format": 1}\n[]\n', "not a job record"),
        (
            '{"format": 1}\n{"job": {}, "events": 3, "files": []}\n',
            "job: Object missing required field id",
        ),
        ('{"format": 1}\n' + "[" * 200_000 + "\n", "nested too deeply"),
        ('{"format": 1}\n' + " " * 9_000_000 + "\n", "too large"),
    ],
    ids=["another format", "nonsense", "a list", "no events", "too deep", "too large"],
)
def test_invalid_ledger_is_reported_in_one_line(archive, other, text, message):
    with pytest.raises(InvalidRequestError, match=message):
        import_session(other, replace_part(archive, "ledger.jsonl", text), notebooks=True)


def test_file_that_is_not_an_archive_is_reported_in_one_line(tmp_path, other):
    plain = tmp_path / "x.zip"
    plain.write_bytes(b"PK\x03\x04 and more")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as no_ledger:
        no_ledger.writestr("a.txt", "a")
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as twice:
        twice.writestr("ledger.jsonl", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            twice.writestr("ledger.jsonl", "{}")
    for name in ("x.zip", "other.zip", "twice.zip", "missing.zip", "."):
        with pytest.raises(InvalidRequestError, match="not a valid archive"):
            import_session(other, tmp_path / name, notebooks=True)


def test_symbolic_link_in_a_zip_is_not_created(archive, other):
    name = picture_in(archive)
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(archive.with_name("l.zip"), "w") as new:
        for n in old.namelist():
            if n != name:
                new.writestr(n, old.read(n))
        link = zipfile.ZipInfo(name)
        link.external_attr = 0o120777 << 16
        new.writestr(link, "/etc/passwd")
    assert import_session(other, archive.with_name("l.zip"), notebooks=False).results == 0
    assert not [path for path in other.results.root.rglob("*") if path.is_symlink()]


def test_symbolic_link_in_the_results_is_not_followed(session, tmp_path):
    job = session.generate("a cat", size="square")
    picture = job.wait(120).paths[0]
    secret = tmp_path / "secret.txt"
    secret.write_text("private words")
    picture.unlink()
    picture.symlink_to(secret)
    packed = export_session(session, tmp_path / "out.zip", notebooks=False)
    assert (packed.results, len(packed.left_out)) == (0, 1)
    with zipfile.ZipFile(packed.path) as archive:
        assert all(b"private words" not in archive.read(n) for n in archive.namelist())
