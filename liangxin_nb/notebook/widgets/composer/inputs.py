"""One control for each kind of input; which one is a matter of a table."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from liangxin_nb.catalog import InputSpec, ModelSpec

from .common import button, humanize, with_class

__all__ = ["InputControl", "make_control"]

#: A sentence that stands for "nothing is sent for this input".
_UNSET = "Not set"


class InputControl(Protocol):
    """What takes one input's value; `value` is None while nothing is given."""

    widget: Any

    @property
    def value(self) -> Any:
        """What is given, as typed."""

    def set_value(self, value: Any) -> None:
        """Shows a value, or that none is given."""

    def set_enabled(self, enabled: bool) -> None:
        """Lets people change it, or not."""


class _ValueInput:
    """A control that is one widget; a blank one gives nothing."""

    def __init__(self, widget: Any, changed: Callable[[], None]) -> None:
        self.widget = widget
        widget.observe(lambda _: changed(), "value")

    @property
    def value(self) -> Any:
        return None if self.widget.value in ("", None) else self.widget.value

    def set_value(self, value: Any) -> None:
        self.widget.value = "" if value is None else str(value)

    def set_enabled(self, enabled: bool) -> None:
        self.widget.disabled = not enabled


class TextInput(_ValueInput):
    """A text, or a number without bounds to hold it in."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        super().__init__(
            widgets.Text(placeholder=_default(input), **_label(input)),
            changed,
        )


class SelectInput(_ValueInput):
    """One of some values; the first entry is the service's own default."""

    def __init__(self, model: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        values = [(value, value) for value in input.values]
        self._canonical = model.canonical_value
        self._name = input.name
        super().__init__(
            widgets.Dropdown(options=[(_default(input), ""), *values], value="", **_label(input)),
            changed,
        )

    def set_value(self, value: Any) -> None:
        word = {None: "", True: "true", False: "false"}.get(value, str(value))
        word = str(self._canonical(self._name, word))
        if word not in [own for _, own in self.widget.options]:
            self.widget.options = [*self.widget.options, (word, word)]
        self.widget.value = word


class CheckboxInput(_ValueInput):
    """On or off, where the default is known; the default itself is not sent."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        self._default = bool(input.default)
        more = {**_label(input), "indent": False}
        super().__init__(widgets.Checkbox(value=self._default, **more), changed)

    @property
    def value(self) -> Any:
        return None if self.widget.value == self._default else self.widget.value

    def set_value(self, value: Any) -> None:
        self.widget.value = self._default if value is None else value is True


class NumberInput:
    """A number between two bounds, and a tick that says whether it is given at all."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        kind = widgets.BoundedIntText if input.type == "integer" else widgets.BoundedFloatText
        self._start = input.minimum if input.default is None else input.default
        label = _label(input)
        self._enabled = widgets.Checkbox(value=False, indent=False, **label)
        self._number = with_class(
            kind(value=self._start, min=input.minimum, max=input.maximum, disabled=True, **label),
            "lx-unseen",
        )
        if input.default is None:
            self._number.add_class("lx-blank")  # no number to be seen before one is given
        self.widget = with_class(widgets.VBox([self._enabled, self._number]), "lx-number")
        self._enabled.observe(lambda _: self._on_toggle(changed), "value")
        self._number.observe(lambda _: changed(), "value")

    def _on_toggle(self, changed: Callable[[], None]) -> None:
        self._number.disabled = not self._enabled.value
        if self._enabled.value:
            self._number.remove_class("lx-blank")
        changed()

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


class SeedInput(TextInput):
    """A number to make the same picture again, and dice for a new one; blank: the service's."""

    def __init__(self, model: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        super().__init__(model, input, changed)
        self._text, self._seed_value = self.widget, model.seed_value
        self._text.placeholder = "new each time"
        self._dice = button("Roll", "Dice: a new random seed", self._random_seed, icon="random")
        self.widget = with_class(
            widgets.HBox([with_class(self._text, "lx-grow"), self._dice]), "lx-bar", "lx-foot"
        )

    def _random_seed(self) -> None:
        self._text.value = str(self._seed_value(random.randrange(1, 1 << 32)))  # noqa: S311 no secret

    @property
    def value(self) -> Any:
        return self._text.value.strip() or None

    def set_value(self, value: Any) -> None:
        self._text.value = "" if value is None else str(value)

    def set_enabled(self, enabled: bool) -> None:
        self._text.disabled = self._dice.disabled = not enabled


class UrlsInput(TextInput):
    """Several addresses, one a line."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        text = widgets.Textarea(placeholder="https://…, one a line", rows=2, **_label(input))
        _ValueInput.__init__(self, text, changed)

    @property
    def value(self) -> Any:
        return [line.strip() for line in self.widget.value.splitlines() if line.strip()] or None

    def set_value(self, value: Any) -> None:
        self.widget.value = "\n".join(value or [])


_TABLE: tuple[tuple[Callable[[ModelSpec, InputSpec], bool], Any], ...] = (
    (lambda model, input: input.name == model.common_options.get("seed"), SeedInput),
    (lambda _, input: bool(input.allowed), SelectInput),
    (lambda _, input: input.type == "boolean" and input.default is not None, CheckboxInput),
    (lambda _, input: input.type == "boolean", SelectInput),
    (lambda _, input: input.type == "strings", UrlsInput),
    (
        lambda _, input: input.type != "string" and None not in (input.minimum, input.maximum),
        NumberInput,
    ),
    (lambda _, __: True, TextInput),
)


def make_control(model: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> InputControl:
    """The control for an input; `changed` is called after every change."""
    kind = next(kind for fits, kind in _TABLE if fits(model, input))
    made: InputControl = kind(model, input, changed)
    return made


def _default(input: InputSpec) -> str:
    if input.default is not None:
        return f"Default: {input.default}"
    return "Choose one" if input.required else _UNSET


def _label(input: InputSpec) -> dict[str, Any]:
    tip = f"{input.name}: {input.help or input.allows}"
    return {"description": humanize(input.name), "tooltip": tip}
