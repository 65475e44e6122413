"""Keys in memory are shown nowhere, and recognised in every encoding."""

import copy
import inspect
import json

import pytest

from liangxin_nb.config.secret import Secret, contains_secret, redact, redact_text, secret_forms
from liangxin_nb.config.settings import Settings

from .. import scan

PART = "Zx9Secret42"
KEY = f"sk-{PART}0123456789abcdef"
ADDRESS = "https://api.example.com"


def test_secret_shows_its_value_nowhere():
    secret = Secret(KEY)
    settings = Settings.load({}, key=KEY, base_url=ADDRESS)
    members = inspect.getmembers(secret)
    texts = [repr(secret), f"{secret}", str(members), str(dir(secret)), repr(settings)]
    texts += [str(inspect.getmembers(settings))]
    assert PART not in "".join(texts)
    assert copy.deepcopy([secret]) == [secret]


@pytest.mark.parametrize("key", scan.KEYS, ids=range(6))
def test_odd_key_is_recognised_in_every_encoding(key):
    planted = key.replace(scan.MARK, "Pl4nt3dM")
    secret = Secret(planted)
    for text in (planted, json.dumps({"a": planted}), json.dumps(json.dumps(planted))):
        assert contains_secret(f"before {text} after")
        assert "Pl4nt3dM" not in redact_text(f"before {text} after")
    for form in secret_forms(planted):
        assert redact(b"before " + form + b" after") == "before •••••• after".encode()
    half = planted.encode()[: max(6, len(planted) // 2)]
    assert redact(b'{"msg": "' + half, is_cut_off=True) == '{"msg": "••••••'.encode()
    assert secret == Secret(planted)


@pytest.mark.parametrize("value", [f'"{KEY}"', f"Bearer {KEY}", f"LIANGXIN_API_KEY={KEY}"])
def test_key_in_the_environment_is_recognised_without_what_is_around_it(monkeypatch, value):
    monkeypatch.setenv("LIANGXIN_API_KEY", value)
    assert contains_secret(f"a lake {KEY}")
    assert KEY not in redact_text(f"a lake {KEY}")


def test_only_keys_in_use_are_redacted():
    secret = Secret("12345678")
    assert redact_text("12345678") == "••••••"
    del secret
    assert redact_text("12345678") == "12345678"
