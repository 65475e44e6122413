"""The reference pictures of a request: uploaded, by path or URL, or one of the newest results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.catalog import InputSpec
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.imaging import thumbnail

from ..theme import allow_events_while_busy, image_tag
from ..uploads import take_files
from .common import ErrorBoundary, button, humanize, relative_path, with_class

__all__ = ["LoadResults", "Reference", "ReferencePicker"]

#: Returns label and file of the newest results.
LoadResults: TypeAlias = Callable[[], Sequence[tuple[str, Path]]]

_MAX_NAME_LENGTH = 90
_THUMBNAIL_BYTES = 3000


@dataclass(frozen=True)
class Reference:
    """One reference picture.

    Attributes:
        picture: What is sent: a URL, a path, or the bytes of an upload.
        name: How it is named in a cell.
    """

    picture: Any
    name: str

    @property
    def is_url(self) -> bool:
        """Whether the service downloads it."""
        return isinstance(self.picture, str) and urlsplit(self.picture).scheme in ("http", "https")


class ReferencePicker:
    """A list of references, and three ways to add one.

    Attributes:
        widget: The widget.
        references: The references, in the order in which they are sent.
    """

    widget: Any
    references: list[Reference]

    def __init__(
        self,
        spec: InputSpec,
        on_change: Callable[[], None],
        errors: ErrorBoundary,
        load_results: LoadResults,
    ) -> None:
        """Create an empty list.

        Args:
            spec: The input of the model that takes pictures.
            on_change: Called when the list has changed.
            errors: Shows errors.
            load_results: Returns the newest results, to choose from.
        """
        self.references = []
        self._on_change, self._errors, self._load_results = on_change, errors, load_results
        self._text = widgets.Text(
            description=humanize(spec.name),
            placeholder="a file or a URL",
            tooltip=f"{spec.name}: {spec.help}",
            continuous_update=False,
        )
        self._text.observe(errors(self._on_text), "value")
        self._add = button("Add", "Add the file or URL in the field", errors(self._on_text))
        self._upload = widgets.FileUpload(
            description="Upload", accept="image/*", multiple=True,
            tooltip="Pictures from your own computer",
        )  # fmt: skip
        self._upload.observe(errors(self._on_upload), "value")
        self._recent = widgets.Dropdown(
            options=[""], description="From the newest results", tooltip="A picture made here",
        )  # fmt: skip
        self._recent.observe(errors(self._on_choice), "value")
        self._list = widgets.VBox()
        row = [with_class(self._text, "lx-grow"), self._add, self._upload]
        row.append(with_class(self._recent, "lx-grow"))
        self.widget = widgets.VBox(
            [with_class(widgets.HBox(row), "lx-bar", "lx-foot"), self._list],
            layout={"overflow": "visible"},
        )
        self.refresh()

    def refresh(self) -> None:
        """Load the newest results."""
        options = [("", ""), *((name, str(path)) for name, path in self._load_results())]
        if list(self._recent.options) != options:
            self._recent.options = options

    @property
    def value(self) -> list[str] | None:
        """What the model's rules are checked with: URLs, and a data URL for each other picture."""
        urls = [
            reference.picture if reference.is_url else "data:image/jpeg;base64,"
            for reference in self.references
        ]
        return urls or None

    @property
    def unread(self) -> str:
        """What is written in the field but is not a reference yet."""
        return str(self._text.value).strip()

    def set_value(self, value: Any) -> None:
        """Show the URLs of an earlier request.

        Args:
            value: A URL, several, or None.

        Raises:
            InvalidRequestError: If other pictures were sent, which the ledger does not contain.
        """
        urls = [value] if isinstance(value, str) else value or []
        self.references = [Reference(url, url) for url in urls if not url.startswith("data:")]
        self._draw()
        if len(self.references) < len(urls):
            raise InvalidRequestError(
                "The reference pictures of this request were not saved.",
                next_step="Add them again.",
            )

    def set_enabled(self, enabled: bool) -> None:
        """Enable or disable the controls that add references."""
        self._text.disabled = self._add.disabled = not enabled
        self._upload.disabled = self._recent.disabled = not enabled

    def add(self, reference: Reference) -> None:
        """Add a reference.

        Raises:
            InvalidRequestError: If a file does not exist.
        """
        is_path = isinstance(reference.picture, str) and not reference.is_url
        if is_path and not Path(str(reference.picture)).expanduser().is_file():
            raise InvalidRequestError(
                f"There is no file {reference.picture!r}.",
                next_step="Give a path relative to the notebook, or a URL.",
            )
        self.references.append(reference)
        self._errors.show()
        self._draw()

    def _on_text(self) -> None:
        try:
            if text := self.unread:
                self.add(Reference(text, text))
                self._text.value = ""
        finally:
            self._on_change()

    def _on_choice(self) -> None:
        if path := self._recent.value:
            self.add(Reference(path, relative_path(path)))
            self._recent.value = ""

    def _on_upload(self) -> None:
        for name, data in take_files(self._upload):
            self.add(Reference(data, name))

    def _draw(self) -> None:
        self._list.children = [
            self._row(index, reference) for index, reference in enumerate(self.references)
        ]
        allow_events_while_busy(self._list)
        self._on_change()

    def _row(self, index: int, reference: Reference) -> Any:
        name = reference.name[:_MAX_NAME_LENGTH]
        label = widgets.HTML(Markup("{}<span>{}</span>").format(_thumbnail_tag(reference), name))
        remove = button("Remove", f"Remove {name}", self._errors(lambda: self._remove(index)))
        return with_class(widgets.HBox([remove, label]), "lx-bar", "lx-reference")

    def _remove(self, index: int) -> None:
        del self.references[index]
        self._draw()


def _thumbnail_tag(reference: Reference) -> Markup:
    """Return a thumbnail; empty for URLs and for what cannot be read."""
    if reference.is_url:
        return Markup()
    data = reference.picture
    try:
        data = data if isinstance(data, bytes) else Path(data).expanduser().read_bytes()
        return image_tag(thumbnail(data, max_bytes=_THUMBNAIL_BYTES), "")
    except (ValueError, OSError):
        return Markup()  # reported when the request is submitted
