"""The scenes: one function per motif; subjects are painted over a landscape."""

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
from liangxin_nb.sandbox.painter.season import add_season
from liangxin_nb.sandbox.painter.weather import add_weather

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
# Scenes without weather and season.
SHELTERED = ("abstract", "space", "still")
# Landscapes for subjects if the prompt names none.
FIGURES: dict[str, tuple[Scene, tuple[str, ...]]] = {
    "cat": (paint_cat, ("city", "mountains", "sea", "city")),
    "portrait": (paint_portrait, ("forest", "mountains", "lake", "sea")),
}


def paint_scene(canvas: Canvas, brief: SceneSpec) -> None:
    """Paint the motif; for a subject, paint the landscape first."""
    if brief.motif not in FIGURES:
        _paint_place(canvas, brief, brief.motif)
        return
    paint_figure, usual = FIGURES[brief.motif]
    _paint_place(canvas, brief, brief.place or canvas.rng.choice(usual))
    paint_figure(canvas, brief)


def _paint_place(canvas: Canvas, brief: SceneSpec, name: str) -> None:
    """Paint a landscape, outdoors with its weather and season."""
    PLACES[name](canvas, brief)
    if name not in SHELTERED:
        add_weather(canvas, brief)
        add_season(canvas, brief)
