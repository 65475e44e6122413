"""States of a task over time, computed from its creation time, the clock and its faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["TIMELINE", "failure_of", "has_result", "is_visible", "state_at"]

#: Each state, and when it begins as a share of the whole duration.
Timeline = list[tuple[str, float]]
#: Name and argument of a fault that was fixed when the task was created.
TaskFault = tuple[str, str]

TIMELINE: Timeline = [("waiting", 0.0), ("queuing", 0.08), ("generating", 0.30), ("success", 1.0)]
_MODERATED = "SENSITIVE_WORD_ERROR"
_MESSAGES = {
    "400": "Invalid request parameters.",
    "402": "Credits insufficient.",
    "408": "Upstream did not answer for more than 10 minutes.",
    "422": "The upstream rejected the request: validation error.",
    "429": "Upstream rate limit reached.",
    "500": "Internal error, please try again later.",
    "501": "Generation failed.",
    _MODERATED: "The prompt may contain sensitive content. Please change it and try again.",
}


def state_at(
    created_ms: int, total_ms: int, now_ms: int, faults: Sequence[TaskFault] = ()
) -> tuple[str, int]:
    """Return the state at a time, and when it began, in unix milliseconds."""
    timeline = TIMELINE
    for name, value in faults:
        timeline = LIFE_FAULTS[name](timeline, value) if name in LIFE_FAULTS else timeline
    states = [(state, int(created_ms + total_ms * share)) for state, share in timeline]
    return [state for state in states if state[1] <= now_ms or state is states[0]][-1]


def is_visible(created_ms: int, now_ms: int, faults: Sequence[TaskFault]) -> bool:
    """Return whether recordInfo knows the task already."""
    hidden_s = max((float(value) for name, value in faults if name == "late"), default=0.0)
    return now_ms >= created_ms + hidden_s * 1000


def has_result(ended_ms: int, now_ms: int, faults: Sequence[TaskFault]) -> bool:
    """Return whether the record of a completed task contains its result already."""
    delay_s = max((float(value) for name, value in faults if name == "result-late"), default=0.0)
    return now_ms >= ended_ms + delay_s * 1000


def failure_of(faults: Sequence[TaskFault]) -> tuple[str, str]:
    """Return code and message of a failed task."""
    code = [_MODERATED if name == "moderated" else value for name, value in faults
            if name in ("fail", "moderated")][-1]  # fmt: skip
    return code, _MESSAGES.get(code, f"The upstream could not finish the task ({code}).")


def _stall(timeline: Timeline, state: str) -> Timeline:
    """Remove all states after one."""
    return timeline[: [name for name, _ in timeline].index(state) + 1]


def _skip_states(timeline: Timeline, _: str) -> Timeline:
    """Remove the states between waiting and the end."""
    return [entry for entry in timeline if entry[0] not in ("queuing", "generating")]


def _go_back(timeline: Timeline, _: str) -> Timeline:
    """Return to queuing once, unless the task stalls."""
    if not any(state == "success" for state, _ in timeline):
        return timeline
    repeated: Timeline = [("queuing", 0.5), ("generating", 0.7)]
    return sorted([*timeline, *repeated], key=lambda entry: entry[1])


def _rename_state(old: str, new: str) -> Callable[[Timeline, str], Timeline]:
    """Return a function that renames a state."""
    return lambda timeline, _: [(new if name == old else name, share) for name, share in timeline]


#: The change of the timeline for each fault of a task.
LIFE_FAULTS: dict[str, Callable[[Timeline, str], Timeline]] = {
    "stall": _stall,
    "jump": _skip_states,
    "back": _go_back,
    "odd-state": _rename_state("generating", "preparing"),
    "fail": _rename_state("success", "fail"),
    "moderated": _rename_state("success", "fail"),
}
