"""What a notebook file tells of its tasks: the ids that its outputs carry in their metadata."""

from __future__ import annotations

import json
from typing import Any

from .errors import InvalidRequest

__all__ = ["tasks_in"]

_LONGEST_ID = 200


def tasks_in(text: str, name: str = "the file") -> list[str]:
    """Every task id in a notebook's outputs, each once, in order.

    Raises `InvalidRequest` when the text is no notebook.
    """
    try:
        notebook = json.loads(text)
    except ValueError:
        notebook = None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise InvalidRequest(
            f"{name} is not a notebook file.", next_step="Give a saved .ipynb of nbformat 4."
        )
    outputs = (out for cell in cells for out in _list(cell, "outputs"))
    return list(dict.fromkeys(id for out in outputs if (id := _task_id(out))))


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _task_id(output: Any) -> str:
    """A notebook comes from anywhere: whatever is not a short text is no id."""
    for name in ("metadata", "liangxin", "task_id"):
        output = output.get(name) if isinstance(output, dict) else None
    fits = isinstance(output, str) and len(output) <= _LONGEST_ID and output.isprintable()
    return output if fits and isinstance(output, str) else ""
