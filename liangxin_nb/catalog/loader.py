"""The catalogue's files: one for each profile, and the user's own beside them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError
from .model_spec import ModelSpec
from .schema import CatalogError, parse_model

__all__ = ["load_models"]

_PROFILES = ("liangxin", "kie")


def load_models(profile: str, *, own: bool = True) -> Mapping[str, ModelSpec]:
    """Every model that the catalogue lists for a profile, by its name on the wire.

    The sandbox speaks LiangXin's models. The file that LIANGXIN_MODELS names adds models and
    corrects them, unless `own` is False; raises `InvalidRequestError` when it cannot be read.
    """
    name = "kie" if profile == "kie" else "liangxin"
    path = os.environ.get("LIANGXIN_MODELS", "").strip() if own else ""
    return _load_with(name, path, _file_version(path)) if path else _built_in(name)


@cache
def _entries(name: str) -> dict[str, Any]:
    text = files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _built_in(name: str) -> Mapping[str, ModelSpec]:
    return _build_models(_entries(name))


@lru_cache(maxsize=8)
def _load_with(name: str, path: str, _: tuple[int, int]) -> Mapping[str, ModelSpec]:
    """The models with the user's own; read again when the file has another stamp."""
    try:
        added = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        _check_nesting(added)
        everywhere = {id: entry for id, entry in added.items() if id not in _PROFILES}
        return _build_models(_merge(_merge(_entries(name), everywhere), added.get(name, {})))
    except (ValueError, OSError) as error:
        raise _unreadable(path, error) from error


def _file_version(path: str) -> tuple[int, int]:
    try:
        told = Path(path).expanduser().stat()
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    return told.st_mtime_ns, told.st_size


def _unreadable(path: str, error: Exception) -> InvalidRequestError:
    why = getattr(error, "strerror", None) or " ".join(str(error).split())
    return InvalidRequestError(
        f"The models of your own in {path} cannot be read: {why}. Nothing was sent.",
        next_step="Correct the file, or unset LIANGXIN_MODELS.",
    )


def _check_nesting(added: Mapping[str, Any], within: str = "") -> None:
    """Every entry is a table, and so is every model of a profile."""
    for name, entry in added.items():
        if not isinstance(entry, dict):
            raise CatalogError(f"{within}{name}", "is not a table")
        if name in _PROFILES and not within:
            _check_nesting(entry, f"{name}.")


def _merge(base: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Tables into one another, key by key; anything else is replaced."""
    merged = dict(base)
    for key, value in more.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _merge(old, value) if both and old is not None else value
    return merged


def _build_models(entries: Mapping[str, Any]) -> dict[str, ModelSpec]:
    return {id: parse_model(id, _resolve_like(id, entry, entries)) for id, entry in entries.items()}


def _resolve_like(id: str, entry: Mapping[str, Any], entries: Mapping[str, Any]) -> dict[str, Any]:
    """An entry with what it takes over from the one it is like."""
    if "like" not in entry:
        return dict(entry)
    base = entries.get(entry["like"]) if isinstance(entry["like"], str) else None
    if base is None or "like" in base:
        raise CatalogError(f"{id}.like", f"is {entry['like']!r}, which has no entry of its own")
    return {key: value for key, value in _merge(base, entry).items() if key != "like"}
