"""Format durations, sizes, times, counts and texts for people; every package uses these."""

from __future__ import annotations

from datetime import datetime

from .._printable import printable

__all__ = [
    "first_line",
    "format_bytes",
    "format_count",
    "format_duration",
    "format_elapsed",
    "format_remaining",
    "format_time",
    "local_datetime",
    "printable",
    "shorten",
]


def format_elapsed(seconds: float) -> str:
    """Format the time that has passed as a running clock: ``0:14``, ``12:05``."""
    whole = max(0, int(seconds))
    return f"{whole // 60}:{whole % 60:02}"


def format_duration(seconds: float) -> str:
    """Format a final duration: ``17 s``, ``2:05 min``."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{format_elapsed(seconds)} min"


def format_remaining(seconds: float) -> str:
    """Format an estimate of the time left, rounded to 5 seconds or whole minutes."""
    if seconds < 50:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{max(1, round(seconds / 60))} min"


def format_bytes(size: float) -> str:
    """Format a file size in decimal units: ``46 KB``, ``1.9 MB``."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"


def local_datetime(timestamp: float) -> datetime:
    """Return unix seconds as a datetime in the local time zone."""
    return datetime.fromtimestamp(timestamp).astimezone()


def format_time(timestamp: float) -> str:
    """Format unix seconds as local date and time: ``2026-11-21 17:45``."""
    return f"{local_datetime(timestamp):%Y-%m-%d %H:%M}"


def format_count(count: int, singular: str) -> str:
    """Format a number with its noun, plural by "s": ``1 result``, ``9,500 results``."""
    return f"{count:,} {singular}{'' if count == 1 else 's'}"


def shorten(text: str, max_length: int) -> str:
    """Cut a text to a length; an ellipsis replaces what is cut off."""
    text = printable(text[: max_length + 1], multiline=True)
    return text if len(text) <= max_length else f"{text[: max_length - 1]}…"


def first_line(text: str, max_length: int = 240) -> str:
    """Return the first line of a text that is not blank, shortened."""
    return shorten(text.strip().partition("\n")[0], max_length)
