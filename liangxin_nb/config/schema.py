"""Every setting of the package: what it is called, where it can be set, and how it is checked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from ..core.formatting import shorten
from ..core.hidden import HIDDEN, hide_secrets
from ..errors import InvalidRequestError
from .credentials import API_KEY_VAR, Secret
from .fields import SettingFields, VariableFields
from .key_detector import find_key
from .values import Reader, UnusableError, wait_word

__all__ = [
    "SETTINGS",
    "Setting",
    "Source",
    "check_setting",
    "find_setting",
    "is_set",
    "read_environment",
    "read_variable",
]

Source = Literal["argument", "%config", "variable"]
_PREFIX = "LIANGXIN_"
_MAX_SHOWN = 80  # characters of a value
#: Names that other tools use.
_OTHER_NAMES = {
    "apikey": "key", "api_key": "key", "token": "key", "url": "base_url", "api_url": "base_url",
    "api_base": "base_url", "host": "base_url", "endpoint": "base_url", "service": "profile",
    "folder": "results", "database": "ledger", "database_url": "ledger",
}  # fmt: skip


class Setting(NamedTuple):
    """What the schema says of a setting.

    Attributes:
        name: Its name as an argument.
        type: Its type, with limits.
        default: Its default.
        help: What it does.
        allowed: The allowed values, in words.
        variable: Its environment variable.
        read: Brings a value into the form that is checked.
        is_secret: Whether its value is never shown.
        sources: Where it can be set.
    """

    name: str
    type: Any
    default: Any
    help: str
    allowed: str
    variable: str
    read: Reader
    is_secret: bool
    sources: tuple[Source, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """The allowed words; empty if other values are allowed, too."""
        words = tuple(re.split(", | or ", self.allowed))
        return words if all(map(str.isalpha, words)) else ()

    @property
    def summary(self) -> str:
        """What it does, without its default."""
        return self.help.partition(" Default:")[0]

    @property
    def default_words(self) -> str:
        """The default in words, such as `no limit`; empty if there is none."""
        return self.help.partition("Default: ")[2].rstrip(".")

    def spell(self, source: Source) -> str:
        """Return how the name is written in a source."""
        spellings = {"argument": self.name, "%config": f"%config LiangXin.{self.name}"}
        return spellings.get(source, self.variable)

    def show(self, value: Any) -> str:
        """Return a value as text that can be pasted: without secrets, and shortened."""
        if value is None or isinstance(value, bool):
            words: dict[Any, str] = {None: "", True: "true", False: "false"}
            return wait_word(value) if "auto" in self.choices else words[value]
        if self.is_secret:
            return "••••••"
        if isinstance(value, Path):
            value = str(value)
        if isinstance(value, str):
            if self.name == "callback":  # its path may be a secret
                value = re.sub("(://[^/]*/).+", rf"\1{HIDDEN}", value)
            shown = hide_secrets(value)
            return HIDDEN if find_key(shown) else shorten(shown, _MAX_SHOWN)
        if isinstance(value, float | int):
            return shorten(f"{value}".removesuffix(".0"), _MAX_SHOWN)
        return f"<{type(value).__name__}>"


def _describe(struct: type[Struct], name: str, default: Any, hint: Any) -> Setting:
    hints = (hint, *get_args(hint))
    meta = next(m for h in hints for m in getattr(h, "__metadata__", ()) if isinstance(m, Meta))
    is_secret = any(Secret in (h, *get_args(h)) for h in hints)
    sources: tuple[Source, ...] = ("variable",)
    if struct is SettingFields:
        # A key in %config would be saved in the notebook.
        sources = ("argument", "variable") if is_secret else ("argument", "%config", "variable")
    extra, help_text = meta.extra or {}, meta.description or ""
    setting = Setting(
        name, hint, default, help_text, extra["allowed"],
        API_KEY_VAR if name == "key" else f"{_PREFIX}{name.upper()}", extra["read"], is_secret,
        sources,
    )  # fmt: skip
    if (shown := setting.show(default)) and "Default:" not in help_text:
        setting = setting._replace(help=f"{help_text} Default: {shown}.")
    return setting


def _describe_all() -> Iterator[Setting]:
    for struct in (SettingFields, VariableFields):
        hints = get_type_hints(struct, include_extras=True)
        for name, default in zip(struct.__struct_fields__, struct.__struct_defaults__, strict=True):
            yield _describe(struct, name, default, hints[name])


#: All settings by name.
SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _describe_all()}


def find_setting(name: str, source: Source) -> Setting:
    """Return the setting that a name stands for in a source.

    Args:
        name: The name as an argument.
        source: Where the user has written it.

    Raises:
        InvalidRequestError: If there is none, or if it cannot be set there.
    """
    setting = SETTINGS.get(name)
    if setting and source in setting.sources:
        return setting
    if setting:
        reason = "it belongs to the process"
        if setting.is_secret and source == "%config":
            reason = "it would be saved in the notebook"
        raise InvalidRequestError(
            f"{setting.spell(source)} cannot be set: {reason}. Nothing was sent.",
            next_step=f"Set {setting.variable}"
            + (", or enter the key with %liangxin key." if name == "key" else "."),
        )
    close = _suggest(name, source, cutoff=0.6)
    names = [s.name for s in SETTINGS.values() if source in s.sources]
    raise InvalidRequestError(
        f"There is no setting {shorten(name, _MAX_SHOWN)!r}; nothing was sent.",
        next_step=f"Did you mean {close}?" if close else f"Settings: {', '.join(names)}.",
    )


def _suggest(name: str, source: Source, cutoff: float) -> str:
    """Return how the setting that a wrong name may stand for is written in a source."""
    spellings = {s.name: s.spell(source) for s in SETTINGS.values() if source in s.sources}
    if source != "variable":  # such variables may belong to other programs
        spellings |= {
            other: spellings[meant] for other, meant in _OTHER_NAMES.items() if meant in spellings
        }
    if source == "argument":
        spellings["schedule"] = "schedule"  # of `Session` only, and no value
    close = get_close_matches(name.lower(), spellings, n=1, cutoff=cutoff)
    return spellings[close[0]] if close else ""


def check_setting(name: str, value: Any, source: Source) -> Any:
    """Convert a setting to its type.

    Args:
        name: The setting.
        value: Its value, possibly as text.
        source: Where the user has written it.

    Raises:
        InvalidRequestError: If there is no such setting or the value is not allowed.
    """
    setting = find_setting(name, source)
    label = setting.spell(source)
    if isinstance(value, str):
        value = str.__str__(value)  # without the methods of a subclass
    if setting.is_secret:
        place = f"The argument {label}" if source == "argument" else label
        return value if isinstance(value, Secret) else Secret(value, place)
    text = value.strip() if isinstance(value, str) else value
    try:
        return msgspec.convert(setting.read(text), setting.type, strict=False, dec_hook=_to_type)
    except UnusableError as error:
        reason, next_step = f"cannot be used: {error.reason}", error.next_step
    except Exception:  # msgspec's own, and those of the value's own methods
        close = get_close_matches(text, setting.choices, n=1) if isinstance(text, str) else []
        reason = f"is not valid; allowed: {setting.allowed}"
        next_step = f"Did you mean {close[0]}?" if close else f"Correct {label}."
    shown = setting.show(value)
    shown = repr(shown) if isinstance(value, str) else shown
    raise InvalidRequestError(f"{label}={shown} {reason}. Nothing was sent.", next_step=next_step)


def _to_type(expected: type, value: Any) -> Any:
    return value if isinstance(value, expected) else expected(value)


def is_set(value: Any) -> bool:
    """Return whether a value counts as one: None and blank texts count as unset."""
    return value is not None and not (isinstance(value, str) and not str.strip(value))


def read_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that have a variable, without the API key.

    Args:
        env: The environment variables. A blank one counts as unset.

    Raises:
        InvalidRequestError: If a value is not allowed, or a variable is a misspelt setting.
    """
    names = {setting.variable: name for name, setting in SETTINGS.items()}
    for variable in env:
        word = variable.upper().removeprefix(_PREFIX)
        if variable in names or word == variable.upper() or not is_set(env[variable]):
            continue
        if close := _suggest(word, "variable", cutoff=0.8):
            raise InvalidRequestError(
                f"The environment variable {variable} is not known; nothing was sent.",
                next_step=f"Did you mean {close}?",
            )
    return {
        name: check_setting(name, env[variable], "variable")
        for variable, name in names.items()
        if name != "key" and is_set(env.get(variable))
    }


def read_variable(name: str, env: Mapping[str, str] | None = None) -> Any:
    """Return a setting that only its environment variable sets, or its default.

    Args:
        name: The setting, such as `frontend`.
        env: Default: the variables of this process. A blank one counts as unset.

    Raises:
        InvalidRequestError: If the value is not allowed.
    """
    setting = SETTINGS[name]
    value = (os.environ if env is None else env).get(setting.variable, "")
    return check_setting(name, value, "variable") if is_set(value) else setting.default
