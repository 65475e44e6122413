"""Writes an archive: the ledger's rows, their results and the notebooks.

The rows are read first, from one snapshot. A job that is saved later is still unfinished in the
archive, and can be collected after the import.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import msgspec

from .._version import __version__
from ..config.private_files import private_opener
from ..config.secret import DOTS, forms_in_use
from ..config.values import absolute_path
from ..core.foreign_file import file_problem
from ..core.notebook_file import MAX_NOTEBOOK_BYTES
from ..errors import InvalidRequestError
from ..ledger import Ledger, TransferRow, batch_to_json, export_rows
from ..ledger.queries import get_many
from ..notebook_files.key_notice import describe
from ..notebook_files.key_registry import keys_here
from ..notebook_files.key_scan import Finding, redact_outputs
from ..notebook_files.notebook_file import NotebookFile
from ..results import ResultStore, find_poster, metadata_file
from .format import FORMAT, LEDGER, MAX_EVENTS, NOTEBOOKS, RESULTS, ExportReport

__all__ = ["write_archive"]

_COMPRESSED = (".json", ".txt", ".ipynb")  # pictures and films are compressed already
_ZIP_OPTIONS: dict[str, Any] = {"compression": ZIP_DEFLATED, "strict_timestamps": False}
_MAX_ABSENT_PARENTS = 1000  # that are looked up
_MIN_FOLDER_LENGTH = 4  # shorter names of folders are in many texts
_README = """Jobs and results of liangxin_nb.

results/      the files of each result, with its metadata.json
ledger.jsonl  one line per job: the request and its status
notebooks/    the notebooks as they were last saved

To import: %liangxin import FILE.zip, or liangxin_nb.import_archive("FILE.zip").
"""


def write_archive(
    ledger: Ledger,
    results: ResultStore,
    path: Path,
    *,
    notebooks: Iterable[Path] = (),
    job_ids: Sequence[str] | None = None,
) -> ExportReport:
    """Write the zip file, completely or not at all; a file with a key in use is left out.

    Args:
        ledger: The ledger to read.
        results: The results folder.
        path: A new file, or a folder for a file with today's date in its name.
        notebooks: The notebooks to include.
        job_ids: The jobs to export, without their batches; default all jobs and batches.

    Returns:
        What was exported, and what was left out and why.

    Raises:
        InvalidRequestError: If the file exists or cannot be written.
    """
    rows = [_to_exported(row, results.root) for row in export_rows(ledger, job_ids)]
    rows = rows if job_ids is None else _name_absent_parents(rows, ledger)
    batches = ledger.list_batches(limit=None)[::-1] if job_ids is None else []
    try:
        path = _unused_path(path)
        with _new_file(path) as file, ZipFile(file, "w", **_ZIP_OPTIONS) as archive:
            writer = _ArchiveWriter(archive, results, forms_in_use())
            writer.add_ledger([*map(batch_to_json, batches), *(row.to_json() for row in rows)])
            saved = [row for row in rows if row.job.status == "saved"]
            result_count = sum(writer.add_result(row) for row in saved)
            for notebook in notebooks:
                writer.add_notebook(notebook)
    except InvalidRequestError:
        raise
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidRequestError(
            f"{str(path)!r} cannot be written ({file_problem(error)}).",
            next_step="Choose another path: %liangxin export FILE.zip",
        ) from None
    return ExportReport(
        path, len(rows), result_count, len(writer.notebook_names), tuple(writer.left_out)
    )


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that only its owner can read; it appears when the body has ended."""
    part = path.with_name(f".{path.name[:40]}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "x+b", opener=private_opener) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _to_exported(row: TransferRow, root: Path) -> TransferRow:
    """Return a row with its last events and without the folders of this machine in its messages."""
    folders = {str(root): root.name, str(root.parent): "…", str(Path.home()): "~"}
    folders = {path: short for path, short in folders.items() if len(path) > _MIN_FOLDER_LENGTH}

    def clean(text: str) -> str:
        for path, short in folders.items():
            text = text.replace(path, short)
        return text

    events = tuple(
        msgspec.structs.replace(e, detail=clean(e.detail)) for e in row.events[-MAX_EVENTS:]
    )
    return row.replace(events=events, reason=clean(row.job.reason))


def _name_absent_parents(rows: list[TransferRow], ledger: Ledger) -> list[TransferRow]:
    """Return the rows with the task ids of parents that are not exported with them."""
    names = {name for row in rows for name in row.record.parent_ids}
    absent = sorted(names - {row.job.id for row in rows})[:_MAX_ABSENT_PARENTS]
    parents = (found.record for found in get_many(ledger, absent))
    task_ids = {parent.id: parent.task_id for parent in parents if parent.task_id}

    def named(row: TransferRow) -> TransferRow:
        return row.replace(
            parent_ids="\n".join(task_ids.get(name, name) for name in row.record.parent_ids)
        )

    return [named(row) for row in rows]


def _unused_path(path: Path) -> Path:
    path = absolute_path(path.expanduser())
    if not path.is_dir():
        if path.exists():
            raise InvalidRequestError(
                f"{str(path)!r} already exists.", next_step="Choose another name."
            )
        return path
    stem = f"liangxin-{datetime.now().astimezone():%Y-%m-%d-%H%M}"
    names = (f"{stem}{'' if n == 1 else f'-{n}'}.zip" for n in range(1, 10_000))
    return next(path / name for name in names if not (path / name).exists())


class _ArchiveWriter:
    """Adds files to an open zip; what it leaves out, and why, is in `left_out`."""

    def __init__(self, archive: ZipFile, results: ResultStore, secrets: Sequence[bytes]) -> None:
        self._archive, self._results, self._secrets = archive, results, secrets
        self.left_out: list[str] = []
        self.notebook_names: set[str] = set()
        archive.writestr("README.txt", _README)

    def add_ledger(self, lines: Sequence[str]) -> None:
        """Add the ledger's lines below a header, without secrets."""
        with self._archive.open(LEDGER, "w", force_zip64=True) as file:
            for line in (_header(), *lines):
                data = line.encode("utf-8")
                for secret in self._secrets:
                    data = data.replace(secret, DOTS.encode())
                file.write(data + b"\n")

    def add_result(self, row: TransferRow) -> bool:
        """Add all files of a result, or none; return whether they were added."""
        name = row.job.folder
        # A shared ledger is not trusted: none of its names leads out of the results folder.
        folder = self._results.resolve(name)
        names = [Path(file.name).name for file in row.files]
        files = [metadata_file(folder), *(folder / name for name in names)] if folder else []
        if not files or any(file.is_symlink() or not file.is_file() for file in files):
            self.left_out.append(f"{name or row.job.id}: its files are missing.")
            return False
        files += filter(None, map(find_poster, files[1:]))
        if not self._may_export(name, *files):
            return False
        for file in files:
            self._add(file, f"{RESULTS}/{name}/{file.name}")
        return True

    def _may_export(self, name: str, *files: Path) -> bool:
        try:
            has_secret = any(_contains_secret(file, self._secrets) for file in files)
        except OSError as error:
            self.left_out.append(f"{name}: it cannot be read ({file_problem(error)}).")
            return False
        if has_secret:
            self.left_out.append(f"{name}: it contains your key.")
        return not has_secret

    def add_notebook(self, path: Path) -> None:
        """Add a notebook without the keys in its outputs, unless a source contains one."""
        if path.is_symlink() or not path.is_file() or path.name in self.notebook_names:
            return
        if path.stat().st_size > MAX_NOTEBOOK_BYTES:
            reason = f"it is larger than {MAX_NOTEBOOK_BYTES // 10**6} MB."
            self.left_out.append(f"{path.name}: {reason}")
            return
        findings, redacted = _redact(path)
        if any(finding.place == "source" for finding in findings):
            self.left_out.append(f"{path.name}: {describe(findings)}. Remove it from the notebook.")
        elif findings:
            self._archive.writestr(f"{NOTEBOOKS}/{path.name}", redacted)
            self.notebook_names.add(path.name)
            self.left_out.append(f"{path.name}: {describe(findings)}; dots replace it.")
        elif self._may_export(path.name, path):
            self._add(path, f"{NOTEBOOKS}/{path.name}")
            self.notebook_names.add(path.name)

    def _add(self, file: Path, name: str) -> None:
        self._archive.write(file, name, ZIP_DEFLATED if file.suffix in _COMPRESSED else ZIP_STORED)


def _header() -> str:
    now = f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}"
    return json.dumps({"liangxin_nb": __version__, "format": FORMAT, "created_at": now})


def _redact(path: Path) -> tuple[list[Finding], bytes]:
    """Return where a notebook contains keys, and its content without those in outputs."""
    try:
        file = NotebookFile(path)
        findings = redact_outputs(file.content, keys_here())
    except InvalidRequestError:  # it is no notebook: it is added as any other file
        return [], b""
    return findings, file.encode() if findings else b""


def _contains_secret(file: Path, secrets: Sequence[bytes]) -> bool:
    """Return whether a file contains a secret; it is read in overlapping pieces."""
    longest = max(map(len, secrets), default=1)
    tail = b""
    with file.open("rb") as data:
        while secrets and (piece := data.read(1 << 20)):
            if any(secret in tail + piece for secret in secrets):
                return True
            tail = piece[-longest:]
    return False
