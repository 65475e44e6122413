"""pytest-xdist runs the tests of a group on one worker, where they share expensive fixtures."""

import os

import pytest


@pytest.mark.xdist_group("groups")
def test_node_id_contains_the_group_on_a_worker(request):
    # The tests are distributed by the group's name at the end of the node id. Some combinations of
    # pytest and pytest-xdist silently lose it, and each worker starts everything.
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@groups")
