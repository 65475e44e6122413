"""The output of one job below its cell: a card or a line, then what stays in the notebook."""

from __future__ import annotations

from typing import Any

from ...cell_outputs import CellOutput, job_output
from ...cell_outputs.outcome_text import outcome_line
from ...core.job_record import JobRecord, JobUpdate
from ...core.state_style import state_style
from ...notebook_files.healing import BUTTONS
from ...results import OutputStyle
from .frontend import frontend, notebook_folder
from .output import OutputHandle, widget_view

__all__ = ["JobOutput", "status_line"]

#: States in which something is left to do; the buttons of the card stay below the durable output.
_WITH_ACTIONS = (
    "partly_saved", "not_fetched", "detached", "result_lost", "unconfirmed", "failed", "rejected",
)  # fmt: skip
_EMPTY_BUNDLE: dict[str, Any] = {"text/plain": "", "text/html": ""}
_BUTTONS_METADATA: dict[str, Any] = {"liangxin": BUTTONS}
#: A reopened notebook cannot draw the buttons; without this it would show an error in their place.
_HIDE_LOST_BUTTONS = (
    "<style>.jp-OutputArea-child:has(.lx-outcome) + .jp-OutputArea-child "
    ".jp-OutputArea-output:not(:has(*)) { display: none }</style>"
)


class JobOutput:
    """Shows a job while it runs, and its durable output at the end."""

    def __init__(
        self, record: JobRecord, *, brief: bool = False, style: OutputStyle = "figure",
        reuse: bool = False,
    ) -> None:  # fmt: skip
        """Create the output; nothing is shown.

        Args:
            record: The job's record.
            brief: Whether the reason is left out, for a cell that raises it as its error.
            style: How a picture is shown.
            reuse: Whether the cell gets the same result again while it is unchanged.
        """
        self._output, self._buttons = OutputHandle(record, is_reusing=reuse), OutputHandle()
        self._brief, self._style, self._reuse = brief, style, reuse
        self._card: Any = None
        self._is_final, self._task_id = False, record.task_id

    def show_card(self, card: Any) -> None:
        """Show a `TaskCard`, and an empty output for its buttons."""
        self._output.show(status_line(card.latest), card.box.model_id)
        self._buttons.show_bundle(_EMPTY_BUNDLE, _BUTTONS_METADATA)
        self._card = card

    def show_text(self, text: str) -> None:
        """Show a text, in front ends without widgets."""
        self._output.show(text)

    def show_final(self, update: JobUpdate) -> None:
        """Show the durable output of a job that had ended before it was shown."""
        self._output.show_output(self._final_output(update))

    def replace_text(self, text: str, record: JobRecord) -> None:
        """Replace the text by another one."""
        self._output.replace({"text/plain": text}, record)

    def update(self, update: JobUpdate) -> None:
        """Show the durable output of a job that has ended, or the card of one that runs again.

        The last output is replaced first, and the other one as rarely as possible: the pages of
        other people append an output that is replaced (jupyterlab#12131).
        """
        if update.is_final:
            self._is_final = True
            if self._card is not None:
                self._settle_card(update)
            self._output.replace_output(self._final_output(update), update.record)
        elif self._card is None:
            self._output.set_record(update.record)
        elif self._is_final:
            self._is_final = False
            self._buttons.replace(_EMPTY_BUNDLE, metadata=_BUTTONS_METADATA)
            view = widget_view(status_line(update), self._card.box.model_id)
            self._output.replace(view, update.record)
        elif (task_id := update.record.task_id) not in ("", self._task_id):
            self._task_id = task_id  # a saved notebook is enough to find the task again
            ids = BUTTONS | {"task_ids": [task_id]}
            self._buttons.replace(_EMPTY_BUNDLE, metadata={"liangxin": ids})

    def _settle_card(self, update: JobUpdate) -> None:
        """Show the buttons of a card where something is left to do, else close it."""
        if update.display_state in _WITH_ACTIONS:
            view = widget_view("", self._card.actions_box.model_id)
            self._buttons.replace(view, metadata=_BUTTONS_METADATA)
        elif frontend() != "voila":  # where the card itself shows the picture
            self._card.close_when_hidden()

    def _final_output(self, update: JobUpdate) -> CellOutput:
        output = job_output(update, style=self._style, start=notebook_folder(), reuse=self._reuse)
        if self._card is None and self._brief and update.display_state in ("failed", "rejected"):
            return output._replace(data={"text/plain": outcome_line(update)})
        if self._card is not None and update.display_state in _WITH_ACTIONS:
            html = output.data["text/html"] + _HIDE_LOST_BUTTONS
            return output._replace(data=output.data | {"text/html": html})
        return output


def status_line(update: JobUpdate) -> str:
    """Return one line such as `<Job z-image waiting · 0123456789ab>`, with the note below it."""
    word = state_style(update.display_state).word.lower()
    line = f"<Job {update.record.request.model} {word} · {update.record.id}>"
    return f"{line}\n{update.note}" if update.note else line
