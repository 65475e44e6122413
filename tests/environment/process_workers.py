"""Functions that forked and spawned processes of the tests run. Does not import pytest."""

import os

import liangxin_nb as lx
from liangxin_nb.session import session as module

from ..task_server import PACE

module.PACE = PACE  # the server of the tests may be polled more often than the services


def save(prompt):
    """Return the process, and the folder and the task of a result that it saves."""
    result = lx.generate(prompt).wait(60)
    return os.getpid(), result.metadata.task_id


def submit(prompt):
    """Return a job that this process follows."""
    return lx.generate(prompt)


def wait_for(job):
    """Return the task of a job of another process."""
    return job.wait(60).metadata.task_id


def fail(_):
    """Raise an error that another error has caused."""
    try:
        raise lx.APIError("The gateway is closed.", status=502)
    except lx.APIError as error:
        raise lx.TaskFailedError("It failed.", task_id="task_1", next_step="Try again.") from error
