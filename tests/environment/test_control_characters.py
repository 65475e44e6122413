"""Texts of strangers are printed without control characters, wherever they come from."""

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

import liangxin_nb as lx
from liangxin_nb.archive.format import ExportReport, ImportReport
from liangxin_nb.cell_outputs.outcome_text import outcome_bundle
from liangxin_nb.core.job_record import JobPhase, JobRecord, JobUpdate
from liangxin_nb.core.printing import print_text
from liangxin_nb.core.request import Request
from liangxin_nb.core.table import Table
from liangxin_nb.errors import APIError, LiangxinError, one_line
from liangxin_nb.notebook.widgets.job_output import status_line
from liangxin_nb.notebook.widgets.output import OutputHandle
from liangxin_nb.notebook.widgets.terminal import TerminalProgress
from liangxin_nb.session import exit as session_exit

from .. import stock
from ..scan import KEY

#: Sets the clipboard, clears the screen, changes colours (C1), reverses the order, returns.
HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\u202egnp\r\x08\x7f\u200b"
SHOWN = "␛]52;c;aGk=␇␛[2J<U+009B>31m<U+202E>gnp␍␈␡<U+200B>"
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e]")


def check(text):
    """Check that a text of one or more lines has no control character, but shows them."""
    assert not FORBIDDEN.search(text), ascii(text)
    assert "␛]52;c;aGk=␇" in text


def record(**changes):
    request = Request(f"model{HOSTILE}", f"prompt{HOSTILE}", {f"o{HOSTILE}": HOSTILE})
    return JobRecord.new(request, "sandbox", "").replace(task_id=f"task{HOSTILE}", **changes)


def failed():
    error = lx.TaskFailedError(f"reason{HOSTILE}", next_step=f"step{HOSTILE}")
    return JobUpdate(record(), JobPhase.FAILED, error=error)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("message of the service", lambda: str(APIError(HOSTILE, status=400))),
        ("next step with a task id", lambda: str(LiangxinError("x", next_step=HOSTILE))),
        ("prompt in a table", lambda: repr(Table(("prompt",), [(HOSTILE,)]))),
        ("heading of a table", lambda: repr(Table((HOSTILE,), [("x",)]))),
        ("text of an empty table", lambda: repr(Table((), (), HOSTILE))),
        ("prompt in a table, as HTML", lambda: Table(("a",), [(HOSTILE,)])._repr_html_()),
        ("name in an archive", lambda: repr(ImportReport(left_out=(HOSTILE,)))),
        ("name of an archive", lambda: repr(ExportReport(Path(HOSTILE), 0, 0, 0)).split(":")[0]),
        ("model and note of a card", lambda: outcome_bundle(failed())["text/plain"]),
        ("prompt of a card, as HTML", lambda: outcome_bundle(failed())["text/html"]),
    ],
)  # fmt: skip
def test_texts_of_strangers_have_no_control_characters(given, text, show_line):
    shown = text()
    check(shown)
    if "HTML" not in given and "\n" not in shown:
        show_line("strangers", given, shown)


def test_interrupted_wait_shows_no_control_characters():
    error = KeyboardInterrupt()
    one_line(error, HOSTILE)
    check(error._render_traceback_()[0])


def test_printed_texts_have_no_control_characters(capsys, monkeypatch):
    print_text(f"a\n{HOSTILE}")
    check(capsys.readouterr().out.removeprefix("a\n"))
    update = JobUpdate(record(), JobPhase.WAITING, note=HOSTILE)
    TerminalProgress(update, is_waited_for=False).update(failed())
    check(capsys.readouterr().out)
    monkeypatch.setattr(session_exit, "_unsent", {f"id{HOSTILE}": None})
    session_exit._hold()
    check(capsys.readouterr().err)


def test_displayed_bundles_have_no_control_characters(monkeypatch):
    shown = []
    monkeypatch.setenv("LIANGXIN_FRONTEND", "plain")
    monkeypatch.setattr(
        "liangxin_nb.notebook.widgets.output.display", lambda bundle, **_: shown.append(bundle)
    )
    monkeypatch.setattr(
        "liangxin_nb.notebook.widgets.output.update_display",
        lambda bundle, **_: shown.append(bundle),
    )
    output = OutputHandle()
    output.show(status_line(JobUpdate(record(), JobPhase.WAITING)))
    output.replace({"text/plain": HOSTILE})
    for bundle in shown:
        check(bundle["text/plain"])
    assert len(shown) == 2


def test_objects_of_a_session_print_no_control_characters(session):
    saved = stock.save_result(session, f"a lake{HOSTILE}", model=f"m{HOSTILE}")
    result = session.result(saved)
    check(repr(result))
    check(result._repr_mimebundle_()[0]["text/plain"])
    assert result.metadata.prompt == f"a lake{HOSTILE}", "what is stored stays unchanged"
    check(repr(session.history()))
    job = session.generate("a lake", model=f"m{HOSTILE}", any_model=True)
    check(repr(job))
    with pytest.raises(LiangxinError) as error:
        job.wait()
    check(str(error.value))
    batch = session.batch([f"a{HOSTILE}", "b"], size="square", name=HOSTILE, dry_run=True)
    assert not FORBIDDEN.search(repr(batch))


#: Prints everything that a terminal shows about hostile jobs; `exec` reads it, so that IPython
#: echoes none of it.
SCRIPT = """
import liangxin_nb as lx
from liangxin_nb.notebook.magics.line_magic import liangxin_line as line
H = {hostile!r}
job = lx.generate("a lake " + H, size="square")
print(job)
job.wait()
print(job, job.result, lx.history())
try:
    lx.generate("a lake", model="m" + H, size="square", any_model=True).wait()
except lx.LiangxinError as error:
    print(error)
try:
    lx.read_metadata("missing" + H)
except lx.LiangxinError as error:
    print(error)
batch = lx.batch(["a" + H, "b"], name="n" + H, size="square")
try:
    batch.wait()
except lx.LiangxinError as error:
    print(error)
print(batch, batch.sheet().text, batch.table())
shown = lx.generate("shown " + H, size="square")
lx.show(shown)
shown.wait()
for command in ("", "tasks", "tasks " + H, "show " + H, "resume", "batches", "models", "config",
                "credits", "doctor", "recover missing" + H, "import missing" + H, "detach " + H):
    try:
        print(repr(line(command)))
    except Exception as error:
        print(error)
lx.generate("lost " + H, model="m" + H, any_model=True).wait()
"""


@pytest.mark.slow
def test_ipython_in_a_terminal_receives_no_control_characters_of_strangers(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.format(hostile=HOSTILE))
    shell = pexpect.spawn(
        sys.executable,
        ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        cwd=tmp_path, encoding="utf-8", timeout=120, dimensions=(50, 400),
        env={**os.environ, "LIANGXIN_SPEED": "50", "LIANGXIN_SANDBOX_KEY": KEY, "TERM": "dumb"},
    )  # fmt: skip
    shell.expect(r"In \[1\]: ")
    shell.sendline("%load_ext liangxin_nb")
    shell.expect(r"In \[2\]: ")
    shell.sendline("exec(open('script.py').read())")
    shell.expect(r"In \[3\]: ")
    output = shell.before
    shell.sendline("exit")
    shell.expect(pexpect.EOF)
    output += shell.before
    # A line break of the terminal is \r\n; the toolkit rewrites its own line with \r ESC [2K.
    data = output.replace("\r\x1b[2K", "").replace("\r\n", "\n")
    assert "Traceback" not in data, data
    found = [data[max(0, m.start() - 40) : m.end() + 20] for m in FORBIDDEN.finditer(data)]
    assert not found, found
    assert data.count("␛]52;c;aGk=␇") > 12
