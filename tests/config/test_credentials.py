"""Sources of the API key, and that a key in the wrong place is rejected."""

import sys
import types

import pytest

from liangxin_nb import Session
from liangxin_nb.config import credentials
from liangxin_nb.config.settings import Settings
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.cell_magic import parse_cell

KEY = "sk-abcdef0123456789abcdef"


def make_module(name, **members):
    """Return a module with these members, for `sys.modules`."""
    module = types.ModuleType(name)
    for member, value in members.items():
        setattr(module, member, value)
    return module


def test_environment_takes_precedence_over_the_keyring(monkeypatch):
    calls = []

    def secret(service, name):
        calls.append((service, name))
        return KEY

    monkeypatch.setitem(sys.modules, "keyring", make_module("keyring", get_password=secret))
    assert credentials.find_api_key({"LIANGXIN_API_KEY": "from-env"}) == "from-env"
    assert calls == []
    assert credentials.find_api_key({}) == KEY
    assert calls == [("liangxin_nb", "LIANGXIN_API_KEY")]
    settings = Settings.load({"LIANGXIN_BASE_URL": "https://api.example.com"})
    assert settings.key.reveal() == KEY


def test_colab_takes_precedence_over_the_keyring(monkeypatch):
    userdata = make_module("google.colab.userdata", get=lambda name: f"colab-{name}")
    monkeypatch.setitem(sys.modules, "google", make_module("google", __path__=[]))
    monkeypatch.setitem(sys.modules, "google.colab", make_module("google.colab", __path__=[]))
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)
    assert credentials.find_api_key({}) == "colab-LIANGXIN_API_KEY"


def test_locked_keyring_is_skipped(monkeypatch):
    def locked(*_):
        raise RuntimeError("no backend")

    monkeypatch.setitem(sys.modules, "keyring", make_module("keyring", get_password=locked))
    assert credentials.find_api_key({}) == ""


@pytest.mark.parametrize(
    "line",
    [
        f"--aspect 1:1 {KEY}",
        f"-o token={KEY}",
        "-o api_key=hunter2hunter2",
        "key: 12345678",
        "0123456789abcdef0123456789abcdef",
    ],
)
def test_line_with_a_key_is_rejected_without_repeating_it(line):
    assert credentials.looks_like_key(line)
    with pytest.raises(InvalidRequestError, match="saved in the notebook") as error:
        parse_cell(line, "a lake", {})
    assert KEY not in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "line", ["z-image --seed 4294967295", "-o style=key-visual", "--out task_monkey", "sk-8 -n 2"]
)
def test_ordinary_line_is_not_mistaken_for_a_key(line):
    assert not credentials.looks_like_key(line)


def test_key_in_a_prompt_is_rejected_before_it_is_recorded(tmp_path):
    session = Session(base_url="http://127.0.0.1:9", key=KEY, results=tmp_path / "r")
    with pytest.raises(InvalidRequestError, match="holds your API key") as error:
        session.generate(f"a sign that says {KEY}")
    assert KEY not in str(error.value)
    assert session.ledger.count_by_status() == {}
