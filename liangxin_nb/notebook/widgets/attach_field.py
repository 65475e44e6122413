"""The field for a task id that was found in the service's list of tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

__all__ = ["AttachField"]


class AttachField:
    """A field and a button.

    Attributes:
        box: The widget; hidden until it is needed.
        task_id: The field.
        collect: The button.
    """

    box: Any
    task_id: Any
    collect: Any

    def __init__(
        self,
        make_button: Callable[[str, str, Callable[[], object]], Any],
        attach: Callable[[str], object],
    ) -> None:
        """Create the field.

        Args:
            make_button: Creates a button from its label, tooltip and action.
            attach: Called with the id.
        """
        self.task_id = widgets.Text(description="Task id", placeholder="as the service lists it")
        self.collect = make_button(
            "Collect",
            "Ask the service for this task; nothing is sent again",
            lambda: attach(self.task_id.value.strip()),
        )
        self.box = widgets.HBox([self.task_id, self.collect])
        self.box.add_class("lx-attach")
