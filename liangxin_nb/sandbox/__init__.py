"""A local service with the Market task API that draws pictures itself."""

from .client import control

__all__ = ["control"]
