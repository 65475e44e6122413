"""The settings of a session: where each value comes from, and which service follows from them."""

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import force_setattr, replace

from ..core.hosts import is_loopback
from ..core.public import public
from ..core.structs import prepare_structs
from ..errors import InvalidRequestError
from .base_url import check_scheme
from .credentials import API_KEY_VAR, Secret, find_api_key
from .fields import PROFILES, SettingFields
from .key_detector import reject_keys
from .schema import SETTINGS, Source, check_setting, find_setting, is_set, read_environment
from .values import absolute_path

__all__ = ["OVERRIDES", "PROFILES", "Secret", "Settings", "override"]

_PLACES = {"argument": "argument", "%config": "%config or panel"}
#: Values set with `%config LiangXin`, `%liangxin key` or the panel, for this process.
OVERRIDES: dict[str, Any] = {}


@public
class Settings(SettingFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a session.

    A setting is taken from the first of these that has it: argument, `%config LiangXin.NAME`,
    environment variable `LIANGXIN_NAME` (for the key `LIANGXIN_API_KEY`), default.
    """

    def __post_init__(self) -> None:
        """Check every value; a blank one counts as the default."""
        for name, setting in SETTINGS.items():
            value = getattr(self, name, setting.default)
            if value is not setting.default:
                checked = check_setting(name, value, "argument") if is_set(value) else None
                force_setattr(self, name, setting.default if checked is None else checked)

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, /, **arguments: Any) -> "Settings":
        """Read the settings from the arguments, `%config` and the environment, and check them.

        Args:
            environment: Default: the variables of this process. A blank one counts as unset.
            **arguments: Settings by name. None and a blank text count as unset.

        Raises:
            InvalidRequestError: If a setting is unknown or invalid, or if key and address do not
                go together. Nothing has been sent.
        """
        env = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        sources: dict[str, str] = {}
        for source, name, value in _read_all(env, arguments):
            values[name] = value
            sources[name] = _PLACES.get(source, SETTINGS[name].variable)
        if (
            "key" not in values
            and values.get("profile") != "sandbox"
            and (key := find_api_key(env))
        ):
            values["key"] = key
            sources["key"] = API_KEY_VAR if env.get(API_KEY_VAR) else "notebook secret or keyring"
        settings = cls(**values)
        settings.__dict__["sources"] = sources
        return settings.resolve()

    def resolve(self) -> "Settings":
        """Return the settings with the service and the address that follow from them.

        Raises:
            InvalidRequestError: If key and address do not go together, or if the address is http://
                without permission.
        """
        texts = {name: str(getattr(self, name)) for name in ("results", "ledger", "budget")}
        reject_keys(texts, allow_key_like=True)
        profile = self.profile or ("liangxin" if self.key or self.base_url else "sandbox")
        changes: dict[str, Any] = {"profile": profile, "results": absolute_path(self.results)}
        if profile == "sandbox":
            # The sandbox has its own address and key; a real key must not be sent to it.
            changes.update(key=None, base_url="")
        else:
            changes["base_url"] = self._usable_address(profile)
        return self.with_values(**changes)

    def with_values(self, **changes: Any) -> "Settings":
        """Return the settings with some others, as if they came from the same sources."""
        changed = replace(self, **changes)
        changed.__dict__.update(self.__dict__)
        return changed

    def _usable_address(self, profile: str) -> str:
        address = self.base_url or PROFILES[profile]
        if address and self.key:
            check_scheme(address, allow_http=self.allow_http)
            return address
        missing = [] if self.key else ["LIANGXIN_API_KEY (%liangxin key)"]
        missing += [] if address else ["LIANGXIN_BASE_URL (as its console shows it)"]
        words = "a key" if address else "an address" if self.key else "a key and an address"
        host = f" at {urlsplit(address).netloc}" if address else ""
        raise InvalidRequestError(
            f"The service {profile}{host} needs {words}; nothing was sent.",
            next_step=f"Set {' and '.join(missing)}, or the profile to sandbox"
            + (" or kie." if profile == "liangxin" else "."),
        )

    @property
    def local(self) -> bool:
        """Whether the service runs on this machine."""
        return self.profile == "sandbox" or is_loopback(urlsplit(self.base_url).hostname)

    @property
    def host(self) -> str:
        """The service's name for users: `sandbox`, or the host of the address."""
        return urlsplit(self.base_url).netloc or self.profile

    @property
    def ledger_location(self) -> str:
        """The path or the URL of the ledger."""
        return self.ledger or str(self.results / "ledger.sqlite")

    def source(self, name: str) -> str:
        """Return where a setting was set: argument, %config, a variable, or default."""
        if self.profile == "sandbox" and name in ("key", "base_url"):
            return "not used by the sandbox"
        sources: dict[str, str] = self.__dict__.get("sources", {})
        return sources.get(name, "default")

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        shown = (
            f"{name}={(SETTINGS[name].show(value) if isinstance(value, str) else value)!r}"
            for name, value in values.items()
        )
        return f"Settings({', '.join(shown)})"


Settings.__doc__ = f"{Settings.__doc__}\n    Attributes:\n" + "\n".join(
    f"        {name}: {SETTINGS[name].help}" for name in Settings.__struct_fields__
)
prepare_structs(Settings)


def override(values: Mapping[str, Any], source: Source = "%config") -> None:
    """Change settings for this process; all of them are checked before any is changed.

    Args:
        values: Settings by name. None and a blank text go back to the environment variable or
            default.
        source: What the user has written, for error messages.

    Raises:
        InvalidRequestError: If a setting is unknown or its value is not allowed.
    """
    checked = {
        name: check_setting(name, value, source) if is_set(value) else None
        for name, value in values.items()
    }
    for name, value in checked.items():
        OVERRIDES.pop(name, None)
        if is_set(values[name]):
            OVERRIDES[name] = value


def _read_all(
    env: Mapping[str, str], arguments: Mapping[str, Any]
) -> Iterator[tuple[Source, str, Any]]:
    """Yield the checked settings; a later one replaces an earlier one."""
    for name, value in read_environment(env).items():
        if name in SettingFields.__struct_fields__:
            yield "variable", name, value
    yield from (("%config", name, value) for name, value in OVERRIDES.items())
    for name, value in arguments.items():
        find_setting(name, "argument")
        if is_set(value):
            yield "argument", name, check_setting(name, value, "argument")
