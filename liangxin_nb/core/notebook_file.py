"""What a notebook file tells of its tasks: the ids that its outputs carry in their metadata."""

from __future__ import annotations

import json
from typing import Any

from ..errors import InvalidRequestError

__all__ = ["extract_task_ids"]

_LONGEST_ID = 200


def extract_task_ids(text: str, name: str = "the file") -> list[str]:
    """Every task id in a notebook's outputs, each once, in order.

    Raises `InvalidRequestError` when the text is no notebook.
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
    outputs = (out for cell in cells for out in _list(cell, "outputs"))
    return list(dict.fromkeys(id for out in outputs for id in _task_ids(out)))


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _task_ids(output: Any) -> list[str]:
    """A task's own id, or those of a batch; whatever is not a short text is no id."""
    for name in ("metadata", "liangxin"):
        output = output.get(name) if isinstance(output, dict) else None
    found: list[Any] = [output.get("task_id")] if isinstance(output, dict) else []
    return [id for id in found + _list(output, "task_ids") if _is_id(id)]


def _is_id(id: Any) -> bool:
    return isinstance(id, str) and 0 < len(id) <= _LONGEST_ID and id.isprintable()
