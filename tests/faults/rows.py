"""Every fault and what has to come of it: the promise about money, row by row."""

from dataclasses import dataclass

__all__ = ["ROWS", "Row"]


@dataclass(frozen=True)
class Row:
    """A fault, and what is promised when it strikes.

    Attributes:
        faults: What is in force when the prompt is sent.
        outcome: The job's last state.
        status: What the ledger says at the end.
        says: A pattern of the words that the user reads.
        calls: How often createTask was called for the one prompt.
        created: How many tasks then exist.
        then: Faults that replace the others once the task is accepted.
        timeout: Seconds without a word after which a call counts as unanswered.
        patience: Seconds after which the job no longer waits.
    """

    faults: str
    outcome: str
    status: str
    says: str = ""
    calls: int = 1
    created: int = 1
    then: str = ""
    timeout: float = 60.0
    patience: float = 120.0

    @property
    def name(self):
        return f"{self.faults} then {self.then}" if self.then else self.faults


def kept(faults, **more):
    return Row(faults, "saved", "saved", **more)


def unknown(faults, **more):
    return Row(faults, "unconfirmed", "unconfirmed", "may be billed", **more)


def refused(faults, says, **more):
    return Row(faults, "rejected", "rejected", says, created=0, **more)


def lost(faults, says, **more):
    return Row(faults, "result_lost", "result_lost", says, **more)


def left(faults, says, status="submitted", **more):
    return Row(faults, "detached", status, says, **more)


ROWS = [
    kept(""),
    # the answer to createTask is lost: it may exist, it is never sent again
    unknown("create-lost"),
    unknown("create-slow:6", timeout=3.0),
    unknown("create-half"),
    unknown("create-garbled"),
    unknown("create-no-id"),
    unknown("create-empty"),
    unknown("create-created-500"),
    unknown("create-reset", created=0),
    unknown("create-500", created=0),
    unknown("create-502", created=0),
    unknown("create-503", created=0),
    # the service says no: nothing exists, and it says why
    refused("create-402", r"\(402\).*Top up"),
    refused("create-403", r"\(403\).*key.s permissions"),
    refused("create-403-quota", r"\(403\).*Top up"),
    refused("create-413", r"\(413\)"),
    refused("create-422-moderated", r"\(422\).*Change the prompt"),
    refused("create-455", r"\(455\).*Try again later"),
    refused("create-500-required", r"\(500\): This field is required"),
    refused("kie, create-402", r"\(402\).*Top up"),
    refused("kie, create-422-moderated", r"\(422\).*Change the prompt"),
    refused("key-revoked", r"\(401\).*Check the key"),
    # 429 without a task id is the one refusal that is sent again
    kept("busy*2", calls=3),
    kept("busy:1*1", calls=2),
    kept("busy-date:1*1", calls=2),
    kept("kie, busy*1", calls=2),
    refused("busy:0", r"\(429\).*Wait a moment", calls=4),
    # asking fails, the task does not
    kept("record-500*2"),
    kept("record-502*2"),
    kept("record-503*2"),
    kept("record-html*2"),
    kept("record-empty*2"),
    kept("record-broken*2"),
    kept("record-reset*2"),
    kept("record-busy:1*1"),
    kept("record-busy-date*1"),
    kept("record-slow:6*1", timeout=3.0),
    kept("late:0.2"),
    kept("kie, late:0.2"),
    left("record-html", "still running after.*cannot be read.*resume", patience=0.2),
    left("record-reset", "still running after.*cannot be reached.*resume", patience=0.2),
    left("record-500", r"\(401\).*Check the key", then="key-revoked"),
    # strange lives
    left("stall:waiting", "still running after", patience=0.2),
    left("stall:generating", "still running after", patience=0.2),
    kept("jump"),
    kept("back"),
    kept("odd-state"),
    kept("clock:3600"),
    kept("clock:-86400"),
    Row("fail:500", "failed", "failed", r"The task failed \(500\)"),
    Row("moderated", "failed", "failed", r"The task failed \(SENSITIVE_WORD_ERROR\)"),
    Row("nulls, fail:501", "failed", "failed", r"The task failed \(501\)"),
    # strange answers
    kept("message"),
    kept("message-too"),
    kept("result-object"),
    kept("result-twice"),
    kept("nulls"),
    kept("extra"),
    kept("kie, message, nulls, extra, result-twice"),
    lost("result-missing", "names no result"),
    # results that cannot be had as they should
    kept("file-expired-once"),
    kept("file-cut-once"),
    kept("file-500*2"),
    kept("file-slow:0.5"),
    kept("file-redirect"),
    kept("file-wrong-type"),
    kept("file-cookie"),
    lost("file-404", r"link has expired \(HTTP 404\)"),
    lost("file-403", r"link has expired \(HTTP 403\)"),
    lost("file-410", r"link has expired \(HTTP 410\)"),
    lost("file-redirect-evil", "inside a private network"),
    lost("file-redirect-loop", "redirects more than 5 times"),
    lost("file-redirect-scheme", "not http or https"),
    lost("file-html", "not a usable picture"),
    lost("file-empty", "not a usable picture"),
    lost("file-bomb", "more than 80000000 pixels"),
    lost("file-endless", "larger than 4 MiB"),
    left("file-truncated", "could not be fetched", status="succeeded"),
]
