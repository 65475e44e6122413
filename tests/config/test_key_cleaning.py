"""Pasted keys are cleaned; what cannot be a key is rejected without repeating it."""

from pathlib import Path

import pytest

from liangxin_nb.config.key_cleaning import clean_key
from liangxin_nb.errors import InvalidRequestError

KEY = "sk-abcdef0123456789abcdef"
HOST = "SeKrEt0123"  # of rejected keys


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f"  {KEY}\r\n",
        f"\ufeff{KEY}",
        f"{KEY}\n\n",
        f"\u200b{KEY}\u200b",
        f"\u3000{KEY}\u00a0",
        f'"{KEY}"',
        f"'{KEY}'",
        f"“{KEY}”",
        f"„{KEY}“",
        f"‘{KEY}’",
        f"«{KEY}»",
        f"`{KEY}`",
        f'"{KEY}",',
        f"＂{KEY}＂",
        f"Bearer {KEY}",
        f"bearer  {KEY}",
        f"Authorization: Bearer {KEY}",
        f"-H 'Authorization: Bearer {KEY}'",
        f'"Authorization": "Bearer {KEY}",',
        f"LIANGXIN_API_KEY={KEY}",
        f"export LIANGXIN_API_KEY='{KEY}'",
        f'set LIANGXIN_API_KEY="{KEY}"',
        f"$env:LIANGXIN_API_KEY = '{KEY}'",
        f"KIE_API_KEY: {KEY}",
        f"x-api-key: {KEY}",
        f"key={KEY}",
        f"LIANGXIN_WEBHOOK_KEY={KEY}",
        f"LIANGXIN_API_KEY=Bearer {KEY}",
        f"\0{KEY}\0",
    ],
)
def test_what_is_pasted_around_a_key_is_removed(pasted):
    assert clean_key(pasted, "KEY") == KEY


@pytest.mark.parametrize(
    "key",
    [
        "12345678",
        "k" * 4096,
        r"a\"b'c\d'e",
        "100%41%s%(x)s0",
        "<&>a&lt;b",
        r"a\u0041\n\x41",
        "+/=a+/=b",
        "550e8400-e29b-41d4-a716-446655440000:ead0e5fe",
        "ead0e5fe7c1b4a9d8f20b3c4d5e6f708",
        "eyJhbGciOi.eyJzdWIi.dozjgNryP4J3",
        "/abc+def/ghi=",
        "KEY=a",
        "Bearer12",
    ],
)
def test_odd_keys_are_unchanged(key):
    if len(key) >= 8:
        assert clean_key(key, "KEY") == key


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (f"sk-{HOST}\nsk-{HOST}", "it contains 2 lines"),
        (f"sk-{HOST}\r\n\r\nsk-{HOST}\rsk-{HOST}", "it contains 3 lines"),
        (f"sk-{HOST}\u2028x", "it contains 2 lines"),
        (f"sk-{HOST} {HOST}", "it contains a space, at position 14 of 24"),
        (f"sk-\u00a0{HOST}", "it contains a space, at position 4 of 14"),
        (f"sk-\u200b{HOST}", "it contains an invisible character, at position 4 of 14"),
        (f"sk-{HOST}\x1b[0m", "it contains a control character, at position 14 of 17"),
        (f"s\0k\0-\0{HOST}", "it contains a control character, at position 2 of 16"),
        (f"ｓｋ－{HOST}", "it contains a full-width character, at position 1 of 13"),
        (f"sk–{HOST}", "it contains a character outside ASCII, at position 3 of 13"),
        (f"{HOST}密钥", "it contains a character outside ASCII, at position 11 of 12"),
        ("7Zq", "it has 3 characters"),
        ("Q" * 4097, "it has 4097 characters"),
        ('""', "it is empty"),
        ("Bearer ", "it has 6 characters"),
        *(
            (text, "it is a placeholder, a shortened key or code")
            for text in (
                "YOUR_API_KEY",
                "your-key-here",
                "<key>",
                "<your key>",
                "sk-...",
                "sk-…",
                "sk-xxxxxxxxxxxx",
                "sk-ab****yz",
                "••••••",
                "{{API_KEY}}",
                "${LIANGXIN_API_KEY}",
                "$LIANGXIN_API_KEY",
                "%LIANGXIN_API_KEY%",
                "$(cat key.txt)",
                "None",
                "null",
                "change-me",
                "paste-here",
                "LIANGXIN_API_KEY",
                "LIANGXIN_API_KEY=",
                "my_api_key",
                "test-key",
                "insert your key here",
                '{"key": "sk-0123456789"}',
                "os.environ['LIANGXIN_API_KEY']",
            )
        ),
        ("~/kie.key", "it is the name of a file"),
        ("/run/secrets/kie.key", "it is the name of a file"),
        ("C:\\Users\\me\\kie-key", "it is the name of a file"),
        ("liangxin-key.txt", "it is the name of a file"),
        (Path("kie.key"), "it is the path of a file"),
        ("https://api.kie.ai", "it is an address"),
        (b"sk-" + HOST.encode(), "it is of type bytes, not a text"),
        (123456789, "it is of type int, not a text"),
        (None, "it is of type NoneType, not a text"),
        (["sk-" + HOST], "it is of type list, not a text"),
    ],
)
def test_what_cannot_be_a_key_is_rejected_without_repeating_it(value, reason):
    with pytest.raises(InvalidRequestError) as error:
        clean_key(value, "LIANGXIN_API_KEY")
    text = str(error.value)
    assert text.startswith(f"LIANGXIN_API_KEY is not a usable key: {reason}. Nothing was sent.")
    assert len(text.splitlines()) == 1
    assert HOST not in text
    assert "7Zq" not in text


def test_name_of_a_file_that_exists_is_no_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("kie-secret").write_text("sk-abcdef0123456789")
    with pytest.raises(InvalidRequestError, match=r"the name of a file.*read_text\(\)"):
        clean_key("kie-secret", "LIANGXIN_API_KEY")
