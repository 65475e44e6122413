"""The reference pictures of earlier requests, of which the ledger has a digest only.

Pictures that are results are found again among the ancestors of a job.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.job_record import JobRecord
from ..core.request import OptionValue, Request, is_described, redact
from ..errors import LiangxinError
from ..ledger import Ledger
from ..ledger.relatives import find_relatives
from ..results import ResultStore
from .media_input import to_data_uri
from .parents import derive

if TYPE_CHECKING:
    from .job import Job
    from .session import BaseSession

__all__ = ["name_references", "restore_references", "resubmit"]

_MAX_PICTURES = 16  # that are read to find those of a request


def restore_references(ledger: Ledger, results: ResultStore, record: JobRecord) -> Request:
    """Return the request of a job with its reference pictures, as far as these are results here."""
    return _replace(record.request, {} if record.request.is_complete else _find(
        ledger, results, record, lambda _, content: content
    ))  # fmt: skip


def name_references(ledger: Ledger, results: ResultStore, record: JobRecord) -> Request:
    """Return the request of a job with the paths of the files that are its reference pictures."""
    return _replace(record.request, _find(
        ledger, results, record, lambda path, _: Path(os.path.relpath(path)).as_posix()
    ))  # fmt: skip


def resubmit(
    session: BaseSession, record: JobRecord, change: Callable[[str, Request], Request]
) -> Job:
    """Submit the request of a job again, with its reference pictures as far as these are here.

    Args:
        session: The session that submits it.
        record: The record of the job.
        change: Makes the new request, from the profile and the earlier request.
    """
    complete = restore_references(session.ledger, session.results, record)
    request = change(record.profile, complete)
    derivation = derive(session.ledger, record.id, record.request, request)
    return session.submit(request, derivation=derivation)


def _find(
    ledger: Ledger, results: ResultStore, record: JobRecord, use: Callable[[Path, str], str]
) -> dict[str, str]:
    """Return what replaces each reference picture, by its description."""
    missing = {item for value in record.request.redacted_options.values() for item in _items(value)}
    missing = {item for item in missing if is_described(item)}
    found: dict[str, str] = {}
    paths = _iter_pictures(ledger, results, record) if missing else iter(())
    for path, _ in zip(paths, range(_MAX_PICTURES), strict=False):
        with suppress(LiangxinError):  # the file cannot be read any more
            content = to_data_uri(path)
            if (description := str(redact(content))) in missing:
                found[description] = use(path, content)
        if found.keys() == missing:
            break
    return found


def _iter_pictures(ledger: Ledger, results: ResultStore, record: JobRecord) -> Iterator[Path]:
    for ancestor in find_relatives(ledger, record).ancestors:
        if ancestor.folder and results.resolve(ancestor.folder) is not None:
            with suppress(LiangxinError):
                yield from results.load(ancestor.folder).image_paths


def _replace(request: Request, found: dict[str, str]) -> Request:
    def replaced(value: OptionValue) -> OptionValue:
        if isinstance(value, list):
            return [found.get(str(redact(item)), item) for item in value]
        return found.get(str(redact(value)), value)

    if not found:
        return request
    options = {name: replaced(value) for name, value in request.options.items()}
    return replace(request, options=options)


def _items(value: OptionValue) -> list[str]:
    return value if isinstance(value, list) else [str(value)]
