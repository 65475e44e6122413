"""Create folders and files that other users of this machine cannot read, and find others."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path

__all__ = [
    "check_writable",
    "create_folder",
    "create_subfolder",
    "default_folder",
    "describe_exposure",
    "is_own_file",
    "is_own_folder",
    "is_private_file",
    "match_files",
    "match_folder",
    "private_opener",
    "replace_file",
]

_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has no such flag


def create_folder(path: Path, *, group_access: bool = False) -> None:
    """Create a folder with mode 0700; an existing one is not changed.

    Args:
        path: The folder. Missing parents get the default mode.
        group_access: Create it with mode 0750.

    Raises:
        OSError: If the folder cannot be created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o750 if group_access else 0o700, exist_ok=True)


def check_writable(folder: Path) -> None:
    """Create a file in a folder, and delete it.

    Not with `tempfile`: on Windows it tries again without end in a folder that cannot be written.

    Raises:
        OSError: If no file can be created.
    """
    probe = folder / f".writable-{uuid.uuid4().hex}"
    os.close(private_opener(str(probe), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    probe.unlink(missing_ok=True)


def match_folder(path: Path) -> None:
    """Take the permissions from a new file or folder that the folder around it does not grant.

    The group of a shared folder (set-group-ID) stays. File systems without permissions are
    ignored.

    Args:
        path: The file or folder. It stays accessible to its owner.
    """
    with suppress(OSError):
        mode = path.stat().st_mode
        path.chmod(stat.S_IMODE(mode) & (path.parent.stat().st_mode | 0o7700))


def match_files(folder: Path) -> None:
    """Take the permissions from the files in a new folder that the folder does not grant."""
    for path in folder.iterdir():
        match_folder(path)


def create_subfolder(path: Path) -> None:
    """Create a folder with the permissions of the folder around it; an existing one stays."""
    with suppress(FileExistsError):
        path.mkdir()
        match_folder(path)


def private_opener(path: str, flags: int) -> int:
    """Open a file as an `opener` of `open`: with mode 0600 if it is new, and no symbolic link."""
    return os.open(path, flags | _NO_FOLLOW, 0o600)


def replace_file(path: Path, text: str) -> None:
    """Write a private file; readers see the former or the new content.

    Args:
        path: The file. A symbolic link of this name is replaced, not followed.
        text: The content.

    Raises:
        OSError: If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with open(part, "x", encoding="utf-8", opener=private_opener) as file:
            file.write(text)
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def is_private_file(descriptor: int) -> bool:
    """Return whether an open file is a regular file that only this user can read and write."""
    is_closed = os.name != "posix" or not os.fstat(descriptor).st_mode & 0o077
    return is_own_file(descriptor) and is_closed


def is_own_file(descriptor: int) -> bool:
    """Return whether an open file is a regular file of this user."""
    status = os.fstat(descriptor)
    return stat.S_ISREG(status.st_mode) and _is_own(status)


def is_own_folder(path: Path) -> bool:
    """Return whether a path is a folder of this user, which others cannot write, and no link."""
    try:
        status = path.lstat()
    except OSError:
        return False
    is_closed = os.name != "posix" or not status.st_mode & 0o022
    return stat.S_ISDIR(status.st_mode) and _is_own(status) and is_closed


def default_folder() -> Path:
    """Return a folder of this user for files that last until the machine is restarted.

    On Linux it is in XDG_RUNTIME_DIR, else in the temporary folder. The home folder may be on a
    network disk, where locks are unreliable; it is used if another user has taken the name.
    """
    from platformdirs import user_cache_path, user_runtime_path

    if sys.platform != "linux":
        return user_runtime_path("liangxin_nb", appauthor=False)
    # platformdirs would warn in the user's cell if the variable is missing or unsuitable.
    if (runtime := os.environ.get("XDG_RUNTIME_DIR")) and is_own_folder(Path(runtime)):
        return Path(runtime) / "liangxin_nb"
    folder = Path(tempfile.gettempdir()) / f"liangxin_nb-{os.getuid()}"
    if os.path.lexists(folder) and not is_own_folder(folder):
        return user_cache_path("liangxin_nb", appauthor=False) / "runtime"
    return folder


def describe_exposure(path: Path) -> str:
    """Return why other users can change the files in a folder; empty if they cannot."""
    try:
        status = path.stat()
    except OSError:
        return ""
    if not _is_own(status):
        return f"{path} belongs to another user, who can read and change what is in it"
    if os.name == "posix" and status.st_mode & 0o002 and not status.st_mode & stat.S_ISVTX:
        return f"every user of this machine can replace the files in {path}: chmod o-w"
    return ""


def _is_own(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
