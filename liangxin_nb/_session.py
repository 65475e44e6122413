"""The public session: everything that users do with one service, key and folder."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, overload

from .archive import ImportReport, export_session, import_session
from .batches import Batch, Estimate, open_batch, prepare
from .batches.batch import CONCURRENCY
from .cell_outputs import LineageTree
from .core.formatting import printable
from .core.public import explain_wrong_calls, public
from .core.request import DEFAULT_MODEL, BatchOption, Request
from .core.table import Table
from .errors import InvalidRequestError
from .library import Library
from .results import Result
from .session import BaseSession, Job
from .session.media_input import Images

__all__ = ["Session"]


@public
class Session(BaseSession):
    """One service, one key, one ledger and one results folder; every function as a method.

    The functions of `liangxin_nb` are the methods of the default session. Also a context manager,
    synchronous or asynchronous, that closes the session at its end:

        with lx.Session(profile="kie", results="autumn") as session:
            session.generate("a cafe terrace").wait()
    """

    @overload
    def batch(
        self, prompts: Any = None, *, models: str | Sequence[str] = DEFAULT_MODEL,
        image: Images = None, seeds: Iterable[int] | int | None = None, name: str = "",
        id: str = "", max_tasks: int = 50, concurrency: int | None = None,
        reuse: bool | None = None, dry_run: Literal[False] = False, allow_key_like: bool = False,
        any_model: bool = False, **options: BatchOption,
    ) -> Batch: ...  # fmt: skip
    @overload
    def batch(
        self, prompts: Any = None, *, models: str | Sequence[str] = DEFAULT_MODEL,
        image: Images = None, seeds: Iterable[int] | int | None = None, name: str = "",
        id: str = "", max_tasks: int = 50, concurrency: int | None = None,
        reuse: bool | None = None, dry_run: Literal[True], allow_key_like: bool = False,
        any_model: bool = False, **options: BatchOption,
    ) -> Estimate: ...  # fmt: skip
    @explain_wrong_calls('session.batch(["a lake", "a harbour"])')
    def batch(
        self, prompts: Any = None, *, models: str | Sequence[str] = DEFAULT_MODEL,
        image: Images = None, seeds: Iterable[int] | int | None = None, name: str = "",
        id: str = "", max_tasks: int = 50, concurrency: int | None = None,
        reuse: bool | None = None, dry_run: bool = False, allow_key_like: bool = False,
        any_model: bool = False, **options: Any,
    ) -> Batch | Estimate:  # fmt: skip
        """Submit many requests as one batch, or open an earlier one; see `liangxin_nb.batch`."""
        if (prompts is None) == (not id):
            raise InvalidRequestError(
                "batch() takes either prompts or the id= of an earlier batch; nothing was sent.",
                next_step="Write lx.batch(prompts), or lx.batch(id=…) (%liangxin batches).",
            )
        in_flight = CONCURRENCY if concurrency is None else concurrency
        for argument, number in (("concurrency", in_flight), ("max_tasks", max_tasks)):
            if number < 1:
                raise InvalidRequestError(
                    f"{argument}={number} is not a number above 0; nothing was sent."
                )
        if id:
            given = (options, dry_run, name, seeds is not None, image is not None)
            if any(given) or reuse is not None:
                raise InvalidRequestError(
                    "batch(id=…) opens an earlier batch as it was planned; nothing was sent.",
                    next_step="Leave out every other argument but concurrency=.",
                )
            return open_batch(self, id, concurrency=in_flight)
        prepared = prepare(
            self, prompts, models=models, seeds=seeds, image=image, reuse=reuse,
            allow_key_like=allow_key_like, any_model=any_model, **options,
        )  # fmt: skip
        if dry_run:
            return prepared.estimate
        return prepared.start(name=name, max_tasks=max_tasks, concurrency=in_flight)

    def show(self, item: Job | Batch | Result | Sequence[Job | Batch | Result]) -> None:
        """Show a job, a batch or a result below the running cell; see `liangxin_nb.show`."""
        from .notebook.widgets import show_item  # loaded only where something is shown

        show_item(item, self)

    def panel(self) -> None:
        """Open the panel below the running cell; see `liangxin_nb.panel`."""
        from .notebook.widgets import panel

        panel(lambda: self)

    def gallery(
        self,
        *,
        on_edit: Callable[[Request], None] | None = None,
        on_reference: Callable[[Path], None] | None = None,
    ) -> None:
        """Show all saved results below the running cell; see `liangxin_nb.gallery`."""
        from .notebook.widgets.gallery import show

        show(self, on_edit=on_edit, on_reference=on_reference)

    def doctor(self, *, rebuild: bool = False) -> Table | None:
        """Print a report, and return a table of all jobs; see `liangxin_nb.doctor`."""
        from .notebook.magics.maintenance import doctor_command

        return doctor_command("--rebuild" if rebuild else "", self)

    @explain_wrong_calls('session.lineage("ID")')
    def lineage(self, job_id: str) -> LineageTree:
        """Return what a job was made from, and what was made from it, as `show --lineage` does.

        Args:
            job_id: A task id, a record id, or the beginning of a record id.

        Returns:
            The tree, which shows itself with small pictures in a notebook.

        Raises:
            InvalidRequestError: If the id is not in the ledger.
        """
        return Library(self).lineage(self.get_record(job_id))

    @explain_wrong_calls('session.export_archive("tonight.zip")')
    def export_archive(self, path: str | Path | None = None, *, notebooks: bool = True) -> Path:
        """Pack results, ledger and notebooks into a zip; see `liangxin_nb.export_archive`."""
        report = export_session(self, path, notebooks=notebooks)
        for reason in report.left_out:
            warnings.warn(printable(f"Left out: {reason}"), stacklevel=2)
        return report.path

    @explain_wrong_calls('session.import_archive("tonight.zip")')
    def import_archive(
        self, path: str | Path, *, notebooks: bool = True, trust: bool = False
    ) -> ImportReport:
        """Import what `export_archive` has packed; see `liangxin_nb.import_archive`."""
        return import_session(self, path, notebooks=notebooks, trust=trust)

    def __repr__(self) -> str:
        return printable(f"<{type(self).__name__} {self.settings.host} · {self.settings.results}>")

    # The calls below wait for the network or for many files: on an event loop use these.

    async def credits_async(self) -> float:
        """Return `credits()` without blocking the event loop."""
        return await asyncio.to_thread(self.credits)

    async def resume_async(self, job_id: str = "") -> list[Job]:
        """Return `resume()` without blocking the event loop."""
        return await asyncio.to_thread(self.resume, job_id)

    async def attach_async(self, task_id: str) -> Job:
        """Return `attach()` without blocking the event loop."""
        return await asyncio.to_thread(self.attach, task_id)

    async def export_archive_async(
        self, path: str | Path | None = None, *, notebooks: bool = True
    ) -> Path:
        """Return `export_archive()` without blocking the event loop."""
        return await asyncio.to_thread(self.export_archive, path, notebooks=notebooks)

    async def import_archive_async(
        self, path: str | Path, *, notebooks: bool = True, trust: bool = False
    ) -> ImportReport:
        """Return `import_archive()` without blocking the event loop."""
        return await asyncio.to_thread(self.import_archive, path, notebooks=notebooks, trust=trust)
