"""Secrets in memory, and the texts in which they can be recognised."""

from __future__ import annotations

import base64
import codecs
import html
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NoReturn
from urllib.parse import quote, quote_plus
from weakref import WeakValueDictionary

from ..errors import InvalidRequestError
from .key_cleaning import clean_key, find_usable_key

__all__ = [
    "DOTS",
    "Secret",
    "contains_secret",
    "forms_in_use",
    "redact",
    "redact_text",
    "secret_forms",
]

#: What is written instead of a key.
DOTS = "••••••"
for _name in ("utf-16-le", "utf-16-be"):
    codecs.lookup(_name)  # loads them while there are file descriptors
#: A response may end in the middle of a key; fewer characters than this are not a secret.
_MIN_PART = 6
_NOT_PRINTABLE = re.compile(rb"[^!-~]+")
#: A key in the environment is not used with the sandbox, but is not to be saved with a prompt.
_VARIABLES = ("LIANGXIN_API_KEY", "LIANGXIN_WEBHOOK_KEY", "LIANGXIN_SANDBOX_KEY")
_IN_USE: WeakValueDictionary[int, Secret] = WeakValueDictionary()


class Secret:
    """A key. Its text and repr are dots, and it cannot be pickled.

    While it exists, `redact` and `contains_secret` recognise it in any text.
    """

    # The value is in a closure: `inspect.getmembers` and debuggers show no attribute with it.
    __slots__ = ("__weakref__", "_forms", "reveal")

    #: Returns the key itself, for the one header that contains it.
    reveal: Callable[[], str]
    _forms: Callable[[], tuple[bytes, ...]]

    def __init__(self, value: object, source: str = "The key") -> None:
        """Clean and check a key.

        Args:
            value: The key, as pasted: with quotes, `Bearer` or the name of a variable.
            source: Where it comes from, for the error message.

        Raises:
            InvalidRequestError: If it cannot be a key. The message does not contain it.
        """
        key = clean_key(value, source)
        forms = secret_forms(key)
        self.reveal = lambda: key
        self._forms = lambda: forms
        _IN_USE[id(self)] = self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __repr__(self) -> str:
        return DOTS

    __str__ = __repr__

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise InvalidRequestError(
            "A key is not written to files or sent to other processes.",
            next_step="Set LIANGXIN_API_KEY there.",
        )


def contains_secret(text: str) -> bool:
    """Return whether a text contains a key in use, also encoded or broken into lines.

    Args:
        text: Any text.
    """
    data = text.encode("utf-8", "surrogatepass")
    joined = b"" if text.startswith("data:") else _NOT_PRINTABLE.sub(b"", data)
    return any(form in data or form in joined for form in forms_in_use())


def redact(data: bytes, *, is_cut_off: bool = False) -> bytes:
    """Return data with dots instead of the keys in use, however they are encoded.

    Args:
        data: For example the body of a response.
        is_cut_off: Whether the data may end in the middle of a key.
    """
    dots = DOTS.encode()
    for form in forms_in_use():
        data = data.replace(form, dots)
        if is_cut_off:
            sizes = range(len(form) - 1, _MIN_PART - 1, -1)
            size = next((n for n in sizes if data.endswith(form[:n])), 0)
            data = data[: len(data) - size] + dots if size else data
    return data


def redact_text(text: str) -> str:
    """Return a text with dots instead of the keys in use.

    Args:
        text: For example the message of an error of another library.
    """
    return redact(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


@lru_cache(maxsize=16)
def secret_forms(value: str) -> tuple[bytes, ...]:
    """Return a secret as it may be written into a file, the longest forms first.

    Args:
        value: The secret.

    Returns:
        The secret plain, in JSON (also twice), HTML, LaTeX, a URL, base64, hexadecimal and UTF-16.
    """
    in_python = repr(value + "'\"")[1:-4]  # with either kind of quotes
    texts = {value, repr(value)[1:-1], in_python}
    texts |= {html.escape(value), html.escape(value, quote=False)}
    texts.add(html.escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"))
    for in_url in (quote(value), quote(value, safe=""), quote_plus(value)):
        texts |= {in_url, re.sub("%..", lambda found: found[0].lower(), in_url)}
    texts.add(re.sub("[_%$#{}&]", r"\\\g<0>", value))  # in LaTeX
    texts |= {_to_json(text) for text in texts} | {_to_json(_to_json(value))}
    # Some services escape these in JSON, too.
    texts |= {text.replace("/", "\\/") for text in (value, _to_json(value))}
    texts.add(re.sub("[<>&']", lambda found: f"\\u{ord(found[0]):04x}", _to_json(value)))
    raw = value.encode()
    forms = {text.encode() for text in texts} | {raw.hex().encode(), raw.hex().upper().encode()}
    forms |= {value.encode("utf-16-le"), value.encode("utf-16-be"), *_base64_forms(raw)}
    return tuple(sorted(forms, key=len, reverse=True))


def _to_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Yield the characters that base64 has for these bytes, at each of three positions."""
    for shift in range(3):
        padded = bytes(shift) + raw
        part = slice(-(-shift * 8 // 6), len(padded) * 8 // 6)
        yield base64.b64encode(padded)[part]
        yield base64.urlsafe_b64encode(padded)[part]


def forms_in_use(secrets: Iterable[Secret] | None = None) -> list[bytes]:
    """Return keys as they may be written into a file, and those of the environment.

    Args:
        secrets: The keys; default all in memory.
    """
    if secrets is None:
        secrets = [secret for ref in _IN_USE.valuerefs() if (secret := ref()) is not None]
    forms = [secret._forms() for secret in secrets]
    # Without an error for other values: its text would be searched for keys in turn.
    keys = (find_usable_key(os.environ.get(name, "")) for name in _VARIABLES)
    forms += [secret_forms(key) for key in keys if key]
    return list({form: None for of_one in forms for form in of_one})
