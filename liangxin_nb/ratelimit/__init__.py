"""How often all may ask: one budget for every task, session and kernel that uses one key.

On this machine it is a small file in the user's runtime folder, by a `redis://` address one for
several machines.
"""

from __future__ import annotations

from .limiter import SharedRateLimiter, sharing_error

__all__ = ["SharedRateLimiter", "sharing_error"]
