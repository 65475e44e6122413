"""Remove the saved state of cards and buttons that a notebook does not show.

With JupyterLab's setting *Save Widget State Automatically*, a notebook contains the state of all
widgets of its page, also of cards that were replaced by pictures and of an ended kernel. Converted
to HTML, such a notebook would load scripts from the network that display nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["drop_unused_state"]

_VIEW = "application/vnd.jupyter.widget-view+json"
_STATE = "application/vnd.jupyter.widget-state+json"
_REFERENCE = re.compile(r"IPY_MODEL_([^'\"]{1,64})")


def drop_unused_state(notebook: Any) -> int:
    """Remove the models of this toolkit that no output of a notebook shows.

    Args:
        notebook: The content of a notebook; it is changed in place.

    Returns:
        The number of removed models.
    """
    widgets = _dict(_dict(notebook, "metadata"), "widgets")
    models = _dict(_dict(widgets, _STATE), "state")
    own = [key for key, model in models.items() if _is_own(model)]
    if not own:
        return 0
    unused = _reachable(models, own) - _reachable(models, _viewed(notebook))
    for key in unused:
        del models[key]
    if not models:
        del widgets[_STATE]
    if not widgets:
        del notebook["metadata"]["widgets"]
    return len(unused)


def _is_own(model: Any) -> bool:
    classes = _dict(model, "state").get("_dom_classes")
    return isinstance(classes, list) and any(str(name).startswith("lx-") for name in classes)


def _reachable(models: Mapping[str, Any], keys: Iterable[str]) -> set[str]:
    """Return models and all those that they refer to."""
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in models and key not in found:
            found.add(key)
            waiting += _REFERENCE.findall(str(models[key]))
    return found


def _viewed(notebook: Any) -> list[str]:
    """Return the ids of the models that the outputs of a notebook show."""
    cells = notebook.get("cells")
    outputs = [
        output
        for cell in (cells if isinstance(cells, list) else ())
        for output in (cell.get("outputs") if isinstance(cell, dict) else None) or ()
    ]
    return [str(_dict(_dict(output, "data"), _VIEW).get("model_id")) for output in outputs]


def _dict(values: Any, name: str) -> dict[str, Any]:
    """Return the dictionary of that name, or an empty one."""
    value = values.get(name) if isinstance(values, dict) else None
    return value if isinstance(value, dict) else {}
