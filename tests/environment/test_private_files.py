"""Files of the user are private, also in folders that other users can write."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from liangxin_nb import Session
from liangxin_nb.archive import export_session
from liangxin_nb.config import private_files
from liangxin_nb.config.private_files import (
    create_subfolder,
    default_folder,
    describe_exposure,
    match_folder,
)
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.request import Request
from liangxin_nb.diagnostics import report
from liangxin_nb.engine.journal import Journal
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ratelimit.file_store import FileSlotStore
from liangxin_nb.ratelimit.slots import RateLimit
from liangxin_nb.results import ResultStore

#: Creates every kind of file, and prints the permissions of each. Lock files are empty, SQLite
#: deletes its own, and those of the sandbox are in its folder, which is tested elsewhere.
WRITE_ALL = """
import json, os, sys
from pathlib import Path
os.umask(int(sys.argv[1], 8))
import liangxin_nb as lx
from liangxin_nb.callbacks.hint_store import HintStore
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
session = lx.Session(speed=50)
session.generate("a lake", size="square").wait()
library = Library(session)
(entry,) = library.page(Query())
assert library.thumbnail(entry)
library.export([entry.id])
session.export_archive(Path("export.zip"))
HintStore(Path("callbacks"))
session.close()
modes = [
    (path.parts[0], path.is_dir(), oct(path.stat().st_mode & 0o777), path.name)
    for path in sorted(Path().rglob("*"))
    if not path.name.endswith((".lock", "-wal", "-shm")) and ".sandbox" not in path.parts
]
print(json.dumps(modes))
"""


def write_all(folder, mask, **settings):
    """Return the modes of the folders and of the files that a session writes, by their top."""
    variables = {"LIANGXIN_BUDGET": "budget", "LIANGXIN_SANDBOX_LINGER": "0.2", **settings}
    done = subprocess.run(
        [sys.executable, "-c", WRITE_ALL, mask], cwd=folder, capture_output=True, text=True,
        env={**os.environ, **variables},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modes = {}
    for top, is_folder, mode, name in json.loads(done.stdout):
        modes.setdefault(top, ({}, {}))[not is_folder].setdefault(mode, []).append(name)
    return modes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "folder_mode", "file_modes"),
    [({}, "0o700", {"0o600"}), ({"LIANGXIN_GROUP_ACCESS": "yes"}, "0o750", {"0o600", "0o640"})],
)
def test_new_files_are_private_or_readable_for_the_group(
    tmp_path, settings, folder_mode, file_modes
):
    modes = write_all(tmp_path, "000", **settings)
    folders, files = modes["liangxin-results"]
    assert set(folders) == {folder_mode}, folders
    assert set(files) == file_modes, files
    if "0o640" in files:
        assert [Path(name).suffix for name in files["0o600"]] == [".zip"], "an export is private"
    assert modes["export.zip"][1].keys() == {"0o600"}
    for top in ("callbacks", "budget"):
        assert [set(part) for part in modes[top]] == [{"0o700"}, {"0o600"}], modes[top]


def test_existing_folder_is_not_changed_and_decides_for_new_ones(tmp_path):
    for mode in (0o755, 0o750, 0o700):
        root = tmp_path / f"{mode:o}"
        root.mkdir()
        root.chmod(mode)
        store = ResultStore(root, group_access=True)
        staged = store.stage(JobRecord.new(Request("z-image", "a lake", {}), "kie", ""))
        assert [path.stat().st_mode & 0o777 for path in (root, staged.folder)] == [mode, mode]


def test_files_are_not_created_by_tempfile_which_hangs_on_windows(tmp_path, monkeypatch):
    """On Windows it tries again without end in a folder that cannot be written (gh-66305)."""
    monkeypatch.setattr("tempfile._get_candidate_names", None)
    with Session(profile="sandbox", results=tmp_path / "results") as session:
        archive = export_session(session, tmp_path / "1.zip", notebooks=False).path
    assert archive.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.rglob(".writable*")) == []


def test_permissions_are_only_taken_away(tmp_path):
    tmp_path.chmod(0o755)
    file = tmp_path / "file"
    file.touch(0o600)
    match_folder(file)
    assert file.stat().st_mode & 0o777 == 0o600
    match_folder(tmp_path / "missing")  # a file system may refuse, too


def test_new_folders_get_the_group_of_a_shared_folder(tmp_path):
    tmp_path.chmod(0o2750)
    create_subfolder(tmp_path / "day")
    assert (tmp_path / "day").stat().st_mode & 0o7777 == 0o2750


def belongs_to_another_user(path):
    """Let a file or folder belong to another user; return another one if that is impossible."""
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
        return path
    return Path("/etc/passwd") if path.is_file() else Path("/usr")


@pytest.mark.skipif(sys.platform != "linux", reason="the folder differs")
@pytest.mark.parametrize(
    "given", ["missing", "a file", "a link", "writable for all", "of another user", "0755", "0700"]
)
def test_unsuitable_runtime_folder_is_ignored_without_a_warning(monkeypatch, tmp_path, given):
    folder = tmp_path / "runtime"
    monkeypatch.setattr(private_files.tempfile, "gettempdir", lambda: str(tmp_path))
    if given == "a file":
        folder.touch()
    elif given == "a link":
        folder.symlink_to(tmp_path)
    elif given != "missing":
        folder.mkdir()
        folder.chmod({"writable for all": 0o777, "0755": 0o755}.get(given, 0o700))
    if given == "of another user":
        folder = belongs_to_another_user(folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    is_used = given in ("0755", "0700")
    own = tmp_path / f"liangxin_nb-{os.getuid()}"
    assert default_folder() == (folder / "liangxin_nb" if is_used else own)


@pytest.mark.skipif(sys.platform != "linux", reason="the folder differs")
@pytest.mark.parametrize("taken", ["file", "link", "writable folder"])
def test_folder_in_the_temporary_folder_that_others_have_taken_is_not_used(
    monkeypatch, tmp_path, taken
):
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(private_files.tempfile, "gettempdir", lambda: str(tmp_path))
    name = tmp_path / f"liangxin_nb-{os.getuid()}"
    if taken == "file":
        name.touch()
    elif taken == "link":
        name.symlink_to(tmp_path / "nowhere")
    else:
        name.mkdir()
        name.chmod(0o777)
    assert default_folder() == tmp_path / "cache" / "liangxin_nb" / "runtime"


def test_slots_are_not_written_through_a_link(tmp_path):
    (tmp_path / "target").write_text("content")
    (tmp_path / "slots.json").symlink_to(tmp_path / "target")
    store = FileSlotStore(tmp_path / "slots.json")
    with pytest.raises(OSError, match="symbolic link"):
        store.reserve("query", RateLimit(1, 1.0), "a")
    assert (tmp_path / "target").read_text() == "content"


def plant_link(path):
    path.with_name("target").write_text("content")
    path.symlink_to("target")


def plant_file_of_another_user(path):
    path.touch()
    path.chmod(0o666)
    os.chown(path, 12345, 12345)


PLANTED = [plant_link, os.mkfifo]
if os.geteuid() == 0:  # others cannot give a file away
    PLANTED.append(plant_file_of_another_user)


@pytest.mark.parametrize("plant", PLANTED)
def test_journal_uses_no_file_that_another_user_has_made(monkeypatch, tmp_path, plant):
    """Outside of the results folder the names of journals are predictable."""
    monkeypatch.setattr("liangxin_nb.engine.journal.default_folder", lambda: tmp_path / "no")
    (tmp_path / "no").touch()
    monkeypatch.setattr("liangxin_nb.engine.journal.tempfile.gettempdir", lambda: str(tmp_path))
    journal = Journal(tmp_path / "no" / "results", "ledger.sqlite")
    plant(journal.paths[-1])
    record = JobRecord.new(Request("z-image", "a secret", {}), "kie", "").replace(task_id="t")
    assert journal.append(record) is None
    assert journal.rows() == []
    if plant is not os.mkfifo:
        assert "secret" not in journal.paths[-1].read_text()


def test_check_of_the_results_folder_writes_through_no_link(tmp_path):
    (tmp_path / "target").write_text("content")
    for name in (f".writable-{os.getpid()}", ".writable"):
        (tmp_path / name).symlink_to("target")
    ResultStore(tmp_path)
    assert (tmp_path / "target").read_text() == "content"
    assert len(list(tmp_path.iterdir())) == 3


def test_export_writes_through_no_link(session, tmp_path):
    (tmp_path / "target").write_text("content")
    (tmp_path / ".export.zip.part").symlink_to("target")
    session.export_archive(tmp_path / "export.zip", notebooks=False)
    assert (tmp_path / "target").read_text() == "content"
    assert (tmp_path / "export.zip").stat().st_mode & 0o777 == 0o600


def test_doctor_names_folders_that_others_can_change(tmp_path, session, show_line):
    folder = session.settings.results
    assert describe_exposure(folder) == ""
    folder.chmod(0o777)
    lines = [line for line in report(session.settings).splitlines() if str(folder) in line]
    line = next(line for line in lines if line.startswith("problem"))
    show_line("files", "results folder that all can write", line.replace(str(tmp_path), "..."))
    assert "chmod o-w" in line
    folder.chmod(0o1777)
    assert describe_exposure(folder) == ""
    other = tmp_path / "other"
    other.mkdir()
    other = belongs_to_another_user(other)
    line = describe_exposure(other)
    show_line("files", "results folder of another user", line.replace(str(tmp_path), "..."))
    assert "another user" in line
    assert describe_exposure(tmp_path / "missing") == ""


def test_results_folder_that_is_a_file_is_reported(tmp_path, show_line):
    (tmp_path / "results").touch()
    with pytest.raises(InvalidRequestError) as error:
        ResultStore(tmp_path / "results")
    show_line("files", "results folder is a file", str(error.value).replace(str(tmp_path), "..."))
