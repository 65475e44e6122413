"""Find the outputs of jobs in a notebook, and replace them by their durable form.

Both are quick and read nothing: what a job has become is looked up elsewhere, see `job_lookup`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ..cell_outputs import CellOutput

__all__ = [
    "BUTTONS",
    "INTERRUPT_NOTICE",
    "Found",
    "OutputKey",
    "find_outputs",
    "is_settled",
    "replace_outputs",
    "unfinished_ids",
]

#: The metadata of the notice of an interrupted wait, and of the output for the buttons of a card.
INTERRUPT_NOTICE = {"interrupted": True}
BUTTONS = {"buttons": True}
#: States that do not change any more; an output that names another one is looked up again.
_SETTLED = ("saved", "failed", "rejected", "ended")
#: States of which nothing is left to collect, or not everything any more.
_ENDED = (*_SETTLED, "incomplete", "partly_saved", "result_lost", "unconfirmed")
_VIEW = "application/vnd.jupyter.widget-view+json"
_MAX_ID_LENGTH = 200
_MAX_TASKS = 10_000  # of one batch


class OutputKey(NamedTuple):
    """What an output shows.

    Attributes:
        id: The id of a job or a batch.
        task_ids: The tasks that the output names: of a job one or none.
        is_batch: Whether it shows a batch.
        is_reusing: Whether its cell gets the same result again while it is unchanged.
    """

    id: str
    task_ids: tuple[str, ...]
    is_batch: bool
    is_reusing: bool = False


class Found(NamedTuple):
    """The durable form of an output.

    Attributes:
        output: The output.
        is_live: Whether a process shows the job: then a live view is not removed.
        lacks_files: Whether files of saved results are not on this disk.
    """

    output: CellOutput
    is_live: bool = False
    lacks_files: bool = False


def find_outputs(notebook: Any, *, settled: bool = False) -> list[OutputKey]:
    """Return what the outputs of a notebook show, without those that are durable already.

    Args:
        notebook: The content of a notebook of nbformat 4; of anything else nothing is returned.
        settled: Whether durable outputs are returned, too.
    """
    keys = (
        key
        for outputs in _output_lists(notebook)
        for output in outputs
        if (key := _key_of(output)) and (settled or not is_settled(output))
    )
    return list(dict.fromkeys(keys))


def replace_outputs(notebook: Any, durable: Mapping[OutputKey, Found]) -> int:
    """Replace outputs by their durable form, and remove what was shown beside them.

    An output is never replaced by one with fewer pictures: their files may be on another disk.

    Args:
        notebook: The content of a notebook; it is changed in place.
        durable: The durable form of each output that is known.

    Returns:
        The number of outputs that were replaced or removed.
    """
    changes = 0
    for outputs in _output_lists(notebook):
        remaining: list[Any] = []
        shown: OutputKey | None = None  # what the last remaining output shows, if that is known
        has_loose_buttons = False
        for output in outputs:
            key = _key_of(output)
            if shown is not None and (
                _is_marked(output)
                or (has_loose_buttons and _is_empty(output))
                or (key and _is_sheet_below(output, key, shown, remaining[-1], durable.get(key)))
            ):
                changes += 1
                has_loose_buttons = False
                continue
            has_loose_buttons = key is not None and _has_loose_buttons(output)
            if key is not None and (new := durable.get(key)) is not None:
                changes += _replace(output, new)
            is_known = key is not None and (key in durable or is_settled(output))
            shown = key if is_known else None
            remaining.append(output)
        if len(remaining) < len(outputs):
            outputs[:] = remaining
    return changes


def is_settled(output: Any) -> bool:
    """Return whether an output is durable and its job or batch will not change any more.

    Args:
        output: An output of a cell, or a `CellOutput` as a mapping.
    """
    return output["metadata"]["liangxin"].get("status") in _SETTLED and _VIEW not in output["data"]


def unfinished_ids(notebook: Any) -> list[str]:
    """Return the ids of the outputs that show no end: of tasks, else of jobs or batches."""
    ids = []
    for outputs in _output_lists(notebook):
        for output in outputs:
            if (key := _key_of(output)) is None:
                continue
            status = output["metadata"]["liangxin"].get("status")
            is_durable = status in _ENDED or (not status and _count_pictures(output["data"]) > 0)
            if _VIEW in output["data"] or not is_durable:
                ids.append(key.id if key.is_batch else "".join(key.task_ids) or key.id)
    return list(dict.fromkeys(ids))


def _output_lists(notebook: Any) -> Iterator[list[Any]]:
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and isinstance(outputs := cell.get("outputs"), list):
            yield outputs


def _key_of(output: Any) -> OutputKey | None:
    """Return what an output shows, if it is one of this toolkit."""
    if not isinstance(output, dict) or not isinstance(output.get("data"), dict):
        return None
    metadata = output.get("metadata")
    ids = metadata.get("liangxin") if isinstance(metadata, dict) else None
    if not isinstance(ids, dict):
        return None
    is_batch = "job_id" not in ids
    own_id, task_ids = ids.get("batch" if is_batch else "job_id"), ids.get("task_ids")
    if not is_batch:
        task_ids = [ids["task_id"]] if ids.get("task_id") else []
    if not isinstance(task_ids, list) or len(task_ids) > _MAX_TASKS:
        return None
    if not all(map(_is_id, [own_id, *task_ids])):
        return None
    return OutputKey(str(own_id), tuple(task_ids), is_batch, ids.get("reuse") is True)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID_LENGTH and value.isprintable()


def _is_marked(output: Any) -> bool:
    """Return whether an output holds the buttons of a card, or tells of an interrupted wait."""
    metadata = output.get("metadata") if isinstance(output, dict) else None
    ids = metadata.get("liangxin") if isinstance(metadata, dict) else None
    return isinstance(ids, dict) and (ids == INTERRUPT_NOTICE or ids.get("buttons") is True)


def _has_loose_buttons(output: dict[str, Any]) -> bool:
    """Return whether the output below may hold buttons without a mark, as of earlier versions."""
    is_card = output["data"].keys() > {"text/plain"}
    return is_card and "status" not in output["metadata"]["liangxin"]


def _is_empty(output: Any) -> bool:
    data = output.get("data") if isinstance(output, dict) else None
    if not isinstance(data, dict) or "text/plain" not in data:
        return False
    texts = (_text(data[kind]) for kind in data if kind != _VIEW)
    return data.keys() <= {_VIEW, "text/plain", "text/html"} and not any(texts)


def _is_sheet_below(
    output: dict[str, Any],
    key: OutputKey,
    shown: OutputKey,
    above: dict[str, Any],
    found: Found | None,
) -> bool:
    """Return whether the output above has all pictures of a batch's sheet of earlier versions.

    They showed a batch in two outputs, of which the second one is its sheet.
    """
    is_same = key.is_batch and key.id == shown.id and found is not None
    is_sheet = "status" not in output["metadata"]["liangxin"] and _VIEW not in output["data"]
    return is_same and is_sheet and not _loses_pictures(output["data"], above["data"], found)


def _replace(output: dict[str, Any], found: Found) -> bool:
    """Replace an output; return whether that changes anything."""
    old = {kind: _text(value) for kind, value in output["data"].items()}
    new: dict[str, Any] = dict(found.output.data)
    if _loses_pictures(old, new, found):
        # A reopened notebook shows nothing else of an output with a view.
        return not found.is_live and output["data"].pop(_VIEW, None) is not None
    ids = found.output.metadata["liangxin"]
    if found.is_live and _VIEW in old:
        new[_VIEW] = old[_VIEW]  # a reloaded page continues to show the live card
    if old == new and output["metadata"]["liangxin"] == ids:
        return False
    if any(isinstance(value, list) for value in output["data"].values()):
        new = {kind: _lines(kind, value) for kind, value in new.items()}
    others = {name: value for name, value in output["metadata"].items() if name not in old}
    # A copy: the durable form may be used again, and other hooks may change the metadata.
    output["data"], output["metadata"] = new, others | copy.deepcopy(found.output.metadata)
    return True


def _loses_pictures(old: Mapping[str, Any], new: Mapping[str, Any], found: Found | None) -> bool:
    """Return whether an output has a picture that another one does not have."""
    if (before := _count_pictures(old)) and not (after := _count_pictures(new)):
        return True
    if any(kind.startswith("image/") for kind in [*old, *new]):  # one picture of any number
        return before > 0 and found is not None and found.lacks_files
    return before > 0 and after < before


def _lines(kind: str, value: Any) -> Any:
    """Return a text as a list of lines, as files store it."""
    return value.splitlines(keepends=True) if kind.startswith("text/") else value


def _count_pictures(data: Mapping[str, Any]) -> int:
    html = str(data.get("text/html", ""))
    return sum(kind.startswith("image/") for kind in data) + html.count("data:image/")


def _text(value: Any) -> Any:
    """Return a text of a notebook file, which may be a list of lines."""
    is_lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if is_lines else value
