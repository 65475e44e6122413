"""The results folder: plain files with readable names, each result complete or absent.

`liangxin-results/2026-11-21/1745-a-cafe-terrace-3f9c/{1.png, metadata.json}`: the files of a task
are collected in a hidden folder, which is renamed when they are complete.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.private_files import check_writable, create_folder, create_subfolder, match_folder
from ..core.foreign_file import (
    file_problem,
    open_foreign_file,
    read_foreign_file,
    read_foreign_text,
)
from ..core.job_record import JobRecord
from ..core.metadata import ResultMetadata
from ..core.public import public
from ..errors import InvalidRequestError, ResultUnavailableError
from ..imaging import extract
from .result import Result, build_result
from .staging import ORIGIN_FILE, StagedResult, candidate_folders, metadata_file
from .trash import Trash

__all__ = [
    "ResultStore",
    "find_folder",
    "load_result",
    "read_metadata",
    "read_metadata_file",
    "read_origin",
]

_MAX_METADATA_BYTES = 16 << 20
_MAX_PICTURE_BYTES = 80_000_000  # larger ones are saved without metadata in them


class ResultStore:
    """The folder of all results.

    Attributes:
        root: The absolute path of the folder.
        trash: The deleted results.
    """

    def __init__(self, root: Path, *, group_access: bool = False) -> None:
        """Create the folder if needed, with mode 0700.

        Args:
            root: The folder.
            group_access: Create it with mode 0750.

        Raises:
            InvalidRequestError: If it cannot be written.
        """
        self.root, self.trash = root, Trash(root)
        try:
            create_folder(root, group_access=group_access)
            check_writable(root)
        except OSError as error:
            raise InvalidRequestError(
                f"The results folder {str(root)!r} cannot be written "
                f"({file_problem(error)}); nothing was sent.",
                next_step="Set LIANGXIN_RESULTS to a folder you can write to.",
            ) from None

    def stage(self, record: JobRecord) -> StagedResult:
        """Create a hidden folder for a job's files; an unfinished earlier one is removed."""
        folder = self.root / f".incoming-{record.id}"
        shutil.rmtree(folder, ignore_errors=True)
        create_subfolder(folder)
        return StagedResult(self.root, folder, record)

    def find_saved(self, record: JobRecord) -> Result | None:
        """Return a complete result that the ledger does not know, or None.

        A process may end between the rename of the folder and the update of the ledger.
        """
        for folder in candidate_folders(self.root, record):
            if not folder.exists():
                return None
            with suppress(ValueError):
                metadata = read_metadata_file(folder)
                if metadata.job_id == record.id:
                    return build_result(self.root, folder, metadata)
        return None

    def save_answer(self, record: JobRecord, raw: str) -> Path:
        """Save the service's answer for a success without readable outputs as `result.json`.

        Args:
            record: The record of the job.
            raw: The body of the answer.

        Returns:
            The path of the file, in the folder that the result would have.
        """
        for folder in candidate_folders(self.root, record):
            if folder.exists() and metadata_file(folder).exists():
                continue
            create_folder(self.root)
            create_subfolder(folder.parent)
            create_subfolder(folder)
            path = folder / "result.json"
            hidden = folder / ".result.json.part"
            hidden.write_text(raw, encoding="utf-8", errors="replace")
            match_folder(hidden)
            hidden.replace(path)
            return path
        raise AssertionError("there is no end of folder names")

    def load(self, folder: str) -> Result:
        """Return the result in a folder.

        Args:
            folder: The folder relative to the results folder, as the ledger stores it.

        Raises:
            ResultUnavailableError: If there is no result, or its metadata cannot be read.
        """
        return load_result(self.root, folder)

    def resolve(self, folder: str) -> Path | None:
        """Return the path of a result folder, or None if it is not on this disk.

        A shared ledger is not trusted: only `DAY/NAME` is accepted, and no symbolic link.

        Args:
            folder: The folder relative to the results folder, as the ledger stores it.
        """
        return find_folder(self.root, folder)

    def is_intact(self, folder: str) -> bool:
        """Return whether all files of a result are on this disk as they were saved."""
        return is_intact(self.root, folder)


@public
def read_metadata(path: str | Path) -> ResultMetadata | None:
    """Read the metadata that is embedded in a picture.

        lx.read_metadata("1.png").prompt

    Args:
        path: A PNG, JPEG or WebP file.

    Returns:
        The metadata, or None if this toolkit did not save the picture.

    Raises:
        InvalidRequestError: If the file cannot be read or is not a picture.
    """
    try:
        text = extract(read_foreign_file(path, _MAX_PICTURE_BYTES))
    except Exception as error:  # Pillow's decoders raise many kinds of errors for broken data
        reason = file_problem(error) if isinstance(error, ValueError) else "it is broken"
        raise InvalidRequestError(
            f"{str(path)!r} cannot be read as a picture ({reason}).",
            next_step="Give a PNG, JPEG or WebP file.",
        ) from None
    return ResultMetadata.from_json(text) if text else None


def read_origin(folder: Path) -> str:
    """Return the `JobRecord.origin` of the result in a folder."""
    try:
        is_trusted = (folder / ORIGIN_FILE).read_bytes() == b"trusted"
    except FileNotFoundError:
        return ""
    except OSError:
        is_trusted = False
    return "trusted" if is_trusted else "imported"


def is_intact(root: Path, folder: str) -> bool:
    """Return whether all files of a result are on this disk as they were saved.

    Args:
        root: The results folder.
        folder: The folder relative to the results folder, as the ledger stores it.
    """
    if (path := find_folder(root, folder)) is None:
        return False
    try:
        files = read_metadata_file(path).files
        return bool(files) and all(_is_unchanged(path, file) for file in files)
    except (OSError, ValueError):
        return False


def _is_unchanged(folder: Path, file: Mapping[str, Any]) -> bool:
    with open_foreign_file(folder / Path(str(file["name"])).name) as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return digest == str(file.get("sha256", digest))


def read_metadata_file(folder: Path) -> ResultMetadata:
    """Return the metadata beside the files of a result.

    Raises:
        ValueError: If it cannot be read; the message says why.
    """
    text = read_foreign_text(metadata_file(folder), _MAX_METADATA_BYTES)
    metadata = ResultMetadata.from_json(text)
    if metadata is None:
        raise ValueError("it is not the metadata of a result")
    return metadata


def load_result(root: Path, folder: str) -> Result:
    """Return the result in a folder; nothing is created.

    Args:
        root: The results folder.
        folder: The folder relative to it, as the ledger stores it.

    Raises:
        ResultUnavailableError: If there is no result, or its metadata cannot be read.
    """
    file = metadata_file(root / folder)
    try:
        return build_result(root, file.parent, read_metadata_file(file.parent))
    except ValueError as error:
        if not file.exists():
            raise ResultUnavailableError(
                f"The folder {folder!r} is no longer in {str(root)!r}."
            ) from None
        raise ResultUnavailableError(
            f"{str(file)!r} cannot be read ({error}); its pictures are beside it.",
            next_step=f"Remove {file.name}, then %liangxin resume ID asks the service again.",
        ) from None


def find_folder(root: Path, folder: str) -> Path | None:
    """Return the path of a result folder, or None if it is not on this disk.

    A shared ledger is not trusted: only `DAY/NAME` is accepted, and no symbolic link.

    Args:
        root: The results folder.
        folder: The folder relative to it, as the ledger stores it.
    """
    parts = Path(folder).parts
    path = root / folder
    is_valid = len(parts) == 2 and not any(part.startswith(".") for part in parts)
    is_real = is_valid and not path.is_symlink() and not path.parent.is_symlink()
    return path if is_real and path.is_dir() else None
