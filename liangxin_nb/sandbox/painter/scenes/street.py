"""The perspective of a street."""

from __future__ import annotations

from liangxin_nb.sandbox.painter._colour import Rgb
from liangxin_nb.sandbox.painter.canvas import Canvas, Point

LAMP: Rgb = (255, 198, 108)
FAR = 0.1  # the depth at which the street ends


class Street:
    """A one-point perspective for walls, lines and tables.

    Depth runs from 0 (the vanishing point) to 1 (the near edge of the picture).
    """

    def __init__(self, canvas: Canvas) -> None:
        rng = canvas.rng
        self.side: int = rng.choice((-1, 1))
        self.eye: Point = (
            canvas.w * (0.5 + self.side * rng.uniform(0.06, 0.16)),
            canvas.h * rng.uniform(0.58, 0.63),
        )
        self.half: float = canvas.w * 0.62
        self.drop: float = canvas.h * 0.5
        self.rise: float = canvas.h * rng.uniform(0.62, 0.8)

    def at(self, across: float, up: float, depth: float) -> Point:
        """Return a point: ``across`` is -1..1, ``up`` 0 on the ground and 1 at the eaves."""
        x = self.eye[0] + across * self.half * depth
        return x, self.eye[1] + self.drop * depth - up * (self.drop + self.rise) * depth

    def panel(
        self, across: float, up: tuple[float, float], depth: tuple[float, float]
    ) -> list[Point]:
        """Return an upright panel on a wall that runs into the depth."""
        (low, high), (far, near) = up, depth
        return [
            self.at(across, low, far),
            self.at(across, high, far),
            self.at(across, high, near),
            self.at(across, low, near),
        ]
