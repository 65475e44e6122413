"""Live cards, joined to the session whose tasks they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...catalog import find_model
from ...catalog.codegen import to_cell_source
from ...core.job_record import JobRecord, JobUpdate
from ...session import Session
from ...session.job import Job
from ...session.request_builder import supports_seed, with_new_seed
from .refresher import REFRESHER
from .task_card import Actions, TaskCard

__all__ = ["make_card"]


def make_card(
    job: Job,
    session: Session,
    *,
    notes: Sequence[str] = (),
    on_end: Callable[[JobUpdate], None] | None = None,
    added: Callable[[Job], None] | None = None,
    edit: Callable[[Job], None] | None = None,
) -> tuple[TaskCard, Callable[[Job], Job]]:
    """A card that is told of every state, and what lets it follow a job, once it is shown.

    `on_end` is told as well. `added`: takes the job of *Again* and *Vary*, default: the same card
    shows it. `edit`: what *Edit* does; without it there is no such button.
    """

    def followed(next_job: Job) -> Job:
        if on_end is not None:
            next_job.watch(on_end)
        REFRESHER.add(card, session.loop)
        return next_job

    def asked(next_job: Job) -> Job | None:
        return added(next_job) if added is not None else followed(next_job)

    profile = job.record.profile
    actions = Actions(
        collect=lambda job: followed(session.resume(job.record.id)[0]),
        resubmit=lambda job: asked(session.submit(job.record.request)),
        new_seed=lambda job: asked(session.submit(with_new_seed(profile, job.record.request))),
        to_cell=_to_cell,
        supports_seed=lambda record: supports_seed(record.profile, record.request),
        edit=edit,
    )
    usual = session.ledger.median_duration(job.record.request.model, profile)
    card = TaskCard(
        job,
        actions,
        median_duration=usual,
        notes=notes,
        news=lambda card: REFRESHER.request_draw(card, session.loop),
        framed=added is not None,
    )
    return card, followed


def _to_cell(record: JobRecord) -> str:
    return to_cell_source(find_model(record.profile, record.request.model), record.request)
