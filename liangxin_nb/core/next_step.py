"""What to do about a job that has no complete result; the same words on every screen."""

from __future__ import annotations

from collections.abc import Sequence

from .formatting import first_line, format_count, format_time, local_datetime
from .job_record import RETENTION_S, JobRecord

__all__ = ["describe_cost", "describe_next_step", "describe_unconfirmed", "warn_before_resubmit"]

#: Where a service lists the tasks of a key. Sources: LiangXin Market docs; kie.ai/logs.
_TASK_LISTS = {
    "liangxin": "the console of LiangXin",
    "kie": "https://kie.ai/logs",
    "sandbox": "the file .sandbox/tasks.jsonl of the results folder",
}
_MAX_LISTED = 10
#: What a `display_state` means for money.
_COSTS = {
    "pending": "Nothing was sent; nothing is billed.",
    "rejected": "No task was created; nothing is billed.",
    "unconfirmed": "A task may exist and may be billed.",
    "submitted": "The task may be billed.",
    "not_fetched": "The task may be billed.",
    "result_lost": "The task may have been billed.",
}
#: What exists already for a request, by its `display_state`.
_EXISTS = {
    "pending": "This request is not sent yet, and may still be sent.",
    "submitting": "This request is being sent.",
    "unconfirmed": "A task for this request may exist already and may be billed.",
    "submitted": "The task of this request exists and may be billed.",
    "not_fetched": "The task of this request has succeeded; its result can still be fetched.",
    "partly_saved": "The missing outputs of this task may still be fetched.",
    "result_lost": "The task of this request may have been billed, and its result may be fetched.",
}


def describe_next_step(record: JobRecord) -> str:
    """Return what the user can do to get what was paid for; empty if there is nothing to do."""
    command = f"%liangxin resume {record.task_id or record.id}"
    state = record.display_state
    if state == "unconfirmed":
        return (
            f"Look for a task of {format_time(record.created_at)} with this prompt in "
            f"{_task_list(record)}. If it is there, %liangxin resume TASK_ID collects it."
        )
    if state == "not_fetched":
        return f"{command} fetches the result."
    if state in ("partly_saved", "result_lost"):
        last_day = f"{local_datetime(record.created_at + RETENTION_S):%Y-%m-%d}"
        until = f"the service keeps results until about {last_day}."
        if state == "partly_saved":
            return f"{command} tries the missing outputs again; {until}"
        return f"{command} tries to get its result; {until}"
    if state in ("failed", "rejected"):
        cost = "" if record.profile == "sandbox" else ", billed separately"
        return f"{command.replace('resume', 'again')} sends the same request: a new task{cost}."
    return ""


def describe_cost(record: JobRecord) -> str:
    """Return what a job without a complete result means for money; empty if it is not known."""
    state = record.display_state
    if state == "failed" and record.profile == "sandbox":
        return "The sandbox bills nothing."
    if state == "failed" and record.credits is not None:
        return f"The service has reported {record.credits:g} credits for it."
    if state == "failed":
        return f"Whether a failed task is billed is shown in {_task_list(record)}."
    return _COSTS.get(state, "")


def describe_unconfirmed(records: Sequence[JobRecord]) -> str:
    """Return how to look up requests that may have been billed; empty if there are none."""
    if not records:
        return ""
    lines = [
        f"  {format_time(r.created_at)} · {r.request.model} · {first_line(r.request.prompt, 60)}"
        for r in records[-_MAX_LISTED:]
    ]
    more = len(records) - len(lines)
    return "\n".join(
        [
            f"{format_count(len(records), 'request')} may have been billed; the answer was lost:",
            *lines,
            *([f"  and {more} earlier"] if more else []),
            f"Look for tasks of these times and prompts in {_task_list(records[-1])}.",
            "  A task that is there: %liangxin resume TASK_ID collects it, nothing is sent again.",
            "  A task that is not there was not created: send the request again if you want.",
        ]
    )


def _task_list(record: JobRecord) -> str:
    return _TASK_LISTS.get(record.profile, "the console of the service")


def warn_before_resubmit(record: JobRecord) -> str:
    """Return why sending the request again may pay twice; empty if no such work exists."""
    reason = _EXISTS.get(record.display_state, "")
    return f"{reason} Sending it again creates another task, billed separately." if reason else ""
