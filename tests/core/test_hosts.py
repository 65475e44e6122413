"""Recognition of addresses of this machine, and of private networks in every spelling."""

import ipaddress
import re

import pytest

from liangxin_nb.core.hosts import is_loopback, is_private_name, is_public, parse_address

PUBLIC = [
    *("8.8.8.8", "93.184.215.14", "172.32.0.1", "100.128.0.1", "198.20.0.1", "28.0.0.7"),
    *("2606:4700::6810:84e5", "2a00:1450:4001:800::200e", "2001:4860:4860::8888", "2400:3200::1"),
    *("64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2606:4700::5efe:808:808", "223.255.255.254"),
    *("8.8.8.8.", "0x08080808", "134744072", "010.8.8.8", "8.526344", "2606:4700::1%eth0"),
]
PRIVATE = [
    *("0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1"),
    *("127.255.255.254", "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255"),
    *("192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *(
        "255.255.255.255",
        "0177.0.0.1",
        "0x7f000001",
        "0X7F.1",
        "2130706433",
        "127.1",
        "0",
        "127.0.1",
    ),
    *("127.0.0.1.", "017700000001", "0xa9fea9fe", "169.16689662"),
    *("::", "::1", "::7f00:1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe"),
    *("::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::a01:203"),
    *("64:ff9b:1::10.0.0.1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:7f00:0:100::", "100::1", "5f00::1"),
    *("2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "4000::1"),
    *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::1%eth0", "fe80::1%25eth0"),
    *("fe80::5efe:8.8.8.8", "fec0::1", "ff02::1", "2606:4700::5efe:10.0.0.1"),
    "2606:4700::200:5efe:7f00:1",
]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.0.1", "::1"])
def test_loopback_addresses_are_recognised(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [None, "", "127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", "10.0.0.1", "::", "x"],
)
def test_other_hosts_are_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_public_address_is_recognised(host):
    assert is_public(parse_address(host))


@pytest.mark.parametrize("host", PRIVATE)
def test_private_address_is_recognised(host):
    assert not is_public(parse_address(host))


def test_no_address_that_python_regards_as_private_is_public():
    """Python's own ranges, at their first and last address; other versions have others."""
    for cls in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        for network in cls._constants._private_networks:
            for address in (network[0], network[-1]):
                # Python 3.13 lists the mapped addresses here, and asks for the embedded one.
                assert address.is_global or not is_public(address), address


@pytest.mark.parametrize("host", ["256.1.1.1", "1.2.3.4.5", "a.example.0x7", "08.1.1.1", "1..1"])
def test_name_that_ends_in_a_number_is_not_a_host(host):
    with pytest.raises(ValueError, match=re.escape(host)):
        parse_address(host)


@pytest.mark.parametrize(
    ("host", "is_private"),
    [
        *(
            (name, True)
            for name in (
                "nas",
                "LocalHost",
                "nas.local",
                "a.b.internal.",
                "x.home.arpa",
                "kubernetes.default.svc",
            )
        ),
        *((name, False) for name in ("a.example", "local.example", "home.arpa.example", "xlan.cn")),
    ],
)
def test_names_of_private_networks_are_recognised(host, is_private):
    assert parse_address(host) is None
    assert is_private_name(host) == is_private
