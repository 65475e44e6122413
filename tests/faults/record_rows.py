"""What becomes of a job after each answer to recordInfo."""

from . import scripts
from .rows import detached, failed, result_lost, saved

__all__ = ["RECORD_ROWS"]

PAGE = b"<html><title>404 page not found</title></html>"
CHECK = b"<html><title>Just a moment...</title></html>"
SHORT = {"patience": 0.3}
#: Every answer that does not know the task counts, as if the task were old and they far apart.
OLD = {"core.outcomes._NEW_TASK_S": 0.0, "core.outcomes._ABSENCE_INTERVAL_S": 0.0}
UNKNOWN = {"code": 404, "msg": "task not found"}

RECORD_ROWS = [
    # defects of the answer that do not hide its content
    saved("param-unescaped"),
    saved("param-unescaped, record-bom"),
    saved("nan"),
    saved("record-bom"),
    saved("record-gzip"),
    saved("record-trickle:0.001*1"),
    saved("message"),
    saved("message-too"),
    saved("nulls"),
    saved("extra"),
    saved("message, nulls, extra, result-twice"),
    # the state, in any word and place, whatever the codes say
    saved("success-word:SUCCESS"),
    saved("success-word:completed"),
    saved("success-word:done"),
    saved("success-word:delivered"),
    saved("success-flag"),
    saved("status-key"),
    saved("record-code:0"),
    saved("end-code:501"),
    saved("record-status:202"),
    saved("record-status:500"),
    saved("jump"),
    saved("back"),
    saved("odd-state"),
    failed("fail:500", r"The task failed \(500\)"),
    failed("fail:501, end-code:501", r"The task failed \(501\): Generation failed"),
    failed("fail:422, fail-word:failed", r"The task failed \(422\)"),
    failed("fail:422, fail-word:cancelled", r"The task failed \(422\)"),
    failed("fail:422, fail-word:rejected", r"The task failed \(422\)"),
    failed("success-flag, fail:500", r"The task failed \(500\)"),
    failed("moderated", r"The task failed \(SENSITIVE_WORD_ERROR\)"),
    failed("nulls, fail:501", r"The task failed \(501\)"),
    # trouble on the way: the task continues, and is polled again
    saved("404 page in mid-wait", script=scripts.poll_answers((404, PAGE))),
    saved("403 page in mid-wait", script=scripts.poll_answers((403, CHECK))),
    saved("302 to a login page", script=scripts.poll_answers((302, b""))),
    saved("401 twice, then the record", script=scripts.poll_answers(*[(401, b"log in")] * 2)),
    saved("400 of the API", script=scripts.poll_answers((400, {"code": 400, "msg": "bad"}))),
    saved("404 of the API, twice", script=scripts.poll_answers(*[(404, UNKNOWN)] * 2), patches=OLD),
    saved("record-page:502*3"),
    saved("record-page:521*2"),
    saved("record-page:200*1"),
    saved("record-error:408*1"),
    saved("record-error:404*2"),
    saved("record-500*2"),
    saved("record-502*2"),
    saved("record-503*2"),
    saved("record-html*2"),
    saved("record-empty*2"),
    saved("record-broken*2"),
    saved("record-reset*2"),
    saved("record-cut*1"),
    saved("record-gzip-bomb*1"),
    saved("record-slow:30*1", timeout=2.0),
    saved("record-busy:1*1"),
    saved("record-busy-date*1"),
    saved("record-busy:999999999999*1"),
    saved("wrong-task:fail*1"),
    saved("wrong-task:success*1"),
    saved("late:0.2"),
    saved("kie, late:0.2"),
    # the wait ends within the patience, the task can still be collected
    detached("record-html", "still running after.*cannot be read.*resume", **SHORT),
    detached("record-page:403", "still running after.*cannot be read.*resume", **SHORT),
    detached("record-error:400", r"still running after.*\(400\).*resume", **SHORT),
    detached("record-reset", "still running after.*cannot be reached.*resume", **SHORT),
    detached("record-dribble:0.1", "still running after.*resume", **SHORT),
    detached(
        "record-gzip-twice", "still running after.*compressed more than once.*resume", **SHORT
    ),
    detached("stall:waiting", "still running after", **SHORT),
    detached("stall:generating", "still running after", **SHORT),
    detached("record-500", r"\(401\).*Check the key.*resume", then="key-revoked"),
    detached("record-page:401", r"\(HTTP 401\).*Check the key.*resume"),
    result_lost("record-error:404", "does not know task.*resume", patches=OLD),
    # odd times make no odd durations
    saved("odd-times:create-seconds"),
    saved("odd-times:seconds"),
    saved("odd-times:negative"),
    saved("odd-times:absurd"),
    saved("odd-times:text"),
    saved("clock:3600"),
    saved("clock:-86400"),
]
