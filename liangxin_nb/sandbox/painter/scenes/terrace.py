"""A café terrace: awning, tables, chairs and a potted tree."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import Rgb, mix
from liangxin_nb.sandbox.painter._shapes import disc, outline, placed, rect, stroke
from liangxin_nb.sandbox.painter.canvas import Canvas, Point, gradient
from liangxin_nb.sandbox.painter.flora import crown
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.scenes.street import LAMP, Street

# A chair to the right of its table, in units of the table's height.
CHAIR: tuple[list[Point], ...] = (
    stroke(outline("0.62,-0.55 0.56,0"), (0.05, 0.05)),
    stroke(outline("0.98,-1.15 0.94,-0.55 1.01,0"), (0.06, 0.06)),
    rect(0.58, -0.6, 0.98, -0.53),
    stroke(outline("0.98,-1.1 0.95,-0.85"), (0.14, 0.14)),
)


def paint_front(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Paint the café itself: a glowing wall of glass below a striped awning."""
    side, far, near = street.side, 0.3, 1.3
    warm = mix(LAMP, brief.palette.accent, 0.35)
    canvas.shape(
        street.panel(side, (0, 0.36), (far, near)),
        gradient(
            (8, 64), [mix(warm, (255, 240, 200), 0.5), warm, mix(warm, brief.palette.near, 0.35)]
        ),
    )
    bars = []
    for i in range(13):
        d = 1 / (1 / far + (1 / near - 1 / far) * i / 12)
        bars.append(street.panel(side, (0, 0.36), (d, d * (1.012 if i % 3 else 1.035))))
    bars.append(street.panel(side, (0.0, 0.07), (far, near)))
    bars.append(street.panel(side, (0.27, 0.28), (far, near)))
    canvas.shapes(bars, mix(brief.palette.near, brief.palette.accent, 0.15), 0.85)
    canvas.glow(street.at(side * 0.9, 0.18, 0.6), canvas.u * 0.6, LAMP, 0.55, 2)
    _paint_awning(canvas, brief, street, (far, near))


def _paint_awning(
    canvas: Canvas, brief: SceneSpec, street: Street, depth: tuple[float, float]
) -> None:
    far, near = depth
    side = street.side
    cloth = brief.palette.accent, mix((250, 240, 222), LAMP, 0.25)
    stripes = 14
    for i in range(stripes):
        a, b = (1 / (1 / far + (1 / near - 1 / far) * (i + k) / stripes) for k in (0, 1))
        tone = mix(cloth[i % 2], brief.palette.near, 0.2)
        top = [street.at(side, 0.4, a), street.at(side, 0.4, b)]
        hem = [street.at(side * 0.66, 0.3, b), street.at(side * 0.66, 0.3, a)]
        canvas.shape([*top, *hem], tone)
        drop = street.at(side * 0.66, 0.262, (a + b) / 2)
        canvas.shape(
            [
                hem[0],
                street.at(side * 0.66, 0.272, b),
                drop,
                street.at(side * 0.66, 0.272, a),
                hem[1],
            ],
            mix(tone, LAMP, 0.25),
        )


def paint_terrace(canvas: Canvas, brief: SceneSpec, street: Street) -> None:
    """Paint round tables with chairs and cups, and a potted tree."""
    rng = canvas.rng
    ink = mix(brief.palette.near, (0, 0, 0), 0.15)
    for depth in (0.34, 0.46, 0.62, 0.84):
        across = street.side * rng.uniform(0.34, 0.6)
        x, y = street.at(across, 0, depth)
        size = canvas.u * 0.13 * depth
        _paint_set(canvas, (x, y), size, ink)
    _paint_tree(canvas, brief, street.at(-street.side * 0.8, 0, 0.78), canvas.u * 0.1)


def _paint_tree(canvas: Canvas, brief: SceneSpec, foot: Point, size: float) -> None:
    """Paint a potted tree across the street, lit from the café."""
    pot = outline("-0.42,-0.7 0.42,-0.7 0.3,0 -0.3,0")
    canvas.shape(placed(pot, foot, size), mix(brief.palette.near, (0, 0, 0), 0.15))
    canvas.shape(placed(rect(-0.46, -0.78, 0.46, -0.66), foot, size), brief.palette.near)
    dark = mix(brief.palette.leaf[3], brief.palette.near, 0.65)
    # The same crown again, smaller and nearer the light, in ever warmer greens.
    toward = 1 if foot[0] < canvas.w / 2 else -1
    for k in range(3):
        heart = foot[0] + toward * size * 0.13 * k, foot[1] - size * (1.3 + 0.14 * k)
        heads = crown(canvas.rng, heart, size * (0.85 - 0.2 * k), 24 - 6 * k)
        canvas.shapes(heads, mix(dark, mix(brief.palette.leaf[1], LAMP, 0.3), 0.26 * k), 0.95)


def _paint_set(canvas: Canvas, foot: Point, size: float, ink: Rgb) -> None:
    """Paint a bistro table with a cup and two chairs; ``size`` is the table's height in px."""
    x, y = foot
    canvas.shape(disc((x, y), size * 0.9, size * 0.16), ink, 0.45)
    for flip in (False, True):
        canvas.shapes([placed(part, foot, size, flip) for part in CHAIR], ink)
    post = stroke([(x, y - size * 0.9), (x, y)], [size * 0.07] * 2)
    canvas.shapes([post, disc((x, y), size * 0.22, size * 0.05)], ink)
    canvas.shape(disc((x, y - size * 0.92), size * 0.5, size * 0.1), ink)
    canvas.shape(disc((x, y - size * 0.94), size * 0.48, size * 0.085), mix(LAMP, ink, 0.25))
    cup = rect(-0.12, -1.06, -0.01, -0.94)
    canvas.shape(placed(cup, foot, size), mix(LAMP, (255, 255, 255), 0.6))
