"""All models of both services in the sandbox, LiangXin's with the documented sizes."""

import io
from contextlib import suppress

import av
import pytest
from PIL import Image

from liangxin_nb import Session, catalog
from liangxin_nb.engine import output_fetcher
from liangxin_nb.errors import InsufficientCreditsError, ResultUnavailableError

from ..conftest import FAST_PACE, start_sandbox
from ..sandbox_faults import faults_in_force

pytestmark = pytest.mark.slow
of_liangxin = pytest.mark.xdist_group("market-liangxin")
of_kie = pytest.mark.xdist_group("market-kie")


def red():
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(out, "PNG")
    return out.getvalue()


#: Model, options, and the documented size in pixels; None if it is not documented.
REQUESTS = [
    ("z-image", {}, (1024, 1024)),
    ("z-image", {"size": "portrait_9_16"}, (576, 1024)),
    ("z-image", {"aspect": "16:9"}, (1024, 576)),
    ("seedream-v4-5", {}, (2048, 2048)),
    ("seedream-v4-5", {"aspect": "21:9"}, (3062, 1312)),
    ("seedream-v4-5", {"aspect_ratio": "social_story_9_16"}, (1536, 2730)),
    ("seedream-v5-lite", {"aspect": "4:3"}, (2364, 1774)),
    ("seedream-v4-5-edit", {"image": [red()]}, (2048, 2048)),
    ("gemini-2.5-flash-image-preview", {}, None),
    ("nano-banana-pro", {"size": "1K"}, (1024, 1024)),
    ("nano-banana-pro", {"size": "1K", "image": red()}, (1024, 1024)),
    ("nano-banana-pro-flash", {"aspect": "3:2"}, None),
    ("imagen4-fast", {"aspect": "9:16"}, None),
    ("imagen4-ultra", {"seed": 1}, None),
    ("flux-2-pro", {}, (1024, 768)),
    ("flux-2-pro", {"width": 1440, "height": 256}, (1440, 256)),
]
#: Required options of KIE models, and options that reduce the size.
KIE_OPTIONS = {
    "z-image": {"aspect": "4:3"},
    "bytedance/seedream-v4-text-to-image": {"size": "1K", "max_images": 2},
    "kling-2.6/image-to-video": {"image": red()},
    "google/nano-banana-edit": {"image": red()},
    "seedream/4.5-edit": {"image": red()},
    "seedream/5-lite-image-to-image": {"image": red()},
    "flux-2/pro-image-to-image": {"image": red(), "size": "1K"},
}


def serve(profile, *options):
    """Yield a sandbox of a profile, and stop it after the test."""
    sandbox = start_sandbox("--profile", profile, "--speed", "300", *options)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def liangxin():
    yield from serve("liangxin")


@pytest.fixture(scope="module")
def kie():
    yield from serve("kie", "--any-model")


@pytest.fixture
def connect(tmp_path):
    """Return a function that creates a session of a profile with a sandbox."""
    sessions = []

    def connect(sandbox, profile):
        session = Session(
            profile=profile, base_url=sandbox.url, key=sandbox.key, results=tmp_path / "r",
            schedule=FAST_PACE,
        )  # fmt: skip
        sessions.append(session)
        return session

    yield connect
    for session in sessions:
        session.close()


@of_liangxin
def test_each_liangxin_model_creates_a_picture_of_the_documented_size(liangxin, connect):
    session = connect(liangxin, "liangxin")
    jobs = [
        session.generate("a cafe terrace", model=model, **options) for model, options, _ in REQUESTS
    ]
    wrong = []
    for (model, options, size), job in zip(REQUESTS, jobs, strict=True):
        result = job.wait(120)
        with Image.open(result.paths[0]) as picture:
            actual = picture.size
        file = result.metadata.files[0]
        documented = actual == size or (size is None and min(actual) >= 512)
        if not documented or actual != (file["width"], file["height"]):
            wrong.append(f"{model} {sorted(options)}: {actual}, not {size}; metadata: {file}")
    assert not wrong, "\n".join(wrong)


def test_sizes_of_all_documented_models_are_tested():
    documented = {
        "z-image", "seedream-v4-5", "seedream-v5-lite", "gemini-2.5-flash-image-preview",
        "nano-banana-pro", "nano-banana-pro-flash", "imagen4-fast", "imagen4-ultra", "flux-2-pro",
    }  # fmt: skip
    assert documented <= set(catalog.load_models("liangxin"))
    assert documented <= {model for model, _, _ in REQUESTS}


@pytest.fixture(scope="module")
def kie_results(kie, tmp_path_factory):
    """Provide the result of each KIE model by kind and name; all are requested at once."""
    kinds = {model.id: model.kind for model in catalog.load_models("kie").values()}
    kinds["claude-next"] = "text"  # a model that no catalogue has
    session = Session(
        profile="kie", base_url=kie.url, key=kie.key, schedule=FAST_PACE,
        results=tmp_path_factory.mktemp("kie"), budget=str(tmp_path_factory.mktemp("budget")),
    )  # fmt: skip
    jobs = {
        model: session.generate(
            "a lake at dawn", model=model, any_model=True, **KIE_OPTIONS.get(model, {})
        )
        for model in kinds
    }
    results = {"image": {}, "video": {}, "text": {}}
    for model, job in jobs.items():
        results[kinds[model]][model] = job.wait(120)
    yield results
    session.close()


@of_kie
@pytest.mark.parametrize("kind", ["image", "video", "text"])
def test_each_kie_model_creates_the_requested_number_of_results(kie_results, kind):
    created = {
        model: [file["kind"] for file in result.metadata.files]
        for model, result in kie_results[kind].items()
    }
    assert created
    assert created == {
        model: [kind] * KIE_OPTIONS.get(model, {}).get("max_images", 1) for model in created
    }


@of_kie
def test_each_kie_picture_is_at_least_512_pixels_wide_and_high(kie_results):
    small = {}
    for model, result in kie_results["image"].items():
        for path in result.paths:
            with Image.open(path) as picture:
                if min(picture.size) < 512:
                    small[model] = picture.size
    assert small == {}


@of_kie
def test_each_kie_film_lasts_five_seconds(kie_results):
    seconds = {}
    for model, result in kie_results["video"].items():
        with av.open(str(result.paths[0])) as film:
            seconds[model] = film.duration / 1_000_000
    assert seconds == {model: pytest.approx(5, abs=0.2) for model in seconds}


@of_kie
def test_kie_text_contains_the_prompt(kie_results):
    for result in kie_results["text"].values():
        assert "You asked: a lake at dawn" in result.paths[0].read_text(encoding="utf-8")


@of_kie
def test_ledger_contains_the_credits_of_a_kie_task(kie, connect):
    session = connect(kie, "kie")
    session.generate("a lake", model="z-image", aspect="1:1").wait(120)
    (row,) = session.history()
    assert row["credits"] > 0


def fetch_with_fault(sandbox, session, fault):
    """Create a picture with an active fault; return its status and the number of new links."""
    before = sandbox.counters()["calls"].get("download-url", 0)
    with faults_in_force(sandbox, fault):
        job = session.generate("a lake", model="z-image", aspect="1:1")
        with suppress(ResultUnavailableError):
            assert job.wait(120).paths[0].stat().st_size > 1000
    (record,) = session.ledger.list_jobs()
    return record.status, sandbox.counters()["calls"].get("download-url", 0) - before


@pytest.fixture(autouse=True)
def no_patience_for_late_outputs(monkeypatch):
    monkeypatch.setattr(output_fetcher, "PATIENCE_S", 0.0)


@of_kie
def test_expired_link_is_replaced_if_the_service_creates_new_links(kie, connect):
    assert fetch_with_fault(kie, connect(kie, "kie"), "file-aged") == ("saved", 1)


@of_kie
def test_deleted_result_is_lost(kie, connect):
    assert fetch_with_fault(kie, connect(kie, "kie"), "file-404") == ("result_lost", 1)


@of_liangxin
def test_result_with_expired_link_is_lost_if_the_service_creates_none(liangxin, connect):
    session = connect(liangxin, "liangxin")
    assert fetch_with_fault(liangxin, session, "file-aged") == ("result_lost", 0)


@pytest.fixture
def low_balance(request):
    """Provide a sandbox with credits for one picture."""
    yield from serve(request.param, "--credits", "6")


NO_CREDITS = pytest.mark.parametrize(
    ("low_balance", "profile", "model", "code"),
    [("kie", "kie", "nano-banana-pro", "402"), ("liangxin", "liangxin", "z-image", "403")],
    indirect=["low_balance"],
)


@NO_CREDITS
def test_nothing_is_created_without_sufficient_credits(low_balance, connect, profile, model, code):
    session = connect(low_balance, profile)
    session.generate("a lake", model=model, aspect="1:1").wait(120)
    with pytest.raises(InsufficientCreditsError, match=code) as error:
        session.generate("a lake", model=model, aspect="1:1").wait(120)
    assert "Top up" in str(error.value)
    assert sorted(record.status for record in session.ledger.list_jobs()) == ["rejected", "saved"]
    assert low_balance.counters()["created"] == 1


@pytest.mark.parametrize("low_balance", ["kie"], indirect=True)
def test_session_returns_the_remaining_credits(low_balance, connect):
    session = connect(low_balance, "kie")
    session.generate("a lake", model="nano-banana-pro", aspect="1:1").wait(120)
    assert session.credits() == 2
