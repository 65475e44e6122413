"""Whole HTTP exchanges: every response of any shape, size and speed ends in a typed outcome."""

import asyncio
import contextlib
import functools
import gzip
import tracemalloc
import zlib

import httpcore
import pytest

from liangxin_nb.api.client import Client, CreatedTask
from liangxin_nb.config.settings import Secret
from liangxin_nb.core.request import Request
from liangxin_nb.errors import (
    APIConnectionError,
    APIError,
    RateLimitError,
    ResultUnavailableError,
    WaitTimeoutError,
)
from liangxin_nb.polling import Poller, PollSchedule

from .. import virtual_time
from .scripted_server import ScriptedServer, build_response

REQUEST = Request("z-image", "雨", {"seed": 7})
CREATED = b'{"code":200,"data":{"taskId":"task_1"}}'
SUCCESS = (
    b'{"code":200,"data":{"taskId":"task_1","state":"success",'
    b'"resultJson":"{\\"resultUrls\\":[\\"https://x/1.png\\"]}"}}'
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TIMEOUT = 20.0


def dribble(data, pause=0.5):
    """Return a script that sends single bytes with pauses."""
    return [part for byte in data for part in (pause, bytes([byte]))]


def create(*scripts):
    """Return the outcome of a create, its virtual seconds and the number of requests."""
    return exchange(ScriptedServer(*scripts), lambda client: client.create(REQUEST))


def get_task(*scripts):
    """Return the outcome of one poll, its virtual seconds and the number of requests."""
    return exchange(ScriptedServer(*scripts), lambda client: client.get_task("task_1"))


def exchange(server, call):
    async def run():
        async with server.connect(TIMEOUT) as client:
            try:
                outcome = await call(client)
            except (APIError, APIConnectionError, ResultUnavailableError) as error:
                outcome = error
            return outcome, asyncio.get_running_loop().time(), len(server.requests)

    return virtual_time.run(run())


def is_unconfirmed(outcome):
    return isinstance(outcome, APIConnectionError) and outcome.maybe_created


# --- createTask ---------------------------------------------------------------------------------


def test_create_is_answered():
    outcome, _, requests = create([build_response(200, CREATED)])
    assert (outcome, requests) == (CreatedTask("task_1"), 1)


@pytest.mark.parametrize(
    ("status", "note"),
    [
        (429, "The answer had HTTP status 429 and code 200, but it names the task."),
        (500, "The answer had HTTP status 500 and code 200, but it names the task."),
        (202, ""),
    ],
)
def test_unusual_answer_that_names_the_task_is_noted(status, note):
    assert create([build_response(status, CREATED)])[0] == CreatedTask("task_1", note)


def test_batch_is_not_sent_again_after_a_429_with_a_task_id():
    body = b'{"code":429,"msg":"saturated, queued","data":{"taskId":"task_1"}}'
    outcome, _, requests = create([build_response(429, body, {"Retry-After": "1"})])
    assert (outcome.task_id, requests) == ("task_1", 1)


@pytest.mark.parametrize(
    "script",
    [
        dribble(build_response(200, b" " * 100_000)),
        [build_response(200, b"", length=1000), *dribble(b" " * 10_000)],
        dribble(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000),
        dribble(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000, 1e9],
        [CHUNKED + b"1;" + b"x" * 1_000_000, 1e9],
        dribble(CHUNKED + b"1;x=y\r\n \r\n" * 1000),
        [CHUNKED + b"0\r\n" + b"X: y\r\n" * 100_000, 1e9],
        [1e9],
        [build_response(200, b"", length=-1), 1e9],
        [httpcore.ReadError("reset")],
        [build_response(200, CREATED[:-20], length=1000), httpcore.ReadError("reset")],
        [b"nonsense\r\n\r\n"],
        [],
    ],
    ids=["response", "body", "headers", "continue", "long header", "chunk extension",
         "chunks", "trailers", "silence", "silence after the headers",
         "reset", "cut off", "no HTTP", "closed"],
)  # fmt: skip
def test_request_without_a_complete_answer_is_unconfirmed_within_the_timeout(script):
    outcome, seconds, requests = create(script)
    assert is_unconfirmed(outcome)
    assert seconds <= TIMEOUT + 0.1
    assert requests == 1


@pytest.mark.parametrize(
    "script",
    [
        [build_response(200, CREATED, length=1000)],
        [build_response(200, CREATED, length=1000), httpcore.ReadError("reset")],
        [build_response(200, CREATED, length=1000), 1e9],
        [build_response(200, CREATED + b" ", length=10_000), *dribble(b" " * 9000)],
        [build_response(200, gzip.compress(CREATED * 2)[:-9], {"Content-Encoding": "gzip"})],
        [build_response(200, CREATED + b" " * (9 << 20))],
    ],
    ids=["cut off", "reset", "silence", "dribbling", "cut off in gzip", "too long"],
)
def test_incomplete_answer_that_names_the_task_is_submitted(script):
    outcome, seconds, _ = create(script)
    assert outcome == CreatedTask("task_1", "The answer was incomplete, but it names the task.")
    assert seconds <= TIMEOUT + 0.1


def test_many_headers_are_read():
    head = b"".join(b"X-%d: y\r\n" % n for n in range(8000))
    answer = build_response(200, CREATED).replace(b"\r\n", b"\r\n" + head, 1)
    assert create([answer])[0] == CreatedTask("task_1")


@pytest.mark.parametrize(
    ("script", "limit"),
    [
        (dribble(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000), 400.0),
        (dribble(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), 400.0),
        (dribble(build_response(200, b"x" * 10_000)), 900.1),
    ],
    ids=["headers", "continue", "file"],
)
def test_slow_download_ends(tmp_path, script, limit):
    server = ScriptedServer(script)
    url = "http://127.0.0.1:1/1.png"
    outcome, seconds, _ = exchange(server, lambda client: client.download(url, tmp_path / "x"))
    assert isinstance(outcome, APIConnectionError)
    assert seconds <= limit


def test_request_that_was_not_sent_is_sent_again_three_times():
    outcome, _, requests = create([httpcore.ConnectError("refused")])
    assert isinstance(outcome, APIConnectionError)
    assert not outcome.maybe_created
    assert requests == 0
    refused = [httpcore.ConnectError("refused")]
    outcome, _, requests = create(refused, refused, refused, [build_response(200, CREATED)])
    assert (outcome.task_id, requests) == ("task_1", 1)


def test_429_is_sent_again_and_then_rejected():
    page = build_response(429, b"<html>slow down</html>", {"Retry-After": "2"})
    outcome, seconds, requests = create([page])
    assert isinstance(outcome, RateLimitError)
    assert requests == 4
    assert 6.0 <= seconds < 20.0


def test_retry_after_of_a_create_is_capped():
    busy = build_response(429, b'{"code":429}', {"Retry-After": "999999999999"})
    outcome, seconds, _ = create([busy], [build_response(200, CREATED)])
    assert outcome.task_id == "task_1"
    assert seconds <= 61.0


# --- encodings ----------------------------------------------------------------------------------


def raw_deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress),
        ("deflate", raw_deflate), ("identity", bytes), ("", gzip.compress), ("gzip", bytes),
        ("deflate", bytes), ("br", bytes), ("identity, gzip", gzip.compress),
        ("GZIP", gzip.compress),
    ],
)  # fmt: skip
def test_one_encoding_is_decoded_even_if_its_name_is_wrong(encoding, encode):
    response = build_response(200, encode(CREATED), {"Content-Encoding": encoding})
    assert create([response])[0] == CreatedTask("task_1")
    assert create(dribble(response, 0.001))[0] == CreatedTask("task_1")


@functools.cache
def compress_bomb(layers):
    """Return a few kilobytes that expand to 64 MiB."""
    compressor = zlib.compressobj(9, wbits=31)
    body = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(64)) + compressor.flush()
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


@pytest.mark.parametrize("call", [create, get_task])
@pytest.mark.parametrize(
    ("encoding", "layers"),
    [("gzip", 1), ("gzip, gzip", 2), ("gzip", 2), ("", 2), ("gzip, gzip, gzip", 3)],
)
def test_compressed_bomb_needs_bounded_memory(call, encoding, layers):
    body = compress_bomb(layers)
    response = build_response(200, body, {"Content-Encoding": encoding})
    tracemalloc.start()
    try:
        outcome, _, requests = call([response])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, APIError | APIConnectionError)
    assert call is get_task or is_unconfirmed(outcome)
    assert requests == 1
    assert peak < 40 << 20


# --- a real socket ------------------------------------------------------------------------------


def exchange_over_socket(start, flood):
    """Return the outcome of a create with an endless answer, and the peak of traced memory."""

    async def answer(reader, writer):
        with contextlib.suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(start)
            while True:
                writer.write(flood)
                await writer.drain()

    async def run():
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            async with Client(f"http://{host}:{port}", Secret("sk-00000"), timeout=0.5) as client:
                try:
                    return await client.create(REQUEST)
                except APIConnectionError as error:
                    return error

    tracemalloc.start()
    try:
        return asyncio.run(run()), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("start", "flood"),
    [
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000),
        (CHUNKED, b"x" * 65_536),
        (CHUNKED, (b"1;" + b"x" * 60_000 + b"\r\n \r\n")),
        (CHUNKED + b"0\r\n", b"X: y\r\n" * 10_000),
        (build_response(200, length=10**12), b" " * 65_536),
    ],
    ids=["informational", "header", "headers", "chunk size", "chunk extensions", "trailers",
         "body"],
)  # fmt: skip
def test_endless_answer_ends_in_bounded_memory(start, flood):
    outcome, peak = exchange_over_socket(start, flood)
    assert is_unconfirmed(outcome)
    assert peak < 30 << 20


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_encoding_that_was_not_accepted_cannot_be_read(encoding):
    headers = f"Content-Encoding: {encoding}\r\nConnection: close\r\n\r\n".encode()
    body = b"\x8b\x03\x80" + bytes(range(128, 250))
    outcome, _, requests = create([b"HTTP/1.1 200 OK\r\n" + headers + body])
    assert is_unconfirmed(outcome)
    assert "It is binary data" in str(outcome)
    assert requests == 1
    page = [b"HTTP/1.1 200 OK\r\n" + headers + body]
    assert follow(900.0, page, [build_response(200, SUCCESS)])[0].state == "success"


# --- recordInfo ---------------------------------------------------------------------------------


def test_answer_about_another_task_is_no_answer():
    other = SUCCESS.replace(b"task_1", b"task_2")
    outcome, _, _ = get_task([build_response(200, other)])
    assert isinstance(outcome, APIError)
    assert not outcome.is_task_unknown
    assert "another task (task_2)" in outcome.message
    assert outcome.task_id == "task_1"


@pytest.mark.parametrize("task_id", [b'"taskId":"task_1",', b"", b'"task_id":" task_1 ",'])
def test_answer_may_leave_out_the_task_id(task_id):
    body = SUCCESS.replace(b'"taskId":"task_1",', task_id)
    assert get_task([build_response(200, body)])[0].state == "success"


def test_links_without_a_host_are_resolved_against_the_api():
    body = SUCCESS.replace(b"https://x/1.png", b"/files/1.png")
    outcome, _, _ = get_task([build_response(200, body)])
    assert outcome.outputs[0].url == "http://127.0.0.1:1/files/1.png"


def follow(patience, *scripts):
    """Return the outcome of following a task, its virtual seconds, and the number of polls."""
    server = ScriptedServer(*scripts)

    async def run():
        clock = asyncio.get_running_loop().time
        poller = Poller(PollSchedule(), clock=clock)
        async with server.connect(TIMEOUT) as client:
            try:
                outcome = await poller.follow("task_1", client.get_task, lambda _: None, patience)
            except (APIError, WaitTimeoutError) as error:
                outcome = error
            return outcome, clock(), len(server.requests)

    return virtual_time.run(run())


@pytest.mark.parametrize("patience", [8.0, 40.0])
def test_dribbling_answers_end_with_the_patience(patience):
    outcome, seconds, _ = follow(patience, dribble(build_response(200, b" " * 100_000)))
    assert isinstance(outcome, WaitTimeoutError)
    assert seconds == pytest.approx(patience)


PAGES = [
    build_response(404, b"<html>404 Not Found</html>"),
    build_response(403, b"<title>Just a moment...</title>"),
    build_response(302, b"", {"Location": "https://login.example/"}),
    build_response(401, b"<html>log in</html>"),
    build_response(502, b"<html>bad gateway</html>"),
    build_response(200, b"<html>welcome</html>"),
    build_response(429, b"", {"Retry-After": "999999999999"}),
    build_response(404, b'{"code":404,"msg":"no route"}'),
    build_response(200, SUCCESS.replace(b"task_1", b"task_2")),
]


@pytest.mark.parametrize("page", PAGES)
def test_one_foreign_page_while_waiting_changes_nothing(page):
    outcome, _, polls = follow(900.0, [page], [build_response(200, SUCCESS)])
    assert (outcome.state, polls) == ("success", 2)


def test_huge_retry_after_ends_with_the_patience():
    busy = build_response(429, b'{"code":429}', {"Retry-After": "999999999999"})
    outcome, seconds, _ = follow(5.0, [busy])
    assert isinstance(outcome, WaitTimeoutError)
    assert seconds == pytest.approx(5.0)
