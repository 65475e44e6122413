"""Compressed bodies: gzip once and twice, and bodies that expand to a gibibyte."""

from __future__ import annotations

import gzip
import zlib
from functools import lru_cache
from struct import pack

__all__ = ["compress", "compress_twice", "create_gzip_bomb"]

_BLOCK = b" " * (1 << 20)
#: A gzip header without name and time; RFC 1952.
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


def compress(content: bytes) -> bytes:
    """Compress a body."""
    return gzip.compress(content, mtime=0)


def compress_twice(content: bytes) -> bytes:
    """Compress a body, and the result once more."""
    return compress(compress(content))


@lru_cache(maxsize=4)
def create_gzip_bomb(content: bytes, mebibytes: int = 1024) -> bytes:
    """Compress a body followed by spaces, twice: few kilobytes that expand to a gibibyte.

    After a full flush a compressed block does not depend on earlier ones, so one is repeated.
    """
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    first = compressor.compress(content) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(_BLOCK) + compressor.flush(zlib.Z_FULL_FLUSH)
    checksum = zlib.crc32(content)
    for _ in range(mebibytes):
        checksum = zlib.crc32(_BLOCK, checksum)
    size = (len(content) + mebibytes * len(_BLOCK)) & 0xFFFFFFFF
    body = first + block * mebibytes + compressor.flush()
    return compress(_GZIP_HEADER + body + pack("<II", checksum, size))
