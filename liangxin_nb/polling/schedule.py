"""What the services' documents ask for."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.public import public

__all__ = ["PollSchedule"]


@public
@dataclass(frozen=True)
class PollSchedule:
    """The documented schedule of questions about one task, and the rates of all calls of one key.

    `steps`: (until this many seconds after the start, least, most) seconds to the next question.
    Default: 2-3 s for the first 30 s, 5-10 s to 2 min, 15-30 s after. `poll_interval_s`: seconds
    between two questions about any tasks; the bound is 10 queries in any second and key, and a
    quarter more leaves room for calls that arrive closer together than they were sent.
    `create_period_s`: seconds within which 20 tasks may be created; the bound is 20 in 10 s and
    account. `grace_s`: seconds in which a new task may still be unknown. `max_block_s`: seconds
    that the service may ask us to wait. Source: KIE's Get Task Details page; LiangXin's says every
    2 to 3 seconds at first, then gradually less often.
    """

    steps: tuple[tuple[float, float, float], ...] = (
        (30.0, 2.0, 3.0),
        (120.0, 5.0, 10.0),
        (float("inf"), 15.0, 30.0),
    )
    poll_interval_s: float = 0.125
    create_period_s: float = 10.5
    grace_s: float = 20.0
    max_block_s: float = 120.0

    def wait(self, elapsed: float, chance: float) -> float:
        """Seconds to the next question, `elapsed` seconds after the task was accepted.

        `chance`, from 0 to 1, spreads many tasks over the allowed span.
        """
        least, most = next((low, high) for until, low, high in self.steps if elapsed < until)
        return least + (most - least) * chance

    @property
    def min_interval_s(self) -> float:
        """The least seconds between two questions about one task, at any time."""
        return min(least for _, least, _ in self.steps)

    def expected_polls(self, elapsed: float) -> float:
        """How many questions the schedule asks about a task in its first seconds, on average."""
        count, since = 0.0, 0.0
        for until, least, most in self.steps:
            count += max(0.0, min(elapsed, until) - since) / ((least + most) / 2)
            since = until
        return count
