"""Load the catalogue's TOML files: one for each profile, and the user's own."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from ..config.schema import read_variable
from ..core.foreign_file import file_problem, read_foreign_text
from ..errors import InvalidRequestError
from .model_spec import InputSpec, MediaLimit, ModelSpec

__all__ = ["load_models"]

_PROFILES = ("liangxin", "kie")
#: Fields that the loader fills in; a file must not contain them.
_DERIVED_FIELDS = ("id", "name", "prompt", "in_catalog")
_MAX_BYTES = 4_000_000
_S = TypeVar("_S", bound=msgspec.Struct)


def load_models(profile: str, *, own: bool = True) -> Mapping[str, ModelSpec]:
    """Return all models of a profile by their names in the service's API.

    Args:
        profile: ``"liangxin"``, ``"kie"`` or ``"sandbox"``, which has LiangXin's models.
        own: Whether to apply the file named by ``LIANGXIN_MODELS``, which adds and corrects models.

    Raises:
        InvalidRequestError: If the user's file cannot be read or has errors.
    """
    name = "kie" if profile == "kie" else "liangxin"
    path = read_variable("models") if own else ""
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
    """Load the models with the user's changes; a new file version is a new cache entry."""
    try:
        own = tomllib.loads(read_foreign_text(path, _MAX_BYTES))
        for profile in _PROFILES:
            _check_tables(own.get(profile, {}), f"{profile}.")
        _check_tables(own)
        common = {model: entry for model, entry in own.items() if model not in _PROFILES}
        return _build_models(_merge(_merge(_entries(name), common), own.get(name, {})))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error


def _file_version(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except (OSError, ValueError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    return status.st_mtime_ns, status.st_size


def _unreadable(path: str, error: Exception) -> InvalidRequestError:
    reason = file_problem(error)
    return InvalidRequestError(
        f"The models file {path} cannot be read: {reason}. Nothing was sent.",
        next_step="Correct the file, or unset LIANGXIN_MODELS.",
    )


def _check_tables(entries: Any, prefix: str = "") -> None:
    """Require a table of tables; merging needs it before the schema is checked."""
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if not isinstance(entry, dict):
            raise ValueError(f"{prefix}{name}: expected a table")


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge tables recursively; any other value is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _build_models(entries: Mapping[str, Any]) -> dict[str, ModelSpec]:
    return {
        name: _parse_model(name, _resolve_like(name, entry, entries))
        for name, entry in entries.items()
    }


def _resolve_like(
    name: str, entry: Mapping[str, Any], entries: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an entry completed by the one that its ``like`` names."""
    if "like" not in entry:
        return dict(entry)
    base = entries.get(entry["like"]) if isinstance(entry["like"], str) else None
    if base is None or "like" in base:
        raise ValueError(f"{name}.like: {entry['like']!r} is not a model with a complete entry")
    return {key: value for key, value in _merge(base, entry).items() if key != "like"}


def _parse_model(model: str, entry: Mapping[str, Any]) -> ModelSpec:
    """Build a model from an entry; raise ValueError with the path of the first error."""
    # Limits count as documented exactly where the service's pages list the model's inputs.
    defaults = {"documented": entry.get("inputs_documented", True)}
    inputs, limits = entry.get("inputs", {}), entry.get("media_limits", [])
    if isinstance(inputs, dict):
        inputs = {
            name: _convert(spec, InputSpec, f"{model}.inputs.{name}", {**defaults, "name": name})
            for name, spec in inputs.items()
        }
    if isinstance(limits, list):
        limits = [
            _convert(limit, MediaLimit, f"{model}.media_limits", defaults) for limit in limits
        ]
    derived = {"id": model, "inputs": inputs, "media_limits": limits}
    if isinstance(inputs, dict):
        # A request has its own field for the prompt; its limits are written like an input's.
        derived["prompt"] = inputs.pop("prompt", None)
    spec = _convert({**entry, **derived}, ModelSpec, model, {"title": model})
    for path, name in _input_references(spec):
        if name not in spec.inputs and spec.inputs:
            raise ValueError(f"{model}.{path}: {name!r} is not one of its inputs")
    for name, value in spec.inputs.items():
        if value.default is not None and not value.is_valid(value.default):
            raise ValueError(
                f"{model}.inputs.{name}.default: {value.default!r} is not valid; "
                f"allowed: {value.allows}"
            )
    return spec


def _convert(data: Any, struct: type[_S], path: str, defaults: Mapping[str, Any]) -> _S:
    """Convert an entry strictly; an error names the path in the file and the allowed values."""
    try:
        return msgspec.convert({**defaults, **data} if isinstance(data, dict) else data, struct)
    except msgspec.ValidationError as error:
        reason, _, field = str(error).replace("`", "").partition(" - at $")
        allowed: tuple[Any, ...] = ()
        if "unknown field" in reason:
            allowed = tuple(f for f in struct.__struct_fields__ if f not in _DERIVED_FIELDS)
        elif "enum" in reason:
            allowed = get_args(get_type_hints(struct)[field.removeprefix(".")])
        choices = f"; allowed: {', '.join(allowed)}" if allowed else ""
        raise ValueError(f"{path}{field}: {reason[0].lower()}{reason[1:]}{choices}") from None


def _input_references(model: ModelSpec) -> Iterator[tuple[str, str]]:
    """Yield every field that names an input, with the name."""
    yield from model.common_options.items()
    groups: dict[str, list[tuple[str, ...]]] = {
        "exclusive": [*model.exclusive],
        "together": [*model.together],
        "media_limits": [limit.inputs for limit in model.media_limits],
        "size_inputs": [model.size_inputs],
    }
    for field, groups_of_field in groups.items():
        yield from ((field, name) for group in groups_of_field for name in group)
