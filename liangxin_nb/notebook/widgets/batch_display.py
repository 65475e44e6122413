"""Show a batch in one output of a cell: its live view, and at the end its durable output."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from IPython import get_ipython
from markupsafe import Markup

from ..._compat import is_viewed, on_view_change, track_views
from ...batches import Batch, Estimate, Progress
from ...cell_outputs.batch_output import pictures_html
from ...errors import LiangxinError
from .frontend import frontend, shows_widgets
from .handlers import report_errors
from .output import OutputHandle, widget_view
from .theme import allow_events_while_busy, close_all, style_sheet

if TYPE_CHECKING:
    from .batch_view import BatchView

__all__ = ["BatchOutput", "confirm", "display_batch", "show_batch"]

_MAX_WAIT_S = 60
#: New task ids are added to an output after so many seconds, or as soon as there are so many.
_NAMING_INTERVAL_S, _MAX_UNNAMED = 30, 50


class BatchOutput(OutputHandle):
    """An output with metadata that names the batch and its tasks.

    Attributes:
        batch: The batch, or None before it has been created.
    """

    batch: Batch | None

    def __init__(self, batch: Batch | None = None) -> None:
        super().__init__()
        self.batch = batch
        self._is_shown = False
        self._durable_metadata: dict[str, Any] | None = None

    def put(self, bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Show a bundle, or replace what is shown with it; can be called from any thread.

        Args:
            bundle: The bundle.
            metadata: Its metadata; default: the batch, and the ids of the tasks so far.
        """
        self._durable_metadata = metadata
        if self._is_shown:
            self.replace(bundle)
            return
        self._is_shown = True
        self.show_bundle(bundle)

    def _metadata(self) -> dict[str, Any]:
        if self._durable_metadata is not None or self.batch is None:
            return self._durable_metadata or {}
        ids = [outcome.task_id for outcome in self.batch if outcome.task_id]
        return {"liangxin": {"batch": self.batch.id, "task_ids": ids, "status": "running"}}


def show_batch(
    batch: Batch, *, notes: tuple[str, ...] = (), output: BatchOutput | None = None
) -> Callable[[], object]:
    """Show a batch below the running cell: a live view, or a line of text without a user.

    When the batch has ended, the output becomes its durable output, which needs no kernel. If it
    runs again, the output becomes a live view again.

    Args:
        batch: The batch.
        notes: Remarks to show with it.
        output: The output to use; default: a new one.

    Returns:
        A function that waits, once the batch has ended, until the durable output is shown. A cell
        that ends earlier would lose it.
    """
    output = output or BatchOutput()
    output.batch = batch
    is_live = shows_widgets()
    progress = batch.progress
    if not progress.active and (progress.done or not is_live):
        output.put(*batch.sheet().output)
        return bool
    batch_display = _BatchDisplay(batch, output, notes if is_live else None)
    if not is_live:
        output.put({"text/plain": "\n".join([repr(batch), *notes])})
        if shell := get_ipython():
            _text_displays.add(batch_display)
            shell.events.register("post_run_cell", _finish_text_displays)  # once, if called again
    batch.watch(batch_display.update)
    return batch_display.wait_until_shown


def display_batch(batch: Batch) -> None:
    """Show a batch that is the last expression of a cell; without a user also wait for it."""
    wait_until_shown = show_batch(batch)
    if not shows_widgets():
        # The text that is shown names the failures; a formatter cannot fail the cell.
        with suppress(LiangxinError):
            batch.wait()
        wait_until_shown()


def confirm(estimate: Estimate, on_confirm: Callable[[BatchOutput], object]) -> None:
    """Show an estimate, and a button that sends the batch.

    Args:
        estimate: What would be created.
        on_confirm: Called once with the output to use; its error is shown, and the button can be
            clicked again.
    """
    import ipywidgets as widgets  # imported only where widgets are shown

    def text_html(text: str) -> Markup:
        return Markup("").join(Markup("<div>{}</div>").format(line) for line in text.split("\n"))

    body = widgets.HTML(text_html(estimate.text))
    tooltip = "Creates these tasks; they may be billed"
    button = widgets.Button(description=f"Send {estimate.tasks} tasks", tooltip=tooltip)
    style = widgets.HTML(style_sheet("card"), layout={"display": "none"})
    box = widgets.VBox([style, body, widgets.HBox([button], layout={"margin": "8px 0 0 0"})])
    box.add_class("lx-card")
    track_views(box)
    output = BatchOutput()
    output.put(widget_view(repr(estimate), box.model_id))
    allow_events_while_busy(button)

    def send() -> None:
        if not button.disabled:
            button.disabled = True  # a second click must not send the batch again
            on_confirm(output)
            # JupyterLab hides an output if a widget that it has replaced is closed too early.
            on_view_change(box, lambda: None if is_viewed(box) else close_all(box))

    def show_error(text: str) -> None:
        body.value = text_html(f"{estimate.text}\n{text}")
        button.disabled = False

    button.on_click(report_errors(send, show_error))


class _BatchDisplay:
    """Updates the output of a batch: a view while it runs, and the durable output at the end.

    A text without a user has no view.
    """

    def __init__(self, batch: Batch, output: BatchOutput, notes: tuple[str, ...] | None) -> None:
        self._batch, self._output, self._notes = batch, output, notes
        self._view: BatchView | None = None
        self._is_durable = False
        self._ran_for_s: float | None = None  # at the end that is shown: increases with each run
        self._shown = threading.Event()
        self._drawn: tuple[str, ...] = ()  # the states that the pictures show
        self._is_drawing = False
        self._named_ids, self._named_at = 0, time.monotonic()
        if notes is not None:
            self._show_view(batch.progress)

    def wait_until_shown(self) -> bool:
        """Block until the end is on the screen, at most one minute."""
        return self._shown.wait(_MAX_WAIT_S)

    def finish(self) -> None:
        """Wait until the end of a batch that has been retried is on the screen, too."""
        progress = self._batch.progress
        if not progress.active:
            self.update(progress)
            self.wait_until_shown()

    def update(self, progress: Progress) -> None:
        """Update the view; at the end, start to make the durable output."""
        if progress.active and self._is_durable and self._notes is not None:
            self._show_view(progress)
        if self._view is not None:
            self._view.update(progress)
            if progress.active:
                self._draw_pictures()
                self._name_new_tasks()
        if progress.active or progress.elapsed_s == self._ran_for_s:
            return
        self._shown.clear()
        self._ran_for_s = progress.elapsed_s
        self._batch.session.loop.submit(self._show_end(progress))

    def _show_view(self, progress: Progress) -> None:
        """Show the live view, a new one if the earlier one has been closed."""
        from .batch_view import BatchView  # ipywidgets is imported only where widgets are shown

        if self._view is None or not self._view.keep():
            batch = self._batch
            actions: dict[str, Callable[[], object]] = {
                "pause": batch.pause,
                "resume": batch.resume,
                "detach": batch.detach,
                "retry": batch.retry,
            }
            self._view = BatchView(progress, actions, self._notes or ())
            self._view.show_pictures(_pictures(batch, with_pictures=False))
            allow_events_while_busy(*self._view.buttons.values())
            self._drawn = ()
        self._is_durable = False
        self._output.put(widget_view(repr(self._batch), self._view.box.model_id))

    def _draw_pictures(self) -> None:
        """Start to draw the pictures that have arrived, unless they are being drawn."""
        states = self._batch.sheet().summary.states
        if states != self._drawn and not self._is_drawing:
            self._is_drawing = True
            self._batch.session.loop.submit(self._draw(states))

    async def _draw(self, states: tuple[str, ...]) -> None:
        try:
            # In a thread: decoding takes time, and must not block the loop.
            html = await asyncio.to_thread(_pictures, self._batch)
            # After the end, its pictures may be shown already.
            is_current = states == self._batch.sheet().summary.states
            if self._view is not None and (is_current or self._batch.progress.active):
                self._view.show_pictures(html)
                self._drawn = states
        finally:
            self._is_drawing = False

    def _name_new_tasks(self) -> None:
        """Add new task ids to the metadata of the output: a saved notebook is a backup."""
        count, now = len(self._batch.sheet().summary.task_ids), time.monotonic()
        is_due = now - self._named_at >= _NAMING_INTERVAL_S and count > self._named_ids
        if self._view is not None and (is_due or count >= self._named_ids + _MAX_UNNAMED):
            self._named_ids, self._named_at = count, now
            self._output.put(widget_view(repr(self._batch), self._view.box.model_id))

    async def _show_end(self, progress: Progress) -> None:
        try:
            await self._show_durable_output(progress)
        finally:
            self._shown.set()

    async def _show_durable_output(self, progress: Progress) -> None:
        sheet = self._batch.sheet()
        output = await asyncio.to_thread(lambda: sheet.output)
        html = await asyncio.to_thread(_pictures, self._batch)
        if self._batch.progress.active:
            return  # meanwhile the batch was resumed
        view, counts = self._view, progress.counts
        if view is None:
            self._output.put(*output)
            return
        view.show_pictures(html)
        # Its buttons are needed to continue; and outputs of Voila cannot be replaced.
        if counts["pending"] or counts["detached"] or frontend() == "voila":
            self._output.put(widget_view(sheet.text, view.box.model_id), output.metadata)
            return
        self._is_durable = True
        self._output.put(*output)
        view.close_when_hidden()


def _pictures(batch: Batch, *, with_pictures: bool = True) -> Markup:
    return pictures_html(batch.sheet().summary, with_pictures=with_pictures)


#: The displays without a view of the batches that are in use.
_text_displays: WeakSet[_BatchDisplay] = WeakSet()


def _finish_text_displays(_: object = None) -> None:
    """Called after each cell: runners drop what is shown later."""
    for display in list(_text_displays):
        display.finish()
