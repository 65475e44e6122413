"""Check where a download connects to: a service must not reach into the user's own network."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket

import httpx

from ..core.hidden import hide_secrets
from ..core.hosts import IPAddress, is_loopback, is_private_name, is_public, parse_address
from ..errors import ResultUnavailableError

__all__ = ["FAKE_IP_NETWORKS", "NEXT_STEP", "AddressCheck"]

NEXT_STEP = (
    "Look for the file on the website of the service; %liangxin resume asks for its address again."
)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_MAX_URL = 16_000  # signed links have about 2,000 characters
_HOST_NAME = re.compile(r"(?=.{1,254}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
#: Ranges from which proxy programs give every name an address: the defaults of Clash, mihomo,
#: sing-box, Surge, Xray and Istio. Other ranges in use, such as 28.0.0.0/8, are public ones.
FAKE_IP_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        "198.18.0.0/15", "240.240.0.0/16", "fc00::/18", "fdfe:dcba:9876::/48", "2001:2::/48",
    )
)  # fmt: skip
#: NAT64 with a prefix of the own network (RFC 8215).
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
#: Ports of other services, to which browsers do not connect. Source: Fetch standard, "bad port".
_OTHER_PORTS = frozenset(
    (
        *(0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95),
        *(101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161),
        *(179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563),
        *(587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060),
        *(5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    )
)


class AddressCheck:
    """Allows public http(s) addresses, and the private one that the API itself has."""

    def __init__(self, base_url: str) -> None:
        url = httpx.URL(base_url)
        self._api = (url.scheme, _read_host(url), _read_port(url))

    def check_url(self, text: str, previous: httpx.URL | None = None) -> httpx.URL:
        """Check what a URL says, before anything is resolved.

        Args:
            text: The URL of an output, or the target of a redirect.
            previous: The URL that redirects, to which the target may be relative.

        Raises:
            ResultUnavailableError: If it is not the URL of a file on a web server.
        """
        if len(text) > _MAX_URL:
            raise _reject_url(text, f"is longer than {_MAX_URL:,} characters")
        try:
            url = httpx.URL(text) if previous is None else previous.join(text)
            host, port = _read_host(url), _read_port(url)
        except (httpx.InvalidURL, ValueError):
            raise _reject_url(text, "is not a valid URL") from None
        if url.scheme not in _DEFAULT_PORTS or not host:
            raise _reject_url(text, "is not http or https")
        if url.userinfo:
            raise _reject_url(text, "contains a login")
        if previous is not None and previous.scheme == "https" and url.scheme == "http":
            raise _reject_url(text, "is a redirect from https to http, without encryption")
        is_port = 0 < port < 1 << 16
        if not self._is_api(url.scheme, host, port) and (port in _OTHER_PORTS or not is_port):
            raise _reject_url(text, f"has port {port}, which is not one of web servers")
        return url

    async def resolve(self, scheme: str, host: str, port: int) -> list[IPAddress]:
        """Return the addresses of a host to which a download may connect.

        Args:
            scheme: http or https.
            host: A host as httpx sends it: a name in ASCII, or an address in any spelling.
            port: The port.

        Raises:
            ResultUnavailableError: If all of them are inside a private network.
            OSError: If a name cannot be resolved here.
        """
        literal, is_api = parse_address(host), self._is_api(scheme, host, port)
        if literal is None and is_private_name(host) and not is_api:
            # Not even resolved: a proxy program may give such a name a fake address, too.
            raise _reject(f"host {host!r}", "is a name inside a private network")
        addresses = [literal] if literal else await _resolve(host)
        allowed = [address for address in addresses if is_api or is_public(address)]
        if not allowed:
            allowed = await self._find_own(addresses, port, is_name=literal is None)
        if not allowed:
            shown = f"host {host!r}" + (f" ({addresses[0]})" if host != str(addresses[0]) else "")
            raise _reject(shown, "is inside a private network")
        return allowed

    def _is_api(self, scheme: str, host: str, port: int) -> bool:
        """Return whether requests go to the API itself, or to its other name on this machine.

        The scheme counts, since only TLS proves that the host is still the API's.
        """
        api_scheme, api_host, api_port = self._api
        are_loopback = is_loopback(host) and is_loopback(api_host)
        return (scheme, port) == (api_scheme, api_port) and (host == api_host or are_loopback)

    async def _find_own(
        self, addresses: list[IPAddress], port: int, *, is_name: bool
    ) -> list[IPAddress]:
        """Return those private addresses that the API has, or that all names have here."""
        api_scheme, api_host, api_port = self._api
        literal = parse_address(api_host)
        try:
            own = [literal] if literal else await _resolve(api_host)
        except OSError:
            return []
        # A service on the Internet could give its name the address of a server in this network.
        # An API without TLS is in this network, as the user has confirmed.
        is_private_api = literal is not None or api_scheme == "http"
        is_any_port = literal is not None and not literal.is_loopback
        return [
            address
            for address in addresses
            if (is_private_api and address in own and (port == api_port or is_any_port))
            or (is_name and _is_translated(address, own))
        ]


def _is_translated(address: IPAddress, api: list[IPAddress]) -> bool:
    """Return whether this network gives all public hosts such addresses, the API's host too."""
    if address in _LOCAL_NAT64:
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return is_public(embedded) and any(int(a) >> 32 == int(address) >> 32 for a in api)
    return any(address in net and any(a in net for a in api) for net in FAKE_IP_NETWORKS)


def _read_host(url: httpx.URL) -> str:
    """Return the host of a URL as it is sent.

    Raises:
        ValueError: If it is neither a name nor an address.
    """
    _ = url.host  # raises ValueError if it cannot be decoded
    host = url.raw_host.decode("ascii").lower()
    if host and parse_address(host) is None and not _HOST_NAME.fullmatch(host):
        raise ValueError(host)
    return host


def _read_port(url: httpx.URL) -> int:
    return _DEFAULT_PORTS.get(url.scheme, 0) if url.port is None else url.port


async def _resolve(host: str) -> list[IPAddress]:
    """Return the addresses of a name, in the order in which they are preferred."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    found = (str(info[4][0]).partition("%")[0] for info in infos)
    return [ipaddress.ip_address(text) for text in dict.fromkeys(found)]


def _reject_url(url: str, reason: str) -> ResultUnavailableError:
    shown = hide_secrets(url[:_MAX_URL])
    return _reject(f"address {shown if len(shown) <= 100 else f'{shown[:99]}…'!r}", reason)


def _reject(subject: str, reason: str) -> ResultUnavailableError:
    return ResultUnavailableError(
        f"The result's {subject} {reason}; not fetched.", next_step=NEXT_STEP
    )
