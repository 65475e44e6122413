"""What is told about a kept picture: who asked for what, from whom, when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .public import public

__all__ = ["ResultMetadata"]


#: Names of fields in results that were made before the file was called metadata.json.
_OLD_NAMES = {
    "ticket": "job_id",
    "made": "created_at",
    "drawing": "is_sandbox",
    "seconds": "duration_s",
}


@public
@dataclass(frozen=True)
class ResultMetadata:
    """The story of one task's result, the same in `metadata.json` and inside each picture file.

    `created_at`: ISO 8601 with the local zone. `service`: a profile's name, never an address with a
    login. `is_sandbox`: True for a picture that the sandbox drew and no model made. `files`: for
    each kept file its name, bytes, sha256, width and height.
    """

    prompt: str
    model: str
    task_id: str
    job_id: str
    service: str
    created_at: str
    options: Mapping[str, Any] = field(default_factory=dict)
    is_sandbox: bool = False
    duration_s: float | None = None
    credits: float | None = None
    files: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> str:
        """The story as one JSON object, in readable UTF-8."""
        told = asdict(self) | {"options": dict(self.options), "files": [*map(dict, self.files)]}
        return json.dumps(told, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ResultMetadata | None:
        """The story in a JSON text, or None when it holds none; unknown fields are passed over."""
        try:
            told = json.loads(text)
        except ValueError:
            return None
        names = {f.name for f in fields(cls)}
        if not isinstance(told, dict) or not {"prompt", "model", "task_id"} <= told.keys():
            return None
        renamed = {_OLD_NAMES.get(name, name): value for name, value in told.items()}
        known = {name: value for name, value in renamed.items() if name in names}
        blank = {"job_id": "", "service": "", "created_at": ""}
        return cls(**{**blank, **known, "files": tuple(told.get("files") or ())})
