"""What a session needs to know: which service, which key, which folder, how to wait."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.public import public
from ..errors import InvalidRequestError
from .credentials import find_api_key

__all__ = ["OVERRIDES", "PROFILES", "Secret", "Settings"]

#: What `%config LiangXin` set in this process; stronger than the environment.
OVERRIDES: dict[str, Any] = {}

#: Each service profile and its public address; LiangXin's is published nowhere.
PROFILES = {"sandbox": "", "liangxin": "", "kie": "https://api.kie.ai"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WAITS = {"auto": None, "always": True, "never": False}


class Secret:
    """A key that does not show itself: its repr and its text are dots."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The key itself, for the one header that may hold it."""
        return self.__value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __repr__(self) -> str:
        return "••••••"

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written anywhere")


@public
@dataclass(frozen=True)
class Settings:
    """How a session is set up: arguments first, then `%config LiangXin`, then the environment.

    `profile`: sandbox, liangxin or kie; empty means sandbox when there is neither key nor address.
    `results`: the folder of pictures. `ledger`: a file or database URL, default
    `results/ledger.sqlite`. `wait`: True, False or None (wait only where no one watches).
    `patience`: seconds until a wait ends with `WaitTimeoutError`, default 900 (both seed documents:
    stop after a time of one's own, KIE says 10 to 15 minutes). `timeout`:
    seconds without a word until a call counts as unanswered. `max_credits`, `max_tasks`: the most
    to be spent and asked for in a day, default no limit. `speed`: how many times faster than
    life the sandbox runs. `callback`: whether the service is asked to call when a task has ended:
    empty for no, `auto`, or a URL of one's own. `budget`: where all that use the key share its
    rates: a folder of this machine, default in the user's runtime folder, or a `redis://` address.
    """

    profile: str = ""
    base_url: str = ""
    key: Secret | None = None
    results: Path = Path("liangxin-results")
    ledger: str = ""
    wait: bool | None = None
    patience: float = 900.0
    timeout: float = 60.0
    max_credits: float | None = None
    max_tasks: int | None = None
    speed: float = 1.0
    callback: str = ""
    budget: str = field(default="", repr=False)  # the address may hold a password

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **arguments: Any) -> Settings:
        """Settings from all three places; a blank variable counts as unset.

        Raises `InvalidRequestError` for an unknown profile, a broken address, a key without an
        address, an address without a key.
        """
        env = os.environ if environment is None else environment
        asked = {**OVERRIDES, **arguments}
        given = {name: value for name, value in asked.items() if value not in (None, "")}
        values = {**_from_environment(env), **given}
        if (
            "key" not in values
            and values.get("profile") != "sandbox"
            and (key := find_api_key(env))
        ):
            values["key"] = Secret(key)
        if isinstance(values.get("key"), str):
            values["key"] = Secret(values["key"])
        values["results"] = Path(values.get("results", cls.results)).expanduser().absolute()
        return cls(**values)._resolved()

    def _resolved(self) -> Settings:
        if self.profile and self.profile not in PROFILES:
            raise InvalidRequestError(
                f"The profile {self.profile!r} is none of {', '.join(PROFILES)}.",
                next_step="Set LIANGXIN_PROFILE to one of them.",
            )
        callback = "" if self.callback == "none" else self.callback
        self = replace(self, callback=callback)
        if callback not in ("", "auto") and "://" not in callback:
            raise InvalidRequestError(
                f"The callback {callback!r} is none of auto, none and a URL.",
                next_step="Correct LIANGXIN_CALLBACK.",
            )
        if "://" in self.budget and not self.budget.startswith(("redis://", "rediss://")):
            raise InvalidRequestError(
                f"The budget {_without_login(self.budget)!r} is neither a folder nor a redis:// "
                "address.",
                next_step="Correct LIANGXIN_BUDGET.",
            )
        profile = self.profile or ("liangxin" if self.key or self.base_url else "sandbox")
        if profile == "sandbox":
            # The sandbox has an address and a key of its own; a real key must not reach it.
            return replace(self, profile=profile, key=None, base_url="")
        base_url = self.base_url or PROFILES[profile]
        return replace(self, profile=profile, base_url=_checked(base_url, profile, self.key))

    @property
    def local(self) -> bool:
        """Whether the service runs on this machine."""
        return self.profile == "sandbox" or urlsplit(self.base_url).hostname in _LOOPBACK

    @property
    def host(self) -> str:
        """The service's name for people: `sandbox`, or the host of the address."""
        return urlsplit(self.base_url).netloc or self.profile


def _checked(base_url: str, profile: str, key: Secret | None) -> str:
    """The address without its last slash, or the error that says what is missing."""
    if not base_url:
        raise InvalidRequestError(
            "There is a key but no address: LiangXin's API host is published nowhere.",
            next_step="Set LIANGXIN_BASE_URL, or LIANGXIN_PROFILE=kie, or unset the key to use "
            "the sandbox.",
        )
    parts = _split(base_url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise InvalidRequestError(
            f"The address {_without_login(base_url)!r} is not a usable API address: allowed is "
            "https://HOST[:PORT][/PATH], and http:// on this machine only.",
            next_step="Correct LIANGXIN_BASE_URL.",
        )
    if key is None:
        raise InvalidRequestError(
            f"There is no key for {parts.netloc} (profile {profile}).",
            next_step="Set LIANGXIN_API_KEY, or unset the address to use the sandbox.",
        )
    return base_url.rstrip("/")


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for a port that is no number
    except ValueError:
        return urlsplit("")
    return parts


def _without_login(url: str) -> str:
    """The address as typed, less anything before an @: people paste keys there."""
    head, at, tail = url.rpartition("@")
    return f"{head.partition('//')[0]}//…@{tail}" if at else url


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    names = {
        "LIANGXIN_BASE_URL": ("base_url", str),
        "LIANGXIN_PROFILE": ("profile", str),
        "LIANGXIN_RESULTS": ("results", Path),
        "LIANGXIN_LEDGER": ("ledger", str),
        "LIANGXIN_BUDGET": ("budget", str),
        "LIANGXIN_CALLBACK": ("callback", str),
        "LIANGXIN_WAIT": ("wait", _wait),
        "LIANGXIN_PATIENCE": ("patience", _positive("LIANGXIN_PATIENCE")),
        "LIANGXIN_TIMEOUT": ("timeout", _positive("LIANGXIN_TIMEOUT")),
        "LIANGXIN_MAX_CREDITS": ("max_credits", _positive("LIANGXIN_MAX_CREDITS")),
        "LIANGXIN_MAX_TASKS": ("max_tasks", _positive("LIANGXIN_MAX_TASKS")),
        "LIANGXIN_SPEED": ("speed", _positive("LIANGXIN_SPEED")),
    }
    found = {}
    for name, (setting, read) in names.items():
        if text := env.get(name, "").strip():
            found[setting] = read(text)
    return found


def _wait(text: str) -> bool | None:
    if text.lower() not in _WAITS:
        raise InvalidRequestError(f"LIANGXIN_WAIT={text!r} is none of {', '.join(_WAITS)}.")
    return _WAITS[text.lower()]


def _positive(name: str) -> Any:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise InvalidRequestError(f"{name}={text!r} is not a number above 0.")
        return number

    return read
