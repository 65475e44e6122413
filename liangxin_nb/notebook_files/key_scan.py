"""Find API keys in a notebook, and replace them in its outputs and metadata.

The sources of cells are never changed: code without its key does not run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ..config.key_digests import KeyMatcher
from .text_redaction import find_shapes, redact_pieces

__all__ = ["Finding", "redact_outputs", "scan"]

_BINARY_TYPES = ("image/", "audio/", "video/", "font/", "application/pdf")
_BINARY_NAMES = ("png", "jpeg", "pdf")  # of nbformat 3
_MIN_BINARY = 60  # characters
_NESTED = str, list, dict
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
    """A text in a notebook: its pieces, each as a container and its key or index there.

    A piece is a string or a list of lines.
    """

    pieces: list[_Path]
    is_name: bool = False  # of a value in a JSON object

    def read(self) -> str:
        """Return the text."""
        return "".join(self.lines())

    def lines(self) -> Iterator[str]:
        """Yield the strings of which it consists."""
        for value in self._values():
            yield from [value] if isinstance(value, str) else value

    def write(self, lines: Iterator[str]) -> None:
        """Replace its strings by others, if it is no name."""
        for container, key in self.pieces:
            value = container[key]
            new = list(islice(lines, 1 if isinstance(value, str) else len(value)))
            container[key] = new[0] if isinstance(value, str) else new

    def _values(self) -> list[Any]:
        return [key if self.is_name else container[key] for container, key in self.pieces]


def _redact(texts: Sequence[_Text], matcher: KeyMatcher) -> None:
    """Replace the keys in all texts at once, also keys that are divided among them."""
    lines = iter(redact_pieces([s for text in texts for s in ("\n", *text.lines())], matcher))
    renamed: dict[int, tuple[dict[str, Any], dict[str, str]]] = {}
    for text in texts:
        next(lines)
        if text.is_name:  # names change last
            ((container, name),) = text.pieces
            renamed.setdefault(id(container), (container, {}))[1][name] = next(lines)
        else:
            text.write(lines)
    for container, names in renamed.values():
        if any(old != new for old, new in names.items()):
            items = list(container.items())
            container.clear()
            for old, value in items:
                new = names.get(old, old)
                container[f"{new} {len(container)}" if new in container else new] = value


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
        shapes = _find_shapes("\n".join(text.read() for text in texts), matcher)
        if redact and shapes and place != "source":
            _redact(texts, matcher)
        yield from (Finding(number, cell_id, place, shape) for shape in shapes)


#: Hashes of texts without keys: a front end saves the same outputs again and again.
_clean: OrderedDict[int, None] = OrderedDict()


def _find_shapes(text: str, matcher: KeyMatcher) -> list[str]:
    if not text:
        return []
    identity = hash((text, matcher.identity))
    if identity in _clean:
        _clean.move_to_end(identity)
        return []
    if shapes := find_shapes(text, matcher):
        return shapes
    _clean[identity] = None
    if len(_clean) > _MAX_CLEAN:
        _clean.popitem(last=False)
    return []


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
    stack = [(container, key)] if isinstance(container.get(key), _NESTED) else []
    while stack:
        container, key = stack.pop()
        value = container[key]
        if isinstance(value, str):
            if value and not _is_binary(container, key, value):
                yield _Text([(container, key)])
        elif isinstance(value, dict):
            yield from (_Text([(value, name)], is_name=True) for name in value)
            stack += [(value, name) for name, item in value.items() if isinstance(item, _NESTED)]
        elif all(isinstance(item, str) for item in value):
            if not _is_binary(container, key, "".join(value)):
                yield _Text([(container, key)])  # mostly the lines of a text
        else:
            stack += [(value, n) for n, item in enumerate(value) if isinstance(item, _NESTED)]


def _is_binary(container: Any, name: Any, value: str) -> bool:
    """Return whether a text is a file in base64, in which nothing can be read."""
    if len(value) < _MIN_BINARY or "-" in value or "_" in value or name == "image/svg+xml":
        return False
    if name == "data":  # of a widget
        return isinstance(container, Mapping) and container.get("encoding") == "base64"
    return isinstance(name, str) and (name in _BINARY_NAMES or name.startswith(_BINARY_TYPES))
