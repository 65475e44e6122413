"""The panel and the cards for everybody: axe-core finds nothing, the Tab key reads in order."""

import pytest
from playwright.sync_api import expect

from ..scan import KEY
from .axe import findings
from .form import Form

expect.set_options(timeout=20_000)
pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG = "雨夜的咖啡馆，石板路上的灯光 <script>alert(1)</script> and so on, " * 6


@pytest.fixture(scope="module")
def lab_env():
    return {"LIANGXIN_SPEED": "5", "LIANGXIN_SANDBOX_KEY": KEY}


def filled(page):
    """A panel with all that it can show: settings, remarks, a picture, a failure, a live card."""
    form = Form(page, 1)
    form.box.get_by_role("checkbox", name="Settings").check()
    form.field("Prompt").fill("a lake")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(1)
    form.field("Model").select_option(label="Another model, by its name")
    form.field("Its name").fill("no-such-model")
    form.field("Its name").press("Enter")
    form.wait_code("no-such-model")
    form.button("Generate").click()
    expect(form.cards().first).to_contain_text("Refused")
    form.field("Model").select_option(label="Black Forest Labs · Flux 2 Pro")
    expect(form.box.get_by_role("checkbox", name="Width")).to_be_visible()
    form.field("Prompt").fill(LONG)
    form.field("Seed").fill("seven")
    expect(form.cards().last).to_contain_text("Done", timeout=30_000)
    form.button("Copy cell").last.click()
    expect(form.box).to_contain_text("'seven' is not a whole number")
    return form


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_panel(notebook, theme):
    page = notebook(["%load_ext liangxin_nb", "%liangxin panel"])
    page.set_theme(theme)
    page.run_and_wait(0)
    page.run_and_wait(1)
    form = filled(page)
    for width in (1280, 800):
        assert findings(page, ".lx-panel", width) == []
        form.screenshot(f"composer-{theme}-{width}-full", width)
        outside = page.page.evaluate(
            "() => [...document.querySelectorAll('.lx-panel *')].filter(one => {"
            "  const edge = one.closest('.lx-panel').getBoundingClientRect().right;"
            "  return one.getBoundingClientRect().right > edge + 1 && one.offsetWidth > 2;"
            "}).length"
        )
        assert outside == 0, "something sticks out of the panel"


def test_axe_finds_nothing_serious_in_a_card_of_a_cell(notebook):
    page = notebook(["%load_ext liangxin_nb", f"%%liangxin nano-banana-pro\n{LONG}"])
    page.run_and_wait(0)
    page.run_and_wait(1)
    page.wait_text(1, "(Waiting|Queuing|Generating)")
    page.click(1, "Copy id")
    assert findings(page, ".lx-card") == []
    page.screenshot("card-copy-id", 1)


def test_the_tab_key_goes_through_the_panel_in_reading_order(notebook):
    page = notebook(["%load_ext liangxin_nb", "%liangxin panel"])
    page.run_and_wait(0)
    page.run_and_wait(1)
    form = Form(page, 1)
    form.field("Prompt").fill("a lake")
    form.box.get_by_role("checkbox", name="Settings").focus()
    seen = []
    for _ in range(12):
        page.page.keyboard.press("Tab")
        seen.append(
            page.page.evaluate(
                "() => { const one = document.activeElement;"
                " return one.labels?.[0]?.textContent || one.textContent.trim(); }"
            )
        )
    earlier = ("◂ Earlier", "Later ▸")  # can be pressed where the ledger has prompts
    seen = [name for name in seen if name not in earlier][:11]
    assert seen == [
        "Model", "Prompt", "Earlier prompts", "Aspect ratio", "Image size", "Seed", "Roll",
        "Num inference steps", "Output format", "Enable safety checker", "Generate",
    ]  # fmt: skip
