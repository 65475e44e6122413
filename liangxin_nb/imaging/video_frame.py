"""The first picture of a film, taken by a process of its own.

Decoders of films are large, and a film may be made to break one: here that ends this process and
not the notebook's. `python -m liangxin_nb.imaging.video_frame FILE FORMAT` writes one line of JSON
(width, height, seconds) and then a JPEG, or ends with another code than 0.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .decode import MAX_PIXELS, open_image

__all__ = ["Frame", "first_frame"]

_PATIENCE = 20.0  # seconds for one film
_PACKETS = 200  # looked through for a first picture
_MEMORY = 4 << 30
_LARGEST = 8 << 20
_FORMATS = {"webm": "matroska", "mp4": "mp4", "mov": "mov"}
_SECRETS = ("LIANGXIN_API_KEY", "LIANGXIN_WEBHOOK_KEY")


@dataclass(frozen=True)
class Frame:
    """A film's first picture as a JPEG, the film's size, and its seconds where it tells them."""

    picture: bytes
    width: int
    height: int
    duration_s: float | None


def first_frame(path: Path, suffix: str) -> Frame | None:
    """The first picture of a film, or None where it, or the library for it, is not to be had."""
    if suffix not in _FORMATS or importlib.util.find_spec("av") is None:
        return None
    command = [sys.executable, "-P", "-m", __name__, str(path), _FORMATS[suffix]]
    environment = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    try:
        done = subprocess.run(  # noqa: S603 our own module; the file's name was made here
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=_PATIENCE, check=True,
        )  # fmt: skip
        line, _, picture = done.stdout.partition(b"\n")
        told = json.loads(line)
        open_image(picture)
        return Frame(picture, int(told["width"]), int(told["height"]), told["seconds"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def _run_decoder(path: str, form: str) -> bytes:
    """What the process says; raises whatever stands in the way."""
    import av  # the optional library, in this process alone

    # An open file, and not a name: a film cannot then send the library to other places.
    with Path(path).open("rb") as file, av.open(file, format=form) as film:
        stream = film.streams.video[0]
        context = stream.codec_context
        if not 0 < context.width * context.height <= MAX_PIXELS:
            raise ValueError("too large")
        for n, packet in enumerate(film.demux(stream)):
            for picture in packet.decode():
                return _to_frame(film, picture.to_image())
            if n > _PACKETS:
                break
    raise ValueError("no picture")


def _to_frame(film: Any, image: Any) -> bytes:
    seconds = film.duration / 1_000_000 if film.duration else None
    told = {"width": image.width, "height": image.height, "seconds": seconds}
    image.thumbnail((1024, 1024))
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=92)
    return json.dumps(told).encode() + b"\n" + out.getvalue()[:_LARGEST]


def _limit_resources() -> None:
    """Bounds what this process may take, where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (int(_PATIENCE), int(_PATIENCE)))


if __name__ == "__main__":
    _limit_resources()
    sys.stdout.buffer.write(_run_decoder(sys.argv[1], sys.argv[2]))
