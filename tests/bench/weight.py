"""Benchmark of the size that a picture adds to a notebook, compared with the original picture."""

import base64

from liangxin_nb.imaging import thumbnail
from liangxin_nb.sandbox.painter import paint

_PROMPTS = ("a cafe terrace at night, rain", "a city at night")


def bytes_per_picture():
    """KiB of base64 per picture: the thumbnail, and the original with 2048 px."""
    originals = [paint(prompt, seed=7, size=(2048, 2048)) for prompt in _PROMPTS]
    small = [thumbnail(data) for data in originals]
    return tuple(
        max(len(base64.b64encode(data)) for data in pictures) / 1024
        for pictures in (small, originals)
    )


FIGURES = [("notebook per picture (larger of two) / original as output", "KB", bytes_per_picture)]
