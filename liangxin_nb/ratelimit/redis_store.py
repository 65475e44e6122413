"""Slots in a Redis server, shared by several machines (`pip install 'liangxin_nb[team]'`)."""

from __future__ import annotations

from .slots import RateLimit

__all__ = ["RedisSlotStore"]

_TIMEOUT_S = 2.0  # seconds for the server to answer

# Each script is atomic on the server, and uses the server's clock.
_RESERVE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1e6
local max_calls, period, caller = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local own = redis.call('ZSCORE', KEYS[1], caller) or '+inf'
redis.call('ZREM', KEYS[1], caller)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - period)
local earlier = redis.call('ZREVRANGEBYSCORE', KEYS[1], own, '-inf', 'WITHSCORES', 'LIMIT', 0, max_calls)
local slot = math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0))
if earlier[2] then slot = math.max(slot, tonumber(earlier[2])) end
if earlier[2 * max_calls] then slot = math.max(slot, tonumber(earlier[2 * max_calls]) + period) end
redis.call('ZADD', KEYS[1], string.format('%.6f', slot), caller)
redis.call('EXPIRE', KEYS[1], 600)
return string.format('%.6f', slot - now)
"""  # noqa: E501
_CONFIRM = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', string.format('%.6f', now[1] + now[2] / 1e6), ARGV[1])
"""
_BLOCK = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1e6
local blocked_until = math.max(now + ARGV[1], tonumber(redis.call('GET', KEYS[1]) or 0))
local expiry = math.ceil(blocked_until - now) + 1
redis.call('SET', KEYS[1], string.format('%.6f', blocked_until), 'EX', expiry)
"""


class RedisSlotStore:
    """Slots in a Redis server."""

    def __init__(self, url: str, name: str) -> None:
        """Create a store; connections are opened when they are needed.

        Args:
            url: A `redis://` or `rediss://` address.
            name: The prefix of the keys in the server.
        """
        import redis

        self._error = redis.RedisError
        self._name = f"liangxin:{name}"
        self._server = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        )

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """Reserve the next free slot; see `SlotStore`."""
        keys = [self._redis_key(call), f"{self._redis_key(call)}:blocked"]
        return max(0.0, float(self._run(_RESERVE, keys, limit.max_calls, limit.period_s, caller)))

    def confirm(self, call: str, caller: str) -> None:
        """Count a call from now on; see `SlotStore`."""
        self._run(_CONFIRM, [self._redis_key(call)], caller)

    def block(self, call: str, seconds: float) -> None:
        """Grant no slots for some seconds; see `SlotStore`."""
        self._run(_BLOCK, [f"{self._redis_key(call)}:blocked"], seconds)

    def _redis_key(self, call: str) -> str:
        return f"{self._name}:{call}"

    def _run(self, script: str, keys: list[str], *values: float | str) -> bytes:
        """Run a script; a failure is an `OSError` without the server's address."""
        try:
            reply = self._server.eval(script, len(keys), *keys, *map(str, values))
        except self._error as error:
            raise OSError(type(error).__name__) from None
        return bytes(reply or b"")
