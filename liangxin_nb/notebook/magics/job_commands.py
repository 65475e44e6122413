"""`%liangxin show`, `resume`, `detach` and `recover`: what concerns single jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core.job_record import JobRecord, unconfirmed_notice, unsent_notice
from ...core.printing import print_text
from ...core.recorded_update import update_from_record
from ...core.table import Table
from ...errors import InvalidRequestError
from .execution import current_session, wait_for

if TYPE_CHECKING:
    from ...session import BaseSession
    from ...session.job import Job

__all__ = [
    "detach_command",
    "recover_command",
    "required_id",
    "resume_command",
    "show_command",
    "show_jobs",
]


def show_command(text: str) -> Any:
    """Show the result of a job, its card while it runs, or its lineage."""
    session, words = current_session(), text.split()
    task = required_id(" ".join(word for word in words if word != "--lineage"), "show")
    if "--lineage" in words:
        from ...library import Library  # not needed to load the extension

        return Library(session).lineage(session.get_record(task))
    job = session.job(task)
    return show_jobs(session, [job]) if job else _show_record(session, session.get_record(task))


def _show_record(session: BaseSession, record: JobRecord) -> Any:
    """Return the saved result of a job; of any other job show how it has ended or stands."""
    from ...cell_outputs import job_output
    from ..widgets.output import OutputHandle

    update = update_from_record(session.result, record)
    if update.result is not None:
        return update.result
    OutputHandle().show_output(job_output(update))
    return None


def resume_command(task: str) -> Any:
    """Follow unfinished jobs, and say what else waits."""
    from ...batches import unsent_batches  # not needed to load the extension

    session = current_session()
    jobs = session.resume(task)
    unsent = unsent_notice(unsent_batches(session))
    pending = "" if task else f"{_unconfirmed(session)} {unsent}".strip()
    if jobs:
        if pending:
            print_text(pending)  # one sentence above the cards
        return show_jobs(session, jobs)
    count = session.count_owned_elsewhere()
    others = f" {count} are followed by another notebook." if count else ""
    return Table((), (), f"Nothing is waiting to be collected.{others} {pending}".strip())


def _unconfirmed(session: BaseSession) -> str:
    """Return a sentence about requests whose answer was lost, which resume cannot collect."""
    return unconfirmed_notice(len(session.ledger.with_status("unconfirmed")))


def detach_command(task: str) -> Table:
    """Stop watching a job."""
    job = current_session().job(required_id(task, "detach"))
    if job is None:
        raise InvalidRequestError(
            f"{task!r} is not followed by this notebook.", next_step="%liangxin tasks lists them."
        )
    job.detach()
    name = job.task_id or job.record.id
    text = f"{name}: no longer watched; it may still be billed. Collect: %liangxin resume {name}"
    return Table((), (), text)


def recover_command(file: str) -> Any:
    """Follow every task that a notebook file names."""
    if not file:
        raise InvalidRequestError(
            "%liangxin recover needs a file.", next_step="Write %liangxin recover FILE.ipynb"
        )
    session = current_session()
    jobs = session.recover(file.strip("\"'"))
    return show_jobs(session, jobs) if jobs else Table((), (), f"{file} contains no task.")


def required_id(task: str, command: str) -> str:
    """Return an id, or raise `InvalidRequestError` if it is empty."""
    if not task:
        raise InvalidRequestError(
            f"%liangxin {command} needs the id of a task.", next_step="%liangxin tasks lists them."
        )
    return task


def show_jobs(session: BaseSession, jobs: list[Job]) -> None:
    """Show a card for each job; a headless run waits for them."""
    from ..widgets import is_interactive, show

    for job in jobs:
        show(job, session, brief=not is_interactive())
    if not is_interactive():
        wait_for(jobs)
