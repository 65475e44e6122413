"""The composer without a browser: what each control gives, what the form says and shows."""

import io
from datetime import UTC, datetime
from html import unescape

import ipywidgets as widgets
import pytest
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.catalog import find_model, iter_violations, load_models
from liangxin_nb.catalog.codegen import to_cell_source, to_python_source
from liangxin_nb.config.settings import OVERRIDES
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.cell_magic import parse_cell
from liangxin_nb.notebook.widgets import panel
from liangxin_nb.notebook.widgets.composer import Composer, card_list
from liangxin_nb.session.default import configure, get_session, set_session
from liangxin_nb.session.request_builder import build_requests, supports_seed, with_new_seed

ALL = [(profile, id) for profile in ("liangxin", "kie") for id in load_models(profile)]
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
    """The cell that asks for the same."""
    return labelled(composer, "As a cell").value


def choose(composer, id):
    composer._model_picker.set_value(id)


def html(composer):
    """The text of all that the composer shows."""
    shown = (w.value for w in every(composer.box) if isinstance(w, widgets.HTML))
    return unescape(" ".join(shown))


def sample(input, rng):
    """A value that an input allows."""
    if input.allowed:
        return rng.choice(input.allowed)
    least, most = int(input.minimum or 1), int(min(input.maximum or 20, 1 << 32))
    return {
        "boolean": rng.choice([True, False]),
        "integer": rng.randint(least, most),
        "number": float(rng.randint(least, most)),
        "string": str(rng.randint(1, 99)),
        "strings": [f"https://example.com/{n}.png" for n in range(max(1, least))],
    }[input.type]


def called(code):
    """The arguments of the call that a taught text makes."""
    calls = []
    names = {"lx": type("lx", (), {"generate": lambda *a, **k: calls.append((a, k))})}
    exec(code.partition("\n\n")[2], names)
    return calls[0]


def sampled(chosen, rng):
    """Options that a model takes together."""
    while True:
        drawn = {name for name in chosen.inputs if rng.random() < 0.6}
        drawn |= {input.name for input in chosen.inputs.values() if input.required}
        options = {
            name: input.read(sample(input, rng))
            for name, input in chosen.inputs.items()
            if name in drawn
        }
        if not any(violation.documented for violation in iter_violations(chosen, options, NASTY)):
            return options


@pytest.mark.parametrize(("profile", "id"), ALL)
def test_the_cell_that_is_shown_asks_for_exactly_the_same(profile, id, rng):
    chosen = find_model(profile, id)
    for _ in range(4):
        asked = Request(id, NASTY, sampled(chosen, rng))
        line, _, body = to_cell_source(chosen, asked).partition("\n")
        typed = parse_cell(line.removeprefix("%%liangxin "), body, {})
        (again,), _ = build_requests(
            profile, typed.prompt, typed.model,
            common_options=typed.common_options, options=typed.options, images=typed.images,
        )  # fmt: skip
        assert (again.digest, again.input) == (asked.digest, asked.input)


@pytest.mark.parametrize(("profile", "id"), ALL)
def test_the_call_that_is_shown_asks_for_exactly_the_same(profile, id, rng):
    chosen = find_model(profile, id)
    for _ in range(4):
        asked = Request(id, NASTY, sampled(chosen, rng))
        ((prompt,), options) = called(to_python_source(chosen, asked))
        image = options.pop("image", [])
        (again,), _ = build_requests(
            profile, prompt, options.pop("model"), common_options={}, options=options,
            images=image if isinstance(image, list) else [image],
        )  # fmt: skip
        assert again.digest == asked.digest


def test_a_value_that_no_line_can_hold_is_rejected():
    chosen = find_model("kie", "google/imagen4")
    for value in ("two\nlines", "{x}", "$x"):
        with pytest.raises(InvalidRequestError, match="cannot be written in the line of a cell"):
            to_cell_source(chosen, Request(chosen.id, "a", {"negative_prompt": value}))


def test_every_input_of_every_model_has_a_control_that_gives_back_what_it_takes(session, rng):
    composer = Composer(lambda: session)
    wrong = []
    for id, chosen in load_models("liangxin").items():
        choose(composer, id)
        form = composer._form
        assert set(chosen.inputs) <= set(form.fields)
        assert form.values() == {}  # defaults are shown, not sent
        for name, input in chosen.inputs.items():
            if name == chosen.common_options.get("image"):
                continue
            value = sample(input, rng)
            form.fields[name].set_value(value)
            given = form.fields[name].value
            form.fields[name].set_value(None)
            if input.read(given) != input.read(value) or form.fields[name].value is not None:
                wrong.append(f"{id}: {name}={value!r} is given back as {given!r}")
    assert not wrong


def test_an_input_has_the_control_that_fits_its_kind(composer):
    kinds = {
        "image_size": widgets.Dropdown, "seed": widgets.Text,
        "enable_safety_checker": widgets.Dropdown,
    }  # fmt: skip
    for name, kind in kinds.items():
        assert type(field(composer, name)) is kind
    steps = composer._form.fields["num_inference_steps"]._number
    assert (type(steps), steps.min, steps.max) == (widgets.BoundedIntText, 1, 50)


def test_a_control_names_the_default(composer):
    assert "Default: square_hd" in dict(field(composer, "image_size").options)


def test_every_control_has_a_name_and_an_explanation(composer):
    parts = list(every(composer.box))
    assert all(part.tooltip for part in parts if isinstance(part, widgets.Button))
    named = (widgets.Text, widgets.Textarea, widgets.Dropdown, widgets.Checkbox, widgets.FileUpload)
    assert all(part.description and part.tooltip for part in parts if isinstance(part, named))


def test_a_field_that_is_given_disables_the_one_it_excludes(composer):
    field(composer, "image_size").value = "square"
    aspect = field(composer, "aspect_ratio")
    assert aspect.disabled
    assert composer._form.hints["aspect_ratio"].value == "not together with image_size"
    field(composer, "image_size").value = ""
    assert not aspect.disabled
    aspect.value = "16:9"
    assert field(composer, "image_size").disabled


def test_width_and_height_are_given_together_or_not_at_all(composer):
    choose(composer, "flux-2-pro")
    width, height = (composer._form.fields[name] for name in ("width", "height"))
    width._enabled.value = True
    assert (width.value, height.value) == (1024, 768)
    assert field(composer, "aspect_ratio").disabled
    height._enabled.value = False
    assert (width.value, height.value) == (None, None)
    assert not field(composer, "aspect_ratio").disabled


def test_a_mistake_is_reported_beside_the_field_while_it_is_typed(composer):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "seed").value = "seven"
    assert "seed &#39;seven&#39; is not a whole number" in composer._form.hints["seed"].value
    field(composer, "seed").value = "7"
    assert "lx-wrong" not in composer._form.hints["seed"].value


def test_a_prompt_of_the_wrong_length_is_reported(composer):
    choose(composer, "nano-banana-pro")
    labelled(composer, "Prompt").value = "a"
    assert "prompt has length 1, allowed are 2 to 3000" in html(composer)


def test_a_missing_input_is_reported_when_one_asks(composer):
    choose(composer, "seedream-v4-5-edit")
    labelled(composer, "Prompt").value = "a lake"
    assert "needs reference_images" not in html(composer)
    composer._generate.click()
    assert "needs reference_images" in composer._form.hints["reference_images"].value


def test_nothing_is_sent_while_there_is_a_mistake(composer, session):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "seed").value = "seven"
    composer._generate.click()
    assert "seed 'seven' is not a whole number" in html(composer)
    assert session.ledger.count_by_status() == {}


def test_a_defect_in_a_handler_is_shown_in_the_panel(composer, monkeypatch):
    labelled(composer, "Prompt").value = "a lake"
    monkeypatch.setattr(Session, "submit", lambda *_: 1 / 0)
    composer._generate.click()
    assert "ZeroDivisionError: division by zero" in html(composer)


def test_the_form_shows_the_cell_and_the_call_for_what_it_says(composer):
    assert code(composer) == ""
    labelled(composer, "Prompt").value = "\na lake\nat dawn\n"
    field(composer, "aspect_ratio").value = "16:9"
    field(composer, "seed").value = "7"
    assert code(composer) == "%%liangxin z-image --aspect 16:9 --seed 7\na lake\nat dawn"
    call = labelled(composer, "In Python").value
    assert 'lx.generate("a lake\\nat dawn", model="z-image", aspect_ratio="16:9", seed=7)' in call


@pytest.fixture
def card(composer):
    """The card of a picture that the form has asked for and that is done."""
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "image_size").value = "square"
    field(composer, "seed").value = "7"
    composer._generate.click()
    (card,) = composer._cards._cards
    card._job.wait(60)
    card.draw()
    return card


def leave_all(session):
    for job in session.active():
        job.detach()


def test_what_is_asked_for_is_what_the_form_says(card):
    assert card._job.record.request.input == {"prompt": "a lake", "image_size": "square", "seed": 7}


def test_a_finished_card_has_buttons_for_what_can_follow(card):
    assert [b.description for b in card._row.children] == [
        "Again", "Vary", "Edit", "Copy cell", "Copy id"
    ]  # fmt: skip


def test_again_asks_for_the_same_on_a_new_card(card, composer, session):
    card.buttons["resubmit"].click()
    again, first = composer._cards._cards
    assert first is card
    assert again._job.record.request.digest == card._job.record.request.digest
    leave_all(session)


def test_vary_asks_for_another_seed(card, composer, session):
    card.buttons["new_seed"].click()
    assert composer._cards._cards[0]._job.record.request.options["seed"] != 7
    leave_all(session)


def test_edit_takes_prompt_and_inputs_back_into_the_form(card, composer):
    labelled(composer, "Prompt").value = "something else"
    choose(composer, "imagen4-ultra")
    card.buttons["edit"].click()
    assert code(composer) == "%%liangxin z-image --size square --seed 7\na lake"


def test_copy_shows_the_cell_or_the_task_id_until_it_is_pressed_again(card, composer):
    card.buttons["cell"].click()
    assert (card._copy.value, card._copy.layout.display) == (code(composer), None)
    card.buttons["id"].click()
    assert card._copy.value == card._job.task_id
    card.buttons["id"].click()
    assert card._copy.layout.display == "none"


def test_vary_is_offered_only_where_the_model_has_a_seed():
    lake = {id: Request(id, "a lake") for id in ("z-image", "nano-banana-pro", "unknown-model")}
    offered = {id: supports_seed("liangxin", request) for id, request in lake.items()}
    assert offered == {"z-image": True, "nano-banana-pro": False, "unknown-model": False}
    with pytest.raises(InvalidRequestError, match="takes no seed"):
        with_new_seed("liangxin", lake["nano-banana-pro"])
    assert isinstance(with_new_seed("kie", Request("google/imagen4", "a")).options["seed"], str)


def test_references_that_the_ledger_only_describes_are_not_sent(session):
    data = "data:image/png;base64," + "A" * 500
    request = Request("seedream-v4-5-edit", "a lake", {"reference_images": [data]})
    assert request.is_complete
    described = Request(request.model, request.prompt, request.redacted_options)
    assert not described.is_complete
    with pytest.raises(InvalidRequestError, match="are not stored"):
        session.submit(described)
    assert session.ledger.count_by_status() == {}
    assert "--image picture_1" in to_cell_source(find_model("liangxin", described.model), described)


@pytest.fixture
def referring(composer, session, tmp_path):
    """A composer with four references: a file, an address, an upload, and a kept picture."""
    done = session.generate("a lake", size="square").wait(60)
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "JPEG")
    (tmp_path / "my photo.jpg").write_bytes(picture.getvalue())
    choose(composer, "seedream-v4-5-edit")
    references = composer._form.references
    composer._prompt.set_value("the same at night")
    references._text.value = "my photo.jpg"
    references._text.value = "https://example.com/a.png"
    references._upload.value = (
        {"name": "up.jpg", "type": "image/jpeg", "size": 1, "content": picture.getvalue(),
         "last_modified": datetime.now(UTC)},
    )  # fmt: skip
    (result,) = [path for name, path in references._recent.options if "a lake" in name]
    references._recent.value = result
    composer.place = done.paths[0].relative_to(tmp_path)
    return composer


def test_references_are_files_addresses_uploads_and_saved_pictures(referring):
    chosen = referring._form.references.references
    assert [one.is_url for one in chosen] == [False, True, False, False]
    assert code(referring).startswith(
        '%%liangxin seedream-v4-5-edit --image "my photo.jpg" --image https://example.com/a.png '
        f"--image up.jpg --image {referring.place}\n"
    )


def test_an_upload_is_not_saved_in_the_state_of_its_widget(referring):
    assert referring._form.references._upload.value == ()


def test_a_reference_that_is_not_there_is_reported(referring):
    referring._form.references._text.value = "nowhere.jpg"
    assert "There is no file 'nowhere.jpg'" in html(referring)


def test_references_are_sent_in_their_order(referring, session):
    referring._generate.click()
    sent = referring._cards._cards[0]._job.record.request.options["reference_images"]
    kinds = [one.partition(",")[0] for one in sent]
    assert kinds[1] == "https://example.com/a.png"
    assert {kinds[0], kinds[2]} == {"data:image/jpeg;base64"}
    leave_all(session)


def test_a_reference_can_be_removed(referring):
    parts = every(referring._form.references.widget)
    remove = [part for part in parts if getattr(part, "description", "") == "Remove"]
    remove[0].click()
    assert len(referring._form.references.references) == 3


def test_earlier_prompts_come_back_in_order_and_the_draft_is_saved(session):
    for prompt in ("the first", "the second\nof two lines", "the first"):
        session.ledger.create(Request("z-image", prompt), "liangxin", session.settings.base_url)
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


def test_the_shelf_keeps_the_newest_cards_and_names_the_command_for_the_others(
    composer, session, monkeypatch
):
    monkeypatch.setattr(card_list, "MAX_CARDS", 3)
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(5)]
    for job in jobs:
        composer._cards.add(job, session)
    shown = [card._job for card in composer._cards._cards]
    assert shown == [jobs[4], jobs[3], jobs[2]]
    assert "2 more: %liangxin tasks lists all" in html(composer)
    for job in jobs:
        job.detach()


def test_the_key_is_saved_in_memory_and_in_no_widget(tmp_path, sandbox):
    composer = Composer(get_session)
    labelled(composer, "Service").value = "liangxin"
    labelled(composer, "Address").value = sandbox.url
    password = labelled(composer, "API key")
    password.value = sandbox.key
    assert password.value == ""
    labelled(composer, "Results folder").value = str(tmp_path / "elsewhere")
    labelled(composer, "Use these").click()
    settings = get_session().settings
    assert (settings.profile, settings.base_url) == ("liangxin", sandbox.url)
    assert settings.results == tmp_path / "elsewhere"
    assert settings.key.reveal() == sandbox.key
    assert "<b>LiangXin</b> at 127.0.0.1" in composer._service_line.value
    assert "Tasks may be billed" in composer._service_line.value
    states = str([w.get_state() for w in every(composer.box)])
    assert sandbox.key not in states
    labelled(composer, "Prompt").value = "a lake"
    composer._generate.click()
    job = composer._cards._cards[0]._job
    assert job.record.service == sandbox.url
    job.detach()
    assert (tmp_path / "elsewhere" / "ledger.sqlite").is_file()


def test_settings_that_cannot_work_change_nothing_and_are_reported(tmp_path):
    composer = Composer(get_session)
    before = get_session()
    labelled(composer, "Service").value = "kie"
    labelled(composer, "Use these").click()
    assert "no key for api.kie.ai" in html(composer)
    assert (OVERRIDES, get_session()) == ({}, before)
    assert "<b>Sandbox</b>" in composer._service_line.value
    set_session(before)
    with pytest.raises(InvalidRequestError, match="was set by set_session"):
        configure(profile="kie")


def test_the_panel_opens_where_the_settings_do_not_work_yet(monkeypatch):
    monkeypatch.setenv("LIANGXIN_API_KEY", "sk-12345678")
    composer = Composer(get_session)
    assert "LIANGXIN_BASE_URL is not set" in html(composer)
    assert composer._settings_form.widget.layout.display == ""
    labelled(composer, "Service").value = "sandbox"
    labelled(composer, "Use these").click()
    assert "<b>Sandbox</b>" in composer._service_line.value


def test_the_panel_needs_a_browser():
    with pytest.raises(InvalidRequestError, match="needs a notebook in a browser"):
        panel()


def test_the_form_takes_a_request_and_a_picture_of_the_gallery(composer, tmp_path):
    composer.edit(Request("imagen4-ultra", "a lake", {"aspect_ratio": "16:9", "seed": 7}))
    assert code(composer) == "%%liangxin imagen4-ultra --aspect 16:9 --seed 7\na lake"
    picture = tmp_path / "kept.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    composer.reference(picture)
    assert "The chosen model takes no reference pictures" in html(composer)
    choose(composer, "flux-2-pro")
    composer.reference(picture)
    assert "--image kept.png" in code(composer)
