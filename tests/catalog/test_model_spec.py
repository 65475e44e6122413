"""The catalogue against the documents: the table below was written from them, not from the data.

The values come from both, so that one missing on either side is a mismatch.
"""

from dataclasses import dataclass, replace

import pytest

from liangxin_nb import catalog
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.sandbox.state import RejectedRequestError, SandboxState

PNG = "https://host/a.png"
SEED = 4294967295
#: A value of each type, as few limits as can be in its way, and values of no type at all.
SOUND = {"string": "x", "integer": 1, "boolean": True, "strings": [PNG]}
WRONG = {"string": [True], "integer": ["x", "1.5", True], "boolean": ["maybe"], "strings": [[1], 1]}


@dataclass(frozen=True)
class Row:
    """One input as the documents have it. `sure`: the limits that they state."""

    type: str
    allowed: tuple = ()
    minimum: int | None = None
    maximum: int | None = None
    sure: frozenset = frozenset()
    default: object = None
    required: bool = False
    suffixes: tuple = ()

    def verdict(self, value):
        size = value if self.type == "integer" else len(value) if self.type != "boolean" else 0
        broken = {
            "allowed": bool(self.allowed) and value not in self.allowed,
            "minimum": self.minimum is not None and size < self.minimum,
            "maximum": self.maximum is not None and size > self.maximum,
            "suffixes": bool(self.suffixes) and not all(self.ends(one) for one in value),
        }
        found = {limit for limit, is_broken in broken.items() if is_broken}
        return "refused" if found & self.sure else "warned" if found else "accepted"

    def ends(self, address):
        types = [f"data:image/{ending[1:]};base64" for ending in self.suffixes]
        return address.lower().endswith(self.suffixes) or address.lower().split(",")[0] in types


ALL = frozenset({"allowed", "minimum", "maximum", "suffixes"})


def one(values, default=None, sure=ALL, **more):
    return Row("string", tuple(values.split()), sure=sure, default=default, **more)


def whole(minimum=None, maximum=None, sure=ALL, default=None):
    return Row("integer", (), minimum, maximum, sure, default)


def text(minimum=None, maximum=None, sure=ALL, default=None):
    return Row("string", (), minimum, maximum, sure, default)


def pictures(maximum=None, sure=ALL, **more):
    return Row("strings", maximum=maximum, sure=sure, **more)


def inferred(rows, **more):
    return {name: replace(row, sure=frozenset()) for name, row in rows.items()} | more


NO = frozenset()
FLAG, ANY, UPSTREAM_SEED = Row("boolean"), text(), whole(0, SEED, NO)
FIVE = " square_1_1 social_story_9_16 widescreen_16_9 traditional_3_4 classic_4_3"
EIGHT = f"{FIVE} standard_3_2 portrait_2_3 cinematic_21_9"
TEN = "1:1 2:3 3:2 4:3 3:4 5:4 4:5 16:9 9:16 21:9"
SEEDREAM = {
    "prompt": text(None, 4096, NO),
    "aspect_ratio": one("1:1 16:9 9:16 4:3 3:4 3:2 2:3 21:9" + EIGHT, "1:1"),
    "seed": UPSTREAM_SEED,
    "enable_safety_checker": FLAG,
}
URLS = pictures(suffixes=(".png", ".jpg", ".jpeg", ".webp"))
BANANA = {
    "prompt": text(2, 3000),
    "image_input": URLS,
    "reference_images": URLS,
    "aspect_ratio": one(TEN + EIGHT, "1:1"),
    "resolution": one("1K 2K 4K low medium high", "2K"),
    "output_format": one("png"),
}
IMAGEN = {
    "aspect_ratio": one("1:1 9:16 16:9 3:4 4:3" + FIVE, "1:1"),
    "person_generation": one("dont_allow allow_adult allow_all"),
    "safety_settings": one("block_low_and_above block_medium_and_above block_only_high block_none"),
    "seed": whole(1, SEED, frozenset({"minimum"})),
    "enhance_prompt": FLAG,
    "language": one("auto en zh zh-CN hi ja ko pt es"),
    "output_format": one("png jpeg jpg image/png image/jpeg"),
    "compression_quality": whole(1, 100),
}
LIANGXIN = {
    "z-image": {
        "image_size": one(
            "square square_hd portrait_3_4 portrait_9_16 landscape_4_3 landscape_16_9", "square_hd"
        ),
        "aspect_ratio": one("1:1 3:4 9:16 4:3 16:9"),
        "seed": UPSTREAM_SEED,
        "num_inference_steps": whole(1, 50, NO),
        "output_format": one("png jpeg webp", sure=NO),
        "enable_safety_checker": FLAG,
    },
    "seedream-v4-5": SEEDREAM,
    "seedream-v5-lite": inferred(SEEDREAM),
    "seedream-v4-5-edit": inferred(
        SEEDREAM, reference_images=pictures(5, frozenset({"maximum"}), minimum=1, required=True)
    ),
    "seedream-v5-lite-edit": inferred(
        SEEDREAM, reference_images=pictures(5, NO, minimum=1, required=True)
    ),
    "gemini-2.5-flash-image-preview": {"reference_images": pictures(3, NO)},
    "nano-banana-pro": BANANA,
    "nano-banana-pro-flash": BANANA
    | {
        "resolution": one("1K 2K 4K low medium high", "1K"),
        "use_google_search_tool": FLAG,
    },
    "imagen4-ultra": IMAGEN,
    "imagen4-fast": inferred(IMAGEN),
    "flux-2-pro": {
        "width": whole(256, 1440, default=1024),
        "height": whole(256, 1440, default=768),
        "aspect_ratio": one("1:1 16:9 9:16 4:3 3:4 3:2 2:3 21:9"),
        "input_image": ANY,
        "input_image_2": ANY,
        "input_image_3": ANY,
        "input_image_4": ANY,
        "reference_images": pictures(),
        "seed": UPSTREAM_SEED,
        "prompt_upsampling": FLAG,
    },
    "kling-v3-pro": {},
}
NOTED = frozenset()  # from second-hand sources: no limit is sure
IMAGEN_KIE = {
    "prompt": text(None, 5000, NOTED),
    "negative_prompt": text(None, 5000, NOTED),
    "aspect_ratio": one("1:1 16:9 9:16 3:4 4:3 auto", "1:1", NOTED),
    "seed": ANY,
    "num_images": one("1", sure=NOTED),
}
SEEDREAM_KIE = {
    "prompt": text(None, 3000, NOTED),
    "aspect_ratio": one("1:1 4:3 3:4 16:9 9:16 2:3 3:2 21:9", sure=NOTED),
    "quality": one("basic high", sure=NOTED),
}
LITE_KIE = SEEDREAM_KIE | {
    "quality": one("basic high ultra", sure=NOTED),
    "output_format": one("png jpeg", sure=NOTED),
}
BANANA_KIE = {
    "output_format": one("png jpeg", sure=NOTED),
    "image_size": ANY,
    "aspect_ratio": ANY,
}
FLUX_KIE = {
    "aspect_ratio": ANY,
    "resolution": one("1K 2K", sure=NOTED),
    "nsfw_checker": FLAG,
}
KLING_KIE = {"sound": FLAG, "duration": one("5 10", sure=NOTED)}
KIE = {
    "z-image": {
        "aspect_ratio": one("1:1 4:3 3:4 16:9 9:16", sure=NOTED, required=True),
        "nsfw_checker": FLAG,
    },
    "nano-banana-pro": {
        "image_input": pictures(8, NOTED),
        "aspect_ratio": one(TEN + " auto", sure=NOTED),
        "resolution": one("1K 2K 4K", sure=NOTED),
        "output_format": one("png jpg", sure=NOTED),
    },
    "nano-banana-2": {
        "prompt": text(None, 20000, NOTED),
        "image_input": pictures(14, NOTED),
        "google_search": Row("boolean", default=False),
        "aspect_ratio": text(default="auto"),
        "resolution": text(default="1K"),
        "output_format": one("png jpg", "jpg", NOTED),
    },
    "nano-banana-2-lite": {"image_urls": pictures(10), "aspect_ratio": text(default="auto")},
    "google/nano-banana": BANANA_KIE,
    "google/nano-banana-edit": BANANA_KIE | {"image_urls": pictures(10, NOTED, required=True)},
    "google/imagen4": IMAGEN_KIE,
    "google/imagen4-ultra": IMAGEN_KIE,
    "google/imagen4-fast": IMAGEN_KIE
    | {
        "aspect_ratio": one("1:1 16:9 9:16 3:4 4:3 auto", "16:9", NOTED),
        "seed": whole(),
    },
    "seedream/4.5-text-to-image": SEEDREAM_KIE,
    "seedream/4.5-edit": SEEDREAM_KIE | {"image_urls": pictures(14, NOTED, required=True)},
    "seedream/5-lite-text-to-image": LITE_KIE,
    "seedream/5-lite-image-to-image": LITE_KIE | {"image_urls": pictures(14, NOTED, required=True)},
    "bytedance/seedream-v4-text-to-image": {
        "prompt": text(None, 5000, NOTED),
        "image_size": one(
            "square square_hd portrait_4_3 portrait_3_2 portrait_16_9 "
            "landscape_4_3 landscape_3_2 landscape_16_9 landscape_21_9",
            sure=NOTED,
        ),
        "image_resolution": one("1K 2K 4K", sure=NOTED),
        "max_images": whole(1, 6, NOTED),
        "seed": whole(),
        "nsfw_checker": FLAG,
    },
    "flux-2/pro-text-to-image": FLUX_KIE,
    "flux-2/pro-image-to-image": FLUX_KIE | {"input_urls": pictures(required=True)},
    "kling-2.6/text-to-video": KLING_KIE | {"aspect_ratio": ANY},
    "kling-2.6/image-to-video": KLING_KIE
    | {"image_urls": pictures(1, NOTED, minimum=1, required=True)},
    "grok-imagine/text-to-image": {"aspect_ratio": ANY},
}
TABLE = {"liangxin": LIANGXIN, "kie": KIE}
#: Inputs of one request together: these options are accepted, those are refused.
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
#: Refused here, accepted by the service: the documents do not say which of the two counts.
EXCLUSIVE = [
    ("z-image", {"image_size": "square", "aspect_ratio": "1:1"}),
    ("flux-2-pro", {"width": 512, "height": 512, "aspect_ratio": "1:1"}),
]
#: The input that each of the plain options sets: aspect, size, seed, image.
PLAIN = {
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
        "flux-2-pro": "aspect_ratio - seed reference_images",  # a size is width and height
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


def values(given, aliases):
    """The values worth trying of an input, be it the catalogue's or the documents'."""
    yield from given.allowed
    yield from (other for other, own in aliases.items() if own in given.allowed)
    if given.type == "string" and given.minimum is given.maximum is None:
        yield from ("nothing-such", "1:1", "1:2", "png", "gif", "2K")
    if given.type in ("boolean", "integer"):
        yield from (True, False) if given.type == "boolean" else (1, 7)
    sizes = {
        bound + step for bound in (given.minimum, given.maximum) if bound for step in (-1, 0, 1)
    }
    sizes |= {-1, 0, 1} if given.minimum == 0 else set()
    make = {"string": lambda n: "x" * n, "integer": int, "strings": lambda n: [PNG] * n}
    yield from (make[given.type](size) for size in sorted(sizes))
    if given.type == "strings":
        yield [PNG]
    for ending in given.suffixes and (*given.suffixes, ".gif", ".PNG", ".png?key=1", ""):
        yield [f"https://host/a{ending}"]
        yield [PNG, f"data:image/{ending[1:]};base64,AAAA"]


def checks(model, rows):
    """Every (input, value) pair of a model that is worth trying."""
    for name, given in inputs_of(model).items():
        row = rows.get(name, Row(given.type))
        found = [*values(given, model.aliases), *values(row, {})]
        for value in {repr(value): value for value in found}.values():
            yield name, value


def around(rows, name):
    """What else a request needs so that only this input decides."""
    needed = {
        other: row.allowed[0] if row.allowed else SOUND[row.type]
        for other, row in rows.items()
        if row.required
    }
    pair = {"width": {"height": 512}, "height": {"width": 512}}
    return {**needed, **(pair.get(name, {}) if "width" in rows else {})}


def verdict_of(model, options, prompt):
    """Accepted, warned or refused; a note about the model itself is no warning."""
    try:
        wire, notes = catalog.normalize_options(model, {}, options, prompt)
    except InvalidRequestError as refusal:
        error = refusal
    else:
        error = None
    if error:
        assert "\n" not in str(error)
        assert "othing was sent" in str(error)
        assert error.next_step
        return "refused"
    assert wire == options
    return "warned" if any("sent all the same" in note for note in notes) else "accepted"


def accepted_by_sandbox(id, options, prompt):
    """Whether the sandbox accepts the request; what it refuses, it refuses with 400."""
    try:
        SandboxState(None).create("k", {"model": id, "input": {"prompt": prompt, **options}})
    except RejectedRequestError as refusal:
        refused = refusal
    else:
        return True
    assert refused.code == 400
    assert "input." in refused.message
    return False


def mismatch(profile, model, rows, name, value):
    """What is wrong with the verdict on one value, in one line; empty if it is as documented."""
    options, prompt = around(rows, name), "a lake"
    if name == "prompt":
        prompt = value
    else:
        options[name] = value
    try:
        expected = rows[name].verdict(value)
        found = verdict_of(model, options, prompt)
        if found != expected:
            return f"is {found}, should be {expected}"
        if profile == "liangxin":
            accepted = accepted_by_sandbox(model.id, options, prompt)
            if accepted != (expected != "refused"):
                return (
                    f"should be {expected}, but the sandbox {'accepts' * accepted or 'refuses'} it"
                )
    except Exception as error:
        return repr(error)
    return ""


MODELS = [(profile, id) for profile, table in TABLE.items() for id in table]


@pytest.mark.parametrize(("profile", "id"), MODELS)
def test_each_value_is_accepted_warned_or_rejected_as_documented(profile, id):
    model, rows = catalog.load_models(profile)[id], TABLE[profile][id]
    wrong = [
        f"{name} = {str(value)[:30]!r} (length {len(str(value))}): {line}"
        for name, value in checks(model, rows)
        if (line := mismatch(profile, model, rows, name, value))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_table_checks_a_thousand_values():
    """A change of the helpers above must not drop values silently."""
    number = sum(
        1 for profile, id in MODELS
        for _ in checks(catalog.find_model(profile, id), TABLE[profile][id])
    )  # fmt: skip
    assert number >= 1000


@pytest.mark.parametrize("profile", TABLE)
def test_models_and_inputs_are_the_documented_ones(profile):
    found = {id: set(inputs_of(model)) for id, model in catalog.load_models(profile).items()}
    assert found == {id: set(rows) for id, rows in TABLE[profile].items()}


def documented_inputs(profile):
    """Every input of a profile: model id, model, rows, input name, catalogue entry, row."""
    for id, rows in TABLE[profile].items():
        model = catalog.find_model(profile, id)
        for name, given in inputs_of(model).items():
            yield id, model, rows, name, given, rows[name]


@pytest.mark.parametrize("profile", TABLE)
def test_types_defaults_and_required_inputs_are_the_documented_ones(profile):
    for id, _, _, name, given, row in documented_inputs(profile):
        found = (id, name, given.type, given.default, given.required)
        assert found == (id, name, row.type, row.default, row.required)


@pytest.mark.parametrize("profile", TABLE)
def test_a_value_of_the_wrong_type_is_rejected(profile):
    for id, model, rows, name, _, row in documented_inputs(profile):
        for value in [] if name == "prompt" else WRONG[row.type]:
            asked = {**around(rows, name), name: value}
            assert verdict_of(model, asked, "x") == "refused", (id, name, value)


@pytest.mark.parametrize("profile", TABLE)
def test_a_missing_required_input_is_rejected(profile):
    for id, model, rows, name, _, row in documented_inputs(profile):
        if row.required:
            rest = {k: v for k, v in around(rows, name).items() if k != name}
            assert verdict_of(model, rest, "x") == "refused", (id, name)
            if profile == "liangxin":
                assert not accepted_by_sandbox(id, rest, "x"), (id, name)


@pytest.mark.parametrize(("id", "good", "bad"), TOGETHER)
def test_inputs_that_belong_together_are_checked_together(id, good, bad):
    model = catalog.find_model("liangxin", id)
    assert (verdict_of(model, good, "xx"), accepted_by_sandbox(id, good, "xx")) == (
        "accepted",
        True,
    )
    assert (verdict_of(model, bad, "xx"), accepted_by_sandbox(id, bad, "xx")) == ("refused", False)


@pytest.mark.parametrize(("id", "both"), EXCLUSIVE)
def test_inputs_that_exclude_each_other_are_rejected_before_sending(id, both):
    assert verdict_of(catalog.find_model("liangxin", id), both, "x") == "refused"
    assert accepted_by_sandbox(id, both, "x")


@pytest.mark.parametrize("profile", TABLE)
def test_plain_options_set_the_documented_inputs(profile):
    for id, line in PLAIN[profile].items():
        found = zip(("aspect", "size", "seed", "image"), line.split(), strict=True)
        expected = {word: name for word, name in found if name != "-"}
        assert (id, catalog.find_model(profile, id).common_options) == (id, expected)
    assert set(PLAIN[profile]) == set(TABLE[profile])


def test_only_the_undocumented_model_name_is_marked_as_inferred():
    doubtful = [id for id, model in catalog.load_models("liangxin").items() if not model.documented]
    assert doubtful == ["seedream-v5-lite-edit"]


def test_the_models_that_the_service_lists_are_marked_as_listed():
    listed = {
        id for id, model in catalog.load_models("liangxin").items() if model.inputs_documented
    }
    assert listed == {
        "z-image", "seedream-v4-5", "nano-banana-pro", "nano-banana-pro-flash", "imagen4-ultra",
        "flux-2-pro",
    }  # fmt: skip
    assert not any(model.inputs_documented for model in catalog.load_models("kie").values())
