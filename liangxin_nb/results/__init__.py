"""What is kept: the folder, the parcels that arrive in it, and the results that people hold."""

from .rendering import poster_beside, poster_name
from .result import Result
from .staging import Parcel
from .store import Results, read_metadata

__all__ = ["Parcel", "Result", "Results", "poster_beside", "poster_name", "read_metadata"]
