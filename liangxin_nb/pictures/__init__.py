"""Everything that looks into a picture file; the one door to Pillow outside the sandbox."""

from ._base import MOST_PIXELS, Facts, probe
from .contact import Tiles, contact, contact_file
from .imprint import imprinted, text_of
from .reference import reference
from .thumbnail import BUDGET, sheet, thumbnail

__all__ = [
    "BUDGET",
    "MOST_PIXELS",
    "Facts",
    "Tiles",
    "contact",
    "contact_file",
    "imprinted",
    "probe",
    "reference",
    "sheet",
    "text_of",
    "thumbnail",
]
