"""A ledger and a list of updates for the tests of the engine."""

import pytest

from liangxin_nb.ledger import Ledger


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def updates():
    return []
