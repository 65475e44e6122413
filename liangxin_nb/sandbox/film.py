"""Encode a WebM film that moves a camera over one picture.

A lossy WebP picture is one VP8 key frame in a RIFF container, and a WebM film is VP8 frames in an
EBML container. Pillow encodes the frames, so only the container is written here. Source: Matroska
specification (element ids) and WebM container guidelines (elements that players need).
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable, Iterator

from PIL import Image

__all__ = ["encode_webm"]

_RATE = 12  # frames per second
_ZOOM = 0.8  # share of the picture that a frame shows
_QUALITY = 58
_CLUSTER = _RATE  # frames in one cluster: a second


def encode_webm(
    picture: bytes,
    size: tuple[int, int],
    seconds: int,
    add_caption: Callable[[Image.Image], Image.Image] = lambda frame: frame,
) -> bytes:
    """Encode a silent film.

    Args:
        picture: The encoded picture, larger than the film.
        size: Width and height of the film in pixels.
        seconds: Duration of the film.
        add_caption: Changes each frame; the camera does not show the picture's own caption.

    Returns:
        The WebM file; equal arguments give equal bytes.
    """
    scene = Image.open(io.BytesIO(picture)).convert("RGB")
    frames = [_encode_vp8(add_caption(frame)) for frame in _frames(scene, size, seconds * _RATE)]
    return _build_webm(frames, size)


def _frames(scene: Image.Image, size: tuple[int, int], count: int) -> Iterator[Image.Image]:
    """Yield the frames of a camera that moves across the picture and zooms in a little."""
    for n in range(count):
        progress = (1 - math.cos(math.pi * n / max(1, count - 1))) / 2
        share = _ZOOM - 0.06 * progress
        width, height = scene.width * share, scene.height * share
        left = (scene.width - width) * progress
        top = (scene.height - height) * (0.5 - 0.2 * progress)
        box = (left, top, left + width, top + height)
        yield scene.resize(size, Image.Resampling.BILINEAR, box=box)


def _encode_vp8(frame: Image.Image) -> bytes:
    """Return the VP8 frame of a simple WebP file, without its RIFF and chunk headers."""
    out = io.BytesIO()
    frame.save(out, "WEBP", quality=_QUALITY, method=2)
    data = out.getvalue()
    length: int = struct.unpack("<I", data[16:20])[0]
    return data[20 : 20 + length]


def _build_webm(frames: list[bytes], size: tuple[int, int]) -> bytes:
    """Return the file of a list of VP8 frames."""
    parts = [frames[n : n + _CLUSTER] for n in range(0, len(frames), _CLUSTER)]
    clusters = [_cluster(n * _CLUSTER, part) for n, part in enumerate(parts)]
    head = _info(len(frames)) + _tracks(size)
    # The index precedes the clusters, so its length must be known. It does not depend on the
    # positions, which have 8 bytes each.
    start = len(head) + len(_cues([0] * len(parts)))
    positions = [start + sum(map(len, clusters[:n])) for n in range(len(clusters))]
    body = head + _cues(positions) + b"".join(clusters)
    return _element(0x1A45DFA3, _EBML) + _element(0x18538067, body)


def _info(count: int) -> bytes:
    """Return duration and application."""
    application = b"liangxin_nb sandbox"
    return _element(
        0x1549A966,
        _number(0x2AD7B1, 1_000_000)  # one tick is a millisecond
        + _element(0x4489, struct.pack(">d", _timestamp_ms(count)))
        + _element(0x4D80, application)
        + _element(0x5741, application),
    )


def _tracks(size: tuple[int, int]) -> bytes:
    """Return the description of the video track."""
    video = _element(0xE0, _number(0xB0, size[0]) + _number(0xBA, size[1]))
    entry = (
        _number(0xD7, 1)  # track number
        + _number(0x73C5, 1)
        + _number(0x9C, 0)  # frames are not laced
        + _number(0x83, 1)  # type: video
        + _element(0x86, b"V_VP8")
        + _number(0x23E383, 1_000_000_000 // _RATE)
        + video
    )
    return _element(0x1654AE6B, _element(0xAE, entry))


def _cues(positions: list[int]) -> bytes:
    """Return the index, which lets players seek."""
    points = (
        _number(0xB3, _timestamp_ms(n * _CLUSTER))
        + _element(0xB7, _number(0xF7, 1) + _element(0xF1, struct.pack(">Q", position)))
        for n, position in enumerate(positions)
    )
    return _element(0x1C53BB6B, b"".join(_element(0xBB, point) for point in points))


def _cluster(first: int, frames: list[bytes]) -> bytes:
    """Return consecutive frames, of which the first has the index `first`."""
    start = _timestamp_ms(first)
    blocks = (
        # Track 1, ticks since the start of the cluster, and the flag of a key frame.
        _element(0xA3, b"\x81" + struct.pack(">hB", _timestamp_ms(n) - start, 0x80) + frame)
        for n, frame in enumerate(frames, first)
    )
    return _element(0x1F43B675, _number(0xE7, start) + b"".join(blocks))


def _timestamp_ms(n: int) -> int:
    """Return when a frame is displayed, in milliseconds."""
    return round(n * 1000 / _RATE)


def _element(element_id: int, content: bytes) -> bytes:
    """Return an element: id, length in 8 bytes, content."""
    encoded_id = element_id.to_bytes((element_id.bit_length() + 7) // 8)
    return encoded_id + struct.pack(">Q", len(content) | 1 << 56) + content


def _number(element_id: int, value: int) -> bytes:
    """Return an element that contains a number."""
    return _element(element_id, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


_EBML = (
    _number(0x4286, 1)
    + _number(0x42F7, 1)
    + _number(0x42F2, 4)
    + _number(0x42F3, 8)
    + _element(0x4282, b"webm")
    + _number(0x4287, 4)
    + _number(0x4285, 2)
)
