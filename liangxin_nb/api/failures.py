"""Why there is no connection, in words, and what to do about it."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

import httpcore

from .route import NotSentError, Route

__all__ = ["Failure", "build_not_sent_error", "explain_failure"]

_CA_HINT = (
    "If this network inspects TLS, set SSL_CERT_FILE to the file with its CA certificate, or add "
    "that to the system's store."
)
_CLOCK_HINT = (
    "Check the date and time of this computer; if they are right, the server needs a new "
    "certificate."
)
_NAME_HINT = "Check the address; a filter or a login page of the network may answer in its place."
_FILTER_HINT = (
    "A firewall or filter often does this; try another network, or set HTTPS_PROXY if this one "
    "requires a proxy."
)
_MTU_HINT = "A firewall, or a VPN with a too large MTU, often causes this; try another network."
_DNS_HINT = "Check the address and the connection; if only a proxy resolves names, set HTTPS_PROXY."
_WAY_HINT = "Check the connection, VPN and firewall; if this network has a proxy, set HTTPS_PROXY."
_PORT_HINT = "Check the address and its port."
#: Codes of OpenSSL for certificates: what is wrong, and the next step.
_CERTIFICATE_CODES = {
    9: ("is not valid yet", _CLOCK_HINT),
    10: ("has expired", _CLOCK_HINT),
    62: ("is for another host name", _NAME_HINT),
    64: ("is for another address", _NAME_HINT),
}
#: What OpenSSL finds in an answer that is not TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE",
           "PACKET_LENGTH_TOO_LONG", "INVALID_SESSION_ID")  # fmt: skip
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)
_NO_FILES = (errno.EMFILE, errno.ENFILE)
_LOGIN_WORDS = ("407", "Requested ", "Invalid username", "The proxy server does not accept")
_FORBIDDEN_WORDS = ("403", "451", "not allowed by ruleset")


class Failure(NamedTuple):
    """Why there is no connection.

    Attributes:
        problem: In a few words, without a login.
        next_step: What to do about it.
        is_lasting: Whether another attempt fails for the same reason; a wrong login, repeated
            often, may lock an account.
    """

    problem: str
    next_step: str
    is_lasting: bool = False


def build_not_sent_error(error: BaseException, route: Route) -> NotSentError:
    """Return the error for a request that was not sent.

    Args:
        error: The error of httpcore or of the system.
        route: How far the request has come.
    """
    failure = explain_failure(error, route)
    return NotSentError(failure.problem, failure.next_step, retryable=not failure.is_lasting)


def explain_failure(error: BaseException, route: Route) -> Failure:
    """Explain why a request could not be sent.

    Args:
        error: The error of httpcore, with its causes, or a `TimeoutError`.
        route: How far the request has come.
    """
    causes = list(_find_causes(error))
    proxy = route.proxy if route.is_at_proxy else None
    subject = f"the proxy {proxy} of {proxy.variable}" if proxy else "it"
    failure = (
        _explain_proxy_answer(causes, route, subject)
        or _explain_tls(causes, route, subject)
        or _explain_system_error(causes, subject)
        or _explain_end(causes, route, subject)
    )
    if proxy and failure.next_step in (_DNS_HINT, _WAY_HINT, _PORT_HINT, _FILTER_HINT):
        hint = f"Check that the proxy is running; correct or unset {proxy.variable}."
        return Failure(failure.problem, hint)
    return failure


def _find_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, also from all attempts to connect."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from _find_causes(member)
        error = error.__cause__ or error.__context__  # httpcore raises them `from None`


def _explain_proxy_answer(
    causes: list[BaseException], route: Route, subject: str
) -> Failure | None:
    """Explain an answer of the proxy itself."""
    error = causes[0]
    if route.proxy is None or not isinstance(error, httpcore.ProxyError):
        return None
    text, host, variable = str(error), route.url.host, route.proxy.variable
    if text.startswith(_LOGIN_WORDS):
        problem = "did not accept the login" if route.proxy.url.userinfo else "requires a login"
        login = f"{route.proxy.url.scheme}://USER:PASSWORD@HOST:PORT"
        next_step = f"Write the login into {variable} as {login}."
        return Failure(f"{subject} {problem}", next_step, is_lasting=True)
    if any(word in text for word in _FORBIDDEN_WORDS):
        return Failure(
            f"{subject} does not allow connections to {host}",
            f"Ask its operator to allow {host}; or add it to NO_PROXY if there is a direct way.",
            is_lasting=True,
        )
    if text == "Malformed reply":
        return None
    detail = text.removeprefix("Proxy Server could not connect: ").strip(" .")
    return Failure(
        f"{subject} cannot connect to {host}: {detail}",
        "Check the address; if other sites work through this proxy, try again later.",
    )


def _explain_tls(causes: list[BaseException], route: Route, subject: str) -> Failure | None:
    """Explain an error of the TLS handshake."""
    owner = "its" if subject == "it" else f"{subject}: its"
    error = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if error is None and not route.step.endswith("start_tls"):
        return None
    if isinstance(error, ssl.SSLCertVerificationError):
        unknown = f"is not trusted: {error.verify_message}", _CA_HINT
        problem, next_step = _CERTIFICATE_CODES.get(error.verify_code, unknown)
        return Failure(f"{owner} certificate {problem}", next_step, is_lasting=True)
    reason = getattr(error, "reason", None) or ""
    if reason in _NO_TLS:
        fix = "Check the address and its port: https:// needs a server with TLS."
        if subject != "it" and route.proxy:
            fix = f"Write http:// in place of https:// in {route.proxy.variable}."
        return Failure(f"{subject} does not speak TLS at this port", fix, is_lasting=True)
    if reason and "EOF" not in reason:
        words = reason.lower().replace("_", " ")
        return Failure(f"{owner} TLS handshake failed: {words}", _NAME_HINT)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Failure(f"{subject} did not answer in time during the TLS handshake", _MTU_HINT)
    return Failure(f"{subject} closed the connection during the TLS handshake", _FILTER_HINT)


def _explain_system_error(causes: list[BaseException], subject: str) -> Failure | None:
    """Explain an error of the operating system; one that an attempt got from the host first."""
    owner = "its name" if subject == "it" else f"the name of {subject}"
    errors = [cause for cause in causes if isinstance(cause, OSError | UnicodeError)]
    numbers = {getattr(error, "errno", None) for error in errors}
    if any(isinstance(error, socket.gaierror | UnicodeError) for error in errors):
        return Failure(f"{owner} was not found", _DNS_HINT)
    if any(isinstance(error, ConnectionRefusedError) for error in errors):
        return Failure(f"{subject} refused the connection", _PORT_HINT)
    if numbers & {*_NO_ROUTE}:
        return Failure(f"there is no route to {subject}", _WAY_HINT)
    if numbers & {errno.EACCES, errno.EPERM}:
        return Failure("this computer does not allow the connection", _WAY_HINT)
    if numbers & {*_NO_FILES}:
        return Failure("this process has too many open files", "Restart the kernel.")
    return None


def _explain_end(causes: list[BaseException], route: Route, subject: str) -> Failure:
    """Explain a connection that ended or was not made in time."""
    if isinstance(causes[0], httpcore.PoolTimeout):
        return Failure("there was no free connection in time", "Try again later.")
    if any(isinstance(cause, TimeoutError | httpcore.TimeoutException) for cause in causes):
        ending = "did not accept a connection"
        if route.is_at_proxy:
            ending = f"did not connect to {route.url.host}"
        return Failure(f"{subject} {ending} in time", _WAY_HINT)
    is_closed = any(isinstance(c, httpcore.NetworkError | ConnectionError) for c in causes)
    if is_closed or "disconnected" in str(causes[0]):
        return Failure(f"{subject} closed the connection", _WAY_HINT)
    scheme = route.proxy.url.scheme.rstrip("h").upper() if route.proxy else "HTTP"
    return Failure(f"{subject} does not speak {scheme}", _PORT_HINT)
