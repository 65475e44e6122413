"""The client against real sockets: what it sends, where the key goes, what it makes of silence."""

import asyncio
import http.server
import json
import threading

import pytest

from liangxin_nb.client import Client
from liangxin_nb.errors import (
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


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Server(http.server.ThreadingHTTPServer):
    """Answers what a test says, in order (the last for ever), and remembers every request."""

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.seen = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

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


async def test_a_clear_no_is_final(serve):
    server = serve((401, {}, b'{"error": {"message": "invalid token"}}'))
    with pytest.raises(NotAuthorized):
        await create(server)
    assert len(server.seen) == 1


async def test_a_429_without_an_id_is_sent_again_when_the_service_says(serve):
    busy = (429, {"retry-after": "1"}, b'{"code": 429, "msg": "saturated"}')
    server = serve(busy, good(taskId="task_1"))
    before = asyncio.get_running_loop().time()
    assert await create(server) == "task_1"
    assert len(server.seen) == 2
    assert asyncio.get_running_loop().time() - before >= 1.0


async def test_a_429_for_ever_ends(serve):
    server = serve((429, {"retry-after": "0"}, b'{"code": 429, "msg": "saturated"}'))
    with pytest.raises(Saturated):
        await create(server)
    assert len(server.seen) == 4


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


async def test_the_key_is_in_no_error_and_no_repr(serve):
    server = serve((500, {}, KEY.encode()[:5]))
    async with Client(server.url, Secret(KEY)) as client:
        for call in (client.create(WISH), client.record("task_1")):
            with pytest.raises((ServiceError, Unreachable)) as error:
                await call
            assert KEY not in f"{error.value!r} {error.value}"
        assert KEY not in f"{client!r} {vars(client)} {vars(client._calls)}"
