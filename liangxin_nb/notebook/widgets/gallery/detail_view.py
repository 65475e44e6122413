"""The view of one result: its picture, details and files, its cell, and what to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.core.formatting import format_count
from liangxin_nb.library import EmbeddedMetadata, LibraryEntry

from ..theme import image_tag, small_lines
from .controls import DeleteButton, StatusLine, html_output, set_visible
from .details import entry_details, metadata_details
from .relatives import RelativeLinks
from .tile import picture_html

__all__ = ["MAX_PICTURES", "DetailActions", "DetailView"]

#: Pictures of one result that are shown; further ones are in its folder.
MAX_PICTURES: int = 8
_CELL_LABEL = "The cell that made it"


class DetailActions(Protocol):
    """What the buttons of the view do."""

    def back(self) -> None:
        """Show the grid again."""

    def step(self, by: int) -> None:
        """Open the entry before or after this one."""

    def edit(self) -> None:
        """Load the request into the composer."""

    def reference(self) -> None:
        """Use the picture as a reference."""

    def open_job(self, job_id: str) -> None:
        """Open the entry of a job."""

    def ask(self) -> str:
        """Return the question before the deletion."""

    def delete(self) -> None:
        """Move the files to the trash."""

    def restore(self) -> None:
        """Bring the files back from the trash."""


class DetailView:
    """The view of one entry, or of the metadata of an uploaded file.

    Attributes:
        box: The widget.
        back: Shows the grid again.
        previous: Opens the entry before this one.
        next: Opens the entry after this one.
        edit: Loads the request into the composer.
        reference: Uses the picture as a reference.
        delete: Moves the files to the trash.
        restore: Brings them back.
        copy: The field with the cell.
        relatives: Links to the results that it was made from, and that were made from it.
    """

    box: Any
    back: Any
    previous: Any
    next: Any
    edit: Any
    reference: Any
    delete: DeleteButton
    restore: Any
    copy: Any
    relatives: RelativeLinks

    def __init__(self, status_line: StatusLine, actions: DetailActions) -> None:
        button = status_line.button
        self.back = button("Back to all", "Shows all results again", actions.back)
        self.previous = button(
            "Previous one", "The result before this one", lambda: actions.step(-1), own_layout=True
        )
        self.next = button(
            "Next one", "The result after this one", lambda: actions.step(1), own_layout=True
        )
        self.edit = button(
            "Send to the composer", "Copies model, prompt and options", actions.edit,
            own_layout=True,
        )  # fmt: skip
        self.reference = button(
            "Use as reference", "Adds this picture to a new request", actions.reference,
            own_layout=True,
        )  # fmt: skip
        self.delete = DeleteButton(
            status_line, "Moves its files to the trash; asks first", actions.ask, actions.delete
        )
        self.restore = button(
            "Restore", "Brings its files back from the trash", actions.restore, own_layout=True
        )
        self.relatives = RelativeLinks(status_line, actions.open_job)
        self.copy = widgets.Textarea(description=_CELL_LABEL)
        self.copy.add_class("lx-copy")
        self._picture, self._details = widgets.HTML(), widgets.HTML()
        self._files, self._player = widgets.Output(), widgets.Output()
        for output in (self._files, self._player):
            output.add_class("lx-links")
        self.box = self._build_box()

    def _build_box(self) -> Any:
        head = widgets.HBox([self.back, self.previous, self.next])
        row = widgets.HBox([self.edit, self.reference, self.delete.button, self.restore])
        head.add_class("lx-row")
        row.add_class("lx-row")
        left = widgets.VBox([self._picture, self._player])
        left.add_class("lx-left")
        right = widgets.VBox([self._details, self.relatives.box, self._files, row, self.copy])
        right.add_class("lx-right")
        columns = widgets.HBox([left, right])
        columns.add_class("lx-one")
        box = widgets.VBox([head, columns])
        box.add_class("lx-view")
        return box

    @property
    def controls(self) -> list[Any]:
        """All buttons, and the field."""
        return [
            self.back, self.previous, self.next, self.edit, self.reference, self.delete.button,
            self.restore, self.copy, *self.relatives.controls,
        ]  # fmt: skip

    def show(self, entry: LibraryEntry, thumbnail: bytes, cell: str, excerpt: str) -> None:
        """Show an entry, at first with its thumbnail.

        Args:
            entry: The entry.
            thumbnail: Its thumbnail, or no bytes.
            cell: The cell that makes it.
            excerpt: The beginning of its text, shown without a thumbnail.
        """
        self._set_buttons(entry.record.status == "saved", bool(entry.pictures and entry.folder))
        self._picture.value = (
            _picture_tag(entry, thumbnail, 0)
            if thumbnail
            else picture_html(entry, b"", excerpt, is_final=True)
        )
        self._details.value = entry_details(entry)
        self.show_code(cell)

    def show_pictures(self, entry: LibraryEntry, pictures: Sequence[bytes]) -> None:
        """Replace the thumbnail with the large pictures."""
        tags = [_picture_tag(entry, data, index) for index, data in enumerate(pictures) if data]
        if len(tags) == 1:
            self._picture.value = tags[0]
        elif tags:
            more = len(entry.pictures) - len(tags)
            self._picture.value = Markup('<div class="lx-several">{}</div>{}').format(
                Markup("").join(tags),
                small_lines([f"{more} more in the folder"] if more > 0 else []),
            )

    def show_files(self, links: Sequence[tuple[str, str]], player: str) -> None:
        """Show links to the originals, or a player.

        Args:
            links: Name and URL of each file.
            player: The HTML that plays or shows a result that is not a picture, in place of the
                picture; or an empty text.
        """
        count = f"{format_count(len(links), 'file')}: " if len(links) > 1 else ""
        anchors = Markup(" ").join(
            Markup('<a href="{}" target="_blank" rel="noopener">Open the original {}</a>').format(
                url, name
            )
            for name, url in links
        )
        self._files.outputs = (html_output(count + anchors),) if links and not player else ()
        self._player.outputs = (html_output(player),) if player else ()
        set_visible(self._player, bool(player))
        set_visible(self._picture, not player)

    def show_metadata(self, embedded: EmbeddedMetadata, cell: str) -> None:
        """Show the metadata of an uploaded file, or why there is none.

        Args:
            embedded: What was read from the file.
            cell: The cell that makes it.
        """
        self._set_buttons(False, False)
        metadata, picture = embedded.metadata, embedded.picture
        self._picture.value = image_tag(picture, "") if picture else ""
        self._details.value = (
            metadata_details(metadata)
            if metadata
            else Markup("<div>{}</div>").format(embedded.reason)
        )
        self.show_files((), "")
        self.relatives.show((), ())
        set_visible(self.edit, metadata is not None)
        set_visible(self.copy, metadata is not None)
        set_visible(self.previous, False)
        set_visible(self.next, False)
        self.show_code(cell)

    def show_code(self, code: str, label: str = _CELL_LABEL) -> None:
        """Show code in the field to copy from."""
        with self.copy.hold_sync():
            self.copy.description, self.copy.value = label, code

    def _set_buttons(self, can_delete: bool, can_reference: bool) -> None:
        self.delete.reset()
        set_visible(self.delete.button, can_delete)
        set_visible(self.restore, False)
        set_visible(self.reference, can_reference)
        for widget in (self.edit, self.copy, self.previous, self.next):
            set_visible(widget, True)


def _picture_tag(entry: LibraryEntry, data: bytes, index: int) -> Markup:
    """Return a picture with the size of the original: it does not move, and is not upscaled."""
    file = entry.pictures[index] if index < len(entry.pictures) else None
    style = ""
    if file and file.width and file.height:
        style = f"aspect-ratio:{file.width}/{file.height};max-width:{file.width}px"
    return image_tag(data, entry.record.request.prompt, style=style)
