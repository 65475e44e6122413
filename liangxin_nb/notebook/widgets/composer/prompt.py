"""The field for the prompt, and the earlier prompts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.config.key_detector import reject_keys
from liangxin_nb.core.formatting import shorten
from liangxin_nb.errors import InvalidRequestError

from .common import ErrorBoundary, button, with_class

__all__ = ["PromptInput"]

_MAX_LABEL_LENGTH = 90


class PromptInput:
    """A text field, and two ways to recall the prompts of the ledger.

    Widgets receive no arrow keys, so there are two buttons, and a list in which arrow keys and the
    first letters work. A draft is restored after the newest prompt.

    Attributes:
        widget: The widget.
        remark: The line with what is wrong with the prompt.
    """

    widget: Any
    remark: Any

    def __init__(
        self,
        on_change: Callable[[], None],
        errors: ErrorBoundary,
        load_prompts: Callable[[], Sequence[str]],
    ) -> None:
        """Create the field.

        Args:
            on_change: Called when the prompt has changed.
            errors: Shows errors.
            load_prompts: Returns the earlier prompts, newest first.
        """
        #: The index of the recalled prompt; -1 for the draft.
        self._load_prompts, self._index, self._draft = load_prompts, -1, ""
        self._is_recalling = False
        self._on_change = on_change
        self._text = with_class(
            widgets.Textarea(
                description="Prompt",
                placeholder="What the picture shows, in any language",
                tooltip="Sent exactly as written, including braces, dollars and quotes",
                rows=4,
            ),
            "lx-prompting",
        )
        self._text.observe(errors(self._on_edit), "value")
        recall = errors(lambda: self._recall(1)), errors(lambda: self._recall(-1))
        self._back = button("◂ Earlier", "The prompt before this one", recall[0])
        self._forth = button("Later ▸", "The prompt after this one, finally your draft", recall[1])
        self._list = widgets.Combobox(
            description="Earlier prompts",
            placeholder="Earlier prompts: arrow keys, or the first words",
            tooltip="Prompts of this ledger; choosing one puts it into the field above",
        )
        self._list.observe(errors(self._on_choice), "value")
        self.remark = with_class(widgets.HTML(), "lx-hint", "lx-remark")
        row = [self._back, self._forth, with_class(self._list, "lx-grow", "lx-unseen")]
        self.widget = widgets.VBox(
            [self._text, self.remark, with_class(widgets.HBox(row), "lx-bar")],
            layout={"overflow": "visible"},
        )
        self.refresh()

    @property
    def value(self) -> str:
        """The prompt, as a cell would read it."""
        return str(self._text.value).strip("\r\n")

    def find_key(self) -> str:
        """Return a warning if the prompt contains a key, or an empty text."""
        try:
            reject_keys({"The prompt": self.value})
        except InvalidRequestError as error:
            message = error.message.removesuffix("; nothing was sent.")
            is_certain = "--allow-key-like" not in error.next_step
            otherwise = (
                "" if is_certain else "; if it is not a key, use a cell with --allow-key-like"
            )
            return f"{message}. Remove it{otherwise}."
        return ""

    def set_value(self, text: str) -> None:
        """Put a prompt into the field."""
        self._text.value = text

    def focus(self) -> None:
        """Give the field the keyboard focus; ipywidgets 7 cannot."""
        if hasattr(self._text, "focus"):
            self._text.focus()

    def show_error(self, text: str) -> None:
        """Show below the field what is wrong with the prompt; an empty text clears it."""
        html = Markup('<span class="lx-wrong" role="alert">{}</span>')
        self.remark.value = html.format(text) if text else ""

    def refresh(self) -> None:
        """Load the earlier prompts, and start with the newest again."""
        self._index, self._prompts = -1, list(self._load_prompts())
        self._by_label = {_label(prompt): prompt for prompt in reversed(self._prompts)}
        labels = tuple(reversed(self._by_label))
        if self._list.options != labels:
            self._list.options = labels
        self._update_buttons()

    def _on_edit(self) -> None:
        if not self._is_recalling:
            self._index = -1
            self._update_buttons()
        self._on_change()

    def _recall(self, step: int) -> None:
        if self._index == -1:
            self._draft = self._text.value
        self._index = max(-1, min(len(self._prompts) - 1, self._index + step))
        self._is_recalling = True
        try:
            self.set_value(self._draft if self._index == -1 else self._prompts[self._index])
        finally:
            self._is_recalling = False
        self._update_buttons()

    def _on_choice(self) -> None:
        prompt = self._by_label.get(self._list.value)
        if prompt is not None:
            self.set_value(prompt)
            self._list.value = ""

    def _update_buttons(self) -> None:
        self._back.disabled = self._index >= len(self._prompts) - 1
        self._forth.disabled = self._index < 0


def _label(prompt: str) -> str:
    return shorten(" ".join(prompt.split()), _MAX_LABEL_LENGTH)
