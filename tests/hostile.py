"""Text from outside that would become an element with a handler wherever it is not escaped."""

from __future__ import annotations

from html.parser import HTMLParser

__all__ = ["ELEMENT", "TEXT", "attributes", "elements_of", "text_of"]

#: The source of a picture that must never be loaded; the variable that its handler would set.
SOURCE, FLAG = "lx", "lxRan"
#: `<script>` would prove nothing: put in by innerHTML, it never runs. A handler does. It is short,
#: so that it is not cut where little room is.
ELEMENT = f"<img src={SOURCE} onerror={FLAG}=1>"
#: Ends an attribute in either kind of quotes first, so that it is hostile in an attribute as well.
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


def _parsed(html: str) -> _Parser:
    parser = _Parser()
    parser.feed(html)
    parser.close()
    return parser


def elements_of(html: str) -> list[str]:
    """Return the elements of a piece of HTML that came from a hostile text."""
    return [
        tag
        for tag, attributes in _parsed(html).elements
        if attributes.get("src") == SOURCE or "onerror" in attributes
    ]


def text_of(html: str) -> str:
    """Return the text that a reader of the page sees."""
    return _parsed(html).text


def attributes(html: str, name: str) -> list[str]:
    """Return every value of an attribute."""
    return [found[name] for _, found in _parsed(html).elements if name in found]
