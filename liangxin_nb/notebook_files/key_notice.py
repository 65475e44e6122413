"""What Jupyter's server found in a saved notebook, for the person who runs its cells."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.key_digests import IN_USE
from ..core.formatting import printable
from .runtime_files import read_entry, runtime_folder, write_entry

if TYPE_CHECKING:
    from .key_scan import Finding

__all__ = ["NEXT_STEP", "describe", "read_notice", "write_notice"]

#: What to do with a key that a notebook contains.
NEXT_STEP = "Revoke it at the service, then remove it."
_MAX_BYTES = 4000
_MAX_PLACES = 10
#: The variable in which Jupyter's server names the notebook of a kernel.
_NOTEBOOK_VAR = "JPY_SESSION_NAME"


def describe(findings: Sequence[Finding]) -> str:
    """Return where keys are, for example `a key in use in the source of cell 2`.

    Args:
        findings: What was found in one notebook.
    """
    texts = []
    for shape in dict.fromkeys(finding.shape for finding in findings):
        places = list(dict.fromkeys(_name_place(f) for f in findings if f.shape == shape))
        hidden = len(places) - _MAX_PLACES
        places[_MAX_PLACES:] = [f"{hidden} more places"] if hidden > 0 else []
        *others, last = places
        what = IN_USE if shape == IN_USE else f"what looks like an API key ({shape})"
        texts.append(f"{what} in {' and '.join([*filter(None, [', '.join(others)]), last])}")
    return "; ".join(texts)


def _name_place(finding: Finding) -> str:
    if not finding.cell:
        return "the metadata of the notebook"
    return f"the {finding.place} of cell {finding.cell}"


def write_notice(notebook: Path, findings: Sequence[Finding]) -> None:
    """Write what was found in a notebook for its kernel; remove what was written before.

    Args:
        notebook: The path of the notebook file.
        findings: What was found; in outputs and metadata dots have replaced it.
    """
    path = _notice_file(notebook)
    sources = [finding for finding in findings if finding.place == "source"]
    replaced = [finding for finding in findings if finding.place != "source"]
    texts = []
    if sources:
        texts.append(f"This notebook was saved with {describe(sources)}, from the top. {NEXT_STEP}")
    if replaced:
        texts.append(f"Dots were saved instead of {describe(replaced)}.")
    with suppress(OSError):
        if texts:
            write_entry(path, json.dumps(texts))
        else:
            path.unlink(missing_ok=True)


def read_notice() -> list[str]:
    """Return what was found when the notebook of this kernel was saved, once; one line each."""
    notebook = os.environ.get(_NOTEBOOK_VAR, "")
    if not notebook or not (path := _notice_file(Path(notebook))).exists():
        return []
    lines: object = None
    with suppress(OSError, ValueError, RecursionError):
        data = read_entry(path, _MAX_BYTES)
        path.unlink()
        lines = json.loads(data)
    return [printable(str(line)) for line in lines[:2]] if isinstance(lines, list) else []


def _notice_file(notebook: Path) -> Path:
    name = hashlib.sha256(os.path.realpath(notebook).encode("utf-8", "surrogateescape"))
    return runtime_folder("notices") / f"{name.hexdigest()[:24]}.json"
