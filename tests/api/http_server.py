"""An HTTP server that sends given responses."""

import http.server
import json
import threading

__all__ = ["Handler", "Server", "good"]


class Server(http.server.ThreadingHTTPServer):
    """Sends the given responses in order, repeats the last one, and records every request."""

    def __init__(self, *answers):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = list(answers)
        self.seen = []
        # It looks often whether it should end: many of them end one after the other.
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, response=None):
        """Send the given response, or the next one of the server."""
        length = int(self.headers.get("content-length", 0))
        server = self.server
        server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        if response is None:
            response = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        status, headers, body = response
        if status is None:  # hang up without an answer
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer()

    do_POST = do_GET

    def log_message(self, *_):
        pass


def good(**data):
    return 200, {}, json.dumps({"code": 200, "msg": "success", "data": data}).encode()
