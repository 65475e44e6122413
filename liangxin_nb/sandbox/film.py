"""A short film out of one picture: a camera that glides over it, as a real WebM file.

A lossy WebP picture is one VP8 key frame in a RIFF wrapper; a WebM film is VP8 frames in an EBML
wrapper. So Pillow encodes, and only the wrapper is written here. Source: the Matroska
specification (element ids) and WebM's container guidelines (what a player needs).
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Iterator

from PIL import Image

__all__ = ["encode_webm"]

_RATE = 12  # pictures a second
_ZOOM = 0.8  # the share of the drawing that the camera sees
_QUALITY = 58
_CLUSTER = _RATE  # pictures in one cluster: a second


def encode_webm(
    picture: bytes,
    size: tuple[int, int],
    seconds: int,
    sign: Callable[[Image.Image], Image.Image] = lambda view: view,
) -> bytes:
    """A silent WebM of that size and length; the same arguments always give the same bytes.

    `sign` writes on each picture what it is: the scene's own caption is out of the camera's sight.
    """
    scene = Image.open(io.BytesIO(picture)).convert("RGB")
    frames = [_vp8(sign(view)) for view in _views(scene, size, seconds * _RATE)]
    return _webm(frames, size)


def _views(scene: Image.Image, size: tuple[int, int], count: int) -> Iterator[Image.Image]:
    """What the camera sees: from one side to the other, slow at both ends, and a little in."""
    for n in range(count):
        way = (1 - math.cos(math.pi * n / max(1, count - 1))) / 2
        share = _ZOOM - 0.06 * way
        width, height = scene.width * share, scene.height * share
        left, top = (scene.width - width) * way, (scene.height - height) * (0.5 - 0.2 * way)
        box = (left, top, left + width, top + height)
        yield scene.resize(size, Image.Resampling.BILINEAR, box=box)


def _vp8(view: Image.Image) -> bytes:
    """The one frame inside a simple WebP file, behind its RIFF and chunk headers."""
    out = io.BytesIO()
    view.save(out, "WEBP", quality=_QUALITY, method=2)
    data = out.getvalue()
    length: int = struct.unpack("<I", data[16:20])[0]
    return data[20 : 20 + length]


def _webm(frames: list[bytes], size: tuple[int, int]) -> bytes:
    parts = [frames[n : n + _CLUSTER] for n in range(0, len(frames), _CLUSTER)]
    clusters = [_cluster(n * _CLUSTER, part) for n, part in enumerate(parts)]
    head = _info(len(frames)) + _tracks(size)
    # The index stands before the clusters, so its length has to be known: it does not change
    # with the positions in it, which are written with 8 bytes each.
    start = len(head) + len(_cues([0] * len(parts)))
    places = [start + sum(map(len, clusters[:n])) for n in range(len(clusters))]
    body = head + _cues(places) + b"".join(clusters)
    return _element(0x1A45DFA3, _EBML) + _element(0x18538067, body)


def _info(count: int) -> bytes:
    maker = b"liangxin_nb sandbox"
    return _element(
        0x1549A966,
        _number(0x2AD7B1, 1_000_000)  # one tick is a millisecond
        + _element(0x4489, struct.pack(">d", _at(count)))
        + _element(0x4D80, maker)
        + _element(0x5741, maker),
    )


def _tracks(size: tuple[int, int]) -> bytes:
    picture = _element(0xE0, _number(0xB0, size[0]) + _number(0xBA, size[1]))
    entry = (
        _number(0xD7, 1)  # the track's number
        + _number(0x73C5, 1)
        + _number(0x9C, 0)  # frames are not laced
        + _number(0x83, 1)  # a video
        + _element(0x86, b"V_VP8")
        + _number(0x23E383, 1_000_000_000 // _RATE)
        + picture
    )
    return _element(0x1654AE6B, _element(0xAE, entry))


def _cues(places: list[int]) -> bytes:
    points = (
        _number(0xB3, _at(n * _CLUSTER))
        + _element(0xB7, _number(0xF7, 1) + _element(0xF1, struct.pack(">Q", place)))
        for n, place in enumerate(places)
    )
    return _element(0x1C53BB6B, b"".join(_element(0xBB, point) for point in points))


def _cluster(first: int, frames: list[bytes]) -> bytes:
    blocks = (
        # Track 1, ticks since the cluster's begin, and the mark of a key frame.
        _element(0xA3, b"\x81" + struct.pack(">hB", _at(first + n) - _at(first), 0x80) + frame)
        for n, frame in enumerate(frames)
    )
    return _element(0x1F43B675, _number(0xE7, _at(first)) + b"".join(blocks))


def _at(n: int) -> int:
    """When a picture is shown, in milliseconds."""
    return round(n * 1000 / _RATE)


def _element(id: int, content: bytes) -> bytes:
    """An id, a length in 8 bytes, the content."""
    name = id.to_bytes((id.bit_length() + 7) // 8)
    return name + struct.pack(">Q", len(content) | 1 << 56) + content


def _number(id: int, value: int) -> bytes:
    return _element(id, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


_EBML = (
    _number(0x4286, 1)
    + _number(0x42F7, 1)
    + _number(0x42F2, 4)
    + _number(0x42F3, 8)
    + _element(0x4282, b"webm")
    + _number(0x4287, 4)
    + _number(0x4285, 2)
)
