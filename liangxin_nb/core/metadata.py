"""The metadata of a result: what was requested, from which service, and which files came."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import msgspec

from .public import public
from .structs import prepare_structs

__all__ = ["ResultMetadata"]

#: Field names that version 0.1.0 wrote, in `story.json` and in picture files.
_OLD_NAMES = {
    "ticket": "job_id",
    "made": "created_at",
    "drawing": "is_sandbox",
    "seconds": "duration_s",
}


#: Numbers with which a caption can calculate.
_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]


class _File(msgspec.Struct):
    """The types of a file's fields."""

    name: str
    kind: str = "image"
    bytes: _Count | None = None
    sha256: str | None = None
    width: _Count | None = None
    height: _Count | None = None
    seconds: float | None = None
    poster: str | None = None
    note: str | None = None


class _Missing(msgspec.Struct):
    """The types of a missing output's fields."""

    number: int
    kind: str = "image"
    reason: str = ""


class _Fields(msgspec.Struct):
    """The types of the fields, to validate metadata of any origin.

    `ResultMetadata` cannot serve: msgspec resolves its annotations in the module that it names.
    """

    prompt: str
    model: str
    task_id: str
    job_id: str = ""
    service: str = ""
    created_at: str = ""
    options: dict[str, Any] = {}
    is_sandbox: bool = False
    duration_s: float | None = None
    credits: float | None = None
    files: list[_File] = []
    missing: list[_Missing] = []
    parent_ids: list[str] = []
    change: str = ""
    seed_drawn: bool = False


prepare_structs(_Fields)


@public
@dataclass(frozen=True)
class ResultMetadata:
    """The metadata of one result, the same in `metadata.json` and inside each picture file.

    Attributes:
        prompt: The prompt as it was sent.
        model: The name of the model.
        task_id: The service's id of the task.
        job_id: The id of the job in the ledger.
        service: The name of the profile, never an address.
        created_at: When the result was saved, in ISO 8601 with the local time zone.
        options: The options of the request; reference pictures are only described.
        is_sandbox: Whether the sandbox drew the picture instead of a model.
        duration_s: Seconds that the task took at the service, or None.
        credits: Credits that the service reported, or None.
        files: For each file ``name``, ``kind``, ``bytes``, ``sha256`` and, where they are known,
            ``width`` and ``height`` in pixels, ``seconds``, ``poster`` and ``note``: why the file
            is not shown as a picture.
        missing: For each output that could not be downloaded its ``number`` (from 1), ``kind`` and
            ``reason``; empty for a complete result.
        parent_ids: The jobs that it was made from; see `JobRecord`.
        change: How it differs from its parents, in one line.
        seed_drawn: Whether its seed was drawn, since none was given.
    """

    prompt: str
    model: str
    task_id: str
    job_id: str = ""
    service: str = ""
    created_at: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    is_sandbox: bool = False
    duration_s: float | None = None
    credits: float | None = None
    files: tuple[Mapping[str, Any], ...] = ()
    missing: tuple[Mapping[str, Any], ...] = ()
    parent_ids: tuple[str, ...] = ()
    change: str = ""
    seed_drawn: bool = False

    def describe_missing(self) -> str:
        """Return which outputs are missing, in one line; empty for a complete result."""
        if not self.missing:
            return ""
        total = len(self.files) + len(self.missing)
        numbers = ", ".join(str(output["number"]) for output in self.missing)
        verb = "is" if len(self.missing) == 1 else "are"
        reason = str(self.missing[0].get("reason", ""))[:200].rstrip(".")
        return (
            f"{len(self.files)} of {total} outputs are saved; "
            f"no. {numbers} {verb} missing: {reason}."
        )

    def to_json(self) -> str:
        """Return the metadata as one JSON object in readable UTF-8."""
        values = asdict(self) | {"options": dict(self.options), "files": [*map(dict, self.files)]}
        values["missing"] = [*map(dict, self.missing)]
        for name in ("missing", "parent_ids", "change", "seed_drawn"):
            if not values[name]:
                del values[name]
        return json.dumps(values, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ResultMetadata | None:
        """Parse and validate metadata from a text of any origin.

        Args:
            text: What `to_json` of this or an earlier version returned.

        Returns:
            The metadata, or None if the text is anything else. Unknown fields are ignored.
        """
        try:
            # Encoded, because Pillow returns texts of PNG files as a subclass of str.
            values = msgspec.json.decode(text.encode(), type=dict[str, Any])
            values = {_OLD_NAMES.get(name, name): value for name, value in values.items()}
            fields = msgspec.convert(values, _Fields)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if not fields.prompt.strip() or not fields.model.strip():
            return None
        known = {name: values[name] for name in _Fields.__struct_fields__ if name in values}
        lists = {name: tuple(known.get(name, ())) for name in ("files", "missing", "parent_ids")}
        return cls(**known | lists)
