"""An event loop with a clock that jumps to the next event, so that waiting takes no time."""

import asyncio
import selectors


class _Jumping(selectors.DefaultSelector):
    """A selector that does not wait, but adds the waiting time to its clock."""

    now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise RuntimeError("all tasks wait, and no event is scheduled")
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop with virtual time, which starts at 0."""

    def __init__(self):
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now


def run(work):
    """Run a coroutine on a new loop and return its result."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(work)
