"""A loop whose clock jumps to the next event: hours of waiting pass in a moment."""

import asyncio
import selectors


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing; the time that it should have waited is added to the clock."""

    now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("everything waits, and nothing will happen")
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """Virtual seconds since 0."""

    def __init__(self):
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now


def run(work):
    """What a coroutine returns, on a loop of its own."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(work)
