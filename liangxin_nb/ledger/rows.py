"""Job records and batches as lines of JSON, for archives.

An archive may be untrusted: every value is validated before any is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from ..core.job_record import JobRecord, JobStatus
from ..core.structs import prepare_structs
from .batches import BatchRecord
from .mapping import from_row
from .migrations import OLD_NAMES, OLD_STATUSES

__all__ = [
    "EventRow",
    "FileRow",
    "JobRow",
    "TransferRow",
    "batch_columns",
    "batch_to_json",
    "parse_line",
    "upgrade_row",
]

#: No database stores a lone surrogate, and PostgreSQL stores no NUL.
_STORABLE = r"\A[^\0\ud800-\udfff]*\Z"
Text = Annotated[str, Meta(max_length=1_000_000, pattern=_STORABLE)]
Text16 = Annotated[str, Meta(max_length=16, pattern=_STORABLE)]
Text40 = Annotated[str, Meta(max_length=40, pattern=_STORABLE)]
Text60 = Annotated[str, Meta(max_length=60, pattern=_STORABLE)]
Text200 = Annotated[str, Meta(max_length=200, pattern=_STORABLE)]
Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
#: Seconds, credits and unix times; a larger number is not a date.
Number = Annotated[float, Meta(ge=0, le=9e9)]
Bytes = Annotated[int, Meta(ge=0, le=9_000_000_000)]
_MAX_BATCH = 100_000  # requests
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class JobRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The columns of a job record. Its owner is left out: it exists on one machine only."""

    id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{1,16}\Z")]
    created_at: Number
    profile: Text40
    service: Text
    model: Text
    prompt: Text
    options: Text
    digest: Digest
    status: JobStatus
    state: Text60 = ""
    task_id: Text200 = ""
    reason: Text = ""
    folder: Text = ""
    duration_s: Number | None = None
    started_after_s: Number | None = None
    credits: Number | None = None
    batch_id: Text16 = ""
    batch_index: Count = 0
    origin: Literal["", "imported", "trusted"] = ""
    parent_ids: Text = ""  # one a line
    change: Text = ""
    seed_drawn: bool = False


class EventRow(Struct, frozen=True):
    """One event in the history of a job."""

    created_at: Number
    event: Text60
    detail: Text = ""


class FileRow(Struct, frozen=True):
    """One saved file of a job."""

    name: Text200
    bytes: Bytes
    sha256: Text200
    width: Count | None = None
    height: Count | None = None

    def to_metadata(self, kind: str) -> dict[str, Any]:
        """Return the file as a result's metadata lists it."""
        values = asdict(self) | {"kind": kind}
        return {name: value for name, value in values.items() if value is not None}


class TransferRow(Struct, frozen=True):
    """A job record with its events and its files."""

    job: JobRow
    events: Annotated[tuple[EventRow, ...], Meta(max_length=10_000)]
    files: Annotated[tuple[FileRow, ...], Meta(max_length=1000)]

    @classmethod
    def from_record(cls, record: JobRecord) -> TransferRow:
        """Return the row of a job record, without events and files."""
        request = record.request
        names = set(JobRow.__struct_fields__) - {"model", "prompt", "options", "digest", "status"}
        values = {name: getattr(record, name) for name in names}
        values["parent_ids"] = "\n".join(record.parent_ids)
        options = json.dumps(request.redacted_options, ensure_ascii=False)
        job = JobRow(
            **values, model=request.model, prompt=request.prompt, options=options,
            digest=request.digest, status=record.status,
        )  # fmt: skip
        return cls(job, (), ())

    @property
    def record(self) -> JobRecord:
        """The job record, without an owner."""
        return from_row({"owner": "", **asdict(self.job)})

    def replace(
        self,
        *,
        events: tuple[EventRow, ...] | None = None,
        files: tuple[FileRow, ...] | None = None,
        **job_values: Any,
    ) -> TransferRow:
        """Return the row with other values of its job, other events or other files."""
        return TransferRow(
            msgspec.structs.replace(self.job, **job_values),
            self.events if events is None else events,
            self.files if files is None else files,
        )

    def to_json(self) -> str:
        """Return the row as one line of JSON."""
        return msgspec.json.encode(self).decode()


class _Line(Struct):
    """A line, of which only the batch is read; its other fields build no objects."""

    batch: msgspec.Raw = msgspec.Raw()


class _BatchRow(Struct, frozen=True):
    id: Annotated[str, Meta(pattern=r"\A[0-9A-Za-z]{1,16}\Z")]
    created_at: Number
    plan: Text
    name: Text = ""


class _Plan(Struct):
    """What batches store: the names of rows and columns, and the reused job of an index."""

    rows: list[str]
    columns: list[str]
    reused: dict[str, str] = {}
    key: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        size = len(self.rows) * len(self.columns)
        if size > _MAX_BATCH:
            raise ValueError("a batch is too large")
        if not all(n.isdecimal() and int(n[:9]) < size for n in self.reused):
            raise ValueError("a reused job is not in the batch")


prepare_structs(TransferRow, _Line, _BatchRow, _Plan)


def batch_to_json(batch: BatchRecord) -> str:
    """Return a batch as one line of JSON."""
    return json.dumps({"batch": batch_columns(batch)}, ensure_ascii=False)


def parse_line(line: bytes, archive_format: int) -> TransferRow | BatchRecord:
    """Parse and validate a line of an archive's ledger.

    Args:
        line: One JSON object.
        archive_format: 1 for lines with the names that version 0.1.0 used.

    Returns:
        A job or a batch. Unknown fields, as of a newer version, are ignored.

    Raises:
        ValueError: If no ledger can have written the line; the message has one line.
    """
    try:
        if archive_format == 1:
            line = json.dumps(_upgrade(json.loads(line))).encode()
        if batch := msgspec.json.decode(line, type=_Line).batch:
            return _parse_batch(batch)
        row = msgspec.json.decode(line, type=TransferRow)
    except msgspec.ValidationError as error:
        raise ValueError(_describe(error)) from None
    except RecursionError:
        raise ValueError("a line is nested too deeply") from None
    _validate(row)
    return row


def _describe(error: msgspec.ValidationError) -> str:
    """Return the field and the problem on one short line."""
    problem, _, path = " ".join(str(error).replace("`", "").split()).rpartition(" - at $.")
    if "matching regex" in problem:
        problem = "unexpected characters"
    return f"{path}: {problem[:200]}" if path and problem else "a line is not a job record"


def _parse_batch(line: msgspec.Raw) -> BatchRecord:
    row = msgspec.json.decode(line, type=_BatchRow)
    plan = msgspec.to_builtins(msgspec.json.decode(row.plan, type=_Plan))
    return BatchRecord(row.id, row.created_at, row.name, plan)


def _validate(row: TransferRow) -> None:
    """Check what the types of the columns do not express; raise `ValueError`."""
    try:
        is_valid = isinstance(json.loads(row.job.options), dict) and row.record is not None
    except (ValueError, RecursionError):  # of JSON, or of an invalid request
        is_valid = False
    if not is_valid or not row.job.task_id.isprintable():
        raise ValueError(f"job {row.job.id} has no readable request")
    if len({file.name for file in row.files}) < len(row.files):
        raise ValueError(f"job {row.job.id} names a file twice")


def _upgrade(line: Any) -> Any:
    """Return a line of format 1 under today's names."""
    if not isinstance(line, dict):
        return line
    tables = {"ticket": "jobs", "events": "events", "batch": "batches"}
    upgraded = {}
    for key, value in line.items():
        names = OLD_NAMES.get(tables.get(key, ""), {})
        rows = value if isinstance(value, list) else [value]
        rows = [upgrade_row(row, names) for row in rows]
        upgraded["job" if key == "ticket" else key] = rows if isinstance(value, list) else rows[0]
    return upgraded


def upgrade_row(values: Any, names: Mapping[str, str]) -> Any:
    """Return the columns of an older version under today's names, with today's statuses."""
    if not isinstance(values, dict):
        return values
    row = {names.get(name, name): value for name, value in values.items()}
    for name in ("status", "event"):
        if isinstance(row.get(name), str):
            row[name] = OLD_STATUSES.get(row[name], row[name])
    return row


def batch_columns(batch: BatchRecord) -> dict[str, Any]:
    """Return a batch as columns of its table."""
    plan = json.dumps(dict(batch.plan), ensure_ascii=False)
    return {"id": batch.id, "created_at": batch.created_at, "name": batch.name, "plan": plan}
