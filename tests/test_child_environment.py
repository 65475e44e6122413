"""Processes that the package starts get no keys and passwords."""

from contextlib import closing

import psutil
import pytest

from liangxin_nb import Session, _child_environment

KEY = "sk-0123456789abcdef0123"


def test_children_inherit_no_secrets(monkeypatch):
    secrets = ["LIANGXIN_API_KEY", "LIANGXIN_WEBHOOK_KEY", "LIANGXIN_LEDGER", "LANGCHAIN_API_KEY",
               "OPENAI_API_KEY", "HOMEBREW_GITHUB_API_TOKEN", "LD_SDK_KEY", "AWS_SECRET_ACCESS_KEY",
               "PGPASSWORD", "https_proxy", "TEMPORAL_API_KEY", "PYTHON_KEYRING_TOKEN"]  # fmt: skip
    for name in secrets:
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("LIANGXIN_SANDBOX_KEY", "sandbox-0123")
    environment = _child_environment.child_environment("LIANGXIN_SANDBOX_KEY")
    assert KEY not in environment.values()
    assert environment["LIANGXIN_SANDBOX_KEY"] == "sandbox-0123"
    assert environment["PATH"]


@pytest.mark.slow
def test_sandbox_inherits_no_secrets(tmp_path, monkeypatch):
    for name in ("LIANGXIN_API_KEY", "LIANGXIN_WEBHOOK_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, KEY)
    with closing(Session(profile="sandbox", results=tmp_path / "r", speed=50)) as session:
        session.generate("a lake").wait(60)
        started = [p for p in psutil.Process().children() if str(tmp_path) in str(p.cmdline())]
        assert [KEY in process.environ().values() for process in started] == [False]
