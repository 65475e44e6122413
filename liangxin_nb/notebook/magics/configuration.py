"""`%config LiangXin`, configuration files and `--LiangXin.NAME=…`: settings as traits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from traitlets import TraitType
from traitlets.config import Config, SingletonConfigurable

from ...config.schema import SETTINGS, find_setting
from ...config.settings import OVERRIDES, override
from ...errors import LiangxinError

__all__ = ["InvalidSettingError", "LiangXin"]


class InvalidSettingError(BaseException):
    """Fails the cell of a wrong `%config` line, and shows one line without a traceback.

    IPython would only print an `Exception`, and run the next cells with other settings than the
    user has written.
    """

    def __init__(self, error: LiangxinError) -> None:
        super().__init__(str(error))

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class UnknownNameError(AttributeError):
    """Shows one line for `%config LiangXin.NAME` with an unknown name, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class SettingTrait(TraitType):  # type: ignore[type-arg]  # not generic before traitlets 5.10
    """The setting of the trait's name, checked when it is assigned."""

    def get(self, _: Any, __: Any = None) -> Any:
        """Return the value for display, or the default; `%config` prints it."""
        value = OVERRIDES.get(str(self.name), self.default_value)
        return SETTINGS[str(self.name)].show(value) if isinstance(value, str | Path) else value

    def set(self, _: Any, value: Any) -> None:
        """Check and use a value; None and a blank text mean the variable or the default."""
        override({str(self.name): value})


class LiangXin(SingletonConfigurable):
    """Settings of liangxin_nb, except the API key."""

    vars().update(
        {
            name: SettingTrait(
                setting.default, help=f"{setting.help} Allowed: {setting.allowed}."
            ).tag(config=True)
            for name, setting in SETTINGS.items()
            if "%config" in setting.sources
        }
    )

    def update_config(self, config: Config) -> None:
        """Change settings, as `%config` does."""
        try:
            super().update_config(config)
        except LiangxinError as error:
            raise InvalidSettingError(error) from error

    def _load_config(self, cfg: Config, *arguments: Any, **named: Any) -> None:
        for name in cfg.get("LiangXin", {}):
            find_setting(name, "%config")  # traitlets would only warn
        super()._load_config(cfg, *arguments, **named)

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name.startswith("_") or hasattr(type(self), name)):
            find_setting(name, "%config")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_"):
            try:
                find_setting(name, "%config")
            except LiangxinError as error:
                raise UnknownNameError(str(error)) from None
        raise AttributeError(name)
