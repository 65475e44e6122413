"""The functions of the package: the methods of the default session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from .core.public import explain_wrong_calls
from .core.request import DEFAULT_MODEL
from .errors import one_line

if TYPE_CHECKING:
    from ._session import Session
    from .archive import ImportReport
    from .batches import Batch, Estimate
    from .core.request import BatchOption, OptionValue, Request
    from .core.table import Table
    from .results import Result
    from .session import Job
    from .session.media_input import Images


def default_session() -> Session:
    """Return the session that cells use; in a notebook, let its jobs show themselves."""
    from .session.default import get_session

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        from .notebook.widgets import register_formatters

        register_formatters(shell)
    return cast("Session", get_session())


@explain_wrong_calls('lx.generate("a cafe terrace", model="z-image")')
def generate(
    prompt: str, *, model: str = DEFAULT_MODEL, aspect: str | None = None, size: str | None = None,
    seed: int | None = None, image: Images = None, callback: str | None = "",
    reuse: bool | None = None, allow_key_like: bool = False, any_model: bool = False,
    **options: OptionValue,
) -> Job:  # fmt: skip
    """Submit one request and return its job at once.

    The request is written to the ledger before it is sent, and may be billed once it is sent. As
    the last line of a cell, the job shows its live card.

        job = lx.generate("a cafe terrace", model="z-image", aspect="16:9", seed=7)
        result = job.wait()  # or: await job
        result.image

    Args:
        prompt: What the picture shows, taken literally.
        model: The model's name or title; `%liangxin models` lists them.
        aspect: Width to height, such as `"16:9"`.
        size: The size, in the model's own words or as `"1024x768"`.
        seed: The same seed aims at the same picture; default one is drawn, if the model takes one.
        image: One or several reference pictures: a URL, a file, bytes, a Pillow image, an array,
            a result or a finished job.
        callback: `"auto"` or a URL that is called when the task has ended, None to poll only.
        reuse: Return identical work, saved or running, instead of a new task; default the setting.
        allow_key_like: Send texts that look like an API key, too; a key in use is never sent.
        any_model: Use a model that the catalogue does not list, with unchecked inputs.
        **options: Inputs of the model by their own names, such as `image_size="square_hd"`.

    Returns:
        The running job: `job.wait()` or `await job` gives its result.

    Raises:
        InvalidRequestError: If an argument is wrong or a limit would be exceeded. Nothing is sent.
    """
    try:
        return default_session().generate(
            prompt, model=model, aspect=aspect, size=size, seed=seed, image=image,
            callback=callback, reuse=reuse, allow_key_like=allow_key_like, any_model=any_model,
            **options,
        )  # fmt: skip
    except KeyboardInterrupt as stopped:
        one_line(stopped, "Interrupted. %liangxin tasks lists what was sent by then.")
        raise


@overload
def batch(
    prompts: Any = None, *, models: str | Sequence[str] = DEFAULT_MODEL, image: Images = None,
    seeds: Iterable[int] | int | None = None, name: str = "", id: str = "", max_tasks: int = 50,
    concurrency: int | None = None, reuse: bool | None = None, dry_run: Literal[False] = False,
    allow_key_like: bool = False, any_model: bool = False, **options: BatchOption,
) -> Batch: ...  # fmt: skip
@overload
def batch(
    prompts: Any = None, *, models: str | Sequence[str] = DEFAULT_MODEL, image: Images = None,
    seeds: Iterable[int] | int | None = None, name: str = "", id: str = "", max_tasks: int = 50,
    concurrency: int | None = None, reuse: bool | None = None, dry_run: Literal[True],
    allow_key_like: bool = False, any_model: bool = False, **options: BatchOption,
) -> Estimate: ...  # fmt: skip
@explain_wrong_calls('lx.batch(["a lake", "a harbour"], models=["z-image"])')
def batch(
    prompts: Any = None, *, models: str | Sequence[str] = DEFAULT_MODEL, image: Images = None,
    seeds: Iterable[int] | int | None = None, name: str = "", id: str = "", max_tasks: int = 50,
    concurrency: int | None = None, reuse: bool | None = None, dry_run: bool = False,
    allow_key_like: bool = False, any_model: bool = False, **options: Any,
) -> Batch | Estimate:  # fmt: skip
    """Submit many requests as one batch and return it at once, or open an earlier batch.

    Every prompt is combined with each model, each seed, and each value of options that are lists.

        batch = lx.batch(["a lake", "a harbour"], models=["z-image", "flux-2-pro"], seeds=3)

    Args:
        prompts: A list of prompts or of dicts, a DataFrame, or the path of a CSV file. Columns are
            `prompt`, `model`, `seed`, `aspect`, `size`, `image` and any input of a model.
        models: One model or several.
        seeds: The seeds, or how many to draw for each prompt.
        image: Reference pictures for all requests.
        name: A name for the batch.
        id: The id of an earlier batch to continue instead; nothing is sent twice.
        max_tasks: More tasks than this are rejected.
        concurrency: How many tasks are in flight at once; default 16.
        reuse: Use identical work, saved or running, instead of new tasks; default the setting.
        dry_run: Only return how many tasks the batch would create, and what is known of the cost.
        allow_key_like: Send texts that look like an API key, too; a key in use is never sent.
        any_model: Use models that the catalogue does not list, with unchecked inputs.
        **options: `aspect`, `size`, and inputs of the models; a list makes one column per value.

    Returns:
        The running batch, or with `dry_run` an estimate.

    Raises:
        InvalidRequestError: If a row or an option is wrong, the arguments contradict each other,
            or a limit would be exceeded. Nothing is sent.
    """
    session: Any = default_session()  # only the caller knows which of the overloads applies
    opened: Batch | Estimate = session.batch(
        prompts, models=models, seeds=seeds, image=image, name=name, id=id, max_tasks=max_tasks,
        concurrency=concurrency, reuse=reuse, dry_run=dry_run, allow_key_like=allow_key_like,
        any_model=any_model, **options,
    )  # fmt: skip
    return opened


@explain_wrong_calls('lx.resume() or lx.resume("ID")')
def resume(job_id: str = "") -> list[Job]:
    """Follow every unfinished task of the ledger.

    Tasks that another running notebook follows are left to it.

        for job in lx.resume():
            job.wait()

    Args:
        job_id: Only this task id, record id, or beginning of a record id.

    Returns:
        A job for each task.

    Raises:
        InvalidRequestError: If the id is not in the ledger, or has nothing to collect.
    """
    return default_session().resume(job_id)


@explain_wrong_calls('lx.attach("TASK_ID")')
def attach(task_id: str) -> Job:
    """Follow any task of this key, also one that was created elsewhere.

    The prompt is read back from the service. A result that is saved already is read from disk.

        lx.attach("task_z-image_1795306984967").wait()

    Args:
        task_id: The id as the service gave it.

    Returns:
        The running job.
    """
    return default_session().attach(task_id)


def credits() -> float:
    """Return the account's balance in credits; blocks for one request.

    Raises:
        InvalidRequestError: Unless the profile is `kie`, the only one with such a request.
    """
    return default_session().credits()


@explain_wrong_calls('lx.history("terrace", limit=10)')
def history(search: str = "", limit: int | None = None) -> Table:
    """Return the ledger as a table, unfinished jobs first and then the newest.

        lx.history("terrace", limit=10).to_pandas()

    Args:
        search: Only jobs whose prompt holds this text.
        limit: The largest number of rows; default all.

    Returns:
        The table, which shows itself in a notebook.
    """
    return default_session().history(search, limit)


@explain_wrong_calls("lx.show(job)")
def show(item: Job | Batch | Result | Sequence[Job | Batch | Result]) -> None:
    """Show a job, a batch or a result below the running cell, or each of several.

    A running job or batch shows its live card, or text if the front end has no widgets.

        lx.show(lx.generate("a cafe terrace"))

    Args:
        item: What `generate`, `attach`, `resume`, `batch` or `job.wait()` returned.
    """
    default_session().show(item)


def panel() -> None:
    """Open the panel below the running cell: a form for each model, its code, and live cards.

    Raises:
        InvalidRequestError: If there is no interactive front end.
    """
    default_session().panel()


@explain_wrong_calls("lx.gallery()")
def gallery(
    *, on_edit: Callable[[Request], None] | None = None,
    on_reference: Callable[[Path], None] | None = None,
) -> None:  # fmt: skip
    """Show all saved results below the running cell, to view, compare, export and delete.

    Without an interactive front end, the first page is shown as one picture.

    Args:
        on_edit: Receives a request from the gallery's *Edit* button; default the open panel, else
            its code is shown.
        on_reference: Receives the path of a picture from the button *Use as reference*.
    """
    default_session().gallery(on_edit=on_edit, on_reference=on_reference)


def doctor(*, rebuild: bool = False) -> Table | None:
    """Print versions, settings and problems, without a key, a password or a home folder's name.

    Args:
        rebuild: Set a damaged ledger aside and rebuild it first, from what can be read.

    Returns:
        A table of all jobs by what became of them; None if the ledger cannot be opened.
    """
    from .notebook.magics.maintenance import doctor_command

    return doctor_command("--rebuild" if rebuild else "")


@explain_wrong_calls('lx.export_archive("tonight.zip")')
def export_archive(path: str | Path | None = None, *, notebooks: bool = True) -> Path:
    """Pack all results, the ledger and the notebooks beside them into one zip file.

    A file that holds the key is left out, with a warning. Tasks may run meanwhile.

        path = lx.export_archive("tonight.zip")

    Args:
        path: A new file, or a folder for one with today's name; default the working folder.
        notebooks: Whether notebooks are packed, as they were last saved.

    Returns:
        The path of the zip file.

    Raises:
        InvalidRequestError: If the file exists or cannot be written.
    """
    return default_session().export_archive(path, notebooks=notebooks)


@explain_wrong_calls('lx.import_archive("tonight.zip")')
def import_archive(
    path: str | Path, *, notebooks: bool = True, trust: bool = False
) -> ImportReport:
    """Import what `export_archive` has packed, here or on another machine.

    Nothing that exists is overwritten, and importing twice changes nothing. Imported jobs count for
    no limit. Unfinished ones of the same service can be collected with `resume`.

        lx.import_archive("liangxin-2026-11-22-0105.zip")

    Args:
        path: The zip file.
        notebooks: Whether its notebooks are written beside the results folder.
        trust: Whether the archive is your own: then `reuse` returns its results, too.

    Raises:
        InvalidRequestError: If the file is not a valid export.
    """
    return default_session().import_archive(path, notebooks=notebooks, trust=trust)
