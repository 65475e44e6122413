"""The picture of the first table: how late, for how many questions."""

from .worlds import WORLDS

#: The worlds that have a history.
KNOWN = list(WORLDS)[:5]
_INK, _SOFT, _OURS = "#24292f", "#8c959f", "#0969da"


def draw(seen, path, title):
    """A PNG, readable at 720 px: the means over the worlds that have a history."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    worlds = [(ways, even) for name, ways, even in seen if name in KNOWN]
    figure, axes = plt.subplots(figsize=(7.2, 4.4), dpi=144)
    points = {}
    for way in worlds[0][0]:
        late = sum(ways[way].late for ways, _ in worlds) / len(worlds)
        asked = sum(ways[way].asked for ways, _ in worlds) / len(worlds)
        points[way] = asked, late
        ours = way == "learned"
        axes.scatter(asked, late, s=70 if ours else 42, color=_OURS if ours else _SOFT, zorder=3)
        label = way if not way[0].isdigit() or "x" in way else f"every {way}"
        axes.annotate(
            label.replace(" x ", " × "), (asked, late), (8, 6), textcoords="offset points",
            color=_OURS if ours else _INK, fontsize=11, weight="bold" if ours else "normal",
        )  # fmt: skip
    fixed = [points[way] for way in points if way[0].isdigit() and "x" not in way]
    axes.plot(*zip(*sorted(fixed), strict=True), color=_SOFT, linewidth=1, zorder=2)
    axes.set_xlim(0, 1.22 * max(asked for asked, _ in points.values()))
    axes.set_ylim(0, 1.15 * max(late for _, late in points.values()))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("questions for each task", color=_INK, fontsize=11)
    axes.set_ylabel("seconds until an end is seen, mean", color=_INK, fontsize=11)
    axes.grid(color="#eaeef2", zorder=0)
    axes.tick_params(colors=_INK, length=0, labelsize=10)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(
        "Five kinds of durations with a history of 50 tasks each. Lower left is better.",
        color=_INK, fontsize=10.5, loc="left", pad=12,
    )  # fmt: skip
    figure.text(0.99, 0.012, title, ha="right", fontsize=7.5, color=_SOFT)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path)
    plt.close(figure)
