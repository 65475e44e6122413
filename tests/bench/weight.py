"""What a picture adds to the saved notebook, beside the picture itself as an output."""

import base64

from liangxin_nb.imaging import thumbnail
from liangxin_nb.sandbox.painter import paint

_PROMPTS = ("a cafe terrace at night, rain", "a city at night")


def bytes_per_picture():
    """KiB of base64 per picture: the durable thumbnail, and the 2048 px original."""
    originals = [paint(prompt, seed=7, size=(2048, 2048)) for prompt in _PROMPTS]
    small = [thumbnail(data) for data in originals]
    return tuple(
        max(len(base64.b64encode(data)) for data in kind) / 1024 for kind in (small, originals)
    )


FIGURES = [("notebook per picture (larger of two) / original as output", "KB", bytes_per_picture)]
