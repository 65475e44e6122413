"""The tutorials as their readers run them: what they show is what they say.

All of them run in order in one folder by `jupyter execute`. One of them also runs alone, and each
of its cells that creates tasks is interrupted and run again.

With LIANGXIN_ALL_TUTORIALS=1 every tutorial is interrupted at every such cell, and all of them poll
as seldom as the services ask for.
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
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from PIL import Image

from liangxin_nb.ledger import Ledger
from liangxin_nb.results import read_metadata

from .kernels import environment, execute_notebook, ipython_folder
from .notebook_kernel import Kernel

CHECKOUT = Path(__file__).parent.parent
TUTORIALS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in TUTORIALS]
ALL = bool(os.environ.get("LIANGXIN_ALL_TUTORIALS"))
#: The one with most kinds of cells that create tasks.
INTERRUPTED = NAMES if ALL else ["03_many_at_once"]
#: Seconds between two questions about a task. A task takes at least as long, and some cells rely on
#: that: they pause a batch while one task is running, or stop waiting for one after 0.1 s.
PACE = (0.6, 0.8)
BUDGET = 64 * 1024
#: Brings every batch of the ledger to its end: an interrupted one goes on by itself.
FINISH_BATCHES = """import liangxin_nb as lx
for row in get_ipython().run_line_magic("liangxin", "batches"):
    lx.batch(id=row["batch"]).wait()
"""
_RESULT = re.compile(r"<Result (\S+) (\d+)×(\d+) · (\S+) · (\S+)>")
#: Tests that read what the tutorials have left after running in order.
in_order = [pytest.mark.slow, pytest.mark.xdist_group("tutorials")]


class Tutorial:
    """A tutorial that has run, and the folder in which it did."""

    def __init__(self, path):
        self.path = path
        self.folder = path.parent
        self.cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]

    def cell(self, words):
        """The first cell with these words in its source."""
        return next(cell for cell in self.cells if words in cell.source)

    def text(self, words):
        """What that cell shows as text."""
        return text(self.cell(words))

    def results(self):
        """Model, width, height, task id and place of every result that is shown."""
        return [
            match.groups()
            for cell in self.cells
            for output in cell.outputs
            if (match := _RESULT.fullmatch(output.get("data", {}).get("text/plain", "")))
        ]


def text(cell):
    """The text of a cell's outputs, an error as it is shown; a stream may come in pieces."""
    stream = "".join(output.get("text", "") for output in cell.outputs)
    parts = [stream.strip()]
    for output in cell.outputs:
        shown = output.get("data", {}).get("text/plain", "")
        parts.append("\n".join(output.get("traceback", [])) or shown)
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(part for part in parts if part))


def picture(output, kind="image/jpeg"):
    """The picture that an output holds."""
    return Image.open(io.BytesIO(base64.b64decode(output.data[kind])))


def colours(image):
    """How many colours a picture has: an empty sheet has few."""
    return len(image.convert("RGB").getcolors(1 << 24))


def created(folder):
    """The sandbox's own list of the tasks that it has created."""
    file = folder / "liangxin-results" / ".sandbox" / "tasks.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def prompts(folder):
    return [task["param"]["input"]["prompt"] for task in created(folder)]


def ledger(folder):
    return Ledger(folder / "liangxin-results" / "ledger.sqlite")


def variables(folder, **more):
    """The environment variables of a tutorial's kernel, which starts a sandbox of its own."""
    own = {
        "LIANGXIN_SPEED": "20",
        "LIANGXIN_CALLBACKS": str(folder / "mailbox"),
        "LIANGXIN_BUDGET": str(folder.with_name(f"{folder.name}-budget")),
    }
    return environment(folder, **own, **more)


def jupyter_execute(paths, folder, env):
    """Run notebooks in one folder, one after the other, as the README says."""
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", *(p.name for p in paths)]
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=600)
    assert run.returncode == 0, run.stderr.decode()[-2000:]


@pytest.fixture(scope="module")
def tutorials(tmp_path_factory):
    """The tutorials after they have run in order in one folder, by number."""
    root = tmp_path_factory.mktemp("tutorials")
    folder = root / "order"
    folder.mkdir()
    documented = variables(folder)
    fast = documented | {"IPYTHONDIR": str(ipython_folder(root / "ipython", PACE))}
    # The seventh measures how late polling hears of a result.
    before, (seventh, *after) = TUTORIALS[:6], TUTORIALS[6:]
    jupyter_execute(before, folder, documented if ALL else fast)
    with ThreadPoolExecutor() as threads:
        late = threads.submit(
            jupyter_execute, [seventh], folder,
            documented | {"LIANGXIN_BUDGET": str(root / "seventh-budget")},
        )  # fmt: skip
        jupyter_execute(after, folder, documented if ALL else fast)
        late.result()
    return {path.stem[:2]: Tutorial(folder / path.name) for path in TUTORIALS}


# ---- as they are stored


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_a_tutorial_is_stored_without_outputs(path):
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
def test_a_tutorial_says_what_a_beginner_must_know(path):
    cells = nbformat.read(path, 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert cells[0].source.startswith("# ")
    assert "sandbox" in cells[0].source
    assert re.search(r"draw|no model", cells[0].source)
    assert text.count("## Now with your own key") == 1
    assert text.count("**Exercise.**") == 1
    assert text.index("## Now with your own key") < text.index("**Exercise.**")


def test_each_tutorial_links_to_the_next():
    assert [name[:2] for name in NAMES] == [f"{n:02}" for n in range(1, len(NAMES) + 1)]
    for path, following in pairwise(TUTORIALS):
        last = nbformat.read(path, 4).cells[-1].source.splitlines()[-1]
        assert re.fullmatch(rf"Next: \[[\w ]+\]\({following.name}\)\.", last), last


def test_links_between_tutorials_and_readme_lead_to_files():
    pages = [CHECKOUT / "README.md", *TUTORIALS]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
        for name in re.findall(r"\b\d\d_\w+\.ipynb", page.read_text()):
            assert (CHECKOUT / "notebooks" / name).exists(), f"{page.name}: {name}"


# ---- as they run in order


class TestInOrder:
    """What the tutorials show after `jupyter execute`."""

    pytestmark = in_order

    def test_every_result_is_the_file_that_it_names(self, tutorials):
        for tutorial in tutorials.values():
            for model, width, height, task_id, place in tutorial.results():
                file = tutorial.folder / "liangxin-results" / place
                with Image.open(file) as image:
                    assert image.size == (int(width), int(height))
                assert (read_metadata(file).task_id, read_metadata(file).model) == (task_id, model)

    def test_outputs_are_small(self, tutorials):
        for tutorial in tutorials.values():
            for cell in tutorial.cells:
                for output in cell.outputs:
                    assert len(json.dumps(output)) <= BUDGET, cell.source[:60]
        total = sum(tutorial.path.stat().st_size for tutorial in tutorials.values())
        assert total <= BUDGET * 40

    def test_outputs_are_no_widgets(self, tutorials):
        for tutorial in tutorials.values():
            content = tutorial.path.read_text(encoding="utf-8")
            assert "widget-view" not in content
            assert "image/webp" not in content

    def test_a_result_is_shown_as_a_small_picture_of_its_proportions(self, tutorials):
        outputs = [o for t in tutorials.values() for cell in t.cells for o in cell.outputs]
        for output in outputs:
            data = output.get("data", {})
            match = _RESULT.fullmatch(data.get("text/plain", ""))
            if not match or "image/jpeg" not in data:
                continue
            assert set(data) == {"image/jpeg", "text/plain"}
            small = picture(output)
            assert small.format == "JPEG"
            assert small.width / small.height == pytest.approx(
                int(match[2]) / int(match[3]), rel=0.02
            )

    def test_exactly_the_cells_that_say_so_fail_each_in_one_line(self, tutorials):
        for tutorial in tutorials.values():
            for cell in tutorial.cells:
                shown = text(cell)
                assert "Traceback" not in shown
                failed = re.findall(
                    r"^(?:UsageError|InvalidRequestError): .*$", shown, re.MULTILINE
                )
                assert len(failed) == ("raises-exception" in cell.metadata.get("tags", [])), shown

    def test_every_task_was_created_once_and_saved(self, tutorials):
        folder = tutorials["01"].folder
        tasks = created(folder)
        # Tutorial 03 provokes a failure and a refusal, 05 a refusal.
        assert ledger(folder).count_by_status() == {
            "saved": len(tasks) - 1,
            "failed": 1,
            "rejected": 2,
        }
        assert len({task["id"] for task in tasks}) == len(tasks)

    def test_01_makes_pictures_of_the_sizes_that_it_asks_for(self, tutorials):
        results = tutorials["01"].results()
        assert [(model, int(w), int(h)) for model, w, h, _, _ in results] == [
            ("z-image", 1024, 1024),
            ("z-image", 1024, 576),
            ("seedream-v4-5", 2508, 1672),
            ("z-image", 512, 512),
        ]

    def test_01_reads_a_prompt_back_from_its_file(self, tutorials):
        prompt = "'A cat asleep on a warm stone wall, evening sun'"
        assert tutorials["01"].text("lx.read_metadata(") == prompt

    def test_01_is_told_which_aspects_there_are(self, tutorials):
        assert "'7:5' is not one of 1:1" in tutorials["01"].text('aspect="7:5"')

    def test_01_lists_its_tasks(self, tutorials):
        assert "山间的湖" in tutorials["01"].text("%liangxin tasks")

    def test_02_makes_pictures_of_the_sizes_that_it_asks_for(self, tutorials):
        sizes = [result[1:3] for result in tutorials["02"].results()]
        assert sizes == [("768", "1024"), ("1024", "768")]

    def test_02_is_told_which_options_exclude_each_other(self, tutorials):
        assert "exclude each other" in tutorials["02"].text("--aspect 1:1 --size square")

    def test_02_asks_each_of_nine_models_once(self, tutorials):
        tutorial = tutorials["02"]
        assert tutorial.text("len(results)") == "9"
        prompt = "A small boat on a calm lake, mountains behind it, first light"
        asked = [t["param"]["model"] for t in created(tutorial.folder)
                 if t["param"]["input"]["prompt"] == prompt]  # fmt: skip
        assert len(asked) == len(set(asked)) == 9
        assert all(model in tutorial.text("names") for model in asked)

    def test_02_draws_a_sheet_with_nine_pictures(self, tutorials):
        (shown,) = tutorials["02"].cell("Shown(").outputs
        assert picture(shown).size == (3 * 220, 3 * (220 + 48))
        with Image.open(tutorials["02"].folder / "nine-models.jpg") as large:
            assert large.size == (3 * 480, 3 * (480 + 48))
            # Every tile holds a picture, not paper.
            for n in range(9):
                x, y = n % 3 * 480 + 240, n // 3 * 528 + 360
                assert large.getpixel((x, y)) != (255, 255, 255)

    def test_03_shows_a_sheet_for_each_batch(self, tutorials):
        sheets = [c for c in tutorials["03"].cells if "image/jpeg" in str(c.outputs)]
        lines = [
            re.match(r"<Batch (\w{12})( '.+')? · (.+)>$", text(cell)).groups() for cell in sheets
        ]
        assert [(name, words) for _, name, words in lines] == [
            (None, "3 tasks: 3 saved"),
            (" 'lighthouse and garden'", "8 tasks: 8 saved"),
            (None, "4 tasks: 4 saved"),
            (" 'streets'", "3 tasks: 3 saved"),
            (None, "4 tasks: 4 saved, 3 of them reused"),
        ]
        for cell, (id_, _, words) in zip(sheets, lines, strict=True):
            (output,) = cell.outputs
            carried = output.metadata["liangxin"]
            assert (carried["batch"], len(carried["task_ids"])) == (id_, int(words[0]))
            assert picture(output).width > 300
            assert colours(picture(output)) > 1000

    def test_03_counts_before_it_asks(self, tutorials):
        dry = tutorials["03"].text("--dry-run")
        assert "8 tasks would be created: 4 z-image, 4 flux-2-pro." in dry

    def test_03_asks_for_no_more_than_it_allows(self, tutorials):
        refused = tutorials["03"].text("--max-tasks 4")
        assert "6 tasks would be created, more than 4; nothing was sent" in refused

    def test_03_asks_for_each_combination_once(self, tutorials):
        asked = [(t["param"]["model"], t["param"]["input"])
                 for t in created(tutorials["03"].folder)]  # fmt: skip
        matrix = [
            (model, given["prompt"], given["seed"])
            for model, given in asked
            if given.get("seed") in (1, 2) and given.get("aspect_ratio") == "4:3"
        ]
        assert len(matrix) == len(set(matrix)) == 8

    def test_03_asks_for_nothing_that_it_can_reuse(self, tutorials):
        asked = prompts(tutorials["03"].folder)
        for prompt in ("A paper boat on a pond", "A forest path in autumn, fog between the trees",
                       "Sand dunes in the desert under the stars"):  # fmt: skip
            assert asked.count(prompt) == 1

    def test_03_shows_its_last_batch_as_a_table_and_a_large_sheet(self, tutorials):
        table = tutorials["03"].text("find_spec")
        assert "Sand dunes in the desert under the stars" in table
        with Image.open(tutorials["03"].folder / "ponds.jpg") as large:
            assert large.width > 1000

    def test_03_asks_again_for_what_was_rejected_and_what_failed(self, tutorials):
        tutorial = tutorials["03"]
        failures = tutorial.text("tea.failures")
        assert failures.count("rejected The service refused the request (422)") == 1
        assert failures.count("failed The task failed (500)") == 1
        assert tutorial.text("tea.retry()") == "asked for again: 2 · now: 4 tasks: 4 saved"
        # The refused one was never created, the failed one was: it is there twice.
        tea = [p for p in prompts(tutorial.folder) if re.search(r"\btea", p, re.IGNORECASE)]
        assert sorted(tea.count(prompt) for prompt in set(tea)) == [1, 1, 1, 2]

    def test_03_goes_on_with_a_batch_that_it_paused(self, tutorials):
        tutorial = tutorials["03"]
        paused = tutorial.text("streets.pause()")
        found = re.search(r"^3 tasks: [12] saved, ([12]) not sent yet$", paused, re.MULTILINE)
        unsent = int(found[1])
        assert re.search(rf"streets +3 +{3 - unsent} +{unsent} not sent$",
                         tutorial.text("%liangxin batches"), re.MULTILINE)  # fmt: skip
        streets = [prompt for prompt in prompts(tutorial.folder) if prompt.startswith("A street ")]
        assert len(streets) >= 3
        assert len([p for p in streets if "red bus" in p or "bicycle" in p]) == 2

    def test_04_says_what_the_panel_needs(self, tutorials):
        panel = tutorials["04"].text("%liangxin panel")
        assert "The panel needs a notebook in a browser" in panel

    def test_04_reuses_the_pictures_of_03(self, tutorials):
        reused = tutorials["04"].text("--reuse")
        assert re.match(r"<Batch \w+ · 4 tasks: 4 saved, 4 of them reused>$", reused)

    def test_04_leaves_one_picture_of_the_gallery(self, tutorials):
        (gallery,) = tutorials["04"].cell("%liangxin gallery").outputs
        # Nothing new was made: the next task is the first of 05, and one of 03 has failed.
        before = prompts(tutorials["04"].folder).index("A red fishing boat at sea, calm morning")
        assert gallery.data["text/plain"] == f"<Gallery of {before - 1} results>"
        assert picture(gallery).format == "JPEG"
        assert colours(picture(gallery)) > 1000

    def test_04_reads_a_story_back(self, tutorials):
        lines = tutorials["04"].text("postcard.png").splitlines()
        ((_, width, height, task_id, _),) = tutorials["04"].results()
        assert lines[0] == "A lighthouse on a cliff, storm coming in from the sea"
        assert "z-image · {'aspect_ratio': '4:3', 'seed': 1}" in lines[1]
        assert lines[2] == task_id
        assert (width, height) == ("1024", "768")

    def test_04_packs_everything_and_takes_it_in_again(self, tutorials):
        tutorial = tutorials["04"]
        packed = tutorial.text("%liangxin export").splitlines()
        found = re.match(r"(\S+\.zip): (\d+) tickets, (\d+) results, \d+ notebooks", packed[0])
        assert int(found[2]) == int(found[3]) + 2
        taken = tutorial.text("lx.import_archive")
        assert f"({found[2]} known), 0 new results, 0 new notebooks" in taken
        with zipfile.ZipFile(tutorial.folder / found[1]) as zipped:
            files = zipped.namelist()
        images = [n for n in files if re.match(r"results/.+/\d+\.(png|jpe?g)$", n)]
        assert len(images) >= int(found[3])
        assert f"notebooks/{tutorial.path.name}" in files

    def test_05_creates_nothing_when_rejected_and_one_task_when_the_answer_is_lost(self, tutorials):
        counts = [text(cell) for cell in tutorials["05"].cells if "created by" in cell.source]
        assert counts == ["created by the sandbox: 0", "created by the sandbox: 1"]

    def test_05_says_why_a_prompt_was_rejected(self, tutorials):
        refused = tutorials["05"].text("somebody finds improper")
        assert "(422): The prompt was rejected" in refused

    def test_05_sends_nothing_twice_when_an_answer_is_lost(self, tutorials):
        tutorial = tutorials["05"]
        lost = tutorial.text("A lighthouse in the night")
        assert "may be billed. It is not sent again by itself" in lost
        asked = prompts(tutorial.folder)
        assert asked.count("A lighthouse in the night, its light on the water") == 1
        assert re.search(r"^1 +unknown", tutorial.text("doctor"), re.MULTILINE)

    def test_05_collects_the_task_whose_answer_was_lost(self, tutorials):
        collected = tutorials["05"].text("resume {lost}")
        assert tutorials["05"].text("lost = ").strip("'") in collected
        assert _RESULT.fullmatch(collected)

    def test_05_fetches_a_result_whose_link_has_expired(self, tutorials):
        tutorial = tutorials["05"]
        assert tutorial.text("A garden in spring").count("<Result") == 1
        faults = [text(cell) for cell in tutorial.cells if '["faults"]' in cell.source]
        assert faults == ["{'file-expired-once*1': 0}", "{'file-expired-once*1': 1}", "{}"]

    def test_05_ends_with_nothing_unfinished(self, tutorials):
        last = text(tutorials["05"].cells[-1])
        assert re.search(r"^tasks +1 failed, \d+ kept, 2 refused$", last, re.MULTILINE)

    def test_05_collects_the_very_task_of_the_killed_program(self, tutorials):
        tutorial = tutorials["05"]
        # Some shells add a word of their own: "Killed".
        task_id = tutorial.text('}" killed.py').split()[0]
        assert task_id.startswith("task_z-image_")
        assert re.search(rf"accepted.* {task_id}", tutorial.text("tasks hut"))
        resumed = tutorial.cells[-3]
        assert resumed.source.startswith("%liangxin resume")
        assert task_id in text(resumed)
        assert _RESULT.fullmatch(text(resumed))
        asked = prompts(tutorial.folder)
        assert asked.count("A mountain hut in a snow storm, one lit window") == 1

    def test_06_takes_the_cat_of_the_first_tutorial(self, tutorials):
        assert tutorials["06"].text("known = ") == tutorials["01"].text("A cat asleep")
        asked = prompts(tutorials["06"].folder)
        assert asked.count("A cat asleep on a warm stone wall, evening sun") == 1

    def test_06_sends_the_references_that_it_names(self, tutorials):
        check_references(tutorials["06"])

    def test_07_hears_of_a_result_earlier_by_a_call_than_by_polling(self, tutorials):
        words = tutorials["07"].text("late = [")
        late = dict(re.findall(r"(polled|called): heard of it ([\d.]+) s late", words))
        assert float(late["called"]) < float(late["polled"])
        # The task takes half a second, and the first question comes after two.
        assert float(late["polled"]) > 0.5

    def test_07_draws_two_figures(self, tutorials):
        outputs = [output for cell in tutorials["07"].cells for output in cell.outputs]
        figures = [output for output in outputs if "image/png" in output.get("data", {})]
        assert len(figures) == 2
        for figure in figures:
            drawn = picture(figure, "image/png")
            assert drawn.width > 800
            assert colours(drawn) > 20

    def test_08_runs_a_script_that_shares_the_ledger(self, tutorials):
        tutorial = tutorials["08"]
        printed = Path(tutorial.text("morning light").strip())
        with Image.open(printed) as image:
            assert image.size == (1024, 768)
        assert (
            read_metadata(printed).prompt
            == "A cup of coffee on a table by the window, morning light"
        )
        assert read_metadata(printed).task_id in tutorial.text("show {task}")

    def test_08_has_a_script_that_reports_a_mistake_in_one_line(self, tutorials):
        wrong = tutorials["08"].text("--aspect 7:5").strip()
        assert wrong.startswith("aspect_ratio '7:5' is not one of")
        assert "\n" not in wrong

    def test_08_can_stop_waiting(self, tutorials):
        stopped = tutorials["08"].text("WaitTimeoutError as")
        assert re.match(r"WaitTimeoutError · (Task task_|The task)", stopped)

    def test_08_makes_a_picture_of_each_season(self, tutorials):
        lines = re.findall(r"^(?:spring|summer|autumn|winter) +\S+/1.png$",
                           tutorials["08"].text("seasons"), re.MULTILINE)  # fmt: skip
        assert len(lines) == 4


def check_references(tutorial):
    """The sixth tutorial has sent as many references as it names, and its stories describe them."""
    inputs = [task["param"]["input"] for task in created(tutorial.folder)]
    sent = [
        len(given.get("image_input", given.get("reference_images", [])))
        for given in inputs
        if "image_input" in given or "reference_images" in given
    ]
    assert sent == [1, 1, 2]
    assert [result[0] for result in tutorial.results()] == [
        "z-image", "nano-banana-pro", "seedream-v5-lite-edit", "nano-banana-pro",
    ]  # fmt: skip
    described = tutorial.text('options["image_input"]')
    assert len(re.findall(r"data:image/jpeg;\d+ characters;sha256 [0-9a-f]{16}", described)) == 2
    assert "'no-such-file.png' cannot be used" in tutorial.text("no-such-file.png")


# ---- alone in an empty folder


@pytest.mark.slow
def test_06_makes_the_cat_itself_where_the_first_tutorial_has_not_run(tmp_path):
    path = tmp_path / TUTORIALS[5].name
    notebook = nbformat.read(TUTORIALS[5], 4)
    execute_notebook(notebook, tmp_path, variables(tmp_path))
    nbformat.write(notebook, path)
    assert _RESULT.fullmatch(Tutorial(path).text("known = "))
    check_references(Tutorial(path))


def run_interrupted(path, folder):
    """Run every cell of a tutorial; those that create tasks are interrupted and run again.

    Returns:
        For each cell its `source`, what it has `shown`, and how many tasks it `created` each time.
    """
    runs = []
    with Kernel(folder, variables(folder), PACE) as kernel:
        for cell in Tutorial(path).cells:
            before = len(created(folder))
            shown = kernel.run(cell.source, when=lambda n=before: len(created(folder)) > n)
            if "batch" in cell.source and len(created(folder)) > before:
                shown += kernel.run(FINISH_BATCHES)
            between = len(created(folder))
            made = []
            if between > before:
                shown += kernel.run(cell.source)
                made = [between - before, len(created(folder)) - between]
            runs.append(SimpleNamespace(source=cell.source, shown=shown, created=made))
        kernel.run("%liangxin resume")
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("name", INTERRUPTED)
def test_a_cell_that_is_interrupted_and_run_again_pays_once_for_each_run(name, tmp_path):
    runs = run_interrupted(CHECKOUT / "notebooks" / f"{name}.ipynb", tmp_path)
    again = [run for run in runs if run.created]
    assert again, "no cell of it creates a task"
    for run in again:
        # The script ends itself at once; interrupting the others shows so.
        if "killed.py" not in run.source:
            assert any("Interrupted: no longer" in shown or "^C" in shown for shown in run.shown)
        first, second = run.created
        assert first >= 1
        # Run again, a cell creates the same once more; unless it reuses, pauses, or goes on.
        less = any(words in run.source for words in ("--reuse", ".pause()", "%liangxin batch {"))
        assert first <= second or less, f"{run.created} tasks: {run.source}"
    for run in runs:
        for shown in run.shown:
            assert "Traceback" not in shown, shown
            assert not re.search(r"^\w*(Error|Interrupt\w*): .*\n.", shown), shown
    # Each job record was sent once, and the last line of the run collected what was left.
    counts = ledger(tmp_path).count_by_status()
    assert counts.pop("rejected", 0) <= 1
    assert sum(counts.values()) == len(created(tmp_path)) == sum(sum(r.created) for r in again)
    assert counts.pop("failed", 0) <= (name[:2] == "03")  # which provokes one
    assert set(counts) <= {"saved", "unconfirmed"}
