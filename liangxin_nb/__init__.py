"""Pictures in Jupyter through the Market task API of LiangXin and KIE.

    %load_ext liangxin_nb

    %%liangxin --aspect 16:9
    a cafe terrace at night, rain on the stones

or in Python: `job = liangxin_nb.generate("a cafe terrace")`, then `job.wait()` or `await job`.
Without a key everything runs against the sandbox, a local server that draws instead of a model.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, overload

from .errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    ContentPolicyError,
    InsufficientCreditsError,
    InvalidRequestError,
    LiangxinError,
    MaintenanceError,
    RateLimitError,
    ResultUnavailableError,
    TaskFailedError,
    WaitTimeoutError,
    one_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from .archive import export_archive, import_archive
    from .batches import Batch, Estimate
    from .callbacks import CallbackServer
    from .config.settings import Settings
    from .core.request import Request
    from .core.table import Table
    from .engine.background_loop import allow_nested_loops
    from .results import Result, read_metadata
    from .session import Session
    from .session.default import set_session
    from .session.job import Job

__all__ = [
    "APIConnectionError",
    "APIError",
    "AuthenticationError",
    "Batch",
    "CallbackServer",
    "ContentPolicyError",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "Job",
    "LiangxinError",
    "MaintenanceError",
    "RateLimitError",
    "Result",
    "ResultUnavailableError",
    "Session",
    "Settings",
    "TaskFailedError",
    "WaitTimeoutError",
    "allow_nested_loops",
    "attach",
    "batch",
    "credits",
    "export_archive",
    "gallery",
    "generate",
    "history",
    "import_archive",
    "panel",
    "read_metadata",
    "resume",
    "set_session",
    "show",
]
__version__ = "0.1.0"

#: Where the names live that pull in the engine; each is loaded when it is first used.
_ROOMS = {
    "CallbackServer": "callbacks",
    "Batch": "batches",
    "Job": "session.job",
    "Result": "results",
    "Session": "session",
    "Settings": "config.settings",
    "allow_nested_loops": "engine.background_loop",
    "export_archive": "archive",
    "import_archive": "archive",
    "read_metadata": "results",
    "set_session": "session.default",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def generate(prompt: str, *, model: str = "z-image", **options: Any) -> Job:
    """Asks for one picture and returns its job at once.

    `prompt`: what is to be seen, taken literally; `model`: its name, default z-image. `options`:
    `aspect="16:9"`, `size=`, `seed=` in people's words; `image=` a reference picture or several (a
    URL, a file, bytes, a Pillow image, an array, a result, a finished job); any other option by
    the model's own name, such as `image_size="square_hd"`. `job.wait()` or `await job` gives the
    `Result`; as a cell's last line the job shows its live card. `reuse=True` takes identical work
    that is kept on this disk. Raises `InvalidRequestError` before anything is sent.

        job = lx.generate("a cafe terrace", model="z-image", aspect="16:9", seed=7)
        result = job.wait()  # or: await job
        result.paths
    """
    try:
        return _session().generate(prompt, model=model, **options)
    except KeyboardInterrupt as stopped:
        one_line(stopped, "Interrupted. What was sent by then: %liangxin tasks.")
        raise


@overload
def batch(
    prompts: Any = None, *, dry_run: Literal[False] = False, id: str = "", **more: Any
) -> Batch: ...
@overload
def batch(prompts: Any, *, dry_run: Literal[True], **more: Any) -> Estimate: ...
def batch(
    prompts: Any = None,
    *,
    models: str | Sequence[str] = "z-image",
    seeds: Iterable[int] | int | None = None,
    image: Any = None,
    name: str = "",
    id: str = "",
    max_tasks: int = 50,
    concurrency: int = 16,
    reuse: bool = False,
    dry_run: bool = False,
    session: Session | None = None,
    **options: Any,
) -> Batch | Estimate:
    """Asks for many pictures and returns their batch at once.

    `prompts`: a list of prompts or of dicts, a DataFrame, or the path of a CSV file; columns are
    `prompt`, `model`, `seed`, `aspect`, `size`, `image` and any input of a model. Each prompt is
    asked for with every one of the `models`, of the `seeds` (a number draws as many) and of the
    values of one of the `options` that is given as a list. `name`: the batch's, for people.
    `image`: reference pictures for all. `concurrency`: tasks in flight at once. `reuse`: identical
    work that is kept on this disk is taken from there. `session`: default the one that cells use.
    `dry_run`: only says what it would come to. `id`: takes up a batch of the ledger again instead;
    nothing is sent twice. Raises `InvalidRequestError` before anything is sent: for bad rows, for
    more than `max_tasks` tasks, and where a limit would be crossed.
    """
    from .batches import open_batch, prepare

    here = session or _session()
    if id:
        return open_batch(here, id, concurrency=concurrency)
    prepared = prepare(
        here, prompts, models=models, seeds=seeds, image=image, reuse=reuse, **options
    )
    return (
        prepared.estimate
        if dry_run
        else prepared.start(name=name, max_tasks=max_tasks, concurrency=concurrency)
    )


def resume(id: str = "") -> list[Job]:
    """Takes up every unfinished task of the ledger, and returns a job for each.

    `id`: only the one of that task id, record id, or beginning of a record id. What another living
    notebook follows is left to it. Raises `InvalidRequestError` for an id that is not in the ledger
    or has nothing to collect.

        for job in lx.resume():
            job.wait()
    """
    return _session().resume(id)


def attach(task_id: str) -> Job:
    """A job for any task of this key, also one that was made elsewhere.

    `task_id`: as the service gave it. The prompt is read back from the service; a result that is
    kept already is read from the disk.

        lx.attach("task_z-image_1795306984967").wait()
    """
    return _session().attach(task_id)


def credits() -> float:
    """The account's balance under the `kie` profile: `lx.credits()`.

    Raises `InvalidRequestError` where no service documents how to ask: LiangXin, and the sandbox.
    """
    return _session().credits()


def history(search: str = "", limit: int | None = None) -> Table:
    """The ledger as a table: rows for people, `.to_pandas()` where pandas is there.

    `search` looks into the prompts; `limit` rows, default all; unfinished ones come first.

        lx.history("terrace", limit=10)
        lx.history().to_pandas()
    """
    return _session().history(search=search, limit=limit)


def show(job: Job) -> None:
    """Shows a job's live card below the running cell, or lines of text where no card can be.

    `job`: as `generate`, `attach` or `resume` returned it.

        lx.show(lx.generate("a cafe terrace"))
    """
    from .notebook.widgets import show as shown

    shown(job, _session())


def panel() -> None:
    """Opens the panel below the running cell: a form for each model, its code, and live cards.

    Raises `InvalidRequestError` where no one looks.
    """
    from .notebook.widgets import panel as opened

    opened()


def gallery(
    *,
    on_edit: Callable[[Request], None] | None = None,
    on_reference: Callable[[Path], None] | None = None,
) -> None:
    """Shows everything in the ledger below the running cell: look, compare, export, delete.

    `on_edit`, `on_reference`: take a request, or a picture's path, from its buttons; default the
    open composer, else the code is shown. Where no one looks, the first page is one picture.
    """
    from .notebook.widgets.gallery import show as shown

    shown(_session(), on_edit=on_edit, on_reference=on_reference)


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext liangxin_nb` calls."""
    from .notebook.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext liangxin_nb` calls."""
    from .notebook.magics import unload

    unload(shell)


def _session() -> Session:
    """The session that cells use; in a notebook its jobs can then draw themselves."""
    from .session.default import get_session

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        from .notebook.widgets import register_formatters

        register_formatters(shell)
    return get_session()
