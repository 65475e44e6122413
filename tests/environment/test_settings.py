"""Every setting, by argument, `%config` and variable: used, or rejected in one line.

The names, limits and places come from the schema. The values are those of each kind of setting; a
rejected one is followed by a request in the same cell, of which the service must not hear.
"""

import os
import types
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import liangxin_nb as lx
from liangxin_nb.config import values as value_readers
from liangxin_nb.config.schema import SETTINGS, read_variable
from liangxin_nb.config.settings import OVERRIDES, Settings
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.configuration import LiangXin
from tests.links import README, replace_settings
from tests.task_server import KEY

PASTED_KEY = "sk-proj-9dK2mQ7xLr4TzW8vBn3CyH5j"


class Hostile(str):
    """A text of which every method fails."""

    def _fail(self, *_):
        raise RuntimeError("a method of the value")

    __float__ = __repr__ = __str__ = __eq__ = strip = lower = _fail
    __hash__ = str.__hash__


NO_VALUES = ([1], {"a": 1}, print, object(), b"x", 1j, Hostile("x\ny"))
NO_TEXTS = (*NO_VALUES, 7, True, 1.5)


class Kind(NamedTuple):
    """The values of one kind of setting.

    Attributes:
        good: Values that are used, each with what the setting then is; also the limits.
        rejected: Texts that are not: just outside the limits, of another type, or nonsense.
        wrong: Values of other types, which only Python code can pass.
    """

    good: tuple
    rejected: tuple[str, ...]
    wrong: tuple


def words(*choices):
    good = [(choice, choice) for choice in choices] + [(f" {choices[0].upper()} ", choices[0])]
    return Kind(tuple(good), ("openai", choices[0] + "x", "none", PASTED_KEY), NO_TEXTS)


def numbers(lowest, highest, *rejected):
    """Both limits, as numbers and as text, and what is outside of them."""
    good = (
        (highest, highest), (str(highest), highest), (lowest, lowest), (f" {lowest} ", lowest),
        (Decimal(highest), highest), (np.float64(highest), highest), (np.int64(9), 9),
    )  # fmt: skip
    texts = (
        "0", "-1", "nan", "inf", "-inf", "1e999", "1_000", "0x10", "５", "5 s", "1,5", "--", "true",
        "None", str(highest * 2), *rejected,
    )  # fmt: skip
    types = (
        True, float("nan"), float("inf"), 0, -1, 10**400, Decimal("nan"), Path("5"), [5],
        np.array([5.0, 6.0]), *NO_VALUES,
    )  # fmt: skip
    return Kind(good, texts, types)


def paths(*good, rejected=()):
    home = str(Path.home())
    texts = (
        "s3://bucket/pictures",
        "gs:/x",
        "~no-such-user/x",
        "a\nb",
        "a\x1b[2Jb",
        "a\udcffb",
        *rejected,
    )
    own = (("~/x y", f"{home}/x y"), ("/tmp/x", "/tmp/x"), (Path("/tmp/é"), "/tmp/é"))
    return Kind((*own, *good), texts, NO_TEXTS)


SWITCH = Kind(
    (("true", True), ("No", False), ("on", True), ("0", False), (True, True), (1, True)),
    ("maybe", "2", "tru", "truefalse", PASTED_KEY),
    (2, 1.5, *NO_VALUES),
)
SECRET = Kind(
    ((PASTED_KEY, PASTED_KEY), (f" 'Bearer {PASTED_KEY}' ", PASTED_KEY), ("a" * 8, "a" * 8)),
    (f"{PASTED_KEY}\n{PASTED_KEY}", f"{PASTED_KEY} {PASTED_KEY}", f"密{PASTED_KEY}", "a" * 7),
    NO_TEXTS,
)
ADDRESS = (
    "ftp://x", "https://", f"https://h/?key={PASTED_KEY}", f"https://{PASTED_KEY}@h", "https://x:0",
    "https://x:99999", "https://a b", "https://[::1", "nonsense", PASTED_KEY,
)  # fmt: skip
CALLBACK = (
    "yes", "http://lab.example/hook", "ftp://x", "https://", f"https://{PASTED_KEY}@h",
    "https://a b", "https://x:99999",
)  # fmt: skip
COMPLETE = {"profile": "kie", "base_url": "https://h.example", "key": KEY}
HOOK = "https://lab.example/hook"

KINDS = {
    "sandbox, liangxin or kie": words("kie", "sandbox", "liangxin"),
    "https://HOST[:PORT][/PATH], and http:// on this machine": Kind(
        (
            ("api.kie.ai", "https://api.kie.ai"),
            ("https://h.example/api/v1/jobs/createTask", "https://h.example"),
            ("https://x.example:65535/", "https://x.example:65535"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ),
        ADDRESS,
        NO_TEXTS,
    ),
    "the key as its console shows it": SECRET,
    "a key": SECRET,
    "a path": paths(),
    "a path, sqlite:///PATH or postgresql://…": paths(
        ("sqlite:////tmp/x.sqlite", "/tmp/x.sqlite"),
        ("postgresql://u:p%23w@h/db", "postgresql://u:p%23w@h/db"),
        ("postgres:///db?user=u", "postgres:///db?user=u"),
        rejected=(
            "mysql://u:hunter2@h/db", "http://h/db", "postgresql://", "sqlite://", ":memory:",
            "postgresql+asyncpg://h/db", "sqlite:///:memory:", f"https://h/{PASTED_KEY}",
        ),
    ),
    "auto, always or never": Kind(
        (("auto", None), ("ALWAYS", True), ("never", False), (True, True), ("no", False)),
        ("often", "2", "alway", PASTED_KEY),
        (2, 1.5, *NO_VALUES),
    ),
    "a number above 0, at most 31,536,000": numbers(0.001, 31_536_000),
    "a number above 0, at most 86,400": numbers(0.001, 86_400, "86400.5"),
    "a number above 0, at most 1,000,000,000": numbers(0.001, 1_000_000_000),
    "a number from 0 to 86,400": Kind(
        ((0, 0), ("0", 0), ("86400", 86_400)), ("-1", "nan", "86400.5", "5 s"), NO_VALUES
    ),
    "a whole number from 1 to 1,000,000": numbers(1, 1_000_000, "2.5", "0.9"),
    "a number from 0.01 to 10,000": numbers(0.01, 10_000, "0.009"),
    "auto, none or an https:// URL": Kind(
        (("auto", "auto"), ("None", ""), (HOOK, HOOK), ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x")),
        CALLBACK,
        NO_TEXTS,
    ),
    "https://HOST[:PORT][/PATH]": Kind(((HOOK, HOOK),), CALLBACK, NO_TEXTS),
    "a path or redis://HOST[:PORT]": paths(
        ("redis://cache:6379/0", "redis://cache:6379/0"),
        ("rediss://u:p%23w@cache", "rediss://u:p%23w@cache"),
        rejected=(
            "memcached://h", "redis://", "redis://:hunter2#x@h", "redis://:hunter2/x@h",
            "redis://h:99999", "redis://h:port",
        ),
    ),
    "true or false": SWITCH,
    "figure or image": words("figure", "image"),
    "live, voila, plain, headless, terminal or script": words("live", "voila", "plain", "script"),
}  # fmt: skip
SESSION = {name: s for name, s in SETTINGS.items() if "argument" in s.sources}
CONFIG = {name: s for name, s in SETTINGS.items() if "%config" in s.sources}


def plain(value):
    """Return a value that can be compared with what the table names."""
    if hasattr(value, "reveal"):
        return value.reveal()
    return str(value) if isinstance(value, Path) else value


def values(setting):
    """Return the texts and other values that are rejected."""
    kind = KINDS[setting.allowed]
    return (*kind.rejected, *kind.wrong)


def assert_is_one_line(error, setting, source):
    line = str(error)
    assert len(line.splitlines()) == 1, line
    assert setting.spell(source) in line
    assert "othing was sent" in line
    for secret in (PASTED_KEY, "hunter2", KEY):
        assert secret not in line
    assert len(line) < 400
    return line


@pytest.fixture
def service(server, monkeypatch, tmp_path):
    """A service on a real socket, to which the variables of this process lead."""
    monkeypatch.setenv("LIANGXIN_BASE_URL", server.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    monkeypatch.setenv("LIANGXIN_RESULTS", str(tmp_path / "results"))
    yield server
    assert server.asked == []


@pytest.fixture(scope="module")
def shell():
    """A real IPython shell with the extension, which is not the one of this process."""
    config = Config(HistoryManager={"enabled": False})
    shell = InteractiveShell(config=config, user_module=types.ModuleType("cells"))
    LiangXin.clear_instance()
    shell.run_line_magic("load_ext", "liangxin_nb")
    yield shell
    shell.run_line_magic("unload_ext", "liangxin_nb")
    LiangXin.clear_instance()


def run(shell, cell, **variables):
    """Run a cell, and return its error."""
    shell.push(variables)
    return shell.run_cell(cell, store_history=False).error_in_exec


def test_every_kind_of_setting_is_in_the_table():
    assert {setting.allowed for setting in SETTINGS.values()} == {*KINDS}


@pytest.mark.parametrize("name", SESSION)
def test_good_arguments_are_used(name):
    for value, expected in KINDS[SESSION[name].allowed].good:
        for settings in (Settings(**{name: value}), Settings.load({}, **COMPLETE | {name: value})):
            assert plain(getattr(settings, name)) == expected, value


@pytest.mark.parametrize("name", SESSION)
def test_wrong_arguments_are_rejected_in_one_line(name, service):
    for value in values(SESSION[name]):
        with pytest.raises(InvalidRequestError) as error:
            lx.Session(**{name: value}).generate("a lake")
        assert_is_one_line(error.value, SESSION[name], "argument")


@pytest.mark.parametrize("name", CONFIG)
def test_good_config_values_are_used(name, shell):
    for value, expected in KINDS[CONFIG[name].allowed].good:
        assert run(shell, f"%config LiangXin.{name} = value", value=value) is None
        assert plain(OVERRIDES.get(name, SETTINGS[name].default)) == expected, value


@pytest.mark.parametrize("name", CONFIG)
def test_wrong_config_values_fail_the_cell_in_one_line(name, shell, service, capsys):
    for value in values(CONFIG[name]):
        cell = f"%config LiangXin.{name} = value\nlx.generate('a lake')"
        error = run(shell, cell, value=value, lx=lx)
        line = assert_is_one_line(error, CONFIG[name], "%config")
        assert capsys.readouterr().out.strip() == line
        assert name not in OVERRIDES


@pytest.mark.parametrize("name", SETTINGS)
def test_good_variables_are_used(name, monkeypatch):
    setting = SETTINGS[name]
    monkeypatch.setenv("LIANGXIN_PROFILE", "kie")
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    for value, expected in KINDS[setting.allowed].good:
        if not isinstance(value, str) or value == "sandbox":
            continue
        monkeypatch.setenv(setting.variable, value)
        monkeypatch.setenv("LIANGXIN_BASE_URL", os.environ.get("LIANGXIN_BASE_URL", HOOK))
        settings = Settings.load()
        read = getattr(settings, name) if name in SESSION else read_variable(name)
        assert plain(read) == expected, value
        assert settings.source(name) == (setting.variable if name in SESSION else "default")


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_variables_are_rejected_in_one_line(name, monkeypatch, service, show_line):
    setting = SETTINGS[name]
    lines = []
    for value in KINDS[setting.allowed].rejected:
        monkeypatch.setenv(setting.variable, value)
        with pytest.raises(InvalidRequestError) as error:
            lx.generate("a lake")
        lines.append(assert_is_one_line(error.value, setting, "variable"))
    given = "two keys" if setting.is_secret else KINDS[setting.allowed].rejected[0]
    show_line("settings", f"{setting.variable}={given}", lines[0])


@pytest.mark.parametrize("source", ["argument", "%config", "variable"])
@pytest.mark.parametrize("name", SETTINGS)
def test_a_misspelt_setting_is_rejected_with_the_right_name(
    name, source, shell, monkeypatch, service, show_line
):
    setting, misspelt = SETTINGS[name], name[0] + name[2:]
    if source == "variable":
        monkeypatch.setenv(f"LIANGXIN_{misspelt.upper()}", "1")
        with pytest.raises(InvalidRequestError) as error:
            lx.generate("a lake")
        line = str(error.value)
        show_line("settings", f"LIANGXIN_{misspelt.upper()}", line)
    elif source == "argument":
        with pytest.raises(InvalidRequestError) as error:
            lx.Session(**{misspelt: 1}).generate("a lake")
        line = str(error.value)
    else:
        line = str(run(shell, f"%config LiangXin.{misspelt} = 1\nlx.generate('x')", lx=lx))
    assert "othing was sent" in line
    assert "\n" not in line
    if source in setting.sources:
        assert f"Did you mean {setting.spell(source)}?" in line


@pytest.mark.parametrize("source", ["argument", "%config"])
@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in CONFIG])
def test_a_setting_in_a_wrong_place_is_rejected_with_the_right_place(name, source, shell, service):
    setting = SETTINGS[name]
    if source in setting.sources:
        return
    if source == "argument":
        with pytest.raises(InvalidRequestError) as error:
            lx.Session(**{name: PASTED_KEY})
        line = str(error.value)
    else:
        line = str(run(shell, f"%config LiangXin.{name} = {PASTED_KEY!r}"))
    assert_is_one_line(line, setting, source)
    assert f"Set {setting.variable}" in line


def test_postgresql_is_used_through_the_named_package(monkeypatch):
    monkeypatch.setattr(value_readers, "find_spec", lambda name: name == "psycopg2" or None)
    url = "postgresql+psycopg2://h/db"
    assert Settings.load({"LIANGXIN_LEDGER": url}).ledger == url


def test_variables_of_other_programs_are_ignored():
    names = ("TOKEN", "HOST", "DATABASE", "URL", "SERVICE", "FOLDER", "APIKEY", "ENDPOINT")
    assert Settings.load({f"LIANGXIN_{name}": "x" for name in names}).profile == "sandbox"


OTHER_LINES = {
    "LIANGXIN_PROFILE=liangxin, no key": ({"PROFILE": "liangxin"}, "needs a key and an address"),
    "LIANGXIN_PROFILE=kie, no key": ({"PROFILE": "kie"}, "at api.kie.ai needs a key"),
    "a key, no address": ({"API_KEY": PASTED_KEY}, "The service liangxin needs an address"),
    "LIANGXIN_BASE_URL=https://h/?key=KEY": (
        {"BASE_URL": f"https://h/?key={PASTED_KEY}"}, "'https://h/?…' cannot be used: it contains",
    ),
    "LIANGXIN_BASE_URL=http://10.0.0.5": (
        {"API_KEY": KEY, "BASE_URL": "http://10.0.0.5"}, "LIANGXIN_ALLOW_HTTP=true",
    ),
    "LIANGXIN_BASE_URL=https://docs.kie.ai/market": (
        {"BASE_URL": "https://docs.kie.ai/market"}, "it is KIE's website",
    ),
    "LIANGXIN_LEDGER=mysql://me:PASSWORD@h/db": (
        {"LEDGER": "mysql://me:hunter2@h/db"}, "allowed: a path, sqlite:///PATH or postgresql://…",
    ),
    "LIANGXIN_LEDGER=postgresql://me:p@w@h/db": (
        {"LEDGER": "postgresql://me:p@hunter2@h/db"}, "its password contains @",
    ),
    "LIANGXIN_LEDGER=postgresql://…, no psycopg": (
        {"LEDGER": "postgresql://h/db"}, "PostgreSQL needs the package psycopg",
    ),
    "LIANGXIN_BUDGET=redis://…, no redis": (
        {"BUDGET": "redis://h"}, "pip install 'liangxin_nb[team]'",
    ),
    "LIANGXIN_LEDGER=:memory:": ({"LEDGER": ":memory:"}, "would lose paid tasks"),
    "LIANGXIN_BUDGET=redis://:p#w@h": ({"BUDGET": "redis://:hunter2#w@h"}, "contains @, /, ? or #"),
    "LIANGXIN_RESULTS=~no-such-user/x": ({"RESULTS": "~no-such-user/x"}, "no such home folder"),
}  # fmt: skip


@pytest.mark.parametrize("given", OTHER_LINES)
def test_settings_that_do_not_go_together_are_rejected_in_one_line(given, monkeypatch, show_line):
    variables, part = OTHER_LINES[given]
    if ", no " in given:
        monkeypatch.setattr(value_readers, "find_spec", lambda _: None)
    for name, value in variables.items():
        monkeypatch.setenv(f"LIANGXIN_{name}", value)
    with pytest.raises(InvalidRequestError) as error:
        lx.generate("a lake")
    line = str(error.value)
    assert part in line
    assert not any(secret in line for secret in (PASTED_KEY, KEY, "hunter2"))
    show_line("settings", given, line)


def test_the_readme_lists_the_settings_of_the_schema():
    text = README.read_text(encoding="utf-8")
    assert replace_settings(text) == text, "run: make links"
    assert all(f"`{setting.variable}`" in text for setting in SETTINGS.values())
