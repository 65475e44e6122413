"""All settings of a session: names, types, limits and help texts, and where they come from."""

import os
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from ..core.hidden import hide_secrets
from ..core.hosts import is_loopback
from ..core.public import public
from ..errors import InvalidRequestError
from .base_url import ALLOWED, check_scheme, normalize_base_url
from .credentials import API_KEY_VAR, Secret, find_api_key

__all__ = ["OVERRIDES", "PROFILES", "Secret", "Settings", "check_setting", "setting_help"]

#: Values set with `%config LiangXin`, `%liangxin key` or the panel, for this process.
OVERRIDES: dict[str, Any] = {}

#: Each service profile and its public API address; LiangXin publishes none.
PROFILES = {"sandbox": "", "liangxin": "", "kie": "https://api.kie.ai"}
_WAIT_WORDS = {"auto": None, "always": True, "never": False}
_ENV_PREFIX = "LIANGXIN_"
#: Variables that other parts of the package read.
_OTHER_VARIABLES = (
    "CALLBACKS", "CALLBACK_BASE", "FRONTEND", "MODELS", "SANDBOX_KEY", "SANDBOX_LINGER",
    "SANDBOX_WEBHOOK_KEY", "WEBHOOK_KEY",
)  # fmt: skip


def _setting(description: str, allowed: str, **limits: Any) -> Meta:
    return Meta(description=description, extra={"allowed": allowed}, **limits)


def _positive(description: str) -> Meta:
    return _setting(description, "a number above 0", gt=0, le=sys.float_info.max)


@public
class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a session.

    A setting is taken from the first of these that has it: argument, `%config LiangXin.NAME`,
    environment variable `LIANGXIN_NAME` (for the key `LIANGXIN_API_KEY`), default.
    """

    profile: Annotated[
        str,
        _setting(
            "The service: sandbox, liangxin or kie. Default: liangxin if there is a key or an "
            "address, else sandbox.",
            "sandbox, liangxin or kie",
            pattern=f"^({'|'.join(PROFILES)})?$",
        ),
    ] = ""
    base_url: Annotated[str, _setting("The API's address, such as https://host.", ALLOWED)] = ""
    key: Annotated[Secret | None, _setting("The API key.", "a text")] = None
    results: Annotated[Path, _setting("The folder for results.", "a path")] = Path(
        "liangxin-results"
    )
    ledger: Annotated[
        str,
        _setting(
            "The ledger's file or database URL. Default: ledger.sqlite in the results folder.",
            "a path or a database URL",
        ),
    ] = ""
    wait: Annotated[
        bool | None,
        _setting(
            "Whether a cell waits for its result. None: only where nothing is interactive.",
            "auto, always or never",
        ),
    ] = None
    # Both services recommend a limit; KIE's docs name 10 to 15 minutes.
    patience: Annotated[float, _positive("Seconds until a wait ends with WaitTimeoutError.")] = (
        900.0
    )
    timeout: Annotated[
        float, _positive("Seconds without any data until a request counts as unanswered.")
    ] = 60.0
    max_credits: (
        Annotated[float, _positive("Maximum credits per day. Default: no limit.")] | None
    ) = None
    max_tasks: (
        Annotated[
            int,
            _setting("Maximum tasks per day. Default: no limit.", "a whole number above 0", gt=0),
        ]
        | None
    ) = None
    speed: Annotated[
        float, _positive("How many times faster than the real service the sandbox runs.")
    ] = 1.0
    callback: Annotated[
        str,
        _setting(
            "How the service reports the end of a task: auto, none or your own URL. Default: none.",
            "auto, none or a URL",
            pattern="^(auto|none)?$|://",
        ),
    ] = ""
    allow_http: Annotated[
        bool,
        _setting(
            "Allow http:// to a service on a private address; the key is then not encrypted.",
            "true or false",
        ),
    ] = False
    group_access: Annotated[
        bool,
        _setting("Whether the user's group can read new results folders.", "true or false"),
    ] = False
    budget: Annotated[
        str,
        _setting(
            "Where all processes with this key share its rate limits: a folder, or a redis:// "
            "URL for several machines. Default: a folder of this user.",
            "a folder or a redis:// URL",
            pattern="^(?!.*://)|^rediss?://",
        ),
    ] = ""

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, **arguments: Any) -> "Settings":
        """Read the settings from the arguments, `%config` and the environment, and check them.

        Args:
            environment: Default: the variables of this process. A blank one counts as unset.
            arguments: Settings by name. None and an empty text count as unset.

        Raises:
            InvalidRequestError: If a setting is unknown or invalid, or if key and address do not
                go together. Nothing has been sent.
        """
        env = os.environ if environment is None else environment
        values = dict(_read_environment(env))
        for label, source in (("%config LiangXin.", OVERRIDES), ("", arguments)):
            for name, value in source.items():
                if value not in (None, ""):
                    values[name] = check_setting(name, value, f"{label}{name}")
        if (
            "key" not in values
            and values.get("profile") != "sandbox"
            and (key := find_api_key(env))
        ):
            values["key"] = key
        values["results"] = values.get("results", Path("liangxin-results")).expanduser().absolute()
        return cls(**values)._resolve()

    def _resolve(self) -> "Settings":
        """Return the settings with the profile and the address that follow from them."""
        settings = replace(self, callback="" if self.callback == "none" else self.callback)
        profile = self.profile or ("liangxin" if self.key or self.base_url else "sandbox")
        if profile == "sandbox":
            # The sandbox has its own address and key; a real key must not be sent to it.
            return replace(settings, profile=profile, key=None, base_url="")
        return replace(settings, profile=profile, base_url=_check_service(settings, profile))

    @property
    def local(self) -> bool:
        """Whether the service runs on this machine."""
        return self.profile == "sandbox" or is_loopback(urlsplit(self.base_url).hostname)

    @property
    def host(self) -> str:
        """The service's name for users: `sandbox`, or the host of the address."""
        return urlsplit(self.base_url).netloc or self.profile

    def printable_values(self) -> dict[str, Any]:
        """Return all settings by name, with dots instead of the key and of logins in URLs."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {n: hide_secrets(v) if isinstance(v, str) else v for n, v in values.items()}

    def __repr__(self) -> str:
        values = (f"{name}={value!r}" for name, value in self.printable_values().items())
        return f"Settings({', '.join(values)})"


_TYPES = get_type_hints(Settings, include_extras=True)


def _meta(name: str) -> Meta:
    hints = (_TYPES[name], *get_args(_TYPES[name]))
    return next(
        m for hint in hints for m in getattr(hint, "__metadata__", ()) if isinstance(m, Meta)
    )


def setting_help(name: str) -> str:
    """Return the help text of a setting.

    Args:
        name: The setting.
    """
    return _meta(name).description or ""


Settings.__doc__ = f"{Settings.__doc__}\n    Attributes:\n" + "\n".join(
    f"        {name}: {setting_help(name)}" for name in Settings.__struct_fields__
)


def check_setting(name: str, value: Any, label: str) -> Any:
    """Convert a setting to its type.

    Args:
        name: The setting.
        value: Its value, possibly as text.
        label: What the user wrote, for the error message.

    Raises:
        InvalidRequestError: If there is no such setting or the value is not allowed.
    """
    if name not in _TYPES:
        close = get_close_matches(name, _TYPES, n=1)
        raise InvalidRequestError(
            f"There is no setting {name!r}; nothing was sent.",
            next_step=f"Did you mean {close[0]}?" if close else f"Settings: {', '.join(_TYPES)}.",
        )
    if name == "key":
        source = "The argument key" if label == name else label
        return value if isinstance(value, Secret) else Secret(value, source)
    converted = os.fspath(value) if isinstance(value, os.PathLike) else value
    if name == "wait" and isinstance(converted, str):
        converted = _WAIT_WORDS.get(converted.lower(), converted)
    try:
        checked = msgspec.convert(converted, _TYPES[name], strict=False, dec_hook=_to_type)
        return normalize_base_url(checked) if name == "base_url" else checked
    except ValueError:  # also msgspec's own
        shown = hide_secrets(value) if isinstance(value, str) else value
        raise InvalidRequestError(
            f"{label}={shown!r} is not valid; allowed: {(_meta(name).extra or {})['allowed']}. "
            "Nothing was sent.",
            next_step=f"Correct {label}.",
        ) from None


def _to_type(expected: type, value: Any) -> Any:
    return value if isinstance(value, expected) else expected(value)


def _read_environment(env: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield the settings that have a variable; reject a variable that is a misspelt one."""
    names = {f"{_ENV_PREFIX}{name.upper()}": name for name in _TYPES if name != "key"}
    known = {*names, API_KEY_VAR, *(f"{_ENV_PREFIX}{name}" for name in _OTHER_VARIABLES)}
    for variable in env:
        if variable.startswith(_ENV_PREFIX) and variable not in known and env[variable].strip():
            close = get_close_matches(variable, known, n=1, cutoff=0.92)
            if close:
                raise InvalidRequestError(
                    f"The environment variable {variable} is not known; nothing was sent.",
                    next_step=f"Did you mean {close[0]}?",
                )
    for variable, name in names.items():
        if text := env.get(variable, "").strip():
            yield name, check_setting(name, text, variable)


def _check_service(settings: Settings, profile: str) -> str:
    """Return the service's address, or raise if it or the key is missing or unusable."""
    base_url = settings.base_url or PROFILES[profile]
    if not base_url:
        raise InvalidRequestError(
            "LIANGXIN_BASE_URL is not set. LiangXin publishes no default API address.",
            next_step="Copy yours from its console, or set LIANGXIN_PROFILE to kie or sandbox.",
        )
    check_scheme(base_url, allow_http=settings.allow_http, label="base_url")
    if settings.key is None:
        raise InvalidRequestError(
            f"There is no key for {urlsplit(base_url).netloc} (profile {profile}).",
            next_step="Set LIANGXIN_API_KEY, or unset the address to use the sandbox.",
        )
    return base_url
