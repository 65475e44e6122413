"""Every LiangXin picture model, end to end in the sandbox, with the documented size."""

import io

import pytest
from PIL import Image

from liangxin_nb import catalog

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
