"""`%%liangxin`: the prompt below, the options beside it, a card for each picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython import get_ipython

from .batch_magic import batch_cell
from .execution import as_usage_error, current_session, wait_for

if TYPE_CHECKING:
    from ...session.job import Job
    from .options import CellArguments

__all__ = ["liangxin_cell"]


def liangxin_cell(line: str, cell: str) -> Any:
    """Make pictures from the prompt below this line.

    %%liangxin [MODEL] [options]
    the prompt, taken literally

    MODEL                    a model's name (default z-image); %liangxin models lists them
    --aspect W:H             the picture's shape, such as 16:9
    --size SIZE              the picture's size, in the model's own words
    --seed NUMBER            the same seed aims at the same picture
    -o, --option NAME=VALUE  any input of the model by its own name; may be given several times
    --image REF              a reference picture: a URL, a file or a variable; several are allowed
    -n N                     how many pictures, one task each; with --seed the seeds count up
    --wait, --no-wait        wait until it is done, or do not (default: only where no one watches)
    --template                   replace {name} in the prompt by that variable
    --out NAME               keep the job (with -n, the list of jobs) in this variable
    --reuse                  take identical work that is kept on this disk, in place of a new task
    -q, --quiet              show no card

    %%liangxin batch [MODEL]… [options]
    one prompt per line

    --seed 1,2,5 or 1-4      several seeds; -n N draws N for each prompt
    --aspect --size -o       given several times, each value makes a column of its own
    --csv FILE               rows with a prompt column (%liangxin batch --csv FILE does the same)
    --dry-run                    only say how many tasks, and what is known of the cost
    --max-tasks N                 the most tasks that may be created without being asked (default
    50)
    --concurrency N               tasks in flight at once (default 16)
    --no-raise               a cell that waits does not fail when a task failed
    --name TEXT --reuse --template --image REF --wait --out NAME -q

    The cell returns at once and a live card follows each task; the finished picture replaces it.
    Every task is written into the ledger before it is sent, and may be billed once sent.
    """
    from .options import parse_cell

    shell = get_ipython()
    with as_usage_error():
        first, _, rest = line.strip().partition(" ")
        if first == "batch":
            return batch_cell(rest, cell)
        arguments = parse_cell(line, cell, shell.user_ns)
        waits = _should_wait(arguments.wait)
        jobs = _submit(arguments, brief=waits)
        if arguments.out:
            shell.user_ns[arguments.out] = jobs[0] if arguments.count == 1 else jobs
        if waits:
            wait_for(jobs)
    return None


def _submit(arguments: CellArguments, *, brief: bool) -> list[Job]:
    """One job for each picture, each with a job record in the ledger, each on the screen."""
    from ...session.request_builder import build_requests
    from ..widgets import show

    session = current_session()
    wanted, notes = build_requests(
        session.settings.profile,
        arguments.prompt,
        arguments.model,
        common_options=arguments.common_options,
        options=arguments.options,
        images=arguments.images,
        count=arguments.count,
    )
    jobs = []
    for request in wanted:
        jobs.append(session.submit(request, reuse=arguments.reuse))
        if not arguments.quiet:
            show(jobs[-1], session, notes=notes, brief=brief)
    return jobs


def _should_wait(asked: bool | None) -> bool:
    """What the cell says, else what the settings say, else: wait where no one watches."""
    from ..widgets import is_interactive

    wish = current_session().settings.wait if asked is None else asked
    return not is_interactive() if wish is None else wish
