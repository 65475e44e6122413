"""A fast sandbox; each test sets its faults."""

import pytest

from ..conftest import start_sandbox
from .fault_client import Client


@pytest.fixture(scope="module")
def process():
    process = start_sandbox("--speed", "50")
    yield process
    process.stop()


@pytest.fixture
def api(process):
    client = Client(process)
    assert client.set_faults()[0] == 200
    yield client
    client.set_faults()


@pytest.fixture(scope="module")
def path(process):
    """Return the path of a picture, which is drawn once for all tests."""
    client = Client(process)
    client.set_faults()
    return client.link(client.create_id())
