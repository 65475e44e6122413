"""Hostile text that becomes an element with an event handler if it is not escaped."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["ELEMENT", "TEXT", "attributes", "elements_of", "text_of"]

#: The source of a picture that must not be loaded, and the variable that its handler sets.
SOURCE, FLAG = "lx", "lxRan"
#: An element with a handler, because a `<script>` in innerHTML does not run. It is short, so that
#: it is not truncated.
ELEMENT = f"<img src={SOURCE} onerror={FLAG}=1>"
#: First closes an attribute with either kind of quotes, so that it is also hostile in attributes.
TEXT = f"""'">{ELEMENT}&amp;"""


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data


def _parse(html: str) -> _Parser:
    parser = _Parser()
    parser.feed(str(html))  # a Markup would escape what the parser adds to it
    parser.close()
    return parser


def elements_of(html: str) -> list[str]:
    """Return the elements that hostile text has created in HTML."""
    return [
        tag
        for tag, attributes in _parse(html).elements
        if attributes.get("src") == SOURCE or "onerror" in attributes
    ]


def text_of(html: str) -> str:
    """Return the visible text of HTML."""
    return _parse(html).text


def attributes(html: str, name: str) -> list[str]:
    """Return all values of an attribute."""
    return [attrs[name] for _, attrs in _parse(html).elements if name in attrs]
