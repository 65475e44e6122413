"""Read the task ids that a notebook file contains in the metadata of its outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from ..errors import InvalidRequestError
from .structs import prepare_structs

__all__ = ["MAX_NOTEBOOK_BYTES", "extract_task_ids", "is_notebook"]

#: Larger notebooks are neither read nor imported.
MAX_NOTEBOOK_BYTES = 64_000_000
_MAX_OBJECTS = 2_000_000
_MAX_ID_LENGTH = 200
_S = TypeVar("_S")


# Only what the structs name becomes Python objects: a hostile file of this size could fill the
# memory otherwise.


class _Cell(msgspec.Struct, gc=False):
    outputs: msgspec.Raw = msgspec.Raw()


class _Notebook(msgspec.Struct):
    cells: list[_Cell | None]


class _Output(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.Raw()


class _OutputMetadata(msgspec.Struct):
    liangxin: msgspec.Raw = msgspec.Raw()


class _TaskIds(msgspec.Struct):
    task_id: msgspec.Raw = msgspec.Raw()
    task_ids: msgspec.Raw = msgspec.Raw()


prepare_structs(_Notebook, _Output, _OutputMetadata, _TaskIds)


def is_notebook(data: bytes | bytearray) -> bool:
    """Return whether the content of a file is a notebook of nbformat 4."""
    return _read_notebook(data) is not None


def extract_task_ids(data: bytes, name: str = "the file") -> list[str]:
    """Return every task id in a notebook's outputs, each once, in order.

    Args:
        data: The content of the notebook file.
        name: The file's name, for error messages.

    Raises:
        InvalidRequestError: If the file is not a notebook.
    """
    notebook = _read_notebook(data)
    if notebook is None:
        raise InvalidRequestError(
            f"{name} is not a notebook file.", next_step="Give a saved .ipynb of nbformat 4."
        )
    cells = filter(None, notebook.cells)
    outputs = (output for cell in cells for output in _decode_list(cell.outputs))
    return list(dict.fromkeys(task_id for output in outputs for task_id in _task_ids(output)))


def _read_notebook(data: bytes | bytearray) -> _Notebook | None:
    is_bounded = data.count(b"{") <= _MAX_OBJECTS
    return _decode(data.removeprefix(b"\xef\xbb\xbf"), _Notebook) if is_bounded else None


def _decode(data: bytes | bytearray | msgspec.Raw, kind: type[_S]) -> _S | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def _decode_list(data: msgspec.Raw) -> list[Any]:
    return _decode(data, list[msgspec.Raw]) or []


def _task_ids(data: msgspec.Raw) -> Iterator[str]:
    """Yield the id of a task's output or the ids of a batch's, without implausible ones."""
    output = _decode(data, _Output)
    metadata = _decode(output.metadata, _OutputMetadata) if output else None
    ids = _decode(metadata.liangxin, _TaskIds) if metadata else None
    if ids is not None:
        for raw in (ids.task_id, *_decode_list(ids.task_ids)):
            task_id = _decode(raw, str)
            if task_id and len(task_id) <= _MAX_ID_LENGTH and task_id.isprintable():
                yield task_id
