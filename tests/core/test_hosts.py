"""Recognition of addresses of this machine, to which http:// is allowed."""

import pytest

from liangxin_nb.core.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1"])
def test_loopback_addresses_are_recognised(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [None, "", "127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "10.0.0.1", "::", "x"],
)
def test_other_hosts_are_not_loopback(host):
    assert not is_loopback(host)
