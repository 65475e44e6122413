"""pytest-xdist keeps the tests of a group on one worker: they share what is expensive to start."""

import os

import pytest


@pytest.mark.xdist_group("groups")
def test_a_worker_of_pytest_xdist_knows_the_group_of_a_test(request):
    # The group's name at the end is all that the tests are distributed by. Some combinations of
    # pytest and pytest-xdist lose it without a word, and every worker starts everything.
    if "PYTEST_XDIST_WORKER" in os.environ:
        assert request.node.nodeid.endswith("@groups")
