"""What a full run of a notebook file would submit, and what is known of its cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ....batches import MAX_TASKS, Estimate, build_grid, parse_prompts, prompt_lines
from ....config.settings import Settings
from ....core.formatting import first_line, format_count
from ....core.request import DEFAULT_MODEL, Request
from ....core.table import Table
from ....errors import LiangxinError
from ....notebook_files.notebook_file import NotebookFile
from ....session.media_input import image_list
from ....session.request_builder import build_requests
from ..batch_magic import parse_batch_cell
from ..cell_magic import parse_cell
from .calls import Call, find_calls
from .stored_work import StoredWork

__all__ = ["NotebookEstimate", "estimate_notebook"]

_MAX_CELLS = 10_000
_MAX_PROMPT = 60
_HEADINGS = ("cell", "prompt", "new tasks", "model", "reused", "remark")
_COMMON = ("aspect", "size", "seed")


class _AnyVariable(dict[str, Any]):
    """The variables of a notebook that has not run: each has a value, which is not known."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


@dataclass
class NotebookEstimate:
    """What a run of a notebook would submit, cell by cell. Nothing was sent.

    Attributes:
        name: The name of the file.
        rows: A row for each cell that creates tasks: its number, the prompt, the number of new
            tasks or None, the models, the number of reused results, and a remark.
        models: Number of new tasks by model, as far as it is known.
        reused: Number of results that would be taken.
        unknown: Number of calls of which only a run can tell what they create.
        prices: Credits that the service reported for the last task of a model, where known.
        free: Whether nothing is billed (the sandbox).
        notes: Remarks about the notebook as a whole.
    """

    name: str
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    unknown: int = 0
    prices: Mapping[str, float] = field(default_factory=dict)
    free: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The sum of all cells in a few lines."""
        unknown = f"Not counted: {format_count(self.unknown, 'call')} that only a run can tell."
        notes = [unknown, *self.notes] if self.unknown else self.notes
        total = Estimate(self.models, self.reused, self.prices, self.free, tuple(notes))
        return f"{self.name}: {total!r}"

    def table(self) -> Table:
        """Return a table with one row for each cell that creates tasks."""
        return Table(_HEADINGS, self.rows, "No cell creates a task.")


def estimate_notebook(path: Path) -> NotebookEstimate:
    """Return what a run of a notebook would submit, with the settings of this process.

    Nothing is run, sent or written. The ledger is only read.

    Args:
        path: The notebook file.

    Raises:
        InvalidRequestError: If it is not a notebook, or a setting is wrong.
        LedgerError: If the ledger cannot be read.
    """
    cells = NotebookFile(path).content["cells"][:_MAX_CELLS]
    sources = [_source(cell) for cell in cells]
    return _Estimator(path.name).run(find_calls(sources))


def _source(cell: Any) -> str:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return ""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


class _Estimator:
    """Adds the cells of a notebook, in their order."""

    def __init__(self, name: str) -> None:
        self._estimate = NotebookEstimate(name)
        self._arguments: dict[str, Any] = {}
        self._created: Counter[tuple[str, ...]] = Counter()
        self._use_settings()

    def _use_settings(self) -> None:
        self._settings = Settings.load(**self._arguments)
        self._work = StoredWork(self._settings, self._created)

    def run(self, cells: Sequence[Sequence[Call]]) -> NotebookEstimate:
        """Return the estimate of all cells."""
        for number, calls in enumerate(cells, 1):
            for call in calls:
                if call.kind == "setting":
                    self._set(number, call)
                else:
                    self._add(number, call)
        estimate = self._estimate
        estimate.free = self._settings.profile == "sandbox"
        estimate.prices = self._work.prices(estimate.models)
        if not self._settings.reuse:
            estimate.notes.append(
                "reuse is off, so unchanged cells are paid for again: LIANGXIN_REUSE=true."
            )
        return estimate

    def _set(self, number: int, call: Call) -> None:
        """Take a setting as the following cells would."""
        before = dict(self._arguments)
        try:
            if not call.unknown:
                self._arguments[call.line] = call.values["value"]
                self._use_settings()
                return
            problem = call.unknown
        except LiangxinError as error:
            self._arguments, problem = before, error.message
        self._estimate.notes.append(f"Cell {number}: {problem}.".replace("..", "."))

    def _add(self, number: int, call: Call) -> None:
        prompt = first_line(call.body or str(call.values.get("prompt") or ""), _MAX_PROMPT)
        if call.unknown:
            self._add_unknown(number, prompt, f"Not known: {call.unknown}")
            return
        try:
            read = _READERS[call.kind](self._settings, call)
        except LiangxinError as error:
            message = error.message.replace("; nothing was sent", "")
            self._add_unknown(number, prompt, f"As it is now: {message}")
            return
        reuse = self._settings.reuse if read.reuse is None else read.reuse
        taken = self._work.take(read.requests, reuse=reuse and not read.remark)
        if read.limit is not None and taken.created.total() > read.limit:
            remark = f"More than {read.limit}: rejected, unless {read.option} allows it."
            self._estimate.rows.append((number, prompt, 0, "", "", remark))
            return
        self._created += taken.created
        models = Counter(request.model for request in read.requests) - taken.models
        self._estimate.models += models
        self._estimate.reused += taken.models.total()
        shown = ", ".join(models) or ", ".join(taken.models)
        row = (number, prompt, models.total(), shown, taken.models.total() or "")
        self._estimate.rows.append((*row, " ".join(filter(None, [read.remark, *taken.remarks]))))

    def _add_unknown(self, number: int, prompt: str, remark: str) -> None:
        self._estimate.unknown += 1
        self._estimate.rows.append((number, prompt, "?", "", "", remark))


class _Read(NamedTuple):
    """What a call asks for: its requests, its argument `reuse`, and a remark about both."""

    requests: list[Request]
    reuse: bool | None = None
    remark: str = ""  # then it is not known what is reused
    limit: int | None = None  # of new tasks
    option: str = "max_tasks="


def _read_cell(settings: Settings, call: Call) -> _Read:
    arguments = parse_cell(call.line, call.body, _AnyVariable())
    pictures = [_is_variable(reference) for reference in arguments.images]
    requests, _ = build_requests(
        settings.profile, arguments.prompt, arguments.model,
        common_options=arguments.common_options, options=arguments.options,
        images=[_STAND_IN if is_variable else reference
                for reference, is_variable in zip(arguments.images, pictures, strict=True)],
        count=arguments.count, allow_key_like=arguments.allow_key_like,
        any_model=arguments.any_model,
    )  # fmt: skip
    return _Read(requests, arguments.reuse, _variable_remark(call.line, any(pictures)))


def _read_batch(settings: Settings, call: Call) -> _Read:
    arguments = parse_batch_cell(call.line, call.body, _AnyVariable())
    parameters = dict(arguments.parameters)
    references = image_list(parameters.pop("image"))
    pictures = [_is_variable(reference) for reference in references]
    parameters["image"] = [_STAND_IN] if any(pictures) else references or None
    rows = parse_prompts(arguments.csv) if arguments.csv else prompt_lines(arguments.text)
    requests, reuse = _grid(settings, rows, parameters)
    if arguments.dry_run:
        return _Read([], remark="--dry-run: creates nothing.")
    remark = _variable_remark(call.line, any(pictures))
    return _Read(requests, reuse, remark, int(arguments.max_tasks or MAX_TASKS), "--max-tasks")


def _read_generate(settings: Settings, call: Call) -> _Read:
    values = dict(call.values)
    prompt, model = values.pop("prompt"), values.pop("model", DEFAULT_MODEL)
    common = {name: values.pop(name, None) for name in _COMMON}
    images, reuse = image_list(values.pop("image", None)), values.pop("reuse", None)
    allow_key_like, any_model = values.pop("allow_key_like", 0), values.pop("any_model", 0)
    values.pop("callback", None)
    requests, _ = build_requests(
        settings.profile, str(prompt), str(model), common_options=common, options=values,
        images=images, allow_key_like=bool(allow_key_like), any_model=bool(any_model),
    )  # fmt: skip
    return _Read(requests, reuse)


def _read_batch_call(settings: Settings, call: Call) -> _Read:
    values = dict(call.values)
    if values.pop("dry_run", False):
        return _Read([], remark="Creates nothing.")
    limit = int(values.pop("max_tasks", MAX_TASKS))
    for name in ("name", "concurrency"):
        values.pop(name, None)
    prompts = values.pop("prompt")
    return _Read(*_grid(settings, parse_prompts(prompts), values), limit=limit)


def _grid(
    settings: Settings, rows: Any, parameters: dict[str, Any]
) -> tuple[list[Request], bool | None]:
    """Return the requests of a batch, and its argument `reuse`."""
    known = {name: parameters.pop(name, None) for name in ("seeds", "image", "reuse")}
    allowed = {n: bool(parameters.pop(n, False)) for n in ("allow_key_like", "any_model")}
    models = parameters.pop("models", DEFAULT_MODEL)
    grid = build_grid(
        settings.profile, rows, models=models, seeds=known["seeds"], image=known["image"],
        options=parameters, **allowed,
    )  # fmt: skip
    return list(grid.requests), known["reuse"]


_READERS = {
    "cell": _read_cell,
    "batch": _read_batch,
    "generate": _read_generate,
    "batch()": _read_batch_call,
}
#: Stands for a picture that is not known, so that everything else is checked.
_STAND_IN = "https://example.com/picture.png"


def _is_variable(reference: Any) -> bool:
    return isinstance(reference, str) and reference.isidentifier() and not Path(reference).exists()


def _variable_remark(line: str, has_picture: bool) -> str:
    if "--template" in line.split():
        return "Its prompt depends on variables, so what is reused is not known."
    return "Its picture is a variable, so what is reused is not known." if has_picture else ""
