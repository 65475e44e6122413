"""The results folder: staging, saving and reading of results."""

from .rendering import find_poster, poster_name
from .result import Result
from .staging import METADATA_FILE, OLD_METADATA_FILE, StagedResult, metadata_file
from .store import ResultStore, read_metadata, read_metadata_file, read_origin

__all__ = [
    "METADATA_FILE",
    "OLD_METADATA_FILE",
    "Result",
    "ResultStore",
    "StagedResult",
    "find_poster",
    "metadata_file",
    "poster_name",
    "read_metadata",
    "read_metadata_file",
    "read_origin",
]
