"""Kernels register their ledgers for Jupyter's server, in files that only the user can read."""

import json
import os
import stat
import time

import pytest

from liangxin_nb.notebook_files.registry import register, registered, registry_folder

URL = "postgresql://host/jobs"


@pytest.fixture
def file(tmp_path):
    """The file of one registration."""
    (tmp_path / "ledger.sqlite").touch()
    register(str(tmp_path / "ledger.sqlite"), tmp_path)
    return next(registry_folder().iterdir())


def test_session_registers_its_ledger(session):
    (entry,) = registered()
    assert (entry.ledger, entry.results) == (session.ledger.location, str(session.settings.results))


def test_registration_is_private(file):
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_same_folders_share_a_file(file, tmp_path):
    register(str(tmp_path / "ledger.sqlite"), tmp_path)
    assert list(registry_folder().iterdir()) == [file]


def test_last_used_registration_comes_first(tmp_path):
    for name in "ab":
        register(f"{URL}/{name}", tmp_path)
    for path in registry_folder().iterdir():
        os.utime(path, (time.time() - 60, time.time() - 60))
    register(f"{URL}/a", tmp_path)
    assert [entry.ledger for entry in registered()] == [f"{URL}/a", f"{URL}/b"]


@pytest.mark.parametrize(
    "location",
    ["postgresql://user:secret@host/jobs", "postgresql://host/jobs?password=secret"],
)
def test_registration_of_a_database_contains_no_password(location, tmp_path):
    register(location, tmp_path)
    assert "secret" not in next(registry_folder().iterdir()).read_text()
    assert registered()[0].ledger.startswith("sha256:")


def test_address_without_a_login_is_registered(tmp_path):
    register(URL, tmp_path)
    assert registered()[0].ledger == URL


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[" * 20_000,
        "x" * 20_000,
        json.dumps({"ledger": "/l"}),
        json.dumps({"ledger": 3, "results": "/r"}),
        json.dumps({"ledger": "relative/ledger.sqlite", "results": "/r"}),
        json.dumps({"ledger": "postgresql://host/jobs", "results": "relative"}),
        json.dumps({"ledger": "postgresql://host/jobs", "results": "/r", "output": "script"}),
        json.dumps({"ledger": "/removed/ledger.sqlite", "results": "/r"}),
    ],
    ids=range(10),
)
def test_unusable_registration_is_ignored(file, content):
    file.write_text(content)
    assert registered() == []


def test_registration_that_others_can_change_is_ignored(file):
    file.chmod(0o646)
    assert registered() == []


def test_link_is_ignored(file):
    target = file.rename(file.with_suffix(".txt"))
    file.symlink_to(target)
    assert registered() == []


def test_registrations_of_a_month_ago_are_removed(file, tmp_path):
    old = time.time() - 40 * 86_400
    os.utime(file, (old, old))
    register(URL, tmp_path)
    assert not file.exists()


def test_number_of_registrations_is_limited(tmp_path):
    for number in range(40):
        register(f"{URL}{number}", tmp_path)
    assert len(registered()) == len(list(registry_folder().iterdir())) == 32


def test_unusable_runtime_folder_does_not_disturb_a_session(connect, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file"))
    assert connect().ledger.path.exists()
    assert registered() == []
