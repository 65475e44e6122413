"""A client of the sandbox without retries."""

import http.client
import json
from urllib.parse import urlsplit

from ..conftest import wait_until

BODY = {"model": "z-image", "input": {"prompt": "a lake", "image_size": "square"}}


class Client:
    """Calls the sandbox with http.client, which has no retries."""

    def __init__(self, process):
        self.host = urlsplit(process.url).netloc
        self.key = process.key

    @property
    def headers(self):
        """The headers of every call."""
        return {"Authorization": f"Bearer {self.key}"}

    def call(self, method, path, body=None, **headers):
        """Return status, headers and body of one call on a new connection."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(
                method,
                path,
                None if body is None else json.dumps(body),
                {**self.headers, **headers},
            )
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def create(self, **changes):
        return self.call("POST", "/api/v1/jobs/createTask", {**BODY, **changes})

    def create_id(self, **changes):
        """Create a task and return its id."""
        return json.loads(self.create(**changes)[2])["data"]["taskId"]

    def record(self, task_id):
        return self.call("GET", f"/api/v1/jobs/recordInfo?taskId={task_id}")

    def data(self, task_id):
        return json.loads(self.record(task_id)[2])["data"]

    def wait(self, task_id):
        """Wait for the end of a task and return its record."""
        wait_until(lambda: self.data(task_id)["state"] in ("success", "fail"))
        return self.data(task_id)

    def link(self, task_id):
        """Wait for the end of a task and return the path of its file."""
        parts = urlsplit(json.loads(self.wait(task_id)["resultJson"])["resultUrls"][0])
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def set_faults(self, *faults):
        return self.call("PUT", "/sandbox/faults", {"faults": faults})

    def counters(self):
        return json.loads(self.call("GET", "/sandbox")[2])
