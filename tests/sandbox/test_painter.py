"""The painter: deterministic pictures with a motif that depends on the prompt."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from liangxin_nb.sandbox.painter import paint
from liangxin_nb.sandbox.painter._vocabulary import MOTIFS
from liangxin_nb.sandbox.painter.finish import add_caption
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec, create_rng, parse_prompt

ROOT = Path(__file__).resolve().parents[2]
SMALL = (96, 96)


@cache
def open_picture(prompt: str, seed: int = 1, size: tuple[int, int] = SMALL) -> Image.Image:
    return Image.open(io.BytesIO(paint(prompt, seed=seed, size=size))).convert("RGB")


def parse(prompt: str) -> SceneSpec:
    return parse_prompt(prompt, create_rng(prompt, 1))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of a channel, 0 to 255."""
    histogram = ImageChops.difference(one, other).convert("L").histogram()
    return sum(i * n for i, n in enumerate(histogram)) / sum(histogram)


def test_same_arguments_give_same_bytes() -> None:
    assert paint("a cat", seed=3, size=SMALL) == paint("a cat", seed=3, size=SMALL)


def test_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from liangxin_nb.sandbox.painter import paint;"
        "print(hashlib.sha256(paint('红色 autumn lake', seed=5, size=(96, 96))).hexdigest())"
    )
    env = {**os.environ, "PYTHONHASHSEED": "271", "PYTHONPATH": str(ROOT)}
    process = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    expected = hashlib.sha256(paint("红色 autumn lake", seed=5, size=SMALL)).hexdigest()
    assert process.stdout.decode().strip() == expected


def test_seed_changes_the_composition() -> None:
    assert difference(open_picture("mountains", 1), open_picture("mountains", 2)) > 6


def test_prompt_changes_the_picture_of_one_motif() -> None:
    assert difference(open_picture("a quiet lake"), open_picture("the old lake")) > 6


def test_one_seed_is_one_composition_at_two_sizes() -> None:
    small, large = (
        open_picture("sunset lake", 4, (128, 80)),
        open_picture("sunset lake", 4, (512, 320)),
    )
    assert difference(small, large.resize(small.size, Image.Resampling.LANCZOS)) < 6


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
def test_picture_has_the_requested_format_and_size(image_format: str) -> None:
    image = Image.open(io.BytesIO(paint("sea", seed=1, size=(120, 70), image_format=image_format)))
    assert (image.format, image.size, image.mode) == (image_format.upper(), (120, 70), "RGB")


@pytest.mark.parametrize("motif", sorted(MOTIFS))
def test_every_motif_fits_every_ratio(motif: str) -> None:
    word = MOTIFS[motif].split(",")[0]
    sizes = [(64, 64), (48, 112), (160, 48)]
    assert [open_picture(word, 2, size).size for size in sizes] == sizes


@pytest.mark.parametrize("size", [(16, 16), (16, 200), (300, 16)])
def test_smallest_sizes_are_supported(size: tuple[int, int]) -> None:
    assert open_picture("city at night", 1, size).size == size


@pytest.mark.parametrize("weather", ["rain", "storm", "fog", "snowfall", "spring", "autumn"])
def test_weather_and_season_change_the_picture(weather: str) -> None:
    assert difference(open_picture(f"mountains {weather}"), open_picture("mountains sunny")) > 6


@pytest.mark.parametrize(
    ("english", "chinese", "motif"),
    [
        ("mountains", "远处的群山", "mountains"),
        ("the sea", "海边", "sea"),
        ("a forest", "一片森林", "forest"),
        ("city skyline", "上海的天际线", "city"),
        ("street cafe", "街角的咖啡馆", "cafe"),
        ("sand dunes", "金色沙丘", "desert"),
        ("wild flowers", "野花盛开", "garden"),
        ("a planet", "一颗行星", "space"),
        ("lake", "湖面", "lake"),
        ("winter", "冬天的小木屋", "winter"),
        ("portrait", "少女肖像", "portrait"),
        ("two cats", "窗台上的橘猫", "cat"),
        ("bowl of fruit", "一碗水果", "still"),
        ("abstract", "抽象画", "abstract"),
    ],
)
def test_english_and_chinese_select_one_motif(english: str, chinese: str, motif: str) -> None:
    assert (parse(english).motif, parse(chinese).motif) == (motif, motif)


@pytest.mark.parametrize(
    ("prompt", "motif"),
    [
        ("un gato negro", "cat"),
        ("une forêt", "forest"),
        ("FORET", "forest"),
        ("hohe Berge", "mountains"),
        ("砂漠", "desert"),
        ("ねこ", "cat"),
    ],
)
def test_other_languages_are_supported(prompt: str, motif: str) -> None:
    assert parse(prompt).motif == motif


def test_only_whole_words_match() -> None:
    assert parse("scattered thoughts").motif != "cat"
    assert parse("上海").motif == "city"
    assert parse("银河").motif == "space"


def test_light_weather_and_season_are_parsed() -> None:
    brief = parse("a rainy autumn forest at night")
    assert (brief.light, brief.weather, brief.season) == ("night", "rain", "autumn")
    brief = parse("秋天的夜晚，细雨中的森林")
    assert (brief.light, brief.weather, brief.season) == ("night", "rain", "autumn")


def test_subject_is_painted_in_the_landscape_of_the_prompt() -> None:
    brief = parse("a cat in the snow")
    assert (brief.motif, brief.place) == ("cat", "winter")


def test_colour_words_tint_the_sky() -> None:
    red, blue = parse("red abstract").palette.sky[1], parse("蓝色抽象").palette.sky[1]
    assert red[0] > red[2]
    assert blue[2] > blue[0]


@pytest.mark.parametrize(
    "prompt",
    ["", "qwerty zxcv", "\ud800", "🦊", "x" * 5000],
    ids=["empty", "unknown words", "unpaired surrogate", "emoji", "long"],
)
def test_any_prompt_gives_a_picture(prompt: str) -> None:
    assert open_picture(prompt).size == SMALL


def test_caption_changes_only_the_lower_right_corner() -> None:
    for background in ((250, 250, 245), (8, 8, 20)):
        plain = Image.new("RGB", (400, 300), background)
        box = ImageChops.difference(plain, add_caption(plain.copy())).getbbox()
        assert box is not None
        assert box[0] > 200
        assert box[1] > 270


@pytest.mark.parametrize("image_format", ["gif", "PNG", ""])
def test_unknown_format_is_rejected(image_format: str) -> None:
    with pytest.raises(ValueError, match=f"{image_format!r}.*png, jpeg, webp"):
        paint("sea", seed=1, size=SMALL, image_format=image_format)


@pytest.mark.parametrize("size", [(15, 64), (64, 4097), (0, 0), (-64, 64)])
def test_invalid_size_is_rejected(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=f"{size[0]}, {size[1]}.*16 to 4096"):
        paint("sea", seed=1, size=size)
