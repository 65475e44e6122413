"""Reads a zip file of any origin: sizes are limited, and its names and sizes are not trusted."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ..errors import ResultUnavailableError
from ..ledger import BatchRecord, TransferRow, parse_line
from .format import FORMAT, LEDGER, READABLE

__all__ = ["ZIP_ERRORS", "ArchiveReader"]

#: What zipfile raises for a broken zip.
ZIP_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)
_MAX_ENTRIES = 200_000
_MAX_LINE_BYTES = 8 * 1024 * 1024
_MAX_LEDGER_BYTES = 512 * 1024 * 1024


class ArchiveReader:
    """The entries of an open archive.

    Attributes:
        files: The entries of the zip by name.
    """

    def __init__(self, archive: ZipFile, extract_to: Path) -> None:
        """Check the directory of the zip.

        Args:
            archive: The open zip.
            extract_to: A folder on the disk that the entries must fit on.

        Raises:
            ValueError: If the zip is not an archive or is harmful to unpack.
        """
        self._archive = archive
        entries = archive.infolist()
        self.files: dict[str, ZipInfo] = {entry.filename: entry for entry in entries}
        if len(entries) > _MAX_ENTRIES or len(self.files) != len(entries):
            raise ValueError("too many files, or a file twice")
        if any(entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for entry in entries):
            raise ValueError("unsupported compression")
        if sum(entry.file_size for entry in entries) > shutil.disk_usage(extract_to).free:
            raise ValueError("the unpacked files do not fit on this disk")
        if LEDGER not in self.files:
            raise ValueError(f"{LEDGER} is missing")

    def ledger_rows(self) -> Iterator[TransferRow | BatchRecord]:
        """Yield the jobs and batches of the ledger.

        Raises:
            ValueError: If the ledger is too large, has an unknown format or an invalid line.
        """
        size = 0
        with self._archive.open(LEDGER) as lines:
            header = json.loads(lines.readline(_MAX_LINE_BYTES))
            version = header.get("format") if isinstance(header, dict) else None
            if version not in READABLE:
                raise ValueError(
                    f"its format is {str(version)[:20]}; this version reads up to {FORMAT}"
                )
            while line := lines.readline(_MAX_LINE_BYTES + 1):
                size += len(line)
                if len(line) > _MAX_LINE_BYTES or size > _MAX_LEDGER_BYTES:
                    raise ValueError("its ledger is too large")
                yield parse_line(line, int(version))

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the bytes of a file.

        Raises:
            ResultUnavailableError: If it is missing, broken or longer than `max_bytes`.
        """
        entry = self.files.get(name)
        if entry is None:
            raise ResultUnavailableError("not in the zip")
        try:
            with self._archive.open(entry) as file:
                # Counted while unpacking: the size in the zip may be forged.
                data = file.read(max_bytes + 1)
        except ZIP_ERRORS as error:
            raise ResultUnavailableError(f"broken ({error})") from None
        if len(data) > max_bytes:
            raise ResultUnavailableError("larger than it may be")
        return data
