"""One control for each kind of input; which one is a matter of a table."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from liangxin_nb.catalog import InputSpec, ModelSpec

from .common import button, classed, worded

__all__ = ["Control", "control"]

#: A sentence that stands for "nothing is sent for this input".
_UNSET = "Not set"


class Control(Protocol):
    """What takes one input's value; `value` is None while nothing is given."""

    widget: Any

    @property
    def value(self) -> Any:
        """What is given, as typed."""

    def put(self, value: Any) -> None:
        """Shows a value, or that none is given."""

    def allow(self, allowed: bool) -> None:
        """Lets people change it, or not."""


class _Plain:
    """A control that is one widget; a blank one gives nothing."""

    def __init__(self, widget: Any, changed: Callable[[], None]) -> None:
        self.widget = widget
        widget.observe(lambda _: changed(), "value")

    @property
    def value(self) -> Any:
        return None if self.widget.value in ("", None) else self.widget.value

    def put(self, value: Any) -> None:
        self.widget.value = "" if value is None else str(value)

    def allow(self, allowed: bool) -> None:
        self.widget.disabled = not allowed


class Line(_Plain):
    """A text, or a number without bounds to hold it in."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        super().__init__(
            widgets.Text(placeholder=_default(input), **_labelled(input)),
            changed,
        )


class Choice(_Plain):
    """One of some values; the first entry is the service's own default."""

    def __init__(self, model: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        values = [(value, value) for value in input.values]
        self._plainest = model.canonical_value
        self._name = input.name
        super().__init__(
            widgets.Dropdown(
                options=[(_default(input), ""), *values], value="", **_labelled(input)
            ),
            changed,
        )

    def put(self, value: Any) -> None:
        word = {None: "", True: "true", False: "false"}.get(value, str(value))
        word = str(self._plainest(self._name, word))
        if word not in [own for _, own in self.widget.options]:
            self.widget.options = [*self.widget.options, (word, word)]
        self.widget.value = word


class Switch(_Plain):
    """On or off, where the default is known; the default itself is not sent."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        self._default = bool(input.default)
        more = {**_labelled(input), "indent": False}
        super().__init__(widgets.Checkbox(value=self._default, **more), changed)

    @property
    def value(self) -> Any:
        return None if self.widget.value == self._default else self.widget.value

    def put(self, value: Any) -> None:
        self.widget.value = self._default if value is None else value is True


class Bounded:
    """A number between two bounds, and a tick that says whether it is given at all."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        kind = widgets.BoundedIntText if input.type == "integer" else widgets.BoundedFloatText
        self._start = input.minimum if input.default is None else input.default
        label = _labelled(input)
        self._given = widgets.Checkbox(value=False, indent=False, **label)
        self._number = classed(
            kind(value=self._start, min=input.minimum, max=input.maximum, disabled=True, **label),
            "lx-unseen",
        )
        if input.default is None:
            self._number.add_class("lx-blank")  # no number to be seen before one is given
        self.widget = classed(widgets.VBox([self._given, self._number]), "lx-number")
        self._given.observe(lambda _: self._ticked(changed), "value")
        self._number.observe(lambda _: changed(), "value")

    def _ticked(self, changed: Callable[[], None]) -> None:
        self._number.disabled = not self._given.value
        if self._given.value:
            self._number.remove_class("lx-blank")
        changed()

    @property
    def value(self) -> Any:
        return self._number.value if self._given.value else None

    def put(self, value: Any) -> None:
        if value is not None:
            self._number.value = value
        self._given.value = value is not None

    def allow(self, allowed: bool) -> None:
        self._given.disabled = not allowed
        self._number.disabled = not (allowed and self._given.value)


class Seed(Line):
    """A number to make the same picture again, and dice for a new one; blank: the service's."""

    def __init__(self, model: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        super().__init__(model, input, changed)
        self._text, self._seed = self.widget, model.seed
        self._text.placeholder = "new each time"
        self._dice = button("Roll", "Dice: a new random seed", self._roll, icon="random")
        self.widget = classed(
            widgets.HBox([classed(self._text, "lx-grow"), self._dice]), "lx-bar", "lx-foot"
        )

    def _roll(self) -> None:
        self._text.value = str(self._seed(random.randrange(1, 1 << 32)))  # noqa: S311 no secret

    @property
    def value(self) -> Any:
        return self._text.value.strip() or None

    def put(self, value: Any) -> None:
        self._text.value = "" if value is None else str(value)

    def allow(self, allowed: bool) -> None:
        self._text.disabled = self._dice.disabled = not allowed


class Addresses(Line):
    """Several addresses, one a line."""

    def __init__(self, _: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> None:
        text = widgets.Textarea(placeholder="https://…, one a line", rows=2, **_labelled(input))
        _Plain.__init__(self, text, changed)

    @property
    def value(self) -> Any:
        return [line.strip() for line in self.widget.value.splitlines() if line.strip()] or None

    def put(self, value: Any) -> None:
        self.widget.value = "\n".join(value or [])


_TABLE: tuple[tuple[Callable[[ModelSpec, InputSpec], bool], Any], ...] = (
    (lambda model, input: input.name == model.common_options.get("seed"), Seed),
    (lambda _, input: bool(input.allowed), Choice),
    (lambda _, input: input.type == "boolean" and input.default is not None, Switch),
    (lambda _, input: input.type == "boolean", Choice),
    (lambda _, input: input.type == "strings", Addresses),
    (
        lambda _, input: input.type != "string" and None not in (input.minimum, input.maximum),
        Bounded,
    ),
    (lambda _, __: True, Line),
)


def control(model: ModelSpec, input: InputSpec, changed: Callable[[], None]) -> Control:
    """The control for an input; `changed` is called after every change."""
    kind = next(kind for fits, kind in _TABLE if fits(model, input))
    made: Control = kind(model, input, changed)
    return made


def _default(input: InputSpec) -> str:
    if input.default is not None:
        return f"Default: {input.default}"
    return "Choose one" if input.required else _UNSET


def _labelled(input: InputSpec) -> dict[str, Any]:
    tip = f"{input.name}: {input.help or input.allows}"
    return {"description": worded(input.name), "tooltip": tip}
