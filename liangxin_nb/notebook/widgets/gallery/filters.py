"""The filters of the gallery: text, model, state, batch, days and order; and the picture size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import ipywidgets as widgets

from liangxin_nb.core.formatting import format_time
from liangxin_nb.ledger import Query

from .style import STATES

__all__ = ["DEFAULT_SIZE", "Filters"]

_SORTS = (
    ("Newest first", "newest"),
    ("Oldest first", "oldest"),
    ("By prompt", "prompt"),
    ("By model", "model"),
)
#: The minimum width of the tiles in pixels.
DEFAULT_SIZE: int = 200
_SIZES = (("Small", 140), ("Medium", DEFAULT_SIZE), ("Large", 280), ("Very large", 380))
_MAX_TEXT_LENGTH = 200


class Filters:
    """The controls above the grid.

    Attributes:
        box: The widget.
        text: Words of the prompt.
        model: The model.
        state: The status, as an entry of `STATES`.
        batch: The batch.
        since: The first day.
        until: The last day.
        sort: The order.
        size: The size of the pictures.
        reset: The button that clears the filters.
        is_updating: Whether the controls are being set by the program; guarded by the lock of the
            status line.
    """

    box: Any
    text: Any
    model: Any
    state: Any
    batch: Any
    since: Any
    until: Any
    sort: Any
    size: Any
    reset: Any
    is_updating: bool

    def __init__(self, on_change: Callable[[], None], on_resize: Callable[[int], None]) -> None:
        """Create the controls.

        Args:
            on_change: Called when the query has changed.
            on_resize: Called with the minimum width of the tiles in pixels.
        """
        self.is_updating = False
        # On Enter, or when the field loses the focus: a query for each letter would flicker.
        self.text = widgets.Text(
            description="Search the prompts",
            placeholder="Words, then Enter",
            continuous_update=False,
        )
        # All share one layout and one style, which are most of the cost of a widget.
        shared = {"layout": self.text.layout}
        self.model = widgets.Dropdown(description="Model", options=[("Any model", "")], **shared)
        shared["style"] = self.model.style
        self.state = widgets.Dropdown(description="State", options=[*STATES], **shared)
        self.batch = widgets.Dropdown(description="Batch", options=[("Any batch", "")], **shared)
        self.since = widgets.DatePicker(description="From", **shared)
        self.until = widgets.DatePicker(description="To", **shared)
        self.sort = widgets.Dropdown(description="Order", options=_SORTS, **shared)
        # A list, because the stock slider has no accessible name.
        self.size = widgets.Dropdown(
            description="Picture size", options=_SIZES, value=DEFAULT_SIZE, **shared
        )
        self.reset = widgets.Button(
            description="Reset filters", tooltip="Shows all saved results, newest first"
        )
        for control in self.query_controls:
            control.observe(lambda _: on_change(), names="value")
        self.size.observe(lambda change: on_resize(change["new"]), names="value")
        self.box = widgets.Box([*self.query_controls, self.size, self.reset])
        self.box.add_class("lx-filters")
        self.text.add_class("lx-wide")

    @property
    def query_controls(self) -> list[Any]:
        """The controls that decide which results are shown."""
        return [
            self.text, self.model, self.state, self.batch, self.since, self.until, self.sort,
        ]  # fmt: skip

    @property
    def query(self) -> Query:
        """The query for the ledger; the last day is included."""
        until = self.until.value
        return Query(
            text=self.text.value[:_MAX_TEXT_LENGTH],
            model=self.model.value or "",
            batch_id=self.batch.value or "",
            statuses=STATES[self.state.value],
            since=_midnight(self.since.value),
            until=_midnight(until + timedelta(days=1) if until else None),
            sort=self.sort.value,
        )

    @property
    def is_default(self) -> bool:
        """Whether all saved results are shown."""
        return self.query == Query(statuses=("saved",), sort=self.sort.value)

    def set_choices(
        self, models: Mapping[str, int], batches: Sequence[tuple[str, float, int]]
    ) -> None:
        """Fill the lists of models and batches; the present choice stays.

        Args:
            models: The number of results of each model.
            batches: Id, creation time in unix seconds and number of results of each batch.
        """
        model_options = [(f"{name} · {count:,}", name) for name, count in models.items()]
        batch_options = [
            (f"{format_time(created_at)} · {count:,}", batch_id)
            for batch_id, created_at, count in batches
        ]
        self._set_options(self.model, [("Any model", ""), *model_options])
        self._set_options(self.batch, [("Any batch", ""), *batch_options])
        if self.batch.disabled == bool(batches):
            self.batch.disabled = not batches

    def clear(self) -> None:
        """Show all saved results, newest first."""
        with self._updating():
            defaults = ("", "", "Saved", "", None, None, "newest")
            for control, value in zip(self.query_controls, defaults, strict=True):
                control.value = value

    def _set_options(self, control: Any, options: list[tuple[str, str]]) -> None:
        if tuple(control.options) == tuple(options):
            return
        value = control.value
        with self._updating(), control.hold_sync():
            control.options = options
            control.value = value if value in dict(options).values() else ""

    @contextmanager
    def _updating(self) -> Iterator[None]:
        self.is_updating = True
        try:
            yield
        finally:
            self.is_updating = False


def _midnight(day: date | None) -> float | None:
    """Return the start of a day in the local time zone, in unix seconds."""
    return datetime(day.year, day.month, day.day).astimezone().timestamp() if day else None
