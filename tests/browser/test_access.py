"""The panel and the cards for everybody: axe-core finds nothing, the Tab key reads in order."""

import pytest
from playwright.sync_api import expect

from .. import hostile
from .axe import findings
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
    """One notebook for all tests of this module."""
    page = notebook(CELLS, shared=True)
    if page.prompt(LOAD) == "[ ]":
        page.run_and_wait(LOAD)
    return page


@pytest.fixture
def form(page):
    """A panel with all that it can show: settings, remarks, a picture, a failure."""
    form = Form(page, PANEL)
    if page.prompt(PANEL) == "[ ]":
        page.run_and_wait(PANEL)
        fill(form)
    return form


def fill(form):
    form.box.get_by_role("checkbox", name="Settings").check()
    form.field("Image size").select_option("square")
    form.field("Prompt").fill(f"a lake {hostile.TEXT}")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(1)
    form.field("Model").select_option(label="Another model, by its name")
    form.field("Its name").fill("no-such-model")
    form.field("Its name").press("Enter")
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
def test_axe_finds_nothing_in_the_panel(page, form, theme, width):
    page.set_theme(theme)
    assert findings(page, ".lx-panel", width) == []
    form.screenshot(f"composer-{theme}-{width}-full", width)


def test_nothing_sticks_out_of_the_panel_in_a_narrow_window(page, form):
    page.page.set_viewport_size({"width": 800, "height": 900})
    outside = page.page.evaluate(
        "() => [...document.querySelectorAll('.lx-panel *')].filter(one => {"
        "  const edge = one.closest('.lx-panel').getBoundingClientRect().right;"
        "  return one.getBoundingClientRect().right > edge + 1 && one.offsetWidth > 2;"
        "}).map(one => one.outerHTML.slice(0, 200))"
    )
    assert outside == []


def test_words_from_outside_are_text_in_the_panel(page, form):
    expect(form.cards().last).to_contain_text(f"{hostile.SOURCE} onerror=")
    assert_only_text(page)


def test_axe_finds_nothing_in_a_card_of_a_cell(page, service):
    service.stop_time()
    page.run_and_wait(CARD)
    page.wait_text(CARD, "(Waiting|Queuing|Generating)")
    page.click(CARD, "Copy id")
    card = f"{page._selector(CARD)} .lx-card"
    expect(page.page.locator(card).get_by_role("textbox")).to_be_focused()
    assert findings(page, card) == []
    page.screenshot("card-copy-id", CARD)


def test_the_tab_key_goes_through_the_panel_in_reading_order(page):
    page.run_and_wait(FRESH_PANEL)
    form = Form(page, FRESH_PANEL)
    form.write("a lake")
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
