"""Reads a zip file of any origin: everything in it is bounded, and nothing in it is trusted."""

from __future__ import annotations

import os
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec

from ..core.foreign_file import file_problem, open_foreign_file
from ..core.structs import prepare_structs
from ..errors import ResultUnavailableError
from ..ledger import BatchRecord, TransferRow, parse_line
from .format import FORMAT, LEDGER, READABLE

__all__ = ["ArchiveReader", "open_archive"]

#: What zipfile raises for a broken or encrypted zip.
_ZIP_ERRORS = (
    BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, NotImplementedError,
    ValueError,
)  # fmt: skip
#: The directory of a zip with 25,000 results; Python needs up to 15 times as much memory for it.
_MAX_DIRECTORY_BYTES = 6 << 20
_MAX_OWN_DIRECTORY_BYTES = 96 << 20  # of an archive that the user trusts
_MAX_LINE_BYTES = 4 << 20
_MAX_OLD_LINE_BYTES = 1 << 20  # of format 1: it is upgraded as Python objects
#: Unpacked bytes of an archive per packed byte, beyond the first megabytes.
_MAX_RATIO, _FREE_BYTES = 100, 32 << 20
#: The shortest header of an entry in front of its name and its data.
_HEADER_BYTES = 30
_PIECE_BYTES = 1 << 20
_MAX_CHARACTERS = {
    "model": 200, "prompt": 100_000, "options": 200_000, "reason": 10_000, "service": 2000,
    "folder": 300,
}  # fmt: skip
_DAY_S = 86_400.0


class _Header(msgspec.Struct):
    format: int | str | None = None


Scalar = str | int | float | bool | None
_OPTIONS: Any = msgspec.json.Decoder(dict[str, Scalar | list[Scalar]])
prepare_structs(_Header)


@contextmanager
def open_archive(path: Path, extract_to: Path, *, trust: bool) -> Iterator[ArchiveReader]:
    """Open an archive, check the directory of the zip, and close it after the body.

    Args:
        path: The zip file.
        extract_to: A folder on the disk that the entries must fit on.
        trust: Whether it is the user's own: then it may have more files and events.

    Raises:
        ValueError: If the zip is not an archive or is harmful to unpack.
    """
    max_bytes = _MAX_OWN_DIRECTORY_BYTES if trust else _MAX_DIRECTORY_BYTES
    with open_foreign_file(path) as file:
        try:
            # The number of entries must be known before Python creates an object for each of them.
            end: Any = zipfile._EndRecData(file)  # type: ignore[attr-defined]
            if end and end[zipfile._ECD_SIZE] > max_bytes:  # type: ignore[attr-defined]
                advice = "" if trust else "; if it is your own, import it with --trust"
                raise ValueError(f"it has too many files{advice}")
            archive = ArchiveReader(ZipFile(file), file.seek(0, os.SEEK_END), extract_to)
        except _ZIP_ERRORS as error:
            raise ValueError(file_problem(error)) from None
        yield archive


class ArchiveReader:
    """The entries of an open archive.

    Attributes:
        files: The entries of the zip by name.
    """

    def __init__(self, archive: ZipFile, size: int, extract_to: Path) -> None:
        """Check the directory of the zip.

        Args:
            archive: The open zip.
            size: The size of its file in bytes.
            extract_to: A folder on the disk that the entries must fit on.

        Raises:
            ValueError: If the zip is not an archive or is harmful to unpack.
        """
        self._archive = archive
        entries = archive.infolist()
        self.files: dict[str, ZipInfo] = {entry.filename: entry for entry in entries}
        if len(self.files) != len(entries):
            raise ValueError("it has a file twice")
        if any(entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for entry in entries):
            raise ValueError("its compression is not supported")
        _check_sizes(entries, size)
        if sum(entry.file_size for entry in entries) > shutil.disk_usage(extract_to).free:
            raise ValueError("the unpacked files do not fit on this disk")
        if LEDGER not in self.files:
            raise ValueError(f"{LEDGER} is missing")

    def ledger_rows(self, max_bytes: int, max_events: float) -> Iterator[TransferRow | BatchRecord]:
        """Yield the jobs and batches of the ledger, one by one.

        Args:
            max_bytes: The size that the ledger may have.
            max_events: The number of events that a job may have.

        Raises:
            ValueError: If the ledger is too large, has an unknown format or an invalid line.
        """
        try:
            with self._archive.open(LEDGER) as lines:
                yield from _parse_lines(_buffered(lines), max_bytes, max_events)
        except _ZIP_ERRORS as error:
            raise ValueError(file_problem(error)) from None

    def read(self, name: str, max_bytes: int) -> bytearray:
        """Return the bytes of a small file.

        Raises:
            ResultUnavailableError: If it is missing, broken or longer than `max_bytes`.
        """
        data = bytearray()  # one copy: a notebook may be large
        for piece in self._unpack(name, max_bytes):
            data += piece
        return data

    def extract(self, name: str, path: Path, max_bytes: int) -> None:
        """Write a file to a path, in small pieces.

        Raises:
            ResultUnavailableError: If it is missing, broken or longer than `max_bytes`.
        """
        with path.open("wb") as target:
            target.writelines(self._unpack(name, max_bytes))

    def _unpack(self, name: str, max_bytes: int) -> Iterator[bytes]:
        entry = self.files.get(name)
        if entry is None:
            raise ResultUnavailableError("not in the zip")
        try:
            with self._archive.open(entry) as file:
                # Counted while unpacking: the size in the zip may be forged.
                while piece := file.read(min(_PIECE_BYTES, max_bytes + 1)):
                    max_bytes -= len(piece)
                    if max_bytes < 0:
                        raise ResultUnavailableError("larger than it may be")
                    yield piece
        except _ZIP_ERRORS as error:
            raise ResultUnavailableError(f"broken ({file_problem(error)})") from None


def _buffered(file: Any) -> BufferedReader:
    """Return a file of a zip with a larger buffer: its own makes lines slow to read."""
    return BufferedReader(file, _PIECE_BYTES)


def _check_sizes(entries: list[ZipInfo], size: int) -> None:
    """Raise `ValueError` for entries that share their data, or are too large when unpacked."""
    previous_end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < previous_end:
            raise ValueError("its files overlap")
        previous_end = entry.header_offset + _HEADER_BYTES + entry.compress_size
    if previous_end > size:
        raise ValueError("it is cut off")
    if sum(entry.file_size for entry in entries) > _FREE_BYTES + _MAX_RATIO * size:
        raise ValueError("it is compressed more than any real archive")


def _parse_lines(
    lines: BufferedReader, max_bytes: int, max_events: float
) -> Iterator[TransferRow | BatchRecord]:
    version = _parse_header(lines.readline(_MAX_OLD_LINE_BYTES))
    max_line_bytes = _MAX_OLD_LINE_BYTES if version == 1 else _MAX_LINE_BYTES
    size = count = 0
    while line := lines.readline(max_line_bytes + 1):
        size, count = size + len(line), count + 1
        if len(line) > max_line_bytes or size > max_bytes:
            raise ValueError("its ledger is too large")
        try:
            row = parse_line(line, version)
            if isinstance(row, TransferRow):
                _check_row(row, max_events)
        except ValueError as error:
            raise ValueError(f"{LEDGER}, line {count + 1}: {error}") from None
        yield row


def _parse_header(line: bytes) -> int:
    try:
        version = msgspec.json.decode(line, type=_Header).format
    except RecursionError:
        raise ValueError("a line is nested too deeply") from None
    if version not in READABLE:
        raise ValueError(f"its format is {str(version)[:20]}; this version reads up to {FORMAT}")
    return int(version)


def _check_row(row: TransferRow, max_events: float) -> None:
    """Raise `ValueError` for values that a ledger could hold, but no job has."""
    for name, max_characters in _MAX_CHARACTERS.items():
        if len(getattr(row.job, name)) > max_characters:
            raise ValueError(f"job {row.job.id} has too long a value: {name}")
    if len(row.events) > max_events:
        raise ValueError(f"job {row.job.id} has more than {max_events} events")
    try:
        _OPTIONS.decode(row.job.options)
    except (ValueError, RecursionError):
        raise ValueError(f"job {row.job.id} has no readable request") from None
    if row.job.created_at > time.time() + _DAY_S:
        raise ValueError(f"job {row.job.id} is from the future")
