"""A city skyline: towers behind towers, lit windows and a river of light below."""

from __future__ import annotations

from PIL import Image

from liangxin_nb.sandbox.painter._colour import Rgb, mix
from liangxin_nb.sandbox.painter._shapes import disc, rect
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky
from liangxin_nb.sandbox.painter.water import mirror, paint_swell

LAMP: Rgb = (255, 206, 122)
Outline = list[Point]


def paint_city(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint three depths of towers above water or a lamplit quay."""
    rng = canvas.rng
    river = rng.random() < 0.7
    level = canvas.h * (rng.uniform(0.68, 0.76) if river else 0.97)
    paint_sky(canvas, brief, level / canvas.h, 0.6 if brief.dark else 0.8)
    _paint_haze(canvas, brief, level)
    heart = rng.uniform(0.3, 0.7)
    for i in range(3):
        _paint_row(canvas, brief, level, i / 2, heart)
        _paint_haze(canvas, brief, level, 0.5 - 0.2 * i)
    if river:
        mirror(canvas, brief, level, 0.3)
        _smear(canvas, level)
        paint_swell(canvas, level, mix(brief.palette.accent, LAMP, 0.5), 0.22, 80)
        paint_swell(canvas, level, brief.palette.near, 0.4, 110)
    canvas.shape(
        rect(0, level - canvas.u * 0.004, canvas.w, level + canvas.u * 0.006),
        brief.palette.near,
        0.9,
    )
    _paint_quay_lamps(canvas, brief, level)


def _paint_haze(canvas: Canvas, brief: SceneSpec, level: float, strength: float = 0.55) -> None:
    """Paint the glow that streets throw up between the towers."""
    tone = mix(brief.palette.accent, brief.palette.sky[3], 0.5)
    top = round(level - canvas.u * 0.4)
    size = canvas.w, round(level) - max(0, top)
    canvas.stamp(
        fade(size, lambda t: 0.6 * t**2.2), (0, max(0, top), canvas.w, round(level)), tone, strength
    )


def _paint_row(canvas: Canvas, brief: SceneSpec, level: float, t: float, heart: float) -> None:
    """Paint one depth of buildings; they grow towards the heart of the city."""
    rng, u = canvas.rng, canvas.u
    wall = mix(brief.palette.depth(0.25 + 0.65 * t), brief.palette.sky[2], 0.25 * (1 - t))
    foot = mix(wall, mix(brief.palette.accent, brief.palette.sky[3], 0.4), 0.3 * (1 - 0.5 * t))
    shapes: list[Outline] = []
    sides: list[Outline] = []
    lights: list[list[Outline]] = [[], [], []]
    x = -u * 0.05
    tall = (u * 0.55 + canvas.h * 0.45) * (0.6 - 0.25 * t)
    while x < canvas.w:
        wide = u * rng.uniform(0.05, 0.13) * (0.8 + 0.35 * t)
        near = 1 - min(1.0, abs((x + wide / 2) / canvas.w - heart) / 0.55)
        top = level - min(
            level * 0.92,
            tall * (0.22 + 0.75 * near**1.3 * rng.uniform(0.35, 1.0) + 0.14 * rng.random()),
        )
        shapes += _tower(canvas, x, wide, top, level)
        sides.append(rect(x + wide * 0.72, top, x + wide, level))
        _light_up(canvas, lights, (x, top, x + wide, level), t)
        x += wide * rng.uniform(0.92, 1.2)
    canvas.shapes(shapes, gradient((8, 128), [wall, mix(wall, foot, 0.4), foot]))
    canvas.shapes(sides, brief.palette.near, 0.2)
    _paint_windows(canvas, brief, lights, t)


def _tower(canvas: Canvas, x: float, wide: float, top: float, foot: float) -> list[Outline]:
    """Return a body with one of several roofs: flat, stepped, slanted, spired or domed."""
    rng = canvas.rng
    mid = x + wide / 2
    body = rect(x, top, x + wide, foot)
    roofs: list[list[Outline]] = [
        [],
        [
            rect(x + wide * 0.2, top - wide * 0.25, x + wide * 0.8, top + 1),
            rect(mid - wide * 0.04, top - wide * 0.8, mid + wide * 0.04, top),
        ],
        [[(x, top + 1), (x, top - wide * 0.4), (x + wide, top + 1)]],
        [
            [(x + wide * 0.1, top + 1), (mid, top - wide * 0.9), (x + wide * 0.9, top + 1)],
            rect(mid - wide * 0.025, top - wide * 1.5, mid + wide * 0.025, top - wide * 0.6),
        ],
        [disc((mid, top), wide * 0.36, wide * 0.42)],
        [
            rect(x + wide * 0.15, top - wide * 0.5, x + wide * 0.85, top + 1),
            rect(x + wide * 0.32, top - wide * 0.95, x + wide * 0.68, top),
        ],
        [rect(x + wide * 0.15, top - wide * 0.12, x + wide * 0.45, top + 1)],
    ]
    return [body, *rng.choice(roofs)]


def _light_up(
    canvas: Canvas, lights: list[list[Outline]], box: tuple[float, float, float, float], t: float
) -> None:
    """Sort a building's lit windows into three brightness groups."""
    rng = canvas.spare()
    x0, y0, x1, y1 = box
    cell = canvas.u * (0.0085 + 0.0055 * t)
    columns = max(2, int((x1 - x0) / cell) - 1)
    rows = int((y1 - y0) / (cell * 1.35)) - 1
    gap = (x1 - x0) / (columns + 1)
    share = rng.uniform(0.12, 0.5)
    for row in range(rows):
        whole_row = rng.random() < 0.08
        for column in range(columns):
            if rng.random() < (0.9 if whole_row else share):
                x = x0 + gap * (column + 0.72)
                y = y0 + cell * (1.0 + 1.35 * row)
                lights[rng.randrange(3)].append(rect(x, y, x + gap * 0.56, y + cell * 0.72))


def _paint_windows(canvas: Canvas, brief: SceneSpec, lights: list[list[Outline]], t: float) -> None:
    glow = {"night": 1.0, "sunset": 0.72, "dawn": 0.5}.get(brief.light, 0.4)
    tones = LAMP, mix(LAMP, brief.palette.accent, 0.6), mix(brief.palette.sky[3], LAMP, 0.3)
    for tone, panes, strength in zip(tones, lights, (0.95, 0.7, 0.4), strict=True):
        canvas.shapes(panes, tone, strength * glow * (0.5 + 0.5 * t))


def _smear(canvas: Canvas, level: float) -> None:
    """Draw reflected lights out downwards, as moving water does."""
    top = round(level)
    part = canvas.image.crop((0, top, canvas.w, canvas.h))
    squeezed = part.resize(
        (part.width, max(2, part.height // max(1, round(canvas.u * 0.03)))), Image.Resampling.BOX
    )
    long = squeezed.resize(part.size, Image.Resampling.BICUBIC)
    canvas.image.paste(Image.blend(part, long, 0.55), (0, top))


def _paint_quay_lamps(canvas: Canvas, brief: SceneSpec, level: float) -> None:
    if brief.light in ("noon", "dawn"):
        return
    count = canvas.across(9)
    offset = canvas.rng.random()
    for i in range(count):
        spot = (i + offset) / count * canvas.w, level - canvas.u * 0.012
        canvas.glow(spot, canvas.u * 0.05, LAMP, 0.6, 3)
        canvas.shape(disc(spot, canvas.u * 0.0028, sides=14), (255, 244, 214))
        streak = [
            (spot[0] - canvas.u * 0.004, level),
            (spot[0] + canvas.u * 0.004, level),
            (spot[0], level + canvas.u * 0.16),
        ]
        canvas.shape(streak, LAMP, 0.28)
