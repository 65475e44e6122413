"""The tutorials as their readers run them: what they show is what they say.

All of them run from fresh kernels, in order in one folder (`jupyter execute`), and each alone in an
empty folder, where every cell that asks for a picture is interrupted once and run again.
"""

import base64
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from liangxin_nb.ledger import Ledger
from liangxin_nb.results import story

from .notebook_kernel import Kernel
from .scan import KEY

CHECKOUT = Path(__file__).parent.parent
TUTORIALS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in TUTORIALS]
BUDGET = 64 * 1024
#: Brings every batch of the ledger to its end: an interrupted one goes on by itself.
TAKE_UP = """import liangxin_nb as lx
for row in get_ipython().run_line_magic("liangxin", "batches"):
    lx.batch(id=row["batch"]).wait()
"""
_RESULT = re.compile(r"<Result (\S+) (\d+)×(\d+) · (\S+) · (\S+)>")


@dataclass
class Book:
    """A tutorial that has run, and the folder in which it did."""

    path: Path
    cells: list = field(default_factory=list)

    def __post_init__(self):
        self.cells = [c for c in nbformat.read(self.path, 4).cells if c.cell_type == "code"]

    @property
    def folder(self):
        return self.path.parent

    def text(self, words):
        """What the first cell with these words in its source shows as text."""
        return said(self.cell(words))

    def cell(self, words):
        return next(cell for cell in self.cells if words in cell.source)

    def results(self):
        """Model, width, height, task id and place of every result that is shown."""
        return [
            match.groups()
            for cell in self.cells
            for output in cell.outputs
            if (match := _RESULT.fullmatch(output.get("data", {}).get("text/plain", "")))
        ]


def said(cell):
    """The text of a cell's outputs, an error as it is shown; a stream may come in pieces."""
    stream = "".join(output.get("text", "") for output in cell.outputs)
    parts = [stream.strip()]
    for output in cell.outputs:
        shown = output.get("data", {}).get("text/plain", "")
        parts.append("\n".join(output.get("traceback", [])) or shown)
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(part for part in parts if part))


def created(folder):
    """The sandbox's own list of the tasks that it has created."""
    file = folder / "liangxin-results" / ".sandbox" / "tasks.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def prompts(folder):
    return [task["param"]["input"]["prompt"] for task in created(folder)]


def environment(folder):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LIANGXIN")}
    own = {"LIANGXIN_SPEED": "20", "LIANGXIN_SANDBOX_KEY": KEY}
    return {**kept, **own, "LIANGXIN_CALLBACKS": str(folder / "mailbox")}


def executed(paths, folder):
    """Runs notebooks in one folder, one after the other, as the README says."""
    folder.mkdir()
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", *(p.name for p in paths)]
    run = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, timeout=600
    )
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    return {path.stem: Book(folder / path.name) for path in paths}


@dataclass
class Twice:
    """One cell, interrupted and run again: what it showed, and how many tasks it created."""

    source: str
    shown: list
    created: list


def interrupted(path, folder):
    """Every cell of a tutorial; those that create a task are interrupted and run again."""
    folder.mkdir()
    runs = []
    with Kernel(folder, environment(folder)) as kernel:
        for cell in Book(path).cells:
            before = len(created(folder))
            first = kernel.run(cell.source, when=lambda n=before: len(created(folder)) > n)
            if "batch" in cell.source and len(created(folder)) > before:
                first += kernel.run(TAKE_UP)
            between = len(created(folder))
            if between == before:
                runs.append(Twice(cell.source, first, []))
                continue
            again = kernel.run(cell.source)
            made = [between - before, len(created(folder)) - between]
            runs.append(Twice(cell.source, first + again, made))
        kernel.run("%liangxin resume")
    return runs


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """Everything at once: tutorials spend their time waiting."""
    root = tmp_path_factory.mktemp("tutorials")
    with ThreadPoolExecutor(4) as threads:
        in_order = threads.submit(executed, TUTORIALS, root / "order")
        alone = threads.submit(executed, [p for p in TUTORIALS if p.stem[:2] == "06"], root / "06")
        twice = {p.stem: threads.submit(interrupted, p, root / p.stem) for p in TUTORIALS}
    return root, in_order, alone, twice


@pytest.fixture(scope="module")
def books(started):
    """The tutorials that ran in order in one folder, by name."""
    return started[1].result()


def named(books, number):
    return next(book for name, book in books.items() if name.startswith(number))


# ---- as they are stored


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_it_is_stored_without_a_trace_of_running(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert cell.metadata in ({}, {"tags": ["raises-exception"]})
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}
    assert [cell.id for cell in notebook.cells] == [
        f"cell-{n:02}" for n in range(len(notebook.cells))
    ]


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_it_says_what_a_beginner_must_know(path):
    cells = nbformat.read(path, 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert cells[0].source.startswith("# ")
    assert "sandbox" in cells[0].source
    assert re.search(r"draw|no model", cells[0].source)
    assert text.count("## Now with your own key") == 1
    assert text.count("**Exercise.**") == 1
    assert text.index("## Now with your own key") < text.index("**Exercise.**")


def test_each_tutorial_leads_to_the_next():
    assert [name[:2] for name in NAMES] == [f"{n:02}" for n in range(1, len(NAMES) + 1)]
    for path, following in pairwise(TUTORIALS):
        last = nbformat.read(path, 4).cells[-1].source.splitlines()[-1]
        assert re.fullmatch(rf"Next: \[[\w ]+\]\({following.name}\)\.", last), last


def test_links_between_tutorials_and_readme_lead_somewhere():
    pages = [CHECKOUT / "README.md", *TUTORIALS]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
        for name in re.findall(r"\b\d\d_\w+\.ipynb", page.read_text()):
            assert (CHECKOUT / "notebooks" / name).exists(), f"{page.name}: {name}"


# ---- as they run in order


@pytest.mark.slow
def test_all_pictures_are_there_whole_small_and_with_their_story(books, capsys):
    lines = []
    for name, book in books.items():
        sizes = []
        for model, width, height, task_id, place in book.results():
            file = book.folder / "liangxin-results" / place
            with Image.open(file) as picture:
                assert picture.size == (int(width), int(height))
            assert (story(file).task_id, story(file).model) == (task_id, model)
        for cell in book.cells:
            for output in cell.outputs:
                assert len(json.dumps(output)) <= BUDGET, f"{name}: {cell.source[:60]}"
                sizes += [len(json.dumps(output))] * ("image/jpeg" in output.get("data", {}))
        text = book.path.read_text()
        assert "widget-view" not in text
        assert "image/webp" not in text
        most = f"{max(sizes):6} bytes at most" if sizes else ""
        lines.append(f"{name:36}{len(text):8} bytes, {len(sizes)} pictures {most}")
    total = sum(book.path.stat().st_size for book in books.values())
    assert total <= BUDGET * 40
    with capsys.disabled():
        print("\n" + "\n".join([*lines, f"{'all tutorials, executed':36}{total:8} bytes"]))


@pytest.mark.slow
def test_durable_outputs_show_the_picture_itself(books):
    for book in books.values():
        for cell in book.cells:
            for output in cell.outputs:
                data = output.get("data", {})
                match = _RESULT.fullmatch(data.get("text/plain", ""))
                if not match or "image/jpeg" not in data:
                    continue
                assert set(data) == {"image/jpeg", "text/plain"}
                small = Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
                assert small.format == "JPEG"
                assert small.width / small.height == pytest.approx(
                    int(match[2]) / int(match[3]), rel=0.02
                )


@pytest.mark.slow
def test_exactly_the_cells_that_say_so_fail_each_in_one_line(books):
    for book in books.values():
        for cell in book.cells:
            lines = [line for line in said(cell).splitlines() if "Traceback" in line]
            assert not lines, said(cell)
            failed = re.findall(r"^(?:UsageError|InvalidRequest): .*$", said(cell), re.MULTILINE)
            assert len(failed) == ("raises-exception" in cell.metadata.get("tags", [])), said(cell)


@pytest.mark.slow
def test_every_task_was_created_once_and_kept(books):
    folder = named(books, "01").folder
    ledger = Ledger(folder / "liangxin-results" / "ledger.sqlite")
    tasks = created(folder)
    # Tutorial 03 provokes a failure and a refusal, 05 a refusal.
    assert ledger.count() == {"kept": len(tasks) - 1, "failed": 1, "refused": 2}
    assert len({task["id"] for task in tasks}) == len(tasks)


@pytest.mark.slow
def test_01_makes_what_it_asks_for(books):
    book = named(books, "01")
    sizes = [(model, int(w), int(h)) for model, w, h, _, _ in book.results()]
    assert sizes == [
        ("z-image", 1024, 1024),
        ("z-image", 1024, 576),
        ("seedream-v4-5", 2508, 1672),
        ("z-image", 512, 512),
    ]
    assert book.text("lx.story(") == "'A cat asleep on a warm stone wall, evening sun'"
    assert "'7:5' is not one of 1:1" in book.text('aspect="7:5"')
    assert "山间的湖" in book.text("%liangxin tasks")


@pytest.mark.slow
def test_02_asks_nine_models_and_shows_their_sheet(books):
    book = named(books, "02")
    assert [result[1:3] for result in book.results()] == [("768", "1024"), ("1024", "768")]
    assert "exclude each other" in book.text("--aspect 1:1 --size square")
    assert book.text("len(results)") == "9"
    prompt = "A small boat on a calm lake, mountains behind it, first light"
    asked = [t["param"]["model"] for t in created(book.folder)
             if t["param"]["input"]["prompt"] == prompt]  # fmt: skip
    assert len(asked) == len(set(asked)) == 9
    assert all(model in book.text("names") for model in asked)
    (shown,) = book.cell("Shown(").outputs
    small = Image.open(io.BytesIO(base64.b64decode(shown.data["image/jpeg"])))
    with Image.open(book.folder / "nine-models.jpg") as large:
        assert large.size == (3 * 480, 3 * (480 + 48))
        assert small.size == (3 * 220, 3 * (220 + 48))
        # Every tile holds a picture, not paper.
        for n in range(9):
            x, y = n % 3 * 480 + 240, n // 3 * 528 + 360
            assert large.getpixel((x, y)) != (255, 255, 255)


@pytest.mark.slow
def test_03_shows_a_sheet_for_each_batch_and_asks_for_each_picture_once(books):
    book = named(books, "03")
    sheets = [cell for cell in book.cells if "image/jpeg" in str(cell.outputs)]
    told = [re.match(r"<Batch (\w{12})( '.+')? · (.+)>$", said(cell)).groups() for cell in sheets]
    assert [(name, text) for _, name, text in told] == [
        (None, "3 tasks: 3 done"),
        (" 'lighthouse and garden'", "8 tasks: 8 done"),
        (None, "4 tasks: 4 done"),
        (" 'streets'", "3 tasks: 3 done"),
        (None, "4 tasks: 4 done, 3 of them reused"),
    ]
    for cell, (id_, _, text) in zip(sheets, told, strict=True):
        (output,) = cell.outputs
        carried = output.metadata["liangxin"]
        assert (carried["batch"], len(carried["task_ids"])) == (id_, int(text[0]))
        sheet = Image.open(io.BytesIO(base64.b64decode(output.data["image/jpeg"])))
        assert sheet.width > 300
        assert len(sheet.convert("RGB").getcolors(1 << 24)) > 1000
    assert "8 tasks would be created: 4 z-image, 4 flux-2-pro." in book.text("--dry")
    assert "6 tasks would be created, more than 4; nothing was sent" in book.text("--most 4")
    asked = [(t["param"]["model"], t["param"]["input"]) for t in created(book.folder)]
    matrix = [
        (model, given["prompt"], given["seed"])
        for model, given in asked
        if given.get("seed") in (1, 2) and given.get("aspect_ratio") == "4:3"
    ]
    assert len(matrix) == len(set(matrix)) == 8
    for prompt in ("A paper boat on a pond", "A forest path in autumn, fog between the trees",
                   "Sand dunes in the desert under the stars"):  # fmt: skip
        assert prompts(book.folder).count(prompt) == 1
    with Image.open(book.folder / "ponds.jpg") as large:
        assert large.width > 1000
    assert "Sand dunes in the desert under the stars" in book.text("find_spec")


@pytest.mark.slow
def test_03_asks_again_for_what_failed_and_takes_up_what_was_not_sent(books):
    book = named(books, "03")
    failures = book.text("tea.failures")
    assert failures.count("refused The service refused the request (422)") == 1
    assert failures.count("failed The task failed (500)") == 1
    assert book.text("tea.retry()") == "asked for again: 2 · now: 4 tasks: 4 done"
    # The refused one was never created, the failed one was: it is there twice.
    tea = [p for p in prompts(book.folder) if re.search(r"\btea", p, re.IGNORECASE)]
    assert sorted(tea.count(prompt) for prompt in set(tea)) == [1, 1, 1, 2]
    paused = book.text("streets.pause()")
    unsent = int(re.search(r"^3 tasks: [12] done, ([12]) not sent yet$", paused, re.MULTILINE)[1])
    assert re.search(rf"streets +3 +{3 - unsent} +{unsent} not sent$",
                     book.text("%liangxin batches"), re.MULTILINE)  # fmt: skip
    streets = [prompt for prompt in prompts(book.folder) if prompt.startswith("A street ")]
    assert len(streets) >= 3
    assert len([p for p in streets if "red bus" in p or "bicycle" in p]) == 2


@pytest.mark.slow
def test_04_leaves_one_picture_of_the_gallery_and_says_what_the_panel_needs(books):
    book = named(books, "04")
    assert "The panel needs a notebook in a browser" in book.text("%liangxin panel")
    # Nothing new was made: the pictures of 03 are taken, so the next task is that of 05.
    before = prompts(book.folder).index("A red fishing boat at sea, calm morning")
    assert re.match(r"<Batch \w+ · 4 tasks: 4 done, 4 of them reused>$", book.text("--reuse"))
    (gallery,) = book.cell("%liangxin gallery").outputs
    assert gallery.data["text/plain"] == f"<Gallery of {before - 1} results>"
    picture = Image.open(io.BytesIO(base64.b64decode(gallery.data["image/jpeg"])))
    assert picture.format == "JPEG"
    assert len(picture.convert("RGB").getcolors(1 << 24)) > 1000


@pytest.mark.slow
def test_04_reads_a_story_back_and_packs_everything(books):
    book = named(books, "04")
    told = book.text("postcard.png")
    assert told.splitlines()[0] == "A lighthouse on a cliff, storm coming in from the sea"
    assert "z-image · {'aspect_ratio': '4:3', 'seed': 1}" in told
    ((_, width, height, task_id, _),) = book.results()
    assert (width, height) == ("1024", "768")
    assert told.splitlines()[2] == task_id
    packed = book.text("%liangxin export").splitlines()
    found = re.match(r"(\S+\.zip): (\d+) tickets, (\d+) results, \d+ notebooks", packed[0])
    assert int(found[2]) == int(found[3]) + 2
    assert f"({found[2]} known), 0 new results, 0 new notebooks" in book.text("lx.import_")
    with zipfile.ZipFile(book.folder / found[1]) as zipped:
        pictures = [n for n in zipped.namelist() if re.match(r"results/.+/\d+\.(png|jpe?g)$", n)]
        assert len(pictures) >= int(found[3])
        assert f"notebooks/{book.path.name}" in zipped.namelist()


@pytest.mark.slow
def test_05_survives_what_it_provokes(books):
    book = named(books, "05")
    counts = [said(cell) for cell in book.cells if "created by" in cell.source]
    assert counts == ["created by the sandbox: 0", "created by the sandbox: 1"]
    assert "(422): The prompt was rejected" in book.text("somebody finds improper")
    lost = book.text("A lighthouse in the night")
    assert "may be billed. It is not sent again by itself" in lost
    assert prompts(book.folder).count("A lighthouse in the night, its light on the water") == 1
    assert re.search(r"^1 +unknown", book.text("doctor"), re.MULTILINE)
    assert re.search(r"^tasks +1 failed, \d+ kept, 2 refused$", said(book.cells[-1]), re.MULTILINE)
    found = book.text("lost = ").strip("'")
    assert found in book.text("resume {lost}")
    assert _RESULT.fullmatch(book.text("resume {lost}"))
    assert book.text("A garden in spring").count("<Result") == 1
    assert book.cells[-3].source.startswith("%liangxin resume")
    expired = [said(cell) for cell in book.cells if '["faults"]' in cell.source]
    assert expired == ["{'file-expired-once*1': 0}", "{'file-expired-once*1': 1}", "{}"]


@pytest.mark.slow
def test_05_collects_the_very_task_of_the_killed_program(books):
    book = named(books, "05")
    # Some shells add a word of their own: "Killed".
    task_id = book.text('}" killed.py').split()[0]
    assert task_id.startswith("task_z-image_")
    assert re.search(rf"accepted.* {task_id}", book.text("tasks hut"))
    assert task_id in said(book.cells[-3])
    assert _RESULT.fullmatch(said(book.cells[-3]))
    assert prompts(book.folder).count("A mountain hut in a snow storm, one lit window") == 1


@pytest.mark.slow
def test_06_sends_what_it_names_and_takes_the_cat_of_the_first_tutorial(books, started):
    book, first = named(books, "06"), named(books, "01")
    cat = first.text("A cat asleep")
    assert book.text("known = ") == cat
    assert prompts(book.folder).count("A cat asleep on a warm stone wall, evening sun") == 1
    (alone,) = started[2].result().values()
    assert _RESULT.fullmatch(alone.text("known = "))
    for run in (book, alone):
        sent = [
            len(given.get("image_input", given.get("reference_images", [])))
            for given in (task["param"]["input"] for task in created(run.folder))
            if "image_input" in given or "reference_images" in given
        ]
        assert sent == [1, 1, 2]
        assert [result[0] for result in run.results()] == [
            "z-image", "nano-banana-pro", "seedream-v5-lite-edit", "nano-banana-pro",
        ]  # fmt: skip
        told = run.text('options["image_input"]')
        assert len(re.findall(r"data:image/jpeg;\d+ characters;sha256 [0-9a-f]{16}", told)) == 2
        assert "'no-such-file.png' cannot be used" in run.text("no-such-file.png")


@pytest.mark.slow
def test_07_measures_that_a_call_is_earlier_than_polling(books):
    book = named(books, "07")
    late = dict(re.findall(r"(polled|called): heard of it ([\d.]+) s late", book.text("late = [")))
    assert float(late["called"]) < float(late["polled"])
    assert float(late["polled"]) > 0.5
    figures = [o for c in book.cells for o in c.outputs if "image/png" in o.get("data", {})]
    assert len(figures) == 2
    for figure in figures:
        drawn = Image.open(io.BytesIO(base64.b64decode(figure.data["image/png"])))
        assert drawn.width > 800
        assert len(drawn.convert("RGB").getcolors(1 << 20)) > 20


@pytest.mark.slow
def test_08_runs_a_script_that_shares_the_ledger(books):
    book = named(books, "08")
    printed = Path(book.text("morning light").strip())
    with Image.open(printed) as picture:
        assert picture.size == (1024, 768)
    assert story(printed).prompt == "A cup of coffee on a table by the window, morning light"
    assert story(printed).task_id in book.text("show {task}")
    wrong = book.text("--aspect 7:5").strip()
    assert wrong.startswith("aspect_ratio '7:5' is not one of")
    assert "\n" not in wrong
    assert re.match(r"StillRunning · (Task task_|The task)", book.text("StillRunning as"))
    assert len(re.findall(r"^(?:spring|summer|autumn|winter) +\S+/1.png$", book.text("seasons"),
                          re.MULTILINE)) == 4  # fmt: skip


# ---- interrupted in the middle, alone in an empty folder


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_that_is_interrupted_and_run_again_pays_once_for_each_run(started, name):
    root, _, _, twice = started
    runs = twice[name].result()
    again = [run for run in runs if run.created]
    assert again, "no cell of it creates a task"
    for run in again:
        first, second = run.created
        assert first >= 1
        # Run again, a cell creates the same once more; unless it reuses, pauses, or goes on.
        less = any(words in run.source for words in ("--reuse", ".pause()", "%liangxin batch {"))
        assert first <= second or less, f"{run.created} tasks: {run.source}"
    for run in runs:
        for text in run.shown:
            assert "Traceback" not in text, text
            assert not re.search(r"^\w*(Error|Interrupt\w*): .*\n.", text), text
    # Each ticket was sent once, and the last line of the test collected what was left.
    ledger = Ledger(root / name / "liangxin-results" / "ledger.sqlite")
    counts = ledger.count()
    tasks = created(root / name)
    assert counts.pop("refused", 0) <= 1
    assert sum(counts.values()) == len(tasks) == sum(sum(run.created) for run in again)
    assert counts.pop("failed", 0) <= (name[:2] == "03")  # which provokes one
    assert set(counts) <= {"kept", "unknown"}
