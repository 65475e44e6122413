"""Write durable outputs into notebook files, by hand or in continuous integration."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.schema import read_environment
from ..errors import InvalidRequestError, LedgerError
from ..results import OutputStyle
from .file_scan import KeyReport, check_checkpoint
from .healing import find_outputs, replace_outputs, unfinished_ids
from .job_lookup import look_up
from .key_registry import keys_here
from .key_scan import redact_outputs
from .notebook_file import NotebookFile
from .registry import Registration, registered
from .widget_state import drop_unused_state

__all__ = ["HealReport", "find_notebooks", "heal_file", "known_sources", "source_at"]

_DEFAULT_RESULTS = "liangxin-results"


@dataclass(frozen=True)
class HealReport:
    """What was done with a notebook file.

    Attributes:
        path: The file.
        changes: The number of outputs that were changed, or would be.
        unfinished: The ids of the outputs of work that has not ended or is not known here.
        problems: The errors of ledgers that could not be read.
        is_written: Whether the file was changed.
        keys: Where the file and its checkpoint contain API keys.
    """

    path: Path
    changes: int
    unfinished: Sequence[str]
    problems: Sequence[LedgerError]
    is_written: bool
    keys: Sequence[KeyReport] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every output of the file is durable, and no key is left in it."""
        has_keys = any(report.remaining for report in self.keys)
        return not (self.unfinished or has_keys or (self.changes and not self.is_written))

    def lines(self) -> Iterator[str]:
        """Yield what a user reads; nothing if there was nothing to do."""
        if self.changes:
            count = "1 output" if self.changes == 1 else f"{self.changes} outputs"
            yield f"{self.path}: {count} {'completed' if self.is_written else 'to complete'}"
        for unfinished_id in self.unfinished:
            yield f"{self.path}: {unfinished_id} has not ended, or is in no ledger that was read"
        yield from map(str, self.problems if self.unfinished else ())
        for report in self.keys:
            yield from report.lines()


def heal_file(
    path: Path,
    sources: Sequence[Registration],
    *,
    style: OutputStyle | None = None,
    write: bool = True,
) -> HealReport:
    """Replace the outputs of jobs in a file by their durable form, and keys in outputs by dots.

    Other content stays. Keys in outputs and metadata of its checkpoint are replaced, too.

    Args:
        path: The notebook file.
        sources: Ledgers, in the order in which they are read.
        style: Convert all pictures to this form; default: durable outputs stay as they are.
        write: Whether to change the files.

    Raises:
        InvalidRequestError: If the file cannot be read or written, or is no notebook.
    """
    file = NotebookFile(path)
    problems: list[LedgerError] = []
    outputs = find_outputs(file.content, settled=style is not None)
    found = dict(
        look_up(outputs, sources, start=path.absolute().parent, style=style, problems=problems)
    )
    changes, matcher = replace_outputs(file.content, found), keys_here()
    keys = redact_outputs(file.content, matcher)
    is_redacted = any(key.place != "source" for key in keys)
    is_smaller = drop_unused_state(file.content) > 0
    is_written = write and (changes > 0 or is_redacted or is_smaller)
    if is_written:
        file.write()
    reports = [KeyReport(path, keys, is_written), check_checkpoint(path, matcher, write=write)]
    found_keys = [report for report in reports if report and report.findings]
    return HealReport(path, changes, unfinished_ids(file.content), problems, is_written, found_keys)


def known_sources(folder: Path) -> list[Registration]:
    """Return the ledgers that a notebook may have used.

    These are the ones of the environment, those that kernels have registered, and the default one
    beside the notebook.

    Args:
        folder: The folder of the notebook.

    Raises:
        InvalidRequestError: If an environment variable is not usable.
    """
    settings = read_environment(os.environ)
    sources = [
        source_at(settings.get("results"), settings.get("ledger")),
        *registered(),
        source_at(folder / _DEFAULT_RESULTS),
    ]
    return [source for source in sources if "://" in source.ledger or Path(source.ledger).is_file()]


def source_at(results: Path | None = None, ledger: str | None = None) -> Registration:
    """Return the ledger at these places.

    Args:
        results: The results folder; default: the one of the ledger's file, else the default one.
        ledger: The path or the URL of the ledger; default: in the results folder.
    """
    is_file = ledger is not None and "://" not in ledger
    folder = Path(ledger).parent if results is None and ledger is not None and is_file else results
    folder = (folder or Path(_DEFAULT_RESULTS)).expanduser().absolute()
    location = str(folder / "ledger.sqlite") if ledger is None else ledger
    style = read_environment(os.environ).get("output", "figure")
    return Registration(location, str(folder), style)


def find_notebooks(names: Sequence[str]) -> list[Path]:
    """Return the notebook files of paths, folders and patterns; each file once.

    Hidden folders in a folder, such as ``.ipynb_checkpoints``, are left out.

    Raises:
        InvalidRequestError: If a name matches no notebook.
    """
    paths: list[Path] = []
    for name in names:
        path = Path(name).expanduser()
        found = [path]
        if path.is_dir():
            found = sorted(p for p in path.rglob("*.ipynb") if not _is_hidden(p.relative_to(path)))
        elif not path.exists() and any(sign in name for sign in "*?["):
            found = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
        if not found:
            raise InvalidRequestError(
                f"{name!r} matches no notebook.", next_step="Give .ipynb files."
            )
        paths += found
    return list(dict.fromkeys(paths))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
