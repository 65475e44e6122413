"""The lineage of a job as a tree: text for terminals, HTML with small pictures for notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from markupsafe import Markup

from ..core.formatting import first_line, printable, shorten
from ..core.job_record import JobRecord
from ..core.state_style import state_style
from ..ledger.relatives import MAX_PARENTS, Relatives
from ..results.figure import SMALL_TEXT, picture_html

__all__ = ["LineageTree"]

_MAX_PROMPT, _MAX_CHANGE, _MAX_ID = 60, 200, 60
_CUT_OFF = "There are more: %liangxin show ID --lineage of one of these shows its own."
# Inline: front ends remove style sheets from notebooks that they do not trust.
_LIST_STYLE = "list-style:none;margin:0 0 0 {}px;padding:0 0 0 {}px"
_ITEM_STYLE = "margin:8px 0 0 0"
_PICTURE_STYLE = "vertical-align:middle;margin:0 12px 0 0;max-width:96px;height:auto"
_TEXT_STYLE = "display:inline-block;vertical-align:middle;max-width:75%;overflow-wrap:anywhere"


@dataclass(frozen=True)
class LineageTree:
    """What a job was made from, and what was made from it; shows itself as a tree.

    Attributes:
        record: The job.
        ancestors: The jobs that it was made from, the nearest first.
        descendants: The jobs that were made from it, the nearest first.
    """

    record: JobRecord
    ancestors: tuple[JobRecord, ...]
    descendants: tuple[JobRecord, ...]
    _is_cut_off: bool = False
    _picture_of: Callable[[str], bytes] = field(default=lambda _: b"", repr=False, compare=False)

    @classmethod
    def create(
        cls, record: JobRecord, relatives: Relatives, picture_of: Callable[[str], bytes]
    ) -> LineageTree:
        """Create the tree of a job.

        Args:
            record: The job.
            relatives: Its ancestors and descendants.
            picture_of: Returns a small JPEG for the id of a job; empty if it has no picture.
        """
        parts = relatives.ancestors, relatives.descendants, relatives.is_cut_off
        return cls(record, *parts, picture_of)

    def __repr__(self) -> str:
        lines = [line for node in self._roots() for line in _text_lines(node)]
        return "\n".join(lines + ([_CUT_OFF] if self._is_cut_off else []))

    def _repr_html_(self) -> str:
        html = Markup('<div style="line-height:1.4;max-width:960px">{}{}</div>')
        note = Markup('<p style="{}">{}</p>').format(SMALL_TEXT, _CUT_OFF)
        roots = _list_html(self._roots(), self._picture_of, is_first=True)
        return str(html.format(roots, note if self._is_cut_off else ""))

    def _roots(self) -> list[_Node]:
        """Return the jobs without a parent, with what was made from them below each."""
        records = {r.id: r for r in (self.record, *self.ancestors, *self.descendants)}
        by_name = {r.task_id: r.id for r in records.values() if r.task_id} | {n: n for n in records}
        children: dict[str, list[str]] = {}
        roots: dict[str, None] = {}  # an ordered set
        descendants = {record.id for record in self.descendants}
        ordered = sorted(records.values(), key=lambda record: (record.created_at, record.id))
        for record in ordered:
            names = record.parent_ids[:MAX_PARENTS]
            # Other references of descendants are named in the texts of their changes.
            if record.id in descendants or self._is_cut_off:
                names = tuple(name for name in names if name in by_name)
            for name in dict.fromkeys(by_name.get(name, name) for name in names):
                children.setdefault(name, []).append(record.id)
                if name not in records:
                    roots[name] = None
            if not names:
                roots[record.id] = None
        seen: set[str] = set()
        # A cycle has no beginning: then any of its jobs is one.
        first = dict.fromkeys([*roots, *(record.id for record in ordered)])
        nodes = (_Node.build(name, records, children, seen, self.record.id) for name in first)
        return [node for node in nodes if node is not None]


@dataclass(frozen=True)
class _Node:
    """A job in the tree.

    Attributes:
        name: Its id.
        record: Its record; None if it is in another ledger.
        children: What was made from it.
        is_repeated: Whether it is in the tree above, with its children.
        is_current: Whether it is the job that the tree is about.
    """

    name: str
    record: JobRecord | None
    children: tuple[_Node, ...]
    is_repeated: bool
    is_current: bool

    @classmethod
    def build(
        cls, name: str, records: dict[str, JobRecord], children: dict[str, list[str]],
        seen: set[str], current: str, *, is_root: bool = True,
    ) -> _Node | None:  # fmt: skip
        """Return the node of a job, or None for a root that is in the tree already."""
        if name in seen:
            return None if is_root else cls(name, records.get(name), (), True, name == current)
        seen.add(name)
        below = (
            cls.build(child, records, children, seen, current, is_root=False)
            for child in children.get(name, ())
        )
        nodes = tuple(node for node in below if node is not None)
        return cls(name, records.get(name), nodes, False, name == current)

    @property
    def facts(self) -> str:
        """Id, model and, unless it is saved, state."""
        name = shorten(printable(self.name), _MAX_ID)
        if self.record is None:
            return f"{name} · not in this ledger"
        style = state_style(self.record.display_state)
        state = "" if self.record.display_state == "saved" else style.word
        repeated = "see above" if self.is_repeated else ""
        model = shorten(self.record.request.model, _MAX_ID)
        current = "this job" if self.is_current else ""
        return " · ".join(filter(None, (name, model, state, repeated, current)))

    @property
    def prompt(self) -> str:
        """The beginning of the prompt."""
        return first_line(self.record.request.prompt, _MAX_PROMPT) if self.record else ""

    @property
    def change(self) -> str:
        """How it differs from its parents."""
        return first_line(self.record.change, _MAX_CHANGE) if self.record else ""


def _text_lines(node: _Node) -> Iterator[str]:
    head = " · ".join(filter(None, (node.facts, node.change)))
    yield head if node.is_repeated or not node.prompt else f"{head} · “{node.prompt}”"
    for child in node.children:
        is_last = child is node.children[-1]
        first, *others = _text_lines(child)
        yield f"{'└─' if is_last else '├─'} {first}"
        yield from (f"{'  ' if is_last else '│ '} {line}" for line in others)


def _list_html(
    nodes: list[_Node], picture_of: Callable[[str], bytes], *, is_first: bool = False
) -> Markup:
    """Return nodes as a list, with what was made from each in a list inside it."""
    items = Markup("").join(
        Markup('<li style="{}">{}{}{}</li>').format(
            _ITEM_STYLE,
            _picture_html(node, picture_of),
            _text_html(node),
            _list_html(list(node.children), picture_of) if node.children else "",
        )
        for node in nodes
    )
    style = _LIST_STYLE.format(*((0, 0) if is_first else (16, 16)))
    border = "" if is_first else ";border-left:1px solid #9e9e9e"
    return Markup('<ul style="{}{}">{}</ul>').format(style, border, items)


def _picture_html(node: _Node, picture_of: Callable[[str], bytes]) -> Markup:
    picture = b"" if node.record is None or node.is_repeated else picture_of(node.name)
    if not picture:
        return Markup()
    return picture_html(picture, node.prompt, _PICTURE_STYLE)


def _text_html(node: _Node) -> Markup:
    prompt = Markup("<b>{}</b>").format(node.prompt) if node.is_current else node.prompt
    lines = Markup("").join(
        Markup('<span dir="auto" style="{}">{}</span><br>').format(style, line)
        for style, line in (("", prompt), (SMALL_TEXT, node.change))
        if line and not node.is_repeated
    )
    facts = Markup('<span style="{}">{}</span>').format(SMALL_TEXT, node.facts)
    return Markup('<span style="{}">{}{}</span>').format(_TEXT_STYLE, lines, facts)
