"""Recognise the keys of another process in a text, without knowing them.

A kernel writes digests of its keys into a file, and Jupyter's server looks for the keys in
notebooks. Of each form of a key (plain, in JSON, in HTML, in base64, …) the file holds its length,
a keyed digest, and 16 bits about its last four characters, so that few parts of a text need a
digest. A long key cannot be found from that. A key of eight characters could be guessed from a copy
of the file; a process that can read the original can also read Jupyter's connection files beside
it, and run code in the kernel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from .secret import forms_in_use

__all__ = ["IN_USE", "KeyMatcher", "digest_keys", "merge_spans", "printable_part"]

#: What a key that is recognised by its digest is called; others are called by their beginning.
IN_USE = "a key in use"
_MIN_LENGTH, _MAX_LENGTH = 8, 40_000  # characters of a form
_MAX_FORMS = 2000
_END = 4  # characters that decide whether a digest is made
_MAX_DIGESTS = 20_000  # of one search that are no keys: a hostile text cannot make it long
#: What may be between the characters of a key: spaces, line breaks, letters of other scripts.
_BETWEEN = bytes(byte for byte in range(256) if not 33 <= byte <= 126)


def digest_keys(salt: bytes, forms: Iterable[bytes] | None = None) -> dict[str, Any]:
    """Return what another process needs to recognise keys, for a JSON file.

    Args:
        salt: Random bytes, the same for all processes of a user, so that equal keys have equal
            digests.
        forms: The forms of the keys; default those of all keys in use.
    """
    forms = forms_in_use() if forms is None else forms
    shown = (form for form in forms if len(form) >= _MIN_LENGTH and form == printable_part(form))
    return {
        "salt": salt.hex(),
        "forms": [[len(form), _end(salt, form).hex(), _digest(salt, form).hex()] for form in shown],
    }


def printable_part(data: bytes) -> bytes:
    """Return the printable ASCII characters without spaces, of which all keys consist."""
    return data.translate(None, _BETWEEN)


class KeyMatcher:
    """Finds keys by their digests."""

    def __init__(self, digests: Iterable[Any] = ()) -> None:
        """Read what `digest_keys` returned.

        Args:
            digests: One value for each process. What is damaged is ignored.
        """
        self._forms: dict[bytes, dict[bytes, dict[tuple[int, bytes], None]]] = {}
        for value in digests:
            for salt, size, end, digest in _read(value):
                by_end = self._forms.setdefault(salt, {})
                by_end.setdefault(end, {})[size, digest] = None

        #: The same for matchers of the same keys.
        self.identity = hash(repr(self._forms))

    def __bool__(self) -> bool:
        """Return whether there are keys to find."""
        return bool(self._forms)

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Return where keys are, in order and without overlaps.

        Args:
            data: A text without what is not printable; see `printable_part`.
        """
        found, budget = [], _MAX_DIGESTS
        for salt, by_end in self._forms.items():
            classes = data.translate(_classes(salt))
            for end, forms in by_end.items():
                position = classes.find(end)
                while position >= 0 and budget > 0:
                    stop = position + _END
                    for size, digest in forms:
                        if size <= stop and _digest(salt, data[stop - size : stop]) == digest:
                            found.append((stop - size, stop))
                            budget += len(forms)
                    budget -= len(forms)
                    position = classes.find(end, position + 1)
        return merge_spans(found)


def merge_spans(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, with one for those that overlap."""
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start < merged[-1][1]:
            start, stop = merged[-1][0], max(stop, merged.pop()[1])
        merged.append((start, stop))
    return merged


def _read(value: Any) -> Iterator[tuple[bytes, int, bytes, bytes]]:
    """Yield the salt, length, end and digest of each form; nothing of damaged ones."""
    try:
        salt = bytes.fromhex(value["salt"])
        for size, end, digest in value["forms"][:_MAX_FORMS]:
            if _MIN_LENGTH <= size <= _MAX_LENGTH and len(salt) <= hashlib.blake2b.MAX_KEY_SIZE:
                yield salt, size, bytes.fromhex(end), bytes.fromhex(digest)
    except (KeyError, TypeError, ValueError):
        return


def _digest(salt: bytes, form: bytes) -> bytes:
    return hashlib.blake2b(form, key=salt, digest_size=16).digest()


def _end(salt: bytes, form: bytes) -> bytes:
    return form[-_END:].translate(_classes(salt))


@lru_cache(maxsize=64)
def _classes(salt: bytes) -> bytes:
    """Return a table that maps all characters to 16 classes at random, four bits of each."""
    return bytes(byte & 15 for byte in hashlib.shake_256(salt).digest(256))
