"""Every kind of result of KIE's market, as a person meets it in a real JupyterLab."""

import json

import nbformat
import pytest

from ..conftest import start_sandbox
from ..scan import KEY

pytestmark = pytest.mark.browser
LOAD = "%load_ext liangxin_nb"
PICTURE = "%%liangxin nano-banana-pro --size 1K --aspect 3:2\nA lighthouse on a cliff at dusk"
SEVERAL = (
    "%%liangxin bytedance/seedream-v4-text-to-image --size 1K -o max_images=4\n"
    "A red bicycle by a canal in autumn"
)
FILM = "%%liangxin kling-2.6/text-to-video --aspect 16:9 -o duration=5\n雪山 and a lake at dawn"
TEXT = "%%liangxin claude-next\nWhat is *a* <b>lake</b>?"


@pytest.fixture(scope="module")
def kie():
    served = start_sandbox("--profile", "kie", "--speed", "20", "--any-model")
    yield served
    served.stop()


@pytest.fixture(scope="module")
def lab_env(kie):
    return {
        "LIANGXIN_PROFILE": "kie",
        "LIANGXIN_BASE_URL": kie.url,
        "LIANGXIN_API_KEY": KEY,
        "LIANGXIN_SANDBOX_KEY": KEY,
    }


def video(page):
    """What the browser knows of the film in cell 3."""
    return page.page.evaluate(
        """() => { const film = document.querySelector('.jp-OutputArea video');
                   return film && {ready: film.readyState, seconds: film.duration,
                                   width: film.videoWidth, poster: film.poster.slice(0, 23)}; }"""
    )


#: What stays of each cell once its card is gone.
STAYS = {1: ".jp-RenderedImage img", 2: ".jp-RenderedImage img", 3: "video", 4: "pre"}


def kept(page, cell):
    """Waits until the card has become what stays."""
    output = page.page.locator(page._selector(cell)).locator(".jp-Cell-outputArea")
    output.locator(STAYS[cell]).first.wait_for(timeout=60_000)
    output.locator(".lx-card").wait_for(state="detached", timeout=60_000)


def test_pictures_a_film_and_a_text_come_and_stay(notebook, lab):
    page = notebook([LOAD, PICTURE, SEVERAL, FILM, TEXT])
    assert "kie" in page.run_and_wait(0)
    for cell in (1, 2, 3, 4):
        page.run(cell)
    for cell in (1, 2, 3, 4):
        kept(page, cell)
    (picture,), (sheet,) = page.images(1), page.images(2)
    assert picture["width"] > picture["height"]
    assert (sheet["mime"], sheet["visible"]) == ("image/jpeg", True)
    page.page.wait_for_function(
        "document.querySelector('.jp-OutputArea video')?.readyState >= 1", timeout=20_000
    )
    film = video(page)
    assert film["seconds"] == pytest.approx(5, abs=0.1)
    assert (film["width"], film["poster"]) == (640, "data:image/jpeg;base64,")
    assert "You asked: What is *a* <b>lake</b>?" in page.text(4)
    for cell, name in ((1, "picture"), (2, "several"), (3, "film"), (4, "text")):
        page.screenshot(f"kind-{name}", cell)

    page.page.evaluate("document.querySelector('.jp-OutputArea video').play()")
    page.page.wait_for_function(
        "document.querySelector('.jp-OutputArea video').currentTime > 0.5", timeout=20_000
    )
    page.screenshot("kind-film-playing", 3)
    page.save()
    for cell in nbformat.read(lab.root / page.path, 4).cells[1:]:
        (output,) = cell.outputs
        assert not any("widget" in mime for mime in output.data)
        assert len(json.dumps(output)) <= 64 * 1024
    page.close()

    again = notebook(page.path, kernel=False)
    assert again.images(2) == [sheet]
    assert video(again)["poster"] == "data:image/jpeg;base64,"
    again.screenshot("kinds-reopened-without-kernel")
