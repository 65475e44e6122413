"""Every fault and the expected outcome of one job."""

from dataclasses import dataclass

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """A fault and its expected outcome.

    Attributes:
        faults: The faults when the job is submitted.
        outcome: The job's last phase.
        status: The status in the ledger at the end.
        message: A pattern of the error message.
        calls: The number of createTask requests.
        created: The number of created tasks.
        then: The faults after the task is accepted.
        timeout: Seconds without data after which a request fails.
        patience: Seconds after which the job stops waiting.
    """

    faults: str
    outcome: str
    status: str
    message: str = ""
    calls: int = 1
    created: int = 1
    then: str = ""
    timeout: float = 60.0
    patience: float = 120.0

    @property
    def name(self):
        return f"{self.faults} then {self.then}" if self.then else self.faults


def saved(faults, **fields):
    return Row(faults, "saved", "saved", **fields)


def unconfirmed(faults, **fields):
    return Row(faults, "unconfirmed", "unconfirmed", "may be billed", **fields)


def rejected(faults, message, **fields):
    return Row(faults, "rejected", "rejected", message, created=0, **fields)


def result_lost(faults, message, **fields):
    return Row(faults, "result_lost", "result_lost", message, **fields)


def detached(faults, message, status="submitted", **fields):
    return Row(faults, "detached", status, message, **fields)


ROWS = [
    saved(""),
    # the response to createTask is lost: a task may exist, and the request is not sent again
    unconfirmed("create-lost"),
    unconfirmed("create-slow:6", timeout=3.0),
    unconfirmed("create-half"),
    unconfirmed("create-garbled"),
    unconfirmed("create-no-id"),
    unconfirmed("create-empty"),
    unconfirmed("create-created-500"),
    unconfirmed("create-reset", created=0),
    unconfirmed("create-500", created=0),
    unconfirmed("create-500-required", created=0),
    unconfirmed("create-502", created=0),
    unconfirmed("create-503", created=0),
    # the service rejects the request: no task exists
    rejected("create-402", r"\(402\).*Top up"),
    rejected("create-403", r"\(403\).*key.s permissions"),
    rejected("create-403-quota", r"\(403\).*Top up"),
    rejected("create-413", r"\(413\)"),
    rejected("create-422-moderated", r"\(422\).*Change the prompt"),
    rejected("create-455", r"\(455\).*Try again later"),
    rejected("kie, create-402", r"\(402\).*Top up"),
    rejected("kie, create-422-moderated", r"\(422\).*Change the prompt"),
    rejected("key-revoked", r"\(401\).*Check the key"),
    # only a 429 response without a task id is sent again
    saved("busy*2", calls=3),
    saved("busy:1*1", calls=2),
    saved("busy-date:1*1", calls=2),
    saved("kie, busy*1", calls=2),
    rejected("busy:0", r"\(429\).*Wait a moment", calls=4),
    # poll requests fail, the task does not
    saved("record-500*2"),
    saved("record-502*2"),
    saved("record-503*2"),
    saved("record-html*2"),
    saved("record-empty*2"),
    saved("record-broken*2"),
    saved("record-reset*2"),
    saved("record-busy:1*1"),
    saved("record-busy-date*1"),
    saved("record-slow:6*1", timeout=3.0),
    saved("late:0.2"),
    saved("kie, late:0.2"),
    detached("record-html", "still running after.*cannot be read.*resume", patience=0.2),
    detached("record-reset", "still running after.*cannot be reached.*resume", patience=0.2),
    detached("record-500", r"\(401\).*Check the key", then="key-revoked"),
    # unusual states
    detached("stall:waiting", "still running after", patience=0.2),
    detached("stall:generating", "still running after", patience=0.2),
    saved("jump"),
    saved("back"),
    saved("odd-state"),
    saved("clock:3600"),
    saved("clock:-86400"),
    Row("fail:500", "failed", "failed", r"The task failed \(500\)"),
    Row("moderated", "failed", "failed", r"The task failed \(SENSITIVE_WORD_ERROR\)"),
    Row("nulls, fail:501", "failed", "failed", r"The task failed \(501\)"),
    # unusual responses
    saved("message"),
    saved("message-too"),
    saved("result-object"),
    saved("result-twice"),
    saved("nulls"),
    saved("extra"),
    saved("kie, message, nulls, extra, result-twice"),
    detached("result-missing", "names no result", status="succeeded"),
    # downloads
    saved("file-expired-once"),
    saved("file-cut-once"),
    saved("file-500*2"),
    saved("file-slow:0.5"),
    saved("file-redirect"),
    saved("file-wrong-type"),
    saved("file-cookie"),
    result_lost("file-404", r"link has expired \(HTTP 404\)"),
    result_lost("file-403", r"link has expired \(HTTP 403\)"),
    result_lost("file-410", r"link has expired \(HTTP 410\)"),
    result_lost("file-redirect-evil", "inside a private network"),
    result_lost("file-redirect-loop", "redirects more than 5 times"),
    result_lost("file-redirect-scheme", "not http or https"),
    result_lost("file-html", "not a usable picture"),
    result_lost("file-empty", "not a usable picture"),
    saved("file-bomb"),  # as a file, without a thumbnail
    result_lost("file-endless", "larger than 4 MiB"),
    detached("file-truncated", "could not be fetched", status="succeeded"),
]
