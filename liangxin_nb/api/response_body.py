"""Decode the body of a response in bounded memory."""

from __future__ import annotations

import zlib

import httpx

__all__ = ["BodyDecoder"]

_GZIP_START = b"\x1f\x8b"


class BodyDecoder:
    """Removes one Content-Encoding from a body, chunk by chunk.

    If the Content-Encoding is wrong, the first bytes of the body decide.
    """

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        """Create a decoder for one body.

        Args:
            content_encoding: The header of the response.
            max_bytes: The maximum size of the decoded body.

        Raises:
            httpx.DecodingError: If the body is encoded more than once.
        """
        names = [name.strip().lower() for name in content_encoding.split(",")]
        names = [name for name in names if name not in ("", "identity")]
        if len(names) > 1:
            raise httpx.DecodingError("the answer is compressed more than once")
        self._encoding = names[0] if names else ""
        self._max_bytes = max_bytes
        self._size = 0
        self._start = b""
        self._is_chosen = False
        self._stream: zlib._Decompress | None = None

    def decode(self, chunk: bytes) -> bytes:
        """Decode the next chunk.

        Args:
            chunk: The bytes as they arrived; not empty.

        Raises:
            httpx.DecodingError: If the chunk is damaged, or the decoded body is too long.
        """
        if not self._is_chosen:
            chunk = self._start + chunk
            if len(chunk) < len(_GZIP_START):
                self._start = chunk
                return b""
            self._is_chosen = True
            self._stream = self._choose_stream(chunk)
        left = self._max_bytes - self._size
        if self._stream is not None:
            try:
                chunk = self._stream.decompress(chunk, left + 1)
            except zlib.error:
                raise httpx.DecodingError("the compressed answer is damaged") from None
        self._size += len(chunk)
        if self._size > self._max_bytes:
            raise httpx.DecodingError(f"the answer is longer than {_format_size(self._max_bytes)}")
        return chunk

    def finish(self) -> bytes:
        """Return what is left at the end of the body: the only byte of a very short one.

        Raises:
            httpx.RemoteProtocolError: If the compressed body is cut off.
        """
        if self._stream is not None and not self._stream.eof:
            raise httpx.RemoteProtocolError("")
        return b"" if self._is_chosen else self._start

    def _choose_stream(self, chunk: bytes) -> zlib._Decompress | None:
        if chunk.startswith(_GZIP_START):
            return zlib.decompressobj(31)
        if self._encoding != "deflate":
            return None
        if chunk[:1] in (b"{", b"["):
            return None  # the header is wrong: this is the start of JSON, and of no zlib data
        is_zlib = chunk[0] & 15 == 8 and int.from_bytes(chunk[:2]) % 31 == 0
        return zlib.decompressobj(15 if is_zlib else -15)


def _format_size(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size} bytes"
