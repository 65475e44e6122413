"""The gallery as a person meets it: every control, in a real JupyterLab and a real browser."""

import json
import time
import zipfile

import nbformat
import pytest
from playwright.sync_api import expect

from liangxin_nb.sandbox.film import film
from liangxin_nb.sandbox.painter import paint
from liangxin_nb.session import Session

from .. import stock
from ..scan import KEY
from .axe import findings
from .window import SCREENSHOTS, SIZE

pytestmark = pytest.mark.browser
OPEN = "%load_ext liangxin_nb\n%liangxin gallery"
#: What it says below itself, also where nothing else can be drawn.
DURABLE = "The gallery lives as long as its kernel; %liangxin gallery opens it again."
LONG = "雨夜的咖啡馆，石板路上的灯光，穿着红色雨衣的孩子与一只黑猫 <script>alert(1)</script> & " * 4
PROMPTS = (
    "A small cafe terrace at night, warm lamps, rain on the stones",
    "A lighthouse on a cliff, storm coming in",
    "A garden in spring, pink blossom, a stone path",
    "A city at night seen from the river",
    "A lake in the mountains, early morning mist",
    "A snow-covered forest, a fox between the trees",
    LONG,
    "Still life with pears and a blue jug on a linen cloth",
)
SHAPES = ((480, 360), (320, 480), (400, 400), (512, 288))


@pytest.fixture(scope="module")
def lab_env():
    return {"LIANGXIN_SPEED": "3", "LIANGXIN_SANDBOX_KEY": KEY}


@pytest.fixture(scope="module")
def stocked(lab):
    """Thirty results of every kind in the notebooks' folder, newest last."""
    session = Session(profile="sandbox", results=lab.root / "liangxin-results")
    pictures = [paint(p, seed=n, size=SHAPES[n % 4]) for n, p in enumerate(PROMPTS[:5])]
    sea = film(pictures[1], (320, 180), 2)
    at = time.time() - 30 * 3600
    for n in range(26):
        stock.kept(
            session, PROMPTS[n % 8], model=stock.MODELS[n % 2], at=at + n * 3600,
            parts=[("image", pictures[n % 5])], batch="0123456789ab" if n < 5 else "",
            seed=n, image_size="landscape_4_3",
        )  # fmt: skip
    last = at + 26 * 3600
    stock.kept(session, "A haiku about rain", at=last, parts=[("text", "夜の雨 a lamp".encode())])
    stock.kept(session, "A film of the sea", at=last + 1, parts=[("video", sea)])
    stock.kept(session, "Two at once", at=last + 2, parts=[("image", p) for p in pictures[:2]])
    stock.kept(session, "Refused by the service", at=last + 3, fate="failed")
    session.close()
    return lab


def shot(page, name, width):
    """The gallery's cell at a width, as tall as it is."""
    gallery = page.page.locator(".lx-gallery")
    page.page.set_viewport_size({"width": width, "height": 1500})
    tall = int(gallery.bounding_box()["height"]) + 300
    page.page.set_viewport_size({"width": width, "height": tall})
    gallery.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.page.set_viewport_size(SIZE)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_gallery_is_at_home_in_both_themes_and_widths(notebook, stocked, theme):
    page = notebook([OPEN])
    page.set_theme(theme)
    page.run_and_wait(0)
    page.wait_text(0, "1–24 of 29")
    page.page.wait_for_function("document.querySelectorAll('.lx-tile img').length >= 22")
    for width in (1280, 800):
        shot(page, f"gallery-{theme}-{width}", width)
    assert findings(page, ".lx-gallery") == []
    boxes = page.page.locator(".lx-tile input[type=checkbox]")
    for n in (3, 11):
        boxes.nth(n).check()
    page.wait_text(0, "2 selected")
    page.click(0, "Compare")
    page.wait_text(0, "differs")
    for width in (1280, 800):
        shot(page, f"gallery-compare-{theme}-{width}", width)
    assert findings(page, ".lx-gallery") == []
    page.click(0, "Back to all")
    page.page.locator(".lx-tile .lx-open").nth(4).click()
    page.wait_text(0, "Open the original")
    page.page.wait_for_timeout(500)
    for width in (1280, 800):
        shot(page, f"gallery-one-{theme}-{width}", width)
    assert findings(page, ".lx-gallery") == []
    page.click(0, "Back to all")
    page.page.locator(".lx-tile .lx-open").nth(1).click()
    page.wait_text(0, "1.webm[^]*· 2 s")
    shot(page, f"gallery-film-{theme}-800", 800)
    assert findings(page, ".lx-gallery") == []
    assert page.errors == []


def test_every_control_does_what_it_says(notebook, stocked, tmp_path):
    page = notebook([OPEN, "import time; time.sleep(3)"])
    page.run_and_wait(0)
    page.wait_text(0, "1–24 of 29")
    find = page.page.locator
    # A film looks like its first picture, which is the painter's sea and not the plain sheet.
    poster = find(".lx-tile img[alt='A film of the sea']")
    assert poster.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [320, 180]

    filters = find(".lx-filters")

    # Pages turn, also while another cell keeps Python busy.
    page.run(1)
    page.click(0, "Next")
    page.wait_text(0, "25–29 of 29")
    assert page.is_busy(1), "the other cell still sleeps"
    page.click(0, "Previous")
    page.wait_text(0, "1–24 of 29")
    page.wait_done(1)

    # Filters.
    search = page.page.get_by_label("Search the prompts")
    search.fill("雨夜 黑猫")
    search.press("Enter")
    page.wait_text(0, "1–3 of 3")
    filters.get_by_label("Model", exact=True).select_option(label=f"{stock.MODELS[1]} · 13")
    page.wait_text(0, "Nothing fits these filters")
    page.click(0, "Reset filters")
    page.wait_text(0, "1–24 of 29")
    filters.get_by_label("State", exact=True).select_option(label="Failed, refused or lost")
    page.wait_text(0, "Failed\\s+The service said no[^]*Refused by the service")
    page.click(0, "Reset filters")
    page.wait_text(0, "1–24 of 29")
    filters.get_by_label("Batch", exact=True).select_option(index=1)
    page.wait_text(0, "1–5 of 5")
    page.click(0, "Reset filters")
    filters.get_by_label("From", exact=True).fill("2999-01-01")
    page.wait_text(0, "Nothing fits these filters")
    page.click(0, "Reset filters")
    filters.get_by_label("Order", exact=True).select_option(label="Oldest first")
    expect(find(".lx-tile img").first).to_have_attribute("alt", PROMPTS[0])
    filters.get_by_label("Order", exact=True).select_option(label="Newest first")
    page.wait("shows", 0, "1–24 of 29[^]*Two at once")

    # The size; nothing is asked anew for it.
    before = find(".lx-tile").first.bounding_box()["width"]
    filters.get_by_label("Picture size", exact=True).select_option(label="Large")
    page.page.wait_for_function(
        "w => document.querySelector('.lx-tile').getBoundingClientRect().width > w", arg=before + 40
    )

    # Compare, by keyboard: the tab key goes from a picture to its box.
    find(".lx-tile .lx-open").nth(3).focus()
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Space")
    page.wait_text(0, "1 selected")
    find(".lx-tile input[type=checkbox]").nth(4).check()
    page.wait_text(0, "2 selected")
    page.click(0, "Compare")
    page.wait_text(0, "Model\\s+≠ differs")
    expect(find(".lx-compare mark").first).to_be_visible()
    page.click(0, "Back to all")

    # Export: the link leads to the zip.
    page.click(0, "Export")
    page.wait_text(0, "Exported 2 results")
    with page.page.expect_download() as download:
        find(".lx-said a").click()
    download.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as zipped:
        assert sum(name.endswith("story.json") for name in zipped.namelist()) == 2
    page.click(0, "Clear")
    page.wait_text(0, "Nothing selected")

    # One, opened with the keyboard; the way back has the focus and returns it.
    find(".lx-tile .lx-open").nth(0).focus()
    page.page.keyboard.press("Enter")
    page.wait_text(0, "2 files: Open the original 1.png")
    page.page.wait_for_function("document.activeElement.textContent === 'Back to all'")
    page.page.wait_for_function("document.querySelectorAll('.lx-left img').length === 2")
    page.click(0, "Next one")
    page.wait_text(0, "A film of the sea")
    find(".lx-left video").wait_for()
    page.click(0, "Next one")
    page.wait_text(0, "夜の雨 a lamp")
    page.click(0, "Next one")
    page.wait_text(0, "A lighthouse on a cliff")
    cell = f"%%liangxin {stock.MODELS[1]} --seed 25 -o image_size=landscape_4_3\n{PROMPTS[1]}"
    assert page.page.get_by_label("The cell that made it").input_value() == cell
    page.click(0, "Send to the composer")
    page.wait_text(0, "No composer is open")
    page.click(0, "Use as reference")
    page.page.wait_for_function(
        "[...document.querySelectorAll('.lx-copy textarea')].some(t => t.value.includes('--image'))"
    )

    # Delete: asked first, kept on request, then gone.
    page.click(0, "Delete")
    page.wait_text(0, "Delete 1 result\\? The files and their thumbnails go")
    page.click(0, "Keep")
    page.wait_text(0, "Nothing was deleted")
    page.click(0, "Delete")
    page.click(0, "Delete for good")
    page.wait_text(0, "Deleted 1 result")
    page.wait_text(0, "1–24 of 28")

    # A picture brought along tells its story; a stranger's is told plainly.
    results = stocked.root / "liangxin-results"
    picture = next(results.glob("20*/*/1.png"))
    with page.page.expect_file_chooser() as chooser:
        find(".lx-upload").click()
    chooser.value.set_files(picture)
    page.wait_text(0, "Service\\s+sandbox")
    page.click(0, "Back to all")
    strange = tmp_path / "strange.png"
    strange.write_bytes(b"\x89PNG\r\n\x1a\n" + b"no picture" * 9)
    with page.page.expect_file_chooser() as chooser:
        find(".lx-upload").click()
    chooser.value.set_files(strange)
    page.wait_text(0, "This is no PNG, JPEG or WebP that can be read")

    # Closed, it leaves one picture that needs no kernel and no widget.
    page.click(0, "Close")
    find(".lx-gallery").wait_for(state="detached")
    (image,) = page.images(0)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.save()
    outputs = nbformat.read(stocked.root / page.path, 4).cells[0].outputs
    (saved,) = (output for output in outputs if "image/jpeg" in output.get("data", {}))
    others = [output.data for output in outputs if output is not saved and "data" in output]
    assert others == [{"text/plain": "", "text/html": ""}] * 2
    assert set(saved.data) == {"image/jpeg", "text/plain"}
    assert saved.data["text/plain"] == "<Gallery of 28 results>"
    assert len(json.dumps(saved)) <= 64 * 1024
    page.screenshot("gallery-closed", 0)
    assert page.errors == []


def test_the_original_opens_beside_the_notebook(notebook, stocked):
    page = notebook([OPEN])
    page.run_and_wait(0)
    page.wait_text(0, "1–24 of 2\\d")
    find = page.page.locator
    find(".lx-tile .lx-open").nth(0).click()
    page.wait_text(0, "Open the original 1.png")
    find(".lx-links a").first.click()
    find(".jp-ImageViewer img").wait_for(timeout=20_000)


def test_a_notebook_saved_with_an_open_gallery_shows_its_page_without_a_kernel(notebook, stocked):
    page = notebook([OPEN])
    page.run_and_wait(0)
    page.wait_text(0, "1–24 of 2\\d")
    behind = page.page.locator(".jp-OutputArea-child:has(.lx-behind) + .jp-OutputArea-child img")
    behind.wait_for(state="attached")
    assert not behind.is_visible(), "the live page is there already"
    page.save()
    view, line, sheet = nbformat.read(stocked.root / page.path, 4).cells[0].outputs[-3:]
    assert "application/vnd.jupyter.widget-view+json" in view.data
    assert line.data["text/plain"] == DURABLE
    assert set(sheet.data) == {"image/jpeg", "text/plain"}
    assert len(json.dumps([line, sheet])) <= 64 * 1024
    page.close()
    page = notebook(page.path, kernel=False)
    assert DURABLE in page.text(0)
    (image,) = page.images(0)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.screenshot("gallery-reopened-without-kernel", 0)


def test_an_empty_gallery_says_what_to_do_first(notebook, lab):
    page = notebook([f"%env LIANGXIN_RESULTS={lab.root / 'empty'}\n{OPEN}"])
    page.run_and_wait(0)
    page.wait_text(0, "Nothing is kept yet")
    page.screenshot("gallery-empty", 0)
    assert page.errors == []
