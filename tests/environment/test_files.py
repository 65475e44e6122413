"""What users read about disks, folders and locks in trouble."""

import errno
import fcntl
import os
import resource
import shutil
import tempfile
from pathlib import Path

import pytest

from liangxin_nb import Session
from liangxin_nb.archive import export_session
from liangxin_nb.errors import LiangxinError

from .. import stock
from ..processes import running


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """An archive with one picture."""
    folder = tmp_path_factory.mktemp("there")
    with Session(profile="sandbox", results=folder / "results") as session:
        stock.save_result(session, "a cat")
        return export_session(session, folder / "1.zip", notebooks=False).path


@pytest.fixture
def folder():
    """A folder that another user may open: pytest's own folders belong to one user."""
    folder = Path(tempfile.mkdtemp(prefix="files-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def open_in_read_only_folder(folder, _):
    Session(profile="sandbox", results=folder / "first").close()  # imports what opening needs
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.setuid(65534)
    Session(profile="sandbox", results=folder / "results")


def open_where_a_file_is(folder, _):
    (folder / "results").write_text("a note")
    Session(profile="sandbox", results=folder / "results")


def open_without_locks(folder, _):
    """As on a network disk without a lock service: flock answers ENOLCK."""

    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl.flock = flock
    with Session(profile="sandbox", results=folder / "results") as session:
        session.generate("a cat").wait(60)


def generate_after_the_folder_is_deleted(folder, _):
    with Session(profile="sandbox", results=folder / "results") as session:
        shutil.rmtree(folder / "results")
        session.generate("a cat").wait(60)


def generate_without_descriptors(folder, _):
    with Session(profile="sandbox", results=folder / "results") as session:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
        session.generate("a cat").wait(60)


def import_on_a_full_disk(folder, archive):
    with Session(profile="sandbox", results=folder / "results") as session:
        limit_files(60_000)
        session.import_archive(archive)


def export_on_a_full_disk(folder, _):
    with Session(profile="sandbox", results=folder / "results") as session:
        stock.save_result(session, "a cat")
        limit_files(60_000)
        session.export_archive(folder / "1.zip")


def limit_files(size):
    """No file may become larger, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def report_error(pipe, action, folder, archive):
    os.environ["LIANGXIN_BUDGET"] = str(Path(folder) / "budget")
    try:
        action(Path(folder), Path(archive))
    except Exception as error:
        pipe.send(error)
    else:
        pipe.send(None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("action", "words"),
    [
        (open_in_read_only_folder, "cannot be written"),
        (open_where_a_file_is, "cannot be written"),
        (open_without_locks, "can be locked"),
        (generate_after_the_folder_is_deleted, "cannot be"),
        (generate_without_descriptors, "cannot be"),
        (import_on_a_full_disk, "stopped"),
        (export_on_a_full_disk, "cannot be written"),
    ],
)
def test_trouble_of_a_disk_is_named_in_one_line(action, words, folder, archive, show_line):
    with running(report_error, action, str(folder), str(archive)) as (_, pipe):
        error = pipe.recv()
    assert isinstance(error, LiangxinError), repr(error)
    assert words in str(error)
    assert error.next_step
    show_line("files", action.__name__.replace("_", " "), str(error).replace(f"{folder}/", ""))
