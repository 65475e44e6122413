import pytest

from liangxin_nb import catalog
from liangxin_nb.errors import InvalidRequest

Z = catalog.model("liangxin", "z-image")
SEEDREAM = catalog.model("liangxin", "seedream-v4-5")


def test_peoples_words_become_the_models_own():
    wire, notes = catalog.checked(Z, {"aspect": None, "size": "square", "seed": "7"}, {})
    assert wire == {"image_size": "square", "seed": 7}
    assert notes == []


def test_options_take_the_types_that_the_wire_wants():
    wire, _ = catalog.checked(Z, {}, {"num_inference_steps": "8", "enable_safety_checker": "false"})
    assert wire == {"num_inference_steps": 8, "enable_safety_checker": False}


@pytest.mark.parametrize(
    ("model", "plain", "options", "said"),
    [
        (Z, {"aspect": "7:5"}, {}, "aspect_ratio '7:5' is not one of 1:1, 3:4, 9:16, 4:3, 16:9"),
        (Z, {"aspect": "1:1", "size": "square"}, {}, "exclude each other"),
        (Z, {}, {"steps": "8"}, "no input 'steps'"),
        (Z, {"seed": "x"}, {}, "seed 'x' is not a whole number"),
        (Z, {"seed": "1"}, {"seed": "2"}, "seed is given twice"),
        (SEEDREAM, {"size": "2K"}, {}, "no input for --size"),
        (SEEDREAM, {}, {"enable_safety_checker": "maybe"}, "is not true or false"),
        (catalog.model("kie", "z-image"), {}, {}, "needs aspect_ratio"),
    ],
)
def test_what_the_pages_rule_out_is_refused_in_one_line(model, plain, options, said):
    with pytest.raises(InvalidRequest, match=r"[Nn]othing was sent") as error:
        catalog.checked(model, plain, options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_limit_that_is_only_inferred_warns():
    wire, notes = catalog.checked(Z, {"seed": "-1"}, {})
    assert wire == {"seed": -1}
    assert notes == ["seed -1 is outside 0 to 4294967295, as far as is known; sent all the same."]


@pytest.mark.parametrize("value", ["16:9", "widescreen_16_9"])
def test_both_spellings_of_a_ratio_pass_and_mean_the_same_size(value):
    wire, _ = catalog.checked(SEEDREAM, {"aspect": value}, {})
    assert wire == {"aspect_ratio": value}
    assert SEEDREAM.size_of(wire) == (2730, 1536)


def test_image_size_wins_over_aspect_ratio():
    assert Z.size_of({"image_size": "square", "aspect_ratio": "16:9"}) == (512, 512)
    assert Z.size_of({"aspect_ratio": "16:9"}) == (1024, 576)
    assert Z.size_of({}) == (1024, 1024)
    assert SEEDREAM.size_of({}) == (2048, 2048)


def test_a_model_nobody_has_listed_passes_through_with_a_note():
    new = catalog.model("liangxin", "next-model")
    wire, notes = catalog.checked(new, {"aspect": "5:4"}, {"steps": "8", "style": "ink"})
    assert wire == {"aspect_ratio": "5:4", "steps": 8, "style": "ink"}
    assert notes == ["next-model is not in the catalogue: its inputs are sent unchecked."]


@pytest.mark.parametrize("profile", ["liangxin", "kie"])
def test_the_data_are_sound(profile):
    for model in catalog.models(profile).values():
        assert set(model.plain.values()) <= set(model.inputs)
        assert {name for group in model.exclusive for name in group} <= set(model.inputs)
        for given in model.inputs.values():
            assert given.type in ("string", "integer", "boolean")
            assert given.default is None or given.fits(given.default)
