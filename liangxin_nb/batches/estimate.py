"""A dry run: how many tasks a batch would create, and what is known of their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.request import Request
from ..core.table import Table
from ..errors import InvalidRequestError

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """What a batch would come to; nothing was sent and nothing was written.

    `models`: how many tasks would be created of each; `reused`: how many results are kept
    already; `prices`: the credits that the service told for the last task of each model, where it
    told any; `free`: the sandbox bills nothing.
    """

    models: Mapping[str, int]
    reused: int
    prices: Mapping[str, float]
    free: bool
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, new: Sequence[Request], reused: int, prices: Mapping[str, float], free: bool,
        notes: tuple[str, ...] = (),
    ) -> Estimate:  # fmt: skip
        """The estimate for requests that would be sent."""
        return cls(Counter(request.model for request in new), reused, prices, free, notes)

    @property
    def tasks(self) -> int:
        """How many tasks would be created."""
        return sum(self.models.values())

    @property
    def cost(self) -> str:
        """What is known of the cost, in one honest sentence."""
        if self.free:
            return "Nothing is billed: the sandbox draws on this machine."
        unknown = [model for model in self.models if model not in self.prices]
        known = {model: n for model, n in self.models.items() if model in self.prices}
        sentences = []
        if known:
            total = sum(n * self.prices[model] for model, n in known.items())
            each = ", ".join(f"{model} {self.prices[model]:g}" for model in known)
            sentences.append(
                f"About {total:g} credits, if each task costs what its model's last one did "
                f"({each})."
            )
        if unknown:
            sentences.append(
                f"What {' and '.join(unknown)} will cost is not known: the ledger holds no task of "
                "this kind whose credits the service has told."
            )
        return " ".join(sentences) or "Nothing would be billed."

    @property
    def text(self) -> str:
        """All of it in a few lines."""
        each = ", ".join(f"{n} {model}" for model, n in self.models.items())
        reused = f" {self.reused} results are kept already and are reused." if self.reused else ""
        head = f"{self.tasks} task{'s' * (self.tasks != 1)} would be created"
        return "\n".join([f"{head}{': ' + each if each else ''}.{reused}", self.cost, *self.notes])

    def table(self) -> Table:
        """A row for each model."""
        rows = [
            (model, n, price, None if price is None else n * price)
            for model, n in self.models.items()
            for price in [self.prices.get(model)]
        ]
        return Table(("model", "tasks", "credits each, last time", "credits"), rows)

    def check_limit(self, max_tasks: int, option: str = "most=") -> None:
        """Raises `InvalidRequestError` when more than `max_tasks` tasks would be created."""
        if self.tasks > max_tasks:
            raise InvalidRequestError(
                f"{self.tasks} tasks would be created, more than {max_tasks}; nothing was sent.",
                next_step=f"Allow it with {option}{self.tasks}.",
            )

    def __repr__(self) -> str:
        return f"{self.text}\nNothing was sent."
