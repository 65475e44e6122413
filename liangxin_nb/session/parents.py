"""Finds the jobs that a request is made from: an earlier request, and reference pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core.derivation import NOT_DERIVED, Derivation, describe_change, describe_references
from ..core.formatting import shorten
from ..core.job_record import JobRecord, JobStatus
from ..core.metadata import ResultMetadata
from ..core.request import Request
from ..imaging import extract
from ..ledger import Ledger
from ..ledger.relatives import find_equal
from ..results import read_metadata, read_metadata_file

__all__ = ["derive", "derive_from_copy", "derive_from_pictures", "find_job", "find_job_id"]

_MAX_ID = 200  # characters
#: Jobs that made nothing; what was submitted in their place has their parents.
_WITHOUT_RESULT = (JobStatus.REJECTED, JobStatus.FAILED, JobStatus.UNCONFIRMED)


def derive(
    ledger: Ledger, parent_id: str, original: Request, request: Request, images: Sequence[Any] = ()
) -> Derivation:
    """Return the derivation of a request that was made by changing an earlier one.

    Args:
        ledger: The ledger.
        parent_id: The id of the earlier job; its task id if it is in another ledger.
        original: The request of the earlier job.
        request: The request.
        images: The reference pictures that were chosen for it.
    """
    parent = find_job(ledger, parent_id)
    references = [
        name
        for name in _find_parents(ledger, images)
        if parent is None or name not in (parent.id, *parent.parent_ids)
    ]
    change = describe_change(original, request, pictures=not references)
    if parent is None or parent.status not in _WITHOUT_RESULT:
        name = parent_id if parent is None else parent.id
        change = change or ("" if references else "same request again")
        earlier = Derivation((name,), change)
    else:
        earlier = parent.derivation + Derivation((), change)
    return earlier + Derivation(tuple(references), describe_references(references))


def derive_from_pictures(ledger: Ledger, images: Sequence[Any]) -> Derivation:
    """Return the derivation of a request with reference pictures, which may be results."""
    parent_ids = tuple(dict.fromkeys(_find_parents(ledger, images)))
    return Derivation(parent_ids, describe_references(parent_ids))


def derive_from_copy(ledger: Ledger, request: Request, profile: str, service: str) -> Derivation:
    """Return the derivation of an identical request, such as one that a copied cell repeats."""
    record = find_equal(ledger, request, profile, service)
    return NOT_DERIVED if record is None else record.derivation


def find_job_id(ledger: Ledger, metadata: ResultMetadata) -> str:
    """Return the id of the job of a result; the task id if the job is in another ledger only.

    Metadata may come from anyone: a job of this ledger has to have the same task.
    """
    record = find_job(ledger, metadata.job_id)
    if record is None or metadata.task_id not in ("", record.task_id):
        record = find_job(ledger, metadata.task_id)
    name = metadata.task_id or metadata.job_id if record is None else record.id
    return shorten(" ".join(name.split()), _MAX_ID)


def find_job(ledger: Ledger, job_id: str) -> JobRecord | None:
    """Return the job with an id; the beginning of an id is not enough."""
    record = ledger.find(job_id)
    return record if record is not None and job_id in (record.id, record.task_id) else None


def _find_parents(ledger: Ledger, images: Sequence[Any]) -> Iterator[str]:
    """Yield the ids of the jobs that made the pictures; other pictures have none."""
    for picture in images:
        metadata = None
        with suppress(Exception):  # what cannot be read is reported when it is converted
            metadata = _read_metadata(picture)
        if metadata is not None and (job_id := find_job_id(ledger, metadata)):
            yield job_id


def _read_metadata(picture: Any) -> ResultMetadata | None:
    """Return the metadata of a result, a finished job, a saved file, or an opened picture."""
    if hasattr(picture, "task_id") and hasattr(picture, "result"):
        picture = picture.result
    if isinstance(metadata := getattr(picture, "metadata", None), ResultMetadata):
        return metadata
    if not isinstance(picture, str | Path):
        text = extract(picture)
        return ResultMetadata.from_json(text) if text else None
    if isinstance(picture, str) and urlsplit(picture).scheme in ("http", "https", "data"):
        return None
    path = Path(picture).expanduser()
    with suppress(ValueError):
        if embedded := read_metadata(path):
            return embedded
    beside = read_metadata_file(path.parent)
    return beside if path.name in [file["name"] for file in beside.files] else None
