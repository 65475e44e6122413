"""An event loop in virtual time: its clock jumps to the next event.

A test module that defines the fixture `anyio_backend` as `BACKEND` runs its asynchronous tests on
such a loop. `asyncio.get_running_loop().time` is then the clock to inject; it begins at 0.
"""

from .bench import virtual

__all__ = ["BACKEND", "Loop", "run"]


class Loop(virtual.Loop):
    """Runs functions for other threads at once, in the test's thread."""

    def run_in_executor(self, executor, function, *arguments):
        future = self.create_future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


#: For anyio: the value of its fixture `anyio_backend`.
BACKEND = ("asyncio", {"loop_factory": Loop})


def run(work):
    """Run a coroutine on such a loop, and return its result."""
    loop = Loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
