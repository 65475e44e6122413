"""The less common settings of the panel: a field for each, by its type in the schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from liangxin_nb.config.schema import SETTINGS, Setting
from liangxin_nb.config.settings import Settings

from .common import humanize, with_class

__all__ = ["MoreSettings"]

_MAIN = ("profile", "base_url", "results")  # they have their own fields


class MoreSettings:
    """A checkbox, and fields that are shown while it is checked.

    Attributes:
        toggle: The checkbox.
        widget: The fields.
    """

    toggle: Any
    widget: Any

    def __init__(self, on_edit: Callable[[], None]) -> None:
        """Create the fields; `on_edit` is called when one of them has changed."""
        self._fields = {
            name: _make_field(setting)
            for name, setting in SETTINGS.items()
            if "%config" in setting.sources and name not in _MAIN
        }
        self._shown: dict[str, Any] = {}
        self._hidden: dict[str, str] = {}
        for name, field in self._fields.items():
            field.observe(lambda _, name=name: self._hide_secret(name), "value")
            field.observe(lambda _: on_edit(), "value")
        self.toggle = widgets.Checkbox(
            description="More settings", indent=False, layout={"width": "auto"},
            tooltip="Limits, waiting, ledger, callbacks and others",
        )  # fmt: skip
        self.toggle.observe(lambda _: self._update_display(), "value")
        boxes = [
            with_class(
                widgets.VBox(
                    [
                        field,
                        with_class(widgets.HTML(SETTINGS[name].summary), "lx-hint"),
                    ]
                ),
                "lx-field",
            )
            for name, field in self._fields.items()
        ]
        self.widget = with_class(widgets.Box(boxes), "lx-fields")
        self._update_display()

    def show(self, settings: Settings) -> None:
        """Show the settings in use; a text field is blank where the default is used."""
        for name, field in self._fields.items():
            value = getattr(settings, name)
            if isinstance(field, widgets.Text) and settings.source(name) == "default":
                value = None
            field.value = value if isinstance(field.value, bool) else SETTINGS[name].show(value)
        self._shown = {name: field.value for name, field in self._fields.items()}

    def changes(self) -> dict[str, Any]:
        """Return the settings that were changed; a blank one goes back to its default."""
        return {
            name: self._hidden.get(name, field.value)
            if field.value == SETTINGS[name].show(self._hidden.get(name, ""))
            else field.value
            for name, field in self._fields.items()
            if field.value != self._shown.get(name)
        }

    def _hide_secret(self, name: str) -> None:
        """Take a password out of a field at once: every page shares its state."""
        value = self._fields[name].value
        if isinstance(value, str) and (shown := SETTINGS[name].show(value)) != value:
            self._hidden[name], self._fields[name].value = value, shown

    def _update_display(self) -> None:
        self.widget.layout.display = "" if self.toggle.value else "none"


def _make_field(setting: Setting) -> Any:
    label = {"description": humanize(setting.name), "tooltip": f"Allowed: {setting.allowed}"}
    if isinstance(setting.default, bool):
        return widgets.Checkbox(indent=False, **label)
    if setting.choices:
        return widgets.Dropdown(options=setting.choices, **label)
    # A password leaves the page only when the field loses the focus.
    return widgets.Text(placeholder=setting.default_words, continuous_update=False, **label)
