"""The form of one model: a field for each input, checked with the model's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.catalog import InputSpec, ModelSpec, Violation, iter_violations
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError

from .common import ErrorBoundary, with_class
from .inputs import InputControl, make_control
from .reference_picker import LoadResults, ReferencePicker

__all__ = ["Form"]

#: The common options whose fields come first.
_FIRST = ("aspect", "size", "seed", "image")
_MAX_BOUNDS_LENGTH = 30


class Form:
    """The fields of a model.

    Attributes:
        widget: The widget.
        model: The model.
        fields: The control of each input, by its name in the API.
        hints: The line below each field, with its help or what is wrong.
        references: The field for reference pictures, or None.
        problem: Why the service would reject the values; empty if nothing is known to be wrong.
    """

    widget: Any
    model: ModelSpec
    fields: dict[str, InputControl]
    hints: dict[str, Any]
    references: ReferencePicker | None
    problem: str

    def __init__(
        self,
        model: ModelSpec,
        on_change: Callable[[], None],
        errors: ErrorBoundary,
        load_results: LoadResults,
    ) -> None:
        """Create the fields.

        Args:
            model: The model.
            on_change: Called after every change of a field.
            errors: Shows errors.
            load_results: Returns the newest results, for reference pictures.
        """
        self.model, self.problem = model, ""
        self.fields, self.hints, self.references = {}, {}, None
        self._on_change, self._is_updating = on_change, False
        self._image_input = model.common_options.get("image", "")
        self._specs = dict(_ordered_inputs(model))
        for name, spec in self._specs.items():
            on_field_change = errors(partial(self._on_field_change, name))
            if name == self._image_input:
                self.references = ReferencePicker(spec, on_field_change, errors, load_results)
                self.fields[name] = self.references
            else:
                self.fields[name] = make_control(model, spec, on_field_change)
        self.widget = with_class(
            widgets.Box([self._make_field(name) for name in self.fields]), "lx-fields"
        )
        self.check("")

    def _make_field(self, name: str) -> Any:
        self.hints[name] = with_class(widgets.HTML(), "lx-hint")
        field = widgets.VBox([self.fields[name].widget, self.hints[name]])
        return with_class(field, "lx-field", *(["lx-wide"] if name == self._image_input else []))

    def adopt(self, model: ModelSpec) -> bool:
        """Use the fields for a model with the same ones; return False if it has others."""
        if model != self.model and (model.in_catalog or self.model.in_catalog):
            return False
        self.model = model
        return True

    def values(self) -> dict[str, Any]:
        """Return the values as typed, by input name; without the reference pictures."""
        return {
            name: field.value
            for name, field in self.fields.items()
            if field.value is not None and name != self._image_input
        }

    def preview(self, prompt: str) -> Request:
        """Return the request for the code; values that cannot be converted stay as typed."""
        read, _ = self._read()
        options = {name: read.get(name, value) for name, value in self.values().items()}
        return Request(self.model.id, prompt, options)

    def load(self, options: Mapping[str, Any]) -> None:
        """Show the options of an earlier request.

        Raises:
            InvalidRequestError: If its reference pictures were not saved; all else is shown.
        """
        with self._updating():
            for name, field in self.fields.items():
                if name != self._image_input:
                    field.set_value(options.get(name))
        if self.references is not None:
            self.references.set_value(options.get(self._image_input))
        self._on_change()

    def check(self, prompt: str) -> str:
        """Show below each field what is wrong with it; missing inputs only set `problem`.

        Args:
            prompt: The prompt, which is checked as well.

        Returns:
            What is wrong with the prompt, or an empty text.
        """
        values, violations = self._read()
        problems = [*violations.values()]
        for violation in iter_violations(self.model, values, prompt):
            problems.append(violation)
            if violation.rule != "required":
                violations.setdefault(violation.name, violation)
        blocking = (violation.message for violation in problems if violation.documented)
        self.problem = next((f"{message}." for message in blocking), "")
        for name, hint in self.hints.items():
            excluded_by = self._excluded_by(name)
            self.fields[name].set_enabled(not excluded_by)
            hint.value = _hint_html(self._specs[name], violations.get(name), excluded_by)
        return violations["prompt"].message if "prompt" in violations else ""

    def _read(self) -> tuple[dict[str, Any], dict[str, Violation]]:
        """Return the values in the types of their inputs, and what cannot be converted."""
        values, violations = {}, {}
        for name, field in self.fields.items():
            value = field.value
            if value is None:
                continue
            try:
                values[name] = self._specs[name].read(value)
            except InvalidRequestError as error:
                message = error.message.removesuffix("; nothing was sent.")
                violations[name] = Violation(name, message)
        return values, violations

    def _excluded_by(self, name: str) -> str:
        """Return the field with a value that excludes this one, or an empty text."""
        if self.fields[name].value is not None:
            return ""
        groups = [group for group in self.model.exclusive if name in group]
        others = [other for group in groups for other in group if other != name]
        return next((other for other in others if self.fields[other].value is not None), "")

    def _on_field_change(self, name: str) -> None:
        if self._is_updating:
            return
        has_value = self.fields[name].value is not None
        groups = [group for group in self.model.together if name in group]
        with self._updating():
            for other in {other for group in groups for other in group}:
                if (self.fields[other].value is not None) != has_value:
                    spec = self._specs[other]
                    default = spec.minimum if spec.default is None else spec.default
                    self.fields[other].set_value(default if has_value else None)
        self._on_change()

    @contextmanager
    def _updating(self) -> Iterator[None]:
        self._is_updating = True
        try:
            yield
        finally:
            self._is_updating = False


def _ordered_inputs(model: ModelSpec) -> Iterator[tuple[str, InputSpec]]:
    """Yield the inputs, common options first; a model outside the catalogue has only these."""
    first = [
        *model.size_inputs,
        *(model.common_options[option] for option in _FIRST if option in model.common_options),
    ]
    for name in dict.fromkeys([*first, *model.inputs]):
        yield name, model.inputs.get(name) or InputSpec(name, "string")


def _hint_html(spec: InputSpec, violation: Violation | None, excluded_by: str) -> Markup:
    if violation is not None:
        is_documented = violation.documented
        return Markup('<span class="{}" role="alert">{}{}</span>').format(
            "lx-wrong" if is_documented else "lx-warned",
            violation.message,
            "" if is_documented else ", as far as is known",
        )
    if excluded_by:
        return Markup("not together with {}").format(excluded_by)
    bounds = spec.allows if spec.minimum is not None or spec.maximum is not None else ""
    shown_bounds = f"{bounds} ({spec.limits})" if 0 < len(bounds) < _MAX_BOUNDS_LENGTH else ""
    return Markup("{}").format(" · ".join(filter(None, (spec.help, shown_bounds))))
