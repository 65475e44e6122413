"""Shapes of results and kinds of files, as they are sent on a real socket."""

import base64
import gzip
import http.client
import io
import json
import struct
import zlib
from urllib.parse import urlsplit

import pytest
from PIL import Image

from liangxin_nb.sandbox import file_formats
from liangxin_nb.sandbox.faults import Faults
from liangxin_nb.sandbox.state import SandboxState

from ..conftest import start_sandbox
from .fault_client import BODY, Client

#: All on one worker, which starts one sandbox.
pytestmark = pytest.mark.xdist_group("faults of the sandbox")


@pytest.fixture(scope="module")
def task_id(process):
    """Return the id of a completed task."""
    client = Client(process)
    client.set_faults()
    task_id = client.create_id()
    client.link(task_id)
    return task_id


@pytest.fixture(scope="module")
def folder(process, task_id):
    """Return the path of the folder of its files."""
    return Client(process).link(task_id).rpartition("/")[0]


# --- resultJson ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("objects", '{"resultUrls": [{"url": "URL"}]}'),
        ("result-url-objects", '{"resultUrls": [{"resultUrl": "URL"}]}'),
        ("json-text", '{"resultUrls": "[\\"URL\\"]"}'),
        ("one-text", '{"resultUrls": "URL"}'),
        ("list", '["URL"]'),
        ("object-list", '[{"url": "URL"}]'),
        ("bare-url", "URL"),
        ("images", '{"images": [{"url": "URL", "width": 512}]}'),
        ("audio-url", '{"data": [{"audio_url": "URL"}]}'),
        ("video-url", '{"data": [{"video_url": "URL"}]}'),
        ("image-url", '{"data": [{"image_url": "URL"}]}'),
        ("videoUrl", '{"videoUrl": "URL"}'),
        ("nested", '{"output": {"media": [{"href": "URL"}]}}'),
        ("b64-json", '{"data": [{"b64_json": "BASE64"}]}'),
        ("data-url", '{"resultUrls": ["data:image/png;base64,BASE64"]}'),
        ("base64", '{"resultUrls": ["BASE64"]}'),
        ("relative", '{"resultUrls": ["PATH"]}'),
        ("protocol-relative", '{"resultUrls": ["//HOSTPATH"]}'),
        ("newline", '{"resultUrls": ["URL\\n"]}'),
        ("spaces", '{"resultUrls": ["  URL\\t"]}'),
        ("duplicates", '{"resultUrls": ["URL", "URL"]}'),
        ("no-suffix", '{"resultUrls": ["http://HOSTFOLDER/1"]}'),
        (
            "dead-frames",
            '{"resultUrls": ["URL"], "firstFrameUrl": "http://HOSTFOLDER/first.png", '
            '"lastFrameUrl": "http://HOSTFOLDER/last.png"}',
        ),
        ("unreadable", '{"result": "done", "count": 1}'),
    ],
)
def test_result_has_another_shape(api, task_id, folder, shape, expected):
    path = f"{folder}/1.png"
    values = {
        "URL": f"http://{api.host}{path}",
        "HOST": api.host,
        "PATH": path,
        "FOLDER": folder,
        "BASE64": base64.b64encode(file_formats.small_png()).decode(),
    }
    for name, value in values.items():
        expected = expected.replace(name, value)
    api.set_faults(f"result-shape:{shape}")
    assert api.data(task_id)["resultJson"] == expected
    assert api.counters()["faults"] == {f"result-shape:{shape}": 1}


def test_shape_is_combined_with_objects_and_texts_in_texts(api, task_id, folder):
    url = f"http://{api.host}{folder}/1.png"
    api.set_faults("result-shape:objects", "result-object")
    assert api.data(task_id)["resultJson"] == {"resultUrls": [{"url": url}]}
    api.set_faults("result-shape:list", "result-twice")
    assert json.loads(json.loads(api.data(task_id)["resultJson"])) == [url]
    api.set_faults("result-shape:bare-url", "result-object", "result-shape:list")
    assert api.data(task_id)["resultJson"] == url


def test_links_of_odd_shapes_lead_to_the_picture_or_to_nothing(api, folder):
    whole = api.call("GET", f"{folder}/1.png")[2]
    assert api.call("GET", f"{folder}/1")[2] == whole
    assert api.call("GET", f"{folder}/first.png")[0] == 404
    picture = Image.open(io.BytesIO(file_formats.small_png()))
    assert (picture.format, picture.size) == ("PNG", (64, 64))


def test_result_is_empty_until_a_while_after_success():
    now = [1_777_600_000.0]
    state = SandboxState(None, clock=lambda: now[0], faults=Faults(["result-late:20"]))
    task_id = state.create("k", BODY)
    now[0] = state.ends_at(task_id) + 19
    assert (state.record("k", task_id, "http://x")["state"]) == "success"
    assert (state.record("k", task_id, "http://x")["resultJson"]) == ""
    now[0] += 2
    assert json.loads(state.record("k", task_id, "http://x")["resultJson"])["resultUrls"]


def test_late_result_is_empty_in_the_record(api):
    api.set_faults("result-late:3600")
    assert api.wait(api.create_id())["resultJson"] == ""


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "size"),
    [("file-late", 404, 12), ("file-late-403", 403, None), ("file-late-empty", 200, 0)],
)
def test_each_file_is_late_for_some_requests(api, path, fault, status, size):
    api.set_faults(f"{fault}:2")
    answers = [api.call("GET", path) for _ in range(3)]
    assert [answer[0] for answer in answers] == [status, status, 200]
    assert size is None or len(answers[0][2]) == size
    assert answers[2][2][:4] == b"\x89PNG"
    other = api.link(api.create_id())
    assert [api.call("GET", other)[0] for _ in range(3)] == [status, status, 200]


@pytest.fixture(scope="module")
def kie():
    """A client of a sandbox in which tasks can have several files."""
    process = start_sandbox("--profile", "kie", "--speed", "50")
    yield Client(process)
    process.stop()


def test_some_files_of_a_task_are_dead(kie):
    inputs = {"prompt": "a cat", "image_size": "square", "max_images": 3}
    body = {"model": "bytedance/seedream-v4-text-to-image", "input": inputs}
    links = json.loads(kie.wait(kie.create_id(**body))["resultJson"])["resultUrls"]
    paths = [urlsplit(link).path for link in links]

    def statuses(*faults):
        kie.set_faults(*faults)
        return [kie.call("GET", path)[0] for path in paths]

    assert statuses() == [200, 200, 200]
    assert statuses("file-dead:2") == [200, 404, 200]
    assert statuses("file-dead:1+3") == [404, 200, 404]
    fresh = kie.call("POST", "/api/v1/common/download-url", {"url": links[2]})[2]
    link = urlsplit(json.loads(fresh)["data"])
    assert kie.call("GET", f"{link.path}?{link.query}")[0] == 404, "a fresh link is dead, too"
    assert statuses("file-late:1") == [404, 404, 404]
    assert [kie.call("GET", path)[0] for path in paths] == [200, 200, 200]


@pytest.mark.parametrize(
    ("name", "media_type", "start"),
    [
        ("tiff", "image/tiff", b"II*\0"),
        ("gif", "image/gif", b"GIF8"),
        ("bmp", "image/bmp", b"BM"),
        ("svg", "image/svg+xml", b'<?xml version="1.0" encoding="UTF-8"?>\n<svg '),
        ("heic", "image/heic", b"\0\0\0\x18ftypheic"),
        ("aac", "audio/aac", b"\xff\xf1\x50\x80"),
        ("mp4", "video/mp4", b"\0\0\0\x1cftypisom"),
        ("broken-exif", "image/jpeg", b"\xff\xd8\xff\xe1"),
        ("large-png", "image/png", b"\x89PNG"),
        ("large-jpeg", "image/jpeg", b"\xff\xd8\xff"),
        ("unknown", "application/octet-stream", b""),
        ("json-error", "application/json", b'{"error":'),
    ],
)
def test_file_has_another_format(api, path, name, media_type, start):
    api.set_faults(f"file-as:{name}")
    status, headers, body = api.call("GET", path)
    assert (status, headers["Content-Type"]) == (200, media_type)
    assert headers["Content-Length"] == str(len(body))
    assert body.startswith(start)
    assert body == file_formats.FILE_FORMATS[name][1]()


@pytest.mark.parametrize(
    ("fault", "media_type"),
    [("file-no-type", "application/octet-stream"), ("file-png-type", "image/png")],
)
def test_media_type_of_a_file_says_nothing_or_another_format(api, path, fault, media_type):
    api.set_faults("file-as:svg", fault)
    _, headers, body = api.call("GET", path)
    assert (headers["Content-Type"], body[:5]) == (media_type, b"<?xml")


@pytest.mark.parametrize("name", ["tiff", "gif", "bmp"])
def test_pictures_of_other_formats_are_valid(name):
    picture = Image.open(io.BytesIO(file_formats.FILE_FORMATS[name][1]()))
    picture.load()
    assert (picture.format, picture.size) == (name.upper(), (256, 256))


def test_large_pictures_have_their_size():
    png, jpeg = (file_formats.FILE_FORMATS[name][1]() for name in ("large-png", "large-jpeg"))
    assert max(len(png), len(jpeg)) < 4_000_000
    assert struct.unpack(">II", png[16:24]) == (10_000, 9_000), "more than Pillow opens silently"
    picture = Image.open(io.BytesIO(jpeg))
    assert (picture.size, picture.mode) == ((8192, 8192), "RGB")


def test_small_picture_of_the_large_kind_is_valid():
    picture = Image.open(io.BytesIO(file_formats.create_png(70, 50, bits=8, channels=3)))
    picture.load()
    assert picture.getextrema() == ((0, 0),) * 3


def test_picture_with_broken_exif_can_be_read_but_not_its_exif_written():
    picture = Image.open(io.BytesIO(file_formats.FILE_FORMATS["broken-exif"][1]()))
    picture.load()
    assert picture.size == (256, 256)
    with pytest.raises(Exception, match="not an integer"):
        picture.getexif().tobytes()


def test_frames_of_the_audio_file_have_their_length():
    content = file_formats.FILE_FORMATS["aac"][1]()
    length = (content[3] & 3) << 11 | content[4] << 3 | content[5] >> 5
    assert (length, len(content) % length) == (13, 0)
    assert all(content[n : n + 2] == b"\xff\xf1" for n in range(0, len(content), length))


def boxes(content):
    """Return names and sizes of the boxes of an ISO media file."""
    position, found = 0, []
    while position < len(content):
        size = int.from_bytes(content[position : position + 4])
        found.append((content[position + 4 : position + 8], size))
        position += size
    assert position == len(content)
    return found


@pytest.mark.parametrize(("name", "second"), [("mp4", b"moov"), ("heic", b"meta")])
def test_boxes_of_media_files_are_complete(name, second):
    names = [box for box, _ in boxes(file_formats.FILE_FORMATS[name][1]())]
    assert names == [b"ftyp", second, b"mdat"]


def test_film_is_sent_in_parts_with_its_length(api, path):
    api.set_faults("file-film:300")
    connection = http.client.HTTPConnection(api.host, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    head = response.read(4)
    size = int(response.headers["Content-Length"])
    assert (head, response.headers["Content-Type"]) == (b"\x1a\x45\xdf\xa3", "video/webm")
    assert 300_000_000 < size < 301_000_000
    connection.close()
    status, headers, end = api.call("GET", path, Range=f"bytes={size - 1_000_000}-")
    assert (status, len(end), end.strip(b"\0")) == (206, 1_000_000, b"")
    assert headers["Content-Range"] == f"bytes {size - 1_000_000}-{size - 1}/{size}"
    start = size - 300_000_000 - 9
    assert api.call("GET", path, Range=f"bytes={start}-{start + 10}")[2] == (
        file_formats.webm_padding(300_000_000) + b"\0\0"
    )


def test_small_film_is_complete(api, path):
    api.set_faults("file-film:2")
    _, headers, body = api.call("GET", path)
    assert headers["Content-Length"] == str(len(body))
    assert body.endswith(file_formats.webm_padding(2_000_000) + bytes(2_000_000))


def test_file_is_compressed_although_the_client_accepts_identity_only(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-gzip")
    _, headers, body = api.call("GET", path, Accept_Encoding="identity")
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(body))
    assert gzip.decompress(body) == whole
    api.set_faults("file-gzip-twice", "file-cookie")
    _, headers, body = api.call("GET", path)
    assert headers["Content-Encoding"] == "gzip, gzip"
    assert headers["Set-Cookie"]
    assert gzip.decompress(gzip.decompress(body)) == whole
    api.set_faults("file-as:tiff", "file-gzip")
    assert gzip.decompress(api.call("GET", path)[2])[:4] == b"II*\0"


def test_file_states_a_compression_that_it_does_not_have(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-gzip-claimed")
    _, headers, body = api.call("GET", path)
    assert (headers["Content-Encoding"], body) == ("gzip", whole)


def test_compressed_file_expands_to_a_gibibyte(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-gzip-bomb")
    _, headers, body = api.call("GET", path)
    assert headers["Content-Encoding"] == "gzip, gzip"
    assert len(body) < len(whole) + 20_000
    inner = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert inner.decompress(gzip.decompress(body), len(whole)) == whole


def test_file_is_sent_byte_by_byte(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-dribble:0.05")
    connection = http.client.HTTPConnection(api.host, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.headers["Content-Length"] == str(len(whole))
    assert response.read1(1000) == whole[:1], "one byte arrives"
    connection.close()


def test_file_is_short_without_a_stated_length(api, path):
    whole = api.call("GET", path)[2]
    api.set_faults("file-short")
    status, headers, body = api.call("GET", path)
    assert (status, headers["Content-Length"]) == (200, None)
    assert body == whole[: len(whole) // 2]
    api.set_faults("file-as:mp4", "file-short")
    body = api.call("GET", path)[2]
    name_at = body.index(b"mdat")
    assert int.from_bytes(body[name_at - 4 : name_at]) == 2_000_008 > len(body)
