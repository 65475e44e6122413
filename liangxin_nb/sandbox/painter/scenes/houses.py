"""House fronts along a street: shops below, shuttered windows above."""

from __future__ import annotations

from itertools import pairwise

from liangxin_nb.sandbox.painter._colour import mix
from liangxin_nb.sandbox.painter._shapes import rect
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.scenes.street import FAR, LAMP, Street


def paint_end(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Paint small gabled houses and a glow where the street ends."""
    rng, u = canvas.rng, canvas.u
    foot = street.at(0, 0, FAR)[1] + 1
    wide = street.half * FAR * 2 / 6
    for i in range(8):
        left = street.eye[0] + (i - 4) * wide
        top = street.eye[1] - u * rng.uniform(0.05, 0.13)
        ridge = (left + wide / 2, top - wide * 0.6)
        front = [(left, foot), (left, top), ridge, (left + wide, top), (left + wide, foot)]
        canvas.shape(front, brief.palette.depth(rng.uniform(0.3, 0.5)))
        pane = rect(left + wide * 0.35, top + wide * 0.3, left + wide * 0.65, top + wide * 0.7)
        canvas.shape(pane, LAMP, 0.8)
    canvas.glow((street.eye[0], foot - u * 0.03), u * 0.3, LAMP, 0.5)


def paint_houses(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Paint house fronts on both sides, nearer ones higher and darker."""
    rng = canvas.rng
    edges = [FAR, 0.17, 0.27, 0.42, 0.66, 1.4]
    for side in (-1, 1):
        for far, near in pairwise(edges):
            eaves = rng.uniform(0.62, 1.05)
            wall = mix(brief.palette.depth(0.4 + 0.4 * near), brief.palette.sky[1], 0.18)
            if side == street.side:
                wall = mix(wall, LAMP, 0.16)
            wall = mix(wall, brief.palette.leaf[rng.randrange(4)], 0.08)
            canvas.shape(
                street.panel(side, (0, eaves), (far, near)),
                gradient((8, 64), [wall, wall, mix(wall, LAMP, 0.16)]),
            )
            _paint_shop(canvas, brief, street, side, (far, near))
            canvas.shape(
                street.panel(side, (eaves - 0.02, eaves + 0.02), (far * 0.98, near)),
                brief.palette.near,
                0.8,
            )
            _paint_panes(canvas, brief, street, side, (far, near), eaves)


def _paint_shop(
    canvas: Canvas, brief: SceneSpec, street: Street, side: int, depth: tuple[float, float]
) -> None:
    """Paint the ground floor: a door, a shop window that is mostly lit, and a plinth."""
    rng, dark = canvas.rng, brief.palette.near
    (far, near), warm = depth, mix(LAMP, brief.palette.accent, rng.uniform(0.1, 0.6))

    def part(a: float, b: float, up: tuple[float, float]) -> list[Point]:
        span = 1 / near - 1 / far
        return street.panel(side, up, (1 / (1 / far + span * a), 1 / (1 / far + span * b)))

    canvas.shapes([part(0, 1, (0, 0.03)), part(0, 1, (0.315, 0.33))], dark, 0.5)
    door = rng.choice((0.08, 0.7))
    canvas.shape(part(door, door + 0.22, (0, 0.24)), mix(dark, brief.palette.accent, 0.25))
    canvas.shape(part(door + 0.04, door + 0.18, (0.12, 0.22)), warm, 0.75)
    left = 0.4 if door < 0.5 else 0.1
    canvas.shape(part(left - 0.02, left + 0.5, (0.06, 0.27)), dark, 0.8)
    lit = rng.random() < 0.75
    panes = [warm, mix(warm, (255, 240, 205), 0.5), mix(warm, dark, 0.35)]
    glass = gradient((8, 64), panes)
    canvas.shape(part(left, left + 0.48, (0.075, 0.255)), glass, 0.95 if lit else 0.2)
    for k in (0.16, 0.32):
        canvas.shape(part(left + k - 0.008, left + k + 0.008, (0.075, 0.255)), dark, 0.8)
    if lit:
        canvas.glow(part(left, 1, (0.0, 0.16))[1], canvas.u * 0.35 * near, warm, 0.3)


def _paint_panes(
    canvas: Canvas,
    brief: SceneSpec,
    street: Street,
    side: int,
    depth: tuple[float, float],
    eaves: float,
) -> None:
    """Paint upper windows with shutters, some of them lit."""
    rng = canvas.rng
    far, near = depth
    lit: list[list[Point]] = []
    dim: list[list[Point]] = []
    frames: list[list[Point]] = []
    columns = 2 if near < 0.6 else 3
    for column in range(columns):
        # Even steps in 1/depth are even steps along the real wall.
        a, b = (1 / (1 / far + (1 / near - 1 / far) * (column + p) / columns) for p in (0.3, 0.7))
        for floor in (0.42, 0.58, 0.74, 0.9):
            if floor + 0.1 > eaves:
                continue
            pane = street.panel(side, (floor, floor + 0.085), (a, b))
            frames.append(
                street.panel(side, (floor - 0.006, floor + 0.092), (a * 0.985, b * 1.015))
            )
            (lit if rng.random() < 0.45 else dim).append(pane)
    canvas.shapes(frames, brief.palette.near, 0.6)
    canvas.shapes(dim, mix(brief.palette.sky[1], brief.palette.near, 0.55), 0.9)
    canvas.shapes(lit, mix(LAMP, brief.palette.accent, rng.uniform(0, 0.5)), 0.92)
