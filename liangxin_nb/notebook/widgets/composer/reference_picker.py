"""Reference pictures: uploaded, by path or URL, or one of the newest results."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ipywidgets as widgets

from liangxin_nb.catalog import InputSpec
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.imaging import thumbnail

from ..theme import allow_events_while_busy
from .common import ErrorBoundary, button, humanize, with_class

__all__ = ["Newest", "Reference", "ReferencePicker", "relative_path"]

#: Where the newest results come from: what is shown, and the file.
Newest = Callable[[], Sequence[tuple[str, Path]]]


@dataclass(frozen=True)
class Reference:
    """One reference: what is sent for it, and what stands for it in a cell."""

    picture: Any
    preview: str

    @property
    def remote(self) -> bool:
        """Whether the service fetches it itself."""
        return isinstance(self.picture, str) and urlsplit(self.picture).scheme in ("http", "https")


class ReferencePicker:
    """A list of references and the three ways to add one."""

    def __init__(
        self,
        input: InputSpec,
        changed: Callable[[], None],
        errors: ErrorBoundary,
        newest: Newest,
    ) -> None:
        self.chosen: list[Reference] = []
        self._changed, self._errors, self._newest = changed, errors, newest
        self._text = widgets.Text(
            description=humanize(input.name),
            placeholder="a file or a URL",
            tooltip=f"{input.name}: {input.help}",
            continuous_update=False,
        )
        self._text.observe(errors(self._on_typed), "value")
        self._add = button("Add", "Add what is written there", errors(self._on_typed))
        self._upload = widgets.FileUpload(
            description="Upload", accept="image/*", multiple=True,
            tooltip="Pictures from your own machine",
        )  # fmt: skip
        self._upload.observe(errors(self._on_uploaded), "value")
        self._recent = widgets.Dropdown(
            options=[""], description="From the newest results", tooltip="A picture made here",
        )  # fmt: skip
        self._recent.observe(errors(self._on_picked), "value")
        self._list = widgets.VBox()
        ways = [with_class(self._text, "lx-grow"), self._add, self._upload]
        row = with_class(
            widgets.HBox([*ways, with_class(self._recent, "lx-grow")]), "lx-bar", "lx-foot"
        )
        self.widget = widgets.VBox([row, self._list], layout={"overflow": "visible"})
        self.refresh()

    def refresh(self) -> None:
        """Looks up the newest results."""
        names = [("", ""), *((name, str(path)) for name, path in self._newest())]
        if list(self._recent.options) != names:
            self._recent.options = names

    @property
    def value(self) -> list[str] | None:
        """What the rules are held against: addresses, and data of the right kind for the rest."""
        return [
            one.picture if one.remote else "data:image/jpeg;base64," for one in self.chosen
        ] or None

    def set_value(self, value: Any) -> None:
        """Shows the addresses of an earlier request; what was sent along is not at hand."""
        given = [value] if isinstance(value, str) else value or []
        self.chosen = [Reference(one, one) for one in given if not one.startswith("data:")]
        self._draw()
        if len(self.chosen) < len(given):
            raise InvalidRequestError(
                "Its reference pictures are not written down.", next_step="Give them again."
            )

    def set_enabled(self, enabled: bool) -> None:
        """Lets people add some, or not."""
        self._text.disabled = self._add.disabled = not enabled
        self._upload.disabled = self._recent.disabled = not enabled

    def add(self, reference: Reference) -> None:
        """Adds one; raises `InvalidRequestError` for a file that is not there."""
        local = isinstance(reference.picture, str) and not reference.remote
        if local and not Path(str(reference.picture)).expanduser().is_file():
            raise InvalidRequestError(
                f"There is no file {reference.picture!r}.",
                next_step="Give a path as the notebook sees it, or a URL.",
            )
        self.chosen.append(reference)
        self._errors.show()
        self._draw()

    def _on_typed(self) -> None:
        if text := self._text.value.strip():
            self.add(Reference(text, text))
            self._text.value = ""

    def _on_picked(self) -> None:
        if path := self._recent.value:
            self.add(Reference(path, relative_path(path)))
            self._recent.value = ""

    def _on_uploaded(self) -> None:
        files = _files(self._upload.value)
        if not files:
            return
        # Taken out at once: a widget's state is sent to every page and may be saved.
        if isinstance(self._upload.value, dict):  # ipywidgets 7
            self._upload.set_trait("value", {})
            self._upload.data = []
        else:
            self._upload.value = ()
        for name, data in files:
            self.add(Reference(data, name))

    def _draw(self) -> None:
        self._list.children = [self._row(n, one) for n, one in enumerate(self.chosen)]
        allow_events_while_busy(self._list)
        self._changed()

    def _row(self, n: int, one: Reference) -> Any:
        name = widgets.HTML(f"{_small(one)}<span>{escape(one.preview[:90])}</span>")
        gone = button("Remove", f"Remove {one.preview[:60]}", self._errors(lambda: self._remove(n)))
        return with_class(widgets.HBox([gone, name]), "lx-bar", "lx-reference")

    def _remove(self, n: int) -> None:
        del self.chosen[n]
        self._draw()


def _files(value: Any) -> list[tuple[str, bytes]]:
    """What was uploaded: a tuple of files, or in ipywidgets 7 a table of them by name."""
    if isinstance(value, dict):
        return [(name, bytes(file["content"])) for name, file in value.items()]
    return [(str(file["name"]), bytes(file["content"])) for file in value]


def _small(one: Reference) -> str:
    """A small picture of it, where it is at hand; raises for what is no picture."""
    if one.remote:
        return ""
    data = one.picture
    try:
        data = data if isinstance(data, bytes) else Path(data).expanduser().read_bytes()
        small = base64.b64encode(thumbnail(data, max_bytes=3000)).decode()
    except (ValueError, OSError):
        return ""  # what is wrong with it is said when it is to be sent
    return f'<img alt="" src="data:image/jpeg;base64,{small}">'


def relative_path(path: str | Path) -> str:
    """A path as one would type it: from here, where it lies below."""
    try:
        return Path(path).relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
