"""A server with given responses, and retries without pauses."""

import pytest
import stamina

from .http_server import Server


@pytest.fixture
def serve():
    servers = []

    def make(*answers):
        servers.append(Server(*answers))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def retry_at_once():
    """Retries are made at once, as often as usual."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
