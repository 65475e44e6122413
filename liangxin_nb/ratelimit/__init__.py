"""Rate limits shared by all tasks, sessions and kernels that use one key.

On one machine they are shared through a file in the user's runtime folder, between several
machines through a Redis server.
"""

from __future__ import annotations

from .limiter import SharedRateLimiter, sharing_error

__all__ = ["SharedRateLimiter", "sharing_error"]
