"""The report for bug reports: correct even if nothing works, and without secrets."""

from pathlib import Path

import pytest

from liangxin_nb.config.environment import ephemeral_notice
from liangxin_nb.config.settings import Settings
from liangxin_nb.diagnostics import report
from liangxin_nb.notebook.magics.maintenance import ExportLink, doctor_command

from ..environment.networks import closed_port


def settings(**values):
    return Settings.load({"LIANGXIN_API_KEY": "sk-secretsecret", **values})


def test_report_has_versions_paths_and_settings_and_no_secret(tmp_path, monkeypatch, server):
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = settings(
        LIANGXIN_BASE_URL=server.url,
        LIANGXIN_RESULTS=str(tmp_path / "pictures"),
        LIANGXIN_MAX_TASKS="12",
    )
    text = report(
        chosen, ledger=f"{tmp_path}/sk-secretsecret/ledger.sqlite", frontend="live", env={}
    )
    assert text.startswith("liangxin_nb 0.")
    assert "ipykernel " in text
    assert f"service    liangxin at {server.url.removeprefix('http://')}" in text
    assert "results    ~/pictures" in text
    assert "ledger     ~/••••••/ledger.sqlite" in text
    assert "limits     12 tasks a day" in text
    assert "front end  live\n" in text
    assert "sk-secret" not in text
    assert str(tmp_path) not in text
    assert text.splitlines()[-1] == "problem    none found"


def test_report_names_an_old_kernel_a_missing_service_and_invalid_settings(monkeypatch):
    from importlib import metadata

    real_version = metadata.version
    old = {"ipykernel": "7.0.1"}
    monkeypatch.setattr(metadata, "version", lambda name: old.get(name) or real_version(name))
    with closed_port() as port:
        url = f"https://127.0.0.1:{port}"
        text = report(settings(LIANGXIN_BASE_URL=url), frontend="live", env={})
    problems = [line for line in text.splitlines() if line.startswith("problem")]
    assert "ipykernel 7.0 loses" in problems[0]
    assert "127.0.0.1 cannot be reached (it refused the connection)." in problems[1]
    text = report(None, frontend="live", trouble="LIANGXIN_BASE_URL is not set.", env={})
    assert "problem    LIANGXIN_BASE_URL is not set." in text


def test_report_names_rates_that_cannot_be_shared(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    service = {"LIANGXIN_BASE_URL": "http://127.0.0.1:9"}
    unusable = settings(LIANGXIN_BUDGET=str(tmp_path / "file" / "x"), **service)
    assert "problem    the rates are not shared" in report(unusable, frontend="live", env={})
    text = report(settings(LIANGXIN_BUDGET=str(tmp_path), **service), frontend="live", env={})
    assert f"rates      shared by all notebooks of this machine, in {tmp_path}" in text
    assert "not shared" not in text


def test_doctor_works_without_a_session(monkeypatch, capsys):
    monkeypatch.setenv("LIANGXIN_API_KEY", "sk-secretsecret")
    assert doctor_command() is None
    output = capsys.readouterr().out
    assert "problem    The service liangxin needs an address" in output
    assert "sk-secret" not in output


def test_doctor_ends_with_the_audit(session, capsys):
    from liangxin_nb.session.default import set_session

    set_session(session)
    session.generate("a cat", size="square").wait(120)
    table = doctor_command()
    output = capsys.readouterr().out
    assert "front end  script" in output
    assert session.settings.key.reveal() not in output
    assert [tuple(row)[:2] for row in table.rows] == [(1, "saved")]


@pytest.mark.parametrize("name", ["BINDER_LAUNCH_HOST", "BINDER_REF_URL", "BINDER_SERVICE_HOST"])
def test_notice_on_binder_names_the_risk_and_the_export(name):
    assert ephemeral_notice({}) == ""
    notice = ephemeral_notice({name: "x"})
    assert "are deleted" in notice
    assert "%liangxin export" in notice
    assert notice in report(settings(LIANGXIN_PROFILE="sandbox"), env={name: "x"})


def test_export_is_a_link_near_the_notebook_and_a_path_elsewhere(session, tmp_path):
    from liangxin_nb.archive import export_session

    packed = export_session(session, tmp_path / 'a "b" <c>.zip', notebooks=False)
    shown = ExportLink(packed)._repr_html_()
    assert '<a href="a%20%22b%22%20%3Cc%3E.zip" download>' in shown
    assert "<c>" not in shown
    assert repr(ExportLink(packed)).endswith(str(Path(packed.path)))
    (tmp_path / "other").mkdir()
    far = export_session(
        session, "/tmp" if not str(tmp_path).startswith("/tmp/") else "/var/tmp", notebooks=False
    )
    assert "<a " not in ExportLink(far)._repr_html_()
    far.path.unlink()
