"""The profile kie: envelopes, results of all kinds, credits and uploads."""

import base64
import io
import json
import urllib.error
import urllib.request

import av
import pytest
from PIL import Image

from liangxin_nb.sandbox.film import encode_webm
from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState

from ..api.http_server import Server
from ..conftest import start_sandbox, wait_until
from ..scan import KEY
from .test_app import call

#: All on one worker, which starts one sandbox.
pytestmark = pytest.mark.xdist_group("sandbox of kie")


def png(colour="red", size=(64, 64)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


class KieClient:
    """Calls the sandbox as described in KIE's docs."""

    def __init__(self, process):
        self.url = process.url
        self.stop = process.stop
        self.set_faults = process.set_faults

    def call(self, path, body=None, key=KEY):
        return call(f"{self.url}{path}", body, key)

    def create(self, model, **inputs):
        return self.call("/api/v1/jobs/createTask", {"model": model, "input": inputs})

    def complete(self, model, **inputs):
        """Create a task, wait for its end and return its record."""
        task_id = self.create(model, **inputs)[1]["data"]["taskId"]
        wait_until(lambda: self.record(task_id)["data"]["state"] in ("success", "fail"))
        return self.record(task_id)["data"]

    def record(self, task_id):
        return self.call(f"/api/v1/jobs/recordInfo?taskId={task_id}")[1]

    def files(self, data):
        for url in json.loads(data["resultJson"])["resultUrls"]:
            with urllib.request.urlopen(url) as response:
                yield response.headers["content-type"], response.read()


@pytest.fixture(scope="module")
def kie():
    client = KieClient(start_sandbox("--profile", "kie", "--speed", "300", "--any-model"))
    yield client
    client.stop()


@pytest.mark.parametrize(
    ("model", "inputs", "code", "message"),
    [
        ("z-image", {"prompt": "x"}, 500, "This field is required"),
        ("z-image", {"aspect_ratio": "1:1"}, 500, "This field is required"),
        ("z-image", {"prompt": "x", "aspect_ratio": "7:5"}, 422, "aspect_ratio"),
        ("google/imagen4", {"prompt": "x", "seed": 7}, 422, "seed"),
        ("google/imagen4-fast", {"prompt": "x", "seed": "7"}, 422, "seed"),
        ("google/imagen4-fast", {"prompt": "x", "seed": 7.5}, 422, "seed"),
        ("", {"prompt": "x"}, 422, "model"),
    ],
)
def test_errors_have_http_200_and_the_code_in_the_body(kie, model, inputs, code, message):
    status, answer = kie.create(model, **inputs)
    assert (status, answer["code"], answer["data"]) == (200, code, None)
    assert message in answer["msg"]


def test_wrong_key_and_unknown_task_are_answered_as_reported_by_users(kie):
    path = "/api/v1/jobs/recordInfo?taskId=nope"
    assert kie.call(path, key="wrong") == (
        200,
        {"code": 401, "msg": "invalid token", "data": None},
    )
    assert kie.call(path)[1] == {"code": 422, "msg": "recordInfo is null", "data": None}


def test_record_contains_nulls_before_the_end_and_the_cost_afterwards():
    now = [1_777_600_000.0]
    state = SandboxState(None, profile="kie", clock=lambda: now[0])
    body = {"model": "nano-banana-pro", "input": {"prompt": "x"}, "callBackUrl": "", "new": {}}
    task_id = state.create("k", body)
    assert len(task_id) == 32
    early = state.record("k", task_id, "http://x")
    assert (early["resultJson"], early["failCode"], early["failMsg"]) == (None, None, None)
    assert "creditsConsumed" not in early
    now[0] += 600
    assert state.record("k", task_id, "http://x")["creditsConsumed"] > 0


def test_model_creates_the_requested_number_of_pictures(kie):
    data = kie.complete("bytedance/seedream-v4-text-to-image", prompt="a cat", max_images=3)
    files = list(kie.files(data))
    assert [kind for kind, _ in files] == ["image/png"] * 3
    assert len({picture for _, picture in files}) == 3


def test_video_model_creates_a_valid_film_with_motion(kie):
    data = kie.complete(
        "kling-2.6/text-to-video", prompt="a lake", duration="5", aspect_ratio="16:9"
    )
    ((kind, content),) = kie.files(data)
    assert kind == "video/webm"
    assert len(content) < 1 << 20
    with av.open(io.BytesIO(content)) as film:
        assert film.duration == pytest.approx(5_000_000, abs=100_000)
        frames = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
    assert len(frames) == 60
    assert frames[0].shape == (360, 640)
    assert abs(frames[0].astype(int) - frames[-1]).mean() > 3, "the camera moves"


def test_film_is_seekable():
    with av.open(io.BytesIO(encode_webm(png(), (64, 36), 10))) as film:
        film.seek(7_000_000)
        assert next(film.decode(video=0)).time == pytest.approx(7.0, abs=0.5)


def test_text_model_outside_the_catalog_answers_with_an_object(kie):
    result = json.loads(kie.complete("claude-next", prompt="雨 and\n tea")["resultJson"])
    assert "no model was run" in result["resultObject"]["text"]
    assert "雨 and tea" in result["resultObject"]["text"]


def test_model_outside_the_catalog_is_rejected_without_the_option():
    with pytest.raises(RejectedRequestError, match="unsupported model"):
        SandboxState(None, profile="kie").create("k", {"model": "next", "input": {"prompt": "x"}})
    SandboxState(None, any_model=True).create("k", {"model": "next", "input": {"prompt": "x"}})


@pytest.mark.parametrize(
    ("profile", "model", "code"), [("kie", "nano-banana-pro", 402), ("liangxin", "z-image", 403)]
)
def test_credits_decrease_run_out_and_are_refunded_for_failed_tasks(profile, model, code):
    now = [1_777_600_000.0]
    state = SandboxState(None, profile=profile, initial_credits=10, clock=lambda: now[0])
    body = {"model": model, "input": {"prompt": "x"}}
    state.faults.replace(["fail:500*1"])
    state.create("k", body)
    assert state.balance() == 6
    now[0] += 600
    assert state.balance() == 10
    state.create("k", body)
    state.create("k", body)
    with pytest.raises(RejectedRequestError) as error:
        state.create("k", body)
    assert error.value.code == code
    assert state.task_count == 3


def test_balance_is_restored_after_a_restart(tmp_path):
    SandboxState(tmp_path, initial_credits=10).create(
        "k", {"model": "z-image", "input": {"prompt": "x"}}
    )
    assert SandboxState(tmp_path, initial_credits=10).balance() == 6


def encode_form(**fields):
    """Encode a multipart form; each field is a file name, empty for a text, and the content."""
    lines = []
    for name, (file, content) in fields.items():
        filename = f'; filename="{file}"' if file else ""
        lines.append(f'--cut\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n')
        lines.append(content + b"\r\n")
    body = b"".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return body + b"--cut--\r\n"


def test_each_kind_of_upload_is_available_at_its_download_url(kie):
    uri = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    body = {"base64Data": uri, "uploadPath": "a b/../c", "fileName": "../../x y.png"}
    _, first = kie.call("/api/file-base64-upload", body)
    assert (first["success"], first["code"]) == (True, 200)
    assert first["data"]["mimeType"] == "image/png"
    _, second = kie.call(
        "/api/file-url-upload", {"fileUrl": first["data"]["downloadUrl"], "uploadPath": "u"}
    )
    request = urllib.request.Request(
        f"{kie.url}/api/file-stream-upload",
        encode_form(file=("雨.png", png()), uploadPath=("", b"u")),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "multipart/form-data; boundary=cut"},
    )
    with urllib.request.urlopen(request) as response:
        third = json.load(response)
    for answer in (first, second, third):
        with urllib.request.urlopen(answer["data"]["downloadUrl"]) as response:
            assert response.read() == png()
            assert response.headers["content-type"] == "image/png"
    assert first["data"]["fileName"] == "x-y.png"


def test_uploaded_html_has_no_html_media_type(kie):
    page = base64.b64encode(b"<script>alert(1)</script>").decode()
    body = {"base64Data": page, "uploadPath": "u", "fileName": "x.html"}
    url = kie.call("/api/file-base64-upload", body)[1]["data"]["downloadUrl"]
    with urllib.request.urlopen(url) as response:
        assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("base64", {"uploadPath": "u"}, 400),
        ("base64", {"base64Data": "no base64", "uploadPath": "u"}, 400),
        ("base64", {"base64Data": "A" * (15 << 20), "uploadPath": "u"}, 413),
        ("url", {"fileUrl": "https://example.com/a.png", "uploadPath": "u"}, 400),
        ("url", {"fileUrl": "http://169.254.169.254/", "uploadPath": "u"}, 400),
        ("stream", {"uploadPath": "u"}, 400),
    ],
)
def test_invalid_upload_is_rejected_and_no_url_is_fetched(kie, kind, body, code):
    assert kie.call(f"/api/file-{kind}-upload", body)[1]["code"] == code
    assert kie.call(f"/api/file-{kind}-upload", {"uploadPath": "u"}, key="wrong")[1]["code"] == 401


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("multipart/form-data; boundary=cut", b"no form", 400),
        ("multipart/form-data; boundary=cut", b"--cut\r\nno header\r\n\r\n\r\n--cut--\r\n", 400),
        ("multipart/form-data", b"--cut--", 400),
        ("multipart/form-data; boundary=cut", encode_form(file=("a.png", png())), 400),
        ("multipart/form-data; boundary=cut",
         encode_form(file=("a", b"x" * (11 << 20)), uploadPath=("", b"u")), 413),
        ("application/x-www-form-urlencoded", b"file=a&uploadPath=u", 400),
    ],
    ids=["no-parts", "no-name", "no-boundary", "no-path", "too-large", "no-file"],
)  # fmt: skip
def test_invalid_form_is_rejected(kie, content_type, body, code):
    request = urllib.request.Request(
        f"{kie.url}/api/file-stream-upload",
        body,
        {"Authorization": f"Bearer {KEY}", "Content-Type": content_type},
    )
    with urllib.request.urlopen(request) as response:
        assert json.load(response)["code"] == code


def test_uploaded_reference_is_visible_in_the_drawing(kie):
    uri = f"data:image/png;base64,{base64.b64encode(png('#ff00ff')).decode()}"
    _, upload = kie.call("/api/file-base64-upload", {"base64Data": uri, "uploadPath": "u"})
    external = "https://example.com/a.png"
    for url, is_visible in ((upload["data"]["downloadUrl"], True), (external, False)):
        data = kie.complete("google/nano-banana-edit", prompt="a lake", image_urls=[url])
        ((_, picture),) = kie.files(data)
        colours = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 24)
        assert any(colour == (255, 0, 255) for _, colour in colours) is is_visible


def test_longer_lived_links_are_created_only_for_results(kie):
    data = kie.complete("nano-banana-pro", prompt="x", resolution="1K")
    (url,) = json.loads(data["resultJson"])["resultUrls"]
    new_link = kie.call("/api/v1/common/download-url", {"url": url})[1]["data"]
    with urllib.request.urlopen(new_link) as response:
        assert response.headers["content-type"] == "image/png"
    expired = new_link.partition("until=")[0] + "until=1700000000"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(expired)
    for foreign in ("https://example.com/files/x/1.png", f"{kie.url}/files/nope/1.png", "//["):
        assert kie.call("/api/v1/common/download-url", {"url": foreign})[1]["code"] == 422


def test_additional_endpoints_of_kie_do_not_exist_at_liangxin(sandbox):
    for path in ("/api/v1/chat/credit", "/api/file-base64-upload"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{sandbox.url}{path}")


def test_integer_may_be_written_with_a_decimal_point(kie):
    assert kie.create("google/imagen4-fast", prompt="x", seed=7.0)[1]["code"] == 200


@pytest.mark.parametrize(
    ("faults", "code", "message"),
    [([], 200, "completed successfully"), (["fail:500*1"], 501, "failed")],
)
def test_callback_has_the_format_of_kie_and_is_sent_again(kie, faults, code, message):
    target = Server((500, {}, b""), (200, {}, b"ok"))
    kie.set_faults(*faults)
    body = {
        "model": "grok-imagine/text-to-image",
        "callBackUrl": f"{target.url}/called",
        "input": {"prompt": "雨"},
    }
    task_id = kie.call("/api/v1/jobs/createTask", body)[1]["data"]["taskId"]
    wait_until(lambda: len(target.seen) == 2)
    (_, _, _, first), (_, path, _, second) = target.seen
    target.stop()
    callback = json.loads(second)
    assert first == second
    assert (path, callback["code"], callback["data"]["taskId"]) == ("/called", code, task_id)
    assert message in callback["msg"]
    assert json.loads(json.loads(callback["data"]["param"])["input"]) == {"prompt": "雨"}
