"""The result of a dry run: number of tasks, and what is known of their cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.formatting import format_count, printable
from ..core.public import public
from ..core.table import Table

__all__ = ["Estimate"]


@public
@dataclass(frozen=True)
class Estimate:
    """What a batch would create. Nothing was sent, and nothing was written.

    Attributes:
        models: Number of new tasks by model.
        reused: Number of saved results of identical requests.
        prices: Credits that the service reported for the last task of a model, where known.
        free: Whether nothing is billed (the sandbox).
        notes: Remarks about the requests.
    """

    models: Mapping[str, int]
    reused: int
    prices: Mapping[str, float]
    free: bool
    notes: tuple[str, ...] = ()

    @property
    def tasks(self) -> int:
        """Number of tasks that would be created."""
        return sum(self.models.values())

    @property
    def cost(self) -> str:
        """What is known of the cost, in one or two sentences."""
        if self.free:
            return "Nothing is billed: the sandbox draws on this machine."
        known = {model: n for model, n in self.models.items() if model in self.prices}
        unknown = [model for model in self.models if model not in self.prices]
        sentences = []
        if known:
            total = sum(n * self.prices[model] for model, n in known.items())
            each = ", ".join(f"{model} {self.prices[model]:g}" for model in known)
            sentences.append(
                f"About {total:g} credits, if each task costs as much as the last one of its "
                f"model ({each})."
            )
        if unknown:
            sentences.append(
                f"The cost of {' and '.join(unknown)} is not known: the ledger contains no task of "
                "this kind for which the service reported credits."
            )
        return " ".join(sentences) or "Nothing would be billed."

    @property
    def text(self) -> str:
        """Everything in a few lines."""
        each = ", ".join(f"{n} {model}" for model, n in self.models.items())
        plural = "s are" if self.reused != 1 else " is"
        reused = f" {self.reused} saved result{plural} reused." if self.reused else ""
        head = f"{format_count(self.tasks, 'task')} would be created"
        lines = [f"{head}{': ' + each if each else ''}.{reused}", self.cost, *self.notes]
        return "\n".join(map(printable, lines))

    def table(self) -> Table:
        """Return a table with one row per model."""
        rows = [
            (model, n, price, None if price is None else n * price)
            for model, n in self.models.items()
            for price in [self.prices.get(model)]
        ]
        return Table(("model", "tasks", "credits each, last time", "credits"), rows)

    def __repr__(self) -> str:
        return f"{self.text}\nNothing was sent."
