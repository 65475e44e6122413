"""Downloads: declared encodings and data URLs."""

import base64
import gzip
import tracemalloc
import zlib

import pytest

from liangxin_nb.api.downloads import Downloader
from liangxin_nb.api.encodings import decode_content, decode_data_url
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.errors import ResultUnavailableError
from liangxin_nb.results import ResultStore

from ..results.test_results import job_record, make_metadata

pytestmark = pytest.mark.anyio
CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40
RAW_DEFLATE = zlib.compressobj(wbits=-15)


async def fetch(base_url, url, path):
    downloader = Downloader(base_url, 5)
    try:
        return await downloader.fetch(url, path)
    finally:
        await downloader.close()


# ---- declared encodings


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(CONTENT)),
        ("x-gzip", gzip.compress(CONTENT)),
        ("GZIP", gzip.compress(CONTENT[:99]) + gzip.compress(CONTENT[99:])),
        ("deflate", zlib.compress(CONTENT)),
        ("deflate", RAW_DEFLATE.compress(CONTENT) + RAW_DEFLATE.flush()),
        ("gzip, gzip", gzip.compress(gzip.compress(CONTENT))),
        ("identity, gzip", gzip.compress(CONTENT)),
        ("gzip", CONTENT),  # declared, but not applied
        ("br", CONTENT),
        ("identity", CONTENT),
        ("?", CONTENT),
    ],
    ids=range(11),  # not the bytes: gzip writes the time into them, each worker another one
)
async def test_declared_encoding_is_decoded(serve, tmp_path, encoding, body):
    server = serve((200, {"content-encoding": encoding}, body))
    await fetch(server.url, server.url, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("br", "1.br"), ("gzip, br", "1.br"), ("zstd", "1.zst"), ("?", "1.bin")],
)
async def test_file_of_an_encoding_that_was_not_accepted_is_saved_with_a_note(
    serve, tmp_path, encoding, name
):
    body = b"\x8b\x03\x80" + bytes(range(128, 250)) * 3
    server = serve((200, {"content-encoding": encoding, "content-type": "image/png"}, body))
    staged = ResultStore(tmp_path).stage(job_record())
    content_type = await fetch(server.url, f"{server.url}/1.png", staged.part_path(1))
    assert server.seen[0][2]["Accept-Encoding"] == "identity"
    outputs = [TaskOutput("https://x/1.png", "image")]
    staged.check(1, outputs[0], content_type)
    result = staged.commit(make_metadata(), outputs)
    assert (result.path.name, result.path.read_bytes()) == (name, body)
    note = result.metadata.files[0].get("note", "")
    assert note.startswith("the server sent it compressed") == (name != "1.bin")


@pytest.mark.parametrize("layers", [1, 2])
def test_compressed_bomb_is_rejected_with_little_memory(tmp_path, layers):
    path, data = tmp_path / "x", bytes(64 << 20)
    for _ in range(layers):
        data = gzip.compress(data, 9)
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ResultUnavailableError, match="larger than 8 MiB"):
            decode_content(path, ", ".join(["gzip"] * layers), 8 << 20)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_truncated_encoding_leaves_the_file(tmp_path):
    path, data = tmp_path / "x", gzip.compress(CONTENT)[:-9]
    path.write_bytes(data)
    decode_content(path, "gzip", 1 << 20)
    assert path.read_bytes() == data


# ---- data URLs


@pytest.mark.parametrize(
    "url",
    [
        f"data:image/png;base64,{base64.b64encode(CONTENT).decode()}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(CONTENT).decode().rstrip('=')}",
        f"DATA:image/png;charset=x;BASE64,{base64.encodebytes(CONTENT).decode()}",
        f" data:image/png;base64,{base64.b64encode(CONTENT).decode().replace('+', '%2B')}\n",
    ],
    ids=["plain", "url-safe", "lines", "escaped"],
)
async def test_data_url_is_decoded(tmp_path, url):
    content_type = await fetch("https://93.184.215.14", url, tmp_path / "x")
    assert (content_type, (tmp_path / "x").read_bytes()) == ("image/png", CONTENT)


@pytest.mark.parametrize("url", ["data:image/png;base64", "data:;base64,ä", "data:;base64,A"])
def test_broken_data_url_is_reported(url):
    with pytest.raises(ResultUnavailableError, match="cannot be decoded"):
        decode_data_url(url)


async def test_url_with_white_space_is_fetched(serve, tmp_path):
    server = serve((200, {"content-type": "audio/aac"}, CONTENT))
    assert await fetch(server.url, f" {server.url}/x\n", tmp_path / "x") == "audio/aac"


@pytest.mark.parametrize(
    ("status", "may_come"), [(404, True), (403, True), (425, True), (202, True), (410, False)]
)
async def test_error_says_whether_the_file_may_come_later(serve, tmp_path, status, may_come):
    server = serve((status, {}, b""))
    with pytest.raises(ResultUnavailableError, match=f"HTTP {status}") as raised:
        await fetch(server.url, server.url, tmp_path / "x")
    assert (raised.value.retryable, len(server.seen)) == (may_come, 1)
