"""The panel as a person meets it: every control, in a real JupyterLab."""

import json
import re

import nbformat
import pytest
from PIL import Image
from playwright.sync_api import expect

from ..scan import KEY
from .form import Form

expect.set_options(timeout=20_000)
pytestmark = [pytest.mark.browser, pytest.mark.slow]
OPEN = ["%load_ext liangxin_nb", "%liangxin panel"]
PROMPT = "A small cafe terrace at night, rain on the stones"
#: What the panel says below itself, also where nothing else can be drawn.
DURABLE = "The liangxin_nb panel lives as long as its kernel; %liangxin panel opens it again."


@pytest.fixture(scope="module")
def lab_env():
    return {"LIANGXIN_SPEED": "5", "LIANGXIN_SANDBOX_KEY": KEY}


@pytest.fixture
def opened(notebook):
    """A function that opens the panel, with more cells below it."""

    def open_panel(*cells):
        page = notebook([*OPEN, *cells])
        page.run_and_wait(0)
        page.run_and_wait(1)
        form = Form(page, 1)
        expect(form.field("Prompt")).to_be_visible()
        return page, form

    return open_panel


def done(form, count=1):
    expect(form.box.get_by_text("Done").nth(count - 1)).to_be_visible(timeout=40_000)


def test_from_a_click_to_a_picture_and_on_to_again_vary_and_edit(opened):
    page, form = opened("import time; time.sleep(8)")
    expect(form.box).to_contain_text("Sandbox: drawn on this machine, no model is run")
    form.write(PROMPT)
    form.field("Image size").select_option("landscape_4_3")
    expect(form.field("Aspect ratio")).to_be_disabled()
    form.button("Roll").click()
    expect(form.field("Seed")).to_have_value(re.compile(r"\d+"))
    seed = form.field("Seed").input_value()
    assert form.wait_code(f"--seed {seed}").startswith("%%liangxin z-image --size landscape_4_3")

    page.run(2)  # the kernel is busy from here on, and the panel goes on
    form.field("Output format").select_option("png")
    form.wait_code("-o output_format=png")
    form.button("Generate").click()
    expect(form.cards()).to_have_count(1)
    before = form.cards().first.bounding_box()
    expect(form.cards()).to_contain_text(re.compile("Sending|Waiting|Queuing|Generating|Saving"))
    assert page.is_busy(2), "the other cell still sleeps"
    done(form)
    expect(form.cards().first.get_by_role("img", name=PROMPT)).to_be_visible()
    after = form.cards().first.bounding_box()
    assert abs(before["height"] - after["height"]) <= 20, "the card jumps when its picture comes"
    form.screenshot("composer-light-1280")

    form.button("Vary").click()
    form.button("Again").last.click()
    expect(form.cards()).to_have_count(3)
    form.write("something else")
    form.cards().last.get_by_role("button", name="Edit").click()
    assert f"--seed {seed}" in form.wait_code(PROMPT)
    form.cards().last.get_by_role("button", name="Copy cell").click()
    copy = form.cards().last.get_by_role("textbox")
    expect(copy).to_be_focused()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.page.keyboard.press("Control+a")
    page.page.keyboard.press("Control+c")
    copied = page.page.evaluate("navigator.clipboard.readText()")
    assert copied == form.code()
    form.cards().last.get_by_role("button", name="Copy id").click()
    expect(copy).to_have_value(re.compile(r"^task_"))
    done(form, 3)
    assert page.errors == []


def test_leave_and_collect_in_the_panel(opened):
    _, form = opened()
    form.field("Model").select_option(label="Google · Nano Banana Pro")
    expect(form.field("Resolution")).to_be_visible()
    form.write(PROMPT)
    form.button("Generate").click()
    expect(form.cards()).to_contain_text(re.compile("Queuing|Generating"), timeout=20_000)
    form.button("Leave").click()
    expect(form.cards()).to_contain_text("Left (still running)")
    form.button("Collect").click()
    done(form)
    expect(form.cards().get_by_role("img")).to_be_visible()


def test_references_come_from_a_path_an_upload_and_the_newest_results(opened, lab, tmp_path):
    _, form = opened()
    form.write("a lake")
    form.field("Image size").select_option("square")
    form.button("Generate").click()
    done(form)
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
    done(form, 2)
    expect(form.cards()).to_have_count(2)


def test_earlier_prompts_by_button_and_by_arrow_key(opened, lab):
    _, form = opened()
    for prompt in ("the first lake", "the second lake"):
        form.write(prompt)
        form.button("Generate").click()
        expect(form.box).to_contain_text("Asked for.")
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


def test_what_is_wrong_is_said_beside_the_field_and_nothing_below_it_moves(opened):
    _, form = opened()
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
    form.field("Model").select_option(label="Black Forest Labs · Flux 2 Pro")
    form.box.get_by_role("checkbox", name="Width").check()
    expect(form.box.get_by_role("checkbox", name="Height")).to_be_checked()
    expect(form.field("Aspect ratio")).to_be_disabled()
    form.wait_code("--size 1024x768")
    form.field("Model").select_option(label="Another model, by its name")
    form.field("Its name").fill("no-such-model")
    form.field("Its name").press("Enter")
    form.wait_code("%%liangxin no-such-model")
    form.button("Generate").click()
    expect(form.cards()).to_contain_text("Refused · no-such-model")
    expect(form.cards()).to_contain_text("unsupported model: no-such-model")


def test_the_key_is_in_no_widget_and_in_no_saved_notebook(opened, lab, sandbox):
    lab.home.folder.joinpath("settings/@jupyter-widgets/jupyterlab-manager").mkdir(
        parents=True, exist_ok=True
    )
    lab.home.folder.joinpath(
        "settings/@jupyter-widgets/jupyterlab-manager/plugin.jupyterlab-settings"
    ).write_text(json.dumps({"saveState": True}))
    state = (
        "import json\nfrom ipywidgets.widgets.widget import _instances\n"
        "json.dumps([w.get_state() for w in _instances.values()], default=str)"
    )
    page, form = opened(state, "import liangxin_nb.current as c; c.current().settings")
    form.box.get_by_role("checkbox", name="Settings").check()
    form.field("Service").select_option("LiangXin")
    form.field("Address").fill(sandbox.url)
    form.field("API key").fill(sandbox.key)
    form.field("API key").press("Tab")
    expect(form.field("API key")).to_have_value("")
    expect(form.field("API key")).to_have_attribute("placeholder", "a key is held in memory")
    form.screenshot("composer-settings")
    form.button("Use these").click()
    expect(form.box).to_contain_text("LiangXin at 127.0.0.1")
    form.write("a lake")
    form.button("Generate").click()
    done(form)
    states = page.run_and_wait(2)
    assert "a key is held in memory" in states
    assert sandbox.key not in states
    assert "key=••••••" in page.run_and_wait(3)
    page.save()
    text = (lab.root / page.path).read_text(encoding="utf-8")
    assert "a key is held in memory" in text, "the widgets' state is saved in this notebook"
    assert sandbox.key not in text
    assert page.page.content().count(sandbox.key) == 0


def test_a_reloaded_page_has_the_pictures_and_a_notebook_without_a_kernel_says_how(
    opened, notebook, lab
):
    page, form = opened()
    form.write("a lake at dawn")
    form.button("Generate").click()
    done(form)
    page.save()
    (view, line) = nbformat.read(lab.root / page.path, 4).cells[1].outputs
    assert view.data["text/plain"] == "<liangxin_nb panel>"
    assert line.data["text/plain"] == DURABLE
    assert set(line.data) == {"text/plain", "text/html"}
    page.open()
    again = Form(page, 1)
    expect(again.cards().get_by_role("img", name="a lake at dawn")).to_be_visible(timeout=20_000)
    again.write("a lake at noon")
    again.button("Generate").click()
    expect(again.cards()).to_have_count(2)
    done(again, 2)
    page.save()
    page.close()
    page = notebook(page.path, kernel=False)
    assert DURABLE in page.text(1)
    page.screenshot("composer-reopened-without-kernel")
