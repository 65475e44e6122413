"""Decode what a download is wrapped in: a Content-Encoding, or a data URL. Memory is bounded."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ..errors import ResultUnavailableError

__all__ = ["decode_content", "decode_data_url"]

_CHUNK = 1 << 18
_MAX_LAYERS = 3
_WINDOW_BITS = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}
#: Encodings that Python's standard library does not know; no request accepts them.
_UNDECODED_TYPES = {"br": "application/x-brotli", "zstd": "application/zstd"}


def decode_content(path: Path, encoding: str, max_bytes: int) -> str:
    """Decode a file in place as its Content-Encoding declares.

    A file that is not encoded that way is not changed: servers declare encodings that they did
    not apply, and then the bytes are the result.

    Args:
        path: The downloaded file.
        encoding: The header, such as ``gzip``; several encodings are separated by commas.
        max_bytes: The maximum size of the decoded file.

    Returns:
        The MIME type of what is left, if it cannot be decoded here; usually empty.

    Raises:
        ResultUnavailableError: If the decoded file is larger than `max_bytes`.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    for name in reversed(names):
        if name not in _WINDOW_BITS or len(names) > _MAX_LAYERS:
            return _UNDECODED_TYPES.get(name, "")
        if not any(_inflate_file(path, bits, max_bytes) for bits in _WINDOW_BITS[name]):
            break
    return ""


def _inflate_file(path: Path, window_bits: int, max_bytes: int) -> bool:
    """Replace a file by its decompressed content; return False if it is not compressed so."""
    target = path.with_name(f"{path.name}.decoded")
    size = 0
    try:
        with path.open("rb") as source, target.open("wb") as file:
            for chunk in _inflate(iter(lambda: source.read(_CHUNK), b""), window_bits):
                size += len(chunk)
                if size > max_bytes:
                    raise ResultUnavailableError(
                        f"The result is larger than {max_bytes >> 20} MiB."
                    )
                file.write(chunk)
    except zlib.error:
        return False
    else:
        target.replace(path)
        return True
    finally:
        target.unlink(missing_ok=True)


def _inflate(chunks: Iterator[bytes], window_bits: int) -> Iterator[bytes]:
    """Yield the decompressed data in pieces of limited size."""
    inflater = zlib.decompressobj(window_bits)
    for chunk in chunks:
        data = chunk
        while data or inflater.unconsumed_tail:
            if inflater.eof:  # a further member of a gzip file; anything else is ignored
                if window_bits != 31 or not data.startswith(b"\x1f\x8b"):
                    return
                inflater = zlib.decompressobj(window_bits)
            yield inflater.decompress(data, _CHUNK)
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if not data:
                break
    while not inflater.eof and (rest := inflater.decompress(b"", _CHUNK)):
        yield rest
    if not inflater.eof:
        raise zlib.error("cut off")


def decode_data_url(url: str) -> tuple[bytes, str]:
    """Return the content and the MIME type of a data URL (RFC 2397).

    Args:
        url: Such as ``data:image/png;base64,iVBO…``; line breaks, the URL-safe alphabet and
            missing padding are accepted.

    Raises:
        ResultUnavailableError: If it cannot be decoded.
    """
    header, comma, body = url.partition(",")
    mime, *parameters = [part.strip().lower() for part in header[len("data:") :].split(";")]
    data = unquote_to_bytes(body)
    if comma and "base64" in parameters:
        compact = b"".join(data.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
        try:
            return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True), mime
        except binascii.Error:
            comma = ""
    if not comma:
        raise ResultUnavailableError("The result is a data URL that cannot be decoded.")
    return data, mime
