"""The house stands: imports only go down, neighbours do not know one another, one door each."""

import ast
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "liangxin_nb"

FLOORS = {
    "errors": 0, "keys": 0, "whereabouts": 0,
    "settings": 1, "request": 1, "record": 1, "ticket": 1, "catalog": 1,
    "cell": 2, "wire": 2, "pacing": 2, "pictures": 2, "stories": 2, "table": 2,
    "taught": 2.5,
    "notebooks": 2, "sniffing": 2,
    "client": 3, "ledger": 3, "owners": 3, "results": 3, "loop": 3, "references": 3,
    "sandbox": 3, "waiting": 3, "budget": 3,
    "scheduler": 4, "life": 4, "job": 4, "doctor": 4, "histories": 4, "connection": 4, "purse": 4,
    "asking": 4,
    "recovery": 4, "callbacks": 4,
    "session": 5,
    "batches": 5.2, "shelf": 5.2,
    "current": 5.5,
    "archive": 5.7,
    "panels": 6,
    "magics": 7,
    "__init__": 8,
}  # fmt: skip
#: Words may use words, in this order: a ticket holds a request, a catalogue checks one.
WORDS = ["settings", "request", "record", "ticket", "catalog"]
#: Rooms inside a folder, lowest first; those in one tuple do not know one another.
INSIDE = {
    "catalog": [
        ("kinds", "services"),
        ("inputs",),
        ("_base",),
        ("rules", "schema"),
        ("asked", "files"),
        ("__init__",),
    ],
    "client": [("_base",), ("calls", "uploads", "download"), ("__init__",)],
    "ledger": [
        ("_base",),
        ("rows", "durations"),
        ("batches",),
        ("tickets", "pages", "carried"),
        ("bundled",),
        ("__init__",),
    ],
    "results": [("showing",), ("_base",), ("parcel",), ("folder",), ("__init__",)],
    "doctor": [("checkup", "reckoning"), ("__init__",)],
    "pacing": [("_base", "experience", "lived"), ("plan",), ("__init__",)],
    "scheduler": [("_base",), ("polling",), ("__init__",)],
    "budget": [("_base",), ("machine", "redis"), ("turns",), ("__init__",)],
    "pictures": [
        ("_base",),
        ("imprint", "reference", "thumbnail", "frame"),
        ("poster", "contact"),
        ("__init__",),
    ],
    "sandbox": [
        ("_base", "painter", "kinds", "fate", "limits", "hangup", "film", "checks", "uploads"),
        ("faults", "tasks", "works"),
        ("world", "answer", "reading"),
        ("delivery", "steps", "calling", "openapi"),
        ("files", "extras"),
        ("server",),
        ("__main__", "launch"),
        ("__init__",),
    ],
    "callbacks": [
        ("_base", "rates", "signature", "address"),
        ("mailbox",),
        ("desk", "watch"),
        ("handler", "line"),
        ("extension", "receiver"),
        ("__init__",),
    ],
    "archive": [
        ("_base",),
        ("packing", "sound"),
        ("arriving",),
        ("unpacking",),
        ("taking",),
        ("doors",),
        ("__init__",),
    ],
    "shelf": [
        ("_base",),
        ("thumbnails", "reading", "export"),
        ("shelf",),
        ("__init__",),
    ],
    "life": [("_base",), ("keeping", "sending", "watch"), ("life",), ("__init__",)],
    "session": [("jobs", "whose"), ("past",), ("session",), ("__init__",)],
    "batches": [
        ("_base", "rows", "line"),
        ("board", "estimate", "plan", "sheet"),
        ("crew",),
        ("live",),
        ("opening",),
        ("__init__",),
    ],
    "panels": [
        ("_base",),
        ("card", "line", "slot", "ticker", "progress"),
        ("live", "many"),
        ("composer", "gallery"),
        ("__init__",),
    ],
    "magics": [
        ("_base",),
        ("batch",),
        ("config", "generate", "upkeep"),
        ("manage",),
        ("complete",),
        ("__init__",),
    ],
}
#: Each library and the only rooms that import it.
DOORS = {
    "httpx": {"client"},
    "stamina": {"client"},
    "sqlalchemy": {"ledger"},
    "msgspec": {"wire"},
    "nest_asyncio": {"loop"},
    "nest_asyncio2": {"loop"},
    "PIL": {"pictures", "sandbox"},
    "av": {"pictures"},
    "jupyter_core": {"callbacks"},
    "jupyter_server": {"callbacks"},
    "tornado": {"callbacks"},
    "filelock": {"budget", "owners", "sandbox"},
    "platformdirs": {"budget"},
    "redis": {"budget"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "ipywidgets": {"panels"},
    "IPython": {"panels", "magics"},
    "traitlets": {"magics"},
}
#: The sandbox must not share the client's beliefs about the wire.
SANDBOX_MAY_USE = {"errors", "settings", "request", "record", "catalog", "pictures", "sandbox"}


def imports(path, root):
    """Every import in a file, late ones too: (room, name inside the room, foreign library)."""
    package = ["liangxin_nb", *path.relative_to(root).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            stem = base + (node.module.split(".") if node.module else [])
            if stem == ["liangxin_nb"] or not node.module:
                for alias in node.names:
                    yield [*stem, alias.name]
            else:
                yield stem


def place(path, root):
    """A file's room, and its name inside it."""
    parts = path.relative_to(root).with_suffix("").parts
    return parts[0], parts[1] if len(parts) > 1 else "__init__"


def crooked(root):
    """What stands against the floors, in words."""
    for path in sorted(root.rglob("*.py")):
        room, inside = place(path, root)
        for name in imports(path, root):
            where = f"{path.relative_to(root)} imports {'.'.join(name)}"
            if name[0] != "liangxin_nb":
                if room not in DOORS.get(name[0], {room}):
                    yield f"{where}: its door is {sorted(DOORS[name[0]])}"
            elif len(name) == 1 or name[1] not in FLOORS:
                if room != "__init__":
                    yield f"{where}: nobody imports the package root"
            elif name[1] == room:
                yield from sideways(room, inside, name, where)
            else:
                yield from upward(room, name[1], where)


def upward(room, other, where):
    if room == "sandbox" and other not in SANDBOX_MAY_USE:
        yield f"{where}: the sandbox shares words only"
    below = FLOORS[other] < FLOORS[room]
    word = other in WORDS and room in WORDS and WORDS.index(other) < WORDS.index(room)
    if not (below or word):
        yield f"{where}: floor {FLOORS[room]} may not know floor {FLOORS[other]}"


def sideways(room, inside, name, where):
    order = {n: i for i, level in enumerate(INSIDE.get(room, [])) for n in level}
    other = name[2] if len(name) > 2 and name[2] in order else "__init__"
    if other != inside and order.get(other, 99) >= order.get(inside, 99):
        yield f"{where}: inside {room}, {inside} may not know {other}"


def test_every_room_has_a_floor():
    rooms = {place(path, ROOT)[0] for path in ROOT.rglob("*.py")}
    assert rooms == set(FLOORS)


def test_imports_only_go_down_and_each_library_has_one_door():
    assert list(crooked(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("wire.py", "from . import client", "floor 2 may not know floor 3"),
        ("ledger/tickets.py", "from ..results import Results", "floor 3 may not know floor 3"),
        ("job.py", "def late():\n    from .session import Session", "floor 4 may not know floor 5"),
        ("ledger/tickets.py", "import liangxin_nb", "nobody imports the package root"),
        ("session/past.py", "import httpx", "its door is ['client']"),
        ("sandbox/world.py", "from .. import wire", "the sandbox shares words only"),
        ("session/past.py", "import tornado.web", "its door is ['callbacks']"),
        ("panels/card.py", "from .slot import Slot", "inside panels, card may not know slot"),
    ],
)
def test_a_crooked_import_is_found(tmp_path, file, line, said):
    copy = tmp_path / "liangxin_nb"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    path = copy / file
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    assert any(said in found for found in crooked(copy))


def test_files_and_functions_stay_small():
    for path in ROOT.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 300, f"{path.name} has more than 300 lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert lines <= 40, f"{path.name}: {node.name} has {lines} lines"
