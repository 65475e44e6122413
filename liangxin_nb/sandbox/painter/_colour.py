"""Colour arithmetic on plain 8-bit RGB triples."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (0, 0, 0)


def rgb(code: str) -> Rgb:
    """Read a colour written as ``#rrggbb``."""
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)


def mix(a: Rgb, b: Rgb, t: float) -> Rgb:
    """Blend from ``a`` (t=0) to ``b`` (t=1); t outside 0..1 is clamped."""
    t = min(1.0, max(0.0, t))
    r, g, bl = (round(x + (y - x) * t) for x, y in zip(a, b, strict=True))
    return r, g, bl


def along(stops: Sequence[Rgb], t: float) -> Rgb:
    """Return the colour at ``t`` (0..1) on an evenly spaced ramp of stops."""
    place = min(1.0, max(0.0, t)) * (len(stops) - 1)
    low = min(int(place), len(stops) - 2)
    return mix(stops[low], stops[low + 1], place - low)


def light_of(colour: Rgb) -> float:
    """Return perceived lightness, 0 (black) to 1 (white)."""
    r, g, b = colour
    return (0.30 * r + 0.59 * g + 0.11 * b) / 255


def scaled(colour: Rgb, light: float) -> Rgb:
    """Return the same hue brought to the given lightness (0..1)."""
    now = light_of(colour)
    if light <= now:
        return mix(BLACK, colour, light / max(now, 0.01))
    return mix(colour, WHITE, (light - now) / max(1 - now, 0.01))


def tinted(colour: Rgb, hue: Rgb, amount: float) -> Rgb:
    """Pull a colour towards another hue while keeping its lightness."""
    return mix(colour, scaled(hue, light_of(colour)), amount)


def turned(colour: Rgb, degrees: float, richness: float = 1.0) -> Rgb:
    """Rotate the hue by some degrees and scale the saturation."""
    h, s, v = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    r, g, b = colorsys.hsv_to_rgb((h + degrees / 360) % 1.0, min(1.0, s * richness), v)
    return round(r * 255), round(g * 255), round(b * 255)
