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
from typing import TYPE_CHECKING, Any

from .errors import (
    InvalidRequest,
    LiangxinError,
    Moderated,
    NotAuthorized,
    OutOfCredit,
    ResultLost,
    Saturated,
    ServiceError,
    StillRunning,
    TaskFailed,
    UnderMaintenance,
    Unreachable,
    one_line,
)

if TYPE_CHECKING:
    from .callbacks import Receiver
    from .current import use
    from .job import Job
    from .loop import allow_nested_loops
    from .results import Result, story
    from .session import Session
    from .settings import Settings
    from .table import Table

__all__ = [
    "InvalidRequest",
    "Job",
    "LiangxinError",
    "Moderated",
    "NotAuthorized",
    "OutOfCredit",
    "Result",
    "ResultLost",
    "Saturated",
    "ServiceError",
    "Session",
    "Settings",
    "StillRunning",
    "TaskFailed",
    "UnderMaintenance",
    "Unreachable",
    "allow_nested_loops",
    "attach",
    "credits",
    "generate",
    "history",
    "receive_callbacks",
    "resume",
    "show",
    "story",
    "use",
]
__version__ = "0.1.0"

#: Where the names live that pull in the engine; each is loaded when it is first used.
_ROOMS = {
    "Job": "job",
    "Result": "results",
    "Session": "session",
    "Settings": "settings",
    "allow_nested_loops": "loop",
    "story": "results",
    "use": "current",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def generate(prompt: str, *, model: str = "z-image", **options: Any) -> Job:
    """Asks for one picture and returns its job at once.

    `aspect="16:9"`, `size=`, `seed=` in people's words; `image=` a reference picture or several (a
    URL, a file, bytes, a Pillow image, an array, a result, a finished job); any other option by
    the model's own name, such as `image_size="square_hd"`. `job.wait()` or `await job` gives the
    `Result`; as a cell's last line the job shows its live card. Raises `InvalidRequest` before
    anything is sent.
    """
    try:
        return _session().generate(prompt, model=model, **options)
    except KeyboardInterrupt as stopped:
        one_line(stopped, "Interrupted. What was sent by then: %liangxin tasks.")
        raise


def resume(id: str = "") -> list[Job]:
    """Takes up every unfinished task of the ledger, or the one of that task or ticket id.

    Raises `InvalidRequest` for an id that is not in the ledger or has nothing to collect.
    """
    return _session().resume(id)


def attach(task_id: str) -> Job:
    """A job for any task id of this key; the prompt is read back from the service."""
    return _session().attach(task_id)


def credits() -> float:
    """The account's balance under the `kie` profile.

    Raises `InvalidRequest` where no service documents how to ask: LiangXin, and the sandbox.
    """
    return _session().credits()


def history(search: str = "", most: int | None = None) -> Table:
    """The ledger as a table: rows for people, `.to_pandas()` where pandas is there.

    `search` looks into the prompts; `most` rows, default all; unfinished ones come first.
    """
    return _session().history(search=search, most=most)


def receive_callbacks(port: int = 0, address: str = "127.0.0.1") -> Receiver:
    """Takes the service's callbacks where no Jupyter server does; has `.url` and `.close()`.

    `port`: default any free one; `address`: default this machine only. To be called from outside,
    put a public https address before it and name that in LIANGXIN_CALLBACK_BASE.
    """
    from .callbacks import Receiver

    return Receiver(port, address)


def show(job: Job) -> None:
    """Shows a job's live card below the running cell, or one line where nobody looks."""
    from .panels import show as shown

    shown(job, _session())


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext liangxin_nb` calls."""
    from .magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """What `%unload_ext liangxin_nb` calls."""
    from .magics import unload

    unload(shell)


def _session() -> Session:
    """The session that cells use; in a notebook its jobs can then draw themselves."""
    from .current import current

    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:
        from .panels import teach

        teach(shell)
    return current()
