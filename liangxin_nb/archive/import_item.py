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
from ..results import METADATA_FILE, OLD_METADATA_FILE, Result, ResultStore, poster_name
from .format import MAX_NOTEBOOK_BYTES, RESULTS
from .reader import ArchiveReader

__all__ = ["import_notebook", "import_result"]

_MAX_METADATA_BYTES = 4 * 1024 * 1024
_MAX_FILE_BYTES = 512 * 1024 * 1024  # as much as a download may have
_FOLDER = re.compile(r"\d{4}-\d{2}-\d{2}/[\w-][\w.-]{0,119}")
_NOTEBOOK = re.compile(r"[^\W_][^/\\:*?\"<>|\x00-\x1f\x7f]{0,120}\.ipynb")


def import_result(
    archive: ArchiveReader, row: TransferRow, results: ResultStore, preferred_folder: str
) -> tuple[TransferRow, bool]:
    """The row with its folder here, and whether its files came just now; raises
    `ResultUnavailableError`.

    `preferred_folder`: the folder that it should have.
    """
    preferred_folder = (
        preferred_folder
        if _FOLDER.fullmatch(preferred_folder) and ".." not in preferred_folder
        else ""
    )
    found = results.find_saved(row.record) or _existing_result(results, preferred_folder, row)
    kept = found or _commit_result(archive, row, results, preferred_folder)
    place = kept.folder.relative_to(results.root).as_posix()
    return replace(row, values={**row.values, "folder": place}), found is None


def import_notebook(archive: ArchiveReader, name: str, folder: Path) -> Path | None:
    """A notebook's place here: None when it is here already, `-2` and so on where another is.

    Raises `ResultUnavailableError` when it is no notebook.
    """
    plain = name.rpartition("/")[2]
    if not _NOTEBOOK.fullmatch(plain):
        raise ResultUnavailableError("not a usable name")
    data = archive.read(name, MAX_NOTEBOOK_BYTES)
    try:
        extract_task_ids(data.decode("utf-8"), plain)
    except (InvalidRequestError, UnicodeDecodeError, RecursionError):
        raise ResultUnavailableError("not a notebook") from None
    n = 1
    while (path := folder / _numbered_name(plain, n)).exists():
        if path.is_file() and path.read_bytes() == data:
            return None
        n += 1
    with path.open("xb") as file:
        file.write(data)
    return path


def _numbered_name(name: str, n: int) -> str:
    return name if n == 1 else f"{Path(name).stem}-{n}.ipynb"


def _existing_result(results: ResultStore, folder: str, row: TransferRow) -> Result | None:
    """The result under the name that it had there, where an earlier import has put it."""
    try:
        here = results.load(folder) if folder else None
    except ResultUnavailableError:
        return None
    return here if here is not None and here.metadata.job_id == row.values["id"] else None


def _commit_result(
    archive: ArchiveReader, row: TransferRow, results: ResultStore, preferred_folder: str
) -> Result:
    place = f"{RESULTS}/{row.values.get('folder', '')}"
    metadata = _read_metadata(archive, place, row)
    contents = {}
    for file in row.files:
        data = archive.read(f"{place}/{file['name']}", min(file["bytes"], _MAX_FILE_BYTES))
        if hashlib.sha256(data).hexdigest() != file["sha256"]:
            raise ResultUnavailableError("not what the ledger says")
        contents[file["name"]] = data
    for film in (f["name"] for f in metadata.files if f["kind"] == "video"):
        with suppress(
            ResultUnavailableError
        ):  # none came along, or one that is too large: it is not missed
            contents[poster_name(film)] = archive.read(f"{place}/{poster_name(film)}", POSTER_BYTES)
    staged = results.stage(row.record)
    try:
        return staged.commit_import(metadata, contents, preferred_folder)
    finally:
        staged.discard()


def _metadata_name(archive: ArchiveReader, folder: str) -> str:
    """The metadata file of a result in the zip; older exports have `story.json`."""
    old = f"{folder}/{OLD_METADATA_FILE}"
    return old if old in archive.files else f"{folder}/{METADATA_FILE}"


def _read_metadata(archive: ArchiveReader, place: str, row: TransferRow) -> ResultMetadata:
    """The story in the zip, where it tells of this row; of its files only what the row knows."""
    try:
        metadata = ResultMetadata.from_json(
            archive.read(_metadata_name(archive, place), _MAX_METADATA_BYTES).decode("utf-8")
        )
        listed = metadata.files if metadata is not None else ()
        kinds = {file["name"]: str(file.get("kind", "image")) for file in listed}
    except (UnicodeDecodeError, RecursionError, AttributeError, KeyError, TypeError):
        metadata, kinds = None, {}
    files = sorted(row.files, key=lambda file: (len(file["name"]), file["name"]))
    record = row.record
    request = record.request
    same = metadata is not None and (metadata.job_id, metadata.task_id) == (
        record.id,
        record.task_id,
    )
    if metadata is None or not same or not files or kinds.keys() != {f["name"] for f in files}:
        raise ResultUnavailableError("its story is another's")
    return ResultMetadata(
        prompt=request.prompt,
        model=request.model,
        task_id=record.task_id,
        job_id=record.id,
        service=record.profile,
        created_at=str(metadata.created_at)[:40],
        options=request.redacted_options,
        is_sandbox=bool(metadata.is_sandbox),
        duration_s=record.duration_s,
        credits=record.credits,
        files=tuple({**file, "kind": kinds[file["name"]]} for file in files),
    )
