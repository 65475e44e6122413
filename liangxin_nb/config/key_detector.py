"""Recognise API keys in prompts, options and magic lines, where they would be saved and sent.

Ids of tasks (32 hex digits, `task_…`, UUIDs) are not keys, except after a name such as `key=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..errors import InvalidRequestError, hide_keys_with
from .secret import contains_secret, redact_text

__all__ = [
    "LINK",
    "PARAMETER",
    "PATTERNS",
    "PATTERNS_AFTER_NAMES",
    "PATTERNS_OUTSIDE_LINKS",
    "find_key",
    "reject_keys",
]


def _random(size: int) -> str:
    """Return a pattern for letters mixed with digits: no word, no number, no word with a year."""
    return (
        rf"(?<![A-Za-z0-9])(?![A-Za-z]+\d{{0,5}}(?![A-Za-z0-9]))(?!\d+(?![A-Za-z0-9]))"
        rf"[A-Za-z0-9]{{{size},}}"
    )


_QUOTE = r"(?:\\{0,3}[\"']|&(?:quot|\#0?39|\#x27);)?"
#: After a name such as key=, possibly quoted, or in brackets as in os.environ["API_KEY"] = "…".
_VALUE = rf"{_QUOTE}\]?\s*[=:：]\s*{_QUOTE}"
#: Keys that begin with the name of their service, by what the user is shown of them.
_SHAPES = {
    "sk-…": rf"sk-[\w-]{{0,60}}?(?:{_random(12)}|(?<![A-Za-z0-9])[A-Za-z0-9]{{20,}})",
    "sk_live_…": r"(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}",
    "AIza…": r"(?<![\w/+-])AIza[\w-]{35}(?![\w/+=-])",
    "ya29.…": r"ya29\.[\w-]{30,}",
    "ghp_…": r"gh[oprsu]_[A-Za-z0-9]{36,}",
    "github_pat_…": r"github_pat_\w{22,}",
    "glpat-…": r"glpat-[\w-]{20,}",
    "hf_…": r"hf_[A-Za-z0-9]{30,}",
    "r8_…": r"r8_[A-Za-z0-9]{30,}",
    "gsk_…": r"gsk_[A-Za-z0-9]{40,}",
    "xai-…": r"xai-[A-Za-z0-9]{40,}",
    "pplx-…": r"pplx-[A-Za-z0-9]{40,}",
    "nvapi-…": r"nvapi-[\w-]{40,}",
    "xoxb-…": r"xox[abeprs](?:\.xox[abp])?-\d[\w-]{9,}",
    "xapp-…": r"xapp-\d-[\w-]{20,}",
    "SG.…": r"SG\.[\w-]{22}\.[\w-]{43}",
    "npm_…": r"npm_[A-Za-z0-9]{36}",
    "pypi-…": r"pypi-[\w-]{50,}",
    "UUID:…": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{32}",  # of fal
    "PRIVATE KEY": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
}
#: Links to files often have such parameters, and they may be ids: only `api_key=` counts there.
_SHAPES_AFTER_NAMES = {
    "api_key=…": rf"(?i:(?:api|access|secret|private|auth|webhook)[-_ ]?key){_VALUE}"
    rf"([^\s\"'&,;<>{{}}]{{0,60}}?{_random(12)})",
    "key=…": rf"(?i:key|密钥|密鑰|金鑰){_VALUE}([\w-]{{0,60}}?{_random(12)})",
}
#: Keys that are also the signature of a link to a file, which is not a secret of the user.
_SHAPES_OUTSIDE_LINKS = {
    "AKIA…": r"(?<![\w/+-])A[KS]IA[0-9A-Z]{16}(?![\w/+=-])",
    "JSON web token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}",
    "Bearer …": rf"(?i:bearer)\s+([\w.~+/-]{{0,60}}?{_random(12)})",
    "token=…": rf"(?i:token|secret){_VALUE}([\w-]{{0,60}}?{_random(12)})",
}
_REMOVE = "Remove it: such texts are saved, and sent to the service."
_ALLOW = " If it is not a key, add --allow-key-like, in Python allow_key_like=True."
#: Every key contains a long word or follows a name; most prompts do neither. This is faster.
_CANDIDATE = re.compile(
    r"[\w./+=-]{15}|key|token|secret|bearer|密钥|密鑰|金鑰", re.IGNORECASE | re.ASCII
)
LINK = re.compile(r"https?://[^\s\"'<>]+")
#: A parameter of a link, but not `api_key=`.
PARAMETER = re.compile(r"([?&](?:amp;)?(?!api[-_]?key=)[\w.-]+=)[^&#]+", re.IGNORECASE)


def _compile(shapes: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    # Letters of other scripts may stand directly before a key.
    return {name: re.compile(rf"(?<![A-Za-z0-9])(?:{shape})") for name, shape in shapes.items()}


#: Each kind of key by what the user is shown of it; the key itself is the last group, if any.
PATTERNS = _compile(_SHAPES)
PATTERNS_AFTER_NAMES = _compile(_SHAPES_AFTER_NAMES)
PATTERNS_OUTSIDE_LINKS = PATTERNS_AFTER_NAMES | _compile(_SHAPES_OUTSIDE_LINKS)


def find_key(text: str) -> str:
    """Return the beginning of what looks like an API key in a text, or an empty text.

    Args:
        text: A prompt, an option, a URL or a line.

    Returns:
        The shape of the key, such as `sk-…`: nothing of its random part.
    """
    if not _CANDIDATE.search(text):
        return ""
    for name, pattern in PATTERNS.items():
        if pattern.search(text):
            return name
    text = LINK.sub(lambda link: PARAMETER.sub(r"\1", link[0]), text)
    found = (name for name, shape in PATTERNS_OUTSIDE_LINKS.items() if shape.search(text))
    return next(found, "")


def _iter_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _iter_texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _iter_texts(item)


def _hide_keys(text: str) -> str:
    """Return the text of an error without keys in use, and without what looks like a key."""
    text = redact_text(text)
    if not _CANDIDATE.search(text):
        return text
    for pattern in (*PATTERNS.values(), *PATTERNS_AFTER_NAMES.values()):
        text = pattern.sub("…", text)
    return text


hide_keys_with(_hide_keys)


def reject_keys(
    texts: Mapping[str, object], *, allow_key_like: bool = False, is_option: bool = True
) -> None:
    """Reject texts that contain a key in use, or something that looks like a key.

    Args:
        texts: The texts, or lists and mappings with texts, by their names for the error message.
            Other values are ignored.
        allow_key_like: Whether only keys in use are rejected.
        is_option: Whether the user can allow the texts, which the error then explains.

    Raises:
        InvalidRequestError: If a text contains a key. Nothing has been sent or written.
    """
    for name, value in texts.items():
        for text in _iter_texts(value):
            if contains_secret(text):
                raise InvalidRequestError(
                    f"{name} contains a key that is in use; nothing was sent.",
                    next_step=_REMOVE,
                )
            if not allow_key_like and not text.startswith("data:") and (shape := find_key(text)):
                raise InvalidRequestError(
                    f"{name} contains what looks like an API key ({shape}); nothing was sent.",
                    next_step=f"{_REMOVE}{_ALLOW if is_option else ''}",
                )
