"""All controls of the panel, in JupyterLab."""

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
#: Text below the panel, also displayed without widgets.
DURABLE = "The liangxin_nb panel closes with its kernel; %liangxin panel opens it again."


def fresh_panel(page):
    """Run the panel's cell and return the new panel."""
    if page.prompt(LOAD) == "[ ]":
        page.run_and_wait(LOAD)
    page.run_and_wait(PANEL)
    form = Form(page, PANEL)
    expect(form.field("Prompt")).to_be_visible()
    return form


@pytest.fixture
def page(notebook):
    """Open one notebook for all tests that change no settings."""
    return notebook(CELLS, shared=True)


@pytest.fixture
def form(page):
    """Open a new panel after all tasks have ended; it would show cards of running tasks."""
    expect(Form(page, PANEL).button("Stop watching")).to_have_count(0)
    return fresh_panel(page)


def generate(form, prompt, count=1):
    """Submit a small picture and wait for that number of cards."""
    form.write(prompt)
    form.field("Image size").select_option("square")
    form.wait_code("--size square")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(count)


def wait_done(form, count=1):
    expect(form.cards().get_by_text("Done")).to_have_count(count)


def test_code_shows_the_chosen_options(form):
    expect(form.box).to_contain_text("Sandbox: drawn on this machine, no model is run")
    form.write(PROMPT)
    form.field("Image size").select_option("landscape_4_3")
    expect(form.field("Aspect ratio")).to_be_disabled()
    form.button("Random seed").click()
    expect(form.field("Seed")).to_have_value(re.compile(r"\d+"))
    seed = form.field("Seed").input_value()
    code = form.wait_code(f"--seed {seed}")
    assert code.startswith("%%liangxin z-image --size landscape_4_3")
    form.field("Output format").select_option("png")
    form.wait_code("-o output_format=png")


def test_panel_works_while_a_cell_is_busy(page, form, service, busy_cell):
    service.stop_time()
    page.call("edit", MORE, busy_cell.source)
    page.run(MORE)
    generate(form, PROMPT)
    expect(form.cards()).to_contain_text("Waiting")
    service.move_to("success")
    wait_done(form)
    expect(form.cards().get_by_role("img", name=PROMPT)).to_be_visible()
    assert page.is_busy(MORE)
    busy_cell.end()
    page.wait_done(MORE)
    assert page.errors == []


def test_card_keeps_its_height_when_its_picture_arrives(form, service):
    service.stop_time()
    generate(form, PROMPT)
    expect(form.cards()).to_contain_text("Waiting")
    before = form.cards().bounding_box()
    service.move_to("success")
    wait_done(form)
    expect(form.cards().get_by_role("img", name=PROMPT)).to_be_visible()
    after = form.cards().bounding_box()
    assert abs(before["height"] - after["height"]) <= 20
    form.screenshot("composer-light-1280")


def test_again_and_vary_create_more_pictures(form):
    generate(form, PROMPT)
    wait_done(form)
    form.button("Vary").click()
    expect(form.cards()).to_have_count(2)
    form.button("Again").last.click()
    expect(form.cards()).to_have_count(3)
    wait_done(form, 3)


def test_edit_and_copy_restore_the_request(page, form):
    form.field("Seed").fill("4711")
    generate(form, PROMPT)
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


def test_detach_and_collect_in_the_panel(form, service):
    service.stop_time()
    generate(form, PROMPT)
    expect(form.cards()).to_contain_text("Waiting")
    form.button("Stop watching").click()
    expect(form.cards()).to_contain_text("Detached (still running)")
    form.button("Collect").click()
    service.move_to("success")
    wait_done(form)
    expect(form.cards().get_by_role("img")).to_be_visible()


def test_references_can_be_paths_uploads_and_recent_results(form, lab, tmp_path):
    generate(form, "a lake")
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
    generate(form, "the first lake")
    expect(form.box).to_contain_text("Submitted.")
    generate(form, "the second lake", 2)
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


def test_error_is_shown_beside_its_field_without_moving_the_form(form):
    form.write("a lake")
    top = form.top(form.button("Generate"))
    form.field("Seed").fill("seven")
    expect(form.box).to_contain_text("seed 'seven' is not a whole number")
    expect(form.button("Generate")).to_be_disabled()
    expect(form.box.get_by_role("alert").first).to_be_visible()
    expect(form.field("As a cell")).to_have_value("")
    assert form.top(form.button("Generate")) == top
    form.field("Seed").fill("7")
    expect(form.box.get_by_role("alert")).to_have_count(0)


def test_reference_that_was_not_added_and_settings_not_in_use_block_the_button(form):
    form.write("a lake")
    form.field("Model").select_option(label="Google · Nano Banana Pro")
    form.field("Image input").fill("no-such-file.png")
    form.field("Image input").press("Enter")
    expect(form.box).to_contain_text("'no-such-file.png' is not added yet")
    expect(form.button("Generate")).to_be_disabled()
    form.field("Image input").fill("")
    form.field("Image input").press("Enter")
    expect(form.button("Generate")).to_be_enabled()
    form.box.get_by_role("checkbox", name="Settings", exact=True).check()
    form.field("Service").select_option("KIE")
    expect(form.box).to_contain_text("click Use these")
    expect(form.button("Generate")).to_be_disabled()
    form.field("Service").select_option("Sandbox")
    expect(form.button("Generate")).to_be_enabled()


def test_width_and_height_exclude_an_aspect_ratio(form):
    form.write("a lake")
    form.field("Model").select_option(label="Black Forest Labs · Flux 2 Pro")
    form.box.get_by_role("checkbox", name="Width").check()
    expect(form.box.get_by_role("checkbox", name="Height")).to_be_checked()
    expect(form.field("Aspect ratio")).to_be_disabled()
    form.wait_code("--size 1024x768")


def test_model_outside_the_catalogue_is_requested_only_by_its_name(form, service):
    created = service.calls("createTask")
    form.write("a lake")
    form.field("Model").select_option(label="Another model, by its name")
    form.button("Generate").click(force=True)  # no name yet: the earlier model must not be used
    expect(form.button("Generate")).to_be_disabled()
    expect(form.box).to_contain_text("Write the name of the model.")
    form.screenshot("composer-model-without-name")
    form.field("Model name").fill("no-such-model")
    expect(form.box).to_contain_text("Not in the catalogue: sent as it is written")
    form.wait_code("%%liangxin no-such-model --any-model")
    assert service.calls("createTask") == created
    form.screenshot("composer-model-by-name")
    form.button("Generate").click()
    expect(form.cards()).to_contain_text("Rejected · no-such-model")
    expect(form.cards()).to_contain_text("unsupported model: no-such-model")


@pytest.fixture
def save_widget_state(lab):
    """Enable the JupyterLab setting that saves the state of widgets."""
    folder = lab.home.folder / "settings/@jupyter-widgets/jupyterlab-manager"
    folder.mkdir(parents=True)
    (folder / "plugin.jupyterlab-settings").write_text(json.dumps({"saveState": True}))
    yield
    lab.home.reset_settings()


def test_key_is_not_in_widgets_or_saved_notebooks(
    notebook, new_window, save_widget_state, lab, service
):
    state = (
        "import json\nfrom ipywidgets.widgets.widget import _instances\n"
        "json.dumps([w.get_state() for w in _instances.values()], default=str)"
    )
    settings = "import liangxin_nb.session.default as c; c.get_session().settings"
    page = notebook([*CELLS[:MORE], state, settings])
    form = fresh_panel(page)
    form.box.get_by_role("checkbox", name="Settings", exact=True).check()
    form.field("Service").select_option("LiangXin")
    form.field("Address").fill(service.url)
    form.field("API key").fill(KEY)
    form.field("API key").press("Tab")
    expect(form.field("API key")).to_have_value("")
    expect(form.field("API key")).to_have_attribute("placeholder", "a key is held in memory")
    form.screenshot("composer-settings")
    form.box.get_by_role("checkbox", name="More settings").check()
    form.field("Max tasks").fill("three")
    form.button("Use these").click()
    expect(form.box).to_contain_text("max_tasks='three' is not valid; allowed: a whole number")
    form.field("Max tasks").fill("3")
    form.field("Ledger").fill("postgresql://me:hunter2@db.example/jobs")
    form.field("Ledger").press("Tab")
    expect(form.field("Ledger")).to_have_value("postgresql://…@db.example/jobs")
    for theme in ("light", "dark"):
        page.set_theme(theme)
        form.screenshot(f"composer-more-settings-{theme}")
    page.set_theme("light")
    form.field("Ledger").fill("")
    form.button("Use these").click()
    expect(form.box).to_contain_text("LiangXin at 127.0.0.1")
    form.field("Prompt").fill("use sk-1234567890abcdef1234567890abcdef please")
    expect(form.box.get_by_role("alert").first).to_contain_text("what looks like an API key")
    form.screenshot("composer-key-in-prompt")
    generate(form, "a lake")
    wait_done(form)
    states = page.run_and_wait(2)
    assert "a key is held in memory" in states
    assert KEY not in states
    assert "key=••••••" in page.run_and_wait(3)
    page.save()
    text = (lab.root / page.path).read_text(encoding="utf-8")
    assert "a key is held in memory" in text, "the widgets' state is not saved in this notebook"
    assert KEY not in text
    assert page.page.content().count(KEY) == 0


def test_reloaded_page_has_the_pictures_and_a_working_panel(notebook):
    page = notebook(CELLS)
    form = fresh_panel(page)
    generate(form, "a lake at dawn")
    wait_done(form)
    page.save()
    page.reload()
    again = Form(page, PANEL)
    expect(again.cards().get_by_role("img", name="a lake at dawn")).to_be_visible()
    generate(again, "a lake at noon", 2)
    wait_done(again, 2)


def test_saved_panel_without_a_kernel_says_how_to_open_it(notebook, lab):
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
