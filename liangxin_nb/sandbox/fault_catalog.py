"""All faults that the sandbox can inject."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CHOICES", "FAULT_KINDS", "FaultKind"]

#: The states in which a task can stall.
_STATES = ("waiting", "queuing", "generating")
#: The possible arguments by placeholder.
CHOICES = {
    "STATE": _STATES,
    "END": ("success", "fail"),
    "PLACE": ("task_id", "id", "top", "top-task_id", "string", "bare", "cut", "none"),
    "TIMES": ("create-seconds", "seconds", "negative", "absurd", "text"),
    "SHAPE": (
        *("objects", "result-url-objects", "json-text", "one-text", "list", "object-list"),
        *("bare-url", "images", "audio-url", "video-url", "image-url", "videoUrl", "nested"),
        *("b64-json", "data-url", "base64", "relative", "protocol-relative", "newline"),
        *("spaces", "duplicates", "no-suffix", "dead-frames", "unreadable"),
    ),
    "FORMAT": (
        *("tiff", "gif", "bmp", "svg", "heic", "aac", "mp4", "broken-exif", "large-png"),
        *("large-jpeg", "unknown", "json-error"),
    ),
}


class FaultKind(NamedTuple):
    """Describes a fault.

    Attributes:
        stage: When it occurs. ``call``: every API call; ``create``: before a task is created;
            ``created``: after that; ``record``: before recordInfo answers; ``life``: fixed when
            a task is created; ``answer``: when a JSON answer is written; ``create-wire`` and
            ``record-wire``: when the bytes of that call's answer are sent; ``file``: when a result
            file is requested; ``callback``: when a callback is sent.
        value: Placeholder of its argument, empty if it takes none.
        description: What happens, in one line.
    """

    stage: str
    value: str
    description: str


def _wire_faults(call: str) -> dict[str, FaultKind]:
    """Return the faults of the bytes of a call's answer."""
    faults = {
        "bom": ("", "the answer begins with a byte order mark"),
        "gzip": ("", "the answer is compressed with gzip"),
        "gzip-twice": ("", "the answer is compressed with gzip twice"),
        "gzip-bomb": ("", "the answer is compressed twice, expands to 1 GiB"),
        "cut": ("", "half of the answer, then the connection is closed"),
        "dribble": ("SECONDS", "one space every SECONDS, never the answer"),
        "trickle": ("SECONDS", "the answer with SECONDS between two bytes"),
    }
    name = {"create": "createTask", "record": "recordInfo"}[call]
    return {
        f"{call}-{fault}": FaultKind(f"{call}-wire", value, f"{name}: {description}")
        for fault, (value, description) in faults.items()
    }


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
    "create-error": FaultKind("create", "STATUS", "STATUS as the task API, nothing is created"),
    "create-gateway-error": FaultKind(
        "create", "STATUS", "STATUS as the gateway, nothing is created"
    ),
    "create-slow": FaultKind("created", "SECONDS", "created, the answer is delayed by SECONDS"),
    "create-lost": FaultKind("created", "", "created, the connection is closed without an answer"),
    "create-half": FaultKind("created", "", "created, the answer is truncated"),
    "create-garbled": FaultKind("created", "", "created, 200 with broken JSON"),
    "create-no-id": FaultKind("created", "", "created, 200 without a taskId"),
    "create-empty": FaultKind("created", "", "created, 200 without a body"),
    "create-created-500": FaultKind("created", "", "created, the answer is 500"),
    "create-page": FaultKind("created", "STATUS", "created, a proxy's page with STATUS"),
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
    "record-page": FaultKind("record", "STATUS", "a proxy's page with STATUS"),
    "record-error": FaultKind("record", "STATUS", "STATUS as the task API"),
    "record-reset": FaultKind("record", "", "the connection is reset"),
    "late": FaultKind("life", "SECONDS", "recordInfo answers 404 for the first SECONDS"),
    "stall": FaultKind(
        "life", "STATE", f"the task stays in STATE ({', '.join(_STATES)}) indefinitely"
    ),
    "jump": FaultKind("life", "", "from waiting directly to success"),
    "back": FaultKind("life", "", "from generating back to queuing, then generating again"),
    "odd-state": FaultKind("life", "", 'the state is "preparing" instead of "generating"'),
    "fail": FaultKind("life", "CODE", "the task fails with failCode CODE"),
    "moderated": FaultKind("life", "", "the task fails with SENSITIVE_WORD_ERROR"),
    "result-late": FaultKind(
        "life", "SECONDS", "resultJson is empty for the first SECONDS after success"
    ),
    "clock": FaultKind(
        "answer", "OFFSET", "all times are shifted by OFFSET seconds, such as -3600"
    ),
    "kie": FaultKind("answer", "", "errors come as HTTP 200 with the code in the body"),
    "message-too": FaultKind("answer", "", "the key `message` beside `msg`"),
    "message": FaultKind("answer", "", "the key `message` instead of `msg`"),
    "create-id": FaultKind(
        "answer", "PLACE", f"the task id in another place: {', '.join(CHOICES['PLACE'])}"
    ),
    "create-code": FaultKind("answer", "CODE", "createTask: the code in the body is CODE"),
    "create-status": FaultKind("answer", "STATUS", "createTask: the HTTP status is STATUS"),
    "end-code": FaultKind("answer", "CODE", "recordInfo of an ended task: code CODE in the body"),
    "record-code": FaultKind("answer", "CODE", "recordInfo: the code in the body is CODE"),
    "record-status": FaultKind("answer", "STATUS", "recordInfo: the HTTP status is STATUS"),
    "retry-after": FaultKind("answer", "SECONDS", "both calls: with Retry-After"),
    "odd-times": FaultKind("answer", "TIMES", f"the times are odd: {', '.join(CHOICES['TIMES'])}"),
    "wrong-task": FaultKind("answer", "END", "the record of another task that has ended"),
    "param-unescaped": FaultKind(
        "answer", "", "the quotes within `param` are escaped one level too little"
    ),
    "nan": FaultKind("answer", "", "costTime is NaN, which is not JSON"),
    "success-flag": FaultKind("answer", "", "`successFlag` 0, 1 or 3 instead of `state`"),
    "success-word": FaultKind("answer", "WORD", 'the state is WORD instead of "success"'),
    "fail-word": FaultKind("answer", "WORD", 'the state is WORD instead of "fail"'),
    "status-key": FaultKind("answer", "", "`status` instead of `state`"),
    "result-missing": FaultKind("answer", "", "success with an empty resultJson"),
    "result-shape": FaultKind(
        "answer", "SHAPE", f"resultJson has another shape: {', '.join(CHOICES['SHAPE'])}"
    ),
    "result-object": FaultKind("answer", "", "resultJson is an object, not a string"),
    "result-twice": FaultKind("answer", "", "resultJson is a string within a string"),
    "nulls": FaultKind("answer", "", "null instead of empty strings, numbers as strings"),
    "extra": FaultKind("answer", "", "undocumented fields"),
    **_wire_faults("create"),
    **_wire_faults("record"),
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
    "file-late": FaultKind("file", "COUNT", "404 for the first COUNT requests of each file"),
    "file-late-403": FaultKind("file", "COUNT", "403 for the first COUNT requests of each file"),
    "file-late-empty": FaultKind(
        "file", "COUNT", "no bytes for the first COUNT requests of each file"
    ),
    "file-dead": FaultKind("file", "NUMBERS", "404 for these files of each task: 2 or 1+3"),
    "file-html": FaultKind("file", "", "an HTML page with the media type of the picture"),
    "file-empty": FaultKind("file", "", "no bytes"),
    "file-bomb": FaultKind("file", "", "a small PNG of 30000 x 30000 pixels"),
    "file-wrong-type": FaultKind("file", "", "another format than the name and the header state"),
    "file-as": FaultKind("file", "FORMAT", f"another file: {', '.join(CHOICES['FORMAT'])}"),
    "file-film": FaultKind("file", "MB", "a film of MB megabytes"),
    "file-no-type": FaultKind("file", "", "the media type is application/octet-stream"),
    "file-png-type": FaultKind("file", "", "the media type is image/png"),
    "file-gzip": FaultKind("file", "", "compressed with gzip, whatever the client accepts"),
    "file-gzip-twice": FaultKind("file", "", "compressed with gzip twice"),
    "file-gzip-bomb": FaultKind("file", "", "compressed twice, expands to 1 GiB"),
    "file-gzip-claimed": FaultKind("file", "", "Content-Encoding: gzip, but not compressed"),
    "file-short": FaultKind("file", "", "half of the file without Content-Length"),
    "file-cookie": FaultKind("file", "", "sets a cookie"),
    "file-truncated": FaultKind("file", "", "the connection is closed in the middle of the file"),
    "file-cut-once": FaultKind("file", "", "the same, only for the first request of each file"),
    "file-slow": FaultKind("file", "SECONDS", "is sent in small parts over SECONDS"),
    "file-dribble": FaultKind("file", "SECONDS", "one byte every SECONDS"),
    "file-endless": FaultKind("file", "", "never stops sending"),
    "callback-lost": FaultKind("callback", "", "no callback is sent"),
    "callback-twice": FaultKind("callback", "", "the callback is sent twice"),
    "callback-forged": FaultKind("callback", "", "the callback is signed with a wrong key"),
}
