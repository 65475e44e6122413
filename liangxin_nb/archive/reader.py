"""Reading a zip that anybody may have made: bounded, and without believing its names and sizes."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from ..errors import ResultUnavailableError
from ..ledger import BatchRecord, TransferRow, batch_from_json
from .format import FORMAT, LEDGER, READABLE

__all__ = ["ZIP_ERRORS", "ArchiveReader"]

#: What zipfile raises for whatever is wrong with a zip.
ZIP_ERRORS = (BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)
_MAX_ENTRIES = 200_000
_MAX_LINE_BYTES = 8 * 1024 * 1024
_MAX_LEDGER_BYTES = 512 * 1024 * 1024


class ArchiveReader:
    """The parts of an open zip; raises `ValueError` where it is made to do harm."""

    def __init__(self, archive: ZipFile, extract_to: Path) -> None:
        self._archive = archive
        entries = archive.infolist()
        self.files: dict[str, ZipInfo] = {entry.filename: entry for entry in entries}
        if len(entries) > _MAX_ENTRIES or len(self.files) != len(entries):
            raise ValueError("it holds too many files, or one twice")
        if any(entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for entry in entries):
            raise ValueError("it is packed in a way that no export is")
        if sum(entry.file_size for entry in entries) > shutil.disk_usage(extract_to).free:
            raise ValueError("unpacked it does not fit on this disk")
        if LEDGER not in self.files:
            raise ValueError(f"there is no {LEDGER} in it")

    def ledger_rows(self) -> Iterator[TransferRow | BatchRecord]:
        """The ledger, line by line; raises `ValueError` for a line that no ledger has written."""
        read = 0
        with self._archive.open(LEDGER) as lines:
            header = json.loads(lines.readline(_MAX_LINE_BYTES))
            version = header.get("format") if isinstance(header, dict) else None
            if version not in READABLE:
                raise ValueError(f"its format is {str(version)[:20]}, known here is {FORMAT}")
            while line := lines.readline(_MAX_LINE_BYTES + 1):
                read += len(line)
                if len(line) > _MAX_LINE_BYTES or read > _MAX_LEDGER_BYTES:
                    raise ValueError("its ledger is too large")
                yield batch_from_json(line) or TransferRow.from_json(line)

    def read(self, name: str, max_bytes: int) -> bytes:
        """A file's bytes.

        Raises `ResultUnavailableError` when it is missing, broken or longer than `max_bytes`.
        """
        entry = self.files.get(name)
        if entry is None:
            raise ResultUnavailableError("not in the zip")
        try:
            with self._archive.open(entry) as file:
                # Counted while it is unpacked: the size that the zip tells may be a lie.
                data = file.read(max_bytes + 1)
        except ZIP_ERRORS as error:
            raise ResultUnavailableError(f"broken ({error})") from None
        if len(data) > max_bytes:
            raise ResultUnavailableError("larger than it may be")
        return data
