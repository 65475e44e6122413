"""Weather over a scene: rain, snow, fog and storm light."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import ImageChops

from liangxin_nb.sandbox.painter._colour import WHITE, mix
from liangxin_nb.sandbox.painter._noise import field, threshold
from liangxin_nb.sandbox.painter._shapes import disc, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec


def add_weather(canvas: Canvas, brief: SceneSpec) -> None:
    """Add the weather to the canvas; fair weather changes nothing."""
    kind = brief.weather or ("snowfall" if brief.light == "snowfall" else "")
    WEATHERS.get(kind, _clear)(canvas, brief)


def _clear(canvas: Canvas, brief: SceneSpec) -> None:
    """Change nothing."""


def _rain(canvas: Canvas, brief: SceneSpec) -> None:
    slant = canvas.rng.uniform(-0.28, 0.28)
    for reach, thin, strength in ((0.05, 0.0011, 0.16), (0.09, 0.0016, 0.2)):
        canvas.shapes(_streaks(canvas, 260, reach, thin, slant), brief.palette.sky[3], strength)
    veil = fade((canvas.w, canvas.h), lambda t: 0.25 * t)
    canvas.lay(veil, mix(brief.palette.sky[2], brief.palette.far, 0.5), 0.8)


def _streaks(
    canvas: Canvas, count: int, reach: float, thin: float, slant: float
) -> list[list[tuple[float, float]]]:
    rng, u = canvas.rng, canvas.u
    out = []
    for _ in range(round(count * canvas.long)):
        x, y = rng.uniform(-0.05, 1.05) * canvas.w, rng.uniform(-0.1, 1) * canvas.h
        long = u * reach * rng.uniform(0.5, 1.2)
        out.append(stroke([(x, y), (x + slant * long, y + long)], [0.0, thin * u * 1.6]))
    return out


def _snowfall(canvas: Canvas, brief: SceneSpec) -> None:
    rng, u = canvas.rng, canvas.u
    for count, radius, strength in ((240, 0.0022, 0.55), (90, 0.0038, 0.75), (16, 0.0085, 0.4)):
        flakes = []
        for _ in range(round(count * canvas.long)):
            at = rng.random() * canvas.w, rng.random() * canvas.h
            flakes.append(disc(at, u * radius * rng.uniform(0.6, 1.3), sides=12))
        canvas.shapes(flakes, mix(WHITE, brief.palette.light, 0.2), strength)


def _fog(canvas: Canvas, brief: SceneSpec) -> None:
    size = canvas.w, canvas.h
    noise = field(canvas.rng, size, (1.6 * canvas.wide, 4.0 * canvas.h / canvas.u), 4)
    band = fade(size, lambda t: math.exp(-(((t - 0.62) / 0.26) ** 2)))
    drift = threshold(noise, 0.25, 0.7)
    canvas.lay(ImageChops.multiply(drift, band), mix(brief.palette.sky[3], WHITE, 0.1), 0.75)


def _storm(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint rain, and one or two bolts from the upper edge."""
    rng, u = canvas.rng, canvas.u
    for _ in range(rng.randint(1, 2)):
        x = canvas.w - canvas.focus[0] + rng.uniform(-0.15, 0.15) * canvas.w
        bolt = _bolt(canvas, (x, -u * 0.02), canvas.h * rng.uniform(0.38, 0.46))
        for spot in bolt[::4]:
            canvas.glow(spot, u * 0.2, mix(brief.palette.light, brief.palette.sky[3], 0.5), 0.2)
        canvas.shape(
            stroke(bolt, [u * 0.006, u * 0.004, 0.0]), mix(brief.palette.light, WHITE, 0.6)
        )
        fork = _bolt(canvas, bolt[len(bolt) // 3], canvas.h * 0.14)
        canvas.shape(stroke(fork, [u * 0.003, 0.0]), brief.palette.light, 0.85)
    _rain(canvas, brief)


def _bolt(canvas: Canvas, start: Point, drop: float) -> list[Point]:
    rng = canvas.rng
    path, lean = [start], rng.uniform(-0.5, 0.5)
    for _ in range(14):
        x, y = path[-1]
        path.append((x + drop / 14 * (lean + rng.uniform(-1.3, 1.3)), y + drop / 14))
    return path


WEATHERS: dict[str, Callable[[Canvas, SceneSpec], None]] = {
    "rain": _rain,
    "storm": _storm,
    "snowfall": _snowfall,
    "fog": _fog,
}
