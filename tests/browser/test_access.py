"""Accessibility of panel and cards: axe-core reports no violation, Tab follows reading order."""

import pytest
from playwright.sync_api import expect

from .. import hostile
from .axe import find_violations
from .escaping import assert_only_text
from .form import Form

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
LONG = f"雨夜的咖啡馆，石板路上的灯光 {hostile.TEXT} and so on, " * 4
LOAD, PANEL, FRESH_PANEL, CARD = range(4)
CELLS = [
    "%load_ext liangxin_nb",
    "%liangxin panel",
    "%liangxin panel",
    f"%%liangxin nano-banana-pro\n{LONG}",
]


@pytest.fixture
def page(notebook):
    """Open one notebook for all tests of this module."""
    page = notebook(CELLS, shared=True)
    if page.prompt(LOAD) == "[ ]":
        page.run_and_wait(LOAD)
    return page


@pytest.fixture
def form(page):
    """Open a panel and let it show settings, messages, a picture and a failed job."""
    form = Form(page, PANEL)
    if page.prompt(PANEL) == "[ ]":
        page.run_and_wait(PANEL)
        fill(form)
    return form


def fill(form):
    form.box.get_by_role("checkbox", name="Settings", exact=True).check()
    form.box.get_by_role("checkbox", name="More settings").check()
    form.field("Image size").select_option("square")
    form.field("Prompt").fill(f"a lake {hostile.TEXT}")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(1)
    form.field("Model").select_option(label="Another model, by its name")
    form.field("Model name").fill("no-such-model")
    form.field("Model name").press("Enter")
    form.wait_code("no-such-model")
    form.button("Generate").click()
    expect(form.cards().first).to_contain_text("Rejected")
    form.field("Model").select_option(label="Black Forest Labs · Flux 2 Pro")
    expect(form.box.get_by_role("checkbox", name="Width")).to_be_visible()
    form.field("Prompt").fill(LONG)
    form.field("Seed").fill("seven")
    expect(form.cards().last).to_contain_text("Done")
    form.button("Copy cell").last.click()
    expect(form.box).to_contain_text("'seven' is not a whole number")


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_panel_has_no_accessibility_violations(page, form, theme, width):
    page.set_theme(theme)
    assert find_violations(page, ".lx-panel", width) == []
    form.screenshot(f"composer-{theme}-{width}-full", width)


def test_panel_elements_fit_into_a_narrow_window(page, form):
    page.page.set_viewport_size({"width": 800, "height": 900})
    outside = page.page.evaluate(
        "() => [...document.querySelectorAll('.lx-panel *')].filter(element => {"
        "  const edge = element.closest('.lx-panel').getBoundingClientRect().right;"
        "  return element.getBoundingClientRect().right > edge + 1 && element.offsetWidth > 2;"
        "}).map(element => element.outerHTML.slice(0, 200))"
    )
    assert outside == []


def test_untrusted_text_is_escaped_in_the_panel(page, form):
    expect(form.cards().last).to_contain_text(f"{hostile.SOURCE} onerror=")
    assert_only_text(page)


def test_card_has_no_accessibility_violations(page, service):
    service.stop_time()
    page.run_and_wait(CARD)
    page.wait_text(CARD, "(Waiting|Queuing|Generating)")
    page.click(CARD, "Copy id")
    card = f"{page._selector(CARD)} .lx-card"
    expect(page.page.locator(card).get_by_role("textbox")).to_be_focused()
    assert find_violations(page, card) == []
    page.screenshot("card-copy-id", CARD)


def test_tab_key_follows_the_reading_order_of_the_panel(page):
    page.run_and_wait(FRESH_PANEL)
    form = Form(page, FRESH_PANEL)
    form.write("a lake")
    form.box.get_by_role("checkbox", name="Settings", exact=True).focus()
    labels = []
    for _ in range(12):
        page.page.keyboard.press("Tab")
        labels.append(
            page.page.evaluate(
                "() => { const element = document.activeElement;"
                " return element.labels?.[0]?.textContent || element.textContent.trim(); }"
            )
        )
    earlier = ("◂ Earlier", "Later ▸")  # enabled only if the ledger has prompts
    labels = [name for name in labels if name not in earlier][:11]
    assert labels == [
        "Model", "Prompt", "Earlier prompts", "Aspect ratio", "Image size", "Seed", "Random seed",
        "Num inference steps", "Output format", "Enable safety checker", "Generate",
    ]  # fmt: skip
