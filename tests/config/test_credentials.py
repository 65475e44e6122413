"""Sources of the API key."""

import sys
import types

from liangxin_nb.config import credentials
from liangxin_nb.config.settings import Settings

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
    assert credentials.find_api_key({"LIANGXIN_API_KEY": "from-env"}).reveal() == "from-env"
    assert calls == []
    assert credentials.find_api_key({}).reveal() == KEY
    assert calls == [("liangxin_nb", "LIANGXIN_API_KEY")]
    settings = Settings.load({"LIANGXIN_BASE_URL": "https://api.example.com"})
    assert settings.key.reveal() == KEY


def test_colab_takes_precedence_over_the_keyring(monkeypatch):
    userdata = make_module(
        "google.colab.userdata", get=lambda name: {"LIANGXIN_API_KEY": "colab-kie-0123"}[name]
    )
    monkeypatch.setitem(sys.modules, "google", make_module("google", __path__=[]))
    monkeypatch.setitem(sys.modules, "google.colab", make_module("google.colab", __path__=[]))
    monkeypatch.setitem(sys.modules, "google.colab.userdata", userdata)
    assert credentials.find_api_key({}).reveal() == "colab-kie-0123"


def test_locked_keyring_is_skipped(monkeypatch):
    def locked(*_):
        raise RuntimeError("no backend")

    monkeypatch.setitem(sys.modules, "keyring", make_module("keyring", get_password=locked))
    assert credentials.find_api_key({}) is None
