"""The API client on real sockets: requests, the key, errors and downloads."""

import asyncio
import json
import tempfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from liangxin_nb.api import Client
from liangxin_nb.api import client as client_module
from liangxin_nb.api.transport import describe_error, parse_retry_after
from liangxin_nb.config.settings import Secret, Settings
from liangxin_nb.core.request import Request
from liangxin_nb.engine.client_provider import ClientProvider
from liangxin_nb.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    LiangxinError,
    RateLimitError,
    ResultUnavailableError,
)
from liangxin_nb.polling import PollSchedule
from liangxin_nb.ratelimit import SharedRateLimiter

from .http_server import Handler, Server, good

pytestmark = pytest.mark.anyio
KEY = "sk-very-secret-0123456789"
REQUEST = Request("z-image", "雨 {x}", {"seed": 7})
BUSY = b'{"code": 429, "msg": "saturated"}'


async def create(server, **options):
    async with Client(server.url, Secret(KEY)) as client:
        return await client.create(REQUEST, **options)


async def download(server, target):
    async with Client(server.url, Secret(KEY)) as client:
        await client.download(f"{server.url}/x", target)


# --- createTask ---------------------------------------------------------------------------------


async def test_create_is_sent_once_as_documented(serve):
    server = serve(good(taskId="task_1"))
    assert (await create(server)).task_id == "task_1"
    ((method, path, headers, body),) = server.seen
    assert (method, path) == ("POST", "/api/v1/jobs/createTask")
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"model": "z-image", "input": {"prompt": "雨 {x}", "seed": 7}}


@pytest.mark.parametrize(
    "answer",
    [
        (None, {}, b""),
        (500, {}, b'{"code": 500, "msg": "oops"}'),
        (502, {}, b"<html>bad gateway</html>"),
        (200, {}, b""),
        (200, {}, b'{"code": 200, "data": {}}'),
        (200, {"content-length": "500"}, b'{"code": 200'),
    ],
    ids=["hung up", "500", "html", "empty", "no id", "cut off"],
)
async def test_create_without_a_response_is_not_sent_again(serve, answer):
    server = serve(answer)
    with pytest.raises(APIConnectionError) as error:
        await create(server)
    assert error.value.maybe_created
    assert "may be billed" in str(error.value)
    assert len(server.seen) == 1


class DropsUsedConnections(Handler):
    """Keeps a connection open, and closes it when a second request arrives on it."""

    protocol_version = "HTTP/1.1"

    def answer_once(self):
        if hasattr(self, "used"):
            self.server.seen.append("dropped")
            self.close_connection = True
            return
        self.used = True
        self.answer()

    do_GET = do_POST = answer_once


async def test_create_uses_a_new_connection(serve):
    """If an idle connection ended during a create, the task id would be unknown."""
    server = serve(good(taskId="task_1", state="waiting"))
    server.RequestHandlerClass = DropsUsedConnections
    async with Client(server.url, Secret(KEY)) as client:
        for _ in range(3):
            assert (await client.create(REQUEST)).task_id == "task_1"
    assert [seen[0] for seen in server.seen] == ["POST"] * 3


async def test_rejection_is_final(serve):
    server = serve((401, {}, b'{"error": {"message": "invalid token"}}'))
    with pytest.raises(AuthenticationError):
        await create(server)
    assert len(server.seen) == 1


async def test_words_of_an_http_500_do_not_make_it_a_rejection(serve):
    server = serve((500, {}, b'{"code": 500, "msg": "This field is required"}'))
    with pytest.raises(APIConnectionError, match="This field is required") as error:
        await create(server)
    assert error.value.maybe_created


class RecordingLimiter:
    """Records the calls of a create."""

    def __init__(self):
        self.calls = []

    async def acquire_create(self):
        self.calls.append("create")
        return "slot"

    async def back_off(self, call, seconds):
        self.calls.append((call, seconds))


async def test_429_without_a_task_id_is_sent_again_after_the_shared_pause(serve, retry_at_once):
    server = serve((429, {"retry-after": "7"}, BUSY), (429, {}, BUSY), good(taskId="task_1"))
    limiter = RecordingLimiter()
    assert (await create(server, limiter=limiter)).task_id == "task_1"
    assert limiter.calls == [("createTask", 7.0), "create", ("createTask", None), "create"]
    assert len({body for *_, body in server.seen}) == 1


async def test_429_is_raised_after_four_attempts(serve, retry_at_once):
    server = serve((429, {"retry-after": "0"}, BUSY))
    with pytest.raises(RateLimitError):
        await create(server)
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("retry_after", "pause"), [(None, True), (0.0, 0.1), (0.5, 0.5), (60.0, 60.0), (61.0, 60.0)]
)
def test_pause_after_a_429_is_limited(retry_after, pause):
    busy = RateLimitError("busy", status=429, retry_after=retry_after)
    assert repr(client_module._may_resend(busy)) == repr(pause)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (APIConnectionError("rejected"), True),
        (APIConnectionError("result_lost", maybe_created=True), False),
        (APIError("no", status=400), False),
        (APIError("busy", status=503), False),
    ],
)
def test_create_is_sent_again_only_if_it_did_not_arrive(error, again):
    assert client_module._may_resend(error) is again


async def test_refused_connection_was_not_sent(serve, retry_at_once):
    server = serve(good())
    server.stop()
    with pytest.raises(APIConnectionError) as error:
        await create(server)
    assert not error.value.maybe_created
    assert "Nothing was sent, nothing was billed" in str(error.value)


async def test_key_follows_no_redirect(serve):
    elsewhere = serve(good(taskId="stolen"))
    server = serve((307, {"location": f"{elsewhere.url}/api/v1/jobs/createTask"}, b""))
    with pytest.raises((APIError, APIConnectionError)):
        await create(server)
    assert elsewhere.seen == []


async def test_key_is_in_no_error_repr_or_log(serve, caplog):
    caplog.set_level(0)
    body = json.dumps({"code": 401, "msg": f"invalid key {KEY}"}).encode()
    challenge = {"WWW-Authenticate": f'Bearer realm="{KEY}"', "X-Request": KEY}
    server = serve((401, challenge, body), (500, {}, KEY.encode()), (200, {}, body))
    async with Client(server.url, Secret(KEY)) as client:
        for call in (client.create(REQUEST), client.create(REQUEST), client.get_task("task_1")):
            with pytest.raises((APIError, APIConnectionError)) as error:
                await call
            assert KEY not in f"{error.value!r} {error.value}"
        assert KEY not in f"{client!r} {vars(client)} {vars(client._transport)}"
    assert "/api/v1/jobs/createTask" in caplog.text
    assert "WWW-Authenticate" in caplog.text
    assert KEY not in caplog.text


async def test_size_of_a_response_is_limited(serve, monkeypatch):
    monkeypatch.setattr("liangxin_nb.api.transport._MAX_BODY_BYTES", 100)
    server = serve((200, {}, b" " * 101), (200, {}, b" " * 100))
    async with Client(server.url, Secret(KEY)) as client:
        with pytest.raises(APIConnectionError, match="longer than 100 bytes"):
            await client.get_task("task_1")
        with pytest.raises(APIError, match="It is empty"):
            await client.get_task("task_1")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("7.5", None),
        ("-1", None),
        ("soon", None),
        ("٣", None),
        ("9" * 40, 999_999_999.0),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0.0),
        ("Fri, 01 Jan 1999 00:00:00", 0.0),
        ("Fri, 99 Jan 9999999999999999999 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert (
        parse_retry_after(httpx.Response(429, headers=[(b"retry-after", value.encode())]))
        == seconds
    )


def test_retry_after_date_is_the_remaining_time():
    date = format_datetime(datetime.now(UTC) + timedelta(hours=5), usegmt=True)
    left = parse_retry_after(httpx.Response(429, headers={"retry-after": date}))
    assert 4 * 3600 < left <= 5 * 3600


def test_connection_error_is_described_without_an_address():
    assert describe_error(httpx.ReadError("")) == "the connection was broken off"
    assert describe_error(httpx.DecodingError("a\n b" + "x" * 200)) == f"a b{'x' * 117}"
    assert describe_error(httpx.DecodingError("")) == "DecodingError"


async def test_concurrent_jobs_share_one_client(tmp_path):
    settings = Settings.load(base_url="http://127.0.0.1:1", key=KEY, results=tmp_path)
    connection = ClientProvider(settings, SharedRateLimiter(PollSchedule(), str(tmp_path)))
    clients = await asyncio.gather(*(connection() for _ in range(5)))
    assert len(set(clients)) == 1
    await clients[0].close()


# --- results ------------------------------------------------------------------------------------


async def test_download_never_sends_the_key(serve, tmp_path):
    server = serve((302, {"location": "/1.png", "set-cookie": "a=b"}, b""), (200, {}, b"bytes"))
    await download(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"bytes"
    assert len(server.seen) == 2
    for _, _, headers, _ in server.seen:
        assert KEY not in str(headers)
        assert not {"authorization", "cookie"} & {name.lower() for name in headers}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_expired_link_raises(serve, tmp_path, status):
    server = serve((status, {}, b""))
    with pytest.raises(ResultUnavailableError, match=f"HTTP {status}"):
        await download(server, tmp_path / "x")
    assert len(server.seen) == 1


async def test_interrupted_download_is_repeated(serve, tmp_path, retry_at_once):
    server = serve((200, {"content-length": "10"}, b"half"), (503, {}, b""), (200, {}, b"whole"))
    await download(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"whole"


async def test_unavailable_file_server_is_tried_five_times(serve, tmp_path, retry_at_once):
    server = serve((503, {"retry-after": "3"}, b""))
    with pytest.raises(APIConnectionError, match="HTTP 503 and asked to wait 3 s"):
        await download(server, tmp_path / "x")
    assert len(server.seen) == 5


async def test_number_of_redirects_is_limited(serve, tmp_path):
    server = serve((302, {"location": "/x"}, b""))
    with pytest.raises(ResultUnavailableError, match="redirects more than 5 times"):
        await download(server, tmp_path / "x")
    assert len(server.seen) == 6


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "", "//x"])
async def test_only_http_is_downloaded(tmp_path, url):
    async with Client("http://127.0.0.1:1", Secret(KEY)) as client:
        with pytest.raises(ResultUnavailableError, match="not http"):
            await client.download(url, tmp_path / "x")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/x",
        "http://192.168.1.1/x",
        "http://[fe80::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://0.0.0.0/x",
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://2130706433/x",
    ],
)
async def test_public_service_cannot_link_to_a_private_network(tmp_path, url):
    async with Client("https://93.184.215.14", Secret(KEY)) as client:
        with pytest.raises(ResultUnavailableError, match="inside a private network"):
            await client.download(url, tmp_path / "x")


async def test_interrupted_download_continues_where_it_stopped(serve, tmp_path, retry_at_once):
    part = {"content-range": "bytes 4-9/10"}
    server = serve((200, {"content-length": "10"}, b"half"), (206, part, b"-whole"))
    await download(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"half-whole"
    assert server.seen[1][2]["Range"] == "bytes=4-"


async def test_unrequested_part_is_not_saved(serve, tmp_path, retry_at_once):
    wrong = {"content-range": "bytes 0-5/10"}
    server = serve(
        (200, {"content-length": "10"}, b"half"), (206, wrong, b"other!"), (200, {}, b"all of it")
    )
    await download(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"all of it"


async def test_download_restarts_if_the_part_is_not_available(serve, tmp_path, retry_at_once):
    server = serve(
        (200, {"content-length": "10"}, b"half"), (416, {}, b""), (200, {}, b"all of it")
    )
    await download(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"all of it"
    assert "Range" not in server.seen[2][2]


async def test_size_of_a_download_is_limited(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("liangxin_nb.api.downloads.MAX_BYTES", 1 << 20)
    server = serve((200, {}, b"x" * (1 << 20)), (200, {}, b"x" * ((1 << 20) + 1)))
    await download(server, tmp_path / "x")
    with pytest.raises(ResultUnavailableError, match="larger than 1 MiB"):
        await download(server, tmp_path / "x")


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-range", "location", "retry-after", "etag",
                     "content-disposition", "content-encoding", "set-cookie"]),
    PRINTABLE,
)  # fmt: skip


@pytest.fixture(scope="module")
def fetched():
    """Downloads a response once, and returns its bytes or the error."""
    server, folder = Server(), tempfile.TemporaryDirectory()
    runner = asyncio.Runner()
    client = Client(server.url, Secret(KEY))

    def fetch(answer):
        server.answers = [answer]
        target = Path(folder.name) / "target"
        target.unlink(missing_ok=True)
        work = client._downloader._attempt(f"{server.url}/../../x?name=..%2f..", target)
        try:
            runner.run(work)
            return target.read_bytes()
        except LiangxinError as error:
            return error
        finally:
            assert {path.name for path in Path(folder.name).iterdir()} <= {"target"}

    yield fetch
    runner.run(client.close())
    runner.close()
    server.stop()
    folder.cleanup()


def test_any_response_headers_lead_to_a_file_or_a_known_error(fetched):
    @given(status=st.sampled_from([200, 206, 301, 302, 304, 307, 416, 418]), headers=HEADERS)
    @limits(max_examples=40, deadline=None)
    def check(status, headers):
        got = fetched((status, headers, b"" if status == 304 else b"body"))
        assert isinstance(got, LiangxinError) or got == b"body"

    check()
