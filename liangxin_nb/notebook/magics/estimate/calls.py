"""Finds the calls in a notebook's cells that would create tasks; runs nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

__all__ = ["Call", "find_calls"]

# Of one cell: IPython reads it once for each magic.
_MAX_PYTHON = 20_000  # characters
_MAX_MAGICS = 100
_MAX_TOTAL = 1_000_000  # characters of all cells; a magic counts as many
_MAGIC_COST = 1000
_MAX_DEPTH = 8  # of magics that run other cells
_MAGIC = re.compile(r"^[ \t]*[%!?]|\?[ \t]*$|=[ \t]*[%!]", re.MULTILINE)
#: Magics that run their line or their cell once.
_RUN_ONCE = ("time", "capture", "prun")
_PACKAGE = "liangxin_nb"
#: Statements with a body that may run any number of times, or not at all.
_NESTED = (
    ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.Match,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.IfExp, ast.BoolOp,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp,
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """Something that creates tasks, or changes a setting, when its cell is run.

    Attributes:
        kind: ``cell``, ``batch``, ``generate``, ``batch()`` or ``setting``.
        line: The option line of a magic, or the name of a setting.
        body: What is below the line.
        values: The arguments of a Python call, or the value of a setting.
        unknown: Why only a run can tell what it creates; empty if it is known.
    """

    kind: str
    line: str = ""
    body: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    unknown: str = ""


@dataclass
class _Names:
    """The names in a notebook that stand for the package, its functions, and its sessions."""

    modules: set[str] = field(default_factory=lambda: {"lx", _PACKAGE})
    functions: dict[str, str] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)


def find_calls(sources: list[str]) -> list[list[Call]]:
    """Return what each code cell of a notebook creates or changes.

    Args:
        sources: The sources of the cells, in their order.
    """
    names, remaining = _Names(), _MAX_TOTAL
    found: list[list[Call]] = []
    for source in sources:
        remaining -= len(source) + _MAGIC_COST * len(_MAGIC.findall(source))
        found.append(list(_find(source, names) if remaining >= 0 else _unread(source, "too long")))
    return found


def _unread(source: str, reason: str) -> Iterator[Call]:
    """Yield a call for a cell that cannot be examined, if it mentions the package."""
    if "liangxin" in source or "lx." in source:
        yield Call("cell", unknown=f"the cell is {reason}")


def _find(source: str, names: _Names, depth: int = 0) -> Iterator[Call]:
    if depth > _MAX_DEPTH:
        yield from _unread(source, "too long")
    elif cell_magic := re.match(r"\s*%%(\w+)[ \t]*(.*)\n?", source):
        body = source[cell_magic.end() :]
        yield from _magic_calls([cell_magic[1], cell_magic[2], body], names, depth)
    elif len(source) > _MAX_PYTHON or len(_MAGIC.findall(source)) > _MAX_MAGICS:
        yield from _unread(source, "too long")
    else:
        yield from _find_in_python(source, names, depth)


def _find_in_python(source: str, names: _Names, depth: int) -> Iterator[Call]:
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
        nodes = [(node, False) for node in reversed(tree.body)]
        # A stack instead of recursion: the cell may be nested deeply.
        while nodes:
            node, is_nested = nodes.pop()
            yield from _calls_at(node, names, is_nested=is_nested, depth=depth)
            nested = is_nested or isinstance(node, _NESTED)
            nodes += [(child, nested) for child in reversed([*ast.iter_child_nodes(node)])]
    except (SyntaxError, ValueError, RecursionError, MemoryError, RuntimeError):
        yield from _unread(source, "not valid Python")


def _calls_at(node: ast.AST, names: _Names, *, is_nested: bool, depth: int) -> Iterator[Call]:
    _note_names(node, names)
    if not isinstance(node, ast.Call):
        return
    owner, _, name = ast.unparse(node.func).rpartition(".")
    if owner == "get_ipython()":
        arguments = [a.value for a in node.args if isinstance(a, ast.Constant)]
        if all(isinstance(a, str) for a in arguments) and len(arguments) > 1:
            calls = _magic_calls([str(a) for a in arguments], names, depth)
            yield from (_in_loop(call) if is_nested else call for call in calls)
        return
    name = names.functions.get(name, "") if not owner else name
    if name in ("generate", "batch") and (not owner or owner in names.modules):
        yield _python_call(name, node, is_nested=is_nested)
    elif name in ("generate", "batch") and (owner in names.sessions or "ession(" in owner):
        yield Call(name, unknown="another session")
    elif name == "retry" and owner and not node.args:
        yield Call("batch()", unknown="Python: it sends requests of an earlier batch")


def _note_names(node: ast.AST, names: _Names) -> None:
    """Note the imports of the package, and the names of its sessions."""
    if isinstance(node, ast.Import):
        names.modules |= {a.asname or a.name for a in node.names if a.name == _PACKAGE}
    elif isinstance(node, ast.ImportFrom) and node.module == _PACKAGE:
        names.functions |= {alias.asname or alias.name: alias.name for alias in node.names}
    elif isinstance(node, ast.Assign | ast.withitem):
        value = node.value if isinstance(node, ast.Assign) else node.context_expr
        targets = node.targets if isinstance(node, ast.Assign) else [node.optional_vars]
        if isinstance(value, ast.Call) and ast.unparse(value.func).endswith("ession"):
            names.sessions |= {target.id for target in targets if isinstance(target, ast.Name)}


def _in_loop(call: Call) -> Call:
    return Call(call.kind, call.line, call.body, unknown="it is not known how often it runs")


def _magic_calls(arguments: list[str], names: _Names, depth: int) -> Iterator[Call]:
    name, line, *rest = arguments
    body = rest[0] if rest else ""
    if name in _RUN_ONCE:
        yield from _find(body or line, names, depth + 1)
    elif name == "timeit":
        yield from map(_in_loop, _find(body or line, names, depth + 1))
    elif name == "config":
        if setting := re.fullmatch(r"\s*LiangXin\.(\w+)\s*=\s*(.+?)\s*", line):
            yield _setting(setting[1], setting[2])
    elif name in ("env", "set_env"):
        if setting := re.fullmatch(r"\s*LIANGXIN_(\w+)(?:\s*=\s*|\s+)(.+?)\s*", line):
            yield Call("setting", setting[1].lower(), values={"value": setting[2]})
    elif name == "liangxin":
        yield from _liangxin_calls(line.strip(), body, is_cell=bool(rest))
    elif name == "run":
        yield Call("cell", unknown="it runs another file")


def _liangxin_calls(line: str, body: str, *, is_cell: bool) -> Iterator[Call]:
    first, _, others = line.partition(" ")
    is_batch = first == "batch"
    if is_cell or (is_batch and "--csv" in others.split()):
        has_variable = re.search(r"[{$]", line) is not None
        unknown = "its line contains a variable" if has_variable else ""
        kind = "batch" if is_batch else "cell"
        yield Call(kind, others if is_batch else line, body, unknown=unknown)
    elif first in ("again", "vary"):
        yield Call("cell", unknown="it sends an earlier request again")
    elif is_batch and others.strip():
        yield Call("batch", unknown="it sends requests of an earlier batch")


def _setting(name: str, text: str) -> Call:
    try:
        return Call("setting", name, values={"value": ast.literal_eval(text)})
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Call("setting", name, unknown=f"the value of {name} is not known")


def _python_call(name: str, node: ast.Call, *, is_nested: bool) -> Call:
    kind = "generate" if name == "generate" else "batch()"
    if is_nested:
        return Call(kind, unknown="Python: it is not known how often it runs")
    try:
        values = {keyword.arg or "": ast.literal_eval(keyword.value) for keyword in node.keywords}
        (values["prompt"],) = [ast.literal_eval(argument) for argument in node.args] or [
            values.pop("prompts" if name == "batch" else "prompt", None)
        ]
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return Call(kind, unknown="Python: its arguments are not known")
    if "" in values:
        return Call(kind, unknown="Python: its arguments are not known")
    if name == "batch" and values.get("id"):
        return Call(kind, unknown="Python: it sends requests of an earlier batch")
    return Call(kind, values=values)
