"""The story inside a file that someone brings along, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.metadata import ResultMetadata
from ..core.request import Request
from ..imaging import extract, thumbnail

__all__ = ["MAX_FILE_BYTES", "EmbeddedMetadata", "read_embedded"]

#: Bytes of a file that is looked into.
MAX_FILE_BYTES = 64 << 20
_MAX_TEXT = 100_000
_KINDS = "PNG, JPEG or WebP"


@dataclass(frozen=True)
class EmbeddedMetadata:
    """What a file tells: its story, or None and `reason` not. `picture`: a small JPEG, or empty."""

    metadata: ResultMetadata | None = None
    reason: str = ""
    picture: bytes = b""

    @property
    def request(self) -> Request | None:
        """What was asked for, for a cell or a form."""
        metadata = self.metadata
        return (
            Request(metadata.model, metadata.prompt, _options(metadata.options))
            if metadata
            else None
        )


def read_embedded(data: bytes) -> EmbeddedMetadata:
    """The story in a picture made by this toolkit; never raises, whatever the bytes are."""
    if len(data) > MAX_FILE_BYTES:
        return EmbeddedMetadata(
            reason=f"The file has more than {MAX_FILE_BYTES >> 20} MB; no picture made here has."
        )
    try:
        text = extract(data)
        picture = thumbnail(data, side=768)
    except Exception:  # hostile bytes: decoders raise many kinds
        return EmbeddedMetadata(reason=f"This is no {_KINDS} that can be read.")
    metadata = ResultMetadata.from_json(text) if text and len(text) <= _MAX_TEXT else None
    if metadata is None:
        why = "This picture holds no story of liangxin_nb: it was made elsewhere, or saved anew."
        return EmbeddedMetadata(reason=why, picture=picture)
    return EmbeddedMetadata(metadata, picture=picture)


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    plain = (str, int, float, bool, list)
    return {str(name): value for name, value in options.items() if isinstance(value, plain)}
