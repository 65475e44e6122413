"""The panel as a person meets it: every control, in a real JupyterLab."""

import json
import re

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import expect

from ..scan import KEY
from .form import Form

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
LOAD, PANEL, MORE = range(3)
CELLS = ["%load_ext liangxin_nb", "%liangxin panel", ""]
PROMPT = "A small cafe terrace at night, rain on the stones"
#: What the panel says below itself, also where nothing else can be drawn.
DURABLE = "The liangxin_nb panel lives as long as its kernel; %liangxin panel opens it again."


def fresh_panel(page):
    """Run the panel's cell, and return the new panel."""
    if page.prompt(LOAD) == "[ ]":
        page.run_and_wait(LOAD)
    page.run_and_wait(PANEL)
    form = Form(page, PANEL)
    expect(form.field("Prompt")).to_be_visible()
    return form


@pytest.fixture
def page(notebook):
    """One notebook for all tests that change no setting."""
    return notebook(CELLS, shared=True)


@pytest.fixture
def form(page):
    """A new panel, when no task of the one before is running any more: it would show its card."""
    expect(Form(page, PANEL).button("Leave")).to_have_count(0)
    return fresh_panel(page)


def ask(form, prompt, count=1):
    """Ask for a small picture; wait until as many cards are there."""
    form.write(prompt)
    form.field("Image size").select_option("square")
    form.wait_code("--size square")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(count)


def wait_done(form, count=1):
    expect(form.cards().get_by_text("Done")).to_have_count(count)


def test_the_code_follows_what_is_chosen(form):
    expect(form.box).to_contain_text("Sandbox: drawn on this machine, no model is run")
    form.write(PROMPT)
    form.field("Image size").select_option("landscape_4_3")
    expect(form.field("Aspect ratio")).to_be_disabled()
    form.button("Roll").click()
    expect(form.field("Seed")).to_have_value(re.compile(r"\d+"))
    seed = form.field("Seed").input_value()
    code = form.wait_code(f"--seed {seed}")
    assert code.startswith("%%liangxin z-image --size landscape_4_3")
    form.field("Output format").select_option("png")
    form.wait_code("-o output_format=png")


def test_the_panel_works_while_a_cell_is_busy(page, form, service, busy_cell):
    service.stop_time()
    page.call("edit", MORE, busy_cell.source)
    page.run(MORE)
    ask(form, PROMPT)
    expect(form.cards()).to_contain_text("Waiting")
    service.move_to("success")
    wait_done(form)
    expect(form.cards().get_by_role("img", name=PROMPT)).to_be_visible()
    assert page.is_busy(MORE)
    busy_cell.end()
    page.wait_done(MORE)
    assert page.errors == []


def test_a_card_keeps_its_height_when_its_picture_comes(form, service):
    service.stop_time()
    ask(form, PROMPT)
    expect(form.cards()).to_contain_text("Waiting")
    before = form.cards().bounding_box()
    service.move_to("success")
    wait_done(form)
    expect(form.cards().get_by_role("img", name=PROMPT)).to_be_visible()
    after = form.cards().bounding_box()
    assert abs(before["height"] - after["height"]) <= 20
    form.screenshot("composer-light-1280")


def test_again_and_vary_ask_for_more_pictures(form):
    ask(form, PROMPT)
    wait_done(form)
    form.button("Vary").click()
    expect(form.cards()).to_have_count(2)
    form.button("Again").last.click()
    expect(form.cards()).to_have_count(3)
    wait_done(form, 3)


def test_edit_and_copy_give_back_what_was_asked_for(page, form):
    form.field("Seed").fill("4711")
    ask(form, PROMPT)
    wait_done(form)
    form.write("something else")
    form.cards().get_by_role("button", name="Edit").click()
    assert "--seed 4711" in form.wait_code(PROMPT)
    form.cards().get_by_role("button", name="Copy cell").click()
    copy = form.cards().get_by_role("textbox")
    expect(copy).to_be_focused()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.keyboard.press("Control+a")
    page.page.keyboard.press("Control+c")
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied == form.code()
    form.cards().get_by_role("button", name="Copy id").click()
    expect(copy).to_have_value(re.compile(r"^task_"))


def test_leave_and_collect_in_the_panel(form, service):
    service.stop_time()
    ask(form, PROMPT)
    expect(form.cards()).to_contain_text("Waiting")
    form.button("Leave").click()
    expect(form.cards()).to_contain_text("Detached (still running)")
    form.button("Collect").click()
    service.move_to("success")
    wait_done(form)
    expect(form.cards().get_by_role("img")).to_be_visible()


def test_references_come_from_a_path_an_upload_and_the_newest_results(form, lab, tmp_path):
    ask(form, "a lake")
    wait_done(form)
    Image.new("RGB", (300, 200), "teal").save(lab.root / "my photo.png")
    Image.new("RGB", (300, 200), "maroon").save(tmp_path / "own.png")
    form.field("Model").select_option(label="Google · Nano Banana Pro")
    expect(form.field("Resolution")).to_be_visible()
    reference = form.field("Image input")
    reference.fill("my photo.png")
    form.button("Add").click()
    form.wait_code('--image "my photo.png"')
    with form.notebook.page.expect_file_chooser() as chooser:
        form.button("Upload").click()
    chooser.value.set_files(tmp_path / "own.png")
    form.wait_code("--image own.png")
    form.field("From the newest results").select_option(index=1)
    form.wait_code("--image liangxin-results/")
    expect(form.box.locator(".lx-reference img")).to_have_count(3)
    reference.fill("https://example.com/picture.gif")
    reference.press("Enter")
    expect(form.box).to_contain_text("does not end in .png, .jpg, .jpeg, .webp")
    form.screenshot("composer-references")
    form.button("Remove").last.click()
    expect(form.box).not_to_contain_text("does not end in")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(2)
    wait_done(form, 2)


def test_earlier_prompts_by_button_and_by_arrow_key(form):
    ask(form, "the first lake")
    expect(form.box).to_contain_text("Asked for.")
    ask(form, "the second lake", 2)
    form.field("Prompt").fill("a draft")
    form.button("Earlier").click()
    expect(form.field("Prompt")).to_have_value("the second lake")
    form.button("Earlier").click()
    expect(form.field("Prompt")).to_have_value("the first lake")
    form.button("Later").click()
    form.button("Later").click()
    expect(form.field("Prompt")).to_have_value("a draft")
    form.field("Earlier prompts").fill("the first lake")
    form.field("Earlier prompts").press("Enter")
    expect(form.field("Prompt")).to_have_value("the first lake")


def test_what_is_wrong_is_said_beside_the_field_and_nothing_below_it_moves(form):
    form.write("a lake")
    place = form.top(form.button("Generate"))
    form.field("Seed").fill("seven")
    expect(form.box).to_contain_text("seed 'seven' is not a whole number")
    form.button("Generate").click()
    expect(form.box.get_by_role("alert").first).to_be_visible()
    assert form.cards().count() == 0
    assert form.top(form.button("Generate")) == place
    form.field("Seed").fill("7")
    expect(form.box.get_by_role("alert")).to_have_count(0)


def test_width_and_height_are_given_together_and_instead_of_an_aspect_ratio(form):
    form.write("a lake")
    form.field("Model").select_option(label="Black Forest Labs · Flux 2 Pro")
    form.box.get_by_role("checkbox", name="Width").check()
    expect(form.box.get_by_role("checkbox", name="Height")).to_be_checked()
    expect(form.field("Aspect ratio")).to_be_disabled()
    form.wait_code("--size 1024x768")


def test_a_model_that_the_catalogue_does_not_list_is_asked_for_by_its_name(form):
    form.write("a lake")
    form.field("Model").select_option(label="Another model, by its name")
    form.field("Its name").fill("no-such-model")
    form.field("Its name").press("Enter")
    form.wait_code("%%liangxin no-such-model")
    form.button("Generate").click()
    expect(form.cards()).to_contain_text("Rejected · no-such-model")
    expect(form.cards()).to_contain_text("unsupported model: no-such-model")


@pytest.fixture
def widgets_are_saved(lab):
    """JupyterLab saves the state of the widgets, as a user may tell it to."""
    folder = lab.home.folder / "settings/@jupyter-widgets/jupyterlab-manager"
    folder.mkdir(parents=True)
    (folder / "plugin.jupyterlab-settings").write_text(json.dumps({"saveState": True}))
    yield
    lab.home.reset_settings()


def test_the_key_is_in_no_widget_and_in_no_saved_notebook(
    notebook, new_window, widgets_are_saved, lab, service
):
    state = (
        "import json\nfrom ipywidgets.widgets.widget import _instances\n"
        "json.dumps([w.get_state() for w in _instances.values()], default=str)"
    )
    settings = "import liangxin_nb.session.default as c; c.get_session().settings"
    page = notebook([*CELLS[:MORE], state, settings])
    form = fresh_panel(page)
    form.box.get_by_role("checkbox", name="Settings").check()
    form.field("Service").select_option("LiangXin")
    form.field("Address").fill(service.url)
    form.field("API key").fill(KEY)
    form.field("API key").press("Tab")
    expect(form.field("API key")).to_have_value("")
    expect(form.field("API key")).to_have_attribute("placeholder", "a key is held in memory")
    form.screenshot("composer-settings")
    form.button("Use these").click()
    expect(form.box).to_contain_text("LiangXin at 127.0.0.1")
    ask(form, "a lake")
    wait_done(form)
    states = page.run_and_wait(2)
    assert "a key is held in memory" in states
    assert KEY not in states
    assert "key=••••••" in page.run_and_wait(3)
    page.save()
    text = (lab.root / page.path).read_text(encoding="utf-8")
    assert "a key is held in memory" in text, "the widgets' state is saved in this notebook"
    assert KEY not in text
    assert page.page.content().count(KEY) == 0


def test_a_reloaded_page_has_the_pictures_and_a_panel_that_works(notebook):
    page = notebook(CELLS)
    form = fresh_panel(page)
    ask(form, "a lake at dawn")
    wait_done(form)
    page.save()
    page.reload()
    again = Form(page, PANEL)
    expect(again.cards().get_by_role("img", name="a lake at dawn")).to_be_visible()
    ask(again, "a lake at noon", 2)
    wait_done(again, 2)


def test_a_saved_panel_without_its_kernel_says_how_to_open_it(notebook, lab):
    page = notebook(CELLS)
    fresh_panel(page)
    page.save()
    (view, line) = nbformat.read(lab.root / page.path, 4).cells[PANEL].outputs
    assert view.data["text/plain"] == "<liangxin_nb panel>"
    assert line.data["text/plain"] == DURABLE
    assert set(line.data) == {"text/plain", "text/html"}
    page.shut()
    page = notebook(page.path, kernel=False)
    assert DURABLE in page.text(PANEL)
    page.screenshot("composer-reopened-without-kernel")
