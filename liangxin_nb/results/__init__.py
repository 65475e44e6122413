"""The results folder: staging, saving and reading of results."""

from .rendering import find_poster, poster_name
from .result import Result
from .staging import METADATA_FILE, OLD_METADATA_FILE, StagedResult, metadata_file
from .store import (
    ResultStore,
    find_folder,
    load_result,
    read_metadata,
    read_metadata_file,
    read_origin,
)

__all__ = [
    "METADATA_FILE",
    "OLD_METADATA_FILE",
    "Result",
    "ResultStore",
    "StagedResult",
    "find_folder",
    "find_poster",
    "load_result",
    "metadata_file",
    "poster_name",
    "read_metadata",
    "read_metadata_file",
    "read_origin",
]
