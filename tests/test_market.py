"""Every model of both services, end to end in the sandbox: LiangXin's with the documented size."""

import io
from contextlib import suppress

import av
import pytest
from PIL import Image

from liangxin_nb import catalog
from liangxin_nb.errors import OutOfCredit, ResultLost
from liangxin_nb.session import Session

from .conftest import FAST_PACE, start_sandbox

pytestmark = pytest.mark.slow


def red():
    out = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(out, "PNG")
    return out.getvalue()


#: Model, what is asked for, and the pixels that follow; None where no document gives any.
ASKED = [
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


@pytest.mark.parametrize(("model", "asked", "size"), ASKED, ids=lambda part: str(part)[:40])
def test_a_model_makes_a_picture_of_the_right_size(session, model, asked, size):
    result = session.generate("a cafe terrace", model=model, **asked).wait(60)
    file = result.story.files[0]
    made = (file["width"], file["height"])
    assert Image.open(result.paths[0]).size == made
    assert made == size or (size is None and min(made) >= 512)


def test_none_of_the_documented_models_is_left_out():
    documented = {
        "z-image", "seedream-v4-5", "seedream-v5-lite", "gemini-2.5-flash-image-preview",
        "nano-banana-pro", "nano-banana-pro-flash", "imagen4-fast", "imagen4-ultra", "flux-2-pro",
    }  # fmt: skip
    assert documented <= set(catalog.models("liangxin"))
    assert documented <= {model for model, _, _ in ASKED}


@pytest.fixture(scope="module")
def kie():
    served = start_sandbox("--profile", "kie", "--speed", "300", "--any-model")
    yield served
    served.stop()


def at(served, folder, profile="kie"):
    return Session(
        profile=profile, base_url=served.url, key=served.key, results=folder, pace=FAST_PACE
    )


#: What a KIE model needs beside its prompt, and what keeps its drawing small.
NEEDS = {
    "z-image": {"aspect": "4:3"},
    "bytedance/seedream-v4-text-to-image": {"size": "1K", "max_images": 2},
    "kling-2.6/image-to-video": {"image": red()},
    "google/nano-banana-edit": {"image": red()},
    "seedream/4.5-edit": {"image": red()},
    "seedream/5-lite-image-to-image": {"image": red()},
    "flux-2/pro-image-to-image": {"image": red(), "size": "1K"},
}


@pytest.mark.parametrize("model", [*catalog.models("kie"), "claude-next"])
def test_a_kie_model_gives_a_result_of_its_kind(kie, tmp_path, model):
    session = at(kie, tmp_path / "r")
    result = session.generate("a lake at dawn", model=model, **NEEDS.get(model, {})).wait(90)
    kinds = [file["kind"] for file in result.story.files]
    listed = catalog.models("kie").get(model)
    assert set(kinds) == {listed.kind if listed else "text"}
    assert len(kinds) == NEEDS.get(model, {}).get("max_images", 1)
    if kinds[0] == "image":
        assert all(min(Image.open(path).size) >= 512 for path in result.paths)
    elif kinds[0] == "video":
        with av.open(str(result.paths[0])) as film:
            assert film.duration == pytest.approx(5_000_000, abs=200_000)
    else:
        assert "You asked: a lake at dawn" in result.paths[0].read_text(encoding="utf-8")
    assert session.history().rows[0][6] > 0, "the credits are in the ledger"
    session.close()


@pytest.mark.parametrize(
    ("profile", "fault", "fate"),
    [
        ("kie", "file-aged", "kept"),
        ("kie", "file-404", "lost"),
        ("liangxin", "file-aged", "lost"),
    ],
)
def test_where_the_service_makes_new_links_an_aged_result_comes_home(
    tmp_path, profile, fault, fate
):
    served = start_sandbox("--profile", profile, "--speed", "300", "--faults", fault)
    session = at(served, tmp_path / "r", profile)
    job = session.generate("a lake", model="z-image", aspect="1:1")
    with suppress(ResultLost):
        assert job.wait(60).paths[0].stat().st_size > 1000
    assert [ticket.fate for ticket in session.ledger.tickets()] == [fate]
    assert served.counters()["calls"].get("download-url", 0) == (profile == "kie")
    session.close()
    served.stop()


@pytest.mark.parametrize(
    ("profile", "model", "says"),
    [("kie", "nano-banana-pro", "402"), ("liangxin", "z-image", "403")],
)
def test_when_the_credits_are_used_up_it_is_said_and_nothing_is_created(
    tmp_path, profile, model, says
):
    served = start_sandbox("--profile", profile, "--credits", "6", "--speed", "300")
    session = at(served, tmp_path / "r", profile)
    session.generate("a lake", model=model, aspect="1:1").wait(60)
    if profile == "kie":
        assert session.credits() == 2
    with pytest.raises(OutOfCredit, match=says) as error:
        session.generate("a lake", model=model, aspect="1:1").wait(60)
    assert "Top up" in str(error.value)
    assert sorted(ticket.fate for ticket in session.ledger.tickets()) == ["kept", "refused"]
    assert served.counters()["created"] == 1
    session.close()
    served.stop()
