"""Exchanges of any shape, size and speed: each ends with a typed outcome, in time.

`LIANGXIN_EXAMPLES` is a tenth of the number of examples.
"""

import functools
import gzip
import json
import os
import tempfile
import zlib
from pathlib import Path

import httpcore
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liangxin_nb.api.client import CreatedTask
from liangxin_nb.core.task import TaskOutput, TaskRecord
from liangxin_nb.errors import (
    APIConnectionError,
    APIError,
    ResultUnavailableError,
    WaitTimeoutError,
)
from liangxin_nb.results import ResultStore

from ..results.test_results import job_record, picture
from .scripted_server import ScriptedServer, build_response
from .test_exchanges import CREATED, SUCCESS, TIMEOUT, create, exchange, follow

EXAMPLES = int(os.environ.get("LIANGXIN_EXAMPLES", "8"))
PNG = picture(size=(4, 3))
any_exchange = functools.partial(settings, deadline=None, max_examples=10 * EXAMPLES)


def download(path, *scripts):
    """Return the outcome of a download, its virtual seconds and the number of requests."""
    url = "http://127.0.0.1:1/1.png"
    return exchange(ScriptedServer(*scripts), lambda client: client.download(url, path))


def to_gzip(body):
    """Wrap a body as gzip; uncompressed, so that a test still finds its words in it."""
    return gzip.compress(body, compresslevel=0, mtime=0)


WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Encoding", "Retry-After", "Location", "Content-Type", "Content-Range",
                     "Transfer-Encoding", "Set-Cookie", "Connection"]),
    WORDS | st.sampled_from(["gzip", "gzip, gzip", "deflate", "br", "zstd", "chunked", "7",
                             "9" * 30, "bytes 7-", "/2.png", "//x:y", "http://[", "image/png"]),
    max_size=3,
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10)
    | st.sampled_from(["task_1", "task_2", "success", "fail", "generating", "https://x/1"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["taskId", "url", "id", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = ("taskId", "task_id", "id", "state", "status", "successFlag", "param", "resultJson",
          "failCode", "failMsg", "createTime", "completeTime")  # fmt: skip
OBJECTS = st.builds(
    lambda code, data, more: json.dumps({"code": code, "data": data, **more}).encode(),
    st.sampled_from([None, 0, 200, 202, 400, 401, 404, 422, 429, 500, 501, 505, "x", "²"]),
    VALUES | st.dictionaries(st.sampled_from(FIELDS), VALUES),
    st.dictionaries(st.sampled_from(["error", "msg", "taskId"]), VALUES, max_size=2),
)
BODIES = st.one_of(
    OBJECTS,
    st.binary(max_size=50),
    OBJECTS.map(to_gzip),
    st.builds(lambda body, cut: body[:cut], OBJECTS, st.integers(0, 60)),
    st.sampled_from([b"", b"<html>", CREATED, SUCCESS, b"\xef\xbb\xbf" + CREATED]),
)
FILES = st.one_of(
    st.sampled_from([PNG, PNG[:-9], gzip.compress(PNG), gzip.compress(gzip.compress(PNG)),
                     zlib.compress(PNG), b"{}", b"<html>", b"\x28\xb5\x2f\xfd" + bytes(30)]),
    BODIES,
)  # fmt: skip


def to_script(start, response, pauses, ending):
    """Split a response into parts, each after a pause."""
    data = start + response
    size = max(1, -(-len(data) // max(1, len(pauses))))
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return [part for pair in zip(pauses, parts, strict=False) for part in pair] + ending


def scripts(bodies):
    """Return a strategy of exchanges with these bodies."""
    responses = st.builds(
        build_response, st.integers(100, 599) | st.sampled_from([200, 206, 302]), bodies, HEADERS,
        length=st.none() | st.sampled_from([-1, 0, 7, 1000, "9" * 5000, "-7"]),
    )  # fmt: skip
    return st.builds(
        to_script,
        st.sampled_from([b"", b"", b"HTTP/1.1 102 Any\r\nX: 1\r\n\r\n" * 3, b"\r\n" * 3]),
        responses | st.binary(max_size=200),
        st.lists(st.sampled_from([0.0, 0.5, 19.0, 21.0, 1e6]), min_size=1, max_size=8),
        st.sampled_from([[], [1e9], [httpcore.ReadError("reset")]]),
    )


@any_exchange()
@given(st.lists(scripts(BODIES), min_size=1, max_size=3))
@example([[build_response(429, b"{}")], [build_response(200, CREATED)]])
def test_any_exchange_of_a_create_has_a_typed_outcome(answers):
    outcome, seconds, requests = create(*answers)
    assert isinstance(outcome, CreatedTask | APIError | APIConnectionError)
    assert seconds <= 4 * (TIMEOUT + 1.0) + 3 * 60.0
    if requests > 1:
        # Only a 429 response allows that; its first bytes or its body's code say so.
        assert all(b"429" in b"".join(part for part in answer if isinstance(part, bytes))
                   for answer in answers[: requests - 1])  # fmt: skip


@any_exchange()
@given(st.lists(scripts(BODIES), min_size=1, max_size=4), st.sampled_from([1.0, 30.0, 900.0]))
def test_any_exchanges_of_a_wait_end_within_the_patience(answers, patience):
    outcome, seconds, _ = follow(patience, *answers)
    assert isinstance(outcome, TaskRecord | APIError | WaitTimeoutError)
    assert seconds <= patience + 0.1
    if isinstance(outcome, TaskRecord):
        assert outcome.state.is_final
        assert outcome.task_id in ("", "task_1")


@any_exchange()
@given(st.lists(scripts(FILES), min_size=1, max_size=4))
def test_any_exchange_of_a_download_has_a_typed_outcome(answers):
    with tempfile.TemporaryDirectory() as folder:
        staged = ResultStore(Path(folder)).stage(job_record())
        outcome, seconds, _ = download(staged.part_path(1), *answers)
        if isinstance(outcome, str):
            try:
                staged.check(1, TaskOutput("https://x/1.png", "image"), outcome)
            except ResultUnavailableError as error:
                outcome = error
        names = [path.name for path in staged.folder.iterdir()]
    assert isinstance(outcome, str | ResultUnavailableError | APIConnectionError)
    assert seconds <= 900.1
    assert names in ([], ["1.part"])
