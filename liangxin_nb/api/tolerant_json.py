"""Read JSON with the known defects of the services; never fails, and needs bounded time.

Strict JSON is tried first, then JSON with a byte order mark, NaN or raw line breaks, then JSON in
which the quotes inside `param` or `resultJson` are escaped once too few.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

__all__ = [
    "NO_IDS",
    "UNREADABLE",
    "decode_nested",
    "find_created_id",
    "find_record_fields",
    "read_json",
]

#: The value of a text that is not JSON.
UNREADABLE = object()
_MAX_NESTING = 5  # encodings of JSON as a text in JSON
_MAX_REPAIRED = 2 << 20  # characters of a text with defective quotes
_MAX_REPAIRS = 3
_MAX_ENDS = 32  # places that are tried as the end of a text with defective quotes
_DEFECTIVE = re.compile(r'"(param|resultJson)"\s*:\s*"(?=[\[{][\[{\s]*")')
_END = re.compile(r'[}\]]"(?=\s*[,}])')
# A number must be followed by a separator: the answer may be cut off inside it.
_CREATED_ID = re.compile(
    r'\b(?:taskId|task_id)\b\\{0,8}["\']?\s*:\s*'
    r'(?:\\{0,8}["\']([^"\'\\\s]{1,200})\\{0,8}["\']|([0-9A-Za-z_-]{1,200})(?=\s*[,}\]]))'
)
_FIELD = r'(?<!\\)"%s"\s*:\s*(?:"((?:[^"\\]|\\.)*+)"|(-?[0-9.]+|true|false))'
_FIELDS = {
    name: re.compile(_FIELD % name)
    for name in ("taskId", "state", "resultJson", "failCode", "failMsg", "completeTime")
}
#: Words in place of an id.
NO_IDS = frozenset(("null", "none", "undefined", "nil", "nan", "true", "false", "0", "-1", ""))


def read_json(body: bytes | str) -> Any:
    """Decode JSON tolerantly.

    Args:
        body: The text.

    Returns:
        The value, or `UNREADABLE`.
    """
    value = _decode(body)
    if value is not UNREADABLE:
        return value
    text = body if isinstance(body, str) else _decode_text(body)
    text = text.strip("\ufeff \t\r\n\0")
    if text[:1] not in ("{", "[", '"'):
        return UNREADABLE
    value = _decode_loosely(text)
    return value if value is not UNREADABLE else _decode_loosely(_repair_quotes(text))


def decode_nested(value: Any) -> Any:
    """Decode an object that may be encoded as JSON several times.

    Args:
        value: The value of a field.

    Returns:
        The innermost value; None if a text is not JSON.
    """
    for _ in range(_MAX_NESTING):
        if not isinstance(value, str):
            return value
        value = read_json(value)
        if value is UNREADABLE:
            return None
    return value


def find_created_id(text: str) -> str:
    """Return the task id in a text that is not JSON, or an empty text.

    Args:
        text: The beginning of an answer, a page, or JSON that is broken.
    """
    found = {first or second for first, second in _CREATED_ID.findall(text)}
    ids = [task_id for task_id in found if task_id.lower() not in NO_IDS]
    return ids[0] if len(ids) == 1 else ""


def find_record_fields(text: str) -> dict[str, Any]:
    """Return the few fields of a task record that decide, from a text that is not JSON.

    Args:
        text: A body of recordInfo.

    Returns:
        The fields that occur, each with one value; empty without a state.
    """
    fields = {}
    for name, pattern in _FIELDS.items():
        values = {first or second for first, second in pattern.findall(text)}
        if len(values) == 1:
            value = values.pop()
            decoded = _decode_loosely(f'"{value}"')
            fields[name] = value if decoded is UNREADABLE else decoded
    return fields if fields.get("state") else {}


def _decode(body: bytes | str) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return UNREADABLE


def _decode_text(body: bytes) -> str:
    """Decode UTF-8, or UTF-16 with a byte order mark."""
    is_utf16 = body[:2] in (b"\xff\xfe", b"\xfe\xff")
    return body.decode("utf-16" if is_utf16 else "utf-8", "replace")


def _decode_loosely(text: str) -> Any:
    """Decode JSON that may contain NaN, infinities, line breaks and halves of characters."""
    try:
        value = json.loads(text, strict=False, parse_constant=lambda _: None)
        if "\\ud" in text.lower():
            # Half of a surrogate pair cannot be written to a file or a database.
            encoded = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            value = json.loads(encoded)
    except (ValueError, RecursionError):
        return UNREADABLE
    return value


def _repair_quotes(text: str) -> str:
    r"""Insert the objects in `param` and `resultJson` without the quotes around them.

    Source: recordInfo of KIE, observed; `"param":"{"model":"m","input":"{\"a\":1}"}"`.
    """
    position = 0
    for _ in range(_MAX_REPAIRS):
        match = _DEFECTIVE.search(text, position)
        if match is None or len(text) > _MAX_REPAIRED:
            return text
        start = match.end()
        value, end = _find_value(text, start)
        text = text[: start - 1] + value + text[end:]
        position = start
    return text


def _find_value(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at a position, and the position after its closing quote."""
    first_end = len(text)
    for number, match in enumerate(_END.finditer(text, start)):
        if number == _MAX_ENDS:
            break
        value = text[start : match.start() + 1]
        if _decode_loosely(value) is not UNREADABLE:
            return value, match.end()
        rest = text[: start - 1] + "null" + text[match.end() :]
        if first_end == len(text) and _decode_loosely(rest) is not UNREADABLE:
            first_end = match.end()
    return "null", first_end
