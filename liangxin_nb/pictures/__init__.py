"""Everything that looks into a picture file; the one door to Pillow outside the sandbox."""

from ._base import MOST_PIXELS, Facts, probe
from .imprint import imprinted, text_of
from .thumbnail import BUDGET, sheet, thumbnail

__all__ = ["BUDGET", "MOST_PIXELS", "Facts", "imprinted", "probe", "sheet", "text_of", "thumbnail"]
