"""A batch before it is one: rows × models × seeds × options, each place a checked request."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..catalog import find_model
from ..core.request import Request
from ..errors import InvalidRequestError
from ..session.media_input import to_data_uri
from ..session.request_builder import build_requests
from .inputs import PromptRow

__all__ = ["RequestGrid", "build_grid"]

_COMMON = ("aspect", "size", "seed")
_MAX_REQUESTS = 10_000  # places; beyond that it is a slip of the pen
_LABEL = 80


@dataclass(frozen=True)
class RequestGrid:
    """A grid of requests, row by row: place = row × number of columns + column.

    `rows`, `columns`: what each is called, for people; one column is called nothing.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    requests: tuple[Request, ...]
    notes: tuple[str, ...] = field(default=())


def build_grid(
    profile: str,
    rows: Sequence[PromptRow],
    *,
    models: str | Sequence[str] = "z-image",
    seeds: Iterable[int] | int | None = None,
    image: Any = None,
    options: Mapping[str, Any] | None = None,
) -> RequestGrid:
    """Every place of the grid, checked against the catalogue; nothing is sent.

    `seeds`: the seeds themselves, or how many to draw; `options`: aspect, size and the models'
    inputs by their own names, where a list means one column for each value. What a row says for
    itself comes before what is said for all. Raises `InvalidRequestError` that names the bad rows.
    """
    axes = _axes(profile, models, seeds, dict(options or {}))
    columns = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    if len(rows) * len(columns) > _MAX_REQUESTS:
        raise InvalidRequestError(
            f"{len(rows)} rows × {len(columns)} columns are more than {_MAX_REQUESTS} tasks; "
            "nothing was "
            "sent.",
            next_step="Split the batch.",
        )
    varied = [name for name, values in axes.items() if len(values) > 1]
    shared = _to_data_uri(image)
    wanted: list[Request] = []
    notes: dict[str, None] = {}
    wrong: dict[str, InvalidRequestError] = {}
    for row in rows:
        try:
            found, said = _of_row(profile, row, columns, varied, shared)
        except InvalidRequestError as error:
            wrong[row.name] = error
            continue
        wanted += found
        notes.update(dict.fromkeys(said))
    if wrong:
        raise _row_errors(wrong)
    names = tuple(" · ".join(_format_value(name, c[name]) for name in varied) for c in columns)
    return RequestGrid(tuple(_label(row) for row in rows), names, tuple(wanted), tuple(notes))


def _axes(
    profile: str, models: str | Sequence[str], seeds: Iterable[int] | int | None, options: Any
) -> dict[str, list[Any]]:
    """What varies from column to column, and its values; of a fixed thing there is one."""
    names = [models] if isinstance(models, str) else list(models)
    axes: dict[str, list[Any]] = {"model": names}
    if isinstance(seeds, int):
        seeds = [random.randrange(1, 1 << 32) for _ in range(seeds)]  # noqa: S311 no secret
    if seeds is not None:
        axes["seed"] = list(seeds)
    lists = {name for model in names for name in _takes_lists(profile, model)}
    for name, value in options.items():
        several = isinstance(value, list | tuple | range)
        if several and name in lists:
            several = any(isinstance(one, list | tuple) for one in value)
        axes[name] = list(value) if several else [value]
    for name, values in axes.items():
        if not values:
            raise InvalidRequestError(f"{name} has no value; nothing was sent.")
        if len(values) != len(set(map(repr, values))):
            raise InvalidRequestError(f"{name} names a value twice; nothing was sent.")
    return axes


def _takes_lists(profile: str, model: str) -> list[str]:
    inputs = find_model(profile, model).inputs.values()
    return [input.name for input in inputs if input.type == "strings"]


def _of_row(
    profile: str,
    row: PromptRow,
    columns: Sequence[Mapping[str, Any]],
    varied: Sequence[str],
    shared: list[str],
) -> tuple[list[Request], list[str]]:
    own = dict(row.values)
    if both := [name for name in varied if name in own]:
        raise InvalidRequestError(
            f"it has a {both[0]} of its own, and {both[0]} is varied too.",
            next_step="Give it in one of the two places.",
        )
    images = _to_data_uri(own.pop("image")) if "image" in own else shared
    found, notes = [], []
    for column in columns:
        values = {**column, **own}
        model = str(values.pop("model"))
        plain = {name: values.pop(name, None) for name in _COMMON}
        (request,), said = build_requests(
            profile, row.prompt, model, common_options=plain, options=values, images=images
        )
        found.append(request)
        notes += said
    return found, notes


def _to_data_uri(image: Any) -> list[str]:
    """Reference pictures, made ready once for all the places that use them."""
    images = image if isinstance(image, list | tuple) else [] if image is None else [image]
    return [to_data_uri(one) for one in images]


def _row_errors(wrong: Mapping[str, InvalidRequestError]) -> InvalidRequestError:
    (name, first), *others = wrong.items()
    message = f"{name.capitalize()}: {first.message}"
    if others:
        names = ", ".join(other.rpartition(" ")[2] for other, _ in others[:10])
        more = " and more" if len(others) > 10 else ""
        message += f" Wrong too: {names}{more}."
    if "othing was sent" not in message:
        message += " Nothing was sent."
    return InvalidRequestError(message, next_step=first.next_step)


def _format_value(name: str, value: Any) -> str:
    return str(value) if name in ("model", "aspect", "size") else f"{name} {value}"


def _label(row: PromptRow) -> str:
    line = " ".join(row.prompt.split())
    return line if len(line) <= _LABEL else f"{line[: _LABEL - 1]}…"
