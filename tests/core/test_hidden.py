"""Addresses for display contain no logins, passwords, tokens and keys."""

import pytest

from liangxin_nb.core.hidden import hide_secrets

PASSWORD = "hunter2"
KEY = "sk-1234567890abcdef1234567890abcdef"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"postgresql://me:{PASSWORD}@db.lan:5432/jobs", "postgresql://…@db.lan:5432/jobs"),
        (f"postgresql+psycopg:///db?user=u&password={PASSWORD}", "postgresql+psycopg:///db?…"),
        (f"postgresql://h/db?sslkey=k&sslpassword={PASSWORD}", "postgresql://h/db?…"),
        (f"postgresql://h/db?passwd=a%26{PASSWORD}#{PASSWORD}", "postgresql://h/db?…"),
        (f"redis://:{PASSWORD}@cache:6379/0", "redis://…@cache:6379/0"),
        (f"redis://:p#{PASSWORD}@h", "redis://…@h"),
        (f"redis://:p?{PASSWORD}@h/0", "redis://…@h/0"),
        (f"redis://:p/{PASSWORD}@h", "redis://…@h"),
        (f"redis://:p@{PASSWORD}@h", "redis://…@h"),
        (f"redis://:{PASSWORD}#h", "redis://…?…"),
        (f"redis://u:{PASSWORD} with a space@h", "redis://…@h"),
        (f"https://h/?key={PASSWORD}", "https://h/?…"),
        (f"https://{KEY}@h", "https://…@h"),
        (f"https://h/{KEY}/x", "https://h/…/x"),
        (f"https://{KEY}", "https://…"),
        (
            f"https://lab.example/liangxin/callback/{'a1' * 20}",
            "https://lab.example/liangxin/callback/…",
        ),
        (f"me:{PASSWORD}@db/jobs", "…@db/jobs"),
        (f"host=h user=u password={PASSWORD}", "host=h user=u password=…"),
        (f"host=h pwd='a {PASSWORD}' dbname=x", "host=h pwd=… dbname=x"),
        (f"token: {PASSWORD}", "token: …"),
        (KEY, "…"),
        (
            f"cannot connect to redis://:{PASSWORD}@h:1/0: refused",
            "cannot connect to redis://…@h:1/0: refused",
        ),
    ],
)
def test_secrets_in_urls_are_hidden(url, shown):
    assert hide_secrets(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "", "https://api.kie.ai", "https://[::1]:8000/relay", "redis://cache:6379/0", "sandbox",
        "/home/me@work/results", "ledger.sqlite", "sqlite:////data/a-folder-with-a-very-long-name-of-a-project/x",
        "postgresql:///jobs", "C:\\pictures\\me@home",
    ],
)  # fmt: skip
def test_addresses_without_secrets_are_unchanged(text):
    assert hide_secrets(text) == text


@pytest.mark.parametrize("part", ["ead0e5fe", "key", "a.a-", "key='"])
def test_long_texts_need_no_quadratic_time(part):
    # With quadratic time each of them would need more than ten minutes.
    assert hide_secrets(part * (500_000 // len(part)))
