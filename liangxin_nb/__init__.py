"""Pictures in Jupyter through the Market task API of LiangXin and KIE.

    %load_ext liangxin_nb

    %%liangxin --aspect 16:9
    a cafe terrace at night, rain on the stones

or in Python: `job = liangxin_nb.generate("a cafe terrace")`, then `job.wait()` or `await job`.
Without a key everything runs against the sandbox, a local server that draws instead of a model.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._api import (
    attach,
    batch,
    credits,
    doctor,
    export_archive,
    gallery,
    generate,
    history,
    import_archive,
    panel,
    resume,
    show,
)
from ._version import __version__ as __version__
from .errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    ContentPolicyError,
    InsufficientCreditsError,
    InvalidRequestError,
    LedgerError,
    LiangxinError,
    MaintenanceError,
    RateLimitError,
    ResultUnavailableError,
    TaskFailedError,
    WaitTimeoutError,
)

if TYPE_CHECKING:
    from ._session import Session
    from .archive import ExportReport, ImportReport
    from .batches import Batch, ContactSheet, Estimate, Outcome, Progress
    from .callbacks import CallbackServer
    from .config.settings import Settings
    from .core.job_record import JobPhase, JobRecord, JobStatus, JobUpdate
    from .core.metadata import ResultMetadata
    from .core.request import Request
    from .core.table import Table
    from .engine.background_loop import allow_nested_loops
    from .polling import PollSchedule
    from .results import Result, read_metadata
    from .session import Job
    from .session.default import set_session

__all__ = [
    "APIConnectionError",
    "APIError",
    "AuthenticationError",
    "Batch",
    "CallbackServer",
    "ContactSheet",
    "ContentPolicyError",
    "Estimate",
    "ExportReport",
    "ImportReport",
    "InsufficientCreditsError",
    "InvalidRequestError",
    "Job",
    "JobPhase",
    "JobRecord",
    "JobStatus",
    "JobUpdate",
    "LedgerError",
    "LiangxinError",
    "MaintenanceError",
    "Outcome",
    "PollSchedule",
    "Progress",
    "RateLimitError",
    "Request",
    "Result",
    "ResultMetadata",
    "ResultUnavailableError",
    "Session",
    "Settings",
    "Table",
    "TaskFailedError",
    "WaitTimeoutError",
    "allow_nested_loops",
    "attach",
    "batch",
    "credits",
    "doctor",
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

#: Where the other names are defined; each module is loaded when its name is first used.
_LAZY = {
    "Batch": "batches",
    "CallbackServer": "callbacks",
    "ContactSheet": "batches",
    "Estimate": "batches",
    "ExportReport": "archive",
    "ImportReport": "archive",
    "Job": "session",
    "JobPhase": "core.job_record",
    "JobRecord": "core.job_record",
    "JobStatus": "core.job_record",
    "JobUpdate": "core.job_record",
    "Outcome": "batches",
    "PollSchedule": "polling",
    "Progress": "batches",
    "Request": "core.request",
    "Result": "results",
    "ResultMetadata": "core.metadata",
    "Session": "_session",
    "Settings": "config.settings",
    "Table": "core.table",
    "allow_nested_loops": "engine.background_loop",
    "read_metadata": "results",
    "set_session": "session.default",
}
for _function in (
    attach, batch, credits, doctor, export_archive, gallery, generate, history, import_archive,
    panel, resume, show,
):  # fmt: skip
    _function.__module__ = __name__


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        similar = get_close_matches(name, __all__, n=1)
        hint = f" Did you mean {similar[0]!r}?" if similar else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}.{hint}")
    return getattr(import_module(f".{_LAZY[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; called by `%load_ext liangxin_nb`."""
    from .notebook.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove the magics; called by `%unload_ext liangxin_nb`."""
    from .notebook.magics import unload

    unload(shell)
