"""Uploads of reference images for KIE."""

import base64
import io
import json
from types import SimpleNamespace

import pytest
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.api import Client, uploads
from liangxin_nb.config.settings import Secret
from liangxin_nb.core.request import Request
from liangxin_nb.engine.client_provider import upload_base_url
from liangxin_nb.errors import APIConnectionError, APIError, AuthenticationError
from liangxin_nb.session import request_builder

from .. import conftest
from .http_server import good
from .test_client import KEY

URI = f"data:image/png;base64,{base64.b64encode(b'no matter').decode()}"
REQUEST = Request("google/nano-banana-edit", "x", {"image_urls": [URI, "https://e.com/a.png"]})
PLACED = good(downloadUrl="https://files.example/1.png")


#: What the tests generate: always the same, so that the sandbox draws once.
EDIT = {"prompt": "a lake", "model": "google/nano-banana-edit"}


def picture():
    out = io.BytesIO()
    Image.new("RGB", (80, 60), "magenta").save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def kie():
    served = conftest.start_sandbox("--profile", "kie", "--speed", "100")
    yield served
    served.stop()


@pytest.fixture
def session(kie, tmp_path):
    made = Session(
        profile="kie",
        base_url=kie.url,
        key=kie.key,
        results=tmp_path / "r",
        schedule=conftest.FAST_PACE,
    )
    yield made
    made.close()


@pytest.mark.xdist_group("kie of uploads")
def test_local_image_reaches_the_model_and_is_named_in_the_metadata(session, kie):
    before = kie.counters()["calls"]
    result = session.generate(**EDIT, image=picture()).wait(120)
    colours = Image.open(result.paths[0]).convert("RGB").getcolors(1 << 24)
    assert any(min(r, b) > 245 and g < 10 for _, (r, g, b) in colours), "it is in the drawing"
    assert result.metadata.options["image_urls"][0].startswith("data:image/jpeg;")
    after = kie.counters()["calls"]
    for call in ("uploads", "createTask"):
        assert after[call] - before.get(call, 0) == 1


@pytest.mark.xdist_group("kie of uploads")
def test_same_image_is_uploaded_once_for_many_tasks(session, kie):
    before = kie.counters()["calls"].get("uploads", 0)
    image = picture()
    for job in [session.generate(**EDIT, image=image) for _ in range(3)]:
        job.wait(120)
    assert kie.counters()["calls"]["uploads"] - before == 1


@pytest.mark.anyio
async def test_uploaded_url_is_reused_for_an_hour(serve, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(uploads, "time", SimpleNamespace(monotonic=lambda: now[0]))
    server = serve(PLACED, *[good(taskId="t")] * 2, PLACED, good(taskId="t"))
    async with Client(server.url, Secret(KEY), upload_url=server.url) as client:
        for moment in (1000.0, 4600.0, 4600.5):
            now[0] = moment
            await client.create(REQUEST)
    called = [path.rpartition("/")[2] for _, path, _, _ in server.seen]
    upload = "file-base64-upload"
    assert called == [upload, "createTask", "createTask", upload, "createTask"]


@pytest.mark.parametrize(
    ("profile", "model", "uploaded"),
    [("kie", "google/nano-banana-edit", True), ("liangxin", "nano-banana-pro", False)],
)
def test_note_names_the_upload_address(profile, model, uploaded):
    plain = {"aspect": None}
    _, notes = request_builder.build_requests(
        profile, "a lake", model, common_options=plain, options={}, images=[picture()]
    )
    assert any("uploaded" in note for note in notes) is uploaded


@pytest.mark.anyio
async def test_created_request_contains_only_urls(serve):
    server = serve(PLACED, good(taskId="task_1"))
    async with Client(server.url, Secret(KEY), upload_url=server.url) as client:
        assert (await client.create(REQUEST)).task_id == "task_1"
    (_, path, headers, body), (_, _, _, created) = server.seen
    assert path == "/api/file-base64-upload"
    assert headers["Authorization"] == f"Bearer {KEY}"
    payload = json.loads(body)
    assert payload["base64Data"] == URI
    assert set(payload) == {"base64Data", "uploadPath", "fileName"}
    assert json.loads(created)["input"]["image_urls"] == [
        "https://files.example/1.png",
        "https://e.com/a.png",
    ]


REFUSALS = [
    ((200, {}, b'{"code": 401, "msg": "no such key"}'), AuthenticationError, 1),
    ((400, {}, b'{"code": 400, "msg": "too large"}'), APIError, 1),
    ((502, {}, b"<html>bad gateway</html>"), APIError, 3),
    ((302, {"location": "https://example.com/"}, b""), APIError, 1),
    ((None, {}, b""), APIConnectionError, 3),
    (good(downloadUrl="file:///etc/passwd"), APIError, 3),
    (good(downloadUrl=""), APIError, 3),
    (good(fileUrl="https://x/1.png"), APIError, 3),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("answer", "error", "tries"), REFUSALS)
async def test_failed_upload_rejects_the_request_before_a_task_is_created(
    serve,
    retry_at_once,
    answer,
    error,
    tries,
):
    server = serve(answer)
    async with Client(server.url, Secret(KEY), upload_url=server.url) as client:
        with pytest.raises(error, match="could not be uploaded") as raised:
            await client.create(REQUEST)
    assert "nothing was billed" in str(raised.value)
    assert KEY not in str(raised.value)
    assert not getattr(raised.value, "maybe_created", False)
    assert [path for _, path, _, _ in server.seen] == ["/api/file-base64-upload"] * tries


def test_failed_upload_is_a_rejection_in_the_ledger(serve, tmp_path):
    server = serve((400, {}, b'{"code": 400, "msg": "too large"}'))
    session = Session(profile="kie", base_url=server.url, key=KEY, results=tmp_path / "r")
    job = session.generate("x", model="google/nano-banana-edit", image=picture())
    with pytest.raises(APIError, match="could not be uploaded"):
        job.wait(60)
    (record,) = session.ledger.list_jobs()
    assert record.status == "rejected"
    session.close()


@pytest.mark.anyio
async def test_key_is_sent_only_to_the_documented_addresses(serve):
    elsewhere = serve(PLACED)
    place = serve((307, {"location": f"{elsewhere.url}/api/file-base64-upload"}, b""))
    api = serve(good(taskId="task_1"))
    async with Client(api.url, Secret(KEY), upload_url=place.url) as client:
        with pytest.raises(APIError):
            await client.create(REQUEST)
    assert (len(place.seen), len(elsewhere.seen), len(api.seen)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("profile", "base_url", "upload_url"),
    [
        ("kie", "https://api.kie.ai", "https://kieai.redpandaai.co"),
        ("kie", "https://api.kie.ai/", "https://kieai.redpandaai.co"),
        ("kie", "https://api.kie.ai.example.com", "https://api.kie.ai.example.com"),
        ("kie", "https://api.kie.ai/v2", "https://api.kie.ai/v2"),
        ("kie", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("liangxin", "https://api.kie.ai", ""),
        ("sandbox", "http://127.0.0.1:8000", ""),
    ],
)
def test_upload_host_of_kie_is_used_with_its_own_api_host_only(profile, base_url, upload_url):
    assert upload_base_url(profile, base_url) == upload_url
