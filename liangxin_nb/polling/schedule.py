"""The poll schedule and the rates that the services' documents recommend."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.public import public

__all__ = ["PollSchedule"]


@public
@dataclass(frozen=True)
class PollSchedule:
    """The documented poll schedule of one task, and the rates of all requests of one key.

    Source: KIE's Get Task Details page; LiangXin's recommends polling every 2 to 3 seconds at
    first, then gradually less often.

    Attributes:
        steps: (Until this many seconds after the start, minimum, maximum) seconds to the next
            poll; default 2-3 s for the first 30 s, 5-10 s up to 2 min, 15-30 s after that.
        poll_interval_s: Seconds between two polls of any tasks. The limit is 10 polls per second
            and key; the default is a quarter more, since requests can arrive closer together than
            they were sent.
        create_period_s: Seconds in which 20 tasks can be created. The limit is 20 in 10 s per
            account.
        max_block_s: The maximum pause in seconds that a response can request.
    """

    steps: tuple[tuple[float, float, float], ...] = (
        (30.0, 2.0, 3.0),
        (120.0, 5.0, 10.0),
        (float("inf"), 15.0, 30.0),
    )
    poll_interval_s: float = 0.125
    create_period_s: float = 10.5
    max_block_s: float = 60.0

    def wait(self, elapsed: float, jitter: float) -> float:
        """Compute the seconds to the next poll.

        Args:
            elapsed: Seconds since the task was submitted.
            jitter: From 0 to 1; distributes many tasks over the allowed range.

        Returns:
            Seconds.
        """
        low, high = next((low, high) for until, low, high in self.steps if elapsed < until)
        return low + (high - low) * jitter

    @property
    def min_interval_s(self) -> float:
        """The minimum of seconds between two polls of one task, at any time."""
        return min(low for _, low, _ in self.steps)

    def expected_polls(self, elapsed: float) -> float:
        """Return the average number of polls in a task's first seconds."""
        count, start = 0.0, 0.0
        for until, low, high in self.steps:
            count += max(0.0, min(elapsed, until) - start) / ((low + high) / 2)
            start = until
        return count
