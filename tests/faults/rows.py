"""One row of the tables of outcomes: what a service answers, and what becomes of one job."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Row", "detached", "failed", "not_fetched", "rejected", "result_lost", "saved",
           "unconfirmed"]  # fmt: skip


@dataclass(frozen=True)
class Row:
    """An answer and its expected outcome.

    Attributes:
        faults: The sandbox's faults when the job is submitted; with a script, its title.
        outcome: The job's last phase.
        status: The status in the ledger at the end.
        message: A pattern of what the user reads.
        calls: The number of createTask requests.
        created: The number of created tasks.
        files: The files of the result on disk; "2 of 3" if outputs are missing.
        then: The faults after the task is accepted.
        timeout: Seconds without data after which a request fails.
        patience: Seconds after which the job stops waiting.
        options: Further arguments of `generate`.
        patches: Values in `liangxin_nb` that are replaced, by their names, such as pauses.
        script: Prepares the scripted server in place of the sandbox: called with the server, the
            session and monkeypatch. It may return a function that ends the trouble.
    """

    faults: str
    outcome: str
    status: str
    message: str = ""
    calls: int = 1
    created: int = 1
    files: str = "0"
    then: str = ""
    timeout: float = 60.0
    patience: float = 120.0
    options: dict[str, Any] = field(default_factory=dict)
    patches: dict[str, Any] = field(default_factory=dict)
    script: Callable[..., Any] | None = None

    @property
    def name(self):
        return f"{self.faults} then {self.then}" if self.then else self.faults


def saved(faults, message="", *, files="1", **fields):
    return Row(faults, "saved", "saved", message, files=files, **fields)


def unconfirmed(faults, message="may be billed", **fields):
    return Row(faults, "unconfirmed", "unconfirmed", message, **fields)


def rejected(faults, message, *, created=0, **fields):
    return Row(faults, "rejected", "rejected", message, created=created, **fields)


def failed(faults, message, **fields):
    return Row(faults, "failed", "failed", message, **fields)


def result_lost(faults, message, **fields):
    return Row(faults, "result_lost", "result_lost", message, **fields)


def detached(faults, message, **fields):
    return Row(faults, "detached", "submitted", message, **fields)


def not_fetched(faults, message, **fields):
    """A task that has succeeded, and a result that can still be collected."""
    return Row(faults, "detached", "succeeded", message, **fields)
