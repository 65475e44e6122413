"""The parts of a card as HTML, and the space that it takes."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from ...catalog import find_model
from ...cell_outputs.outcome_text import describe_outcome, lines_html
from ...core.formatting import first_line, printable
from ...core.job_record import JobRecord, JobUpdate
from ...core.state_style import SANDBOX_NOTICE, state_style
from ...results import CAPTION_HEIGHT, display_size
from .frontend import frontend
from .theme import UNSAVED_NOTICE, image_tag, sign_tag, small_lines

__all__ = ["Space", "details_html", "picture_html", "space_of", "space_style", "state_html"]

#: Width and height of the output that replaces a card, in CSS pixels.
Space = tuple[int, int]


def state_html(update: JobUpdate) -> Markup:
    """Return sign, word and model; screen readers announce them, but not the clock."""
    style = state_style(update.display_state)
    return Markup(
        '<div class="lx-state" role="status">{}{} <span class="lx-model">· {}</span></div>'
    ).format(sign_tag(style.sign), style.word, printable(update.record.request.model))


def picture_html(update: JobUpdate, framed: bool) -> Markup:
    """Return the picture, which reloaded pages and Voila show; before, its place in a frame."""
    if update.result is not None:
        try:
            picture = update.result.thumbnail()
        except (OSError, ValueError) as error:
            return small_lines([f"The picture cannot be shown: {error}"])
        alt = update.record.request.prompt
        return image_tag(picture, alt, css_class="lx-picture") if picture else Markup()
    if not framed:
        return Markup()
    sign = state_style(update.display_state).sign
    return Markup('<div class="lx-empty" aria-hidden="true">{}</div>').format(sign)


def details_html(update: JobUpdate, notes: Iterable[str], framed: bool) -> Markup:
    """Return the prompt, the reason or note, and in small print the ids and notes."""
    record = update.record
    prompt = first_line(record.request.prompt)
    html = Markup('<div class="lx-prompt" dir="auto">{}</div>').format(prompt)
    lines = describe_outcome(update) if update.is_final else [update.note]
    html += lines_html(filter(None, lines))
    id_tag = Markup('<span class="lx-id">{}</span>')
    small = [*filter(None, notes), id_tag.format(record.task_id)]
    if update.result is not None:
        small.append(id_tag.format(update.result.relative_path))
        small += [UNSAVED_NOTICE] * (not framed and frontend() == "live")
    small += [SANDBOX_NOTICE] * (record.profile == "sandbox")
    return html + small_lines(small)


def space_of(record: JobRecord) -> Space | None:
    """Return the space of the picture that a job makes; None if its shape is not known."""
    model = find_model(record.profile, record.request.model)
    if not model.in_catalog or model.kind != "image":
        return None
    return display_size(*model.size_of(record.request.options))


def space_style(space: Space) -> Markup:
    """Return the style of a card that takes the space of its picture and the caption."""
    width, height = space
    return Markup(
        "<style>.lx-space-{0}-{1} {{ width: min(100%, {0}px); }} .lx-space-{0}-{1}::before "
        "{{ aspect-ratio: {0} / {1}; margin-bottom: {2}px; }}</style>"
    ).format(width, height, CAPTION_HEIGHT)
