"""Copies of the files of a result."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ..core.foreign_file import file_problem
from ..errors import InvalidRequestError

__all__ = ["copy_files"]


def copy_files(paths: Sequence[Path], target: Path, name: str, overwrite: bool) -> Path:
    """Copy files into a folder, or one file to a path.

    Args:
        paths: The files.
        target: A folder, or the path of the copy with the same suffix.
        name: What they belong to, for error messages.
        overwrite: Whether files that exist may be replaced.

    Returns:
        The target.

    Raises:
        InvalidRequestError: If the suffix is another, or a file exists or cannot be written.
        FileNotFoundError: If a file is gone.
    """
    is_folder = target.is_dir() or not target.suffix
    if not is_folder:
        _check_copy(paths, target, name)
    copies = [target / path.name for path in paths] if is_folder else [target]
    if existing := [copy for copy in copies if copy.exists() and not overwrite]:
        raise InvalidRequestError(
            f"{str(existing[0])!r} exists; nothing was written.",
            next_step="Choose another name, or pass overwrite=True.",
        )
    try:
        copies[0].parent.mkdir(parents=True, exist_ok=True)
        for path, copy in zip(paths, copies, strict=True):
            shutil.copyfile(path, copy)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InvalidRequestError(
            f"{str(target)!r} cannot be written ({file_problem(error)})."
        ) from None
    return target


def _check_copy(paths: Sequence[Path], target: Path, name: str) -> None:
    if len(paths) > 1:
        raise InvalidRequestError(
            f"{name} has {len(paths)} files, {target.name!r} names one.",
            next_step="Give a folder: result.save('folder').",
        )
    if target.suffix.lower() != paths[0].suffix.lower():
        raise InvalidRequestError(
            f"The file is a {paths[0].suffix} file, {target.name!r} is not.",
            next_step=f"Name it {target.with_suffix(paths[0].suffix).name!r}, or convert it: "
            f"result.image.save({target.name!r}).",
        )
