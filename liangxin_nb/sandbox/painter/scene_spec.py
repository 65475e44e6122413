"""What a prompt asks for: motif, light, weather, season, props and colours."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import liangxin_nb.sandbox.painter._vocabulary as known
from liangxin_nb.sandbox.painter.keywords import found
from liangxin_nb.sandbox.painter.palette import Palette, chosen


@dataclass(frozen=True)
class SceneSpec:
    """The painter's order: everything a scene needs besides its canvas.

    ``place`` is a second, landscape motif behind a subject ("" when the prompt names none).
    """

    motif: str
    place: str
    light: str
    weather: str
    season: str
    props: frozenset[str]
    palette: Palette

    @property
    def dark(self) -> bool:
        """Whether lamps and stars are out."""
        return self.light == "night"


# The light a motif is painted in when the prompt names none; "" leaves it to chance.
USUAL_LIGHT: dict[str, tuple[str, ...]] = {
    "city": ("night", "night", "sunset"),
    "cafe": ("night", "night", "sunset"),
    "space": ("night",),
    "winter": ("snowfall", "dawn", "snowfall"),
    "desert": ("sunset", "dawn", "noon"),
    "garden": ("noon", "dawn", "noon"),
    "cat": ("night", "sunset", "dawn"),
}
ANY_LIGHT = ("dawn", "sunset", "noon", "dawn", "sunset", "night")
GENTLE_LIGHT = ("dawn", "noon", "dawn")  # spring blossom suits no dark sky
SUBJECTS = ("cat", "portrait")
# Weather that dims the day enough to replace its palette when no light is named.
GREY = {"rain": "overcast", "fog": "fog", "storm": "storm", "snowfall": "snowfall"}
GUESSES = ("mountains", "sea", "lake", "forest", "desert", "garden", "abstract", "abstract")


def chance(prompt: str, seed: int) -> random.Random:
    """The one source of chance for a picture: the same in every process and on every machine."""
    digest = hashlib.sha256(f"{seed}\n{prompt}".encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest, "big"))  # noqa: S311 - a picture keeps no secret


def read(prompt: str, rng: random.Random) -> SceneSpec:
    """Turn a prompt into a brief; chance fills in what the words leave open."""
    motifs = _motifs(prompt)
    # A guessed motif depends on the prompt alone, so seeds vary one subject.
    motif = motifs[0] if motifs else chance(prompt, 0).choice(GUESSES)
    weather = next(iter(found(prompt, known.WEATHERS)), "")
    light = _light(prompt, motif, weather, rng)
    season = next(iter(found(prompt, known.SEASONS)), "winter" if motif == "winter" else "summer")
    return SceneSpec(
        motif=motif,
        place=motifs[1] if len(motifs) > 1 and motif in SUBJECTS else "",
        light=light,
        weather=weather,
        season=season,
        props=frozenset(found(prompt, known.PROPS)),
        palette=chosen(light, season, found(prompt, known.COLOURS)[:2], rng),
    )


def _motifs(prompt: str) -> list[str]:
    """Motifs named by the prompt, a subject (cat, portrait) before the places around it."""
    motifs = found(prompt, known.MOTIFS)
    return sorted(motifs, key=lambda name: name not in SUBJECTS)


def _light(prompt: str, motif: str, weather: str, rng: random.Random) -> str:
    gentle = bool(found(prompt, {"spring": known.SEASONS["spring"]}))
    usual = rng.choice(GENTLE_LIGHT if gentle else USUAL_LIGHT.get(motif, ANY_LIGHT))
    named = found(prompt, known.LIGHTS)
    if named:
        return named[0]
    if weather and usual != "night":
        return GREY[weather]
    return usual
