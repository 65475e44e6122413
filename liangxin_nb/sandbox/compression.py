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
    checksum = _add_blocks(zlib.crc32(content), mebibytes)
    size = (len(content) + mebibytes * len(_BLOCK)) & 0xFFFFFFFF
    body = first + block * mebibytes + compressor.flush()
    return compress(_GZIP_HEADER + body + pack("<II", checksum, size))


def _add_blocks(checksum: int, count: int) -> int:
    """Return a CRC-32 after `count` further blocks, without reading each of them.

    Each bit of the checksum has its own effect on the next one: the effects of one block give
    those of two blocks, of four, and so on.
    """
    effects = [zlib.crc32(_BLOCK, start) for start in (0, *(1 << bit for bit in range(32)))]
    while count:
        if count & 1:
            checksum = _apply(effects, checksum)
        effects = [_apply(effects, effect) for effect in effects]
        count >>= 1
    return checksum


def _apply(effects: list[int], checksum: int) -> int:
    """Return the checksum that follows, by the effects of no bit and of each single bit."""
    following = effects[0]
    for bit, effect in enumerate(effects[1:]):
        if checksum >> bit & 1:
            following ^= effect ^ effects[0]
    return following
