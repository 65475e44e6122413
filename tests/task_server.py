"""A server of the task API in the test's process, on a real socket, controlled by the test.

Each task advances by one state with every poll, up to `server.last`. When a request arrives, a
test can check the disk, delay the response or replace it:

    with server.held("createTask") as request:
        job = session.generate("a lake")
        request.wait()  # it has arrived and is not answered
        ...
    job.wait(60)  # it is answered when the block ends
"""

import io
import itertools
import json
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from PIL import Image

from liangxin_nb.polling import PollSchedule

from .scan import KEY

__all__ = ["KEY", "PACE", "TaskServer", "answer", "hang_up"]

#: Polls every few milliseconds; only for servers of the tests.
PACE = PollSchedule(
    steps=((float("inf"), 0.01, 0.02),), poll_interval_s=0.002, create_period_s=0.1, max_block_s=0.1
)
STATES = ("waiting", "queuing", "generating")
DEADLINE = 60.0


def answer(status, **body):
    """Build the return value of a hook that replaces a response: the status and a JSON body."""
    return status, json.dumps(body).encode()


def hang_up(_task_id):
    """A hook that closes the connection without a response."""
    return None, b""


def good(**data):
    return answer(200, code=200, msg="success", data=data)


class Gate:
    """Delays the responses to a kind of request; `wait()` returns when the first arrives."""

    def __init__(self):
        self._arrived, self._released = threading.Event(), threading.Event()

    def wait(self):
        assert self._arrived.wait(DEADLINE), "the request never arrived"

    def release(self):
        self._released.set()

    def __call__(self, task_id):
        self._arrived.set()
        assert self._released.wait(DEADLINE), "the request was never released"


class TaskServer(ThreadingHTTPServer):
    """A server that accepts every request, and records all requests in order.

    Attributes:
        hooks: A function for each kind of request (`createTask`, `recordInfo`, `file`, `credit`),
            called with the task's id when one arrives; its return value, if any, replaces the
            response. The task of a createTask request exists by then.
        asked: The kind of request and the task's id of each request so far.
        prompts: The prompt of each task by its id.
        last: The last state of all tasks; they end with `success` or `fail`.
        lasts: The same for single tasks, by their ids.
        states: The states of tasks that end, before the last one.
    """

    daemon_threads = True

    def __init__(self, host="127.0.0.1"):
        super().__init__((host, 0), Handler)
        self.hooks = {}
        self.asked = []
        self.prompts = {}
        self.bodies = {}
        self.last = "success"
        self.lasts = {}
        self.states = STATES
        self.file = picture()
        self._steps, self._created, self._numbers = {}, {}, itertools.count(1)
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://{self.server_address[0]}:{self.server_port}"

    def count(self, kind):
        """Return how many requests of a kind have arrived."""
        return [asked for asked, _ in self.asked].count(kind)

    @contextmanager
    def held(self, kind):
        """Delay the responses to a kind of request until the block ends."""
        gate = Gate()
        self.hooks[kind] = gate
        try:
            yield gate
        finally:
            del self.hooks[kind]
            gate.release()

    def create(self, body):
        with self._lock:
            task_id = f"task_{next(self._numbers)}"
        self.add(task_id, body)
        return task_id

    def add(self, task_id, body):
        """Add a task under a given id, as one that was created earlier."""
        with self._lock:
            self.bodies[task_id] = body
            self.prompts[task_id] = body["input"]["prompt"]
            self._steps[task_id] = -1
            self._created[task_id] = milliseconds()

    def forget(self, task_id):
        """Remove a task, for a hook that rejects its request."""
        del self.bodies[task_id], self.prompts[task_id]

    def record(self, task_id):
        """Return the data of the next response to recordInfo."""
        last = self.lasts.get(task_id, self.last)
        states = (*self.states, last) if last in ("success", "fail") else STATES
        with self._lock:
            self._steps[task_id] = min(self._steps[task_id] + 1, states.index(last))
            state = states[self._steps[task_id]]
        body = self.bodies[task_id]
        links = {"resultUrls": [f"{self.url}/files/{task_id}/1.png"]}
        return {
            "taskId": task_id,
            "model": body["model"],
            "state": state,
            "param": json.dumps(body),
            "resultJson": json.dumps(links) if state == "success" else "",
            "failMsg": "no reason" if state == "fail" else "",
            "createTime": self._created[task_id],
            "updateTime": milliseconds(),
            "completeTime": milliseconds() if state == last not in STATES else 0,
        }

    def handle_error(self, request, client_address):
        """Ignore the errors of clients that are killed during a response."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def close(self):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body are sent together
    disable_nagle_algorithm = True

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        task_id = self.server.create(body)
        self.reply("createTask", task_id, lambda: good(taskId=task_id))

    def do_GET(self):
        parts = urlsplit(self.path)
        if parts.path.startswith("/files/"):
            self.reply("file", parts.path.split("/")[2], lambda: (200, self.server.file))
            return
        if parts.path == "/api/v1/chat/credit":
            self.reply("credit", "", lambda: answer(200, code=200, msg="success", data=100))
            return
        task_id = parse_qs(parts.query)["taskId"][0]
        if task_id not in self.server.bodies:
            self.reply("recordInfo", task_id, lambda: answer(404, code=404, msg="task not found"))
            return
        self.reply("recordInfo", task_id, lambda: good(**self.server.record(task_id)))

    def reply(self, kind, task_id, usual):
        self.server.asked.append((kind, task_id))
        hook = self.server.hooks.get(kind)
        status, content, *headers = (hook(task_id) if hook else None) or usual()
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        for name, value in dict(*headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def milliseconds():
    return int(time.time() * 1000)


def picture():
    """A small PNG."""
    file = io.BytesIO()
    Image.effect_noise((32, 24), 50).convert("RGB").save(file, "PNG")
    return file.getvalue()
