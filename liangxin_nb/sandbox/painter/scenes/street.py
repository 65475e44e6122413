"""The perspective of a street: where walls, lines and tables stand at a depth."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import Rgb
from liangxin_nb.sandbox.painter.canvas import Canvas, Point

LAMP: Rgb = (255, 198, 108)
FAR = 0.1  # the depth at which the street ends


class Street:
    """A one-point perspective: where walls, lines and tables stand at a depth.

    Depth runs from 0 (the vanishing point) to 1 (the near edge of the picture).
    """

    def __init__(self, canvas: Canvas) -> None:
        rng = canvas.rng
        self.side = rng.choice((-1, 1))
        self.eye = (
            canvas.w * (0.5 + self.side * rng.uniform(0.06, 0.16)),
            canvas.h * rng.uniform(0.58, 0.63),
        )
        self.half = canvas.w * 0.62
        self.drop = canvas.h * 0.5
        self.rise = canvas.h * rng.uniform(0.62, 0.8)

    def at(self, across: float, up: float, depth: float) -> Point:
        """``across`` -1..1 spans the street, ``up`` is 0 on the ground and 1 at the eaves."""
        x = self.eye[0] + across * self.half * depth
        return x, self.eye[1] + self.drop * depth - up * (self.drop + self.rise) * depth

    def panel(
        self, across: float, up: tuple[float, float], depth: tuple[float, float]
    ) -> list[Point]:
        """An upright panel on a wall that runs into the depth."""
        (low, high), (far, near) = up, depth
        return [
            self.at(across, low, far),
            self.at(across, high, far),
            self.at(across, high, near),
            self.at(across, low, near),
        ]
