"""Reads the metadata that is embedded in a picture of any origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.metadata import ResultMetadata
from ..core.request import Request
from ..imaging import extract, thumbnail

__all__ = ["MAX_FILE_BYTES", "EmbeddedMetadata", "read_embedded"]

#: The largest file that is read.
MAX_FILE_BYTES = 64 << 20
_MAX_TEXT = 100_000  # characters of metadata
_FORMATS = "PNG, JPEG or WebP"


@dataclass(frozen=True)
class EmbeddedMetadata:
    """The metadata of a file, or the reason why there is none.

    Attributes:
        metadata: The metadata, or None.
        reason: Why there is none; empty otherwise.
        picture: The picture as a small JPEG; empty if it cannot be read.
    """

    metadata: ResultMetadata | None = None
    reason: str = ""
    picture: bytes = b""

    @property
    def request(self) -> Request | None:
        """The request that made the picture, or None."""
        if self.metadata is None:
            return None
        options = _plain_options(self.metadata.options)
        return Request(self.metadata.model, self.metadata.prompt, options)


def read_embedded(data: bytes) -> EmbeddedMetadata:
    """Read the metadata of a picture that this toolkit saved; never raises."""
    if len(data) > MAX_FILE_BYTES:
        return EmbeddedMetadata(
            reason=f"The file has more than {MAX_FILE_BYTES >> 20} MB; saved pictures are smaller."
        )
    try:
        text = extract(data)
        picture = thumbnail(data, side=768)
    except Exception:  # Pillow's decoders raise many types for broken data
        return EmbeddedMetadata(reason=f"This is not a readable {_FORMATS} file.")
    metadata = ResultMetadata.from_json(text) if text and len(text) <= _MAX_TEXT else None
    if metadata is None:
        reason = "This picture has no metadata of liangxin_nb: another program saved it."
        return EmbeddedMetadata(reason=reason, picture=picture)
    return EmbeddedMetadata(metadata, picture=picture)


def _plain_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with values of plain types."""
    plain = (str, int, float, bool, list)
    return {str(name): value for name, value in options.items() if isinstance(value, plain)}
