"""A batch on the screen: its live view, and at the end its contact sheet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any

from IPython.display import display

from ...batches import Batch, Estimate, Progress
from ...errors import LiangxinError
from .output import _VIEW_MIME, OutputHandle, frontend, shows_widgets
from .theme import STYLE, allow_events_while_busy

if TYPE_CHECKING:
    from .batch_view import BatchView

__all__ = ["BatchOutput", "confirm", "display_batch", "show_batch"]

_NO_RECORD: Any = None  # a batch's slot is of no single job record


class BatchOutput(OutputHandle):
    """A slot whose metadata names the batch and its tasks: a saved notebook is a backup."""

    def __init__(self, batch: Batch | None = None) -> None:
        super().__init__(_NO_RECORD)
        self.batch = batch
        self._shown = False

    def put(self, text: str, more: dict[str, Any] | None = None) -> None:
        """Shows a bundle, or puts it in the place of what is shown; from any thread."""
        bundle = {"text/plain": text, **(more or {})}
        if self._shown:
            self.replace(bundle, _NO_RECORD)
            return
        self._shown = True
        display(bundle, raw=True, display_id=self._id, metadata=self._metadata())

    def put_view(self, text: str, model_id: str) -> None:
        """Shows a widget view, with one text for whoever cannot draw it."""
        self.put(text, {_VIEW_MIME: {"version_major": 2, "version_minor": 0, "model_id": model_id}})

    def _metadata(self) -> dict[str, Any]:
        if self.batch is None:
            return {}
        ids = [outcome.task_id for outcome in self.batch if outcome.task_id]
        return {"liangxin": {"batch": self.batch.id, "task_ids": ids}}


def show_batch(
    batch: Batch, *, notes: tuple[str, ...] = (), output: BatchOutput | None = None
) -> Callable[[], object]:
    """Shows a batch below the running cell: live where someone looks, else as a line of text.

    When it ends, the output becomes the contact sheet. Where not all is done the view stays,
    with what can be read and pressed, and the sheet stands below it.
    Returns what waits, once the batch has ended, until the sheet is there: a cell that ends before
    would lose it.
    """
    output = output or BatchOutput()
    output.batch = batch
    live = shows_widgets()
    now = batch.progress
    if not now.active and (now.done or not live):
        output.put("", dict(batch.sheet()._repr_mimebundle_()))
        return bool
    if not live:
        output.put("\n".join([repr(batch), *notes]))
        screen = _BatchDisplay(batch, output)
        batch.watch(screen.update)
        return screen.settled
    from .batch_view import BatchView  # ipywidgets is loaded only where views are shown

    actions: dict[str, Callable[[], object]] = {
        "pause": batch.pause, "resume": batch.resume, "leave": batch.detach, "retry": batch.retry,
    }  # fmt: skip
    view = BatchView(now, actions, notes)
    output.put_view(repr(batch), view.box.model_id)
    below = BatchOutput(batch)
    below.put("", {"text/html": ""})  # the sheet's place, while the view keeps its own
    allow_events_while_busy(*view.buttons.values())
    screen = _BatchDisplay(batch, output, view, below)
    batch.watch(screen.update)
    return screen.settled


def display_batch(batch: Batch) -> None:
    """A batch that is a cell's last expression: its view, or the end of waiting."""
    settled = show_batch(batch)
    if not shows_widgets():
        # The shown text says how it ended; a formatter cannot fail the cell.
        with suppress(LiangxinError):
            batch.wait()
        settled()


def confirm(estimate: Estimate, on_confirm: Callable[[BatchOutput], object]) -> None:
    """Shows what a batch would come to, and the button that sends it."""
    import ipywidgets as widgets

    def escaped(text: str) -> str:
        return "".join(f"<div>{escape(line)}</div>" for line in text.split("\n"))

    words = widgets.HTML(escaped(estimate.text))
    tip = "Creates these tasks; they may be billed"
    button = widgets.Button(description=f"Send {estimate.tasks} tasks", tooltip=tip)
    style = widgets.HTML(STYLE, layout={"display": "none"})
    box = widgets.VBox([style, words, widgets.HBox([button], layout={"margin": "8px 0 0 0"})])
    box.add_class("lx-card")
    output = BatchOutput()
    output.put_view(repr(estimate), box.model_id)
    allow_events_while_busy(button)

    def pressed(_: object) -> None:
        if button.disabled:
            return
        button.disabled = True  # once is enough
        try:
            on_confirm(output)
        except Exception as error:
            words.value = escaped(f"{estimate.text}\n{error}")
            button.disabled = False

    button.on_click(pressed)


class _BatchDisplay:
    """Tells the view how the batch stands, and puts the sheet in its place at the end."""

    def __init__(
        self,
        batch: Batch,
        output: BatchOutput,
        view: BatchView | None = None,
        below: BatchOutput | None = None,
    ) -> None:
        self._batch, self._output, self._view, self._below = batch, output, view, below
        self._ended = False
        self._settled = threading.Event()

    def settled(self) -> bool:
        """Blocks until the end is on the screen, a minute at most."""
        return self._settled.wait(60)

    def update(self, now: Progress) -> None:
        """Draws; at the end the sheet is made in a thread of its own."""
        if self._view is not None:
            self._view.update(now)
        if now.active or self._ended:
            self._ended = not now.active
            return
        self._ended = True
        self._settled.clear()
        self._batch.session.loop.submit(self._end(now))

    async def _end(self, now: Progress) -> None:
        try:
            await self._put_sheet(now)
        finally:
            self._settled.set()

    async def _put_sheet(self, now: Progress) -> None:
        sheet = self._batch.sheet()
        bundle = await asyncio.to_thread(sheet._repr_mimebundle_)
        if self._batch.progress.active:
            return  # someone was quicker and asked for more
        stays = self._view is not None and not now.done
        if self._view is not None and not sheet.empty and (not stays or frontend() == "voila"):
            # For a page that was loaded anew, and for Voila: there no output can be replaced.
            self._view.show_sheet(sheet.jpeg, sheet.text)
            self._view.update(now)
        if not stays:
            self._output.put(sheet.text, dict(bundle))
        if self._below is not None:
            shown = stays and not sheet.empty
            self._below.put("", dict(bundle) if shown else {"text/html": ""})
        if stays and self._view is not None:
            self._output.put_view(sheet.text, self._view.box.model_id)
