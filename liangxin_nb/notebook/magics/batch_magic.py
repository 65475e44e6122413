"""`%%liangxin batch`: many prompts at once; `%liangxin batch ID` and `%liangxin batches`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.core.error import UsageError

from ...errors import InvalidRequestError
from .execution import current_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...batches import Batch, PreparedBatch
    from ...core.table import Table
    from ...session import Session
    from ..widgets.batch_display import BatchOutput
    from .batch_arguments import BatchArguments

__all__ = ["batch_cell", "batch_line", "batches"]


def batch_cell(line: str, body: str) -> Any:
    """What `%%liangxin batch` does; a dry run is given back."""
    from ...batches import MAX_TASKS, prepare, prompt_lines
    from ..widgets import shows_widgets
    from ..widgets.batch_display import confirm
    from .batch_arguments import parse_batch_line

    session = current_session()
    arguments = parse_batch_line(line, body, get_ipython().user_ns)
    prepared = prepare(
        session, arguments.csv or prompt_lines(arguments.text), **arguments.parameters
    )
    estimate = prepared.estimate
    if arguments.dry_run:
        return estimate
    if (
        arguments.max_tasks is None
        and estimate.tasks > MAX_TASKS
        and shows_widgets()
        and not arguments.quiet
    ):
        confirm(estimate, lambda output: _start(prepared, arguments, estimate.tasks, output))
        return None
    batch, settled = _start(prepared, arguments, arguments.max_tasks or MAX_TASKS)
    if _should_wait(session, arguments):
        _wait(batch, settled, raises=arguments.raises)
    return None


def _start(
    prepared: PreparedBatch, arguments: BatchArguments, most: int, slot: BatchOutput | None = None
) -> tuple[Batch, Callable[[], object]]:
    from ..widgets.batch_display import show_batch

    batch = prepared.start(
        name=arguments.name,
        max_tasks=most,
        concurrency=arguments.concurrency,
        option="--max-tasks ",
    )
    if arguments.out:
        get_ipython().user_ns[arguments.out] = batch
    if arguments.quiet:
        return batch, bool
    return batch, show_batch(batch, notes=batch.notes, output=slot)


def batch_line(session: Session, rest: str) -> Any:
    """`%liangxin batch ID` shows a batch and goes on with it; with --csv it begins one."""
    from ...batches import open_batch
    from ..widgets import is_interactive
    from ..widgets.batch_display import show_batch

    if not rest:
        raise InvalidRequestError(
            "%liangxin batch needs the id of a batch.", next_step="%liangxin batches lists them."
        )
    if "--csv" in rest.split():
        return batch_cell(rest, "")
    batch = open_batch(session, rest)
    settled = show_batch(batch)
    if not is_interactive():
        _wait(batch, settled, raises=False)
    return None


def batches(session: Session, _: str) -> Table:
    """The newest batches of the ledger."""
    from ...batches import list_batches

    return list_batches(session)


def _should_wait(session: Session, arguments: BatchArguments) -> bool:
    from ..widgets import is_interactive

    wish = session.settings.wait if arguments.wait is None else arguments.wait
    return not is_interactive() if wish is None else wish


def _wait(batch: Batch, settled: Callable[[], object], *, raises: bool) -> None:
    """Until nothing more happens; a failure fails the cell in one line."""
    try:
        try:
            batch.wait()
        finally:
            if not batch.progress.active:
                settled()
    except KeyboardInterrupt:
        raise UsageError(
            f"Interrupted: no longer waiting. The batch goes on in the background; "
            f"%liangxin batch {batch.id} shows it."
        ) from None
    if raises and batch.failures:
        first, more = batch.failures[0], len(batch.failures) - 1
        others = f" and {more} more" if more else ""
        raise UsageError(
            f"Batch {batch.id}: {batch.progress.text}. {first.row}: {first.reason}{others}"
        )
