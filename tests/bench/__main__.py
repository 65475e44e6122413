"""`make bench`: a table of figures, each beside the plain alternative, from the same run."""

import platform
from datetime import datetime

from . import cards, gallery, lightness, weight

FIGURES = (*lightness.FIGURES, *weight.FIGURES, *gallery.FIGURES, *cards.FIGURES)


def main():
    """Runs every figure and prints the table."""
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    print(f"{today} · Python {platform.python_version()} · {platform.machine()}")
    print(f"{'figure':<58}{'ours':>12}{'plain':>12}{'ratio':>8}")
    for name, unit, measure in FIGURES:
        ours, plain = measure()
        print(f"{name:<58}{ours:>9.1f} {unit:<2}{plain:>9.1f} {unit:<2}{ours / plain:>8.3f}")


if __name__ == "__main__":
    main()
