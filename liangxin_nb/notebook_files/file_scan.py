"""Find API keys in notebook files and their checkpoints."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..config.key_digests import KeyMatcher
from ..core.foreign_file import read_foreign_file
from ..core.notebook_file import MAX_NOTEBOOK_BYTES
from ..errors import InvalidRequestError
from .key_notice import describe
from .key_scan import Finding, redact_outputs, scan
from .notebook_file import NotebookFile

__all__ = ["KeyReport", "check_checkpoint", "scan_folder"]

_CHECKPOINTS = ".ipynb_checkpoints"
_MAX_FILES, _MAX_BYTES = 200, 64_000_000  # of a folder


class KeyReport(NamedTuple):
    """Where a notebook file contains keys.

    Attributes:
        path: The file.
        findings: Where keys were found.
        is_redacted: Whether dots have replaced the keys in outputs and metadata.
    """

    path: Path
    findings: Sequence[Finding]
    is_redacted: bool = False

    @property
    def remaining(self) -> list[Finding]:
        """Where the file still contains keys."""
        return [f for f in self.findings if f.place == "source" or not self.is_redacted]

    def lines(self) -> Iterator[str]:
        """Yield what was found, and what to do."""
        sources = [finding for finding in self.findings if finding.place == "source"]
        others = [finding for finding in self.findings if finding.place != "source"]
        revoke = "revoke the key at the service"
        if sources:
            yield f"{self.path}: {describe(sources)}: {revoke}, then remove it there"
        if others and self.is_redacted:
            yield f"{self.path}: dots replaced {describe(others)}: {revoke} if others had the file"
        elif others:
            command = f"liangxin heal {shlex.quote(str(self.path))}"
            yield f"{self.path}: {describe(others)}: {revoke}; {command} replaces it by dots"


def check_checkpoint(path: Path, matcher: KeyMatcher, *, write: bool) -> KeyReport | None:
    """Find the keys in the checkpoint of a notebook file.

    Args:
        path: The notebook file.
        matcher: Recognises the keys in use.
        write: Whether to replace the keys in outputs and metadata.

    Returns:
        What was found, or None if there is no checkpoint or it cannot be read.
    """
    copy = path.parent / _CHECKPOINTS / f"{path.stem}-checkpoint{path.suffix}"
    with suppress(InvalidRequestError):
        if copy.is_file():
            file = NotebookFile(copy)
            findings = redact_outputs(file.content, matcher)
            is_changed = write and any(finding.place != "source" for finding in findings)
            if is_changed:
                file.write()
            return KeyReport(copy, findings, is_changed)
    return None


def scan_folder(folder: Path, matcher: KeyMatcher) -> Iterator[KeyReport]:
    """Find keys in the notebooks of a folder and their checkpoints, without subfolders.

    Args:
        folder: The folder; of very many or large notebooks the last changed ones are read.
        matcher: Recognises the keys in use.

    Yields:
        The files with keys, the last changed one first.
    """
    files, total = [], 0
    with suppress(OSError):
        for path in (*folder.glob("*.ipynb"), *(folder / _CHECKPOINTS).glob("*.ipynb")):
            with suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
    for _, size, path in sorted(files, reverse=True)[:_MAX_FILES]:
        total += size
        if total > _MAX_BYTES:
            return
        with suppress(OSError, ValueError, RecursionError):  # it is no notebook
            content = json.loads(read_foreign_file(path, MAX_NOTEBOOK_BYTES))
            if isinstance(content, dict) and (findings := scan(content, matcher)):
                yield KeyReport(path, findings)
