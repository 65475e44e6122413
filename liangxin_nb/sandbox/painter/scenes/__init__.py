"""The table of scenes: one painting function per motif, figures set in front of a place."""

from __future__ import annotations

from collections.abc import Callable

from liangxin_nb.sandbox.painter.canvas import Canvas
from liangxin_nb.sandbox.painter.scene_spec import SceneSpec
from liangxin_nb.sandbox.painter.scenes.abstract import paint_abstract
from liangxin_nb.sandbox.painter.scenes.cafe import paint_cafe
from liangxin_nb.sandbox.painter.scenes.cat import paint_cat
from liangxin_nb.sandbox.painter.scenes.city import paint_city
from liangxin_nb.sandbox.painter.scenes.desert import paint_desert
from liangxin_nb.sandbox.painter.scenes.forest import paint_forest
from liangxin_nb.sandbox.painter.scenes.garden import paint_garden
from liangxin_nb.sandbox.painter.scenes.lake import paint_lake
from liangxin_nb.sandbox.painter.scenes.mountains import paint_mountains
from liangxin_nb.sandbox.painter.scenes.portrait import paint_portrait
from liangxin_nb.sandbox.painter.scenes.sea import paint_sea
from liangxin_nb.sandbox.painter.scenes.space import paint_space
from liangxin_nb.sandbox.painter.scenes.still import paint_still
from liangxin_nb.sandbox.painter.scenes.winter import paint_winter
from liangxin_nb.sandbox.painter.season import seasoned
from liangxin_nb.sandbox.painter.weather import weathered

Scene = Callable[[Canvas, SceneSpec], None]

PLACES: dict[str, Scene] = {
    "abstract": paint_abstract,
    "cafe": paint_cafe,
    "city": paint_city,
    "desert": paint_desert,
    "forest": paint_forest,
    "garden": paint_garden,
    "lake": paint_lake,
    "mountains": paint_mountains,
    "sea": paint_sea,
    "space": paint_space,
    "still": paint_still,
    "winter": paint_winter,
}
# No rain falls and no branch hangs in these.
SHELTERED = ("abstract", "space", "still")
# Figures are painted over a place; these are the places they like when the prompt names none.
FIGURES: dict[str, tuple[Scene, tuple[str, ...]]] = {
    "cat": (paint_cat, ("city", "mountains", "sea", "city")),
    "portrait": (paint_portrait, ("forest", "mountains", "lake", "sea")),
}


def paint_scene(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint the brief's motif, and for a figure the place behind it first."""
    if brief.motif not in FIGURES:
        _paint_place(canvas, brief, brief.motif)
        return
    paint_figure, usual = FIGURES[brief.motif]
    _paint_place(canvas, brief, brief.place or canvas.rng.choice(usual))
    paint_figure(canvas, brief)


def _paint_place(canvas: Canvas, brief: SceneSpec, name: str) -> None:
    """Paint a place, and out of doors its weather and season too."""
    PLACES[name](canvas, brief)
    if name not in SHELTERED:
        weathered(canvas, brief)
        seasoned(canvas, brief)
