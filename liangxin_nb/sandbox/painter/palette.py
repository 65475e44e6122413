"""The colours of a picture, selected by its light and colour words."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from liangxin_nb.sandbox.painter._colour import Rgb, mix, rgb, scaled, tinted, turned


@dataclass(frozen=True)
class Palette:
    """The colours of a picture.

    Attributes:
        sky: Gradient from the zenith to the horizon.
        light: Sun, moon or lamp.
        far: The most distant land.
        near: The foreground.
        accent: A colour that stands out.
        leaf: Foliage and flowers.
        tinted: Whether the prompt names colours.
    """

    sky: tuple[Rgb, ...]
    light: Rgb
    far: Rgb
    near: Rgb
    accent: Rgb
    leaf: tuple[Rgb, ...]
    tinted: bool = False

    def depth(self, t: float) -> Rgb:
        """Return the colour of land at a distance: 0 is the horizon, 1 the foreground."""
        return mix(self.far, self.near, t)


# Each line: four sky stops from the zenith down, then light, far, near, accent.
LIGHTS: dict[str, tuple[str, ...]] = {
    "dawn": (
        "#33416f #7a74a3 #dfa3a0 #f9d6ae #fff1d2 #b596a9 #1d2341 #f2a65a",
        "#4b7f90 #93b8b3 #f2cda9 #fde6c6 #fff6dd #a7bab4 #1b3940 #e8795a",
        "#4d5d94 #a493bd #f0b7b5 #fbdcc3 #fff2dc #bfa3b8 #2a2748 #e56b6f",
    ),
    "noon": (
        "#2b70b0 #5a9fce #a4d0e3 #eaf3ec #fffbe8 #98bdd0 #153c4a #e9b44c",
        "#3b8ba6 #75b6bd #bcdcd2 #f5f0dd #fffae6 #9fc4bd #1d4540 #e76f51",
        "#5487b8 #8fb4d0 #cfdcdc #f7ead2 #fff8e3 #b3c4c8 #2b4152 #d9734e",
    ),
    "sunset": (
        "#2b1c4d #7c2f66 #e25d5b #fcb963 #ffe6a8 #b1506a #170e2a #ffcf70",
        "#2c3d63 #8b5c7f #ea8d6b #fcd690 #fff0c4 #b07080 #1b1d38 #ff9f5a",
        "#4d1a30 #a3323c #ec6f4a #fbc98c #ffedc2 #b4504a #1f0d18 #ffd27a",
    ),
    "night": (
        "#070b1f #101b40 #203767 #4a6b96 #f5f1dc #2b4672 #050814 #ffc06a",
        "#04141d #092b3d #134d5f #4a8f93 #f0f3de #1d5563 #030d13 #ffb25c",
        "#0d0820 #251549 #4a2b75 #94599a #fbeee0 #4a2f74 #090516 #ff9d7a",
    ),
    "overcast": (
        "#5d6d78 #83929a #aab5b7 #d3d7d2 #f2efe2 #98a5aa #1f292e #e0a458",
        "#4c6473 #7590a0 #a4bac1 #d8dfda #f3f3e8 #8fa7b1 #1a2b36 #de7f5a",
        "#6b6775 #918d99 #b8b4b6 #dcd6cf #f5eee2 #a5a0a8 #27242f #d98a5b",
    ),
    "fog": (
        "#a5b3b6 #bdc8c8 #d6dcd7 #ebeae1 #fbf7ea #c4cdcb #36474c #d98f5c",
        "#9fb0bf #bac7cf #d6dcdd #eeeae2 #fdf6ea #c2ccd2 #344353 #cf7d63",
        "#b5ada9 #cbc3bb #e0d8cd #f1eadf #fff8ea #d2c9c0 #4a4342 #c8744f",
    ),
    "storm": (
        "#121b25 #283743 #4c5c65 #97a49d #eef2e0 #4d5e66 #0b1117 #f0c36a",
        "#1a1a2b #34344b #5d5c72 #a79f9f #f3ecdf #57566c #0e0e18 #f2a65a",
    ),
    "snowfall": (
        "#7e9bb5 #a5bccd #cad8df #f0f1ec #fffaf0 #b4c6d2 #2c4257 #d9694f",
        "#8793b0 #b0b6c9 #d4d6dd #f3eee8 #fff8ec #bcc0d0 #333a55 #e0825a",
    ),
}

LEAVES: dict[str, str] = {
    "summer": "#3f7d4e #5f9a55 #8fb05a #2d6350",
    "spring": "#e9a6b5 #f4c7cb #9fc07a #d97f9c",
    "autumn": "#c8502e #e08a35 #e9b44c #93362c",
    "winter": "#e4edf2 #c3d4df #9fb8c8 #f6f8f7",
}


def choose_palette(light: str, season: str, hues: Sequence[str], rng: random.Random) -> Palette:
    """Choose a palette of the light, with a random hue shift and the colours of the prompt."""
    colours = [rgb(code) for code in rng.choice(LIGHTS[light]).split()]
    shift = rng.uniform(-9, 9)
    colours = [turned(c, shift, 1.0) for c in colours]
    leaf = tuple(turned(rgb(code), shift) for code in LEAVES[season].split())
    plain = Palette(tuple(colours[:4]), colours[4], colours[5], colours[6], colours[7], leaf)
    return _tinted(plain, [rgb(h) for h in hues])


def _tinted(palette: Palette, hues: list[Rgb]) -> Palette:
    """Tint sky and land with the first colour, and use the last one as the accent."""
    if not hues:
        return palette
    main, second = hues[0], hues[-1]
    return replace(
        palette,
        sky=tuple(tinted(c, main, 0.75) for c in palette.sky),
        light=tinted(palette.light, second, 0.35),
        far=tinted(palette.far, main, 0.62),
        near=tinted(palette.near, main, 0.55),
        accent=scaled(second, 0.58),
        leaf=tuple(tinted(c, second, 0.75) for c in palette.leaf),
        tinted=True,
    )
