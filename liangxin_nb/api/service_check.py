"""Test the way to the service, step by step, with a request that costs nothing."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any

import httpx

from ..config.settings import Secret
from ..core.formatting import format_duration
from ..errors import APIError, LiangxinError
from .addresses import FAKE_IP_NETWORKS
from .certificates import find_certificates
from .codec import parse_balance, parse_record
from .proxies import find_bypass, find_proxy
from .route import NotSentError
from .transport import BearerAuth, build_http_client, describe_error

__all__ = ["ServiceCheck"]

_RECORD, _CREDIT = "/api/v1/jobs/recordInfo", "/api/v1/chat/credit"
_UNKNOWN_TASK = "liangxin_nb_doctor"  # no service gives a task this id
_TIMEOUT_S = 5.0  # for each step
_TOTAL_S = 20.0  # for all steps, whatever the network does
_MAX_BODY_BYTES = 1 << 16
_MAX_CLOCK_DIFFERENCE_S = 120.0


class ServiceCheck:
    """What was found on the way to a service.

    Attributes:
        proxy: The proxy of the service's address and its variable, in words.
        certificates: Which certificates are trusted, in words.
        steps: What worked, in order, with the time that it took.
        problems: What did not work, each with its next step.
    """

    def __init__(self, base_url: str, key: Secret, *, has_balance: bool) -> None:
        """Create a check; nothing is sent.

        Args:
            base_url: The API's address.
            key: The API key.
            has_balance: Whether the service has KIE's balance request. Otherwise a task is
                requested that does not exist.
        """
        self._url = httpx.URL(base_url)
        self._base_url = base_url
        self._key = key
        self._has_balance = has_balance
        self.steps: list[str] = []
        self.problems: list[str] = []
        self.proxy: str = self._describe_proxy()
        paths = (f"{name} {path}" for name, path in find_certificates())
        self.certificates: str = ", ".join(["the system's", *paths])

    def run(self) -> None:
        """Test each step; ends within 20 seconds."""
        # A thread, since a notebook's loop is running; a daemon, since a resolver may hang.
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        thread.start()
        thread.join(_TOTAL_S)
        if thread.is_alive() and not self.problems:
            self.problems.append(
                f"The way to {self._url.host} could not be tested within {_TOTAL_S:.0f} s. Check "
                "the connection, VPN and firewall."
            )

    def _describe_proxy(self) -> str:
        try:
            proxy = find_proxy(self._url)
        except LiangxinError as error:
            self.problems.append(str(error))
            return "not usable"
        if proxy is not None:
            return f"{proxy} ({proxy.variable})"
        bypass = find_bypass(self._url)
        return f"none for {self._url.host}" + (f": NO_PROXY has {bypass}" if bypass else "")

    async def _run(self) -> None:
        if self.problems:
            return
        host = self._url.host
        try:
            if find_proxy(self._url) is None:
                await self._resolve()
            async with asyncio.timeout(_TOTAL_S - 1):
                await self._request()
        except NotSentError as error:
            self.problems.append(f"{host} cannot be reached ({error}). {error.next_step}")
        except httpx.HTTPError as error:
            self.problems.append(f"{host} sent no complete answer ({describe_error(error)}).")
        except TimeoutError:
            self.problems.append(f"{host} did not answer in time.")
        except LiangxinError as error:
            self.problems.append(str(error))

    async def _resolve(self) -> None:
        """Note the addresses of the host."""
        start = time.perf_counter()
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(self._url.host, None)
        except (OSError, UnicodeError):
            return  # the request fails for the same reason
        addresses = list(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in infos))
        is_fake = any(ip_address(a) in network for a in addresses for network in FAKE_IP_NETWORKS)
        note = " (a fake address, which a proxy program gives)" if is_fake else ""
        self._add(f"name found: {', '.join(addresses[:4])}{note}", time.perf_counter() - start)

    async def _request(self) -> None:
        """Send a request that creates and costs nothing, and note each step."""
        path, params = (_CREDIT, {}) if self._has_balance else (_RECORD, {"taskId": _UNKNOWN_TASK})
        starts: dict[str, float] = {}

        async def on_event(name: str, info: Any) -> None:
            step, _, state = name.rpartition(".")
            if state == "started":
                starts[step] = time.perf_counter()
            elif state == "complete" and (words := self._describe_step(step, info)):
                self._add(words, time.perf_counter() - starts[step])

        start, body = time.perf_counter(), b""
        async with (
            build_http_client(_TIMEOUT_S, BearerAuth(self._key)) as client,
            client.stream(
                "GET", f"{self._base_url}{path}", params=params, extensions={"trace": on_event}
            ) as response,
        ):
            async for chunk in response.aiter_bytes(_MAX_BODY_BYTES):
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    break
        self._compare_clocks(response.headers.get("date", ""))
        self._add(self._read_answer(response, body), time.perf_counter() - start)

    def _describe_step(self, step: str, info: Any) -> str:
        """Describe a completed step of httpcore; empty if users need not know it."""
        if step.endswith("connect_tcp"):
            address = info["return_value"].get_extra_info("server_addr")
            via = "" if self.proxy.startswith("none") else "through the proxy at "
            return f"connected {via or 'to '}{address[0]}, port {address[1]}"
        if not step.endswith("start_tls"):
            return ""
        tls = info["return_value"].get_extra_info("ssl_object")
        certificate = tls.getpeercert() or {}  # empty where the system itself checks it
        issuer = {name: value for pairs in certificate.get("issuer", ()) for name, value in pairs}
        name = issuer.get("organizationName") or issuer.get("commonName")
        if not name:
            return f"encrypted with {tls.version()}"
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
        return f"encrypted with {tls.version()}, certified by {name} until {until:%Y-%m-%d}"

    def _read_answer(self, response: httpx.Response, body: bytes) -> str:
        """Return what the answer says; an error is raised."""
        if response.has_redirect_location:
            host = response.headers["location"].partition("?")[0]
            raise APIError(
                f"{self._url.host} redirects to {host[:80]}, as a login page of a network does.",
                status=response.status_code,
                next_step="Log in to the network, or correct the API address.",
            )
        if self._has_balance:
            return f"key accepted, {parse_balance(response.status_code, body):g} credits"
        try:
            parse_record(response.status_code, body)
        except APIError as error:
            if not error.is_task_unknown:
                raise
        return "key accepted"

    def _compare_clocks(self, date: str) -> None:
        """Note a clock that differs much from the service's."""
        try:
            difference = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
        except (ValueError, TypeError):
            return
        if abs(difference) > _MAX_CLOCK_DIFFERENCE_S:
            words = "ahead of" if difference > 0 else "behind"
            self.problems.append(
                f"This computer's clock is {format_duration(abs(difference))} {words} that of "
                f"{self._url.host}. Correct its date and time."
            )

    def _add(self, words: str, seconds: float) -> None:
        self.steps.append(f"{words} ({seconds:.2f} s)")
