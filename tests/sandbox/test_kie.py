"""The sandbox as KIE: its envelopes, results of every kind, credits that run out, uploads."""

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

from ..api.test_client import Server
from ..conftest import start_sandbox, wait_until
from ..scan import KEY
from .test_app import call

#: On one worker, with one sandbox.
pytestmark = pytest.mark.xdist_group("sandbox of kie")


def png(colour="red", size=(64, 64)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


class Kie:
    """Calls the sandbox as KIE's documents show it."""

    def __init__(self, served):
        self.url = served.url
        self.stop = served.stop

    def ask(self, path, body=None, key=KEY):
        return call(f"{self.url}{path}", body, key)

    def create(self, model, **given):
        return self.ask("/api/v1/jobs/createTask", {"model": model, "input": given})

    def done(self, model, **given):
        id = self.create(model, **given)[1]["data"]["taskId"]
        wait_until(lambda: self.record(id)["data"]["state"] in ("success", "fail"))
        return self.record(id)["data"]

    def record(self, id):
        return self.ask(f"/api/v1/jobs/recordInfo?taskId={id}")[1]

    def files(self, data):
        for url in json.loads(data["resultJson"])["resultUrls"]:
            with urllib.request.urlopen(url) as reply:
                yield reply.headers["content-type"], reply.read()


@pytest.fixture(scope="module")
def kie():
    made = Kie(start_sandbox("--profile", "kie", "--speed", "300", "--any-model"))
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("model", "given", "code", "said"),
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
def test_a_no_comes_with_http_200_and_the_code_in_the_body(kie, model, given, code, said):
    status, answer = kie.create(model, **given)
    assert (status, answer["code"], answer["data"]) == (200, code, None)
    assert said in answer["msg"]


def test_a_wrong_key_and_an_unknown_task_are_answered_as_users_have_met_it(kie):
    path = "/api/v1/jobs/recordInfo?taskId=nope"
    assert kie.ask(path, key="wrong") == (
        200,
        {"code": 401, "msg": "invalid token", "data": None},
    )
    assert kie.ask(path)[1] == {"code": 422, "msg": "recordInfo is null", "data": None}


def test_a_record_has_nulls_before_the_end_and_tells_its_cost_after_it():
    now = [1_777_600_000.0]
    state = SandboxState(None, profile="kie", clock=lambda: now[0])
    wish = {"model": "nano-banana-pro", "input": {"prompt": "x"}, "callBackUrl": "", "new": {}}
    id = state.create("k", wish)
    assert len(id) == 32
    young = state.record("k", id, "http://x")
    assert (young["resultJson"], young["failCode"], young["failMsg"]) == (None, None, None)
    assert "creditsConsumed" not in young
    now[0] += 600
    assert state.record("k", id, "http://x")["creditsConsumed"] > 0


def test_a_model_makes_as_many_pictures_as_it_was_asked_for(kie):
    data = kie.done("bytedance/seedream-v4-text-to-image", prompt="a cat", max_images=3)
    files = list(kie.files(data))
    assert [kind for kind, _ in files] == ["image/png"] * 3
    assert len({picture for _, picture in files}) == 3


def test_a_video_model_delivers_a_film_that_plays_and_moves(kie):
    data = kie.done("kling-2.6/text-to-video", prompt="a lake", duration="5", aspect_ratio="16:9")
    ((kind, content),) = kie.files(data)
    assert kind == "video/webm"
    assert len(content) < 1 << 20
    with av.open(io.BytesIO(content)) as opened:
        assert opened.duration == pytest.approx(5_000_000, abs=100_000)
        frames = [frame.to_ndarray(format="gray") for frame in opened.decode(video=0)]
    assert len(frames) == 60
    assert frames[0].shape == (360, 640)
    assert abs(frames[0].astype(int) - frames[-1]).mean() > 3, "the camera moves"


def test_a_player_can_jump_into_the_middle_of_a_film():
    with av.open(io.BytesIO(encode_webm(png(), (64, 36), 10))) as opened:
        opened.seek(7_000_000)
        assert next(opened.decode(video=0)).time == pytest.approx(7.0, abs=0.5)


def test_an_unlisted_text_model_answers_with_an_object(kie):
    told = json.loads(kie.done("claude-next", prompt="雨 and\n tea")["resultJson"])
    assert "no model was run" in told["resultObject"]["text"]
    assert "雨 and tea" in told["resultObject"]["text"]


def test_without_the_option_an_unlisted_model_is_rejected():
    with pytest.raises(RejectedRequestError, match="unsupported model"):
        SandboxState(None, profile="kie").create("k", {"model": "next", "input": {"prompt": "x"}})
    SandboxState(None, any_model=True).create("k", {"model": "next", "input": {"prompt": "x"}})


@pytest.mark.parametrize(
    ("profile", "model", "code"), [("kie", "nano-banana-pro", 402), ("liangxin", "z-image", 403)]
)
def test_credits_go_down_run_out_and_are_not_taken_for_a_failed_task(profile, model, code):
    now = [1_777_600_000.0]
    state = SandboxState(None, profile=profile, initial_credits=10, clock=lambda: now[0])
    wish = {"model": model, "input": {"prompt": "x"}}
    state.faults.replace(["fail:500*1"])
    state.create("k", wish)
    assert state.balance() == 6
    now[0] += 600
    assert state.balance() == 10
    state.create("k", wish)
    state.create("k", wish)
    with pytest.raises(RejectedRequestError) as refusal:
        state.create("k", wish)
    assert refusal.value.code == code
    assert state.task_count == 3


def test_the_balance_is_the_same_after_a_restart(tmp_path):
    SandboxState(tmp_path, initial_credits=10).create(
        "k", {"model": "z-image", "input": {"prompt": "x"}}
    )
    assert SandboxState(tmp_path, initial_credits=10).balance() == 6


def multipart(**fields):
    lines = []
    for name, (file, content) in fields.items():
        named = f'; filename="{file}"' if file else ""
        lines.append(f'--cut\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n')
        lines.append(content + b"\r\n")
    body = b"".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return body + b"--cut--\r\n"


def test_a_picture_uploaded_in_each_way_lies_at_its_download_url(kie):
    uri = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    body = {"base64Data": uri, "uploadPath": "a b/../c", "fileName": "../../x y.png"}
    _, first = kie.ask("/api/file-base64-upload", body)
    assert (first["success"], first["code"]) == (True, 200)
    assert first["data"]["mimeType"] == "image/png"
    _, second = kie.ask(
        "/api/file-url-upload", {"fileUrl": first["data"]["downloadUrl"], "uploadPath": "u"}
    )
    request = urllib.request.Request(
        f"{kie.url}/api/file-stream-upload",
        multipart(file=("雨.png", png()), uploadPath=("", b"u")),
        {"Authorization": f"Bearer {KEY}", "Content-Type": "multipart/form-data; boundary=cut"},
    )
    with urllib.request.urlopen(request) as reply:
        third = json.load(reply)
    for answer in (first, second, third):
        with urllib.request.urlopen(answer["data"]["downloadUrl"]) as reply:
            assert reply.read() == png()
            assert reply.headers["content-type"] == "image/png"
    assert first["data"]["fileName"] == "x-y.png"


def test_an_uploaded_page_is_never_shown_by_a_browser(kie):
    page = base64.b64encode(b"<script>alert(1)</script>").decode()
    body = {"base64Data": page, "uploadPath": "u", "fileName": "x.html"}
    url = kie.ask("/api/file-base64-upload", body)[1]["data"]["downloadUrl"]
    with urllib.request.urlopen(url) as reply:
        assert reply.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("way", "body", "code"),
    [
        ("base64", {"uploadPath": "u"}, 400),
        ("base64", {"base64Data": "no base64", "uploadPath": "u"}, 400),
        ("base64", {"base64Data": "A" * (15 << 20), "uploadPath": "u"}, 413),
        ("url", {"fileUrl": "https://example.com/a.png", "uploadPath": "u"}, 400),
        ("url", {"fileUrl": "http://169.254.169.254/", "uploadPath": "u"}, 400),
        ("stream", {"uploadPath": "u"}, 400),
    ],
)
def test_a_bad_upload_is_rejected_and_no_other_machine_is_asked(kie, way, body, code):
    assert kie.ask(f"/api/file-{way}-upload", body)[1]["code"] == code
    assert kie.ask(f"/api/file-{way}-upload", {"uploadPath": "u"}, key="wrong")[1]["code"] == 401


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("multipart/form-data; boundary=cut", b"no form", 400),
        ("multipart/form-data; boundary=cut", b"--cut\r\nno header\r\n\r\n\r\n--cut--\r\n", 400),
        ("multipart/form-data", b"--cut--", 400),
        ("multipart/form-data; boundary=cut", multipart(file=("a.png", png())), 400),
        ("multipart/form-data; boundary=cut",
         multipart(file=("a", b"x" * (11 << 20)), uploadPath=("", b"u")), 413),
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
    with urllib.request.urlopen(request) as reply:
        assert json.load(reply)["code"] == code


def test_an_uploaded_reference_is_seen_in_the_drawing(kie):
    uri = f"data:image/png;base64,{base64.b64encode(png('#ff00ff')).decode()}"
    _, up = kie.ask("/api/file-base64-upload", {"base64Data": uri, "uploadPath": "u"})
    plain = "https://example.com/a.png"
    for address, seen in ((up["data"]["downloadUrl"], True), (plain, False)):
        data = kie.done("google/nano-banana-edit", prompt="a lake", image_urls=[address])
        ((_, picture),) = kie.files(data)
        colours = Image.open(io.BytesIO(picture)).convert("RGB").getcolors(1 << 24)
        assert any(colour == (255, 0, 255) for _, colour in colours) is seen


def test_a_result_has_a_link_that_lasts_and_other_addresses_have_none(kie):
    data = kie.done("nano-banana-pro", prompt="x", resolution="1K")
    (url,) = json.loads(data["resultJson"])["resultUrls"]
    fresh = kie.ask("/api/v1/common/download-url", {"url": url})[1]["data"]
    with urllib.request.urlopen(fresh) as reply:
        assert reply.headers["content-type"] == "image/png"
    old = fresh.partition("until=")[0] + "until=1700000000"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(old)
    for foreign in ("https://example.com/files/x/1.png", f"{kie.url}/files/nope/1.png", "//["):
        assert kie.ask("/api/v1/common/download-url", {"url": foreign})[1]["code"] == 422


def test_kies_other_endpoints_are_not_liangxins(sandbox):
    for path in ("/api/v1/chat/credit", "/api/file-base64-upload"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{sandbox.url}{path}")


def test_a_whole_number_is_one_however_it_is_written(kie):
    assert kie.create("google/imagen4-fast", prompt="x", seed=7.0)[1]["code"] == 200


@pytest.mark.parametrize(
    ("faults", "code", "words"),
    [([], 200, "completed successfully"), (["fail:500*1"], 501, "failed")],
)
def test_kies_callback_has_its_own_shape_and_is_tried_again(kie, faults, code, words):
    target = Server((500, {}, b""), (200, {}, b"ok"))
    put = urllib.request.Request(
        f"{kie.url}/sandbox/faults", json.dumps({"faults": faults}).encode(), method="PUT"
    )
    urllib.request.urlopen(put).close()
    body = {
        "model": "grok-imagine/text-to-image",
        "callBackUrl": f"{target.url}/called",
        "input": {"prompt": "雨"},
    }
    id = kie.ask("/api/v1/jobs/createTask", body)[1]["data"]["taskId"]
    wait_until(lambda: len(target.seen) == 2)
    (_, _, _, first), (_, path, _, second) = target.seen
    target.stop()
    told = json.loads(second)
    assert first == second
    assert (path, told["code"], told["data"]["taskId"]) == ("/called", code, id)
    assert words in told["msg"]
    assert json.loads(json.loads(told["data"]["param"])["input"]) == {"prompt": "雨"}
