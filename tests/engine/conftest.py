"""A ledger and a list of updates for the tests of the engine, and no wait for late outputs."""

import pytest

from liangxin_nb.engine import output_fetcher
from liangxin_nb.ledger import Ledger


@pytest.fixture(autouse=True)
def no_patience_for_late_outputs(monkeypatch):
    """Do not wait for outputs; tests of late outputs set the patience themselves."""
    monkeypatch.setattr(output_fetcher, "PATIENCE_S", 0.0)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def updates():
    return []
