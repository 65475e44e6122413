"""An empty ledger in a file."""

from contextlib import closing

import pytest

from liangxin_nb.ledger import Ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    with closing(Ledger(path)) as ledger:
        yield ledger
