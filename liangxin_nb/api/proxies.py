"""Choose the proxy of a URL from the environment variables.

httpx reads the same variables, but it rejects some values that other programs accept, and it does
not know networks such as 10.0.0.0/8 in NO_PROXY.
"""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

import httpx

from ..core.hosts import is_loopback
from ..errors import InvalidRequestError

__all__ = ["Proxy", "find_bypass", "find_proxy", "join_host", "read_variable"]

_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_HOST = re.compile(r"[\w.-]+|[\da-fA-F:.]+(%\w+)?")
_ALLOWED = "http://[USER:PASSWORD@]HOST:PORT, https://… and socks5://…"


class Proxy(NamedTuple):
    """A proxy that the environment names.

    Attributes:
        variable: The environment variable, or a description of the system's settings.
        url: The address, with the login.
    """

    variable: str
    url: httpx.URL

    @property
    def port(self) -> int:
        """The port, also if the address names none."""
        return self.url.port or _DEFAULT_PORTS[self.url.scheme]

    def __str__(self) -> str:
        return f"{self.url.scheme}://{join_host(self.url.host, self.port)}"

    def __repr__(self) -> str:
        return f"Proxy({self})"  # without the login


def find_proxy(url: httpx.URL) -> Proxy | None:
    """Return the proxy for a URL, or None.

    Names and addresses of this machine never have one.

    Args:
        url: An http or https URL.

    Raises:
        InvalidRequestError: If the variable for this URL has no usable value.
    """
    values = urllib.request.getproxies()  # honours upper and lower case, and CGI's HTTP_PROXY
    for scheme in (url.scheme, "all"):
        if value := _unquote(values.get(scheme, "")):
            if is_loopback(url.host) or find_bypass(url):
                return None
            return _parse_proxy(value, _name_variable(f"{scheme}_proxy"))
    return None


def find_bypass(url: httpx.URL) -> str:
    """Return the entry of NO_PROXY that applies to a URL, or an empty text.

    Entries are separated by commas or white space: `*`, a host name (also for its subdomains), an
    address, a network such as 10.0.0.0/8 or fd00::/8, each with or without a port.

    Args:
        url: An http or https URL.
    """
    value = _unquote(urllib.request.getproxies().get("no", ""))
    return next((e for e in re.split(r"[\s,;]+", value) if e and _matches(e, url)), "")


def read_variable(name: str) -> str:
    """Return an environment variable without white space and quotes around it.

    `%env NAME="value"` keeps the quotes.
    """
    return _unquote(os.environ.get(name, ""))


def _unquote(value: str) -> str:
    return value.strip().strip("\"'").strip()


def _name_variable(name: str) -> str:
    """Return the name of a variable as it is spelled in the environment."""
    spellings = (name, name.upper(), *(n for n in os.environ if n.lower() == name))
    return next((n for n in spellings if os.environ.get(n)), "the system's settings")


def _parse_proxy(value: str, variable: str) -> Proxy:
    """Return the proxy that a variable names; its value may contain a password."""
    scheme, separator, rest = value.partition("://")
    scheme, rest = (scheme.lower(), rest) if separator else ("http", value)
    if scheme == "socks":  # as desktop environments write it
        scheme = "socks5"
    if scheme not in _DEFAULT_PORTS:
        shown = f"{scheme}://" if scheme.isalnum() and len(scheme) < 12 else "this"
        raise _reject(variable, f"{shown} is not a supported kind of proxy")
    try:
        url = httpx.URL(f"{scheme}://{rest.rstrip('/')}")
    except httpx.InvalidURL:
        url = httpx.URL("")
    is_whole = url.raw_path in (b"", b"/") and not url.fragment
    if not (
        is_whole and _HOST.fullmatch(url.host) and 0 < (1 if url.port is None else url.port) < 65536
    ):
        has_login = "@" in rest
        raise _reject(
            variable,
            "special characters of its password must be encoded, such as # as %23" if has_login
            else "its host or port is not valid",
        )  # fmt: skip
    return Proxy(variable, url)


def _reject(variable: str, reason: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"{variable} is not a usable proxy address ({reason}); allowed: {_ALLOWED}. Nothing was "
        "sent.",
        next_step=f"Correct or unset {variable}.",
    )


def _matches(entry: str, url: httpx.URL) -> bool:
    """Return whether an entry of NO_PROXY applies to a URL."""
    if entry == "*":
        return True
    scheme, separator, rest = entry.partition("://")
    if separator and scheme not in (url.scheme, "all"):
        return False
    pattern, port = _split_port((rest if separator else entry).rstrip("/").lower())
    if port and port != str(url.port or _DEFAULT_PORTS.get(url.scheme)):
        return False
    try:
        network = ipaddress.ip_network(pattern.partition("%")[0], strict=False)
    except ValueError:
        suffix = pattern.removeprefix("*").strip(".")
        return bool(suffix) and any(
            host == suffix or host.endswith(f".{suffix}") for host in _host_names(url)
        )
    try:
        return ipaddress.ip_address(url.host.partition("%")[0]) in network
    except ValueError:
        return False


def _host_names(url: httpx.URL) -> Iterator[str]:
    """Yield the host as text and as it is sent, if it is not an address."""
    names = (url.host.lower().rstrip("."), url.raw_host.decode("ascii").lower().rstrip("."))
    yield from (name for name in names if not re.fullmatch(r"[\d.]+|.*:.*", name))


def _split_port(entry: str) -> tuple[str, str]:
    """Split `host:port`; an IPv6 address may be in brackets, and has a port only then."""
    if match := re.fullmatch(r"\[([^]]*)\](/\d+)?(?::(\d+))?", entry):
        return match[1] + (match[2] or ""), match[3] or ""
    if match := re.fullmatch(r"([^:]+):(\d+)", entry):
        return match[1], match[2]
    return entry, ""


def join_host(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
