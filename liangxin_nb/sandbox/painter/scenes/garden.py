"""A garden or meadow: flowers from a soft distance to a sharp foreground."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import WHITE, Rgb, mix, tinted, turned
from liangxin_nb.sandbox.painter._shapes import blob, curve, disc, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.flora import FLOWERS, Flower, blade, crown, daisy, leaf, trunk
from liangxin_nb.sandbox.painter.land import body, ridge_line
from liangxin_nb.sandbox.painter.props import add_birds, add_house
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.sky import paint_sky

GREEN: Rgb = (104, 142, 74)
BLOOMS: tuple[Rgb, ...] = (
    (232, 90, 79),
    (247, 178, 83),
    (240, 138, 160),
    (151, 117, 190),
    (250, 240, 222),
    (88, 130, 193),
)


def paint_garden(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint hills and trees behind a meadow with flowers that are larger towards the viewer."""
    rng = canvas.rng
    horizon = rng.uniform(0.42, 0.58)
    paint_sky(canvas, brief, horizon + 0.05)
    for i in range(3):
        line = ridge_line(canvas, canvas.h * (horizon + 0.05 * i), canvas.u * 0.09, 1.6, 0.3)
        tone = mix(_green(brief, 0.25 + 0.2 * i), brief.palette.sky[3], 0.55 - 0.2 * i)
        canvas.shape(
            body(canvas, line), gradient((8, 64), [tone, mix(tone, brief.palette.sky[3], 0.3)])
        )
        _paint_trees(canvas, brief, line, tone, i)
    if "house" in brief.props or rng.random() < 0.25:
        spot = canvas.w * rng.choice((0.28, 0.7)), canvas.h * (horizon + 0.1)
        add_house(
            canvas, brief, spot, canvas.u * 0.11, mix(brief.palette.accent, brief.palette.near, 0.4)
        )
    if rng.random() < 0.4:
        add_birds(canvas, brief, (canvas.w * 0.55, canvas.h * 0.18), canvas.u * 0.15)
    _paint_meadow(canvas, brief, horizon + 0.1)


def _green(brief: SceneSpec, depth: float) -> Rgb:
    base = mix(brief.palette.leaf[0], GREEN, 0.6)
    tone = tinted(mix(base, brief.palette.near, 0.55 * depth), brief.palette.far, 0.22)
    return mix(tone, brief.palette.near, 0.55) if brief.dark else tone


def _paint_trees(canvas: Canvas, brief: SceneSpec, line: list[Point], tone: Rgb, row: int) -> None:
    rng = canvas.rng
    for _ in range(canvas.across(rng.randint(2, 5))):
        x, y = line[rng.randrange(len(line))]
        size = canvas.u * rng.uniform(0.02, 0.035) * (1 + row * 0.7)
        ink = mix(mix(tone, brief.palette.near, 0.3), brief.palette.leaf[rng.randrange(4)], 0.3)
        canvas.shape(
            trunk(rng, (x, y + size * 0.4), size * 2.2, size * 0.16),
            mix(ink, brief.palette.near, 0.5),
        )
        heads = crown(rng, (x, y - size * 1.7), size * 1.3, 11)
        canvas.shapes(heads, ink)
        canvas.shapes(
            [[(px, py - size * 0.25) for px, py in h] for h in heads[::2]],
            mix(ink, brief.palette.light, 0.3),
            0.5,
        )


def _paint_meadow(canvas: Canvas, brief: SceneSpec, top: float) -> None:
    """Paint rows of grass and flowers; the last row stands out of the lower edge."""
    rng = canvas.rng
    kinds = rng.sample(FLOWERS, 2)
    tones = _bloom_tones(canvas, brief)
    rows = 9
    for i in range(rows):
        t = i / (rows - 1)
        y = canvas.h * (top + (1.03 - top) * t**1.35)
        line = ridge_line(canvas, y, canvas.u * 0.03, 2, 0.3)
        ground = mix(_green(brief, 0.35 + 0.5 * t), brief.palette.sky[3], 0.34 * (1 - t))
        canvas.shape(body(canvas, line), ground)
        _paint_grass(canvas, line, mix(ground, brief.palette.light, 0.1), t)
        _paint_flowers(canvas, brief, line, kinds, tones, t)


def _bloom_tones(canvas: Canvas, brief: SceneSpec) -> list[Rgb]:
    """Return three flower colours: the accent, a neighbour, and a light one."""
    rng = canvas.rng
    tones = rng.sample(BLOOMS, 2)
    if brief.palette.tinted:
        tones = [brief.palette.accent, turned(brief.palette.accent, rng.choice((-25, 25)))]
    return [*tones, mix(tones[0], WHITE, 0.55)]


def _paint_grass(canvas: Canvas, line: list[Point], tone: Rgb, t: float) -> None:
    rng, u = canvas.rng, canvas.u
    for shade in (0.0, 0.16):
        blades = []
        for _ in range(canvas.across(120 - 55 * t)):
            x, y = line[rng.randrange(len(line))]
            x += rng.uniform(-0.005, 0.005) * u
            blades.append(
                blade(
                    rng,
                    (x, y + u * 0.01),
                    u * (0.012 + 0.11 * t**1.5) * rng.uniform(0.4, 1),
                    u * (0.0012 + 0.005 * t),
                )
            )
        canvas.shapes(blades, mix(tone, (20, 40, 30), shade + 0.1 * t))


def _paint_flowers(
    canvas: Canvas,
    brief: SceneSpec,
    line: list[Point],
    kinds: list[Flower],
    tones: list[Rgb],
    t: float,
) -> None:
    rng, u = canvas.rng, canvas.u
    size = u * (0.0045 + 0.036 * t**1.7)
    stem_tone = mix(_green(brief, 0.6), brief.palette.near, 0.4 * t)
    for k, tone in enumerate(tones):
        kind = kinds[k % len(kinds)]
        hazy = mix(
            mix(tone, brief.palette.sky[3], 0.3 * (1 - t)),
            brief.palette.near,
            0.42 if brief.dark else 0.0,
        )
        for _ in range(canvas.across((26 - 19 * t) / (1 + 0.4 * k))):
            x, y = line[rng.randrange(len(line))]
            head = (
                x + rng.uniform(-0.6, 0.6) * size,
                y - u * (0.008 + 0.1 * t**1.4) * rng.uniform(0.4, 1.1),
            )
            if t > 0.45:
                _paint_stem(canvas, (x, y + u * 0.02), head, size, stem_tone)
            _paint_head(canvas, kind, head, size * rng.uniform(0.7, 1.15), hazy, t)


def _paint_stem(canvas: Canvas, foot: Point, head: Point, size: float, tone: Rgb) -> None:
    mid = foot[0] * 0.3 + head[0] * 0.7, (foot[1] + head[1]) / 2
    canvas.shape(stroke(curve([foot, mid, head], 5), [size * 0.12, size * 0.08]), tone)
    angle = -0.7 if canvas.rng.random() < 0.5 else -2.4
    canvas.shape(leaf(mid, angle, size * 1.5, size * 0.4), tone)


def _paint_head(canvas: Canvas, kind: Flower, at: Point, size: float, tone: Rgb, t: float) -> None:
    rng = canvas.rng
    if t < 0.4:
        canvas.shape(blob(rng, at, size * 0.75), tone)
        return
    petals = kind(rng, at, size, rng.uniform(0.55, 0.9))
    canvas.shapes(petals, tone)
    # A second pass over every other petal gives the flower a lit and a shaded side.
    canvas.shapes(petals[1::2], mix(tone, WHITE, 0.22), 0.7)
    if kind is daisy:
        canvas.shape(disc(at, size * 0.26, size * 0.2, 20), mix((247, 190, 70), tone, 0.2))
