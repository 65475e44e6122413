"""One result, or one notebook, out of an export to its place here.

No name in a zip becomes a path: what a sound ledger row names is looked for, in a folder that is
made here, and kept only when its bytes are what the row says.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..core.metadata import ResultMetadata
from ..core.notebook_file import extract_task_ids
from ..errors import InvalidRequestError, ResultUnavailableError
from ..imaging import POSTER_BYTES
from ..ledger import TransferRow
from ..results import Result, ResultStore, poster_name
from .format import MOST_NOTEBOOK, RESULTS
from .reader import Parts

__all__ = ["notebook", "result"]

_MOST_STORY = 4 * 1024 * 1024
_MOST_FILE = 512 * 1024 * 1024  # as much as a download may have
_FOLDER = re.compile(r"\d{4}-\d{2}-\d{2}/[\w-][\w.-]{0,119}")
_NOTEBOOK = re.compile(r"[^\W_][^/\\:*?\"<>|\x00-\x1f\x7f]{0,120}\.ipynb")


def result(
    parts: Parts, row: TransferRow, results: ResultStore, wish: str
) -> tuple[TransferRow, bool]:
    """The row with its folder here, and whether its files came just now; raises
    `ResultUnavailableError`.

    `wish`: the folder that it should have.
    """
    wish = wish if _FOLDER.fullmatch(wish) and ".." not in wish else ""
    found = results.find_saved(row.record) or _there(results, wish, row)
    kept = found or _brought(parts, row, results, wish)
    place = kept.folder.relative_to(results.root).as_posix()
    return replace(row, values={**row.values, "folder": place}), found is None


def notebook(parts: Parts, name: str, folder: Path) -> Path | None:
    """A notebook's place here: None when it is here already, `-2` and so on where another is.

    Raises `ResultUnavailableError` when it is no notebook.
    """
    plain = name.rpartition("/")[2]
    if not _NOTEBOOK.fullmatch(plain):
        raise ResultUnavailableError("not a usable name")
    data = parts.read(name, MOST_NOTEBOOK)
    try:
        extract_task_ids(data.decode("utf-8"), plain)
    except (InvalidRequestError, UnicodeDecodeError, RecursionError):
        raise ResultUnavailableError("not a notebook") from None
    n = 1
    while (path := folder / _numbered(plain, n)).exists():
        if path.is_file() and path.read_bytes() == data:
            return None
        n += 1
    with path.open("xb") as file:
        file.write(data)
    return path


def _numbered(name: str, n: int) -> str:
    return name if n == 1 else f"{Path(name).stem}-{n}.ipynb"


def _there(results: ResultStore, folder: str, row: TransferRow) -> Result | None:
    """The result under the name that it had there, where an earlier import has put it."""
    try:
        here = results.load(folder) if folder else None
    except ResultUnavailableError:
        return None
    return here if here is not None and here.metadata.ticket == row.values["id"] else None


def _brought(parts: Parts, row: TransferRow, results: ResultStore, wish: str) -> Result:
    place = f"{RESULTS}/{row.values.get('folder', '')}"
    story = _story(parts, place, row)
    contents = {}
    for file in row.files:
        data = parts.read(f"{place}/{file['name']}", min(file["bytes"], _MOST_FILE))
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            raise ResultUnavailableError("not what the ledger says")
        contents[file["name"]] = data
    for film in (f["name"] for f in story.files if f["kind"] == "video"):
        with suppress(
            ResultUnavailableError
        ):  # none came along, or one that is too large: it is not missed
            contents[poster_name(film)] = parts.read(f"{place}/{poster_name(film)}", POSTER_BYTES)
    parcel = results.stage(row.record)
    try:
        return parcel.commit_import(story, contents, wish)
    finally:
        parcel.discard()


def _story(parts: Parts, place: str, row: TransferRow) -> ResultMetadata:
    """The story in the zip, where it tells of this row; of its files only what the row knows."""
    try:
        told = ResultMetadata.from_json(
            parts.read(f"{place}/story.json", _MOST_STORY).decode("utf-8")
        )
        listed = told.files if told is not None else ()
        kinds = {file["name"]: str(file.get("kind", "image")) for file in listed}
    except (UnicodeDecodeError, RecursionError, AttributeError, KeyError, TypeError):
        told, kinds = None, {}
    files = sorted(row.files, key=lambda file: (len(file["name"]), file["name"]))
    ticket = row.record
    request = ticket.request
    same = told is not None and (told.ticket, told.task_id) == (ticket.id, ticket.task_id)
    if told is None or not same or not files or kinds.keys() != {f["name"] for f in files}:
        raise ResultUnavailableError("its story is another's")
    return ResultMetadata(
        prompt=request.prompt,
        model=request.model,
        task_id=ticket.task_id,
        ticket=ticket.id,
        service=ticket.profile,
        made=str(told.made)[:40],
        options=request.redacted_options,
        drawing=bool(told.drawing),
        seconds=ticket.seconds,
        credits=ticket.credits,
        files=tuple({**file, "kind": kinds[file["name"]]} for file in files),
    )
