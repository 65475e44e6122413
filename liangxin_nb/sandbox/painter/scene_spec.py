"""Parse a prompt: motif, light, weather, season, props and colours."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

import liangxin_nb.sandbox.painter._vocabulary as known
from liangxin_nb.sandbox.painter.keywords import match_keywords
from liangxin_nb.sandbox.painter.palette import Palette, choose_palette


@dataclass(frozen=True)
class SceneSpec:
    """Everything that a scene needs besides its canvas.

    Attributes:
        motif: The subject or the landscape.
        place: A landscape as the background of a subject, empty without one.
        light: Time of day.
        weather: The weather, empty for fair weather.
        season: The season.
        props: Additional objects.
        palette: The colours.
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
        """Whether lamps and stars are visible."""
        return self.light == "night"


# The light of a motif if the prompt names none; "" chooses at random.
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
GENTLE_LIGHT = ("dawn", "noon", "dawn")  # spring blossom does not suit a dark sky
SUBJECTS = ("cat", "portrait")
# Weather that dims the day enough to replace its palette when no light is named.
GREY = {"rain": "overcast", "fog": "fog", "storm": "storm", "snowfall": "snowfall"}
GUESSES = ("mountains", "sea", "lake", "forest", "desert", "garden", "abstract", "abstract")


def create_rng(prompt: str, seed: int) -> random.Random:
    """Create the generator of a picture, equal in every process and on every machine."""
    digest = hashlib.sha256(f"{seed}\n{prompt}".encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest, "big"))  # noqa: S311 not used for secrets


def parse_prompt(prompt: str, rng: random.Random) -> SceneSpec:
    """Parse a prompt; what it does not name is chosen at random."""
    motifs = _motifs(prompt)
    # A guessed motif depends on the prompt alone, so seeds vary one subject.
    motif = motifs[0] if motifs else create_rng(prompt, 0).choice(GUESSES)
    weather = next(iter(match_keywords(prompt, known.WEATHERS)), "")
    light = _light(prompt, motif, weather, rng)
    default_season = "winter" if motif == "winter" else "summer"
    season = next(iter(match_keywords(prompt, known.SEASONS)), default_season)
    return SceneSpec(
        motif=motif,
        place=motifs[1] if len(motifs) > 1 and motif in SUBJECTS else "",
        light=light,
        weather=weather,
        season=season,
        props=frozenset(match_keywords(prompt, known.PROPS)),
        palette=choose_palette(light, season, match_keywords(prompt, known.COLOURS)[:2], rng),
    )


def _motifs(prompt: str) -> list[str]:
    """Return the motifs in the prompt, subjects (cat, portrait) before landscapes."""
    motifs = match_keywords(prompt, known.MOTIFS)
    return sorted(motifs, key=lambda name: name not in SUBJECTS)


def _light(prompt: str, motif: str, weather: str, rng: random.Random) -> str:
    gentle = bool(match_keywords(prompt, {"spring": known.SEASONS["spring"]}))
    usual = rng.choice(GENTLE_LIGHT if gentle else USUAL_LIGHT.get(motif, ANY_LIGHT))
    named = match_keywords(prompt, known.LIGHTS)
    if named:
        return named[0]
    if weather and usual != "night":
        return GREY[weather]
    return usual
