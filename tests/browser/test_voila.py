"""Panel, gallery and batch in Voila."""

import os

import pytest
from playwright.sync_api import expect

from liangxin_nb import Session
from liangxin_nb.ledger import Ledger

from .. import stock
from ..scan import KEY
from . import ipynb
from .conftest import SOURCES
from .home import Home
from .test_composer import DURABLE as PANEL
from .test_gallery import DURABLE as GALLERY
from .voila import serve_voila
from .window import DEADLINE, SCREENSHOTS

pytestmark = pytest.mark.slow
CELLS = [
    "import liangxin_nb as lx\nlx.panel()",
    "lx.gallery()",
    'lx.batch(["a lake at noon", "a cat"], image_size="square")',
]


def test_panel_gallery_and_batch_work_in_voila(chromium_browser, sandbox_service, tmp_path):
    sandbox_service.publish(tmp_path / "liangxin-results")
    sandbox_service.reset()
    session = Session(profile="sandbox", results=tmp_path / "liangxin-results")
    stock.save_result(session, "a garden in spring")
    session.close()
    ipynb.write(tmp_path / "all.ipynb", CELLS)
    path = os.pathsep.join([*SOURCES, *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {"PYTHONPATH": path, "LIANGXIN_SANDBOX_KEY": KEY}
    context = chromium_browser.new_context(viewport={"width": 1280, "height": 1400})
    context.set_default_timeout(DEADLINE * 1000)
    with serve_voila(tmp_path / "all.ipynb", env, Home(tmp_path / "home")) as url:
        page = context.new_page()
        page.goto(url, wait_until="domcontentloaded")
        page.locator(".lx-panel").wait_for()

        gallery = page.locator(".lx-gallery")
        expect(gallery.get_by_role("img", name="a garden in spring")).to_be_visible()
        gallery.locator(".lx-tile .lx-open").click()
        gallery.get_by_role("button", name="Send to the composer").click()
        expect(gallery).to_contain_text("Loaded into the composer.")
        prompt = page.locator(".lx-panel").get_by_label("Prompt", exact=True)
        expect(prompt).to_have_value("a garden in spring")

        prompt.fill("a lake at dawn")
        page.get_by_label("Image size").select_option("square")
        page.get_by_role("button", name="Generate").click()
        picture = page.locator(".lx-panel").get_by_role("img", name="a lake at dawn")
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.naturalWidth") == 512

        batch = page.locator(".lx-batch")
        expect(batch).to_contain_text("2 of 2")
        for prompt in ("a lake at noon", "a cat"):
            shown = batch.get_by_role("img", name=prompt)
            expect(shown).to_be_visible()
            assert shown.evaluate("image => image.naturalWidth") > 300
        gallery.get_by_role("button", name="Back to all").click()
        gallery.get_by_role("button", name="Refresh").click()
        expect(gallery.locator(".lx-tile img")).to_have_count(4)
        bars = page.locator(".lx-panel > .lx-bar")
        heights = bars.evaluate_all("rows => rows.map(row => row.offsetHeight)")
        assert min(heights) >= 20, "one style sheet reduces the height of another's rows"
        page.screenshot(path=SCREENSHOTS / "voila-all.png", full_page=True)
        text = page.inner_text("body")
        assert PANEL not in text
        assert GALLERY not in text
        context.close()
    assert Ledger(tmp_path / "liangxin-results" / "ledger.sqlite").count_by_status() == {"saved": 4}
