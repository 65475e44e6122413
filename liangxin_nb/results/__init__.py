"""What is kept: the folder, the parcels that arrive in it, and the results that people hold."""

from ._base import Result
from .folder import Results, story
from .parcel import Parcel

__all__ = ["Parcel", "Result", "Results", "story"]
