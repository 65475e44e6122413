"""One control for each type of input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from liangxin_nb.catalog import InputSpec, ModelSpec

from .common import button, humanize, with_class

__all__ = ["InputControl", "make_control"]

#: Shown for an input without a default that is not sent.
_UNSET = "Not set"


class InputControl(Protocol):
    """A control for one input.

    Attributes:
        widget: The widget.
    """

    widget: Any

    @property
    def value(self) -> Any:
        """The value as typed, or None if the input is not sent."""

    def set_value(self, value: Any) -> None:
        """Show a value; None for an input that is not sent."""

    def set_enabled(self, enabled: bool) -> None:
        """Enable or disable the control."""


class _ValueInput:
    """A control with one widget; a blank one is not sent."""

    def __init__(self, widget: Any, on_change: Callable[[], None]) -> None:
        self.widget = widget
        widget.observe(lambda _: on_change(), "value")

    @property
    def value(self) -> Any:
        return None if self.widget.value in ("", None) else self.widget.value

    def set_value(self, value: Any) -> None:
        self.widget.value = "" if value is None else str(value)

    def set_enabled(self, enabled: bool) -> None:
        self.widget.disabled = not enabled


class _TextInput(_ValueInput):
    """A text, or a number without two bounds."""

    def __init__(self, _: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> None:
        super().__init__(widgets.Text(placeholder=_default_text(spec), **_label(spec)), on_change)


class _SelectInput(_ValueInput):
    """One of several values; the first entry is the service's default."""

    def __init__(self, model: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> None:
        options = [(_default_text(spec), ""), *((value, value) for value in spec.values)]
        self._canonical_value = model.canonical_value
        self._name = spec.name
        super().__init__(widgets.Dropdown(options=options, value="", **_label(spec)), on_change)

    def set_value(self, value: Any) -> None:
        text = {None: "", True: "true", False: "false"}.get(value, str(value))
        text = str(self._canonical_value(self._name, text))
        if text not in [known for _, known in self.widget.options]:
            self.widget.options = [*self.widget.options, (text, text)]
        self.widget.value = text


class _CheckboxInput(_ValueInput):
    """A checkbox, where the default is known; the default is not sent."""

    def __init__(self, _: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> None:
        self._default = bool(spec.default)
        checkbox = widgets.Checkbox(value=self._default, indent=False, **_label(spec))
        super().__init__(checkbox, on_change)

    @property
    def value(self) -> Any:
        return None if self.widget.value == self._default else self.widget.value

    def set_value(self, value: Any) -> None:
        self.widget.value = self._default if value is None else value is True


class _NumberInput:
    """A number between two bounds, and a checkbox that decides whether it is sent."""

    def __init__(self, _: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> None:
        make = widgets.BoundedIntText if spec.type == "integer" else widgets.BoundedFloatText
        value = spec.minimum if spec.default is None else spec.default
        label = _label(spec)
        self._enabled = widgets.Checkbox(value=False, indent=False, **label)
        self._number = with_class(
            make(value=value, min=spec.minimum, max=spec.maximum, disabled=True, **label),
            "lx-unseen",
        )
        if spec.default is None:
            self._number.add_class("lx-blank")  # shows no number before one is chosen
        self.widget = with_class(widgets.VBox([self._enabled, self._number]), "lx-number")
        self._enabled.observe(lambda _: self._on_toggle(on_change), "value")
        self._number.observe(lambda _: on_change(), "value")

    def _on_toggle(self, on_change: Callable[[], None]) -> None:
        self._number.disabled = not self._enabled.value
        if self._enabled.value:
            self._number.remove_class("lx-blank")
        on_change()

    @property
    def value(self) -> Any:
        return self._number.value if self._enabled.value else None

    def set_value(self, value: Any) -> None:
        if value is not None:
            self._number.value = value
        self._enabled.value = value is not None

    def set_enabled(self, enabled: bool) -> None:
        self._enabled.disabled = not enabled
        self._number.disabled = not (enabled and self._enabled.value)


class _SeedInput(_TextInput):
    """A seed, and a button for a random one; blank: one is drawn for each task."""

    def __init__(self, model: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> None:
        super().__init__(model, spec, on_change)
        self._text, self._draw = self.widget, model.draw_seed
        self._text.placeholder = "random"
        self._random = button(
            "Random seed", "Fill in a new random seed", self._set_random, icon="random"
        )
        self.widget = with_class(
            widgets.HBox([with_class(self._text, "lx-grow"), self._random]), "lx-bar", "lx-foot"
        )

    def _set_random(self) -> None:
        for seed in self._draw().values():
            self._text.value = str(seed)

    @property
    def value(self) -> Any:
        return self._text.value.strip() or None

    def set_value(self, value: Any) -> None:
        self._text.value = "" if value is None else str(value)

    def set_enabled(self, enabled: bool) -> None:
        self._text.disabled = self._random.disabled = not enabled


class _UrlsInput(_ValueInput):
    """Several URLs, one per line."""

    def __init__(self, _: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> None:
        text = widgets.Textarea(placeholder="https://…, one per line", rows=2, **_label(spec))
        super().__init__(text, on_change)

    @property
    def value(self) -> Any:
        return [line.strip() for line in self.widget.value.splitlines() if line.strip()] or None

    def set_value(self, value: Any) -> None:
        self.widget.value = "\n".join(value or [])


#: The first control whose condition is met is used.
_CONTROLS: tuple[tuple[Callable[[ModelSpec, InputSpec], bool], Any], ...] = (
    (lambda model, spec: spec.name == model.common_options.get("seed"), _SeedInput),
    (lambda _, spec: bool(spec.allowed), _SelectInput),
    (lambda _, spec: spec.type == "boolean" and spec.default is not None, _CheckboxInput),
    (lambda _, spec: spec.type == "boolean", _SelectInput),
    (lambda _, spec: spec.type == "strings", _UrlsInput),
    (
        lambda _, spec: spec.type != "string" and None not in (spec.minimum, spec.maximum),
        _NumberInput,
    ),
    (lambda _, __: True, _TextInput),
)


def make_control(model: ModelSpec, spec: InputSpec, on_change: Callable[[], None]) -> InputControl:
    """Create the control for an input.

    Args:
        model: The model.
        spec: The input.
        on_change: Called after every change.
    """
    make = next(make for fits, make in _CONTROLS if fits(model, spec))
    control: InputControl = make(model, spec, on_change)
    return control


def _default_text(spec: InputSpec) -> str:
    if spec.default is not None:
        return f"Default: {spec.default}"
    return "Choose one" if spec.required else _UNSET


def _label(spec: InputSpec) -> dict[str, Any]:
    limits = f". Limits: {spec.limits}" if spec.limits else ""
    tooltip = f"{spec.name}: {spec.help or spec.allows}{limits}"
    return {"description": humanize(spec.name), "tooltip": tooltip}
