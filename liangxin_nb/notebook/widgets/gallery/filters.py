"""What the page is to hold: words, model, state, batch, days, order; and how large."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import ipywidgets as widgets

from liangxin_nb.ledger import Query

from .style import STATES, format_time

__all__ = ["MEDIUM", "Filters"]

_SORTS = (
    ("Newest first", "newest"),
    ("Oldest first", "oldest"),
    ("By prompt", "prompt"),
    ("By model", "model"),
)
#: The tiles' least width in pixels.
MEDIUM = 200
_SIZES = (("Small", 140), ("Medium", MEDIUM), ("Large", 280), ("Very large", 380))
_LONGEST = 200


class Filters:
    """The controls above the contact sheet; `query` is what they say.

    `changed` is called when they are set; `resized` with the tiles' least width in
    pixels, for which nothing has to be asked anew.
    """

    def __init__(self, changed: Callable[[], None], resized: Callable[[int], None]) -> None:
        #: Whether the controls are being set from here, by whoever holds the line's lock.
        self.quiet = False
        # On Enter, or when the field is left: a query for each letter would flicker.
        self.text = widgets.Text(
            description="Search the prompts",
            placeholder="Words, then Enter",
            continuous_update=False,
        )
        # One layout and one style for all: most of what a widget costs are these two.
        same = {"layout": self.text.layout}
        self.model = widgets.Dropdown(description="Model", options=[("Any model", "")], **same)
        same["style"] = self.model.style
        self.state = widgets.Dropdown(description="State", options=[*STATES], **same)
        self.batch = widgets.Dropdown(description="Batch", options=[("Any batch", "")], **same)
        self.since = widgets.DatePicker(description="From", **same)
        self.until = widgets.DatePicker(description="To", **same)
        self.sort = widgets.Dropdown(description="Order", options=_SORTS, **same)
        # A list, too: the handle of the stock slider has no name that a screen reader could say.
        self.size = widgets.Dropdown(
            description="Picture size", options=_SIZES, value=MEDIUM, **same
        )
        self.reset = widgets.Button(
            description="Reset filters", tooltip="Shows everything that is kept, newest first"
        )
        for control in self.is_open:
            control.observe(lambda _: changed(), names="value")
        self.size.observe(lambda change: resized(change["new"]), names="value")
        self.box = widgets.Box([*self.is_open, self.size, self.reset])
        self.box.add_class("lx-filters")
        self.text.add_class("lx-wide")

    @property
    def is_open(self) -> list[Any]:
        """The controls that a page depends on."""
        return [
            self.text, self.model, self.state, self.batch, self.since, self.until, self.sort,
        ]  # fmt: skip

    @property
    def query(self) -> Query:
        """What they say, as the ledger is asked; the last day is a whole one."""
        until = self.until.value
        return Query(
            text=self.text.value[:_LONGEST],
            model=self.model.value or "",
            batch_id=self.batch.value or "",
            statuses=STATES[self.state.value],
            since=_midnight(self.since.value),
            until=_midnight(until + timedelta(days=1) if until else None),
            sort=self.sort.value,
        )

    @property
    def is_default(self) -> bool:
        """Whether nothing but kept results is asked for."""
        return self.query == Query(statuses=("saved",), sort=self.sort.value)

    def set_choices(
        self, models: Mapping[str, int], batches: Sequence[tuple[str, float, int]]
    ) -> None:
        """Fills the lists of models and batches; what is chosen stays chosen."""
        named = [(f"{name} · {count:,}", name) for name, count in models.items()]
        begun = [(f"{format_time(at)} · {count:,}", id) for id, at, count in batches]
        self._refill(self.model, [("Any model", ""), *named])
        self._refill(self.batch, [("Any batch", ""), *begun])
        if self.batch.disabled == bool(batches):
            self.batch.disabled = not batches

    def clear(self) -> None:
        """Goes back to everything that is kept, newest first."""
        self.quiet = True
        try:
            for control, value in zip(
                self.is_open, ("", "", "Kept", "", None, None, "newest"), strict=True
            ):
                control.value = value
        finally:
            self.quiet = False

    def _refill(self, control: Any, options: list[tuple[str, str]]) -> None:
        if tuple(control.options) == tuple(options):
            return
        held, self.quiet = control.value, True
        try:
            with control.hold_sync():
                control.options = options
                control.value = held if held in dict(options).values() else ""
        finally:
            self.quiet = False


def _midnight(day: date | None) -> float | None:
    """When a day begins here, in unix seconds."""
    return datetime(day.year, day.month, day.day).astimezone().timestamp() if day else None
