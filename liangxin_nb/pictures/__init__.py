"""Everything that looks into a picture file; the one door to Pillow outside the sandbox."""

from ._base import MOST_PIXELS, Facts, probe
from .contact import Tiles, contact, contact_file
from .frame import Frame, first_frame
from .imprint import imprinted, text_of
from .poster import POSTER, poster
from .reference import reference
from .thumbnail import BUDGET, sheet, thumbnail

__all__ = [
    "BUDGET",
    "MOST_PIXELS",
    "POSTER",
    "Facts",
    "Frame",
    "Tiles",
    "contact",
    "contact_file",
    "first_frame",
    "imprinted",
    "poster",
    "probe",
    "reference",
    "sheet",
    "text_of",
    "thumbnail",
]
