"""Images and videos: decoding, thumbnails, contact sheets and embedded text."""

from .contact_sheet import SheetSpec, render, render_file
from .decode import (
    MAX_PIXELS,
    Image,
    ImageInfo,
    ImageSource,
    can_decode,
    open_image,
    verify,
)
from .embedded_text import embed, extract
from .reference_image import encode
from .thumbnail import THUMBNAIL_BYTES, grid, thumbnail
from .video_frame import Frame, first_frame
from .video_poster import POSTER_BYTES, poster

__all__ = [
    "MAX_PIXELS",
    "POSTER_BYTES",
    "THUMBNAIL_BYTES",
    "Frame",
    "Image",
    "ImageInfo",
    "ImageSource",
    "SheetSpec",
    "can_decode",
    "embed",
    "encode",
    "extract",
    "first_frame",
    "grid",
    "open_image",
    "poster",
    "render",
    "render_file",
    "thumbnail",
    "verify",
]
