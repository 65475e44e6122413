"""Finding the public address, and checking callback URLs."""

import json

import pytest

from liangxin_nb import Session
from liangxin_nb.callbacks.public_url import resolve, validate
from liangxin_nb.errors import InvalidRequestError

PREFIX = {"JUPYTERHUB_SERVICE_PREFIX": "/user/li/"}


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({"JUPYTERHUB_PUBLIC_URL": "https://hub.example/user/li/"}, "https://hub.example/user/li/"),
        (
            {**PREFIX, "JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example/hub/"},
            "https://hub.example/user/li",
        ),
        ({**PREFIX, "JUPYTERHUB_HOST": "https://li.hub.example"}, "https://li.hub.example/user/li"),
        ({**PREFIX, "JUPYTERHUB_EXTERNAL_URL": "https://b.example"}, "https://b.example/user/li"),
        ({"LIANGXIN_CALLBACK_BASE": "https://t.example/x"}, "https://t.example/x"),
        (
            {
                "LIANGXIN_CALLBACK_BASE": "https://t.example",
                "JUPYTERHUB_PUBLIC_URL": "https://hub.example/user/li/",
            },
            "https://t.example",
        ),
    ],
)
def test_address_is_found_in_the_environment(env, url):
    assert resolve(local=False, env=env) == url


@pytest.mark.parametrize(
    "env",
    [{}, PREFIX, {"JUPYTERHUB_PUBLIC_HUB_URL": "https://hub.example/hub/"},
     {"BINDER_LAUNCH_HOST": "https://mybinder.org/", **PREFIX}],
)  # fmt: skip
def test_missing_address_is_reported_in_one_line(env):
    with pytest.raises(InvalidRequestError, match="Polling needs no address") as raised:
        resolve(local=False, env=env)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    ["http://hub.example", "ftp://hub.example", "https://", "http://127.0.0.1:80",
     "https://li:pw@hub.example", "https://[", "http://169.254.169.254/"],
)  # fmt: skip
def test_url_that_a_service_cannot_call_is_rejected(url):
    with pytest.raises(InvalidRequestError, match="public https") as raised:
        validate(url, local=False)
    assert "pw" not in str(raised.value)


def test_local_url_is_allowed_for_a_local_api():
    assert validate("http://127.0.0.1:80/x", local=True) == "http://127.0.0.1:80/x"
    with pytest.raises(InvalidRequestError):
        validate("http://10.0.0.1/x", local=True)


def test_jupyter_server_address_is_found_for_the_sandbox(monkeypatch, tmp_path):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    runtime_file = tmp_path / "jpserver-4711.json"
    runtime_file.write_text(json.dumps({"url": "http://localhost:8888/x/", "token": "t"}))
    env = {"JPY_PARENT_PID": "4711"}
    assert resolve(local=True, env=env) == "http://localhost:8888/x/"
    with pytest.raises(InvalidRequestError):
        resolve(local=False, env=env)
    runtime_file.write_text(json.dumps({"url": "http://hub.example:8888/"}))
    with pytest.raises(InvalidRequestError):
        resolve(local=True, env=env)


def test_no_job_is_recorded_if_there_is_no_address(tmp_path):
    session = Session(base_url="https://api.example", key="k" * 20, results=tmp_path / "r",
                      callback="auto")  # fmt: skip
    with pytest.raises(InvalidRequestError, match="nothing was sent"):
        session.generate("a lake")
    with pytest.raises(InvalidRequestError, match="contains a key that is in use"):
        session.generate("a lake", callback=f"https://x.example/{'k' * 20}")
    assert session.ledger.count_by_status() == {}


def test_invalid_callback_setting_is_rejected():
    with pytest.raises(InvalidRequestError, match="allowed: auto, none or an https:// URL"):
        Session(callback="always")
