"""The appointments of several machines, in a Redis (`pip install 'liangxin_nb[team]'`)."""

from __future__ import annotations

from .slots import RateLimit

__all__ = ["RedisSlotStore"]

_TIMEOUT = 2.0  # seconds for the server to answer

# One script is one step for the server, and the server's clock is everybody's.
_RESERVE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1e6
local most, within, who = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local mine = redis.call('ZSCORE', KEYS[1], who) or '+inf'
redis.call('ZREM', KEYS[1], who)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - within)
local before = redis.call('ZREVRANGEBYSCORE', KEYS[1], mine, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
local moment = math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0))
if before[2] then moment = math.max(moment, tonumber(before[2])) end
if before[2 * most] then moment = math.max(moment, tonumber(before[2 * most]) + within) end
redis.call('ZADD', KEYS[1], string.format('%.6f', moment), who)
redis.call('EXPIRE', KEYS[1], 600)
return string.format('%.6f', moment - now)
"""
_SENT = """
local now = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', string.format('%.6f', now[1] + now[2] / 1e6), ARGV[1])
"""
_CLOSE = """
local now = redis.call('TIME'); now = now[1] + now[2] / 1e6
local until_ = math.max(now + ARGV[1], tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.6f', until_), 'EX', math.ceil(until_ - now) + 1)
"""


class RedisSlotStore:
    """Appointments under a name in the Redis at a `redis://` or `rediss://` address."""

    def __init__(self, url: str, name: str) -> None:
        import redis

        self._broken = redis.RedisError
        self._name = f"liangxin:{name}"
        self._server = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT
        )

    def reserve(self, call: str, limit: RateLimit, caller: str) -> float:
        """The seconds until the next moment that is free for a call of `caller`, then taken."""
        keys = [self._redis_key(call), f"{self._redis_key(call)}:closed"]
        return max(0.0, float(self._run(_RESERVE, keys, limit.max_calls, limit.period_s, caller)))

    def confirm(self, call: str, caller: str) -> None:
        """The call of `caller` was answered: it counts from now."""
        self._run(_SENT, [self._redis_key(call)], caller)

    def block(self, call: str, seconds: float) -> None:
        """Gives no appointments to anybody for so long."""
        self._run(_CLOSE, [f"{self._redis_key(call)}:closed"], seconds)

    def _redis_key(self, call: str) -> str:
        return f"{self._name}:{call}"

    def _run(self, script: str, keys: list[str], *values: float | str) -> bytes:
        try:
            said = self._server.eval(script, len(keys), *keys, *map(str, values))
        except self._broken as error:
            raise OSError(type(error).__name__) from None
        return bytes(said or b"")
