"""What users read when they paste a key in the wrong form or place; no row repeats the key."""

import asyncio
import copy
import inspect
import json
import logging
import pickle
from pathlib import Path

import pytest

import liangxin_nb as lx
from liangxin_nb.batches import prepare, prompt_lines
from liangxin_nb.config import credentials
from liangxin_nb.config.schema import read_variable
from liangxin_nb.config.secret import Secret, secret_forms
from liangxin_nb.config.settings import OVERRIDES, Settings
from liangxin_nb.core.request import Request
from liangxin_nb.errors import LiangxinError
from liangxin_nb.notebook.magics.batch_magic import parse_batch_cell
from liangxin_nb.notebook.magics.cell_magic import parse_cell
from liangxin_nb.notebook.magics.line_magic import liangxin_line

from .. import scan

PART = "Zx9Secret42"  # of every key here: no line contains it
KEY = f"sk-{PART}0123456789abcdef"
ADDRESS = "https://api.example.com"


def reject(call, *arguments, **options):
    """Return the line that a rejected call raises."""
    with pytest.raises(LiangxinError) as error:
        call(*arguments, **options)
    line = str(error.value)
    assert PART not in line
    assert scan.MARK not in line
    return line


# ---- a key that is read


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("two lines", f"{KEY}\n{KEY}"),
        ("a space inside", f"sk-{PART} {PART}"),
        ("full-width letters", f"ｓｋ-{PART}"),
        ("a zero-width space inside", f"sk-\u200b{PART}"),
        ("a file in UTF-16", f"s\0k\0-\0{PART}"),
        ("a placeholder", "YOUR_API_KEY"),
        ("a shortened key", f"{KEY[:6]}****9f2c"),
        ("a shell variable", "$KIE_KEY"),
        ("the name of a file", f"~/{PART}.key"),
        ("an address", f"https://h/{PART}"),
        ("5,000 characters", PART * 500),
        ("3 characters", "Zx9"),
    ],
)
def test_variable_with_an_unusable_key_is_rejected(given, value, show_line):
    environment = {"LIANGXIN_API_KEY": value, "LIANGXIN_BASE_URL": ADDRESS}
    line = reject(Settings.load, environment)
    assert line.startswith("LIANGXIN_API_KEY is not a usable key: ")
    show_line("keys", f"LIANGXIN_API_KEY={given}", line)


@pytest.mark.parametrize("value", [KEY.encode(), 12345678, Path(PART), [KEY], True, object()])
def test_argument_that_is_no_text_is_rejected(value, show_line):
    line = reject(Settings.load, {}, key=value, base_url=ADDRESS)
    assert "The argument key is not a usable key: it is" in line
    show_line("keys", f"Session(key={type(value).__name__})", line)


@pytest.mark.parametrize("setting", ["webhook_key", "sandbox_key"])
def test_other_keys_are_cleaned_and_checked_alike(setting, show_line):
    name = f"LIANGXIN_{setting.upper()}"
    assert read_variable(setting, {name: f"Bearer {KEY}\n"}).reveal() == KEY
    line = reject(read_variable, setting, {name: f"{KEY}\n{KEY}"})
    assert line.startswith(f"{name} is not a usable key: it contains 2 lines.")
    show_line("keys", f"{name}=two lines", line)


@pytest.mark.parametrize("source", credentials._SOURCES)
def test_source_of_an_unusable_key_is_named(source, monkeypatch, show_line):
    for name in credentials._SOURCES:
        value = f"{KEY}\n{KEY}" if name == source else None
        monkeypatch.setitem(credentials._SOURCES, name, lambda value=value: value)
    line = reject(Settings.load, {"LIANGXIN_BASE_URL": ADDRESS})
    assert line.startswith(f"{source} is not a usable key: it contains 2 lines.")
    show_line("keys", f"{source.rpartition(' ')[0]}: two lines", line)


def test_key_that_was_entered_is_checked(monkeypatch, show_line):
    monkeypatch.setattr("getpass.getpass", lambda _: f"{KEY} {KEY}")
    line = reject(liangxin_line, "key")
    show_line("keys", "%liangxin key, then a key with a space", line)
    monkeypatch.setattr("getpass.getpass", lambda _: f"'{KEY}'\n")
    liangxin_line("key")
    assert OVERRIDES["key"].reveal() == KEY


def test_key_on_the_line_of_the_magic_is_not_used(show_line):
    line = reject(liangxin_line, "key ead0e5fe7c1b4a9d8f20b3c4d5e6f708")
    assert "is written without the key" in line
    assert "key" not in OVERRIDES
    show_line("keys", "%liangxin key ead0e5fe…", line)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_the_key_command_is_printed(option, capsys):
    liangxin_line(f"key {option}")
    assert "%liangxin [COMMAND]" in capsys.readouterr().out


# ---- a key in a prompt, an option or a line

GENERATE = {
    "a prompt": ((f"use {KEY} please",), {}),
    "an option": (("a lake",), {"style": KEY}),
    "an option with a list": (("a lake",), {"tags": ["a", KEY]}),
    "a nested option": (("a lake",), {"shots": [{"prompt": KEY}]}),
    "a seed": (("a lake",), {"seed": KEY}),
    "the model": (("a lake",), {"model": KEY}),
    "a reference URL": (("a lake",), {"image": f"https://h/a.png?api_key={PART}a1b2c3d4e5f6"}),
    "a callback URL": (("a lake",), {"callback": f"https://h/?api_key={PART}a1b2c3d4e5f6"}),
}


@pytest.mark.parametrize("given", GENERATE)
def test_key_in_a_request_is_rejected_before_it_is_recorded(given, connect, server, show_line):
    arguments, options = GENERATE[given]
    session = connect()
    line = reject(session.generate, *arguments, **options)
    assert "contains what looks like an API key" in line
    assert server.asked == []
    assert session.ledger.count_by_status() == {}
    show_line("keys", f"generate() with a key in {given}", line)


def test_text_that_looks_like_a_key_is_sent_if_the_user_insists(connect):
    session = connect()
    job = session.generate(f"a sign: {KEY}", allow_key_like=True)
    assert job.wait(60).metadata.prompt == f"a sign: {KEY}"
    batch = session.batch([f"a sign: {KEY}"], allow_key_like=True)
    assert len(batch.wait()) == 1


@pytest.mark.parametrize("written", ["plain", "in two lines", "in base64", "in a URL"])
def test_key_in_use_is_never_sent(written, connect, server, show_line):
    session = connect()
    text = {
        "plain": scan.KEY,
        "in two lines": f"{scan.KEY[:4]}\n {scan.KEY[4:]}",
        "in base64": secret_forms(scan.KEY)[-1].decode("latin-1"),
        "in a URL": f"https://h/?q={json.dumps(scan.KEY)[1:-1]}",
    }[written]
    line = reject(session.generate, f"a sign: {text}", allow_key_like=True)
    assert "contains a key that is in use" in line
    line = reject(session.batch, ["a lake", text], allow_key_like=True)
    assert line.startswith("Row 2: The prompt contains a key that is in use")
    reject(session.submit, Request("z-image", text))
    show_line("keys", f"a batch with the key in use, {written}", line)


def test_key_in_the_environment_is_not_saved_by_the_sandbox(tmp_path, monkeypatch, show_line):
    key = "ead0e5fe7c1b4a9d8f20b3c4d5e6f708"  # like an id of a task
    monkeypatch.setenv("LIANGXIN_API_KEY", key)
    with lx.Session(profile="sandbox", results=tmp_path / "r") as session:
        line = reject(session.generate, f"a sign: {key}")
        assert session.ledger.count_by_status() == {}
    show_line("keys", "a prompt with LIANGXIN_API_KEY, with the sandbox", line)


def write_csv(folder):
    path = folder / "prompts.csv"
    path.write_text(f"prompt\na lake\nuse {KEY}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("rows", ["list", "dicts", "csv", "lines"])
def test_key_in_a_batch_is_rejected_with_its_row(rows, connect, tmp_path, show_line):
    prompts = {
        "list": ["a lake", f"use {KEY}"],
        "dicts": [{"prompt": "a lake"}, {"prompt": "b", "style": KEY}],
        "csv": write_csv(tmp_path),
        "lines": prompt_lines(f"a lake\nuse {KEY}"),
    }[rows]
    session = connect()
    line = reject(prepare, session, prompts)
    assert line.partition(":")[0] in ("Row 2", "Line 2")
    assert session.ledger.count_by_status() == {}
    show_line("keys", f"a batch with a key, from {rows}", line)


def test_name_of_a_batch_contains_no_key(connect, show_line):
    session = connect()
    show_line("keys", "batch(name=KEY)", reject(session.batch, ["a lake"], name=KEY))
    assert session.ledger.list_batches() == []


@pytest.mark.parametrize(
    "line",
    [f"-o style={KEY}", f"--image https://h/?key={KEY}", f"--out {KEY}", f"--unknown {KEY}", KEY],
)
def test_key_on_the_line_of_a_cell_is_rejected(line, show_line):
    show_line("keys", f"%%liangxin {line.replace(KEY, 'sk-…')}", reject(parse_cell, line, "a", {}))
    reject(parse_batch_cell, line, "a", {})
    parse_cell(f"-o style={KEY} --allow-key-like", "a lake", {})


@pytest.mark.parametrize("command", ["show", "resume", "detach", "tasks", "export", "batch"])
def test_key_on_the_line_of_a_command_is_rejected(command, show_line):
    show_line("keys", f"%liangxin {command} sk-…", reject(liangxin_line, f"{command} {KEY}"))


def test_task_id_of_32_digits_is_no_key(connect):
    task_id = "ead0e5fe7c1b4a9d8f20b3c4d5e6f708"
    lx.set_session(connect())
    assert "is not in the ledger" in reject(liangxin_line, f"resume {task_id}")


@pytest.mark.parametrize("call", ["attach", "resume"])
def test_key_in_place_of_an_id_is_rejected(call, connect, server, show_line):
    session = connect()
    show_line("keys", f"{call}(KEY)", reject(getattr(session, call), KEY))
    assert server.asked == []


# ---- a key in memory


@pytest.mark.parametrize("dump", [pickle.dumps, copy.copy])
def test_key_is_not_pickled(dump, show_line):
    if dump is copy.copy:
        assert dump(Secret(KEY)) == Secret(KEY)
    else:
        show_line("keys", "pickle.dumps(settings)", reject(dump, Settings(key=Secret(KEY))))


@pytest.mark.parametrize("ending", ["whole", "cut off"])
def test_key_that_the_service_repeats_is_in_no_log_and_no_error(ending, connect, server, caplog):
    """Also in the headers of its answer, which httpcore logs."""
    caplog.set_level(logging.DEBUG)
    session = connect()

    def repeat(_):
        return 401, json.dumps({"code": 401, "msg": f"invalid: Bearer {scan.KEY}"}).encode()

    server.hooks["createTask"] = repeat
    job = session.generate("a lake")
    error = None
    try:
        job.wait(60)
    except LiangxinError as raised:
        error = raised
    assert error is not None
    assert "••••••" in str(error)
    texts = [str(error), repr(error), str(vars(error)), caplog.text, str(vars(job))]
    texts += [str(frame) for frame in inspect.getinnerframes(error.__traceback__)]
    assert scan.MARK not in "".join(texts)


def test_debug_mode_of_the_event_loop_logs_no_key(connect, caplog):
    caplog.set_level(logging.DEBUG)
    session = connect()

    async def debug():
        asyncio.get_running_loop().set_debug(True)
        asyncio.get_running_loop().slow_callback_duration = 0

    session.loop.submit(debug()).result(60)
    session.generate("a lake").wait(60)
    assert "Executing" in caplog.text
    assert scan.MARK not in caplog.text


ARGUMENTS = {
    "generate(n=KEY)": lambda session: session.generate("a lake", n=KEY),
    "generate(model=[KEY])": lambda session: session.generate("a lake", model=[KEY]),
    "generate(KEY=1)": lambda session: session.generate("a lake", **{KEY: 1}),
    "batch([{KEY: 1}])": lambda session: session.batch([{"prompt": "a lake", KEY: 1}]),
    "batch(KEY.csv)": lambda session: session.batch(f"{KEY}.csv"),
    "batch(id=KEY)": lambda session: session.batch(id=KEY),
    "attach(bytes)": lambda session: session.attach(KEY.encode()),
    "recover(KEY)": lambda session: session.recover(KEY),
    "read_metadata(KEY)": lambda session: lx.read_metadata(KEY),
    "import_archive(KEY)": lambda session: session.import_archive(KEY),
    "Session(KEY=1)": lambda session: lx.Session(**{KEY: 1}),
}


@pytest.mark.parametrize("given", ARGUMENTS)
def test_key_in_a_wrong_place_is_not_repeated(given, connect, show_line):
    show_line("keys", given, reject(ARGUMENTS[given], connect()))


@pytest.mark.parametrize("setting", ["results", "ledger", "budget"])
def test_key_in_use_is_in_no_other_setting(setting, connect, server, show_line):
    line = reject(connect, **{setting: f"./{scan.KEY}"})
    show_line("keys", f"Session({setting}=KEY)", line)
