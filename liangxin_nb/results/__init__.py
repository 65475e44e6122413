"""The results folder: staging, saving and reading of results."""

from .figure import CAPTION_HEIGHT, OutputStyle, display_size, notice_html
from .posters import find_poster, poster_name
from .result import Result
from .staging import METADATA_FILE, OLD_METADATA_FILE, StagedResult, metadata_file
from .store import (
    ResultStore,
    find_folder,
    is_intact,
    load_result,
    read_metadata,
    read_metadata_file,
    read_origin,
)
from .thumbnails import ThumbnailCache
from .trash import TRASH_DAYS, Trash, TrashedResult

__all__ = [
    "CAPTION_HEIGHT",
    "METADATA_FILE",
    "OLD_METADATA_FILE",
    "TRASH_DAYS",
    "OutputStyle",
    "Result",
    "ResultStore",
    "StagedResult",
    "ThumbnailCache",
    "Trash",
    "TrashedResult",
    "display_size",
    "find_folder",
    "find_poster",
    "is_intact",
    "load_result",
    "metadata_file",
    "notice_html",
    "poster_name",
    "read_metadata",
    "read_metadata_file",
    "read_origin",
]
