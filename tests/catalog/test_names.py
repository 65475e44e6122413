"""Model names: other spellings, suggestions, and the opt-in for unknown names."""

import pytest

from liangxin_nb import catalog
from liangxin_nb.catalog.codegen import to_cell_source, to_python_source
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError

PROFILES = ("liangxin", "kie")
MODELS = [(profile, id) for profile in PROFILES for id in catalog.load_models(profile)]


@pytest.mark.parametrize(("profile", "id"), MODELS)
def test_title_and_other_spellings_are_accepted_as_the_name(profile, id):
    model = catalog.load_models(profile)[id]
    spellings = [id, id.upper(), id.replace("-", "_"), id.replace("-", " ").replace("/", " ")]
    spellings += [model.title, model.title.lower(), f"{model.vendor} · {model.title}"]
    for spelling in spellings:
        assert catalog.resolve_model(profile, spelling).id == id, spelling


@pytest.mark.parametrize(
    ("profile", "name", "meant"),
    [
        ("sandbox", "z-imag", "z-image"),
        ("sandbox", "zimag", "z-image"),
        ("sandbox", "kling-v3", "kling-v3-pro"),
        ("kie", "nano-banana-edit", "google/nano-banana-edit"),
        ("kie", "seedream/4.5", "seedream/4.5-edit"),
        ("kie", "kling/2.6", "kling-2.6/text-to-video"),
    ],
)
def test_similar_names_are_suggested(profile, name, meant):
    models = catalog.load_models(profile)
    assert catalog.match_model(models, name) or meant in catalog.similar_models(models, name)


@pytest.mark.parametrize("name", ["z-imag", "no-such-model", "模型", "-", "../z"])
def test_unknown_name_is_rejected_with_the_opt_in(name):
    with pytest.raises(InvalidRequestError, match=r"nothing was sent.*--any-model.*any_model=True"):
        catalog.resolve_model("sandbox", name)
    chosen = catalog.resolve_model("sandbox", name, any_model=True)
    assert (chosen.id, chosen.in_catalog) == (name, False)


def test_ambiguous_spelling_is_rejected(tmp_path, monkeypatch):
    own = tmp_path / "models.toml"
    own.write_text('["z.image"]\ntitle = "Another"\n', encoding="utf-8")
    monkeypatch.setenv("LIANGXIN_MODELS", str(own))
    assert catalog.resolve_model("sandbox", "z.image").id == "z.image"
    with pytest.raises(InvalidRequestError, match=r"Did you mean (z-image|z\.image) or"):
        catalog.resolve_model("sandbox", "Z_Image")


def test_source_of_a_model_outside_the_catalogue_contains_the_opt_in():
    request = Request("new-model", "a lake")
    model = catalog.find_model("sandbox", "new-model")
    assert to_cell_source(model, request) == "%%liangxin new-model --any-model\na lake"
    assert "any_model=True" in to_python_source(model, request)


# ---- values that cannot be right


@pytest.mark.parametrize(
    ("model", "options"),
    [
        ("z-image", {"seed": -1}),
        ("z-image", {"num_inference_steps": 0}),
        ("z-image", {"image_size": "0x0"}),
        ("z-image", {"aspect_ratio": "0:1"}),
        ("flux-2-pro", {"width": 0, "height": 768}),
        ("kling-v3-pro", {"duration": "-1"}),
        ("new-model", {"seed": "-5"}),
        ("new-model", {"n": 0}),
        ("new-model", {"num_images": "0"}),
        ("new-model", {"strength": float("nan")}),
        ("new-model", {"strength": "NaN"}),
        ("new-model", {"size": "1024x-1"}),
        ("new-model", {"sizes": ["1x1", "0x1"]}),
    ],
)
def test_value_that_cannot_be_right_is_rejected(model, options):
    with pytest.raises(InvalidRequestError, match=r"is not (possible|one of).*othing was sent"):
        catalog.normalize_options(catalog.find_model("sandbox", model), {}, options)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 0}, {"strength": 0}, {"shift": -0.5}, {"negative_prompt": "-1"}, {"ratio": "16:9"},
        {"title": "0:1"}, {"enabled": False},
    ],
)  # fmt: skip
def test_other_values_of_a_model_outside_the_catalogue_are_sent(options):
    wire, _ = catalog.normalize_options(catalog.find_model("sandbox", "new-model"), {}, options)
    assert wire.keys() == options.keys()


def test_address_that_looks_like_a_number_is_sent():
    model, options = (
        catalog.find_model("liangxin", "flux-2-pro"),
        {"reference_images": ["0", "0:0"]},
    )
    assert catalog.normalize_options(model, {}, options)[0] == options


@pytest.mark.parametrize(("profile", "id"), MODELS)
def test_each_input_is_described_with_the_kind_of_its_limits(profile, id):
    model = catalog.load_models(profile)[id]
    described = catalog.describe_inputs(model)
    rows = [dict(zip(catalog.INPUT_HEADINGS, row, strict=True)) for row in described]
    assert [row["input"] for row in rows] == ["prompt", *model.inputs]
    for row in rows[1:]:
        spec = model.inputs[row["input"]]
        limited = spec.allowed or spec.suffixes or {spec.minimum, spec.maximum} - {None}
        assert bool(row["limits"]) == bool(limited)
        if limited and not spec.undocumented_limits:
            assert row["limits"] == ("documented" if spec.documented else "usual")
