"""Create cards that show and control the jobs of a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...catalog import find_model
from ...catalog.codegen import to_cell_source
from ...core.job_record import JobRecord, JobUpdate
from ...core.request import Request
from ...errors import InvalidRequestError
from ...session import BaseSession
from ...session.job import Job
from ...session.references import name_references, resubmit
from ...session.request_builder import repeat, supports_seed, with_new_seed
from .card_content import space_of
from .refresher import REFRESHER
from .task_card import Actions, TaskCard

__all__ = ["make_card"]


def make_card(
    job: Job,
    session: BaseSession,
    *,
    notes: Sequence[str] = (),
    on_update: Callable[[JobUpdate], None] | None = None,
    add_card: Callable[[Job], None] | None = None,
    edit: Callable[[Job], None] | None = None,
) -> tuple[TaskCard, Callable[[Job], Job]]:
    """Create a card that is updated with its job.

    Args:
        job: The job to show.
        session: The session of the job.
        notes: Remarks to show on the card.
        on_update: Called with every update of the job as well.
        add_card: Shows the new job of *Again* and *Vary*; default: the same card shows it.
        edit: What *Edit* does; without it there is no such button.

    Returns:
        The card, and a function that starts following a job; call it once the card is shown.
    """

    def follow(next_job: Job) -> Job:
        if on_update is not None:
            next_job.watch(on_update)
        REFRESHER.add(card, session.loop)
        return next_job

    def show_new(next_job: Job) -> Job | None:
        return add_card(next_job) if add_card is not None else follow(next_job)

    def submit_again(job: Job, change: Callable[[str, Request], Request]) -> Job | None:
        return show_new(resubmit(session, job.record, change))

    def to_cell(record: JobRecord) -> str:
        request = name_references(session.ledger, session.results, record)
        return to_cell_source(find_model(record.profile, request.model), request)

    profile = job.record.profile
    actions = Actions(
        collect=lambda job: follow(session.resume(job.record.id)[0]),
        resubmit=lambda job: submit_again(job, repeat),
        new_seed=lambda job: submit_again(job, with_new_seed),
        attach=lambda task_id: follow(session.resume(_required(task_id))[0]),
        to_cell=to_cell,
        supports_seed=lambda record: supports_seed(record.profile, record.request),
        edit=edit,
    )
    card = TaskCard(
        job,
        actions,
        median_duration=session.ledger.median_duration(job.record.request.model, profile),
        notes=notes,
        on_change=lambda card: REFRESHER.request_draw(card, session.loop),
        framed=add_card is not None,
        space=None if add_card is not None else space_of(job.record),
    )
    return card, follow


def _required(task_id: str) -> str:
    if not task_id:
        raise InvalidRequestError("Enter the id of the task first.")
    return task_id
