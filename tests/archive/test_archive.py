"""Everything in one zip: packed while work goes on, taken in elsewhere, and checked there."""

import hashlib
import json
import zipfile
from pathlib import Path

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

NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def put(zip, name, data):
    """The zip once more with one part put in or replaced."""
    with zipfile.ZipFile(zip) as old:
        parts = {n: old.read(n) for n in old.namelist()}
    parts[name] = data if isinstance(data, bytes) else data.encode()
    other = Path(zip).with_name("changed.zip")
    with zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for n, content in parts.items():
            new.writestr(n, content)
    return other


def part(zip, name):
    with zipfile.ZipFile(zip) as archive:
        return archive.read(name)


def picture_in(zip):
    """The name of its one picture."""
    with zipfile.ZipFile(zip) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("1.png")]
    return name


def ledger_with(zip, **values):
    """The zip with other values in its first job record."""
    header, first, *rest = part(zip, "ledger.jsonl").decode().splitlines()
    line = json.loads(first)
    line["job"] |= values
    return put(zip, "ledger.jsonl", "\n".join([header, json.dumps(line), *rest]) + "\n")


def everything(folder):
    """Every file below a folder with its bytes, the ledger's own apart."""
    files = [path for path in Path(folder).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if "sqlite" not in path.name and ".owners" not in path.parts
    }


@pytest.fixture
def home(sandbox, tmp_path):
    """A session on another machine, with the same key."""
    folder = tmp_path / "home" / "results"
    made = Session(base_url=sandbox.url, key=sandbox.key, results=folder, schedule=FAST_PACE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def away(sandbox, tmp_path_factory):
    """A session with one kept picture, and a notebook beside it."""
    folder = tmp_path_factory.mktemp("away")
    made = Session(
        base_url=sandbox.url, key=sandbox.key, results=folder / "results", schedule=FAST_PACE
    )
    made.generate("a cat", size="square").wait(120)
    (folder / "first.ipynb").write_text(NOTEBOOK)
    yield made
    made.close()


@pytest.fixture
def zip(away, tmp_path):
    """Its export."""
    return export_session(away, tmp_path / "out.zip", notebooks=True).path


@pytest.fixture
def seldom(sandbox, tmp_path):
    """A session that does not notice within a test's time that its task has ended."""
    schedule = PollSchedule(steps=((float("inf"), 3600.0, 3600.0),), poll_interval_s=0.01)
    made = Session(
        base_url=sandbox.url, key=sandbox.key, results=tmp_path / "seldom", schedule=schedule
    )
    yield made
    made.close()


def sent(job):
    """The job once the service has given its id."""
    wait_until(lambda: job.task_id)
    return job


def test_a_picture_comes_home_byte_for_byte_and_a_second_time_changes_nothing(away, zip, home):
    first = import_session(home, zip, notebooks=True)
    assert (first.jobs, first.results, [p.name for p in first.notebooks]) == (
        1, 1, ["first.ipynb"],
    )  # fmt: skip
    (there,) = away.ledger.list_jobs()
    (here,) = home.ledger.list_jobs()
    assert here == there.replace(owner="")
    assert home.ledger.events(here.id) == away.ledger.events(there.id)
    result = home.result(here)
    assert result.paths[0].read_bytes() == away.result(there).paths[0].read_bytes()
    assert lx.read_metadata(result.paths[0]).prompt == "a cat"
    assert repr(result) == repr(away.result(there))
    before = everything(home.results.root.parent)
    again = import_session(home, zip, notebooks=True)
    assert (again.jobs, again.already_here, again.results, again.notebooks) == (0, 1, 0, ())
    assert everything(home.results.root.parent) == before
    assert len(home.ledger.list_jobs()) == 1


def test_what_runs_while_it_is_packed_is_collected_at_home(seldom, tmp_path, home):
    job = sent(seldom.generate("a slow lighthouse", size="square"))
    packed = export_session(seldom, tmp_path / "running.zip", notebooks=False)
    assert packed.jobs == 1
    job.detach()
    brought = import_session(home, packed.path, notebooks=True)
    assert (brought.jobs, brought.unfinished) == (1, 1)
    assert "%liangxin resume" in repr(brought)
    (collected,) = home.resume()
    assert collected.wait(120).prompt == "a slow lighthouse"
    assert home.ledger.find(job.task_id).status == "saved"


def test_what_was_not_sent_is_never_sent_from_here(session, tmp_path, home):
    """The machine it comes from may still send it: two of them would be paid twice."""
    here = (session.settings.profile, session.settings.base_url)
    waiting = session.ledger.create(Request("z-image", "a cat"), *here)
    going = session.ledger.create(Request("z-image", "a dog"), *here)
    session.ledger.update(going, "submitting", status="submitting")
    import_session(
        home, export_session(session, tmp_path / "1.zip", notebooks=False).path, notebooks=False
    )
    assert home.ledger.find(waiting.id).status == "rejected"
    assert home.ledger.find(going.id).status == "unconfirmed"
    assert home.resume() == []


def test_record_of_a_deleted_result_is_imported(session, tmp_path, home):
    record = stock.kept(session, "a cat")
    Library(session).delete(record.id)
    packed = export_session(session, tmp_path / "1.zip", notebooks=False)
    report = import_session(home, packed.path, notebooks=False)
    assert (report.jobs, report.results, report.left_out) == (1, 0, ())
    assert home.ledger.find(record.id).status == "deleted"


def test_a_batch_comes_home_as_one(session, tmp_path, home):
    batch = session.batch(["a cat", "a dog"], size="square")
    batch.wait(120)
    packed = export_session(session, tmp_path / "1.zip", notebooks=False)
    assert import_session(home, packed.path, notebooks=False).results == 2
    import_session(home, packed.path, notebooks=False)
    there = home.batch(id=batch.id)
    assert [result.prompt for result in there.wait(120)] == ["a cat", "a dog"]
    assert len(home.ledger.list_batches()) == 1


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
def test_a_batch_that_this_program_cannot_have_written_is_rejected(zip, home, batch):
    header, rest = part(zip, "ledger.jsonl").decode().split("\n", 1)
    text = "\n".join([header, json.dumps({"batch": batch}), rest])
    with pytest.raises(InvalidRequestError, match="nothing was changed"):
        import_session(home, put(zip, "ledger.jsonl", text), notebooks=False)
    assert home.ledger.list_jobs() == []


def test_a_later_export_finishes_what_came_unfinished(seldom, sandbox, tmp_path, home):
    job = sent(seldom.generate("a garden", size="square"))
    import_session(
        home, export_session(seldom, tmp_path / "1.zip", notebooks=False).path, notebooks=False
    )
    assert home.ledger.find(job.task_id).status == "submitted"
    seldom.close()
    wait_until(lambda: job.last_update.is_final)
    often = Session(
        base_url=sandbox.url, key=sandbox.key, results=seldom.results.root, schedule=FAST_PACE
    )
    often.resume(job.task_id)[0].wait(120)
    import_session(
        home, export_session(often, tmp_path / "2.zip", notebooks=False).path, notebooks=False
    )
    often.close()
    here = home.ledger.find(job.task_id)
    assert here.status == "saved"
    assert home.result(here).paths[0].is_file()
    assert [what for _, what, _ in home.ledger.events(here.id)][-1] == "saved"


def test_nothing_here_is_overwritten(zip, home):
    notebook = home.results.root.parent / "first.ipynb"
    notebook.write_text(NOTEBOOK.replace("5}", "4}"))
    mine = notebook.read_text()
    import_session(home, zip, notebooks=True)
    (record,) = home.ledger.list_jobs()
    changed = ledger_with(zip, prompt="another's words", status="failed")
    import_session(home, changed, notebooks=True)
    assert home.ledger.list_jobs() == [record]
    assert notebook.read_text() == mine
    assert (notebook.parent / "first-2.ipynb").read_text() == NOTEBOOK


def test_removed_files_come_back(zip, home):
    import_session(home, zip, notebooks=False)
    (record,) = home.ledger.list_jobs()
    for path in (home.results.root / record.folder).iterdir():
        path.unlink()
    (home.results.root / record.folder).rmdir()
    assert import_session(home, zip, notebooks=False).results == 1
    assert home.result(record).paths[0].is_file()


def test_the_key_is_in_nothing_that_is_packed(session, tmp_path, sandbox):
    session.generate("a cat", size="square").wait(120)
    bad = tmp_path / "leaks.ipynb"
    bad.write_text(NOTEBOOK.replace("[]", json.dumps([{"source": f"key = '{sandbox.key}'"}])))
    (tmp_path / "fine.ipynb").write_text(NOTEBOOK)
    set_session(session)
    with pytest.warns(UserWarning, match=r"leaks\.ipynb, which holds your key"):
        path = lx.export_archive(tmp_path / "out.zip")
    bad.unlink()
    with zipfile.ZipFile(path) as archive:
        assert "notebooks/fine.ipynb" in archive.namelist()
        assert not [n for n in archive.namelist() if "leaks" in n]
        assert all(sandbox.key.encode() not in archive.read(n) for n in archive.namelist())


def test_a_name_that_is_taken_is_rejected_and_a_folder_gets_a_new_file_each_time(zip, away):
    with pytest.raises(InvalidRequestError, match="is there already"):
        export_session(away, zip, notebooks=False)
    names = {export_session(away, zip.parent, notebooks=False).path.name for _ in range(3)}
    assert len(names) == 3
    with pytest.raises(InvalidRequestError, match="cannot be written"):
        export_session(away, "/proc/nowhere/x.zip", notebooks=False)
    assert not list(zip.parent.glob(".*.part"))


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
def test_no_name_in_a_zip_becomes_a_path(zip, home, folder):
    """Whatever folder a row names, its files land in one made here, or nowhere."""
    first = json.loads(part(zip, "ledger.jsonl").decode().splitlines()[1])["job"]["folder"]
    changed = ledger_with(zip, folder=folder)
    for name in ("1.png", "metadata.json"):
        changed = put(changed, f"results/{folder}/{name}", part(zip, f"results/{first}/{name}"))
    brought = import_session(home, changed, notebooks=False)
    (record,) = home.ledger.list_jobs()
    assert brought.results == 1
    assert home.result(record).folder.resolve().is_relative_to(home.results.root.resolve())
    assert {path.name for path in home.results.root.parent.iterdir()} == {"results"}


@pytest.mark.parametrize(
    "name",
    ["../up.ipynb", "notebooks/../up.ipynb", "notebooks/.hidden.ipynb", "notebooks/x.html",
     "/tmp/up.ipynb", "notebooks/a\\b.ipynb"],
)  # fmt: skip
def test_no_notebook_lands_outside_its_folder(zip, home, name):
    brought = import_session(home, put(zip, name, NOTEBOOK), notebooks=True)
    names = {path.name for path in home.results.root.parent.iterdir()}
    assert names - {"up.ipynb"} == {"results", "first.ipynb"}
    assert not (home.results.root.parent.parent / "up.ipynb").exists()
    assert len(brought.notebooks) <= 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda picture: picture[:-1] + b"x", "not what the ledger says"),
        (lambda picture: b"", "not what the ledger says"),
        (lambda picture: picture + b"x", "larger than it may be"),
        (lambda picture: b"\0" * 50_000_000, "larger than it may be"),
    ],
)
def test_a_file_that_is_not_what_the_ledger_says_is_left_out(zip, home, change, said):
    name = picture_in(zip)
    brought = import_session(home, put(zip, name, change(part(zip, name))), notebooks=False)
    assert brought.results == 0
    assert said in brought.left_out[0]
    assert everything(home.results.root) == {}
    (record,) = home.ledger.list_jobs()
    assert [f.label for f in home.audit()] == ["files removed"]
    assert record.task_id


def test_a_page_of_html_under_a_pictures_name_is_left_out(zip, home):
    page = b"<!doctype html><script>alert(1)</script>"
    name = picture_in(zip)
    changed = put(zip, name, page)
    header, first = part(changed, "ledger.jsonl").decode().splitlines()
    line = json.loads(first)
    line["files"][0] |= {"bytes": len(page), "sha256": hashlib.sha256(page).hexdigest()}
    changed = put(changed, "ledger.jsonl", f"{header}\n{json.dumps(line)}\n")
    assert "not a usable picture" in import_session(home, changed, notebooks=False).left_out[0]
    assert everything(home.results.root) == {}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"id": "../x"}, "job.id: unexpected characters"),
        ({"status": "free of charge"}, "job.status: Invalid enum value"),
        ({"options": "[" * 100_000}, "no readable request"),
        ({"options": "[1]"}, "no readable request"),
        ({"prompt": " "}, "no readable request"),
        ({"prompt": 7}, "job.prompt: "),
        ({"prompt": "\ud800"}, "job.prompt: "),
        ({"prompt": "a\0b"}, "job.prompt: "),
        ({"created_at": -1}, "job.created_at: "),
        ({"created_at": float("nan")}, "job.created_at: "),
        ({"created_at": 1e300}, "job.created_at: "),
        ({"credits": -500.0}, "job.credits: "),
        ({"task_id": "x" * 201}, "job.task_id: "),
        ({"digest": "z" * 64}, "job.digest: "),
        ({"model": None}, "job.model: Expected str"),
    ],
)
def test_a_ledger_that_this_program_cannot_have_written_is_rejected_whole(zip, home, values, said):
    with pytest.raises(InvalidRequestError, match="nothing was changed") as error:
        import_session(home, ledger_with(zip, **values), notebooks=True)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert home.ledger.list_jobs() == []
    assert everything(home.results.root.parent) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": 99}\n', "format is 99"),
        ("nonsense\n", "no sound export"),
        ('{"format": 1}\n[]\n', "no job record"),
        (
            '{"format": 1}\n{"job": {}, "events": 3, "files": []}\n',
            "job: Object missing required field id",
        ),
        ('{"format": 1}\n' + "[" * 200_000 + "\n", "nested too deeply"),
        ('{"format": 1}\n' + " " * 9_000_000 + "\n", "too large"),
    ],
    ids=["another format", "nonsense", "a list", "no events", "too deep", "too large"],
)
def test_what_is_no_ledger_is_one_clear_line(zip, home, text, said):
    with pytest.raises(InvalidRequestError, match=said):
        import_session(home, put(zip, "ledger.jsonl", text), notebooks=True)


def test_what_is_no_export_is_one_clear_line(tmp_path, home):
    plain = tmp_path / "x.zip"
    plain.write_bytes(b"PK\x03\x04 and so on")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("a.txt", "a")
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as twice:
        twice.writestr("ledger.jsonl", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            twice.writestr("ledger.jsonl", "{}")
    for name in ("x.zip", "other.zip", "twice.zip", "missing.zip", "."):
        with pytest.raises(InvalidRequestError, match="no sound export"):
            import_session(home, tmp_path / name, notebooks=True)


def test_a_link_in_a_zip_is_only_bytes(zip, home):
    name = picture_in(zip)
    with zipfile.ZipFile(zip) as old, zipfile.ZipFile(zip.with_name("l.zip"), "w") as new:
        for n in old.namelist():
            if n != name:
                new.writestr(n, old.read(n))
        link = zipfile.ZipInfo(name)
        link.external_attr = 0o120777 << 16
        new.writestr(link, "/etc/passwd")
    assert import_session(home, zip.with_name("l.zip"), notebooks=False).results == 0
    assert not [path for path in home.results.root.rglob("*") if path.is_symlink()]


def test_a_link_in_the_results_is_not_followed_out(session, tmp_path):
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
