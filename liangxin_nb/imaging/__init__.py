"""Everything that looks into a picture file; the one door to Pillow outside the sandbox."""

from .contact_sheet import Tiles, contact, contact_file
from .decode import MOST_PIXELS, Facts, probe
from .embedded_text import imprinted, text_of
from .reference_image import reference
from .thumbnail import BUDGET, sheet, thumbnail
from .video_frame import Frame, first_frame
from .video_poster import POSTER, poster

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
