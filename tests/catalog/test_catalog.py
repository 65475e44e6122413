"""Conversion and validation of options, and the models file of the user."""

import os
import subprocess
import sys

import pytest

from liangxin_nb import catalog
from liangxin_nb.errors import InvalidRequestError

Z = catalog.find_model("liangxin", "z-image")
SEEDREAM = catalog.find_model("liangxin", "seedream-v4-5")
BANANA = catalog.find_model("liangxin", "nano-banana-pro")
FLUX = catalog.find_model("liangxin", "flux-2-pro")
EDIT = catalog.find_model("liangxin", "seedream-v4-5-edit")
PNG = "https://host/a.png"


def kie(id):
    return catalog.find_model("kie", id)


def test_common_options_become_inputs_of_the_model():
    wire, notes = catalog.normalize_options(Z, {"aspect": None, "size": "square", "seed": "7"}, {})
    assert wire == {"image_size": "square", "seed": 7}
    assert notes == []


def test_option_text_is_converted_to_the_inputs_type():
    wire, _ = catalog.normalize_options(
        Z, {}, {"num_inference_steps": "8", "enable_safety_checker": "false"}
    )
    assert wire == {"num_inference_steps": 8, "enable_safety_checker": False}


@pytest.mark.parametrize(
    ("model", "common_options", "options", "message"),
    [
        (Z, {"aspect": "7:5"}, {}, "aspect_ratio '7:5' is not one of 1:1, 3:4, 9:16, 4:3, 16:9"),
        (Z, {"aspect": "1:1", "size": "square"}, {}, "exclude each other"),
        (Z, {}, {"steps": "8"}, "no input 'steps'"),
        (Z, {"seed": "x"}, {}, "seed 'x' is not a whole number"),
        (Z, {"seed": "1"}, {"seed": "2"}, "seed is given twice"),
        (SEEDREAM, {"size": "2K"}, {}, "no input for --size"),
        (SEEDREAM, {}, {"enable_safety_checker": "maybe"}, "is not true or false"),
        (kie("z-image"), {}, {}, "needs aspect_ratio"),
        (EDIT, {}, {}, "needs reference_images"),
        (EDIT, {}, {"reference_images": [PNG] * 6}, "has length 6, allowed are 1 to 5 addresses"),
        (EDIT, {}, {"reference_images": [1]}, "reference_images [1] is not a list of addresses"),
        (EDIT, {}, {"prompt": "x", "reference_images": PNG}, "no input 'prompt'"),
        (BANANA, {}, {"image_input": f"{PNG}?key=1"}, "does not end in .png, .jpg, .jpeg, .webp"),
        (
            BANANA,
            {},
            {"image_input": "data:image/gif;base64,AA"},
            "nor is it a data URI of that type",
        ),
        (
            BANANA,
            {},
            {"image_input": [PNG] * 2, "reference_images": [PNG] * 2},
            "hold 4 pictures, allowed are 3 together",
        ),
        (FLUX, {}, {"width": "512"}, "width and height go together, but height is not given"),
        (FLUX, {"aspect": "1:1", "size": "512x512"}, {}, "exclude each other"),
        (FLUX, {"size": "2K"}, {}, "--size '2K' is not WIDTHxHEIGHT"),
        (FLUX, {"size": "2000x512"}, {}, "width 2000 is outside 256 to 1440"),
        (FLUX, {}, {"input_image": PNG, "reference_images": [PNG] * 4}, "hold 5 pictures"),
        (Z, {"image": PNG}, {}, "no input for --image"),
        (catalog.find_model("liangxin", "kling-v3-pro"), {"seed": "7"}, {}, "-o NAME=VALUE"),
    ],
)
def test_invalid_option_is_rejected_with_one_line(model, common_options, options, message):
    with pytest.raises(InvalidRequestError, match=r"[Nn]othing was sent") as error:
        catalog.normalize_options(model, common_options, options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_undocumented_limit_only_warns():
    wire, notes = catalog.normalize_options(Z, {"seed": "4294967296"}, {})
    assert wire == {"seed": 4294967296}
    assert notes == [
        "seed 4294967296 is outside 0 to 4294967295, as far as is known; sent all the same."
    ]


@pytest.mark.parametrize("value", ["16:9", "widescreen_16_9"])
def test_both_spellings_of_an_aspect_ratio_mean_the_same_size(value):
    wire, _ = catalog.normalize_options(SEEDREAM, {"aspect": value}, {})
    assert wire == {"aspect_ratio": value}
    assert SEEDREAM.size_of(wire) == (2730, 1536)


def test_image_size_wins_over_aspect_ratio():
    assert Z.size_of({"image_size": "square", "aspect_ratio": "16:9"}) == (512, 512)
    assert Z.size_of({"aspect_ratio": "16:9"}) == (1024, 576)
    assert Z.size_of({}) == (1024, 1024)
    assert SEEDREAM.size_of({}) == (2048, 2048)


def test_model_outside_the_catalogue_is_sent_unchecked_with_a_note():
    new = catalog.find_model("liangxin", "next-model")
    wire, notes = catalog.normalize_options(new, {"aspect": "5:4"}, {"steps": "8", "style": "ink"})
    assert wire == {"aspect_ratio": "5:4", "steps": 8, "style": "ink"}
    assert notes == ["next-model is not in the catalogue: its inputs are sent unchecked."]


@pytest.mark.parametrize(
    ("model", "common_options", "wire"),
    [
        (FLUX, {"size": "1280x720"}, {"width": 1280, "height": 720}),
        (FLUX, {"image": PNG}, {"reference_images": [PNG]}),
        (BANANA, {"size": "2k", "aspect": "16:9"}, {"resolution": "2K", "aspect_ratio": "16:9"}),
        (kie("seedream/4.5-text-to-image"), {"size": "4K"}, {"quality": "high"}),
        (kie("seedream/4.5-text-to-image"), {"size": "high"}, {"quality": "high"}),
        (kie("seedream/5-lite-text-to-image"), {"size": "3k"}, {"quality": "high"}),
        (kie("bytedance/seedream-v4-text-to-image"), {"aspect": "9:16"},
         {"image_size": "portrait_16_9"}),
        (kie("bytedance/seedream-v4-text-to-image"), {"aspect": "1:1"},
         {"image_size": "square_hd"}),
        (kie("bytedance/seedream-v4-text-to-image"), {"size": "2k"}, {"image_resolution": "2K"}),
        (kie("google/nano-banana"), {"aspect": "16:9"}, {"image_size": "16:9"}),
        (kie("google/imagen4"), {"seed": 7}, {"seed": "7"}),
        (kie("google/imagen4-fast"), {"seed": "7"}, {"seed": 7}),
    ],
)  # fmt: skip
def test_common_options_take_the_name_type_and_spelling_of_each_model(model, common_options, wire):
    assert catalog.normalize_options(model, common_options, {}) == (wire, [])


def test_list_can_be_urls_or_json():
    data = "data:image/png;base64,AA=="
    for typed in (f"{PNG},{data}", f"{PNG}, {data}", f'["{PNG}", "{data}"]', [PNG, data]):
        wire, notes = catalog.normalize_options(BANANA, {}, {"image_input": typed})
        assert (wire, notes) == ({"image_input": [PNG, data]}, [])
    with pytest.raises(InvalidRequestError, match="is not a list of addresses"):
        catalog.normalize_options(BANANA, {}, {"image_input": '["broken'})


def test_long_value_is_truncated_in_a_message():
    with pytest.raises(InvalidRequestError) as error:
        catalog.normalize_options(
            BANANA, {}, {"image_input": "data:image/gif;base64," + "A" * 9_000}
        )
    assert len(str(error.value)) < 400


def test_prompt_length_is_checked_against_the_models_limits():
    assert catalog.normalize_options(BANANA, {}, {}, "ab") == ({}, [])
    with pytest.raises(
        InvalidRequestError, match="prompt has length 1, allowed are 2 to 3000 char"
    ):
        catalog.normalize_options(BANANA, {}, {}, "a")
    _, notes = catalog.normalize_options(SEEDREAM, {}, {}, prompt="a" * 4097)
    assert notes == [
        "prompt has length 4097, allowed are at most 4096 characters, as far as is known; "
        "sent all the same."
    ]
    assert "prompt" not in BANANA.inputs


def test_undocumented_name_and_unknown_input_are_noted():
    inferred = catalog.find_model("liangxin", "seedream-v5-lite-edit")
    wire, notes = catalog.normalize_options(inferred, {"image": PNG}, {"steps": "8"})
    assert wire == {"reference_images": [PNG], "steps": 8}
    assert "is inferred, not stated" in notes[0]
    assert notes[1] == "steps is not a known input of seedream-v5-lite-edit: it is sent unchecked."


def test_model_without_known_inputs_is_noted():
    video = catalog.find_model("liangxin", "kling-v3-pro")
    wire, notes = catalog.normalize_options(video, {"aspect": "16:9"}, {"duration": '"5"'})
    assert wire == {"aspect_ratio": "16:9", "duration": "5"}
    assert notes == ["The inputs of kling-v3-pro are not known: they are sent unchecked."]


@pytest.mark.parametrize(
    ("model", "options", "size"),
    [
        (FLUX, {}, (1024, 768)),
        (FLUX, {"width": 512, "height": 256}, (512, 256)),
        (FLUX, {"aspect_ratio": "9:16"}, (768, 1344)),
        (BANANA, {}, (2048, 2048)),
        (BANANA, {"resolution": "low"}, (1024, 1024)),
        (BANANA, {"aspect_ratio": "widescreen_16_9", "resolution": "1K"}, (1368, 768)),
        (catalog.find_model("liangxin", "nano-banana-pro-flash"), {}, (1024, 1024)),
        (catalog.find_model("liangxin", "imagen4-fast"), {"aspect_ratio": "3:4"}, (888, 1184)),
        (EDIT, {"aspect_ratio": "21:9"}, (3062, 1312)),
        (kie("seedream/4.5-edit"), {"quality": "high"}, (4096, 4096)),
        (kie("bytedance/seedream-v4-text-to-image"), {"image_size": "portrait_16_9"}, (768, 1368)),
        (kie("nano-banana-2"), {}, (1024, 1024)),
        (kie("kling-2.6/text-to-video"), {"aspect_ratio": "16:9"}, (1280, 720)),
        (catalog.find_model("kie", "next"), {}, (1024, 1024)),
    ],
)
def test_expected_size_of_an_image(model, options, size):
    assert model.size_of(options) == size


def test_seed_has_the_type_of_its_input():
    assert kie("google/imagen4").seed_value(7) == "7"
    assert Z.seed_value(7) == 7
    assert catalog.find_model("kie", "next").seed_value(7) == 7


@pytest.mark.parametrize("profile", ["liangxin", "kie"])
def test_catalogue_data_are_consistent(profile):
    for model in catalog.load_models(profile).values():
        assert model.vendor
        assert model.kind in ("image", "video")
        assert 1 < model.duration_s < 600
        for input_spec in model.inputs.values():
            assert input_spec.help
            assert input_spec.default is None or input_spec.is_valid(input_spec.default)
        for word, spelling in model.value_labels.items():
            values = model.inputs[model.common_options[word]].allowed
            assert not values or set(spelling.values()) <= set(values)
        for width, height in [model.size_of({}), *model.pixels.values()]:
            assert 256 <= width <= 4096
            assert 256 <= height <= 4096


@pytest.fixture
def write_models(tmp_path, monkeypatch):
    """Write the user's models file, which LIANGXIN_MODELS names."""
    path = tmp_path / "models.toml"
    monkeypatch.setenv("LIANGXIN_MODELS", str(path))
    return lambda text: path.write_text(text, encoding="utf-8")


def test_models_file_adds_and_corrects_models(write_models):
    write_models(
        """
        ["next"]
        like = "z-image"
        title = "Next"
        [liangxin.z-image.inputs.seed]
        maximum = 9
        [kie."next/video"]
        kind = "video"
        [kie."next/video".inputs.strength]
        type = "number"
        minimum = 0
        maximum = 1
        """
    )
    assert catalog.find_model("sandbox", "next").title == "Next"
    assert catalog.find_model("liangxin", "next").inputs["seed"].maximum == 9
    assert catalog.find_model("liangxin", "z-image").inputs["seed"].maximum == 9
    assert catalog.find_model("liangxin", "z-image").inputs["seed"].minimum == 0
    assert not catalog.find_model("liangxin", "next/video").in_catalog
    video = catalog.find_model("kie", "next/video")
    assert catalog.normalize_options(video, {}, {"strength": "0.5"}) == ({"strength": 0.5}, [])
    with pytest.raises(InvalidRequestError, match=r"strength 1\.5 is outside 0 to 1"):
        catalog.normalize_options(video, {}, {"strength": "1.5"})
    assert "next" not in catalog.load_models("liangxin", own=False)


def test_models_file_is_read_again_after_a_change(write_models):
    write_models('[next]\ntitle = "One"')
    assert catalog.find_model("kie", "next").title == "One"
    write_models('[next]\ntitle = "Three"')
    assert catalog.find_model("kie", "next").title == "Three"


def test_without_the_models_file_its_models_are_unknown(write_models, monkeypatch):
    write_models('[next]\ntitle = "One"')
    assert catalog.find_model("kie", "next").in_catalog
    monkeypatch.delenv("LIANGXIN_MODELS")
    assert not catalog.find_model("kie", "next").in_catalog


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n[next]]", "(at line 2, column 7)"),
        ("next = 1", "next: expected a table"),
        ("[kie]\nnext = 1", "kie.next: expected a table"),
        ("[next]\ncolour = 1", "next: object contains unknown field colour; allowed: title, ven"),
        ("[next]\nduration_s = 'long'", "next.duration_s: expected float, got str"),
        ("[next]\nkind = 'sound'", "invalid enum value 'sound'; allowed: image, video, text"),
        ("[next]\nlike = 'nothing'", "next.like: 'nothing' is not a model"),
        ("[next]\ninputs = 3", "next.inputs: expected object, got int"),
        ("[next.inputs]\nseed = 3", "next.inputs.seed: expected object, got int"),
        ("[next]\naspect = 3", "next.aspect: expected str | null, got int"),
        ("[z-image]\nexclusive = ['seed']", "z-image.exclusive[0]: expected array, got str"),
        ("[z-image]\nexclusive = [['steps']]", "z-image.exclusive: 'steps' is not one of its"),
        ("[z-image]\nsize = 'steps'", "z-image.size: 'steps' is not one of its inputs"),
        ("[z-image]\nsize_inputs = ['seed']", "z-image.size_inputs: expected array of length >="),
        ("[z-image.pixels]\nbig = [1]", "z-image.pixels[...]: expected array of length 2, got 1"),
        ("[z-image.inputs.seed]\nleest = 1", "z-image.inputs.seed: object contains unknown field"),
        ("[z-image.inputs.seed]\nmaximum = 'x'", "z-image.inputs.seed.maximum: expected int |"),
        ("[z-image.inputs.new]\nhelp = 'x'", "object missing required field type"),
        ("[z-image.inputs.new]\ntype = 'colour'", "'colour'; allowed: string, integer, number"),
        ("[z-image.inputs.seed]\ndefault = 'x'", "z-image.inputs.seed.default: 'x' is not valid"),
        ("[z-image]\nmedia_limits = [{ maximum = 3 }]", "media_limits: object missing required"),
    ],
)
def test_error_in_the_models_file_names_the_file_and_the_path_in_it(write_models, text, message):
    write_models(text)
    with pytest.raises(InvalidRequestError, match="Nothing was sent") as error:
        catalog.load_models("liangxin")
    assert message in str(error.value)
    assert os.environ["LIANGXIN_MODELS"] in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_models_file_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("LIANGXIN_MODELS", str(tmp_path / "none.toml"))
    with pytest.raises(InvalidRequestError, match="No such file"):
        catalog.load_models("kie")


def test_importing_the_catalogue_reads_no_file():
    code = (
        "import sys; import liangxin_nb.catalog.loader as f; print(f._entries.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
