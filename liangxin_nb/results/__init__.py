"""What is kept: the folder, the parcels that arrive in it, and the results that people hold."""

from .rendering import find_poster, poster_name
from .result import Result
from .staging import StagedResult
from .store import ResultStore, read_metadata

__all__ = ["Result", "ResultStore", "StagedResult", "find_poster", "poster_name", "read_metadata"]
