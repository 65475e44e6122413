"""Small objects in a landscape: boats, houses, lighthouses and birds."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import WHITE, Rgb, mix
from liangxin_nb.sandbox.painter._shapes import curve, disc, outline, placed, rect, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec

HULL = outline("-0.5,-0.06 0.56,-0.1 0.42,0.08 -0.38,0.08")
MAINSAIL = outline("0,-1.1 0.06,-0.16 0.52,-0.18 0.3,-0.6")
JIB = outline("-0.03,-1 -0.03,-0.17 -0.46,-0.17 -0.2,-0.52")


# The parts of a house one unit wide, back to front, with the tone each takes.
HOUSE: tuple[tuple[str, list[Point]], ...] = (
    ("side", outline("-0.18,-0.42 0.5,-0.42 0.5,0 -0.18,0")),
    ("wall", outline("-0.5,0 -0.18,0 -0.18,-0.42 -0.34,-0.7 -0.5,-0.42")),
    ("side", outline("0.22,-0.78 0.3,-0.78 0.3,-0.42 0.22,-0.42")),
    ("roof", outline("-0.34,-0.74 0.38,-0.74 0.56,-0.38 -0.22,-0.38")),
    ("roof", stroke(outline("-0.56,-0.37 -0.34,-0.73 -0.18,-0.37"), (0.06, 0.06))),
)


def add_boat(canvas: Canvas, brief: SceneSpec, at: Point, size: float) -> None:
    """Paint a sailing boat with its waterline at ``at``; ``size`` is its length in px."""
    flip = canvas.rng.random() < 0.5
    sail = mix(brief.palette.light, brief.palette.sky[3], 0.2 if not brief.dark else 0.55)
    canvas.shape(placed(MAINSAIL, at, size, flip), sail)
    canvas.shape(placed(JIB, at, size, flip), mix(sail, brief.palette.accent, 0.45))
    canvas.shape(placed(HULL, at, size, flip), brief.palette.near)
    for i in range(5):
        y = at[1] + size * (0.14 + 0.13 * i)
        half = size * (0.3 - 0.05 * i)
        shift = canvas.rng.uniform(-0.08, 0.08) * size
        canvas.shape(lens((at[0] + shift, y), half, size * 0.018), sail, 0.4 - 0.06 * i)


def lens(at: Point, half: float, thick: float) -> list[Point]:
    """Return a flat glint, as light makes on water."""
    x, y = at
    mid = half * 0.5
    return [
        (x - half, y),
        (x - mid, y - thick),
        (x + mid, y - thick),
        (x + half, y),
        (x + mid, y + thick),
        (x - mid, y + thick),
    ]


def add_lighthouse(canvas: Canvas, brief: SceneSpec, at: Point, size: float) -> None:
    """Paint a lighthouse ``size`` px tall standing on ``at``, lit unless it is noon."""
    x, y = at
    dim = 0.55 if brief.dark else 0.15
    wall, band = (
        mix(WHITE, brief.palette.near, dim),
        mix(brief.palette.accent, brief.palette.near, dim),
    )
    lamp = (x, y - size * 0.9)
    if brief.light != "noon":
        _beam(canvas, brief, lamp, size)
    for i in range(5):
        low, high = i / 5, (i + 1) / 5
        a, b = size * (0.11 - 0.045 * low), size * (0.11 - 0.045 * high)
        step = size * 0.82
        quad = [
            (x - a, y - step * low),
            (x + a, y - step * low),
            (x + b, y - step * high),
            (x - b, y - step * high),
        ]
        canvas.shape(quad, band if i % 2 else wall)
        canvas.shape(
            [quad[1], quad[2], (x + b * 0.2, quad[2][1]), (x + a * 0.2, quad[1][1])],
            brief.palette.near,
            0.28,
        )
    _lantern(canvas, brief, at, size)


def _lantern(canvas: Canvas, brief: SceneSpec, at: Point, size: float) -> None:
    x, y = at
    dark = brief.palette.near
    canvas.shape(rect(x - size * 0.09, y - size * 0.84, x + size * 0.09, y - size * 0.81), dark)
    canvas.shape(
        rect(x - size * 0.045, y - size * 0.95, x + size * 0.045, y - size * 0.84),
        mix(brief.palette.light, WHITE, 0.3),
    )
    roof = [
        (x - size * 0.065, y - size * 0.94),
        (x + size * 0.065, y - size * 0.94),
        (x, y - size * 1.03),
    ]
    canvas.shape(roof, dark)


def _beam(canvas: Canvas, brief: SceneSpec, lamp: Point, size: float) -> None:
    side = 1 if lamp[0] < canvas.w / 2 else -1
    far = lamp[0] + side * (size * 4 + canvas.w)
    warm = mix(brief.palette.light, brief.palette.accent, 0.3)
    for spread, strength in ((0.6, 0.05), (0.36, 0.06), (0.18, 0.07)):
        reach = abs(far - lamp[0]) / 4
        cone = [lamp, (far, lamp[1] - reach * spread), (far, lamp[1] + reach * spread * 0.55)]
        canvas.shape(cone, warm, strength)
    canvas.glow(lamp, size * 0.9, warm, 0.7, 3)


def add_house(canvas: Canvas, brief: SceneSpec, at: Point, size: float, roof: Rgb) -> None:
    """Paint a gabled house ``size`` px wide standing on ``at``, with warm windows."""
    wall = mix(brief.palette.near, brief.palette.accent, 0.16)
    tones = {"wall": wall, "side": mix(wall, brief.palette.near, 0.5), "roof": roof}
    for name, part in HOUSE:
        canvas.shape(placed(part, at, size), tones[name])
    lamp = mix(brief.palette.accent, (255, 214, 130), 0.6)
    panes = [rect(left, -0.3, left + 0.11, -0.14) for left in (-0.4, -0.06, 0.16)]
    canvas.shapes([placed(pane, at, size) for pane in panes], lamp)
    canvas.glow((at[0] + size * 0.02, at[1] - size * 0.2), size * 1.1, lamp, 0.42, 2.6)


def add_birds(canvas: Canvas, brief: SceneSpec, at: Point, spread: float) -> None:
    """Paint a loose flock around a point, ``spread`` px wide."""
    rng = canvas.rng
    flock = []
    for _ in range(rng.randint(4, 9)):
        x, y = at[0] + rng.gauss(0, spread * 0.4), at[1] + rng.gauss(0, spread * 0.16)
        wing = canvas.u * rng.uniform(0.008, 0.016)
        lift = rng.uniform(0.3, 0.7)
        path = [
            (x - wing, y - wing * lift),
            (x - wing * 0.45, y - wing * lift * 0.75),
            (x, y),
            (x + wing * 0.45, y - wing * lift * 0.8),
            (x + wing, y - wing * lift * 0.9),
        ]
        flock.append(stroke(curve(path, 4), [0.0, wing * 0.17, wing * 0.2, wing * 0.17, 0.0]))
    ink = brief.palette.near if not brief.dark else brief.palette.sky[3]
    canvas.shapes(flock, ink, 0.8)


def lamp_dots(canvas: Canvas, spots: list[Point], radius: float, colour: Rgb) -> None:
    """Paint small lamps, each a bright dot within its own glow."""
    for spot in spots:
        canvas.glow(spot, radius * 7, colour, 0.55, 3)
    canvas.shapes([disc(spot, radius, sides=20) for spot in spots], mix(colour, WHITE, 0.6))
