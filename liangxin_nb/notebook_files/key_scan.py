"""Find API keys in a notebook, and replace them in its outputs and metadata.

The sources of cells are never changed: code without its key does not run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ..config.key_digests import KeyMatcher
from .text_redaction import find_shapes, redact_pieces

__all__ = ["Finding", "redact_outputs", "scan"]

_BINARY_TYPES = ("image/", "audio/", "video/", "font/", "application/pdf")
_BINARY_NAMES = ("png", "jpeg", "pdf")  # of nbformat 3
#: Lists of lines, which are shown as one text.
_LINES = ("text", "traceback", "source", "input")
_MAX_CLEAN = 10_000
_Path = tuple[Any, Any]


class Finding(NamedTuple):
    """Where a notebook contains a key; the key itself is not a part of it.

    Attributes:
        cell: The number of the cell, from 1; 0 for the notebook's own metadata.
        cell_id: The id of the cell, or empty.
        place: `source`, `output` or `metadata`.
        shape: The beginning of the key, such as `sk-…`, or `a key in use`.
    """

    cell: int
    cell_id: str
    place: str
    shape: str


class _Text(NamedTuple):
    """A text in a notebook: its pieces, each as a container and its key or index."""

    pieces: list[_Path]
    is_key: bool = False  # of an object in JSON

    def read(self) -> str:
        """Return the text."""
        return "".join(self._values())

    def redact(self, matcher: KeyMatcher) -> None:
        """Replace the keys in it."""
        values = redact_pieces(self._values(), matcher)
        for (container, key), value in zip(self.pieces, values, strict=True):
            if not self.is_key:
                container[key] = value
            elif value != key:
                items = [(value if name == key else name, item) for name, item in container.items()]
                container.clear()
                container.update(items)

    def _values(self) -> list[str]:
        return [key if self.is_key else container[key] for container, key in self.pieces]


def scan(notebook: Mapping[str, Any], matcher: KeyMatcher) -> list[Finding]:
    """Return where a notebook contains keys.

    Args:
        notebook: The content of a notebook file.
        matcher: Recognises the keys in use; key-like texts are found, too.
    """
    return list(_scan(notebook, matcher, redact=False))


def redact_outputs(
    notebook: Mapping[str, Any], matcher: KeyMatcher, is_late: Callable[[], bool] = lambda: False
) -> list[Finding]:
    """Replace keys in outputs and metadata by dots, and return where the notebook had any.

    Nothing else of the notebook is changed.

    Args:
        notebook: The content of a notebook file, which is changed in place.
        matcher: Recognises the keys in use; key-like texts are replaced, too.
        is_late: Returns whether to leave the rest of the notebook as it is.
    """
    return list(_scan(notebook, matcher, redact=True, is_late=is_late))


def _scan(
    notebook: Mapping[str, Any],
    matcher: KeyMatcher,
    *,
    redact: bool,
    is_late: Callable[[], bool] = lambda: False,
) -> Iterator[Finding]:
    metadata = list(_texts(notebook, "metadata"))
    parts = [(0, "", "metadata", metadata)]
    for number, cell in enumerate(_cells(notebook), 1):
        cell_id = str(cell.get("id", ""))
        source = [*_texts(cell, "source"), *_texts(cell, "input")]
        parts.append((number, cell_id, "source", source))
        parts.append((number, cell_id, "output", list(_output_texts(cell))))
        metadata = [*_texts(cell, "metadata"), *_texts(cell, "attachments")]
        parts.append((number, cell_id, "metadata", metadata))
    for number, cell_id, place, texts in parts:
        if is_late():
            return
        found = list(_find(texts, matcher))
        shapes = [shape for text in found for shape in find_shapes(text.read(), matcher)]
        if redact and place != "source":
            for text in sorted(found, key=lambda text: text.is_key):  # names change last
                text.redact(matcher)
        yield from (Finding(number, cell_id, place, shape) for shape in dict.fromkeys(shapes))


def _find(texts: list[_Text], matcher: KeyMatcher) -> Iterator[_Text]:
    """Yield the texts with keys; one search is enough for most notebooks."""
    joined = "\n".join(text.read() for text in texts)
    if not joined or _is_clean(joined, matcher):
        return
    if len(texts) == 1:
        yield texts[0]
        return
    half = len(texts) // 2
    yield from _find(texts[:half], matcher)
    yield from _find(texts[half:], matcher)


#: Hashes of texts without keys: a front end saves the same outputs again and again.
_clean: OrderedDict[int, None] = OrderedDict()


def _is_clean(text: str, matcher: KeyMatcher) -> bool:
    identity = hash((text, matcher.identity))
    if identity in _clean:
        _clean.move_to_end(identity)
        return True
    if find_shapes(text, matcher):
        return False
    _clean[identity] = None
    if len(_clean) > _MAX_CLEAN:
        _clean.popitem(last=False)
    return True


def _cells(notebook: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the cells of a notebook, also of nbformat 3."""
    sheets = notebook.get("worksheets")
    for part in (notebook, *(sheets if isinstance(sheets, list) else ())):
        cells = part.get("cells") if isinstance(part, Mapping) else None
        yield from (
            (cell for cell in cells if isinstance(cell, dict)) if isinstance(cells, list) else ()
        )


def _output_texts(cell: Mapping[str, Any]) -> Iterator[_Text]:
    """Yield the texts of a cell's outputs; those of a stream as one."""
    outputs = cell.get("outputs")
    streams: dict[str, list[_Path]] = {}
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        if output.get("output_type") == "stream":
            name = str(output.get("name", output.get("stream")))
            for text in _texts(output, "text"):
                streams.setdefault(name, []).extend(text.pieces)
            continue
        for key in output:
            yield from _texts(output, key)
    yield from (_Text(pieces) for pieces in streams.values())


def _texts(container: Any, key: Any) -> Iterator[_Text]:
    """Yield all texts of a value in a container, without pictures."""
    stack = [(container, key)]
    while stack:
        container, key = stack.pop()
        value = container.get(key) if isinstance(container, Mapping) else container[key]
        if isinstance(value, str):
            if value and not _is_binary(container, key, value):
                yield _Text([(container, key)])
        elif isinstance(value, Mapping):
            yield from (_Text([(value, name)], is_key=True) for name in value)
            stack += ((value, name) for name in value)
        elif isinstance(value, list):
            pieces = [(value, index) for index in range(len(value))]
            is_text = key in _LINES or (
                isinstance(key, str) and key.startswith(("text/", "image/svg"))
            )
            if is_text and all(isinstance(item, str) for item in value):
                yield _Text(pieces)
            else:
                stack += pieces


def _is_binary(container: Any, name: Any, value: str) -> bool:
    """Return whether a text is a file in base64, in which nothing can be read."""
    if "-" in value or "_" in value or name == "image/svg+xml":
        return False
    if name == "data":  # of a widget
        return isinstance(container, Mapping) and container.get("encoding") == "base64"
    return isinstance(name, str) and (name in _BINARY_NAMES or name.startswith(_BINARY_TYPES))
