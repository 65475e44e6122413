"""What becomes of a task: its states in time, a pure function of creation, clock and faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["failure_of", "is_visible", "state_at"]

#: A life: each state and the share of the whole time at which it begins.
Steps = list[tuple[str, float]]
#: A fault sealed at the task's creation: its name and its argument.
TaskFault = tuple[str, str]

_STATES: Steps = [("waiting", 0.0), ("queuing", 0.08), ("generating", 0.30), ("success", 1.0)]
_MODERATED = "SENSITIVE_WORD_ERROR"
_REASONS = {
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
    created_ms: int, total_ms: int, now_ms: int, fates: Sequence[TaskFault] = ()
) -> tuple[str, int]:
    """The state at a moment, and since when (unix ms)."""
    steps = _STATES
    for name, value in fates:
        steps = _CHANGES[name](steps, value) if name in _CHANGES else steps
    begun = [(state, int(created_ms + total_ms * share)) for state, share in steps]
    return [step for step in begun if step[1] <= now_ms or step is begun[0]][-1]


def is_visible(created_ms: int, now_ms: int, fates: Sequence[TaskFault]) -> bool:
    """Whether the task can be asked for already."""
    hidden = max((float(value) for name, value in fates if name == "late"), default=0.0)
    return now_ms >= created_ms + hidden * 1000


def failure_of(fates: Sequence[TaskFault]) -> tuple[str, str]:
    """The code and the words with which a failed task failed."""
    code = [_MODERATED if name == "moderated" else value for name, value in fates
            if name in ("fail", "moderated")][-1]  # fmt: skip
    return code, _REASONS.get(code, f"The upstream could not finish the task ({code}).")


def _apply_stall(steps: Steps, state: str) -> Steps:
    return steps[: [name for name, _ in steps].index(state) + 1]


def _apply_jump(steps: Steps, _: str) -> Steps:
    return [step for step in steps if step[0] not in ("queuing", "generating")]


def _apply_back(steps: Steps, _: str) -> Steps:
    again: Steps = [("queuing", 0.5), ("generating", 0.7)]
    return sorted([*steps, *again], key=lambda step: step[1]) if _has(steps, "success") else steps


def _apply_rename(old: str, new: str) -> Callable[[Steps, str], Steps]:
    return lambda steps, _: [(new if state == old else state, share) for state, share in steps]


def _has(steps: Steps, state: str) -> bool:
    return any(name == state for name, _ in steps)


_CHANGES: dict[str, Callable[[Steps, str], Steps]] = {
    "stall": _apply_stall,
    "jump": _apply_jump,
    "back": _apply_back,
    "odd-state": _apply_rename("generating", "preparing"),
    "fail": _apply_rename("success", "fail"),
    "moderated": _apply_rename("success", "fail"),
}
