"""The choice of a model: from the catalogue, grouped by vendor, or any other by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.catalog import ModelSpec, match_model, similar_models
from liangxin_nb.core.request import DEFAULT_MODEL

from .common import ErrorBoundary, with_class

__all__ = ["ModelPicker"]

_OTHER = "\0other"


class ModelPicker:
    """A list of models, and a field for the name of another one.

    Attributes:
        widget: The widget.
    """

    widget: Any

    def __init__(self, on_change: Callable[[], None], errors: ErrorBoundary) -> None:
        """Create an empty list.

        Args:
            on_change: Called when another model is chosen.
            errors: Shows errors.
        """
        self._on_change, self._is_updating = on_change, False
        self._models: Mapping[str, ModelSpec] = {}
        self._list = widgets.Dropdown(
            description="Model", tooltip="The models of the service's catalogue, by vendor"
        )
        self._name = widgets.Text(
            description="Model name", placeholder="as on the service's page",
            tooltip="A model that is not in the catalogue; its inputs are sent unchecked",
            layout={"display": "none"},
        )  # fmt: skip
        self._list.observe(errors(self._on_choice), "value")
        self._name.observe(errors(self._on_choice), "value")
        self._note = with_class(widgets.HTML(), "lx-hint")
        row = [with_class(self._list, "lx-grow"), with_class(self._name, "lx-grow")]
        self.widget = widgets.VBox(
            [with_class(widgets.HBox(row), "lx-bar", "lx-foot"), self._note],
            layout={"overflow": "visible"},
        )

    @property
    def value(self) -> str:
        """The API's name of the model; empty until the name of another one has been written."""
        if self._list.value != _OTHER:
            return str(self._list.value)
        name = str(self._name.value).strip()
        model = match_model(self._models, name)
        return model.id if model else name

    def set_models(self, models: Mapping[str, ModelSpec]) -> None:
        """List the models of a service; the chosen one stays if it is among them."""
        previous, self._models = self.value, models
        ordered = sorted(models.values(), key=lambda model: (model.vendor or "~", model.title))
        names = [(" · ".join(filter(None, (m.vendor, m.title))), m.id) for m in ordered]
        choice = previous if previous in models else DEFAULT_MODEL
        self._is_updating = True
        try:
            self._list.options = [*names, ("Another model, by its name", _OTHER)]
            self._list.value = choice if choice in models else ordered[0].id
        finally:
            self._is_updating = False

    def set_value(self, model_id: str) -> None:
        """Choose a model by the API's name."""
        if model_id in self._models:
            self._list.value = model_id
        else:
            self._list.value, self._name.value = _OTHER, model_id

    def _describe_name(self) -> Markup:
        """Return what happens with the name that is written."""
        name = self.value
        if name in self._models:
            return Markup("{} of the catalogue").format(name)
        if not name:
            return Markup("")
        similar = " or ".join(similar_models(self._models, name))
        return Markup(
            '<span class="lx-warned" role="status">⚠ Not in the catalogue: sent as it is written, '
            "with unchecked inputs.{}</span>"
        ).format(f" Did you mean {similar}?" if similar else "")

    def _on_choice(self) -> None:
        self._name.layout.display = "" if self._list.value == _OTHER else "none"
        self._note.value = self._describe_name() if self._list.value == _OTHER else ""
        if not self._is_updating:
            self._on_change()
