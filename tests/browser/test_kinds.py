"""All kinds of KIE results in JupyterLab: pictures, videos and texts."""

import json

import nbformat
import pytest

from ..scan import KEY
from .service import Service

pytestmark = pytest.mark.slow
CELLS = {
    "load": "%load_ext liangxin_nb",
    "picture": "%%liangxin nano-banana-pro --size 1K --aspect 3:2\nA lighthouse on a cliff at dusk",
    "several": (
        "%%liangxin bytedance/seedream-v4-text-to-image --size 1K -o max_images=4\n"
        "A red bicycle by a canal in autumn"
    ),
    "film": (
        "%%liangxin kling-2.6/text-to-video --aspect 16:9 -o duration=5\n雪山 and a lake at dawn"
    ),
    "text": "%%liangxin claude-next --any-model\nWhat is *a* <b>lake</b>?",
}
CELL = {name: number for number, name in enumerate(CELLS)}
#: The element that replaces the card of each cell.
FINAL_ELEMENTS = {
    "picture": "figure img",
    "several": "figure img",
    "film": "video",
    "text": "pre",
}
FILM = "document.querySelector('.jp-OutputArea video')"


@pytest.fixture(scope="module")
def kie():
    service = Service(KEY, profile="kie", any_model=True)
    yield service
    service.stop()


@pytest.fixture(scope="module")
def lab_env(kie):
    return {
        "LIANGXIN_PROFILE": "kie",
        "LIANGXIN_BASE_URL": kie.url,
        "LIANGXIN_API_KEY": KEY,
    }


@pytest.fixture
def page(notebook):
    """Open a notebook and wait until all results have replaced their cards."""
    page = notebook(list(CELLS.values()), shared=True)
    if page.prompt(0) == "[ ]":
        assert "kie" in page.run_and_wait(0)
        for name in FINAL_ELEMENTS:
            page.run(CELL[name])
    for name, selector in FINAL_ELEMENTS.items():
        cell = page.page.locator(page._selector(CELL[name])).locator(".jp-Cell-outputArea")
        cell.locator(selector).first.wait_for()
        cell.locator(".lx-card").wait_for(state="detached")
    return page


def video_properties(page):
    """Return duration, width and poster of the video."""
    return page.page.evaluate(
        f"(() => {{ const film = {FILM};"
        " return film && {seconds: film.duration, width: film.videoWidth,"
        " poster: film.poster.slice(0, 23)}; })()"
    )


def test_picture_has_the_requested_aspect_ratio(page):
    (picture,) = page.images(CELL["picture"])
    assert picture["width"] > picture["height"]
    page.screenshot("kind-picture", CELL["picture"])


def test_several_pictures_are_shown_side_by_side_with_their_numbers(page):
    images = page.images(CELL["several"])
    assert {(image["mime"], image["visible"]) for image in images} == {("image/jpeg", True)}
    text = page.text(CELL["several"])
    assert all(f"{n} of {len(images)} · " in text for n in range(1, 1 + len(images)))
    page.screenshot("kind-several", CELL["several"])


def test_video_has_a_poster_and_plays(page):
    page.wait_js(f"{FILM}.readyState >= 1")
    film = video_properties(page)
    assert film["seconds"] == pytest.approx(5, abs=0.1)
    assert (film["width"], film["poster"]) == (640, "data:image/jpeg;base64,")
    page.screenshot("kind-film", CELL["film"])
    page.page.evaluate(f"{FILM}.play()")
    page.wait_js(f"{FILM}.currentTime > 0.5")
    page.screenshot("kind-film-playing", CELL["film"])


def test_text_is_displayed_with_its_prompt(page):
    assert "You asked: What is *a* <b>lake</b>?" in page.text(CELL["text"])
    page.screenshot("kind-text", CELL["text"])


def test_saved_notebook_shows_all_kinds_without_a_kernel(page, notebook, lab):
    images = page.images(CELL["several"])
    page.save()
    for cell in nbformat.read(lab.root / page.path, 4).cells[1:]:
        (output,) = [found for found in cell.outputs if any(found.data.values())]
        assert not any("widget" in mime for mime in output.data)
        assert len(json.dumps(output)) <= 64 * 1024 * max(1, str(output).count("<figure"))
    page.shut()

    again = notebook(page.path, kernel=False)
    assert again.images(CELL["several"]) == images
    assert video_properties(again)["poster"] == "data:image/jpeg;base64,"
    again.screenshot("kinds-reopened-without-kernel")
