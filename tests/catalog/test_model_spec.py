"""The catalogue agrees with the services' documents.

The table below was written from the documents, not from the catalogue. Values to try come from
both, so that a limit that is missing on one side is found.
"""

from dataclasses import dataclass, replace

import pytest

from liangxin_nb import catalog
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState

PNG = "https://host/a.png"
SEED = 4294967295
#: A value of each type that few limits exclude, and values of the wrong type.
VALID = {"string": "x", "integer": 1, "boolean": True, "strings": [PNG]}
WRONG = {"string": [True], "integer": ["x", "1.5", True], "boolean": ["maybe"], "strings": [[1], 1]}


@dataclass(frozen=True)
class Row:
    """One input according to the documents. `documented`: names of the limits that they state."""

    type: str
    allowed: tuple = ()
    minimum: int | None = None
    maximum: int | None = None
    documented: frozenset = frozenset()
    default: object = None
    required: bool = False
    suffixes: tuple = ()

    def expected_result(self, value):
        size = value if self.type == "integer" else len(value) if self.type != "boolean" else 0
        is_violated = {
            "allowed": bool(self.allowed) and value not in self.allowed,
            "minimum": self.minimum is not None and size < self.minimum,
            "maximum": self.maximum is not None and size > self.maximum,
            "suffixes": bool(self.suffixes) and not all(self.has_suffix(url) for url in value),
        }
        violated = {limit for limit, value in is_violated.items() if value}
        return "rejected" if violated & self.documented else "warned" if violated else "accepted"

    def has_suffix(self, url):
        types = [f"data:image/{suffix[1:]};base64" for suffix in self.suffixes]
        return url.lower().endswith(self.suffixes) or url.lower().split(",")[0] in types


ALL = frozenset({"allowed", "minimum", "maximum", "suffixes"})


def choice(values, default=None, documented=ALL, **fields):
    return Row("string", tuple(values.split()), documented=documented, default=default, **fields)


def integer(minimum=None, maximum=None, documented=ALL, default=None):
    return Row("integer", (), minimum, maximum, documented, default)


def string(minimum=None, maximum=None, documented=ALL, default=None):
    return Row("string", (), minimum, maximum, documented, default)


def urls(maximum=None, documented=ALL, **fields):
    return Row("strings", maximum=maximum, documented=documented, **fields)


def inferred(rows, **fields):
    return {name: replace(row, documented=frozenset()) for name, row in rows.items()} | fields


UNDOCUMENTED = frozenset()  # also for all limits of models that only users have reported
FLAG, ANY, UPSTREAM_SEED = Row("boolean"), string(), integer(0, SEED, UNDOCUMENTED)
FIVE = " square_1_1 social_story_9_16 widescreen_16_9 traditional_3_4 classic_4_3"
EIGHT = f"{FIVE} standard_3_2 portrait_2_3 cinematic_21_9"
TEN = "1:1 2:3 3:2 4:3 3:4 5:4 4:5 16:9 9:16 21:9"
SEEDREAM = {
    "prompt": string(None, 4096, UNDOCUMENTED),
    "aspect_ratio": choice("1:1 16:9 9:16 4:3 3:4 3:2 2:3 21:9" + EIGHT, "1:1"),
    "seed": UPSTREAM_SEED,
    "enable_safety_checker": FLAG,
}
URLS = urls(suffixes=(".png", ".jpg", ".jpeg", ".webp"))
BANANA = {
    "prompt": string(2, 3000),
    "image_input": URLS,
    "reference_images": URLS,
    "aspect_ratio": choice(TEN + EIGHT, "1:1"),
    "resolution": choice("1K 2K 4K low medium high", "2K"),
    "output_format": choice("png"),
}
IMAGEN = {
    "aspect_ratio": choice("1:1 9:16 16:9 3:4 4:3" + FIVE, "1:1"),
    "person_generation": choice("dont_allow allow_adult allow_all"),
    "safety_settings": choice(
        "block_low_and_above block_medium_and_above block_only_high block_none"
    ),
    "seed": integer(1, SEED, frozenset({"minimum"})),
    "enhance_prompt": FLAG,
    "language": choice("auto en zh zh-CN hi ja ko pt es"),
    "output_format": choice("png jpeg jpg image/png image/jpeg"),
    "compression_quality": integer(1, 100),
}
LIANGXIN = {
    "z-image": {
        "image_size": choice(
            "square square_hd portrait_3_4 portrait_9_16 landscape_4_3 landscape_16_9", "square_hd"
        ),
        "aspect_ratio": choice("1:1 3:4 9:16 4:3 16:9"),
        "seed": UPSTREAM_SEED,
        "num_inference_steps": integer(1, 50, UNDOCUMENTED),
        "output_format": choice("png jpeg webp", documented=UNDOCUMENTED),
        "enable_safety_checker": FLAG,
    },
    "seedream-v4-5": SEEDREAM,
    "seedream-v5-lite": inferred(SEEDREAM),
    "seedream-v4-5-edit": inferred(
        SEEDREAM, reference_images=urls(5, frozenset({"maximum"}), minimum=1, required=True)
    ),
    "seedream-v5-lite-edit": inferred(
        SEEDREAM, reference_images=urls(5, UNDOCUMENTED, minimum=1, required=True)
    ),
    "gemini-2.5-flash-image-preview": {"reference_images": urls(3, UNDOCUMENTED)},
    "nano-banana-pro": BANANA,
    "nano-banana-pro-flash": BANANA
    | {
        "resolution": choice("1K 2K 4K low medium high", "1K"),
        "use_google_search_tool": FLAG,
    },
    "imagen4-ultra": IMAGEN,
    "imagen4-fast": inferred(IMAGEN),
    "flux-2-pro": {
        "width": integer(256, 1440, default=1024),
        "height": integer(256, 1440, default=768),
        "aspect_ratio": choice("1:1 16:9 9:16 4:3 3:4 3:2 2:3 21:9"),
        "input_image": ANY,
        "input_image_2": ANY,
        "input_image_3": ANY,
        "input_image_4": ANY,
        "reference_images": urls(),
        "seed": UPSTREAM_SEED,
        "prompt_upsampling": FLAG,
    },
    "kling-v3-pro": {},
}
IMAGEN_KIE = {
    "prompt": string(None, 5000, UNDOCUMENTED),
    "negative_prompt": string(None, 5000, UNDOCUMENTED),
    "aspect_ratio": choice("1:1 16:9 9:16 3:4 4:3 auto", "1:1", UNDOCUMENTED),
    "seed": ANY,
    "num_images": choice("1", documented=UNDOCUMENTED),
}
SEEDREAM_KIE = {
    "prompt": string(None, 3000, UNDOCUMENTED),
    "aspect_ratio": choice("1:1 4:3 3:4 16:9 9:16 2:3 3:2 21:9", documented=UNDOCUMENTED),
    "quality": choice("basic high", documented=UNDOCUMENTED),
}
LITE_KIE = SEEDREAM_KIE | {
    "quality": choice("basic high ultra", documented=UNDOCUMENTED),
    "output_format": choice("png jpeg", documented=UNDOCUMENTED),
}
BANANA_KIE = {
    "output_format": choice("png jpeg", documented=UNDOCUMENTED),
    "image_size": ANY,
    "aspect_ratio": ANY,
}
FLUX_KIE = {
    "aspect_ratio": ANY,
    "resolution": choice("1K 2K", documented=UNDOCUMENTED),
    "nsfw_checker": FLAG,
}
KLING_KIE = {"sound": FLAG, "duration": choice("5 10", documented=UNDOCUMENTED)}
KIE = {
    "z-image": {
        "aspect_ratio": choice("1:1 4:3 3:4 16:9 9:16", documented=UNDOCUMENTED, required=True),
        "nsfw_checker": FLAG,
    },
    "nano-banana-pro": {
        "image_input": urls(8, UNDOCUMENTED),
        "aspect_ratio": choice(TEN + " auto", documented=UNDOCUMENTED),
        "resolution": choice("1K 2K 4K", documented=UNDOCUMENTED),
        "output_format": choice("png jpg", documented=UNDOCUMENTED),
    },
    "nano-banana-2": {
        "prompt": string(None, 20000, UNDOCUMENTED),
        "image_input": urls(14, UNDOCUMENTED),
        "google_search": Row("boolean", default=False),
        "aspect_ratio": string(default="auto"),
        "resolution": string(default="1K"),
        "output_format": choice("png jpg", "jpg", UNDOCUMENTED),
    },
    "nano-banana-2-lite": {"image_urls": urls(10), "aspect_ratio": string(default="auto")},
    "google/nano-banana": BANANA_KIE,
    "google/nano-banana-edit": BANANA_KIE | {"image_urls": urls(10, UNDOCUMENTED, required=True)},
    "google/imagen4": IMAGEN_KIE,
    "google/imagen4-ultra": IMAGEN_KIE,
    "google/imagen4-fast": IMAGEN_KIE
    | {
        "aspect_ratio": choice("1:1 16:9 9:16 3:4 4:3 auto", "16:9", UNDOCUMENTED),
        "seed": integer(),
    },
    "seedream/4.5-text-to-image": SEEDREAM_KIE,
    "seedream/4.5-edit": SEEDREAM_KIE | {"image_urls": urls(14, UNDOCUMENTED, required=True)},
    "seedream/5-lite-text-to-image": LITE_KIE,
    "seedream/5-lite-image-to-image": LITE_KIE
    | {"image_urls": urls(14, UNDOCUMENTED, required=True)},
    "bytedance/seedream-v4-text-to-image": {
        "prompt": string(None, 5000, UNDOCUMENTED),
        "image_size": choice(
            "square square_hd portrait_4_3 portrait_3_2 portrait_16_9 "
            "landscape_4_3 landscape_3_2 landscape_16_9 landscape_21_9",
            documented=UNDOCUMENTED,
        ),
        "image_resolution": choice("1K 2K 4K", documented=UNDOCUMENTED),
        "max_images": integer(1, 6, UNDOCUMENTED),
        "seed": integer(),
        "nsfw_checker": FLAG,
    },
    "flux-2/pro-text-to-image": FLUX_KIE,
    "flux-2/pro-image-to-image": FLUX_KIE | {"input_urls": urls(required=True)},
    "kling-2.6/text-to-video": KLING_KIE | {"aspect_ratio": ANY},
    "kling-2.6/image-to-video": KLING_KIE
    | {"image_urls": urls(1, UNDOCUMENTED, minimum=1, required=True)},
    "grok-imagine/text-to-image": {"aspect_ratio": ANY},
}
TABLE = {"liangxin": LIANGXIN, "kie": KIE}
#: Inputs that are limited together: accepted options and rejected options.
TOGETHER = [
    ("nano-banana-pro", {"image_input": [PNG] * 3}, {"image_input": [PNG] * 4}),
    ("nano-banana-pro", {"reference_images": [PNG] * 3}, {"reference_images": [PNG] * 4}),
    (
        "nano-banana-pro-flash",
        {"image_input": [PNG], "reference_images": [PNG] * 2},
        {"image_input": [PNG] * 2, "reference_images": [PNG] * 2},
    ),
    (
        "flux-2-pro",
        {"input_image": PNG, "input_image_3": PNG, "reference_images": [PNG] * 2},
        {"input_image_2": PNG, "input_image_4": PNG, "reference_images": [PNG] * 3},
    ),
    ("flux-2-pro", {"width": 256, "height": 1440}, {"width": 256}),
    ("flux-2-pro", {}, {"height": 256}),
]
#: Rejected here but accepted by the service: the documents do not say which one takes effect.
EXCLUSIVE = [
    ("z-image", {"image_size": "square", "aspect_ratio": "1:1"}),
    ("flux-2-pro", {"width": 512, "height": 512, "aspect_ratio": "1:1"}),
]
#: The input that each of the common options sets: aspect, size, seed, image.
COMMON_OPTIONS = {
    "liangxin": {
        "z-image": "aspect_ratio image_size seed -",
        "seedream-v4-5": "aspect_ratio - seed -",
        "seedream-v5-lite": "aspect_ratio - seed -",
        "seedream-v4-5-edit": "aspect_ratio - seed reference_images",
        "seedream-v5-lite-edit": "aspect_ratio - seed reference_images",
        "gemini-2.5-flash-image-preview": "- - - reference_images",
        "nano-banana-pro": "aspect_ratio resolution - image_input",
        "nano-banana-pro-flash": "aspect_ratio resolution - image_input",
        "imagen4-ultra": "aspect_ratio - seed -",
        "imagen4-fast": "aspect_ratio - seed -",
        "flux-2-pro": "aspect_ratio - seed reference_images",  # --size sets width and height
        "kling-v3-pro": "aspect_ratio - - -",
    },
    "kie": {
        "z-image": "aspect_ratio - - -",
        "nano-banana-pro": "aspect_ratio resolution - image_input",
        "nano-banana-2": "aspect_ratio resolution - image_input",
        "nano-banana-2-lite": "aspect_ratio - - image_urls",
        "google/nano-banana": "image_size - - -",
        "google/nano-banana-edit": "image_size - - image_urls",
        "google/imagen4": "aspect_ratio - seed -",
        "google/imagen4-ultra": "aspect_ratio - seed -",
        "google/imagen4-fast": "aspect_ratio - seed -",
        "seedream/4.5-text-to-image": "aspect_ratio quality - -",
        "seedream/4.5-edit": "aspect_ratio quality - image_urls",
        "seedream/5-lite-text-to-image": "aspect_ratio quality - -",
        "seedream/5-lite-image-to-image": "aspect_ratio quality - image_urls",
        "bytedance/seedream-v4-text-to-image": "image_size image_resolution seed -",
        "flux-2/pro-text-to-image": "aspect_ratio resolution - -",
        "flux-2/pro-image-to-image": "aspect_ratio resolution - input_urls",
        "kling-2.6/text-to-video": "aspect_ratio - - -",
        "kling-2.6/image-to-video": "- - - image_urls",
        "grok-imagine/text-to-image": "aspect_ratio - - -",
    },
}


def inputs_of(model):
    return dict(model.inputs) | ({"prompt": model.prompt} if model.prompt else {})


def values_to_try(spec, aliases):
    """Yield values at and around the limits of an input of the catalogue or of the table."""
    yield from spec.allowed
    yield from (other for other, own in aliases.items() if own in spec.allowed)
    if spec.type == "string" and spec.minimum is spec.maximum is None:
        yield from ("nothing-such", "1:1", "1:2", "png", "gif", "2K")
    if spec.type in ("boolean", "integer"):
        yield from (True, False) if spec.type == "boolean" else (1, 7)
    sizes = {bound + step for bound in (spec.minimum, spec.maximum) if bound for step in (-1, 0, 1)}
    sizes |= {-1, 0, 1} if spec.minimum == 0 else set()
    make = {"string": lambda n: "x" * n, "integer": int, "strings": lambda n: [PNG] * n}
    yield from (make[spec.type](size) for size in sorted(sizes))
    if spec.type == "strings":
        yield [PNG]
    for ending in spec.suffixes and (*spec.suffixes, ".gif", ".PNG", ".png?key=1", ""):
        yield [f"https://host/a{ending}"]
        yield [PNG, f"data:image/{ending[1:]};base64,AAAA"]


def iter_values(model, rows):
    """Yield pairs of an input and a value at or around its limits."""
    for name, given in inputs_of(model).items():
        row = rows.get(name, Row(given.type))
        found = [*values_to_try(given, model.aliases), *values_to_try(row, {})]
        for value in {repr(value): value for value in found}.values():
            yield name, value


def other_inputs(rows, name):
    """Return the inputs that a request needs so that only this one decides."""
    needed = {
        other: row.allowed[0] if row.allowed else VALID[row.type]
        for other, row in rows.items()
        if row.required
    }
    pair = {"width": {"height": 512}, "height": {"width": 512}}
    return {**needed, **(pair.get(name, {}) if "width" in rows else {})}


def validation_result(model, options, prompt):
    """Return accepted, warned or rejected. A note about the model is no warning."""
    try:
        wire, notes = catalog.normalize_options(model, {}, options, prompt)
    except InvalidRequestError as rejection:
        error = rejection
    else:
        error = None
    if error:
        assert "\n" not in str(error)
        assert "othing was sent" in str(error)
        assert error.next_step
        return "rejected"
    assert wire == options
    return "warned" if any("sent all the same" in note for note in notes) else "accepted"


def is_accepted_by_sandbox(id, options, prompt):
    """Return whether the sandbox accepts the request; it rejects with 400."""
    try:
        SandboxState(None).create("k", {"model": id, "input": {"prompt": prompt, **options}})
    except RejectedRequestError as rejection:
        error = rejection
    else:
        return True
    assert error.code == 400
    assert "input." in error.message
    return False


def cannot_be_right(name, value):
    """Return whether a value is refused even if the limit is not documented."""
    is_count = name in ("num_inference_steps", "max_images", "width", "height")
    return isinstance(value, int) and (value < 0 or (value == 0 and is_count))


def mismatch(profile, model, rows, name, value):
    """Return one line about an unexpected result for a value; empty if it is as documented."""
    options, prompt = other_inputs(rows, name), "a lake"
    if name == "prompt":
        prompt = value
    else:
        options[name] = value
    try:
        documented = expected = rows[name].expected_result(value)
        if expected == "warned" and cannot_be_right(name, value):
            expected = "rejected"
        found = validation_result(model, options, prompt)
        if found != expected:
            return f"is {found}, should be {expected}"
        if profile == "liangxin":
            accepted = is_accepted_by_sandbox(model.id, options, prompt)
            if accepted != (documented != "rejected"):
                does = "accepts" if accepted else "rejects"
                return f"is documented as {documented}, but the sandbox {does} it"
    except Exception as error:
        return repr(error)
    return ""


MODELS = [(profile, id) for profile, table in TABLE.items() for id in table]


@pytest.mark.parametrize(("profile", "id"), MODELS)
def test_each_value_is_accepted_warned_or_rejected_as_documented(profile, id):
    model, rows = catalog.load_models(profile)[id], TABLE[profile][id]
    wrong = [
        f"{name} = {str(value)[:30]!r} (length {len(str(value))}): {line}"
        for name, value in iter_values(model, rows)
        if (line := mismatch(profile, model, rows, name, value))
    ]
    assert not wrong, "\n".join(wrong)


def test_table_checks_a_thousand_values():
    """A change of the helpers must not drop values silently."""
    number = sum(
        1 for profile, id in MODELS
        for _ in iter_values(catalog.find_model(profile, id), TABLE[profile][id])
    )  # fmt: skip
    assert number >= 1000


@pytest.mark.parametrize("profile", TABLE)
def test_models_and_inputs_are_those_of_the_documents(profile):
    found = {id: set(inputs_of(model)) for id, model in catalog.load_models(profile).items()}
    assert found == {id: set(rows) for id, rows in TABLE[profile].items()}


def documented_inputs(profile):
    """Every input of a profile: model id, model, rows, input name, catalogue entry, row."""
    for id, rows in TABLE[profile].items():
        model = catalog.find_model(profile, id)
        for name, given in inputs_of(model).items():
            yield id, model, rows, name, given, rows[name]


@pytest.mark.parametrize("profile", TABLE)
def test_types_defaults_and_required_inputs_are_those_of_the_documents(profile):
    for id, _, _, name, given, row in documented_inputs(profile):
        found = (id, name, given.type, given.default, given.required)
        assert found == (id, name, row.type, row.default, row.required)


@pytest.mark.parametrize("profile", TABLE)
def test_value_of_wrong_type_is_rejected(profile):
    for id, model, rows, name, _, row in documented_inputs(profile):
        for value in [] if name == "prompt" else WRONG[row.type]:
            options = {**other_inputs(rows, name), name: value}
            assert validation_result(model, options, "x") == "rejected", (id, name, value)


@pytest.mark.parametrize("profile", TABLE)
def test_missing_required_input_is_rejected(profile):
    for id, model, rows, name, _, row in documented_inputs(profile):
        if row.required:
            rest = {k: v for k, v in other_inputs(rows, name).items() if k != name}
            assert validation_result(model, rest, "x") == "rejected", (id, name)
            if profile == "liangxin":
                assert not is_accepted_by_sandbox(id, rest, "x"), (id, name)


@pytest.mark.parametrize(("id", "good", "bad"), TOGETHER)
def test_limits_on_several_inputs_are_checked(id, good, bad):
    model = catalog.find_model("liangxin", id)
    assert (validation_result(model, good, "xx"), is_accepted_by_sandbox(id, good, "xx")) == (
        "accepted",
        True,
    )
    assert (validation_result(model, bad, "xx"), is_accepted_by_sandbox(id, bad, "xx")) == (
        "rejected",
        False,
    )


@pytest.mark.parametrize(("id", "both"), EXCLUSIVE)
def test_exclusive_inputs_are_rejected_before_sending(id, both):
    assert validation_result(catalog.find_model("liangxin", id), both, "x") == "rejected"
    assert is_accepted_by_sandbox(id, both, "x")


@pytest.mark.parametrize("profile", TABLE)
def test_common_options_set_the_documented_inputs(profile):
    for id, line in COMMON_OPTIONS[profile].items():
        found = zip(("aspect", "size", "seed", "image"), line.split(), strict=True)
        expected = {word: name for word, name in found if name != "-"}
        assert (id, catalog.find_model(profile, id).common_options) == (id, expected)
    assert set(COMMON_OPTIONS[profile]) == set(TABLE[profile])


def test_only_one_model_name_is_marked_as_undocumented():
    undocumented = [
        id for id, model in catalog.load_models("liangxin").items() if not model.documented
    ]
    assert undocumented == ["seedream-v5-lite-edit"]


def test_models_with_documented_inputs_are_marked():
    documented = {
        id for id, model in catalog.load_models("liangxin").items() if model.inputs_documented
    }
    assert documented == {
        "z-image", "seedream-v4-5", "nano-banana-pro", "nano-banana-pro-flash", "imagen4-ultra",
        "flux-2-pro",
    }  # fmt: skip
    assert not any(model.inputs_documented for model in catalog.load_models("kie").values())
