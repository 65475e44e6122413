"""What is kept: the folder, the parcels that arrive in it, and the results that people hold."""

from ._base import Result
from .folder import Results, story
from .parcel import Parcel
from .showing import poster_beside, poster_name

__all__ = ["Parcel", "Result", "Results", "poster_beside", "poster_name", "story"]
