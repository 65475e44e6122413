"""The buttons of a card: which ones each state has, and what they are called."""

from __future__ import annotations

__all__ = ["BUTTON_LABELS", "buttons_of"]

#: The buttons of each state, those that get a result first; other states are live ones.
_BUTTONS: dict[str, tuple[str, ...]] = {
    "saved": ("resubmit", "new_seed", "edit", "cell", "id"),
    "partly_saved": ("collect_missing", "edit", "cell", "id", "resubmit", "new_seed"),
    "not_fetched": ("collect", "edit", "cell", "id", "resubmit", "new_seed"),
    "failed": ("resubmit", "new_seed", "edit", "cell", "id"),
    "detached": ("collect", "edit", "cell", "id", "resubmit", "new_seed"),
    "result_lost": ("collect_again", "edit", "cell", "id", "resubmit", "new_seed"),
    "rejected": ("resubmit", "new_seed", "edit", "cell"),
    "unconfirmed": ("attach", "edit", "cell", "resubmit", "new_seed"),
}
_LIVE_BUTTONS = ("detach", "edit", "cell", "id")
#: Label and tooltip of each button.
BUTTON_LABELS = {
    "detach": ("Stop watching", "The task keeps running and may still be billed"),
    "collect": ("Collect", "Watch the task again and save its result; nothing is sent again"),
    "collect_missing": ("Collect missing", "Try the missing outputs again; nothing is sent again"),
    "collect_again": ("Try to collect again", "Ask for the result again; nothing is sent again"),
    "attach": ("Enter task id", "Collect the task that you found at the service"),
    "resubmit": ("Again", "Submit the same request again: a new task, billed separately"),
    "new_seed": ("Vary", "Submit the same request with a new seed: a new task, billed separately"),
    "edit": ("Edit", "Put the prompt and the options into the form above; nothing is sent"),
    "cell": ("Copy cell", "Show the %%liangxin cell for this request, ready to be copied"),
    "id": ("Copy id", "Show the task id, ready to be copied"),
}


def buttons_of(state: str) -> tuple[str, ...]:
    """Return the names of the buttons of a `display_state`, in their order."""
    return _BUTTONS.get(state, _LIVE_BUTTONS)
