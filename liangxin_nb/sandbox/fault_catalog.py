"""The faults that the sandbox can be told to have: their names, one line each."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["KINDS", "STATES", "Kind"]

#: The states in which a task can be held.
STATES = ("waiting", "queuing", "generating")


class Kind(NamedTuple):
    """One fault: where it strikes, the argument that it takes ("" none), and what happens.

    Places: `call` every call of the API · `create` before a task is created · `created` after ·
    `record` before recordInfo is answered · `life` sealed when a task is created · `answer` how
    an answer is written · `file` a result file is asked for · `callback` a task's end is told.
    """

    place: str
    takes: str
    about: str


#: Faults of one place strike in the order in which they are named; `life` and `answer` in this.
KINDS = {
    "key-revoked": Kind("call", "", "every call answers 401"),
    "limits": Kind("call", "", "429 above 10 recordInfo in 1 s or 20 createTask in 10 s, per key"),
    "create-reset": Kind("create", "", "the connection is reset, nothing is created"),
    "busy": Kind("create", "[SECONDS]", "429, with Retry-After where SECONDS are given"),
    "busy-date": Kind("create", "[SECONDS]", "429, Retry-After as a date SECONDS (2) from now"),
    "create-402": Kind("create", "", "402, no credits left"),
    "create-403": Kind("create", "", "403, the key may not use the model"),
    "create-403-quota": Kind("create", "", "403, the quota is used up"),
    "create-413": Kind("create", "", "413, the request is too large"),
    "create-422-moderated": Kind("create", "", "422, the prompt is refused"),
    "create-455": Kind("create", "", "455, maintenance"),
    "create-500": Kind("create", "", "500, nothing is created"),
    "create-500-required": Kind("create", "", '500 "This field is required"'),
    "create-502": Kind("create", "", "502 with a proxy's HTML page"),
    "create-503": Kind("create", "", "503, no channel for the model"),
    "create-slow": Kind("created", "SECONDS", "created, the answer comes after SECONDS"),
    "create-lost": Kind("created", "", "created, the connection is closed without an answer"),
    "create-half": Kind("created", "", "created, the answer is cut off in its middle"),
    "create-garbled": Kind("created", "", "created, 200 with broken JSON"),
    "create-no-id": Kind("created", "", "created, 200 without a taskId"),
    "create-empty": Kind("created", "", "created, 200 without a body"),
    "create-created-500": Kind("created", "", "created, and answered with 500"),
    "record-slow": Kind("record", "SECONDS", "the answer comes after SECONDS"),
    "record-busy": Kind("record", "[SECONDS]", "429, with Retry-After where SECONDS are given"),
    "record-busy-date": Kind("record", "[SECONDS]", "429, Retry-After as a date SECONDS (2) off"),
    "record-500": Kind("record", "", "500"),
    "record-502": Kind("record", "", "502 with a proxy's HTML page"),
    "record-503": Kind("record", "", "503"),
    "record-html": Kind("record", "", "200 with an HTML login page"),
    "record-empty": Kind("record", "", "200 without a body"),
    "record-broken": Kind("record", "", "200 with broken JSON"),
    "record-reset": Kind("record", "", "the connection is reset"),
    "late": Kind("life", "SECONDS", "the task is not known for its first SECONDS"),
    "stall": Kind("life", "STATE", f"the task stays in STATE ({', '.join(STATES)}) for ever"),
    "jump": Kind("life", "", "from waiting to success with no state between"),
    "back": Kind("life", "", "from generating back to queuing, then on"),
    "odd-state": Kind("life", "", 'says "preparing" where it would say "generating"'),
    "fail": Kind("life", "CODE", "the task fails with failCode CODE"),
    "moderated": Kind("life", "", "the task fails with SENSITIVE_WORD_ERROR"),
    "clock": Kind(
        "answer", "OFFSET", "all times told are off by OFFSET seconds, which may be -3600"
    ),
    "kie": Kind("answer", "", "errors come as HTTP 200 with the code in the body"),
    "message-too": Kind("answer", "", "the key `message` beside `msg`"),
    "message": Kind("answer", "", "the key `message` instead of `msg`"),
    "result-missing": Kind("answer", "", "success with an empty resultJson"),
    "result-object": Kind("answer", "", "resultJson is an object, not a string"),
    "result-twice": Kind("answer", "", "resultJson is a string within a string"),
    "nulls": Kind("answer", "", "null instead of empty strings, numbers as strings"),
    "extra": Kind("answer", "", "fields that no document knows"),
    "file-404": Kind("file", "", "404"),
    "file-403": Kind("file", "", "403, as of a link whose signature has expired"),
    "file-410": Kind("file", "", "410, gone"),
    "file-500": Kind("file", "", "500"),
    "file-expired-once": Kind("file", "", "a task's first link is dead; one asked for later works"),
    "file-aged": Kind("file", "", "a record's links are dead; those of download-url work"),
    "file-redirect": Kind("file", "", "302 to the file itself, on this address"),
    "file-redirect-evil": Kind("file", "", "302 to http://169.254.169.254/latest/meta-data/"),
    "file-redirect-loop": Kind("file", "", "302 to itself"),
    "file-redirect-scheme": Kind("file", "", "302 to file:///etc/passwd"),
    "file-html": Kind("file", "", "an HTML page that says it is the picture"),
    "file-empty": Kind("file", "", "no bytes"),
    "file-bomb": Kind("file", "", "a small PNG of 30000 x 30000 pixels"),
    "file-wrong-type": Kind("file", "", "another format than the name and the header say"),
    "file-cookie": Kind("file", "", "sets a cookie"),
    "file-truncated": Kind("file", "", "the connection is closed in the middle of the file"),
    "file-cut-once": Kind("file", "", "the same, at the first request of each file only"),
    "file-slow": Kind("file", "SECONDS", "dribbles for SECONDS"),
    "file-endless": Kind("file", "", "never stops sending"),
    "callback-lost": Kind("callback", "", "nobody is called"),
    "callback-twice": Kind("callback", "", "the same call is made twice"),
    "callback-forged": Kind("callback", "", "the call is signed with a wrong key"),
}
