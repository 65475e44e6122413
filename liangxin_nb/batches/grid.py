"""The requests of a batch: rows × models × seeds × options, all checked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..catalog import ModelSpec, resolve_model
from ..core.request import DEFAULT_MODEL, Request
from ..errors import InvalidRequestError
from ..session.media_input import to_data_uri
from ..session.request_builder import build_requests
from .inputs import PromptRow

__all__ = ["RequestGrid", "build_grid"]

_COMMON_OPTIONS = ("aspect", "size", "seed")
_MAX_REQUESTS = 10_000
_MAX_LABEL = 80


@dataclass(frozen=True)
class _DrawnSeeds:
    """The number of a column in which each request has a drawn seed of its own."""

    number: int

    def __str__(self) -> str:
        return f"no. {self.number}"


@dataclass(frozen=True)
class RequestGrid:
    """A grid of requests.

    Attributes:
        rows: Labels of the rows.
        columns: Labels of the columns; the label of a single column is empty.
        requests: Row by row: index = row × number of columns + column.
        notes: Remarks about the requests.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    requests: tuple[Request, ...]
    notes: tuple[str, ...] = ()


def build_grid(
    profile: str,
    rows: Sequence[PromptRow],
    *,
    models: str | Sequence[str],
    seeds: Iterable[int] | int | None,
    image: Any,
    options: Mapping[str, Any],
    allow_key_like: bool = False,
    any_model: bool = False,
) -> RequestGrid:
    """Build every request of a batch and check it against the catalogue. Nothing is sent.

    A value in a row takes precedence over the value for all rows.

    Args:
        profile: The service profile.
        rows: The prompts, with values of their own.
        models: One or several model names.
        seeds: The seeds, or how many drawn ones for each prompt.
        image: Reference pictures for all rows.
        options: `aspect`, `size` and inputs of the models; a list makes one column per value.
        allow_key_like: Whether texts may look like an API key.
        any_model: Whether models that the catalogue does not list may be used.

    Raises:
        InvalidRequestError: If a row is invalid; the message names all invalid rows.
    """
    axes = _build_axes(profile, models, seeds, options, any_model)
    build = partial(build_requests, profile, allow_key_like=allow_key_like, any_model=any_model)
    columns = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if len(rows) * len(columns) > _MAX_REQUESTS:
        raise InvalidRequestError(
            f"{len(rows)} rows × {len(columns)} columns are more than {_MAX_REQUESTS} tasks; "
            "nothing was sent.",
            next_step="Split the batch.",
        )
    varied = [name for name, values in axes.items() if len(values) > 1]
    images = _to_data_uris(image)
    requests: list[Request] = []
    notes: dict[str, None] = {}  # an ordered set
    errors: dict[str, InvalidRequestError] = {}
    for row in rows:
        try:
            row_requests, row_notes = _build_row(build, row, columns, varied, images)
        except InvalidRequestError as error:
            errors[row.name] = error
            continue
        requests += row_requests
        notes.update(dict.fromkeys(row_notes))
    if errors:
        raise _row_errors(errors)
    labels = tuple(" · ".join(_format_value(n, column[n]) for n in varied) for column in columns)
    return RequestGrid(tuple(map(_row_label, rows)), labels, tuple(requests), tuple(notes))


def _build_axes(
    profile: str,
    models: str | Sequence[str],
    seeds: Iterable[Any] | int | None,
    options: Mapping[str, Any],
    any_model: bool,
) -> dict[str, list[Any]]:
    """Return the values of each option; one with several values varies from column to column."""
    options = dict(options)
    chosen = _chosen_models(profile, models, options, any_model)
    axes: dict[str, list[Any]] = {"model": [model.id for model in chosen]}
    if seeds is not None:
        if "seed" in options:
            raise InvalidRequestError(
                f"seeds={seeds!r} and seed={options['seed']!r} exclude each other; nothing was "
                "sent.",
                next_step="Give one of them.",
            )
        axes["seed"] = _seed_values(seeds)
    list_inputs = {s.name for m in chosen for s in m.inputs.values() if s.type == "strings"}
    for name, value in options.items():
        several = isinstance(value, list | tuple | range)
        if several and name in list_inputs:
            several = any(isinstance(item, list | tuple) for item in value)
        axes[name] = list(value) if several else [value]
    for name, values in axes.items():
        if not values:
            raise InvalidRequestError(f"{name} has no value; nothing was sent.")
        if len(values) != len(set(map(repr, values))):
            raise InvalidRequestError(f"{name} contains a value twice; nothing was sent.")
    return axes


def _chosen_models(
    profile: str, models: Any, options: dict[str, Any], any_model: bool
) -> list[ModelSpec]:
    """Return the models of a batch, named by `models` or, as for `generate`, by `model`."""
    if "model" in options:
        if models != DEFAULT_MODEL:
            raise InvalidRequestError(
                f"models={models!r} and model={options['model']!r} exclude each other; nothing "
                "was sent.",
                next_step="Give one of them.",
            )
        models = options.pop("model")
    names: list[Any] = (
        [models]
        if isinstance(models, str | bytes) or not isinstance(models, Iterable)
        else [*models]
    )
    if not all(isinstance(name, str) for name in names):
        raise InvalidRequestError(
            f"models={models!r} does not name models; nothing was sent.",
            next_step='Write models="z-image", or a list of names; %liangxin models lists them.',
        )
    return [resolve_model(profile, name, any_model=any_model) for name in names]


def _seed_values(seeds: Any) -> list[Any]:
    """Return the seeds that are given, or as many drawn ones as the number says."""
    if isinstance(seeds, int) and not isinstance(seeds, bool) and 0 < seeds <= _MAX_REQUESTS:
        return [_DrawnSeeds(number) for number in range(1, seeds + 1)]
    if isinstance(seeds, Iterable) and not isinstance(seeds, str | bytes | Mapping):
        return list(seeds)
    raise InvalidRequestError(
        f"seeds={seeds!r} is neither a list of seeds nor a number from 1 to {_MAX_REQUESTS}; "
        "nothing was sent.",
        next_step="Write for example seeds=[1, 2], or seeds=4 for four drawn ones.",
    )


def _build_row(
    build: Callable[..., tuple[list[Request], list[str]]],
    row: PromptRow,
    columns: Sequence[Mapping[str, Any]],
    varied: Sequence[str],
    images: list[str],
) -> tuple[list[Request], list[str]]:
    """Build the requests of one row, and the remarks about them."""
    row_values = dict(row.values)
    if conflicts := [name for name in varied if name in row_values]:
        raise InvalidRequestError(
            f"it sets {conflicts[0]}, which also varies by column.",
            next_step="Set it in the row or for the batch, not in both.",
        )
    if "image" in row_values:
        images = _to_data_uris(row_values.pop("image"))
    requests: list[Request] = []
    notes: list[str] = []
    for column in columns:
        values = {**column, **row_values}
        model = str(values.pop("model"))
        common = {name: values.pop(name, None) for name in _COMMON_OPTIONS}
        if isinstance(common["seed"], _DrawnSeeds):
            common["seed"] = None
        built, request_notes = build(
            row.prompt, model, common_options=common, options=values, images=images
        )
        requests += built
        notes += request_notes
    return requests, notes


def _to_data_uris(image: Any) -> list[str]:
    """Convert reference pictures once for all the requests that use them."""
    images = image if isinstance(image, list | tuple) else [] if image is None else [image]
    return [to_data_uri(reference) for reference in images]


def _row_errors(errors: Mapping[str, InvalidRequestError]) -> InvalidRequestError:
    """Return one error that explains the first invalid row and names the others."""
    (name, first), *others = errors.items()
    message = f"{name.capitalize()}: {first.message}"
    if others:
        numbers = ", ".join(other.rpartition(" ")[2] for other, _ in others[:10])
        more = " and more" if len(others) > 10 else ""
        message += f" Also invalid: {numbers}{more}."
    if "othing was sent" not in message:
        message += " Nothing was sent."
    return InvalidRequestError(message, next_step=first.next_step)


def _format_value(name: str, value: Any) -> str:
    speaks = name in ("model", "aspect", "size") or isinstance(value, _DrawnSeeds)
    return str(value) if speaks else f"{name} {value}"


def _row_label(row: PromptRow) -> str:
    line = " ".join(row.prompt.split())
    return line if len(line) <= _MAX_LABEL else f"{line[: _MAX_LABEL - 1]}…"
