"""Which addresses belong to a service, by its own documents."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

__all__ = ["upload_base_url"]


def upload_base_url(profile: str, base_url: str) -> str:
    """Where a service takes reference pictures; empty for one that takes them in the request.

    KIE's stated upload address goes with its stated API address alone; whatever else speaks KIE's
    API (a sandbox, a gateway of one's own) is asked at its own address, so that the key goes to
    no other.
    """
    told = _load_services().get(profile)
    if told is None:
        return ""
    return told["uploads"] if base_url.rstrip("/") == told["api"] else base_url


@cache
def _load_services() -> dict[str, dict[str, str]]:
    text = files(__package__).joinpath("services.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
