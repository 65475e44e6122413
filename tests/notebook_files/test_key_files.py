"""Keys between kernels, Jupyter's server and notebook files: digests, notices, reports."""

import json
import logging
import os
import stat
from types import SimpleNamespace

import pytest

from liangxin_nb import Session
from liangxin_nb.cli import main
from liangxin_nb.config.secret import DOTS, Secret
from liangxin_nb.config.settings import Settings
from liangxin_nb.diagnostics import report
from liangxin_nb.notebook_files import key_notice
from liangxin_nb.notebook_files.file_scan import scan_folder
from liangxin_nb.notebook_files.key_notice import read_notice
from liangxin_nb.notebook_files.key_registry import register_keys, registered_keys
from liangxin_nb.notebook_files.runtime_files import MAX_ENTRIES, runtime_folder
from liangxin_nb.server import extension
from liangxin_nb.server.key_scan_hook import KeyScanHook

KEY = "Zk3v9QpL" + "7xWm2RtY8sBn4HcF"
ADDRESS = "https://api.example.com"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Only this key in the environment, and the notebook of this kernel."""
    for name in ("LIANGXIN_WEBHOOK_KEY", "LIANGXIN_SANDBOX_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "n.ipynb"))


@pytest.fixture
def hook():
    return KeyScanHook(logging.getLogger("server"), deadline_s=60)


@pytest.fixture
def save(hook, tmp_path):
    """Save a notebook as the server does, and return its outputs."""

    def save(content):
        manager = SimpleNamespace(root_dir=str(tmp_path))
        hook(model={"type": "notebook", "content": content}, path="n.ipynb",
             contents_manager=manager)  # fmt: skip
        return [output for cell in content["cells"] for output in cell["outputs"]]

    return save


def notebook(source="", text=""):
    output = {"output_type": "stream", "name": "stdout", "text": text}
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "execution_count": None,
            "source": source, "outputs": [output]}  # fmt: skip
    return {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def keys_folder():
    return runtime_folder("keys")


def finds(matcher):
    return bool(matcher.spans(KEY.encode()))


def test_registered_keys_are_recognised_and_not_in_the_files():
    register_keys()
    (file,) = keys_folder().iterdir()
    assert finds(registered_keys())
    assert KEY not in file.read_text()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (
        0o600, 0o700,
    )  # fmt: skip


def test_session_registers_its_key(tmp_path, monkeypatch):
    monkeypatch.delenv("LIANGXIN_API_KEY")
    with Session(profile="kie", key=KEY, results=tmp_path / "results"):
        assert finds(registered_keys())


def test_same_keys_share_a_file_and_old_files_are_removed():
    for _ in range(2):
        register_keys()
    assert len(list(keys_folder().iterdir())) == 1
    for number in range(MAX_ENTRIES):
        register_keys([Secret(f"another-k3y-{number:04}")])
    assert len(list(keys_folder().iterdir())) == MAX_ENTRIES


def test_equal_keys_of_several_kernels_are_searched_once():
    register_keys()
    register_keys([Secret("another-k3y")])
    salts = {json.loads(file.read_text())["salt"] for file in keys_folder().iterdir()}
    assert len(salts) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"salt": 5}', '{"salt": "00", "forms": 1}'])
def test_damaged_and_foreign_files_are_ignored(text):
    register_keys()
    folder = keys_folder()
    (folder / "damaged.json").write_text(text)
    (folder / "damaged.json").chmod(0o600)
    assert finds(registered_keys())
    for file in folder.iterdir():
        file.chmod(0o644)
    assert not registered_keys()


def test_keys_of_a_folder_that_cannot_be_written_are_not_registered(monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/proc/nowhere")
    register_keys()
    assert not registered_keys()


def test_saved_notebook_contains_no_key_in_use(save):
    register_keys()
    assert save(notebook(text=f"{KEY}\n"))[0]["text"] == f"{DOTS}\n"


def test_notice_names_the_cell_once_and_again_after_a_change(save, caplog):
    register_keys()
    save(notebook(f"key = '{KEY}'"))
    (line,) = read_notice()
    assert line == (
        "This notebook was saved with a key in use in the source of cell 1, from the top. "
        f"{key_notice.NEXT_STEP}"
    )
    save(notebook(f"key = '{KEY}' "))
    assert read_notice() == []
    save(notebook(f"key = '{KEY}'", KEY))
    assert len(read_notice()) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "liangxin_nb: 'n.ipynb' contains a key in use in the source of cell 1",
        "liangxin_nb: 'n.ipynb' contains a key in use in the source of cell 1 and the output of "
        "cell 1",
    ]


def test_notice_is_removed_when_the_key_was_removed(save):
    register_keys()
    save(notebook(f"key = '{KEY}'"))
    save(notebook())
    assert read_notice() == []


@pytest.mark.parametrize("text", ["", "{", "5", '[{"a": 1}]', '["\\u001b[31mred"]'])
def test_damaged_notice_does_no_harm(save, text):
    register_keys()
    save(notebook(f"key = '{KEY}'"))
    (file,) = runtime_folder("notices").iterdir()
    file.write_text(text)
    assert "\x1b" not in "".join(read_notice())
    assert not file.exists()


@pytest.mark.parametrize(
    "model",
    [{}, {"type": "file", "content": KEY}, {"type": "notebook"},
     {"type": "notebook", "content": 5}, {"type": "notebook", "content": {"cells": 5}}],
)  # fmt: skip
def test_other_files_are_saved_as_they_are(hook, model):
    before = json.dumps(model)
    hook(model=model, path="n.ipynb")
    assert json.dumps(model) == before


def test_failing_search_does_not_stop_the_save(hook, monkeypatch, caplog):
    monkeypatch.setattr("liangxin_nb.notebook_files.key_scan.redact_outputs", 1 / 1)
    content = notebook(text=KEY)
    hook(model={"type": "notebook", "content": content}, path="n.ipynb")
    assert content == notebook(text=KEY)
    assert "'n.ipynb' was not searched for keys (TypeError)" in caplog.text


def test_late_search_is_reported(tmp_path, caplog):
    hook = KeyScanHook(logging.getLogger("server"), deadline_s=-1)
    hook(model={"type": "notebook", "content": notebook(text=KEY)}, path="n.ipynb")
    assert "is too large to search all of it" in caplog.text


@pytest.mark.parametrize(("value", "count"), [("true", 1), ("false", 0)])
def test_search_can_be_turned_off(monkeypatch, value, count):
    monkeypatch.setenv("LIANGXIN_SCAN_ON_SAVE", value)
    hooks = []
    manager = SimpleNamespace(register_pre_save_hook=hooks.append)
    server = SimpleNamespace(contents_manager=manager, log=None)
    extension._add_save_hook(server, "scan_on_save", KeyScanHook, "search notebooks for keys")
    assert len(hooks) == count


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with a notebook that shows a key, one that holds it, and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    contents = {
        "shows.ipynb": notebook(text=KEY),
        "holds.ipynb": notebook(f"key = '{KEY}'"),
        ".ipynb_checkpoints/shows-checkpoint.ipynb": notebook(text=KEY),
        "fine.ipynb": notebook("print(1)", "1"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    (tmp_path / "broken.ipynb").write_text("{")
    return tmp_path


def test_heal_replaces_keys_in_outputs_and_in_the_checkpoint(files, capsys):
    assert main(["heal", "--check", "shows.ipynb"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "shows.ipynb: a key in use in the output of cell 1: revoke the key at the service; "
        "liangxin heal shows.ipynb replaces it by dots",
        ".ipynb_checkpoints/shows-checkpoint.ipynb: a key in use in the output of cell 1: revoke "
        "the key at the service; liangxin heal .ipynb_checkpoints/shows-checkpoint.ipynb replaces "
        "it by dots",
    ]
    assert main(["heal", "shows.ipynb"]) == 0
    assert "dots replaced a key in use" in capsys.readouterr().out
    for name in ("shows.ipynb", ".ipynb_checkpoints/shows-checkpoint.ipynb"):
        assert KEY not in (files / name).read_text()
    assert main(["heal", "--check", "shows.ipynb"]) == 0


def test_heal_names_a_source_with_a_key_and_does_not_change_it(files, capsys):
    before = (files / "holds.ipynb").read_text()
    assert main(["heal", "holds.ipynb"]) == 1
    assert "holds.ipynb: a key in use in the source of cell 1" in capsys.readouterr().out
    assert (files / "holds.ipynb").read_text() == before


def test_doctor_names_notebooks_with_keys(files):
    settings = Settings.load({}, profile="sandbox")
    problems = [line for line in report(settings, notebooks=files).splitlines() if ".ipynb" in line]
    assert len(problems) == 3
    assert all(line.startswith("problem") and "revoke the key" in line for line in problems)
    assert KEY not in "".join(problems)


def test_doctor_reads_the_last_changed_notebooks_of_very_many(files, monkeypatch):
    monkeypatch.setattr("liangxin_nb.notebook_files.file_scan._MAX_FILES", 1)
    os.utime(files / "holds.ipynb", (2e9, 2e9))
    register_keys()
    assert [item.path.name for item in scan_folder(files, registered_keys())] == ["holds.ipynb"]
