"""The client against real sockets: what it sends, where the key goes, what it makes of silence."""

import asyncio
import http.server
import json
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liangxin_nb.client import Client
from liangxin_nb.errors import (
    LiangxinError,
    NotAuthorized,
    ResultLost,
    Saturated,
    ServiceError,
    Unreachable,
)
from liangxin_nb.request import Request
from liangxin_nb.settings import Secret

pytestmark = pytest.mark.anyio
KEY = "sk-very-secret-0123456789"
WISH = Request("z-image", "雨 {x}", {"seed": 7})


class Server(http.server.ThreadingHTTPServer):
    """Answers what a test says, in order (the last for ever), and remembers every request."""

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.seen = []
        # It looks often whether it should end: hundreds of them end one after the other.
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get("content-length", 0))
        server = self.server
        server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        answers = server.answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        if status is None:  # hang up without an answer
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def good(**data):
    return 200, {}, json.dumps({"code": 200, "msg": "success", "data": data}).encode()


@pytest.fixture
def serve():
    servers = []

    def make(*answers):
        servers.append(Server(*answers))
        return servers[-1]

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


async def create(server):
    async with Client(server.url, Secret(KEY)) as client:
        return await client.create(WISH)


async def test_a_create_is_sent_once_as_documented(serve):
    server = serve(good(taskId="task_1"))
    assert await create(server) == "task_1"
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
async def test_a_create_whose_answer_is_lost_is_never_sent_again(serve, answer):
    server = serve(answer)
    with pytest.raises(Unreachable) as error:
        await create(server)
    assert error.value.maybe_created
    assert "may be billed" in str(error.value)
    assert len(server.seen) == 1


class Impatient(Handler):
    """Keeps a connection open, and drops it when something is sent on it a second time."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if hasattr(self, "used"):
            self.server.seen.append("dropped")
            self.close_connection = True
            return
        self.used = True
        self.answer()

    do_GET = do_POST


async def test_a_create_never_goes_out_on_a_connection_that_may_be_dropped(serve):
    """An idle connection that ends under a create would leave a task that nobody knows of."""
    server = serve(good(taskId="task_1", state="waiting"))
    server.RequestHandlerClass = Impatient
    async with Client(server.url, Secret(KEY)) as client:
        for _ in range(3):
            assert await client.create(WISH) == "task_1"
    assert [seen[0] for seen in server.seen] == ["POST"] * 3


async def test_a_clear_no_is_final(serve):
    server = serve((401, {}, b'{"error": {"message": "invalid token"}}'))
    with pytest.raises(NotAuthorized):
        await create(server)
    assert len(server.seen) == 1


@pytest.mark.slow
async def test_a_429_without_an_id_is_sent_again_when_the_service_says(serve):
    busy = (429, {"retry-after": "1"}, b'{"code": 429, "msg": "saturated"}')
    server = serve(busy, good(taskId="task_1"))
    before = asyncio.get_running_loop().time()
    assert await create(server) == "task_1"
    assert len(server.seen) == 2
    assert asyncio.get_running_loop().time() - before >= 1.0


@pytest.mark.slow
async def test_a_429_for_ever_ends(serve):
    server = serve((429, {"retry-after": "0"}, b'{"code": 429, "msg": "saturated"}'))
    with pytest.raises(Saturated):
        await create(server)
    assert len(server.seen) == 4


@pytest.mark.slow
async def test_a_port_nobody_listens_on_is_surely_not_sent(serve):
    server = serve(good())
    server.shutdown()
    server.server_close()
    with pytest.raises(Unreachable) as error:
        await create(server)
    assert not error.value.maybe_created
    assert "Nothing was sent, nothing was billed" in str(error.value)


async def test_the_key_follows_no_redirect(serve):
    elsewhere = serve(good(taskId="stolen"))
    server = serve((307, {"location": f"{elsewhere.url}/api/v1/jobs/createTask"}, b""))
    with pytest.raises((ServiceError, Unreachable)):
        await create(server)
    assert elsewhere.seen == []


async def test_a_download_never_carries_the_key_even_to_the_apis_own_origin(serve, tmp_path):
    files = serve((200, {}, b"bytes"))
    server = serve((302, {"location": f"{files.url}/1.png", "set-cookie": "a=b"}, b""))
    async with Client(server.url, Secret(KEY)) as client:
        await client.download(f"{server.url}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"bytes"
    for _, _, headers, _ in server.seen + files.seen:
        assert KEY not in str(headers)
        assert not {"authorization", "cookie"} & {name.lower() for name in headers}


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_dead_link_is_lost(serve, tmp_path, status):
    server = serve((status, {}, b""))
    async with Client(server.url, Secret(KEY)) as client:
        with pytest.raises(ResultLost, match=f"HTTP {status}"):
            await client.download(f"{server.url}/x", tmp_path / "x")
    assert len(server.seen) == 1


@pytest.mark.slow
async def test_a_download_cut_off_is_tried_again(serve, tmp_path):
    server = serve((200, {"content-length": "10"}, b"half"), (503, {}, b""), (200, {}, b"whole"))
    async with Client(server.url, Secret(KEY)) as client:
        await client.download(f"{server.url}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"whole"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "data:,x", "", "//x"])
async def test_only_http_is_fetched(serve, tmp_path, url):
    async with Client("http://127.0.0.1:1", Secret(KEY)) as client:
        with pytest.raises(ResultLost, match="not http"):
            await client.download(url, tmp_path / "x")


async def test_the_key_is_in_no_error_no_repr_and_no_log(serve, caplog):
    caplog.set_level(0)
    body = json.dumps({"code": 401, "msg": f"invalid key {KEY}"}).encode()
    server = serve((401, {}, body), (500, {}, KEY.encode()), (200, {}, body))
    async with Client(server.url, Secret(KEY)) as client:
        for call in (client.create(WISH), client.create(WISH), client.record("task_1")):
            with pytest.raises((ServiceError, Unreachable)) as error:
                await call
            assert KEY not in f"{error.value!r} {error.value}"
        assert KEY not in f"{client!r} {vars(client)} {vars(client._calls)}"
    assert "/api/v1/jobs/createTask" in caplog.text
    assert KEY not in caplog.text


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
async def test_a_public_service_cannot_point_into_a_private_network(tmp_path, url):
    async with Client("https://93.184.215.14", Secret(KEY)) as client:
        with pytest.raises(ResultLost, match="inside a private network"):
            await client.download(url, tmp_path / "x")


async def test_a_broken_download_goes_on_where_it_stopped(serve, tmp_path):
    part = {"content-range": "bytes 4-9/10"}
    server = serve((200, {"content-length": "10"}, b"half"), (206, part, b"-whole"))
    async with Client(server.url, Secret(KEY)) as client:
        await client.download(f"{server.url}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"half-whole"
    assert server.seen[1][2]["Range"] == "bytes=4-"


@pytest.mark.slow
async def test_a_part_that_was_not_asked_for_is_not_kept(serve, tmp_path):
    wrong = {"content-range": "bytes 0-5/10"}
    server = serve(
        (200, {"content-length": "10"}, b"half"), (206, wrong, b"other!"), (200, {}, b"all of it")
    )
    async with Client(server.url, Secret(KEY)) as client:
        await client.download(f"{server.url}/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"all of it"


PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-range", "location", "retry-after", "etag",
                     "content-disposition", "content-encoding", "set-cookie"]),
    PRINTABLE,
)  # fmt: skip


@pytest.mark.slow
@given(status=st.sampled_from([200, 206, 301, 302, 304, 307, 416, 418]), headers=HEADERS)
@settings(max_examples=40, deadline=None)
def test_whatever_a_servers_headers_say_it_is_a_file_or_one_of_our_errors(status, headers):
    async def fetch(url, target):
        async with Client(url, Secret(KEY)) as client:
            await client._downloads._once(f"{url}/../../x?name=..%2f..", target)

    server = Server((status, headers, b"" if status == 304 else b"body"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target"
        try:
            asyncio.run(fetch(server.url, target))
        except LiangxinError:
            pass
        else:
            assert target.read_bytes() == b"body"
        assert {path.name for path in Path(folder).iterdir()} <= {"target"}
    server.shutdown()
    server.server_close()
