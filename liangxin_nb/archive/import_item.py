"""Imports one result or one notebook from an archive.

No name in a zip becomes a path: only files that a validated ledger row names are read, their
folder is named here, and they are saved only if their bytes match the row.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.metadata import ResultMetadata
from ..core.notebook_file import MAX_NOTEBOOK_BYTES, is_notebook
from ..errors import ResultUnavailableError
from ..imaging import POSTER_BYTES
from ..ledger import FileRow, TransferRow
from ..results import METADATA_FILE, OLD_METADATA_FILE, Result, ResultStore, poster_name
from .format import RESULTS
from .reader import ArchiveReader

__all__ = ["import_notebook", "import_result"]

_MAX_METADATA_BYTES = 1 << 20
_MAX_TEXT = 1000  # characters of a note or a reason
_MAX_FILE_BYTES = 512 * 1024 * 1024  # the limit of a download
_FOLDER = re.compile(r"\d{4}-\d{2}-\d{2}/[\w-][\w.-]{0,119}")
_NOTEBOOK = re.compile(r"[^\W_][^/\\:*?\"<>|]{0,120}\.ipynb")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\.", re.IGNORECASE)  # on Windows, no files
_MAX_NAME_BYTES = 200


def import_result(
    archive: ArchiveReader, row: TransferRow, results: ResultStore, preferred_folder: str
) -> tuple[TransferRow, bool]:
    """Import the files of a result, unless they exist.

    Args:
        archive: The archive.
        row: The row of the job.
        results: The store to add the result to.
        preferred_folder: The folder that the result should get, below the results folder.

    Returns:
        The row with its folder here, and whether the files were imported now.

    Raises:
        ResultUnavailableError: If a file is missing or is not what the row says.
    """
    if not _FOLDER.fullmatch(preferred_folder) or ".." in preferred_folder:
        preferred_folder = ""
    existing = results.find_saved(row.record) or _load_existing(results, preferred_folder, row)
    result = existing or _commit_result(archive, row, results, preferred_folder)
    folder = result.folder.relative_to(results.root).as_posix()
    return row.replace(folder=folder), existing is None


def import_notebook(archive: ArchiveReader, name: str, folder: Path) -> Path | None:
    """Import a notebook; if another has its name, with a suffix such as `-2`.

    Args:
        archive: The archive.
        name: The name of the entry.
        folder: The folder to add it to.

    Returns:
        The new file, or None if the same notebook exists.

    Raises:
        ResultUnavailableError: If it is not a notebook.
    """
    file_name = name.rpartition("/")[2]
    is_usable = file_name.isprintable() and len(file_name.encode()) <= _MAX_NAME_BYTES
    if not is_usable or not _NOTEBOOK.fullmatch(file_name) or _DEVICES.match(file_name):
        raise ResultUnavailableError("not a usable name")
    data = archive.read(name, MAX_NOTEBOOK_BYTES)
    if not is_notebook(data):
        raise ResultUnavailableError("not a notebook")
    path, number = folder / file_name, 2
    while os.path.lexists(path):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return None
        path, number = folder / f"{Path(file_name).stem}-{number}.ipynb", number + 1
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _load_existing(results: ResultStore, folder: str, row: TransferRow) -> Result | None:
    """Return the result that an earlier import saved under the preferred name."""
    try:
        result = results.load(folder) if folder else None
    except ResultUnavailableError:
        return None
    return result if result is not None and result.metadata.job_id == row.job.id else None


def _commit_result(
    archive: ArchiveReader, row: TransferRow, results: ResultStore, preferred_folder: str
) -> Result:
    source = f"{RESULTS}/{row.job.folder}"
    metadata = _read_metadata(archive, source, row)
    posters = {}
    for video in (file["name"] for file in metadata.files if file["kind"] == "video"):
        poster = poster_name(video)
        with suppress(ResultUnavailableError):  # posters are optional
            posters[poster] = bytes(archive.read(f"{source}/{poster}", POSTER_BYTES))
    sizes = {file.name: min(file.bytes, _MAX_FILE_BYTES) for file in row.files}

    def extract(name: str, path: Path) -> None:
        archive.extract(f"{source}/{name}", path, sizes[name])

    staged = results.stage(row.record)
    try:
        return staged.commit_import(metadata, extract, posters, preferred_folder)
    finally:
        staged.discard()


def _read_metadata(archive: ArchiveReader, source: str, row: TransferRow) -> ResultMetadata:
    """Return the metadata of a row's result; of its files only what the row says."""
    old_name = f"{source}/{OLD_METADATA_FILE}"
    name = old_name if old_name in archive.files else f"{source}/{METADATA_FILE}"
    text = archive.read(name, _MAX_METADATA_BYTES).decode("utf-8", "replace")
    metadata = ResultMetadata.from_json(text)
    record, request = row.record, row.record.request
    if metadata is None or (metadata.job_id, metadata.task_id) != (record.id, record.task_id):
        raise ResultUnavailableError("its metadata belongs to another result")
    described = {file["name"]: file for file in metadata.files}
    if not row.files or described.keys() != {file.name for file in row.files}:
        raise ResultUnavailableError("its metadata names other files")
    files = sorted(row.files, key=lambda file: (len(file.name), file.name))
    return ResultMetadata(
        prompt=request.prompt,
        model=request.model,
        task_id=record.task_id,
        job_id=record.id,
        service=record.profile,
        created_at=metadata.created_at[:40],
        options=request.redacted_options,
        is_sandbox=metadata.is_sandbox,
        duration_s=record.duration_s,
        credits=record.credits,
        files=tuple(_file_metadata(file, described[file.name]) for file in files),
        missing=tuple(
            {
                "number": output["number"],
                "kind": str(output.get("kind", "image"))[:40],
                "reason": str(output.get("reason", ""))[:_MAX_TEXT],
            }
            for output in metadata.missing
        ),
        parent_ids=record.parent_ids,
        change=record.change,
        seed_drawn=record.seed_drawn,
    )


def _file_metadata(file: FileRow, described: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file as the row describes it, with what only the metadata says."""
    values = file.to_metadata(str(described.get("kind", "image")))
    if described.get("seconds") is not None:
        values["seconds"] = described["seconds"]
    if described.get("note"):
        values["note"] = described["note"][:_MAX_TEXT]
    return values
