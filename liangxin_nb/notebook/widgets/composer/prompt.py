"""The prompt, and the way back to earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from .common import ErrorBoundary, button, with_class

__all__ = ["PromptInput"]

_SHOWN = 90


class PromptInput:
    """A text field, and the prompts of the ledger: `earlier` gives them, newest first.

    A text field of a kernel hears no arrow keys, so there are two buttons, and a list in which the
    arrow keys and the first letters work. What was being written is kept, and comes back after the
    newest.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        errors: ErrorBoundary,
        earlier: Callable[[], Sequence[str]],
    ) -> None:
        self._earlier, self._at, self._draft = earlier, -1, ""
        self._moving = False
        self._changed = changed
        self._text = with_class(
            widgets.Textarea(
                description="Prompt",
                placeholder="What the picture shows, in any language",
                tooltip="Sent exactly as it is: braces, dollars and quotes too",
                rows=4,
            ),
            "lx-prompting",
        )
        self._text.observe(errors(self._on_edit), "value")
        back = ("◂ Earlier", "The prompt before this one", errors(lambda: self._move(1)))
        forth = ("Later ▸", "The prompt after this one, at last your own", errors(self._later))
        self._back, self._forth = button(*back), button(*forth)
        self._list = widgets.Combobox(
            description="Earlier prompts",
            placeholder="Earlier prompts: arrow keys, or the first words",
            tooltip="Prompts of this ledger; choosing one puts it into the field above",
        )
        self._list.observe(errors(self._chosen), "value")
        self.remark = with_class(widgets.HTML(), "lx-hint", "lx-beside")
        recall = [self._back, self._forth, with_class(self._list, "lx-grow", "lx-unseen")]
        self.widget = widgets.VBox(
            [self._text, self.remark, with_class(widgets.HBox(recall), "lx-bar")],
            layout={"overflow": "visible"},
        )
        self.refresh()

    @property
    def value(self) -> str:
        """The prompt, as a cell would read it."""
        return str(self._text.value).strip("\r\n")

    def set_value(self, text: str) -> None:
        """Writes a prompt into the field."""
        self._text.value = text

    def focus(self) -> None:
        """Puts the cursor into the field, where ipywidgets can."""
        if hasattr(self._text, "focus"):
            self._text.focus()

    def show_error(self, wrong: str) -> None:
        """Shows beside the field what is wrong with the prompt."""
        self.remark.value = (
            f'<span class="lx-wrong" role="alert">{escape(wrong)}</span>' if wrong else ""
        )

    def refresh(self) -> None:
        """Looks up the earlier prompts; the way back begins at the newest again."""
        self._at, self._prompts = -1, list(self._earlier())
        self._named = {_line(prompt): prompt for prompt in reversed(self._prompts)}
        names = tuple(reversed(self._named))
        if self._list.options != names:
            self._list.options = names
        self._update_buttons()

    def _on_edit(self) -> None:
        if not self._moving:
            self._at = -1
            self._update_buttons()
        self._changed()

    def _later(self) -> None:
        self._move(-1)

    def _move(self, step: int) -> None:
        if self._at == -1:
            self._draft = self._text.value
        self._at = max(-1, min(len(self._prompts) - 1, self._at + step))
        self._moving = True
        try:
            self.set_value(self._draft if self._at == -1 else self._prompts[self._at])
        finally:
            self._moving = False
        self._update_buttons()

    def _chosen(self) -> None:
        prompt = self._named.get(self._list.value)
        if prompt is not None:
            self.set_value(prompt)
            self._list.value = ""

    def _update_buttons(self) -> None:
        self._back.disabled = self._at >= len(self._prompts) - 1
        self._forth.disabled = self._at < 0


def _line(prompt: str) -> Any:
    line = " ".join(prompt.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
