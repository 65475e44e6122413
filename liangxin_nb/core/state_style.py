"""How each state of a job is shown: the same sign, word and tone on every screen."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SANDBOX_NOTICE", "StateStyle", "state_style"]

SANDBOX_NOTICE: str = "Sandbox: drawn on this machine, no model was run."


@dataclass(frozen=True)
class StateStyle:
    """How a state is shown: a sign, a word and a tone, so that any one may be missing.

    Attributes:
        sign: One character.
        word: The state in words, as plain text.
        tone: The suffix of a CSS class: ``run``, ``good``, ``bad``, ``warn`` or ``soft``.
    """

    sign: str
    word: str
    tone: str


_STATE_STYLES = {
    "pending": StateStyle("○", "Not sent yet", "run"),
    "submitting": StateStyle("○", "Sending", "run"),
    "waiting": StateStyle("○", "Waiting", "run"),
    "queuing": StateStyle("◔", "Queuing", "run"),
    "generating": StateStyle("◐", "Generating", "run"),
    "saving": StateStyle("◕", "Saving", "run"),
    "late": StateStyle("◕", "Waiting for the file", "run"),
    "saved": StateStyle("●", "Done", "good"),
    "partly_saved": StateStyle("◑", "Partly saved", "warn"),
    "not_fetched": StateStyle("◇", "Succeeded, not fetched", "warn"),
    "failed": StateStyle("✕", "Failed", "bad"),
    "rejected": StateStyle("✕", "Rejected", "bad"),
    "result_lost": StateStyle("✕", "Result lost", "bad"),
    "detached": StateStyle("◇", "Detached (still running)", "warn"),
    "unconfirmed": StateStyle("?", "Unconfirmed (may be billed)", "warn"),
}


def state_style(phase: str) -> StateStyle:
    """Return the style of a `display_state`; undocumented states are running, by their own name."""
    return _STATE_STYLES.get(phase) or StateStyle("◌", phase.capitalize(), "run")
