"""Signs and words of the gallery for statuses and kinds of results."""

from __future__ import annotations

from ..theme import StateStyle, state_style

__all__ = ["KINDS", "STATES", "state_label"]

#: The entries of the state filter, each with the ledger's statuses.
STATES: dict[str, tuple[str, ...]] = {
    "Saved": ("saved",),
    "Still running": ("pending", "submitting", "submitted", "succeeded"),
    "Unconfirmed (may be billed)": ("unconfirmed",),
    "Failed, rejected or lost": ("failed", "rejected", "result_lost"),
    "Deleted": ("deleted",),
    "Any state": (),
}

#: What is shown for results without a picture: a sign and a word.
KINDS: dict[str, tuple[str, str]] = {
    "video": ("▶", "Film"),
    "audio": ("♪", "Sound"),
    "text": ("¶", "Text"),
    "file": ("◫", "File"),
}

_PHASES = {"pending": "submitting", "succeeded": "saving"}


def state_label(status: str, state: str = "") -> StateStyle:
    """Return how a job record is shown.

    Args:
        status: The ledger's status.
        state: The service's last state, shown while the task is running there.
    """
    if status == "deleted":
        return StateStyle("–", "Deleted", "soft")
    if status == "submitted":
        return state_style(state or "waiting")
    return state_style(_PHASES.get(status, status))
