"""`liangxin heal` and `%liangxin heal`: what is written, what stays, and the exit codes."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import read as read_notebook
from nbformat.sign import NotebookNotary

from liangxin_nb import Session
from liangxin_nb.cli import main
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.maintenance import heal_command
from liangxin_nb.notebook_files import notebook_file
from liangxin_nb.notebook_files.notebook_file import NotebookFile
from liangxin_nb.session.default import set_session

from .conftest import VIEW, card, display, notebook, outputs_of


@pytest.fixture
def file(saved, tmp_path):
    """A notebook with the card of an ended job."""
    return write(tmp_path / "n.ipynb", notebook(card(saved)))


def write(path, content, **options):
    text = json.dumps(content, **({"indent": 1, "ensure_ascii": False} | options)) + "\n"
    path.write_text(text, encoding="utf-8")
    return path


def read(path):
    return json.loads(path.read_text(encoding="utf-8-sig"))


def is_durable(path):
    return all(VIEW not in output["data"] for output in outputs_of(read(path)))


def test_command_completes_a_file(file, capsys):
    assert main(["heal", str(file)]) == 0
    assert is_durable(file)
    assert capsys.readouterr().out == f"{file}: 1 output completed\n"


def test_console_script_is_installed(file):
    script = Path(sys.executable).with_name("liangxin")
    run = subprocess.run([script, "heal", file], capture_output=True, text=True)
    assert (run.returncode, run.stderr, is_durable(file)) == (0, "", True)


def test_second_run_writes_nothing(file, capsys):
    main(["heal", str(file)])
    before = file.stat().st_mtime_ns, file.stat().st_ino
    capsys.readouterr()
    assert main(["heal", str(file)]) == main(["heal", "--check", str(file)]) == 0
    assert before == (file.stat().st_mtime_ns, file.stat().st_ino)
    assert capsys.readouterr().out == ""


def test_check_changes_nothing_and_fails(file, capsys):
    before = file.read_bytes()
    assert main(["heal", "--check", str(file)]) == 1
    assert file.read_bytes() == before
    assert "1 output to complete" in capsys.readouterr().out


def test_check_finds_a_key_in_a_source(file, saved, capsys):
    content = notebook(display({"text/plain": "x"}))
    content["cells"][0]["source"] = "key = 'sk-Zk3v9QpL7xWm2RtY8sBn4HcF'"
    assert main(["heal", "--check", str(write(file, content))]) == 1
    out = capsys.readouterr().out
    assert "looks like an API key (sk-…) in the source of cell 1" in out
    assert "Zk3v" not in out


def test_unknown_job_fails_and_is_named(file, saved, capsys):
    write(file, notebook(card(saved.replace(id="ffffffffffff", task_id="task_x"))))
    before = file.read_bytes()
    assert main(["heal", str(file)]) == 1
    assert "task_x has not ended, or is in no ledger" in capsys.readouterr().out
    assert file.read_bytes() == before


def test_unfinished_job_fails_and_its_file_names_the_next_step(file, saved, ledger):
    ledger.update(saved, "x", status="submitted", owner="")
    assert main(["heal", str(file)]) == 1
    assert is_durable(file)
    assert f"%liangxin resume {saved.task_id}" in file.read_text()


def test_outputs_can_be_converted_to_pictures_and_back(file, capsys):
    main(["heal", str(file)])
    figure = file.read_bytes()
    assert main(["heal", "--output", "image", str(file)]) == 0
    assert "image/jpeg" in outputs_of(read(file))[0]["data"]
    assert main(["heal", "--output", "figure", str(file)]) == 0
    assert file.read_bytes() == figure


def test_ledger_can_be_named(file, results, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "another"))
    assert main(["heal", str(file)]) == 1
    assert main(["heal", "--ledger", str(results / "ledger.sqlite"), str(file)]) == 0


def test_results_folder_can_be_named(file, results, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "another"))
    assert main(["heal", "--results", str(results), str(file)]) == 0


def test_default_results_folder_beside_the_notebook_is_found(file, results, monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "another"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    results.rename(file.parent / "liangxin-results")
    assert main(["heal", str(file)]) == 0


def test_link_to_the_original_is_relative_to_the_notebook(file, saved, tmp_path):
    (tmp_path / "sub").mkdir()
    path = file.rename(tmp_path / "sub" / "n.ipynb")
    main(["heal", str(path)])
    assert f"../results/{saved.folder}/" in path.read_text()


def test_folders_and_patterns_name_notebooks(saved, tmp_path, capsys):
    folder = tmp_path / "all" / "deep"
    folder.mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    hidden = write(folder / ".ipynb_checkpoints" / "n.ipynb", notebook(card(saved)))
    files = [write(folder / f"{name}.ipynb", notebook(card(saved))) for name in "ab"]
    assert main(["heal", str(tmp_path / "all"), str(folder / "a*.ipynb")]) == 0
    assert [*map(is_durable, files), is_durable(hidden)] == [True, True, False]
    assert capsys.readouterr().out.count("completed") == 2


def test_pattern_without_notebooks_is_an_error(capsys):
    assert main(["heal", "nothing*.ipynb"]) == 2
    assert capsys.readouterr().err == ("'nothing*.ipynb' matches no notebook. Give .ipynb files.\n")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b'{"cells": 3, "nbformat": 4}',
     b'{"worksheets": [], "nbformat": 3}', None],
    ids=range(8),
)  # fmt: skip
def test_other_files_are_an_error_and_the_rest_is_done(file, tmp_path, content, capsys):
    other = tmp_path / "other.ipynb"
    if content is not None:
        other.write_bytes(content)
    assert main(["heal", str(other), str(file)]) == 2
    assert is_durable(file)
    error = capsys.readouterr().err
    assert error.startswith(repr(str(other)))
    assert error.count("\n") == 1


@pytest.mark.parametrize("options", [[], ["heal"], ["heal", "--output", "png", "x.ipynb"]], ids=str)
def test_wrong_options_end_with_2(options, capsys):
    with pytest.raises(SystemExit) as exit:
        main(options)
    assert exit.value.code == 2


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ({"indent": 1}, lambda text: text),
        ({"indent": 2}, lambda text: text),
        ({"indent": "\t"}, lambda text: text),
        ({"indent": None}, lambda text: text),
        ({"indent": None, "separators": (",", ":")}, lambda text: text),
        ({"ensure_ascii": True}, lambda text: text),
        ({"indent": 1}, str.rstrip),
        ({"indent": 1}, lambda text: text.replace("\n", "\r\n")),
        ({"indent": 1}, lambda text: f"\ufeff{text}"),
        ({"ensure_ascii": True}, lambda text: text.replace("KEY ORDER", "half \\ud800")),
    ],
    ids=range(10),
)
def test_format_of_a_file_stays(saved, tmp_path, options, change):
    content = notebook(card(saved), display({"text/plain": ["雨 é\n", "b"]}))
    content = {"zzz": "KEY ORDER", **content}
    path = write(tmp_path / "n.ipynb", content, **options)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    file = NotebookFile(path)
    before = path.read_bytes()
    file.write()
    assert path.read_bytes() == before


def test_texts_are_lists_of_lines_as_in_the_file(file):
    content = read(file)
    content["cells"][0]["outputs"][0]["data"]["text/plain"] = ["<Job>"]
    main(["heal", str(write(file, content))])
    data = outputs_of(read(file))[0]["data"]
    assert all(isinstance(data[kind], list) for kind in data if kind.startswith("text/"))


def test_permissions_stay(file):
    file.chmod(0o640)
    main(["heal", str(file)])
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("is_trusted", [True, False])
def test_trust_stays_as_it_was(file, monkeypatch, tmp_path, is_trusted):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    notary = NotebookNotary(data_dir=str(tmp_path / "data"))
    if is_trusted:
        notary.sign(read_notebook(file, as_version=4))
    assert main(["heal", str(file)]) == 0
    assert notary.check_signature(read_notebook(file, as_version=4)) == is_trusted
    notary.store.close()


def test_link_to_a_notebook_stays_a_link(file, tmp_path):
    link = tmp_path / "link.ipynb"
    link.symlink_to(file)
    main(["heal", str(link)])
    assert link.is_symlink()
    assert is_durable(file)


def test_file_that_another_program_changes_is_not_written(file, monkeypatch):
    notebook = NotebookFile(file)
    write(file, {"changed": True})
    with pytest.raises(InvalidRequestError, match="was changed by another program"):
        notebook.write()
    assert read(file) == {"changed": True}
    assert [path.name for path in file.parent.glob(".n*")] == []


def test_file_stays_when_the_disk_is_full(file, monkeypatch, capsys):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(notebook_file.os, "fsync", fail)
    before = file.read_bytes()
    assert main(["heal", str(file)]) == 2
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.glob(".n*")] == []


@pytest.fixture
def shell_session(results, sandbox, monkeypatch, tmp_path):
    """The session of a notebook, of which no server knows."""
    options = {"base_url": sandbox.url, "key": sandbox.key}
    with Session(results=results, **options) as session:
        set_session(session)
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "another"))
        yield session


def test_magic_completes_a_file_with_the_ledger_of_its_kernel(file, shell_session):
    shown = repr(heal_command(f'"{file}"'))
    assert is_durable(file)
    assert "1 output completed" in shown
    assert "reload it" in shown
    assert "nothing was changed" in repr(heal_command(str(file)))


def test_magic_can_check_a_file(file, shell_session):
    assert "1 output to complete" in repr(heal_command(f"{file} --check"))
    assert not is_durable(file)


@pytest.mark.parametrize("line", ["", "--check", "--output image n.ipynb"])
def test_magic_without_a_file_says_what_to_write(line, shell_session):
    with pytest.raises(InvalidRequestError, match=r"Write %liangxin heal FILE.ipynb"):
        heal_command(line)
