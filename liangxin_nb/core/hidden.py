"""Addresses for display: without logins, passwords, tokens and keys."""

from __future__ import annotations

import re

__all__ = ["HIDDEN", "hide_secrets"]

#: What is shown instead of a secret.
HIDDEN = "…"
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.IGNORECASE | re.DOTALL)
# A long text, such as a key of 10,000 digits, must not need quadratic time.
_URL_IN_TEXT = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s'\"]+", re.IGNORECASE)
#: A host, possibly with a port. Anything else may be a part of a password.
_HOST = re.compile(r"(\[[^\]]*\]|[^:]+)(:\d{0,5})?|")
#: A part of a path that is rather a token or a key than a name.
_TOKEN = re.compile(r"sk-.*|[\w~-]{32,}")
_KEY = re.compile(r"(?<![\w-])(sk-[\w-]{8,}|[0-9a-f]{32,})(?![\w-])")
#: `name=value` with a secret, as in the key words of libpq: host=h password=PW.
_NAMED_SECRET = re.compile(
    r"\b(?=\w*?(?:pass|pwd|secret|token|key|auth|sig))(\w++\s*+[=:]\s*)('[^']*'|\S+)",
    re.IGNORECASE,
)


def hide_secrets(text: str) -> str:
    """Return a URL, or a text with URLs, without what may be secret.

    Logins and queries are hidden whole: passwords contain characters that end the part of a URL,
    and the names of parameters that hold secrets are many.

    Args:
        text: A URL of a service, database or callback; a path; an error message.
    """
    if url := _URL.fullmatch(text.strip()):
        return _hide_in_url(url[1], url[2])
    text = _URL_IN_TEXT.sub(lambda found: hide_secrets(found[0]), text)
    text = re.sub(r"^[^\s/\\]+@", f"{HIDDEN}@", text)  # a URL without its scheme
    return _KEY.sub(HIDDEN, _NAMED_SECRET.sub(rf"\1{HIDDEN}", text))


def _hide_in_url(scheme: str, rest: str) -> str:
    _, at, rest = rest.rpartition("@")
    rest, *query = re.split("[?#]", rest, maxsplit=1)
    host, slash, path = rest.partition("/")
    if not _HOST.fullmatch(host) or _KEY.search(host):
        host = HIDDEN
    if host or scheme.lower() in ("http", "https"):  # not the path of a file
        path = "/".join(HIDDEN if _TOKEN.fullmatch(part) else part for part in path.split("/"))
    login, hidden_query = f"{HIDDEN}@" if at else "", f"?{HIDDEN}" if query else ""
    return f"{scheme}://{login}{host}{slash}{path}{hidden_query}"
