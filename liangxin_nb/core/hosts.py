"""Recognise addresses of this machine and of private networks."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = [
    "IPAddress",
    "has_private_addresses",
    "is_loopback",
    "is_private_name",
    "is_public",
    "parse_address",
]

IPAddress = IPv4Address | IPv6Address

# Not `is_global`: it differs between Python 3.11 and 3.13, and is true for some of these ranges.
# Source: IANA's registries of special-purpose addresses.
_NOT_PUBLIC = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
        "168.63.129.16/32",  # every virtual machine of Azure reaches its host at this address
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # with Teredo and 6to4
    )
)
# Fewer than those that are not public: proxy programs give public names addresses of 198.18.0.0/15.
_PRIVATE = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8",
        "100.64.0.0/10", "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip
_PUBLIC_IPV6 = ip_network("2000::/3")  # IANA has assigned no other public addresses
#: The last 32 bits are an IPv4 address: IPv4-mapped addresses, and NAT64 as in IPv6-only networks.
_EMBEDDED_IPV4 = (ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96"))
_ISATAP_ID = 0x5EFE  # before an embedded IPv4 address, in any network (RFC 5214)
_IPV4_NUMBER = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)$", re.IGNORECASE)
_PRIVATE_NAME = re.compile(
    r"[^.]+|.*\.(localhost|localdomain|local|internal|intranet|intra|private|corp|lan|home"
    r"|home\.arpa|svc|consul)",
    re.IGNORECASE,
)


def is_loopback(host: str | None) -> bool:
    """Return whether a URL's host name or IP address is this machine's loopback interface.

    Args:
        host: As ``urlsplit(url).hostname`` returns it, without brackets and port.
    """
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def parse_address(host: str) -> IPAddress | None:
    """Parse an IP address in every spelling that resolvers accept.

    Args:
        host: A URL's host, such as ``10.0.0.1``, ``0x7f.1``, ``fe80::1%eth0`` or ``a.example``.

    Returns:
        The address, without its zone; None for a name.

    Raises:
        ValueError: If the host ends in a number, as no name does, and is not an address.
    """
    host = host.removesuffix(".")
    try:
        return ip_address(host.partition("%")[0] if ":" in host else host)
    except ValueError:
        if not _IPV4_NUMBER.search(host):
            return None
    try:
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        raise ValueError(host) from None


def is_public(address: IPAddress) -> bool:
    """Return whether an address, and an IPv4 address embedded in it, belongs to the Internet."""
    if any(address in network for network in _NOT_PUBLIC):
        return False
    if isinstance(address, IPv4Address):
        return True
    embedded = IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _EMBEDDED_IPV4):
        return is_public(embedded)
    # The bit that is ignored tells whether the embedded address is unique worldwide.
    is_isatap = int(address) >> 32 & 0xFDFFFFFF == _ISATAP_ID
    return address in _PUBLIC_IPV6 and not (is_isatap and not is_public(embedded))


def is_private_name(host: str) -> bool:
    """Return whether only private networks have such a name: ``nas``, ``nas.local``."""
    return bool(_PRIVATE_NAME.fullmatch(host.removesuffix(".")))


def has_private_addresses(host: str) -> bool:
    """Return whether every address of a host is in a private network; resolves a name."""
    try:
        found = {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    addresses = list(map(ip_address, found))
    return bool(addresses) and all(any(a in net for net in _PRIVATE) for a in addresses)
