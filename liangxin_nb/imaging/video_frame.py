"""Decode the first frame of a video in a separate process.

Video decoders are large, and a malicious file may crash one: that must not end the notebook's
process. `python -m liangxin_nb.imaging.video_frame FILE FORMAT` writes one line of JSON (width,
height, seconds) and then a JPEG, or exits with a code other than 0.
"""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._child_environment import child_environment
from .decode import MAX_PIXELS, open_image

__all__ = ["Frame", "first_frame"]

_TIMEOUT_S = 20.0
_MAX_PACKETS = 200  # that are read to find the first frame
_MAX_MEMORY = 4 << 30
_MAX_JPEG_BYTES = 8 << 20
#: FFmpeg's demuxer for each suffix.
_FORMATS = {"webm": "matroska", "mp4": "mp4", "mov": "mov"}


@dataclass(frozen=True)
class Frame:
    """The first frame of a video.

    Attributes:
        picture: The frame as a JPEG.
        width: The video's width in pixels.
        height: The video's height in pixels.
        duration_s: The video's length in seconds, or None if unknown.
    """

    picture: bytes
    width: int
    height: int
    duration_s: float | None


def first_frame(path: Path, suffix: str) -> Frame | None:
    """Return the first frame of a video, or None if it cannot be decoded or PyAV is missing.

    Args:
        path: The video file.
        suffix: The suffix that fits its content, without a dot.
    """
    if suffix not in _FORMATS or importlib.util.find_spec("av") is None:
        return None
    command = [sys.executable, "-P", "-m", __name__, str(path), _FORMATS[suffix]]
    try:
        done = subprocess.run(  # noqa: S603 a module of this package; the package chose the file's name
            command, env=child_environment(), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_TIMEOUT_S, check=True,
        )  # fmt: skip
        line, _, picture = done.stdout.partition(b"\n")
        info = json.loads(line)
        open_image(picture)
        return Frame(picture, int(info["width"]), int(info["height"]), info["seconds"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def _run_decoder(path: str, demuxer: str) -> bytes:
    """Return the output of the process; any error ends it."""
    import av  # the optional library, in this process only

    # An open file instead of a name: the video cannot make FFmpeg open other files or URLs.
    with Path(path).open("rb") as file, av.open(file, format=demuxer) as video:
        stream = video.streams.video[0]
        context = stream.codec_context
        if not 0 < context.width * context.height <= MAX_PIXELS:
            raise ValueError("too large")
        for n, packet in enumerate(video.demux(stream)):
            for frame in packet.decode():
                return _format_output(video, frame.to_image())
            if n > _MAX_PACKETS:
                break
    raise ValueError("no frame")


def _format_output(video: Any, image: Any) -> bytes:
    seconds = video.duration / 1_000_000 if video.duration else None
    info = {"width": image.width, "height": image.height, "seconds": seconds}
    image.thumbnail((1024, 1024))
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=92)
    return json.dumps(info).encode() + b"\n" + buffer.getvalue()[:_MAX_JPEG_BYTES]


def _limit_resources() -> None:
    """Limit the memory and CPU time of this process, if the system supports it."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(_TIMEOUT_S), int(_TIMEOUT_S)))


if __name__ == "__main__":
    _limit_resources()
    sys.stdout.buffer.write(_run_decoder(sys.argv[1], sys.argv[2]))
