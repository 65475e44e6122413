"""The composer without a browser: what each control gives, what the form says, what is taught."""

import io
import random

import ipywidgets as widgets
import pytest
from PIL import Image

from liangxin_nb.asking import requests, varied, varies
from liangxin_nb.catalog import model, models
from liangxin_nb.cell import read
from liangxin_nb.current import configure, current, use
from liangxin_nb.errors import InvalidRequest
from liangxin_nb.panels import panel
from liangxin_nb.panels.composer import Composer, shelf
from liangxin_nb.request import Request
from liangxin_nb.session import Session
from liangxin_nb.settings import CONFIGURED
from liangxin_nb.taught import as_call, as_cell

from .bench.cards import with_cards

ALL = [(profile, id) for profile in ("liangxin", "kie") for id in models(profile)]
NASTY = "a {cup} of $HOME 'tea' \"now\"\n第二行 \\n %d"


@pytest.fixture
def composer(session):
    return Composer(lambda: session)


def field(composer, name):
    """The widget that shows an input's value."""
    control = composer._form.fields[name]
    return getattr(control, "_text", control.widget)


def every(part):
    """A part and everything in it."""
    yield part
    for child in getattr(part, "children", ()):
        yield from every(child)


def labelled(composer, label):
    return next(w for w in every(composer.box) if getattr(w, "description", None) == label)


def code(composer):
    return labelled(composer, "The same as a cell").value


def choose(composer, id):
    composer._chooser.put(id)


def sample(input, dice):
    """A value that an input allows."""
    if input.allowed:
        return dice.choice(input.allowed)
    least, most = int(input.least or 1), int(min(input.most or 20, 1 << 32))
    return {
        "boolean": dice.choice([True, False]),
        "integer": dice.randint(least, most),
        "number": float(dice.randint(least, most)),
        "string": str(dice.randint(1, 99)),
        "strings": [f"https://example.com/{n}.png" for n in range(max(1, least))],
    }[input.type]


def called(code):
    """The arguments of the call that a taught text makes."""
    calls = []
    names = {"lx": type("lx", (), {"generate": lambda *a, **k: calls.append((a, k))})}
    exec(code.partition("\n\n")[2], names)
    return calls[0]


@pytest.mark.parametrize(("profile", "id"), ALL)
def test_the_taught_cell_and_call_ask_for_exactly_the_same(profile, id):
    chosen, dice = model(profile, id), random.Random(id)
    for _ in range(4):
        options = {n: sample(i, dice) for n, i in chosen.inputs.items() if dice.random() < 0.6}
        for group in chosen.exclusive:
            for name in group[1:]:
                options.pop(name, None) if group[0] in options else None
        for group in chosen.together:
            if not all(name in options for name in group):
                options = {n: v for n, v in options.items() if n not in group}
        for input in chosen.inputs.values():
            options |= {input.name: sample(input, dice)} if input.required else {}
        wire = {n: v if n not in chosen.inputs else chosen.inputs[n].read(v)
                for n, v in options.items()}  # fmt: skip
        asked = Request(id, NASTY, wire)
        line, _, body = as_cell(chosen, asked).partition("\n")
        typed = read(line.removeprefix("%%liangxin "), body, {})
        (again,), _ = requests(
            profile, typed.prompt, typed.model,
            plain=typed.plain, options=typed.options, images=typed.images,
        )  # fmt: skip
        assert (again.digest, again.input) == (asked.digest, asked.input)
        ((prompt,), told) = called(as_call(chosen, asked))
        image = told.pop("image", [])
        (once_more,), _ = requests(
            profile, prompt, told.pop("model"), plain={}, options=told,
            images=image if isinstance(image, list) else [image],
        )  # fmt: skip
        assert once_more.digest == asked.digest


def test_a_value_that_no_line_can_hold_is_said_and_not_written_wrongly():
    chosen = model("kie", "google/imagen4")
    for value in ("two\nlines", "{x}", "$x"):
        with pytest.raises(InvalidRequest, match="cannot be written in a cell's line"):
            as_cell(chosen, Request(chosen.id, "a", {"negative_prompt": value}))


def test_every_model_gets_a_control_for_each_input_and_what_it_takes_is_given_back(session):
    composer = Composer(lambda: session)
    dice = random.Random(7)
    for id, chosen in models("liangxin").items():
        choose(composer, id)
        form = composer._form
        assert set(chosen.inputs) <= set(form.fields)
        assert form.given() == {}  # defaults are shown, not sent
        for name, input in chosen.inputs.items():
            if name == chosen.plain.get("image"):
                continue
            value = sample(input, dice)
            form.fields[name].put(value)
            assert input.read(form.fields[name].value) == input.read(value), name
            form.fields[name].put(None)
            assert form.fields[name].value is None, name


def test_the_kinds_of_inputs_get_the_controls_that_fit_them(composer):
    kinds = {
        "image_size": widgets.Dropdown, "seed": widgets.Text,
        "enable_safety_checker": widgets.Dropdown,
    }  # fmt: skip
    for name, kind in kinds.items():
        assert type(field(composer, name)) is kind
    steps = composer._form.fields["num_inference_steps"]._number
    assert (type(steps), steps.min, steps.max) == (widgets.BoundedIntText, 1, 50)
    assert "Default: square_hd" in dict(field(composer, "image_size").options)
    assert all(w.tooltip for w in every(composer.box) if isinstance(w, widgets.Button))
    named = (widgets.Text, widgets.Textarea, widgets.Dropdown, widgets.Checkbox, widgets.FileUpload)
    assert all(w.description and w.tooltip for w in every(composer.box) if isinstance(w, named))


def test_a_field_that_is_given_shuts_the_one_it_excludes(composer):
    field(composer, "image_size").value = "square"
    aspect = field(composer, "aspect_ratio")
    assert aspect.disabled
    assert composer._form.hints["aspect_ratio"].value == "not beside image_size"
    field(composer, "image_size").value = ""
    assert not aspect.disabled
    aspect.value = "16:9"
    assert field(composer, "image_size").disabled


def test_width_and_height_are_given_both_or_neither(composer):
    choose(composer, "flux-2-pro")
    width, height = (composer._form.fields[name] for name in ("width", "height"))
    width._given.value = True
    assert (width.value, height.value) == (1024, 768)
    assert field(composer, "aspect_ratio").disabled
    height._given.value = False
    assert (width.value, height.value) == (None, None)
    assert not field(composer, "aspect_ratio").disabled


def test_what_is_wrong_is_said_beside_the_field_as_it_is_typed_and_nothing_is_sent(
    composer, session
):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "seed").value = "seven"
    assert "seed &#x27;seven&#x27; is not a whole number" in composer._form.hints["seed"].value
    composer._go.click()
    assert "seed 'seven' is not a whole number" in html(composer)
    field(composer, "seed").value = "7"
    assert "lx-wrong" not in composer._form.hints["seed"].value
    choose(composer, "nano-banana-pro")
    labelled(composer, "Prompt").value = "a"
    assert "prompt has length 1, allowed are 2 to 3000" in html(composer)
    choose(composer, "seedream-v4-5-edit")
    assert "needs reference_images" not in html(composer)
    labelled(composer, "Prompt").value = "a lake"
    composer._go.click()
    assert "needs reference_images" in composer._form.hints["reference_images"].value
    assert session.ledger.count() == {}


def html(composer):
    from html import unescape

    return unescape(" ".join(w.value for w in every(composer.box) if isinstance(w, widgets.HTML)))


def test_a_defect_in_a_handler_is_shown_in_the_panel(composer, monkeypatch):
    labelled(composer, "Prompt").value = "a lake"
    monkeypatch.setattr(Session, "submit", lambda *_: 1 / 0)
    composer._go.click()
    assert "ZeroDivisionError: division by zero" in html(composer)


def test_clicking_teaches_typing(composer):
    assert code(composer) == ""
    labelled(composer, "Prompt").value = "\na lake\nat dawn\n"
    field(composer, "aspect_ratio").value = "16:9"
    field(composer, "seed").value = "7"
    assert code(composer) == "%%liangxin z-image --aspect 16:9 --seed 7\na lake\nat dawn"
    call = labelled(composer, "The same in Python").value
    assert 'lx.generate("a lake\\nat dawn", model="z-image", aspect_ratio="16:9", seed=7)' in call


@pytest.mark.slow
def test_what_is_asked_for_is_what_the_form_says_and_again_vary_and_edit_do_as_they_say(
    composer, session
):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "image_size").value = "square"
    field(composer, "seed").value = "7"
    composer._go.click()
    (card,) = composer._shelf._cards
    card._job.wait(20)
    assert card._job.ticket.request.input == {"prompt": "a lake", "image_size": "square", "seed": 7}
    card.draw()
    assert [b.description for b in card._row.children] == [
        "Again", "Vary", "Edit", "Copy cell", "Copy id"
    ]  # fmt: skip
    card.buttons["again"].click()
    card.buttons["vary"].click()
    varied_card, again_card, first = composer._shelf._cards
    assert first is card
    assert again_card._job.ticket.request.digest == card._job.ticket.request.digest
    assert varied_card._job.ticket.request.options["seed"] != 7
    labelled(composer, "Prompt").value = "something else"
    choose(composer, "imagen4-ultra")
    card.buttons["edit"].click()
    assert code(composer) == "%%liangxin z-image --size square --seed 7\na lake"
    card.buttons["cell"].click()
    assert (card._copy.value, card._copy.layout.display) == (code(composer), None)
    card.buttons["id"].click()
    assert card._copy.value == card._job.task_id
    card.buttons["id"].click()
    assert card._copy.layout.display == "none"
    for job in session.active():
        job.leave()


def test_vary_is_offered_only_where_the_model_has_a_seed():
    lake = {id: Request(id, "a lake") for id in ("z-image", "nano-banana-pro", "nobody-knows")}
    offered = {id: varies("liangxin", request) for id, request in lake.items()}
    assert offered == {"z-image": True, "nano-banana-pro": False, "nobody-knows": False}
    with pytest.raises(InvalidRequest, match="takes no seed"):
        varied("liangxin", lake["nano-banana-pro"])
    assert isinstance(varied("kie", Request("google/imagen4", "a")).options["seed"], str)


def test_pictures_that_the_ledger_only_names_are_never_sent_as_if_they_were_there(session):
    data = "data:image/png;base64," + "A" * 500
    request = Request("seedream-v4-5-edit", "a lake", {"reference_images": [data]})
    assert request.whole
    told = Request(request.model, request.prompt, request.told)
    assert not told.whole
    with pytest.raises(InvalidRequest, match="are not written down"):
        session.submit(told)
    assert session.ledger.count() == {}
    assert "--image picture_1" in as_cell(model("liangxin", told.model), told)


@pytest.mark.slow
def test_references_are_files_uploads_addresses_and_results_and_are_sent_in_order(
    composer, session, tmp_path
):
    done = session.generate("a lake", size="square").wait(20)
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "JPEG")
    (tmp_path / "my photo.jpg").write_bytes(picture.getvalue())
    choose(composer, "seedream-v4-5-edit")
    references = composer._form.references
    composer._prompt.put("the same at night")
    references._text.value = "my photo.jpg"
    references._text.value = "https://example.com/a.png"
    references._upload.value = (
        {"name": "up.jpg", "type": "image/jpeg", "size": 1, "content": picture.getvalue(),
         "last_modified": __import__("datetime").datetime.now()},
    )  # fmt: skip
    assert references._upload.value == ()  # not kept in the widget's state
    (result,) = [path for name, path in references._recent.options if "a lake" in name]
    references._recent.value = result
    assert [one.remote for one in references.chosen] == [False, True, False, False]
    place = done.paths[0].relative_to(tmp_path)
    assert code(composer).startswith(
        '%%liangxin seedream-v4-5-edit --image "my photo.jpg" --image https://example.com/a.png '
        f"--image up.jpg --image {place}\n"
    )
    references._text.value = "nowhere.jpg"
    assert "There is no file 'nowhere.jpg'" in html(composer)
    composer._go.click()
    sent = composer._shelf._cards[0]._job.ticket.request.options["reference_images"]
    kinds = [one.partition(",")[0] for one in sent]
    assert kinds[1] == "https://example.com/a.png"
    assert {kinds[0], kinds[2]} == {"data:image/jpeg;base64"}
    remove = [w for w in every(references.widget) if getattr(w, "description", "") == "Remove"]
    remove[0].click()
    assert len(references.chosen) == 3
    for job in session.active():
        job.leave()


def test_earlier_prompts_come_back_in_order_and_the_draft_is_kept(session):
    for prompt in ("the first", "the second\nof two lines", "the first"):
        session.ledger.intend(Request("z-image", prompt), "liangxin", session.settings.base_url)
    composer = Composer(lambda: session)
    text = labelled(composer, "Prompt")
    earlier, later = labelled(composer, "◂ Earlier"), labelled(composer, "Later ▸")
    text.value = "my own draft"
    assert later.disabled
    seen = []
    while not earlier.disabled:
        earlier.click()
        seen.append(text.value)
    assert seen == ["the first", "the second\nof two lines"]
    later.click()
    later.click()
    assert (text.value, later.disabled) == ("my own draft", True)
    choices = labelled(composer, "Earlier prompts")
    assert choices.options == ("the first", "the second of two lines")
    choices.value = "the second of two lines"
    assert (text.value, choices.value) == ("the second\nof two lines", "")


def test_the_shelf_keeps_the_newest_cards_and_says_where_the_rest_is(
    composer, session, monkeypatch
):
    monkeypatch.setattr(shelf, "MOST", 3)
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(5)]
    for job in jobs:
        composer._shelf.add(job, session)
    shown = [card._job for card in composer._shelf._cards]
    assert shown == [jobs[4], jobs[3], jobs[2]]
    assert "2 more: %liangxin tasks lists all" in html(composer)
    for job in jobs:
        job.leave()


def test_the_key_is_taken_out_of_the_widget_at_once_and_kept_in_memory_only(tmp_path, sandbox):
    composer = Composer(current)
    labelled(composer, "Service").value = "liangxin"
    labelled(composer, "Address").value = sandbox.url
    password = labelled(composer, "API key")
    password.value = sandbox.key
    assert password.value == ""
    labelled(composer, "Results folder").value = str(tmp_path / "elsewhere")
    labelled(composer, "Use these").click()
    settings = current().settings
    assert (settings.profile, settings.base_url) == ("liangxin", sandbox.url)
    assert settings.results == tmp_path / "elsewhere"
    assert settings.key.reveal() == sandbox.key
    assert "<b>LiangXin</b> at 127.0.0.1" in composer._line.value
    assert "Tasks may be billed" in composer._line.value
    states = str([w.get_state() for w in every(composer.box)])
    assert sandbox.key not in states
    labelled(composer, "Prompt").value = "a lake"
    composer._go.click()
    job = composer._shelf._cards[0]._job
    assert job.ticket.service == sandbox.url
    job.leave()
    assert (tmp_path / "elsewhere" / "ledger.sqlite").is_file()


def test_settings_that_cannot_work_change_nothing_and_say_so(tmp_path):
    composer = Composer(current)
    before = current()
    labelled(composer, "Service").value = "kie"
    labelled(composer, "Use these").click()
    assert "no key for api.kie.ai" in html(composer)
    assert (CONFIGURED, current()) == ({}, before)
    assert "<b>Sandbox</b>" in composer._line.value
    use(before)
    with pytest.raises(InvalidRequest, match="chose its session itself"):
        configure(profile="kie")


def test_a_panel_opens_where_no_session_is_possible_yet(monkeypatch):
    monkeypatch.setenv("LIANGXIN_API_KEY", "sk-12345678")
    composer = Composer(current)
    assert "There is a key but no address" in html(composer)
    assert composer._service.widget.layout.display == ""
    labelled(composer, "Service").value = "sandbox"
    labelled(composer, "Use these").click()
    assert "<b>Sandbox</b>" in composer._line.value


def test_where_nobody_looks_the_panel_says_so():
    with pytest.raises(InvalidRequest, match="needs a notebook in a browser"):
        panel()


@pytest.mark.slow
def test_300_live_cards_send_a_bounded_number_of_messages_and_a_cell_still_answers():
    with with_cards(300) as kernel:
        seen, parts = kernel.count(4)
        assert seen <= 4 * 250
        assert parts >= 100, "many cards are drawn, not always the same few"
        assert min(kernel.run("1 + 1") for _ in range(5)) < 1


@pytest.mark.slow
def test_a_card_is_drawn_a_few_times_a_second_however_often_its_state_changes():
    with with_cards(2, every=0.02) as kernel:
        seen, _ = kernel.count(4)
        # At four beats a second: the state, the place for the picture, the clock, the colour.
        assert 2 * 4 <= seen <= 2 * 4 * 4 * 5


def test_a_request_and_a_picture_handed_on_are_taken_up_by_the_form(composer, tmp_path):
    composer.edit(Request("imagen4-ultra", "a lake", {"aspect_ratio": "16:9", "seed": 7}))
    assert code(composer) == "%%liangxin imagen4-ultra --aspect 16:9 --seed 7\na lake"
    picture = tmp_path / "kept.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    composer.reference(picture)
    assert "The chosen model takes no reference pictures" in html(composer)
    choose(composer, "flux-2-pro")
    composer.reference(picture)
    assert "--image kept.png" in code(composer)
