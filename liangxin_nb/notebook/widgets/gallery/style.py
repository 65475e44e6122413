"""Signs and words of the gallery for statuses and kinds of results."""

from __future__ import annotations

from liangxin_nb.core.job_record import JobRecord

from ....core.state_style import StateStyle, state_style

__all__ = ["KINDS", "STATES", "state_label"]

#: The entries of the state filter, each with the ledger's statuses.
STATES: dict[str, tuple[str, ...]] = {
    "Saved": ("saved",),
    "Partly saved": ("partly_saved",),
    "Succeeded, not fetched": ("succeeded",),
    "Still running": ("pending", "submitting", "submitted"),
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


def state_label(record: JobRecord) -> StateStyle:
    """Return how a job record is shown; a running task by the service's last state."""
    if record.status == "deleted":
        return StateStyle("–", "Deleted", "soft")
    if record.status == "submitted":
        return state_style(record.state or "waiting")
    return state_style("submitting" if record.status == "pending" else record.display_state)
