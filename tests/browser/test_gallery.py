"""All controls of the gallery, in JupyterLab."""

import json
import re
import time
import zipfile

import nbformat
import pytest
from playwright.sync_api import expect

from liangxin_nb import Session
from liangxin_nb.library import Library
from liangxin_nb.sandbox.film import encode_webm
from liangxin_nb.sandbox.painter import paint

from .. import hostile, stock
from ..conftest import wait_until
from .axe import find_violations
from .escaping import assert_only_text
from .window import SCREENSHOTS, SIZE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
OPEN = "%load_ext liangxin_nb\n%liangxin gallery"
#: Text below the gallery, also displayed without widgets.
DURABLE = "The gallery closes with its kernel; %liangxin gallery opens it again."
LONG = f"雨夜的咖啡馆，石板路上的灯光，穿着红色雨衣的孩子与一只黑猫 {hostile.TEXT} & " * 4
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
#: Tiles of the first page, newest first.
TWO_AT_ONCE, FILM, HAIKU, LIGHTHOUSE, CAFE = range(5)
GALLERY, MORE = range(2)


@pytest.fixture(scope="module")
def stocked(lab):
    """Save results of all kinds in the notebooks' folder, newest last, and one failed job."""
    session = Session(profile="sandbox", results=lab.results)
    pictures = [paint(p, seed=n, size=SHAPES[n % 4]) for n, p in enumerate(PROMPTS[:5])]
    sea = encode_webm(pictures[1], (320, 180), 2)
    start = time.time() - 30 * 3600
    saved = [
        stock.save_result(
            session, PROMPTS[n % 8], model=stock.MODELS[n % 2], created_at=start + n * 3600,
            parts=[("image", pictures[n % 5])], batch_id="0123456789ab" if n < 5 else "",
            seed=n, image_size="landscape_4_3",
        )
        for n in range(26)
    ]  # fmt: skip
    parent, child = saved[-2:]
    session.ledger.update(child, "x", parent_ids=parent.id, change="seed 24 → 25")
    last = start + 26 * 3600
    stock.save_result(
        session, "A haiku about rain", created_at=last, parts=[("text", "夜の雨 a lamp".encode())]
    )
    stock.save_result(session, "A film of the sea", created_at=last + 1, parts=[("video", sea)])
    stock.save_result(
        session, "Two at once", created_at=last + 2, parts=[("image", p) for p in pictures[:2]]
    )
    stock.save_result(session, "Refused by the service", created_at=last + 3, status="failed")
    yield session
    session.close()


@pytest.fixture
def page(notebook, stocked):
    """Open the gallery, or reset it: newest first, without filters, nothing selected."""
    page = notebook([OPEN, ""], shared=True)
    if page.prompt(GALLERY) == "[ ]":
        page.run_and_wait(GALLERY)
    back, reset, clear = (
        page.page.get_by_role("button", name=name, exact=True)
        for name in ("Back to all", "Reset filters", "Clear")
    )
    expect(back.or_(reset)).to_be_visible()
    if back.is_visible():
        back.click()
    reset.click()
    expect(page.page.locator(".lx-tile img").first).to_have_attribute("alt", "Two at once")
    page.wait_text(GALLERY, "1–24 of 29")
    if clear.is_enabled():
        clear.click()
    page.wait_text(GALLERY, "Nothing selected")
    return page


def tile(page, number):
    """Return the button that opens a tile."""
    return page.page.locator(".lx-tile .lx-open").nth(number)


def checkbox(page, number):
    """Return the checkbox that selects a tile."""
    return page.page.locator(".lx-tile input[type=checkbox]").nth(number)


def filter_control(page, label):
    """Return a control above the tiles."""
    return page.page.locator(".lx-filters").get_by_label(label, exact=True)


def search(page, words):
    field = page.page.get_by_label("Search the prompts")
    field.fill(words)
    field.press("Enter")


# ---- views


def show_sheet(page):
    page.wait_js("document.querySelectorAll('.lx-tile img').length >= 22")


def show_comparison(page):
    for number in (LIGHTHOUSE, CAFE):
        checkbox(page, number).check()
    page.wait_text(GALLERY, "2 selected")
    page.click(GALLERY, "Compare")
    page.wait_text(GALLERY, "differs")


def show_one(page):
    tile(page, CAFE).click()
    page.wait_text(GALLERY, "Open the original")
    # The large picture has replaced the thumbnail.
    page.wait_js(f"document.querySelector('.lx-left img')?.naturalWidth === {SHAPES[0][0]}")


def show_film(page):
    tile(page, FILM).click()
    page.wait_text(GALLERY, "A film of the sea[^]*· 2 s ·")


VIEWS = {"": show_sheet, "compare-": show_comparison, "one-": show_one, "film-": show_film}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_view_has_no_accessibility_violations(page, theme, view):
    page.set_theme(theme)
    VIEWS[view](page)
    for width in (1280, 800):
        take_screenshot(page, f"gallery-{view}{theme}-{width}", width)
    assert find_violations(page, ".lx-gallery") == []
    assert page.errors == []


def take_screenshot(page, name, width):
    """Take a screenshot of the whole gallery in a window of that width."""
    gallery = page.page.locator(".lx-gallery")
    page.page.set_viewport_size({"width": width, "height": 1500})
    height = int(gallery.bounding_box()["height"]) + 300
    page.page.set_viewport_size({"width": width, "height": height})
    gallery.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.page.set_viewport_size(SIZE)


def test_video_is_displayed_by_its_first_frame(page):
    poster = page.page.locator(".lx-tile img[alt='A film of the sea']")
    assert poster.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [320, 180]


def test_prompt_is_escaped_in_all_views(page):
    search(page, "雨夜 黑猫")
    page.wait_text(GALLERY, f"1–3 of 3[^]*{hostile.SOURCE} onerror=")
    assert_only_text(page)
    for number in range(2):
        checkbox(page, number).check()
    page.click(GALLERY, "Compare")
    page.wait_text(GALLERY, f"Back to all[^]*{hostile.SOURCE} onerror=")
    assert_only_text(page)
    page.click(GALLERY, "Back to all")
    tile(page, 0).click()
    page.wait_text(GALLERY, f"Open the original[^]*{hostile.SOURCE} onerror=|"
                            f"{hostile.SOURCE} onerror=[^]*Open the original")  # fmt: skip
    assert_only_text(page)


# ---- controls


def test_pages_can_be_changed_while_a_cell_is_busy(page, busy_cell):
    page.call("edit", MORE, busy_cell.source)
    page.run(MORE)
    page.click(GALLERY, "Next")
    page.wait_text(GALLERY, "25–29 of 29")
    page.click(GALLERY, "Previous")
    page.wait_text(GALLERY, "1–24 of 29")
    assert page.is_busy(MORE)
    busy_cell.end()
    page.wait_done(MORE)


def test_results_are_filtered_by_words_and_model_until_reset(page):
    search(page, "雨夜 黑猫")
    page.wait_text(GALLERY, "1–3 of 3")
    filter_control(page, "Model").select_option(label=f"{stock.MODELS[1]} · 13")
    page.wait_text(GALLERY, "Nothing fits these filters")
    page.click(GALLERY, "Reset filters")
    page.wait_text(GALLERY, "1–24 of 29")


def test_failed_jobs_are_found_by_their_state(page):
    filter_control(page, "State").select_option(label="Failed, rejected or lost")
    page.wait_text(GALLERY, "Failed\\s+The service rejected it[^]*Refused by the service")


def test_batch_is_found_by_its_name(page):
    filter_control(page, "Batch").select_option(index=1)
    page.wait_text(GALLERY, "1–5 of 5")


def test_date_filter_without_results_shows_none(page):
    filter_control(page, "From").fill("2999-01-01")
    page.wait_text(GALLERY, "Nothing fits these filters")


def test_order_can_be_reversed(page):
    first = page.page.locator(".lx-tile img").first
    filter_control(page, "Order").select_option(label="Oldest first")
    expect(first).to_have_attribute("alt", PROMPTS[0])
    filter_control(page, "Order").select_option(label="Newest first")
    expect(first).to_have_attribute("alt", "Two at once")


def test_tiles_can_be_larger(page):
    before = page.page.locator(".lx-tile").first.bounding_box()["width"]
    filter_control(page, "Picture size").select_option(label="Large")
    page.wait_js(
        "w => document.querySelector('.lx-tile').getBoundingClientRect().width > w", before + 40
    )
    filter_control(page, "Picture size").select_option(label="Medium")


def test_tab_key_moves_from_a_picture_to_its_checkbox(page):
    tile(page, LIGHTHOUSE).focus()
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Space")
    page.wait_text(GALLERY, "1 selected")
    expect(checkbox(page, LIGHTHOUSE)).to_be_checked()


def test_comparison_marks_the_differences(page):
    show_comparison(page)
    page.wait_text(GALLERY, "Prompt\\s+≠ differs")
    expect(page.page.locator(".lx-compare mark").first).to_be_visible()


def test_selected_results_are_exported_as_a_zip(page, tmp_path):
    for number in (LIGHTHOUSE, CAFE):
        checkbox(page, number).check()
    page.wait_text(GALLERY, "2 selected")
    page.click(GALLERY, "Export")
    page.wait_text(GALLERY, "Exported 2 results")
    with page.page.expect_download() as download:
        page.page.locator(".lx-message a").click()
    download.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as zipped:
        assert sum(name.endswith("metadata.json") for name in zipped.namelist()) == 2
        assert len(zipped.read("ledger.jsonl").splitlines()) == 3  # the header and two jobs


def test_result_opened_with_the_keyboard_focuses_the_back_button(page):
    tile(page, TWO_AT_ONCE).focus()
    page.page.keyboard.press("Enter")
    page.wait_text(GALLERY, "2 files: Open the original 1.png")
    page.wait_js("document.activeElement.textContent === 'Back to all'")
    page.wait_js("document.querySelectorAll('.lx-left img').length === 2")


def test_next_one_steps_through_results_of_all_kinds(page):
    show_film(page)
    expect(page.page.locator(".lx-left video")).to_be_visible()
    page.click(GALLERY, "Next one")
    page.wait_text(GALLERY, "夜の雨 a lamp")
    page.click(GALLERY, "Next one")
    page.wait_text(GALLERY, "A lighthouse on a cliff")


def test_links_open_what_a_result_was_made_from_and_what_was_made_from_it(page):
    tile(page, LIGHTHOUSE).click()
    link = page.page.locator(".lx-relatives .lx-link:visible")
    expect(link).to_have_text(re.compile(r"^\w{4}… A small cafe terrace"))
    link.click()
    page.wait_js("document.activeElement.textContent === 'Back to all'")
    expect(link).to_have_text(re.compile(r"^\w{4}… seed 24 → 25$"))


def test_cell_of_a_result_can_be_copied(page):
    tile(page, LIGHTHOUSE).click()
    page.wait_text(GALLERY, "Open the original")
    cell = f"%%liangxin {stock.MODELS[1]} --seed 25 -o image_size=landscape_4_3\n{PROMPTS[1]}"
    assert page.page.get_by_label("The cell that made it").input_value() == cell


def test_without_a_composer_code_shows_how_to_use_a_reference(page):
    tile(page, LIGHTHOUSE).click()
    page.click(GALLERY, "Send to the composer")
    page.wait_text(GALLERY, "No composer is open")
    page.click(GALLERY, "Use as reference")
    page.wait_js(
        "[...document.querySelectorAll('.lx-copy textarea')].some(t => t.value.includes('--image'))"
    )


@pytest.fixture
def deletable_result(stocked):
    """Save a text result, and delete it after the test."""
    record = stock.save_result(stocked, "A text to be deleted", parts=[("text", b"words")])
    yield record
    if stocked.ledger.find(record.id).status == "saved":
        Library(stocked).delete(record.id)


def double_click_delete(page):
    """Click *Delete* twice, and check that nothing that deletes is where the pointer is."""
    gallery = page.page.locator(".lx-gallery")
    delete = gallery.get_by_role("button", name="Delete", exact=True)
    expect(delete).to_be_enabled()
    box = delete.bounding_box()
    pointer = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.mouse.dblclick(*pointer)
    page.wait_text(GALLERY, "Move 1 result to the trash\\?")
    confirm = gallery.get_by_role("button", name="Move to the trash", exact=True)
    expect(confirm).to_be_visible()
    covers = "(e, [x, y]) => e.contains(document.elementFromPoint(x, y))"
    assert not confirm.evaluate(covers, [*pointer])


def test_double_click_deletes_nothing_and_a_deletion_can_be_undone(page, deletable_result, stocked):
    def status():
        return stocked.ledger.find(deletable_result.id).status

    page.click(GALLERY, "Refresh")
    page.wait_text(GALLERY, "1–24 of 30")
    tile(page, 0).click()
    expect(page.page.get_by_label("The cell that made it")).to_have_value(
        re.compile(deletable_result.request.prompt)
    )
    double_click_delete(page)
    page.page.locator(".lx-gallery").screenshot(path=SCREENSHOTS / "gallery-delete-one.png")
    page.click(GALLERY, "Keep")
    page.wait_text(GALLERY, "Nothing was deleted")
    assert status() == "saved"
    page.click(GALLERY, "Delete")
    page.click(GALLERY, "Move to the trash")
    page.wait_text(GALLERY, "1–24 of 29[^]*Moved 1 result to the trash")
    assert status() == "deleted"
    page.click(GALLERY, "Undo delete")
    page.wait_text(GALLERY, "1–24 of 30")
    assert status() == "saved"
    checkbox(page, 0).check()
    page.wait_text(GALLERY, "1 selected")
    double_click_delete(page)
    page.page.locator(".lx-gallery").screenshot(path=SCREENSHOTS / "gallery-delete-selected.png")
    page.click(GALLERY, "Move to the trash")
    page.wait_text(GALLERY, "1–24 of 29")
    filter_control(page, "State").select_option(label="Deleted")
    page.wait_text(GALLERY, "1–1 of 1")
    tile(page, 0).click()
    page.click(GALLERY, "Restore")
    page.wait_text(GALLERY, "Restored 1 result")
    assert status() == "saved"


def upload(page, file):
    with page.page.expect_file_chooser() as chooser:
        page.page.locator(".lx-upload").click()
    chooser.value.set_files(file)


def test_metadata_of_an_uploaded_picture_is_shown(page, lab):
    upload(page, next(lab.results.glob("20*/*/1.png")))
    page.wait_text(GALLERY, "Service\\s+sandbox")


def test_uploaded_file_that_is_not_a_picture_is_rejected(page, tmp_path):
    file = tmp_path / "invalid.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"no picture" * 9)
    upload(page, file)
    page.wait_text(GALLERY, "This is not a readable PNG, JPEG or WebP file")


def test_original_opens_in_another_tab(page):
    tile(page, TWO_AT_ONCE).click()
    page.wait_text(GALLERY, "Open the original 1.png")
    page.page.locator(".lx-links a").first.click()
    page.page.locator(".jp-ImageViewer img").wait_for()
    page.call("closeOthers")


# ---- saved notebooks


def test_closed_gallery_is_replaced_by_one_picture(notebook, stocked, lab):
    page = notebook([OPEN])
    page.run_and_wait(GALLERY)
    page.wait_text(GALLERY, "1–24 of 29")
    page.click(GALLERY, "Close")
    page.page.locator(".lx-gallery").wait_for(state="detached")
    wait_until(lambda: len(page.images(GALLERY)) == 1)
    (image,) = page.images(GALLERY)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.save()
    outputs = nbformat.read(lab.root / page.path, 4).cells[GALLERY].outputs
    (saved,) = (output for output in outputs if "image/jpeg" in output.get("data", {}))
    others = [output.data for output in outputs if output is not saved and "data" in output]
    assert others == [{"text/plain": "", "text/html": ""}] * 2
    assert set(saved.data) == {"image/jpeg", "text/plain"}
    assert saved.data["text/plain"] == "<Gallery of 29 results>"
    assert len(json.dumps(saved)) <= 64 * 1024
    page.screenshot("gallery-closed", GALLERY)
    assert page.errors == []


def test_notebook_saved_with_an_open_gallery_shows_its_page_without_a_kernel(
    notebook, stocked, lab
):
    page = notebook([OPEN])
    page.run_and_wait(GALLERY)
    page.wait_text(GALLERY, "1–24 of 29")
    fallback = page.page.locator(".jp-OutputArea-child:has(.lx-static) + .jp-OutputArea-child img")
    fallback.wait_for(state="attached")
    assert not fallback.is_visible(), "the fallback is visible beside the live page"
    page.save()
    view, line, sheet = nbformat.read(lab.root / page.path, 4).cells[GALLERY].outputs[-3:]
    assert "application/vnd.jupyter.widget-view+json" in view.data
    assert line.data["text/plain"] == DURABLE
    assert set(sheet.data) == {"image/jpeg", "text/plain"}
    assert len(json.dumps([line, sheet])) <= 64 * 1024
    page.shut()
    page = notebook(page.path, kernel=False)
    assert DURABLE in page.text(GALLERY)
    (image,) = page.images(GALLERY)
    assert (image["mime"], image["visible"]) == ("image/jpeg", True)
    page.screenshot("gallery-reopened-without-kernel", GALLERY)


def test_empty_gallery_says_how_to_start(notebook, lab):
    page = notebook([f"%env LIANGXIN_RESULTS={lab.root / 'empty'}\n{OPEN}"])
    page.run_and_wait(GALLERY)
    page.wait_text(GALLERY, "No results yet")
    page.screenshot("gallery-empty", GALLERY)
    assert page.errors == []
