"""Read and write notebook files: a changed file keeps its format, its permissions and its links."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..config.private_files import private_opener
from ..core.foreign_file import file_problem, read_foreign_file
from ..core.notebook_file import MAX_NOTEBOOK_BYTES
from ..errors import InvalidRequestError
from .trust import keep_trust

__all__ = ["NotebookFile"]

_FIRST_INDENT = re.compile(r"\s*\{\r?\n([ \t]+)")
_BOM = "\ufeff"


class NotebookFile:
    """A notebook file.

    Attributes:
        path: The path that was given.
        content: The content, to be changed in place.
    """

    path: Path
    content: dict[str, Any]

    def __init__(self, path: Path) -> None:
        """Read a file.

        Raises:
            InvalidRequestError: If it cannot be read or is no notebook of nbformat 4.
        """
        self.path = path
        self._real_path = Path(os.path.realpath(path))
        try:
            self._state = self._file_state()
            self._text = read_foreign_file(path, MAX_NOTEBOOK_BYTES).decode("utf-8")
            self.content = json.loads(self._text.removeprefix(_BOM))
        except (OSError, ValueError, RecursionError) as error:
            reason = "it is not a notebook"
            if not isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
                reason = file_problem(error)
            raise InvalidRequestError(
                f"{str(path)!r} cannot be read ({reason}).", next_step="Give a saved .ipynb."
            ) from None
        is_notebook = isinstance(self.content, dict) and isinstance(self.content.get("cells"), list)
        if not is_notebook or self.content.get("nbformat") != 4:
            raise InvalidRequestError(
                f"{str(path)!r} is not a notebook of nbformat 4.",
                next_step="Open it in JupyterLab and save it: that converts older formats.",
            )

    def write(self) -> None:
        """Replace the file by one with the present content; Jupyter trusts it as before.

        Raises:
            InvalidRequestError: If it cannot be written, or was changed after it was read.
        """
        new = self.encode()
        part = self._real_path.with_name(f".{self._real_path.name}.{uuid.uuid4().hex}")
        try:
            with open(part, "xb", opener=private_opener) as file:
                file.write(new)
                file.flush()
                os.fsync(file.fileno())
            shutil.copymode(self._real_path, part)
            with suppress(OSError, AttributeError):  # only root can give files away
                status = self._real_path.stat()
                os.chown(part, status.st_uid, status.st_gid)
            if self._file_state() != self._state:
                raise InvalidRequestError(
                    f"{str(self.path)!r} was changed by another program; it was not written.",
                    next_step="Run it again.",
                )
            part.replace(self._real_path)
            keep_trust(self._text, new.decode())
        except OSError as error:
            raise InvalidRequestError(
                f"{str(self.path)!r} cannot be written ({file_problem(error)})."
            ) from None
        finally:
            with suppress(OSError):
                part.unlink()

    def _file_state(self) -> tuple[int, ...]:
        status = self._real_path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns

    def encode(self) -> bytes:
        """Return the content in the format of the file: indentation, escapes and line ends."""
        text = self._text.removeprefix(_BOM)
        indent = _FIRST_INDENT.match(text)
        is_compact = indent is None and '": ' not in text[:1000]
        options: dict[str, Any] = {"indent": indent and indent[1]}
        if is_compact:
            options["separators"] = (",", ":")
        is_escaped = text.isascii() and "\\u" in text
        try:
            new = json.dumps(self.content, ensure_ascii=is_escaped, **options)
            new.encode()
        except UnicodeEncodeError:  # half of a character, which only an escape can express
            new = json.dumps(self.content, **options)
        new += text[len(text.rstrip()) :].replace("\r\n", "\n")
        if "\r\n" in text:
            new = new.replace("\n", "\r\n")
        return (_BOM * self._text.startswith(_BOM) + new).encode()
