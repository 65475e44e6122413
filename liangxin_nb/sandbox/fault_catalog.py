"""All faults that the sandbox can inject."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["FAULT_KINDS", "STATES", "FaultKind"]

#: The states in which a task can stall.
STATES = ("waiting", "queuing", "generating")


class FaultKind(NamedTuple):
    """Describes a fault.

    Attributes:
        stage: When it occurs. ``call``: every API call; ``create``: before a task is created;
            ``created``: after that; ``record``: before recordInfo answers; ``life``: fixed when
            a task is created; ``answer``: when a JSON answer is written; ``file``: when a result
            file is requested; ``callback``: when a callback is sent.
        value: Placeholder of its argument, empty if it takes none.
        description: What happens, in one line.
    """

    stage: str
    value: str
    description: str


#: Faults of a stage occur in the order in which the user lists them; `life` and `answer` in this.
FAULT_KINDS = {
    "key-revoked": FaultKind("call", "", "every call answers 401"),
    "limits": FaultKind(
        "call", "", "429 above 10 recordInfo in 1 s or 20 createTask in 10 s, per key"
    ),
    "create-reset": FaultKind("create", "", "the connection is reset, nothing is created"),
    "busy": FaultKind("create", "[SECONDS]", "429, with Retry-After where SECONDS are given"),
    "busy-date": FaultKind(
        "create", "[SECONDS]", "429, Retry-After as a date SECONDS (2) from now"
    ),
    "create-402": FaultKind("create", "", "402, no credits left"),
    "create-403": FaultKind("create", "", "403, the key may not use the model"),
    "create-403-quota": FaultKind("create", "", "403, the quota is used up"),
    "create-413": FaultKind("create", "", "413, the request is too large"),
    "create-422-moderated": FaultKind("create", "", "422, the prompt is rejected"),
    "create-455": FaultKind("create", "", "455, maintenance"),
    "create-500": FaultKind("create", "", "500, nothing is created"),
    "create-500-required": FaultKind("create", "", '500 "This field is required"'),
    "create-502": FaultKind("create", "", "502 with a proxy's HTML page"),
    "create-503": FaultKind("create", "", "503, no channel for the model"),
    "create-slow": FaultKind("created", "SECONDS", "created, the answer is delayed by SECONDS"),
    "create-lost": FaultKind("created", "", "created, the connection is closed without an answer"),
    "create-half": FaultKind("created", "", "created, the answer is truncated"),
    "create-garbled": FaultKind("created", "", "created, 200 with broken JSON"),
    "create-no-id": FaultKind("created", "", "created, 200 without a taskId"),
    "create-empty": FaultKind("created", "", "created, 200 without a body"),
    "create-created-500": FaultKind("created", "", "created, the answer is 500"),
    "record-slow": FaultKind("record", "SECONDS", "the answer is delayed by SECONDS"),
    "record-busy": FaultKind(
        "record", "[SECONDS]", "429, with Retry-After where SECONDS are given"
    ),
    "record-busy-date": FaultKind(
        "record", "[SECONDS]", "429, Retry-After as a date SECONDS (2) from now"
    ),
    "record-500": FaultKind("record", "", "500"),
    "record-502": FaultKind("record", "", "502 with a proxy's HTML page"),
    "record-503": FaultKind("record", "", "503"),
    "record-html": FaultKind("record", "", "200 with an HTML login page"),
    "record-empty": FaultKind("record", "", "200 without a body"),
    "record-broken": FaultKind("record", "", "200 with broken JSON"),
    "record-reset": FaultKind("record", "", "the connection is reset"),
    "late": FaultKind("life", "SECONDS", "recordInfo answers 404 for the first SECONDS"),
    "stall": FaultKind(
        "life", "STATE", f"the task stays in STATE ({', '.join(STATES)}) indefinitely"
    ),
    "jump": FaultKind("life", "", "from waiting directly to success"),
    "back": FaultKind("life", "", "from generating back to queuing, then generating again"),
    "odd-state": FaultKind("life", "", 'the state is "preparing" instead of "generating"'),
    "fail": FaultKind("life", "CODE", "the task fails with failCode CODE"),
    "moderated": FaultKind("life", "", "the task fails with SENSITIVE_WORD_ERROR"),
    "clock": FaultKind(
        "answer", "OFFSET", "all times are shifted by OFFSET seconds, such as -3600"
    ),
    "kie": FaultKind("answer", "", "errors come as HTTP 200 with the code in the body"),
    "message-too": FaultKind("answer", "", "the key `message` beside `msg`"),
    "message": FaultKind("answer", "", "the key `message` instead of `msg`"),
    "result-missing": FaultKind("answer", "", "success with an empty resultJson"),
    "result-object": FaultKind("answer", "", "resultJson is an object, not a string"),
    "result-twice": FaultKind("answer", "", "resultJson is a string within a string"),
    "nulls": FaultKind("answer", "", "null instead of empty strings, numbers as strings"),
    "extra": FaultKind("answer", "", "undocumented fields"),
    "file-404": FaultKind("file", "", "404"),
    "file-403": FaultKind("file", "", "403, the signature of the link has expired"),
    "file-410": FaultKind("file", "", "410, gone"),
    "file-500": FaultKind("file", "", "500"),
    "file-expired-once": FaultKind("file", "", "a task's first link has expired; later ones work"),
    "file-aged": FaultKind("file", "", "a record's links have expired; those of download-url work"),
    "file-redirect": FaultKind("file", "", "302 to the file itself, on this address"),
    "file-redirect-evil": FaultKind("file", "", "302 to http://169.254.169.254/latest/meta-data/"),
    "file-redirect-loop": FaultKind("file", "", "302 to itself"),
    "file-redirect-scheme": FaultKind("file", "", "302 to file:///etc/passwd"),
    "file-html": FaultKind("file", "", "an HTML page with the media type of the picture"),
    "file-empty": FaultKind("file", "", "no bytes"),
    "file-bomb": FaultKind("file", "", "a small PNG of 30000 x 30000 pixels"),
    "file-wrong-type": FaultKind("file", "", "another format than the name and the header state"),
    "file-cookie": FaultKind("file", "", "sets a cookie"),
    "file-truncated": FaultKind("file", "", "the connection is closed in the middle of the file"),
    "file-cut-once": FaultKind("file", "", "the same, only for the first request of each file"),
    "file-slow": FaultKind("file", "SECONDS", "is sent in small parts over SECONDS"),
    "file-endless": FaultKind("file", "", "never stops sending"),
    "callback-lost": FaultKind("callback", "", "no callback is sent"),
    "callback-twice": FaultKind("callback", "", "the callback is sent twice"),
    "callback-forged": FaultKind("callback", "", "the callback is signed with a wrong key"),
}
