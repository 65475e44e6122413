"""Show a batch in the output of a cell: its live view, and at the end its contact sheet."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from IPython import get_ipython
from markupsafe import Markup

from ...batches import Batch, Estimate, Progress
from ...errors import LiangxinError
from .frontend import frontend, shows_widgets
from .handlers import report_errors
from .output import OutputHandle, widget_view
from .theme import allow_events_while_busy, style_sheet

if TYPE_CHECKING:
    from .batch_view import BatchView

__all__ = ["BatchOutput", "confirm", "display_batch", "show_batch"]

_MAX_WAIT_S = 60


class BatchOutput(OutputHandle):
    """An output whose metadata names the batch and its tasks.

    Attributes:
        batch: The batch, or None before it has been created.
    """

    batch: Batch | None

    def __init__(self, batch: Batch | None = None) -> None:
        super().__init__()
        self.batch = batch
        self._is_shown = False

    def put(self, bundle: dict[str, Any]) -> None:
        """Show a bundle, or replace what is shown with it; can be called from any thread."""
        if self._is_shown:
            self.replace(bundle)
            return
        self._is_shown = True
        self.show_bundle(bundle)

    def _metadata(self) -> dict[str, Any]:
        if self.batch is None:
            return {}
        ids = [outcome.task_id for outcome in self.batch if outcome.task_id]
        return {"liangxin": {"batch": self.batch.id, "task_ids": ids}}


def show_batch(
    batch: Batch, *, notes: tuple[str, ...] = (), output: BatchOutput | None = None
) -> Callable[[], object]:
    """Show a batch below the running cell: a live view, or a line of text without a user.

    When the batch has ended, the output becomes the contact sheet. If some tasks have no result,
    the view with its reasons and buttons stays, and the sheet appears below it.

    Args:
        batch: The batch.
        notes: Remarks to show with it.
        output: The output to use; default: a new one.

    Returns:
        A function that waits, once the batch has ended, until the sheet is shown. A cell that ends
        earlier would lose it.
    """
    output = output or BatchOutput()
    output.batch = batch
    is_live = shows_widgets()
    progress = batch.progress
    if not progress.active and (progress.done or not is_live):
        output.put(_sheet_bundle(batch))
        return bool
    if not is_live:
        output.put({"text/plain": "\n".join([repr(batch), *notes])})
        batch_display = _BatchDisplay(batch, output)
        if shell := get_ipython():
            _text_displays.add(batch_display)
            shell.events.register("post_run_cell", _finish_text_displays)  # once, if called again
    else:
        batch_display = _show_view(batch, output, notes)
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
    output = BatchOutput()
    output.put(widget_view(repr(estimate), box.model_id))
    allow_events_while_busy(button)

    def send() -> None:
        if not button.disabled:
            button.disabled = True  # a second click must not send the batch again
            on_confirm(output)

    def show_error(text: str) -> None:
        body.value = text_html(f"{estimate.text}\n{text}")
        button.disabled = False

    button.on_click(report_errors(send, show_error))


def _show_view(batch: Batch, output: BatchOutput, notes: tuple[str, ...]) -> _BatchDisplay:
    from .batch_view import BatchView  # ipywidgets is imported only where widgets are shown

    actions: dict[str, Callable[[], object]] = {
        "pause": batch.pause,
        "resume": batch.resume,
        "detach": batch.detach,
        "retry": batch.retry,
    }
    view = BatchView(batch.progress, actions, notes)
    output.put(widget_view(repr(batch), view.box.model_id))
    sheet_output = BatchOutput(batch)
    sheet_output.put(_EMPTY_BUNDLE)
    allow_events_while_busy(*view.buttons.values())
    return _BatchDisplay(batch, output, view, sheet_output)


_EMPTY_BUNDLE: dict[str, Any] = {"text/plain": "", "text/html": ""}


def _sheet_bundle(batch: Batch) -> dict[str, Any]:
    return {"text/plain": "", **batch.sheet()._repr_mimebundle_()}


class _BatchDisplay:
    """Updates the view of a batch, and shows the contact sheet at the end."""

    def __init__(
        self,
        batch: Batch,
        output: BatchOutput,
        view: BatchView | None = None,
        sheet_output: BatchOutput | None = None,
    ) -> None:
        self._batch, self._output = batch, output
        self._view, self._sheet_output = view, sheet_output
        self._ran_for_s: float | None = None  # at the end that is shown: increases with each run
        self._shown = threading.Event()

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
        """Update the view; at the end, start to make the sheet."""
        if self._view is not None:
            self._view.update(progress)
        if progress.active or progress.elapsed_s == self._ran_for_s:
            return
        self._shown.clear()
        self._ran_for_s = progress.elapsed_s
        self._batch.session.loop.submit(self._show_end(progress))

    async def _show_end(self, progress: Progress) -> None:
        try:
            await self._show_sheet(progress)
        finally:
            self._shown.set()

    async def _show_sheet(self, progress: Progress) -> None:
        sheet = self._batch.sheet()
        # In a thread: the sheet takes time, and must not block the loop.
        bundle = dict(await asyncio.to_thread(sheet._repr_mimebundle_))
        if self._batch.progress.active:
            return  # meanwhile the batch was resumed
        keeps_view = self._view is not None and not progress.done
        # For reloaded pages, and for Voila, where outputs cannot be replaced.
        shows_inside = not sheet.empty and (not keeps_view or frontend() == "voila")
        if self._view is not None and shows_inside:
            self._view.show_sheet(sheet.jpeg, sheet.text)
            self._view.update(progress)
        if not keeps_view:
            self._output.put({"text/plain": sheet.text, **bundle})
        if self._sheet_output is not None:
            shows_sheet = keeps_view and not sheet.empty
            self._sheet_output.put({"text/plain": "", **bundle} if shows_sheet else _EMPTY_BUNDLE)
        if keeps_view and self._view is not None:
            self._output.put(widget_view(sheet.text, self._view.box.model_id))


#: The displays without a view of the batches that are in use.
_text_displays: WeakSet[_BatchDisplay] = WeakSet()


def _finish_text_displays(_: object = None) -> None:
    """Called after each cell: runners drop what is shown later."""
    for display in list(_text_displays):
        display.finish()
