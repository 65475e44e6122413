"""A key that the service repeats in its answer is hidden, however it arrives."""

import base64
import json

import pytest

from .scripted_server import KEY, build_response
from .test_exchanges import create, get_task

LINE = json.dumps({"code": 401, "msg": f"invalid key {KEY}"}).encode()
MIDDLE = LINE.index(b"secret")


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n"
SCRIPTS = {
    "in two packets": [build_response(401, LINE)[:-20], 1.0, LINE[-20:]],
    "in two chunks": [HEAD + chunk(LINE[:MIDDLE]), 1.0, chunk(LINE[MIDDLE:]) + chunk(b"")],
    "in single bytes": [HEAD, *(chunk(bytes([byte])) for byte in LINE), chunk(b"")],
    "in base64": [build_response(401, LINE.replace(KEY.encode(), base64.b64encode(KEY.encode())))],
    "in base64 with Bearer": [
        build_response(401, b'{"msg":"%s"}' % base64.b64encode(f"Bearer {KEY}".encode()))
    ],
    "in hexadecimal digits": [build_response(401, b'{"msg":"%s"}' % KEY.encode().hex().encode())],
    "cut off": [build_response(401, LINE[: MIDDLE + 6], length=1000)],
    "cut off after a chunk": [HEAD + chunk(LINE[: MIDDLE + 4])],
}


@pytest.mark.parametrize("call", [create, get_task])
@pytest.mark.parametrize("way", SCRIPTS)
def test_repeated_key_is_hidden(way, call):
    error, _, _ = call(SCRIPTS[way])
    texts = f"{error!r} {error} {vars(error)}"
    for part in ("very-secret", base64.b64encode(b"secret").decode(), b"secret".hex()):
        assert part not in texts
    if "cut off" not in way:
        assert "•••" in texts
