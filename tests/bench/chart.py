"""A chart of the first table: mean delay and number of polls."""

from .worlds import WORLDS

#: The rows in which the history matches the durations.
WITH_HISTORY = list(WORLDS)[:5]
_INK, _SOFT, _OURS = "#24292f", "#8c959f", "#0969da"


def draw(measurements, path, title):
    """Draw the means over the rows with a history as a PNG, readable at 720 px."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    scenarios = [
        (strategies, even) for name, strategies, even in measurements if name in WITH_HISTORY
    ]
    figure, axes = plt.subplots(figsize=(7.2, 4.4), dpi=144)
    points = {}
    for name in scenarios[0][0]:
        delay = sum(strategies[name].late for strategies, _ in scenarios) / len(scenarios)
        polls = sum(strategies[name].asked for strategies, _ in scenarios) / len(scenarios)
        points[name] = polls, delay
        ours = name == "learned"
        axes.scatter(polls, delay, s=70 if ours else 42, color=_OURS if ours else _SOFT, zorder=3)
        label = name if not name[0].isdigit() or "x" in name else f"every {name}"
        axes.annotate(
            label.replace(" x ", " × "), (polls, delay), (8, 6), textcoords="offset points",
            color=_OURS if ours else _INK, fontsize=11, weight="bold" if ours else "normal",
        )  # fmt: skip
    fixed = [points[name] for name in points if name[0].isdigit() and "x" not in name]
    axes.plot(*zip(*sorted(fixed), strict=True), color=_SOFT, linewidth=1, zorder=2)
    axes.set_xlim(0, 1.22 * max(polls for polls, _ in points.values()))
    axes.set_ylim(0, 1.15 * max(delay for _, delay in points.values()))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("polls per task", color=_INK, fontsize=11)
    axes.set_ylabel("mean delay in seconds", color=_INK, fontsize=11)
    axes.grid(color="#eaeef2", zorder=0)
    axes.tick_params(colors=_INK, length=0, labelsize=10)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_title(
        "Five distributions of durations, with a history of 50 tasks. Lower left is better.",
        color=_INK, fontsize=10.5, loc="left", pad=12,
    )  # fmt: skip
    figure.text(0.99, 0.012, title, ha="right", fontsize=7.5, color=_SOFT)
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    figure.savefig(path)
    plt.close(figure)
