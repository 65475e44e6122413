"""Which model: the catalogue's, vendor by vendor, or any other by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ipywidgets as widgets

from liangxin_nb.catalog import ModelSpec
from liangxin_nb.core.request import DEFAULT_MODEL

from .common import ErrorBoundary, with_class

__all__ = ["ModelPicker"]

_OTHER = "\0other"


class ModelPicker:
    """A list of models, grouped by vendor; `changed` is called when another one is chosen."""

    def __init__(self, changed: Callable[[], None], errors: ErrorBoundary) -> None:
        self._changed, self._offering = changed, False
        self._known: Mapping[str, ModelSpec] = {}
        self._list = widgets.Dropdown(
            description="Model", tooltip="What the service's catalogue lists, by vendor"
        )
        self._name = widgets.Text(
            description="Its name", placeholder="as the service's page spells it",
            tooltip="A model that the catalogue does not list; its inputs are sent unchecked",
            continuous_update=False, layout={"display": "none"},
        )  # fmt: skip
        self._list.observe(errors(self._chosen), "value")
        self._name.observe(errors(changed), "value")
        row = [with_class(self._list, "lx-grow"), with_class(self._name, "lx-grow")]
        self.widget = with_class(widgets.HBox(row), "lx-bar", "lx-foot")

    @property
    def value(self) -> str:
        """The chosen model's name on the wire; empty while another's is not yet written."""
        return str(self._name.value).strip() if self._list.value == _OTHER else self._list.value

    def set_models(self, models: Mapping[str, ModelSpec]) -> None:
        """Lists the models of a service; the chosen one stays where it is among them."""
        before, self._known = self.value, models
        ordered = sorted(models.values(), key=lambda model: (model.vendor or "~", model.title))
        names = [(" · ".join(filter(None, (m.vendor, m.title))), m.id) for m in ordered]
        wanted = before if before in models else DEFAULT_MODEL
        self._offering = True
        try:
            self._list.options = [*names, ("Another model, by its name", _OTHER)]
            self._list.value = wanted if wanted in models else ordered[0].id
        finally:
            self._offering = False

    def set_value(self, id: str) -> None:
        """Chooses a model by its name on the wire."""
        if id in self._known:
            self._list.value = id
        else:
            self._list.value, self._name.value = _OTHER, id

    def _chosen(self) -> None:
        self._name.layout.display = "" if self._list.value == _OTHER else "none"
        if not self._offering:
            self._changed()
