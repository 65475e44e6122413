"""The durable output of a batch: its pictures with captions, and what did not succeed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from markupsafe import Markup

from ..core.formatting import first_line, printable, shorten
from ..core.state_style import SANDBOX_NOTICE
from ..imaging import SheetSpec, render
from ..results import OutputStyle, Result
from ..results.figure import SMALL_TEXT
from .batch_sheet import SheetLayout, picture_of, sheet_html
from .batch_summary import (
    COUNT_STYLES,
    RETRYABLE,
    STATUS_LABELS,
    BatchSummary,
    batch_style,
    describe_counts,
)
from .job_output import CellOutput
from .outcome_text import describe_outcome, lines_html

__all__ = ["batch_output", "pictures_html", "sheet_page", "sheet_spec"]

#: A table of what did not succeed ends after so many rows or characters of reasons.
_MAX_ROWS, _MAX_CHARACTERS = 100, 24_000
_MAX_PROMPT, _MAX_REASON = 240, 4_000
_SHEET_SIDE, _SHEET_BYTES = 384, 24_000  # a picture of a sheet that is one picture
#: Bytes of one picture, and of all together, on a page.
_PAGE_PICTURE_BYTES, _PAGE_BYTES = 60_000, 24_000_000
_PAGE = Markup(
    '<!DOCTYPE html><html><head><meta charset="utf-8"><title>{}</title>'
    '<meta name="viewport" content="width=device-width">'
    "<style>body {{ font-family: system-ui, sans-serif; margin: 16px; color-scheme: light dark }}"
    "</style></head><body>{}</body></html>\n"
)
_BLOCK = Markup('<div class="lx-sheet" style="line-height:1.5">{}</div>')
_CODE = Markup("<code>{}</code>")
_TABLE = Markup(
    '<div style="overflow-x:auto;margin:8px 0"><table style="width:100%;margin:0;'
    'border-collapse:collapse;text-align:left"><thead><tr>{}</tr></thead>'
    "<tbody>{}</tbody></table></div>"
)
_HEAD_CELL = Markup('<th scope="col" style="text-align:left;padding:4px 12px 4px 0;{}">{}</th>')
_BODY_CELL = (
    "text-align:left;vertical-align:top;padding:4px 12px 4px 0;white-space:normal;"
    "overflow-wrap:anywhere"
)
_ROW = Markup(
    '<tr><td style="{cell}">{number}</td><td style="{cell}"><b>{sign} {word}</b></td>'
    '<td dir="auto" style="{cell}">{prompt}</td><td style="{cell}">{reason}</td></tr>'
)


def batch_output(
    summary: BatchSummary,
    *,
    style: OutputStyle = "figure",
    start: Path | None = None,
) -> CellOutput:
    """Return the durable output of a batch.

    Args:
        summary: The batch.
        style: ``figure`` shows each picture with its caption, as HTML; ``image`` one picture of
            all of them, and what did not succeed as plain text.
        start: The folder of the notebook, to which links are relative; default: the working
            directory.
    """
    layout = SheetLayout(summary)
    commands = map(" ".join, _commands(summary))
    text = "\n".join([*summary.lines(), *_hidden_notes(layout), *commands])
    batch = {
        "batch": summary.id,
        "task_ids": summary.task_ids,
        "status": summary.status,
    }
    if style == "image" and (spec := sheet_spec(summary, _read_small)).pictures:
        jpeg = base64.b64encode(render(spec)).decode()
        alt = shorten("; ".join(summary.rows[: len(layout.rows)]), 2_000)
        metadata = {"liangxin": batch, "image/jpeg": {"alt": alt}}
        return CellOutput({"image/jpeg": jpeg, "text/plain": text}, metadata)
    html = _BLOCK.format(_content_html(layout, start))
    return CellOutput({"text/html": str(html), "text/plain": text}, {"liangxin": batch})


def sheet_page(summary: BatchSummary, side: int, start: Path) -> str:
    """Return an HTML page with all pictures of a batch.

    Args:
        summary: The batch.
        side: Maximum width and height of a picture in pixels.
        start: The folder of the page, to which links are relative.
    """
    cells = len(summary.updates)
    max_bytes = min(_PAGE_PICTURE_BYTES, max(2_000, _PAGE_BYTES // cells))
    layout = SheetLayout(summary, cells, side, max_bytes)
    title = summary.name or summary.rows[0]
    return str(_PAGE.format(printable(title), _content_html(layout, start)))


def sheet_spec(
    summary: BatchSummary, read: Callable[[Result], bytes], *, of_images: bool = False
) -> SheetSpec:
    """Return pictures and labels for a sheet that is one picture.

    Args:
        summary: The batch.
        read: Returns the picture of a result.
        of_images: Whether only results that contain a picture have one, and no videos.
    """
    labels, pictures = {}, {}
    for index, (update, state) in enumerate(zip(summary.updates, summary.states, strict=True)):
        labels[index] = STATUS_LABELS[state]
        result = update.result
        if isinstance(result, Result) and (result.image_paths if of_images else result.paths):
            pictures[index] = partial(read, result)
    return SheetSpec(pictures, summary.rows, summary.columns, labels)


def _read_small(result: Result) -> bytes:
    return picture_of(result, _SHEET_SIDE, _SHEET_BYTES)


def _content_html(layout: SheetLayout, start: Path | None) -> Markup:
    summary = layout.summary
    grid = sheet_html(layout, start)
    return _head_html(summary) + grid + _incomplete_html(summary) + _foot_html(summary, layout)


def _head_html(summary: BatchSummary) -> Markup:
    style = batch_style(summary.counts)
    counts = describe_counts(len(summary.updates), summary.counts)
    name = Markup(' <span dir="auto">· {}</span>').format(first_line(summary.name, 80))
    return Markup('<div style="margin-bottom:8px"><b>{} {}</b>{} · {}</div>').format(
        style.sign, style.word, name if summary.name else "", counts
    )


def pictures_html(summary: BatchSummary, *, with_pictures: bool = True) -> Markup:
    """Return the grid of a batch, and below it a table of what did not succeed, for a live view.

    Args:
        summary: The batch.
        with_pictures: Whether thumbnails are read or made; frames take their places otherwise.
    """
    grid = sheet_html(SheetLayout(summary), with_pictures=with_pictures)
    return _BLOCK.format(grid + _incomplete_html(summary))


def _incomplete_html(summary: BatchSummary) -> Markup:
    """Return a table of the requests without a complete result; empty if there are none."""
    rows: list[Markup] = []
    characters = 0
    for index in summary.incomplete[:_MAX_ROWS]:
        update = summary.updates[index]
        style = COUNT_STYLES[summary.states[index]]
        lines = [
            shorten(line, _MAX_REASON)
            for line in describe_outcome(update)
            if not line.startswith("%liangxin again ")  # the batch has a command for all of them
        ]
        column = summary.columns[index % len(summary.columns)]
        prompt = first_line(update.record.request.prompt, _MAX_PROMPT)
        characters += sum(map(len, lines)) + len(prompt)
        if rows and characters > _MAX_CHARACTERS:
            break
        rows.append(
            _ROW.format(
                cell=_BODY_CELL,
                number=index + 1,
                sign=style.sign,
                word=style.word.capitalize(),
                prompt=" · ".join(filter(None, (prompt, printable(column)))),
                reason=lines_html(lines),
            )
        )
    if not rows:
        return Markup()
    widths = ("width:3em", "width:10em", "width:35%", "")
    titles = ("No.", "State", "Prompt", "Reason and next step")
    heads = Markup("").join(map(_HEAD_CELL.format, widths, titles))
    table = _TABLE.format(heads, Markup("").join(rows))
    if more := len(summary.incomplete) - len(rows):
        table += Markup("<div>and {} more; {} lists all of them.</div>").format(
            more, _CODE.format(f'lx.batch(id="{summary.id}").table()')
        )
    return table


def _foot_html(summary: BatchSummary, layout: SheetLayout) -> Markup:
    lines = [Markup("{}").format(note) for note in _hidden_notes(layout)]
    lines += [Markup("{} {}").format(_CODE.format(c), text) for c, text in _commands(summary)]
    notes = [Markup("Batch {}").format(_CODE.format(summary.id))]
    if summary.reused:
        notes.append(Markup("{} taken from earlier work").format(len(summary.reused)))
    if any(update.record.profile == "sandbox" for update in summary.updates[:1]):
        notes.append(Markup("{}").format(SANDBOX_NOTICE))
    html = Markup("").join(map(Markup("<div>{}</div>").format, lines))
    return html + Markup('<div style="{}">{}</div>').format(SMALL_TEXT, Markup(" · ").join(notes))


def _commands(summary: BatchSummary) -> Iterator[tuple[str, str]]:
    """Yield commands for requests without a complete result, each with what it does."""
    counts = summary.counts
    if retryable := sum(counts[status] for status in RETRYABLE):
        text = f"submits the {retryable} failed or rejected again: new tasks, billed again."
        yield f"%liangxin batch {summary.id} --retry", text
    to_collect = sum(counts[s] for s in ("running", "detached", "not_fetched", "partly_saved"))
    parts = [f"sends the {counts['pending']} not sent yet"] if counts["pending"] else []
    parts += [f"collects the {to_collect} unfinished"] if to_collect else []
    if parts:
        yield f"%liangxin batch {summary.id}", f"{' and '.join(parts)}; nothing is sent twice."


def _hidden_notes(layout: SheetLayout) -> list[str]:
    """Return a line about cells that the sheet does not show, if any."""
    total = len(layout.summary.updates)
    if layout.cells == total:
        return []
    return [
        f"The sheet shows the first {layout.cells} of {total}. %liangxin gallery shows all, "
        f'lx.batch(id="{layout.summary.id}").sheet().save("all.html") writes all.'
    ]
