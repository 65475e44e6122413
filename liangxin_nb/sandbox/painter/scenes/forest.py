"""Forests: fir slopes in mist, or tall stems with light between them."""

from __future__ import annotations

from PIL import ImageChops, ImageFilter

from liangxin_nb.sandbox.painter._colour import WHITE, Rgb, mix
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, fade, gradient
from liangxin_nb.sandbox.painter.flora import blade, conifer_row, crown, leaf, trunk
from liangxin_nb.sandbox.painter.land import body, ridge_line
from liangxin_nb.sandbox.painter.props import add_birds, add_house
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.season import SHOWY
from liangxin_nb.sandbox.painter.sky import paint_sky


def paint_forest(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint misty slopes or a stand of stems, at random."""
    view = canvas.rng.choice((_paint_slopes, _paint_stems))
    # Firs keep one green all year: a season that shows needs leaves.
    (_paint_stems if brief.season in SHOWY else view)(canvas, brief)


def _paint_slopes(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint rows of firs, each lower, larger and darker than the one behind."""
    rng = canvas.rng
    at = paint_sky(canvas, brief, 0.75)
    if rng.random() < 0.5:
        add_birds(canvas, brief, (canvas.w - at[0], canvas.h * 0.2), canvas.u * 0.14)
    rows = rng.randint(5, 6)
    lean = rng.uniform(-0.22, 0.22)
    for i in range(rows):
        t = i / (rows - 1)
        base = canvas.h * (0.5 + 0.48 * t)
        line = ridge_line(canvas, base, canvas.u * 0.16, rng.uniform(1.0, 2.0), 0.35)
        tilt = lean * (1 if i % 2 else -1) * (1 - t)
        line = [(x, y + tilt * canvas.u * (x / canvas.w - 0.5)) for x, y in line]
        _paint_row(canvas, brief, line, t)
    if "house" in brief.props:
        spot = canvas.w * rng.choice((0.3, 0.68)), canvas.h * 0.95
        add_house(canvas, brief, spot, canvas.u * 0.16, brief.palette.near)


def _paint_row(canvas: Canvas, brief: SceneSpec, line: list[Point], t: float) -> None:
    green = brief.palette.leaf[canvas.rng.randrange(len(brief.palette.leaf))]
    ink = mix(brief.palette.depth(0.12 + 0.86 * t), green, 0.34 * (1 - 0.55 * t))
    mist = mix(ink, brief.palette.sky[3], 0.75 - 0.4 * t)
    tall = canvas.u * (0.09 + 0.22 * t**1.3)
    pale = mix(ink, mist, 0.3)
    canvas.shapes(conifer_row(canvas, line, 75 - 38 * t, tall * 0.85), pale)
    canvas.shapes(conifer_row(canvas, line, 60 - 34 * t, tall), ink)
    canvas.shape(body(canvas, line), gradient((8, 256), [ink, mist, mist, mist]))


def _paint_stems(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint stems in four depths against a glowing clearing, with leaves above and below."""
    rng = canvas.rng
    sky = brief.palette.sky
    leaves = brief.palette.leaf
    wash = [
        mix(sky[2], leaves[0], 0.25),
        mix(sky[3], leaves[1], 0.2),
        sky[3],
        mix(sky[2], leaves[2], 0.3),
    ]
    canvas.backdrop([mix(c, brief.palette.near, 0.45 if brief.dark else 0.0) for c in wash])
    heart = canvas.w * rng.uniform(0.3, 0.7), canvas.h * rng.uniform(0.42, 0.55)
    canvas.glow(heart, canvas.u * 0.75, brief.palette.light, 0.5 if brief.dark else 0.8)
    build = rng.uniform(0.65, 1.5)
    for i in range(4):
        _paint_stand(canvas, brief, i / 3, build)
        canvas.glow(heart, canvas.u * 0.55, brief.palette.light, 0.16 * (1 - i / 4))
    _paint_rays(canvas, brief, heart)
    _paint_floor(canvas, brief)


def _paint_stand(canvas: Canvas, brief: SceneSpec, t: float, build: float) -> None:
    """Paint one depth of stems; ``build`` above 1 makes them fewer and stouter."""
    rng, u = canvas.rng, canvas.u
    ground = canvas.h * (0.66 + 0.2 * t)
    bark = mix(
        mix(brief.palette.far, brief.palette.leaf[3], 0.3), brief.palette.near, 0.12 + 0.8 * t
    )
    line = ridge_line(canvas, ground + u * 0.03, u * 0.05, 2.4, 0.4)
    soil = mix(
        mix(bark, brief.palette.leaf[rng.randrange(4)], 0.5 - 0.2 * t), brief.palette.near, 0.3 * t
    )
    canvas.shape(
        body(canvas, line),
        gradient((8, 64), [mix(soil, brief.palette.light, 0.25 * (1 - t)), soil]),
    )
    count = canvas.across((13 - 7 * t) / build)
    stems, heads = [], []
    for k in range(count):
        x = (k + rng.uniform(0.05, 0.95)) / count * canvas.w
        stems.append(
            trunk(
                rng, (x, ground + u * 0.03), canvas.h * 1.05, u * (0.009 + 0.042 * t**1.4) * build
            )
        )
        heads += crown(
            rng, (x, canvas.h * rng.uniform(-0.02, 0.22 - 0.1 * t)), u * (0.1 + 0.07 * t), 12
        )
    canvas.shapes(stems, bark)
    _paint_heads(canvas, brief, heads, bark, t)


def _paint_heads(
    canvas: Canvas, brief: SceneSpec, heads: list[list[Point]], bark: Rgb, t: float
) -> None:
    for k, green in enumerate(brief.palette.leaf[:3]):
        tone = mix(mix(green, brief.palette.sky[3], 0.35 * (1 - t)), bark, 0.1 + 0.3 * t)
        canvas.shapes(heads[k::3], tone, 0.9)


def _paint_rays(canvas: Canvas, brief: SceneSpec, heart: Point) -> None:
    """Paint slanting beams that fall through the crowns."""
    rng = canvas.rng
    lean = rng.choice((-1, 1)) * rng.uniform(0.25, 0.5)
    beams: list[list[Point]] = []
    for _ in range(rng.randint(4, 7)):
        x = heart[0] + rng.uniform(-0.4, 0.4) * canvas.u
        wide = canvas.u * rng.uniform(0.02, 0.09)
        foot = x + lean * canvas.h
        beams.append([(x, 0), (x + wide, 0), (foot + wide * 2.4, canvas.h), (foot, canvas.h)])
    # Made small and blurred: a beam has no edge.
    mask = canvas.mask(beams).reduce(4).filter(ImageFilter.GaussianBlur(canvas.u * 0.0035))
    soft = fade(mask.size, lambda t: 0.75 * (1 - t) ** 1.3)
    tone = mix(brief.palette.light, WHITE, 0.2)
    canvas.lay(ImageChops.multiply(mask, soft), tone, 0.14 if brief.dark else 0.44)


def _paint_floor(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint grass and fallen leaves on the nearest ground."""
    rng, u = canvas.rng, canvas.u
    blades = [
        blade(
            rng,
            (rng.random() * canvas.w, canvas.h * rng.uniform(0.93, 1.02)),
            u * rng.uniform(0.02, 0.07),
            u * 0.004,
        )
        for _ in range(canvas.across(170))
    ]
    canvas.shapes(blades, mix(brief.palette.near, brief.palette.leaf[3], 0.25))
    for tone in brief.palette.leaf:
        fallen = [
            leaf(
                (rng.random() * canvas.w, canvas.h * rng.uniform(0.86, 1)),
                rng.uniform(0, 6.28),
                u * 0.016,
                u * 0.008,
            )
            for _ in range(canvas.across(16))
        ]
        canvas.shapes(fallen, mix(tone, brief.palette.near, 0.3), 0.8)
