"""Read the task ids that a notebook file contains in the metadata of its outputs."""

from __future__ import annotations

import json
from typing import Any

from ..errors import InvalidRequestError

__all__ = ["extract_task_ids"]

_MAX_ID_LENGTH = 200


def extract_task_ids(text: str, name: str = "the file") -> list[str]:
    """Return every task id in a notebook's outputs, each once, in order.

    Args:
        text: The content of the notebook file.
        name: The file's name, for error messages.

    Raises:
        InvalidRequestError: If the text is not a notebook.
    """
    try:
        notebook = json.loads(text)
    except ValueError:
        notebook = None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise InvalidRequestError(
            f"{name} is not a notebook file.", next_step="Give a saved .ipynb of nbformat 4."
        )
    outputs = (output for cell in cells for output in _list(cell, "outputs"))
    return list(dict.fromkeys(task_id for output in outputs for task_id in _task_ids(output)))


def _list(value: Any, name: str) -> list[Any]:
    items = value.get(name) if isinstance(value, dict) else None
    return items if isinstance(items, list) else []


def _task_ids(output: Any) -> list[str]:
    """Return the id of a task's output or the ids of a batch's, without implausible ones."""
    for name in ("metadata", "liangxin"):
        output = output.get(name) if isinstance(output, dict) else None
    ids: list[Any] = [output.get("task_id")] if isinstance(output, dict) else []
    return [task_id for task_id in ids + _list(output, "task_ids") if _is_id(task_id)]


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID_LENGTH and value.isprintable()
