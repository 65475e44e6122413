"""The composer without a browser: its controls, its checks, its code and its cards."""

import io
from html import unescape

import ipywidgets as widgets
import pytest
from PIL import Image

from liangxin_nb import Session
from liangxin_nb.catalog import find_model, iter_violations, load_models
from liangxin_nb.catalog.codegen import to_cell_source, to_python_source
from liangxin_nb.config.schema import SETTINGS
from liangxin_nb.config.settings import OVERRIDES
from liangxin_nb.core.derivation import Derivation
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.cell_magic import parse_cell
from liangxin_nb.notebook.widgets import panel
from liangxin_nb.notebook.widgets.composer import Composer, card_list
from liangxin_nb.notebook.widgets.composer.reference_picker import Reference
from liangxin_nb.session.default import configure, get_session, set_session
from liangxin_nb.session.media_input import to_data_uri
from liangxin_nb.session.request_builder import build_requests, supports_seed, with_new_seed

from .. import stock
from .test_uploads import choose_file

MODELS = [
    (profile, model_id) for profile in ("liangxin", "kie") for model_id in load_models(profile)
]
PROMPT = "a {cup} of $HOME 'tea' \"now\"\n第二行 \\n %d"


@pytest.fixture
def composer(session):
    return Composer(lambda: session)


def field(composer, name):
    """Return the widget that shows the value of an input."""
    control = composer._form.fields[name]
    return getattr(control, "_text", control.widget)


def iter_widgets(widget):
    """Yield a widget and all widgets in it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from iter_widgets(child)


def labelled(composer, label):
    return next(w for w in iter_widgets(composer.box) if getattr(w, "description", None) == label)


def code(composer):
    """Return the cell that the panel shows."""
    return labelled(composer, "As a cell").value


def choose(composer, model_id):
    composer._model_picker.set_value(model_id)


def html(composer):
    """Return the text of all that the composer shows."""
    values = (w.value for w in iter_widgets(composer.box) if isinstance(w, widgets.HTML))
    return unescape(" ".join(values))


def sample_value(spec, rng):
    """Return a random value that an input allows."""
    if spec.allowed:
        return rng.choice(spec.allowed)
    minimum, maximum = int(spec.minimum or 1), int(min(spec.maximum or 20, 1 << 32))
    return {
        "boolean": rng.choice([True, False]),
        "integer": rng.randint(minimum, maximum),
        "number": float(rng.randint(minimum, maximum)),
        "string": str(rng.randint(1, 99)),
        "strings": [f"https://example.com/{n}.png" for n in range(max(1, minimum))],
    }[spec.type]


def run_call(code):
    """Return the arguments of the call in the Python code."""
    calls = []
    names = {"lx": type("lx", (), {"generate": lambda *a, **k: calls.append((a, k))})}
    exec(code.partition("\n\n")[2], names)
    return calls[0]


def sample_options(model, rng):
    """Return random options that a model accepts together."""
    while True:
        names = {name for name in model.inputs if rng.random() < 0.6}
        names |= {spec.name for spec in model.inputs.values() if spec.required}
        options = {
            name: spec.read(sample_value(spec, rng))
            for name, spec in model.inputs.items()
            if name in names
        }
        if not any(violation.documented for violation in iter_violations(model, options, PROMPT)):
            return options


@pytest.mark.parametrize(("profile", "model_id"), MODELS)
def test_cell_source_gives_same_request(profile, model_id, rng):
    model = find_model(profile, model_id)
    for _ in range(4):
        request = Request(model_id, PROMPT, sample_options(model, rng))
        line, _, body = to_cell_source(model, request).partition("\n")
        arguments = parse_cell(line.removeprefix("%%liangxin "), body, {})
        (parsed_request,), _ = build_requests(
            profile, arguments.prompt, arguments.model,
            common_options=arguments.common_options, options=arguments.options,
            images=arguments.images,
        )  # fmt: skip
        assert parsed_request.digest == request.digest
        assert parsed_request.input.items() >= request.input.items()


@pytest.mark.parametrize(("profile", "model_id"), MODELS)
def test_python_source_gives_same_request(profile, model_id, rng):
    model = find_model(profile, model_id)
    for _ in range(4):
        request = Request(model_id, PROMPT, sample_options(model, rng))
        ((prompt,), options) = run_call(to_python_source(model, request))
        image = options.pop("image", [])
        (parsed_request,), _ = build_requests(
            profile, prompt, options.pop("model"), common_options={}, options=options,
            images=image if isinstance(image, list) else [image],
        )  # fmt: skip
        assert parsed_request.digest == request.digest


def test_value_that_fits_no_line_is_rejected():
    chosen = find_model("kie", "google/imagen4")
    for value in ("two\nlines", "{x}", "$x"):
        with pytest.raises(InvalidRequestError, match="cannot be written in the line of a cell"):
            to_cell_source(chosen, Request(chosen.id, "a", {"negative_prompt": value}))


def test_every_control_returns_the_value_that_was_set(session, rng):
    composer = Composer(lambda: session)
    wrong = []
    for model_id, model in load_models("liangxin").items():
        choose(composer, model_id)
        form = composer._form
        assert set(model.inputs) <= set(form.fields)
        assert form.values() == {}  # defaults are shown, not sent
        for name, spec in model.inputs.items():
            if name == model.common_options.get("image"):
                continue
            value = sample_value(spec, rng)
            form.fields[name].set_value(value)
            returned = form.fields[name].value
            form.fields[name].set_value(None)
            if spec.read(returned) != spec.read(value) or form.fields[name].value is not None:
                wrong.append(f"{model_id}: {name}={value!r} is returned as {returned!r}")
    assert not wrong


def test_control_fits_type_of_input(composer):
    kinds = {
        "image_size": widgets.Dropdown, "seed": widgets.Text,
        "enable_safety_checker": widgets.Dropdown,
    }  # fmt: skip
    for name, kind in kinds.items():
        assert type(field(composer, name)) is kind
    steps = composer._form.fields["num_inference_steps"]._number
    assert (type(steps), steps.min, steps.max) == (widgets.BoundedIntText, 1, 50)


def test_control_names_default(composer):
    assert "Default: square_hd" in dict(field(composer, "image_size").options)


def test_every_control_has_label_and_tooltip(composer):
    parts = list(iter_widgets(composer.box))
    assert all(part.tooltip for part in parts if isinstance(part, widgets.Button))
    labelled = (
        widgets.Text,
        widgets.Textarea,
        widgets.Dropdown,
        widgets.Checkbox,
        widgets.FileUpload,
    )
    assert all(part.description and part.tooltip for part in parts if isinstance(part, labelled))


def test_field_with_value_disables_the_field_it_excludes(composer):
    field(composer, "image_size").value = "square"
    aspect = field(composer, "aspect_ratio")
    assert aspect.disabled
    assert composer._form.hints["aspect_ratio"].value == "not together with image_size"
    field(composer, "image_size").value = ""
    assert not aspect.disabled
    aspect.value = "16:9"
    assert field(composer, "image_size").disabled


def test_width_and_height_are_set_together(composer):
    choose(composer, "flux-2-pro")
    width, height = (composer._form.fields[name] for name in ("width", "height"))
    width._enabled.value = True
    assert (width.value, height.value) == (1024, 768)
    assert field(composer, "aspect_ratio").disabled
    height._enabled.value = False
    assert (width.value, height.value) == (None, None)
    assert not field(composer, "aspect_ratio").disabled


def test_mistake_is_reported_at_field_while_typing(composer):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "seed").value = "seven"
    assert "seed &#39;seven&#39; is not a whole number" in composer._form.hints["seed"].value
    field(composer, "seed").value = "7"
    assert "lx-wrong" not in composer._form.hints["seed"].value


def test_prompt_of_wrong_length_is_reported(composer):
    choose(composer, "nano-banana-pro")
    labelled(composer, "Prompt").value = "a"
    assert "prompt has length 1, allowed are 2 to 3000" in html(composer)


def test_missing_input_is_reported_beside_the_button(composer):
    choose(composer, "seedream-v4-5-edit")
    labelled(composer, "Prompt").value = "a lake"
    assert composer._reason.value.endswith(">seedream-v4-5-edit needs reference_images.</span>")
    assert composer._generate.disabled
    assert "needs" not in composer._form.hints["reference_images"].value


def test_request_with_mistake_is_not_sent(composer, session):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "seed").value = "seven"
    assert composer._generate.disabled
    assert code(composer) == labelled(composer, "In Python").value == ""
    composer._generate.click()  # sent before the page has disabled the button
    assert "seed 'seven' is not a whole number" in html(composer)
    assert session.ledger.count_by_status() == {}


def no_name(composer):
    labelled(composer, "Model").value = "\0other"


def half_reference(composer):
    choose(composer, "nano-banana-pro")
    composer._form.references._text.value = "no-such-file.png"


def removed_reference(composer):
    choose(composer, "seedream-v4-5-edit")
    composer._form.references.add(Reference("https://example.com/a.png", "a.png"))
    assert not composer._generate.disabled
    composer._form.references._remove(0)


def empty_width(composer):
    choose(composer, "flux-2-pro")
    composer._form.fields["width"]._enabled.value = True
    with composer._form._updating():
        composer._form.fields["height"].set_value(None)
    composer._on_change()


def other_service(composer):
    labelled(composer, "Service").value = "kie"


def new_folder(composer):
    labelled(composer, "Results folder").value = "elsewhere"


HALF_FILLED = {
    no_name: "Write the name of the model.",
    half_reference: "'no-such-file.png' is not added yet",
    removed_reference: "needs reference_images",
    empty_width: "width and height go together",
    other_service: "click Use these",
    new_folder: "click Use these",
}


@pytest.mark.parametrize("change", HALF_FILLED, ids=lambda change: change.__name__)
def test_half_filled_form_cannot_be_submitted(composer, session, change):
    labelled(composer, "Prompt").value = "a lake"
    assert not composer._generate.disabled
    change(composer)
    assert composer._generate.disabled
    assert HALF_FILLED[change] in unescape(composer._reason.value)
    composer._generate.click()  # sent before the page has disabled the button
    assert session.ledger.count_by_status() == {}


def test_name_of_another_model_is_used_only_while_it_is_written(composer):
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "seed").value = "7"
    labelled(composer, "Model").value = "\0other"
    name = labelled(composer, "Model name")
    name.value = "z-imag"
    assert code(composer) == "%%liangxin z-imag --any-model\na lake"
    assert "Not in the catalogue" in html(composer)
    assert "Did you mean z-image?" in html(composer)
    name.value = "Z_Image"
    assert code(composer) == "%%liangxin z-image\na lake"
    name.value = ""
    assert code(composer) == ""
    assert composer._generate.disabled


def test_edit_of_a_request_names_the_inputs_that_the_form_does_not_have(composer):
    composer.edit(Request("new-model", "a lake", {"seed": 3, "style": "oil"}))
    assert "has no field for style" in html(composer)


def test_exception_in_handler_is_shown(composer, monkeypatch):
    labelled(composer, "Prompt").value = "a lake"
    monkeypatch.setattr(Session, "submit", lambda *_, **__: 1 / 0)
    composer._generate.click()
    assert "ZeroDivisionError: division by zero" in html(composer)


def test_form_shows_cell_and_python_call(composer):
    assert code(composer) == ""
    labelled(composer, "Prompt").value = "\na lake\nat dawn\n"
    field(composer, "aspect_ratio").value = "16:9"
    field(composer, "seed").value = "7"
    assert code(composer) == "%%liangxin z-image --aspect 16:9 --seed 7\na lake\nat dawn"
    call = labelled(composer, "In Python").value
    assert 'lx.generate("a lake\\nat dawn", model="z-image", aspect_ratio="16:9", seed=7)' in call


@pytest.fixture
def card(composer):
    """Return the card of a job that was submitted with the form and is saved."""
    labelled(composer, "Prompt").value = "a lake"
    field(composer, "image_size").value = "square"
    field(composer, "seed").value = "7"
    composer._generate.click()
    (card,) = composer._cards._cards
    card._job.wait(60)
    card.draw()
    return card


def detach_all(session):
    for job in session.active():
        job.detach()


def test_request_has_values_of_form(card):
    assert card._job.record.request.input == {"prompt": "a lake", "image_size": "square", "seed": 7}


def test_finished_card_has_buttons(card):
    assert [b.description for b in card._row.children] == [
        "Again", "Vary", "Edit", "Copy cell", "Copy id"
    ]  # fmt: skip


def test_again_submits_same_request_on_new_card(card, composer, session):
    card.buttons["resubmit"].click()
    new_card, first_card = composer._cards._cards
    assert first_card is card
    assert new_card._job.record.request.digest == card._job.record.request.digest
    parent = (card._job.record.id,)
    assert new_card._job.record.derivation == Derivation(parent, "same request again")
    detach_all(session)


def test_vary_submits_another_seed(card, composer, session):
    card.buttons["new_seed"].click()
    record = composer._cards._cards[0]._job.record
    seed = record.request.options["seed"]
    assert seed != 7
    assert record.derivation == Derivation((card._job.record.id,), f"seed 7 → {seed}")
    detach_all(session)


def test_edit_loads_prompt_and_options_into_form(card, composer):
    labelled(composer, "Prompt").value = "something else"
    choose(composer, "imagen4-ultra")
    card.buttons["edit"].click()
    assert code(composer) == "%%liangxin z-image --size square --seed 7\na lake"


def test_edit_shows_the_reference_of_an_earlier_session(composer, session, monkeypatch):
    reference = session.result(stock.save_result(session, "a lake"))
    images = [to_data_uri(reference)]
    made = stock.save_result(session, "x", model="seedream-v4-5-edit", reference_images=images)
    made = session.ledger.update(made, "x", parent_ids=reference.metadata.job_id)
    monkeypatch.chdir(session.results.root)
    composer.edit(session.ledger.find(made.id).request, made.id)
    assert f"--image {reference.relative_path}" in code(composer)
    assert submit_form(composer).parent_ids == (made.id,)


def submit_form(composer):
    """Submit the form and return what the request was made from."""
    composer._generate.click()
    job = composer._cards._cards[0]._job
    job.wait(60)
    return job.record.derivation


def test_request_that_was_edited_names_its_parent_until_the_prompt_is_emptied(card, composer):
    card.buttons["edit"].click()
    labelled(composer, "Prompt").value = "a bay"
    edited = Derivation((card._job.record.id,), "prompt changed")
    assert submit_form(composer) == edited
    assert submit_form(composer) == edited
    labelled(composer, "Prompt").value = ""
    labelled(composer, "Prompt").value = "a harbour"
    assert submit_form(composer) == Derivation()


def test_copy_buttons_show_and_hide_text(card, composer):
    card.buttons["cell"].click()
    assert (card._copy.box.value, card._copy.box.layout.display) == (code(composer), None)
    card.buttons["id"].click()
    assert card._copy.box.value == card._job.task_id
    card.buttons["id"].click()
    assert card._copy.box.layout.display == "none"


def test_vary_is_offered_only_for_models_with_seed():
    names = ("z-image", "nano-banana-pro", "unknown-model")
    requests = {name: Request(name, "a lake") for name in names}
    offered = {name: supports_seed("liangxin", request) for name, request in requests.items()}
    assert offered == {"z-image": True, "nano-banana-pro": False, "unknown-model": False}
    with pytest.raises(InvalidRequestError, match="takes no seed"):
        with_new_seed("liangxin", requests["nano-banana-pro"])
    assert isinstance(with_new_seed("kie", Request("google/imagen4", "a")).options["seed"], str)


def test_request_without_its_references_is_not_sent(session):
    data = "data:image/png;base64," + "A" * 500
    request = Request("seedream-v4-5-edit", "a lake", {"reference_images": [data]})
    assert request.is_complete
    redacted = Request(request.model, request.prompt, request.redacted_options)
    assert not redacted.is_complete
    with pytest.raises(InvalidRequestError, match="are not stored"):
        session.submit(redacted)
    assert session.ledger.count_by_status() == {}
    assert "--image picture_1" in to_cell_source(find_model("liangxin", redacted.model), redacted)


@pytest.fixture
def composer_with_references(composer, session, tmp_path):
    """Return a composer with four references: a file, a URL, an upload and a saved result."""
    saved_result = session.generate("a lake", size="square").wait(60)
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "JPEG")
    (tmp_path / "my photo.jpg").write_bytes(picture.getvalue())
    choose(composer, "seedream-v4-5-edit")
    picker = composer._form.references
    composer._prompt.set_value("the same at night")
    picker._text.value = "my photo.jpg"
    picker._text.value = "https://example.com/a.png"
    choose_file(picker._upload, "up.jpg", picture.getvalue())
    (result,) = [path for name, path in picker._recent.options if "a lake" in name]
    picker._recent.value = result
    composer.result_path = saved_result.paths[0].relative_to(tmp_path)
    return composer


def test_references_are_files_urls_uploads_and_results(composer_with_references):
    references = composer_with_references._form.references.references
    assert [reference.is_url for reference in references] == [False, True, False, False]
    assert code(composer_with_references).startswith(
        '%%liangxin seedream-v4-5-edit --image "my photo.jpg" --image https://example.com/a.png '
        f"--image up.jpg --image {composer_with_references.result_path}\n"
    )


def test_upload_is_removed_from_widget_state(composer_with_references):
    assert composer_with_references._form.references._upload.value in ((), {})


def test_missing_reference_file_is_reported(composer_with_references):
    composer_with_references._form.references._text.value = "nowhere.jpg"
    assert "There is no file 'nowhere.jpg'" in html(composer_with_references)


def test_references_are_sent_in_order(composer_with_references, session):
    composer_with_references._generate.click()
    sent = composer_with_references._cards._cards[0]._job.record.request.options["reference_images"]
    kinds = [one.partition(",")[0] for one in sent]
    assert kinds[1] == "https://example.com/a.png"
    assert {kinds[0], kinds[2]} == {"data:image/jpeg;base64"}
    detach_all(session)


def test_reference_can_be_removed(composer_with_references):
    parts = iter_widgets(composer_with_references._form.references.widget)
    remove = [part for part in parts if getattr(part, "description", "") == "Remove"]
    remove[0].click()
    assert len(composer_with_references._form.references.references) == 3


def test_earlier_prompts_are_recalled_in_order_and_draft_is_restored(session):
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


def test_oldest_cards_are_removed_and_command_for_them_is_shown(composer, session, monkeypatch):
    monkeypatch.setattr(card_list, "MAX_CARDS", 3)
    jobs = [session.generate("a lake", size="square", seed=n) for n in range(5)]
    for job in jobs:
        composer._cards.add(job, session)
    shown = [card._job for card in composer._cards._cards]
    assert shown == [jobs[4], jobs[3], jobs[2]]
    assert "2 more: %liangxin tasks lists all" in html(composer)
    for job in jobs:
        job.detach()


def test_key_is_held_in_memory_and_in_no_widget(tmp_path, sandbox):
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
    states = str([w.get_state() for w in iter_widgets(composer.box)])
    assert sandbox.key not in states
    labelled(composer, "Prompt").value = "a lake"
    composer._generate.click()
    job = composer._cards._cards[0]._job
    assert job.record.service == sandbox.url
    job.detach()
    assert (tmp_path / "elsewhere" / "ledger.sqlite").is_file()


def test_key_in_the_prompt_is_reported_beside_it_and_not_sent(session):
    composer = Composer(lambda: session)
    labelled(composer, "Prompt").value = "use sk-1234567890abcdef1234567890abcdef please"
    warning = "The prompt contains what looks like an API key (sk-…)"
    advice = ". Remove it; if it is not a key, use a cell with --allow-key-like."
    assert warning + advice in composer._prompt.remark.value
    assert labelled(composer, "As a cell").value == ""
    composer._generate.click()
    assert "Remove the key from the prompt. Nothing was sent." in composer._errors.line.value
    assert session.ledger.count_by_status() == {}
    labelled(composer, "Prompt").value = "a lake"
    assert composer._prompt.remark.value == ""
    assert labelled(composer, "As a cell").value


def test_unusable_key_is_rejected_and_removed_from_the_field(sandbox):
    composer = Composer(get_session)
    password = labelled(composer, "API key")
    password.value = f"{sandbox.key} {sandbox.key}"
    assert password.value == ""
    assert "it contains a space" in html(composer)
    assert sandbox.key not in str([w.get_state() for w in iter_widgets(composer.box)])


def test_invalid_settings_are_reported_and_change_nothing(tmp_path):
    composer = Composer(get_session)
    before = get_session()
    labelled(composer, "Service").value = "kie"
    labelled(composer, "Use these").click()
    assert "The service kie at api.kie.ai needs a key" in html(composer)
    assert (OVERRIDES, get_session()) == ({}, before)
    assert "<b>Sandbox</b>" in composer._service_line.value
    set_session(before)
    with pytest.raises(InvalidRequestError, match="was set by set_session"):
        configure(profile="kie")


def test_every_setting_but_the_main_ones_has_a_field_by_its_type(monkeypatch):
    monkeypatch.setenv("LIANGXIN_MAX_TASKS", "7")
    form = Composer(get_session)._settings_form._more
    assert {*form._fields, "profile", "base_url", "results"} == {
        name for name, setting in SETTINGS.items() if "%config" in setting.sources
    }
    kinds = {name: type(field).__name__ for name, field in form._fields.items()}
    assert (kinds["wait"], kinds["allow_http"], kinds["patience"]) == (
        "Dropdown",
        "Checkbox",
        "Text",
    )
    shown = {
        name: (field.value, getattr(field, "placeholder", ""))
        for name, field in form._fields.items()
    }
    assert shown["max_tasks"] == ("7", "no limit")
    assert shown["patience"] == ("", "900")
    assert form.changes() == {}


def test_more_settings_are_used_and_go_back_to_their_defaults():
    composer = Composer(get_session)
    labelled(composer, "Patience").value = "20"
    labelled(composer, "Wait").value = "never"
    labelled(composer, "Group access").value = True
    labelled(composer, "Use these").click()
    settings = get_session().settings
    assert (settings.patience, settings.wait, settings.group_access) == (20.0, False, True)
    labelled(composer, "Patience").value = ""
    labelled(composer, "Use these").click()
    assert get_session().settings.patience == 900.0
    labelled(composer, "Timeout").value = "soon"
    labelled(composer, "Use these").click()
    assert "is not valid; allowed: a number above 0, at most 86,400" in html(composer)
    assert get_session().settings.timeout == 60.0


def test_password_in_a_setting_is_in_no_widget():
    composer = Composer(get_session)
    ledger, url = labelled(composer, "Ledger"), "postgresql://me:hunter2@db.example/jobs"
    ledger.value = url
    assert ledger.value == "postgresql://…@db.example/jobs"
    assert composer._settings_form._more.changes() == {"ledger": url}
    assert "hunter2" not in str([w.get_state() for w in iter_widgets(composer.box)])
    ledger.value = "other.sqlite"
    assert composer._settings_form._more.changes() == {"ledger": "other.sqlite"}


def test_panel_opens_with_invalid_settings(monkeypatch):
    monkeypatch.setenv("LIANGXIN_API_KEY", "sk-12345678")
    composer = Composer(get_session)
    assert "The service liangxin needs an address" in html(composer)
    assert composer._settings_form.widget.layout.display == ""
    labelled(composer, "Service").value = "sandbox"
    labelled(composer, "Use these").click()
    assert "<b>Sandbox</b>" in composer._service_line.value


def test_panel_needs_browser():
    with pytest.raises(InvalidRequestError, match="needs a notebook in a browser"):
        panel()


def test_composer_loads_request_and_picture_of_gallery(composer, tmp_path):
    composer.edit(Request("imagen4-ultra", "a lake", {"aspect_ratio": "16:9", "seed": 7}))
    assert code(composer) == "%%liangxin imagen4-ultra --aspect 16:9 --seed 7\na lake"
    picture = tmp_path / "picture.png"
    Image.new("RGB", (64, 64), "teal").save(picture)
    composer.reference(picture)
    assert "The chosen model takes no reference pictures" in html(composer)
    choose(composer, "flux-2-pro")
    composer.reference(picture)
    assert "--image picture.png" in code(composer)
