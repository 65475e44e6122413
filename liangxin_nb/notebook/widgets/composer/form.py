"""The form of one model: its inputs as fields, held against the model's rules as they change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as widgets

from liangxin_nb.catalog import InputSpec, ModelSpec, Violation, iter_violations
from liangxin_nb.errors import InvalidRequestError

from .common import ErrorBoundary, with_class
from .inputs import InputControl, make_control
from .reference_picker import Newest, ReferencePicker

__all__ = ["Form"]

#: People's words for what comes first; a field for each of these is shown at the top.
_FIRST = ("aspect", "size", "seed", "image")


class Form:
    """Fields for a model's inputs; `changed` is called after every change of any of them."""

    def __init__(
        self,
        model: ModelSpec,
        changed: Callable[[], None],
        errors: ErrorBoundary,
        newest: Newest,
    ) -> None:
        self.model = model
        self.fields: dict[str, InputControl] = {}
        self.hints: dict[str, Any] = {}
        self._changed, self._quiet = changed, False
        self._pictures = model.common_options.get("image", "")
        self._known = dict(_ordered(model))
        self.references: ReferencePicker | None = None
        for name, input in self._known.items():
            told = errors(lambda name=name: self._on_change(name))
            if name == self._pictures:
                self.references = ReferencePicker(input, told, errors, newest)
                self.fields[name] = self.references
            else:
                self.fields[name] = make_control(model, input, told)
        self.widget = with_class(
            widgets.Box([self._field(name) for name in self.fields]), "lx-fields"
        )
        self.check("")

    def _field(self, name: str) -> Any:
        self.hints[name] = with_class(widgets.HTML(), "lx-hint")
        wide = ["lx-wide"] if name == self._pictures else []
        field = widgets.VBox([self.fields[name].widget, self.hints[name]])
        return with_class(field, "lx-field", *wide)

    def values(self) -> dict[str, Any]:
        """What is given, as typed, by the inputs' names; without the reference pictures."""
        return {
            name: field.value
            for name, field in self.fields.items()
            if field.value is not None and name != self._pictures
        }

    def load(self, options: Mapping[str, Any]) -> None:
        """Shows the options of an earlier request; raises after all when a part is not at hand."""
        with self._without_events():
            for name, field in self.fields.items():
                if name != self._pictures:
                    field.set_value(options.get(name))
        if self.references is not None:
            self.references.set_value(options.get(self._pictures))
        self._changed()

    def check(self, prompt: str, *, submitting: bool = False) -> str:
        """Says beside each field what is wrong with it; returns what is wrong with the prompt.

        `submitting`: also say what is still missing, which no one wants to hear before they began.
        """
        read, remarks = self._read()
        for violation in iter_violations(self.model, read, prompt):
            if submitting or violation.rule != "required":
                remarks.setdefault(violation.name, violation)
        for name, hint in self.hints.items():
            beside = self._is_excluded(name)
            self.fields[name].set_enabled(not beside)
            hint.value = _hint_text(self._known[name], remarks.get(name), beside)
        prompted = remarks.get("prompt")
        return prompted.message if prompted else ""

    def _read(self) -> tuple[dict[str, Any], dict[str, Violation]]:
        """The values in their inputs' types, and what cannot be read."""
        read, remarks = {}, {}
        for name, field in self.fields.items():
            value = field.value
            if value is None:
                continue
            try:
                read[name] = self._known[name].read(value)
            except InvalidRequestError as error:
                words = error.message.removesuffix("; nothing was sent.")
                remarks[name] = Violation(name, words)
        return read, remarks

    def _is_excluded(self, name: str) -> str:
        """The field that is given and excludes this one, if there is one."""
        if self.fields[name].value is not None:
            return ""
        groups = [group for group in self.model.exclusive if name in group]
        rivals = [other for group in groups for other in group if other != name]
        return next((other for other in rivals if self.fields[other].value is not None), "")

    def _on_change(self, name: str) -> None:
        if self._quiet:
            return
        given = self.fields[name].value is not None
        with self._without_events():
            for other in {
                other for group in self.model.together if name in group for other in group
            }:
                if (self.fields[other].value is not None) != given:
                    input = self._known[other]
                    start = input.minimum if input.default is None else input.default
                    self.fields[other].set_value(start if given else None)
        self._changed()

    @contextmanager
    def _without_events(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False


def _ordered(model: ModelSpec) -> Iterator[tuple[str, InputSpec]]:
    """The inputs, those behind people's words first; for a model no one listed, these alone."""
    first = [
        *model.size_inputs,
        *(model.common_options[word] for word in _FIRST if word in model.common_options),
    ]
    for name in dict.fromkeys([*first, *model.inputs]):
        yield name, model.inputs.get(name) or InputSpec(name, "string")


def _hint_text(input: InputSpec, violation: Violation | None, beside: str) -> str:
    if violation is not None:
        words = (
            violation.message
            if violation.documented
            else f"{violation.message}, as far as is known"
        )
        kind = "lx-wrong" if violation.documented else "lx-warned"
        return f'<span class="{kind}" role="alert">{escape(words)}</span>'
    if beside:
        return f"not beside {escape(beside)}"
    bounds = input.allows if input.minimum is not None or input.maximum is not None else ""
    return escape(" · ".join(filter(None, (input.help, bounds if len(bounds) < 30 else ""))))
