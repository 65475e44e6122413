"""Run the tutorials and check that their outputs match their text.

`jupyter execute` runs all of them in order in one folder. One of them also runs alone, and each of
its cells that creates tasks is interrupted and run again.

With LIANGXIN_ALL_TUTORIALS=1 every tutorial is interrupted at every such cell, and all of them poll
at the interval that the services document.
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

from .hostile import attributes
from .kernels import environment, execute_notebook, ipython_folder, picture_of
from .notebook_kernel import Kernel
from .readers import build_myst

CHECKOUT = Path(__file__).parent.parent
TUTORIALS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in TUTORIALS]
ALL = bool(os.environ.get("LIANGXIN_ALL_TUTORIALS"))
#: Tutorial 03 has most kinds of cells that create tasks.
INTERRUPTED = NAMES if ALL else ["03_many_at_once"]
#: Minimum and maximum poll interval in seconds. A task takes at least as long, and some cells rely
#: on that: they pause a batch while one task is running, or stop waiting for one after 0.1 s.
POLL_INTERVAL_S = (0.6, 0.8)
MAX_OUTPUT_BYTES = 64 * 1024
#: Wait for all batches in the ledger: an interrupted batch continues in the background.
FINISH_BATCHES = """import liangxin_nb as lx
for row in get_ipython().run_line_magic("liangxin", "batches"):
    lx.batch(id=row["batch"]).wait()
"""
_RESULT = re.compile(r"<Result (\S+) (\d+)×(\d+) · (\S+) · (\S+)>")
#: Marks for tests that read the files and outputs of the tutorials after they have run in order.
in_order = [pytest.mark.slow, pytest.mark.xdist_group("tutorials")]


class Tutorial:
    """A tutorial that has run, and its folder."""

    def __init__(self, path):
        self.path = path
        self.folder = path.parent
        self.cells = [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]

    def cell(self, source):
        """Return the first cell with this text in its source."""
        return next(cell for cell in self.cells if source in cell.source)

    def text(self, source):
        """Return the text output of that cell."""
        return text(self.cell(source))

    def results(self):
        """Return model, width, height, task id and relative path of each result in the outputs."""
        return [
            match.groups()
            for cell in self.cells
            for output in cell.outputs
            if (match := _RESULT.fullmatch(output.get("data", {}).get("text/plain", "")))
        ]


def text(cell):
    """Return the text of a cell's outputs, with errors as displayed; streams are joined."""
    stream = "".join(output.get("text", "") for output in cell.outputs)
    parts = [stream.strip()]
    for output in cell.outputs:
        shown = output.get("data", {}).get("text/plain", "")
        parts.append("\n".join(output.get("traceback", [])) or shown)
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(part for part in parts if part))


def picture(output, media_type="image/jpeg"):
    """Decode the picture of an output."""
    data = picture_of(output) if media_type == "image/jpeg" else output.data[media_type]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def count_colours(image):
    """Count the colours of a picture; an empty sheet has few."""
    return len(image.convert("RGB").getcolors(1 << 24))


def created_tasks(folder):
    """Read the sandbox's log of the tasks that it has created."""
    file = folder / "liangxin-results" / ".sandbox" / "tasks.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def created_prompts(folder):
    """Read the prompts of all created tasks."""
    return [task["param"]["input"]["prompt"] for task in created_tasks(folder)]


def open_ledger(folder):
    """Open the ledger of the results folder in a tutorial's folder."""
    return Ledger(folder / "liangxin-results" / "ledger.sqlite")


def kernel_environment(folder, **variables):
    """Return the environment variables of a tutorial's kernel, which starts a separate sandbox."""
    separate = {
        "LIANGXIN_SPEED": "20",
        "LIANGXIN_CALLBACKS": str(folder / "callbacks"),
        "LIANGXIN_BUDGET": str(folder.with_name(f"{folder.name}-budget")),
    }
    return environment(folder, **separate, **variables)


def jupyter_execute(paths, folder, env):
    """Run notebooks in one folder, one after the other, with `jupyter execute`."""
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", *(p.name for p in paths)]
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=600)
    assert run.returncode == 0, run.stderr.decode()[-2000:]


@pytest.fixture(scope="module")
def tutorials(tmp_path_factory):
    """Run the tutorials in order in one folder and return them by number."""
    root = tmp_path_factory.mktemp("tutorials")
    folder = root / "order"
    folder.mkdir()
    documented = kernel_environment(folder)
    fast = documented | {"IPYTHONDIR": str(ipython_folder(root / "ipython", POLL_INTERVAL_S))}
    # The seventh measures the delay of polling, so it uses the documented poll interval.
    before, (seventh, *after) = TUTORIALS[:6], TUTORIALS[6:]
    jupyter_execute(before, folder, documented if ALL else fast)
    with ThreadPoolExecutor() as threads:
        seventh_run = threads.submit(
            jupyter_execute, [seventh], folder,
            documented | {"LIANGXIN_BUDGET": str(root / "seventh-budget")},
        )  # fmt: skip
        jupyter_execute(after, folder, documented if ALL else fast)
        seventh_run.result()
    return {path.stem[:2]: Tutorial(folder / path.name) for path in TUTORIALS}


# ---- stored files


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_tutorial_is_stored_without_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert cell.metadata in ({}, {"tags": ["raises-exception"]})
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    # Without this lexer, Sphinx warns about prompts: they are not Python.
    assert notebook.metadata.language_info == {"name": "python", "pygments_lexer": "ipython3"}
    assert [cell.id for cell in notebook.cells] == [
        f"cell-{n:02}" for n in range(len(notebook.cells))
    ]


@pytest.mark.parametrize("path", TUTORIALS, ids=NAMES)
def test_tutorial_contains_the_required_sections(path):
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


@pytest.mark.slow
def test_myst_builds_the_tutorials_without_a_warning(tmp_path):
    pages = build_myst(TUTORIALS, tmp_path)
    assert "雨后的小巷，石板路，一盏灯" in pages["03_many_at_once"].text


def test_tutorials_link_only_to_files_in_their_folder():
    """A server that is started for one tutorial shows no file outside its folder."""
    for path in TUTORIALS:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            assert "://" in target or "/" not in target, f"{path.name}: {target}"


def test_links_between_tutorials_and_readme_point_to_existing_files():
    pages = [CHECKOUT / "README.md", *TUTORIALS]
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
        for name in re.findall(r"\b\d\d_\w+\.ipynb", page.read_text()):
            assert (CHECKOUT / "notebooks" / name).exists(), f"{page.name}: {name}"


# ---- run in order


class TestInOrder:
    """The outputs of the tutorials after `jupyter execute`."""

    pytestmark = in_order

    def test_each_displayed_result_matches_its_file(self, tutorials):
        for tutorial in tutorials.values():
            for model, width, height, task_id, relative_path in tutorial.results():
                file = tutorial.folder / "liangxin-results" / relative_path
                with Image.open(file) as image:
                    assert image.size == (int(width), int(height))
                assert (read_metadata(file).task_id, read_metadata(file).model) == (task_id, model)

    def test_outputs_are_small(self, tutorials):
        for tutorial in tutorials.values():
            for cell in tutorial.cells:
                for output in cell.outputs:
                    assert len(json.dumps(output)) <= MAX_OUTPUT_BYTES, cell.source[:60]
        total = sum(tutorial.path.stat().st_size for tutorial in tutorials.values())
        assert total <= MAX_OUTPUT_BYTES * 40

    def test_outputs_contain_no_widgets(self, tutorials):
        for tutorial in tutorials.values():
            content = tutorial.path.read_text(encoding="utf-8")
            assert "widget-view" not in content
            assert "image/webp" not in content

    def test_result_is_displayed_as_a_thumbnail_with_its_aspect_ratio(self, tutorials):
        outputs = [o for t in tutorials.values() for cell in t.cells for o in cell.outputs]
        for output in outputs:
            data = output.get("data", {})
            match = _RESULT.fullmatch(data.get("text/plain", ""))
            if not match or not picture_of(output):
                continue
            assert set(data) == {"text/html", "text/plain"}
            small = picture(output)
            assert small.format == "JPEG"
            assert small.width / small.height == pytest.approx(
                int(match[2]) / int(match[3]), rel=0.02
            )

    def test_only_tagged_cells_fail_each_with_one_line(self, tutorials):
        for tutorial in tutorials.values():
            for cell in tutorial.cells:
                output = text(cell)
                assert "Traceback" not in output
                failed = re.findall(r"^\w+Error: .*$", output, re.MULTILINE)
                assert len(failed) == ("raises-exception" in cell.metadata.get("tags", [])), output

    def test_every_task_was_created_once_and_saved(self, tutorials):
        folder = tutorials["01"].folder
        tasks = created_tasks(folder)
        # Tutorial 03 causes a failed task and a rejected request, 05 a rejected request.
        assert open_ledger(folder).count_by_status() == {
            "saved": len(tasks) - 1,
            "failed": 1,
            "rejected": 2,
        }
        assert len({task["id"] for task in tasks}) == len(tasks)

    def test_01_creates_pictures_of_the_requested_sizes(self, tutorials):
        results = tutorials["01"].results()
        assert [(model, int(w), int(h)) for model, w, h, _, _ in results] == [
            ("z-image", 1024, 1024),
            ("z-image", 1024, 576),
            ("seedream-v4-5", 2508, 1672),
            ("z-image", 512, 512),
        ]

    def test_01_reads_the_prompt_from_the_picture_file(self, tutorials):
        prompt = "'A cat asleep on a warm stone wall, evening sun'"
        assert tutorials["01"].text("lx.read_metadata(") == prompt

    def test_01_shows_the_allowed_aspect_ratios(self, tutorials):
        assert "'7:5' is not one of 1:1" in tutorials["01"].text('aspect="7:5"')

    def test_01_lists_its_tasks(self, tutorials):
        assert "山间的湖" in tutorials["01"].text("%liangxin tasks")

    def test_02_creates_pictures_of_the_requested_sizes(self, tutorials):
        sizes = [result[1:3] for result in tutorials["02"].results()]
        assert sizes == [("768", "1024"), ("1024", "768")]

    def test_02_shows_which_options_exclude_each_other(self, tutorials):
        assert "exclude each other" in tutorials["02"].text("--aspect 1:1 --size square")

    def test_02_creates_one_task_for_each_of_nine_models(self, tutorials):
        tutorial = tutorials["02"]
        assert tutorial.text("len(results)") == "9"
        prompt = "A small boat on a calm lake, mountains behind it, first light"
        models = [t["param"]["model"] for t in created_tasks(tutorial.folder)
                  if t["param"]["input"]["prompt"] == prompt]  # fmt: skip
        assert len(models) == len(set(models)) == 9
        assert all(model in tutorial.text("names") for model in models)

    def test_02_creates_a_sheet_with_nine_pictures(self, tutorials):
        (output,) = tutorials["02"].cell("Shown(").outputs
        assert picture(output).size == (3 * 220, 3 * (220 + 48))
        with Image.open(tutorials["02"].folder / "nine-models.jpg") as large:
            assert large.size == (3 * 480, 3 * (480 + 48))
            # Each tile holds a picture, not the white background.
            for n in range(9):
                x, y = n % 3 * 480 + 240, n // 3 * 528 + 360
                assert large.getpixel((x, y)) != (255, 255, 255)

    def test_03_shows_a_sheet_for_each_batch(self, tutorials):
        sheets = [c for c in tutorials["03"].cells if "lx-sheet" in str(c.outputs)]
        matches = [re.match(r"<Batch (\w{12})( '.+')? · (.+)>$", text(cell)) for cell in sheets]
        assert all(matches), [text(cell) for cell in sheets]
        lines = [match.groups() for match in matches]
        assert [(name, counts) for _, name, counts in lines] == [
            (None, "3 tasks: 3 saved"),
            (" 'lighthouse and garden'", "8 tasks: 8 saved"),
            (None, "4 tasks: 4 saved"),
            (" 'streets'", "3 tasks: 3 saved"),
            (None, "4 tasks: 4 saved, 3 of them reused"),
        ]
        for cell, (batch_id, _, counts) in zip(sheets, lines, strict=True):
            (output,) = cell.outputs
            metadata = output.metadata["liangxin"]
            assert (metadata["batch"], len(metadata["task_ids"])) == (batch_id, int(counts[0]))
            shown = attributes(output.data["text/html"], "src")
            assert len(shown) == int(counts[0])
            jpeg = base64.b64decode(shown[0].partition(",")[2])
            assert count_colours(Image.open(io.BytesIO(jpeg))) > 1000

    def test_03_dry_run_counts_the_tasks(self, tutorials):
        dry = tutorials["03"].text("--dry-run")
        assert "8 tasks would be created: 4 z-image, 4 flux-2-pro." in dry

    def test_03_rejects_a_batch_over_max_tasks(self, tutorials):
        error = tutorials["03"].text("--max-tasks 4")
        assert "6 tasks would be created, more than 4; nothing was sent" in error

    def test_03_creates_one_task_for_each_combination(self, tutorials):
        tasks = [(t["param"]["model"], t["param"]["input"])
                 for t in created_tasks(tutorials["03"].folder)]  # fmt: skip
        matrix = [
            (model, inputs["prompt"], inputs["seed"])
            for model, inputs in tasks
            if inputs.get("seed") in (1, 2) and inputs.get("aspect_ratio") == "4:3"
        ]
        assert len(matrix) == len(set(matrix)) == 8

    def test_03_creates_no_task_for_a_reused_result(self, tutorials):
        prompts = created_prompts(tutorials["03"].folder)
        for prompt in ("A paper boat on a pond", "A forest path in autumn, fog between the trees",
                       "Sand dunes in the desert under the stars"):  # fmt: skip
            assert prompts.count(prompt) == 1

    def test_03_shows_its_last_batch_as_a_table_and_saves_a_large_sheet(self, tutorials):
        table = tutorials["03"].text("find_spec")
        assert "Sand dunes in the desert under the stars" in table
        with Image.open(tutorials["03"].folder / "ponds.jpg") as large:
            assert large.width > 1000

    def test_03_retries_the_rejected_and_the_failed_task(self, tutorials):
        tutorial = tutorials["03"]
        failures = tutorial.text("tea.failures")
        assert failures.count("rejected The service rejected the request (422)") == 1
        assert failures.count("failed The task failed (500)") == 1
        assert tutorial.text("tea.retry()") == "retried: 2 · now: 4 tasks: 4 saved"
        # The rejected task was never created. The failed one was, so its prompt appears twice.
        tea = [p for p in created_prompts(tutorial.folder) if re.search(r"\btea", p, re.IGNORECASE)]
        assert sorted(tea.count(prompt) for prompt in set(tea)) == [1, 1, 1, 2]

    def test_03_resumes_the_paused_batch(self, tutorials):
        tutorial = tutorials["03"]
        paused = tutorial.text("streets.pause()")
        match = re.search(r"^3 tasks: [12] saved, ([12]) not sent yet$", paused, re.MULTILINE)
        unsent = int(match[1])
        assert re.search(rf"streets +3 +{3 - unsent} +{unsent} not sent$",
                         tutorial.text("%liangxin batches"), re.MULTILINE)  # fmt: skip
        prompts = created_prompts(tutorial.folder)
        streets = [prompt for prompt in prompts if prompt.startswith("A street ")]
        assert len(streets) >= 3
        assert len([p for p in streets if "red bus" in p or "bicycle" in p]) == 2

    def test_04_names_the_command_that_opens_the_panel(self, tutorials):
        panel = tutorials["04"].text("%liangxin panel")
        assert "%liangxin panel opens it again" in panel

    def test_04_reuses_the_pictures_of_03(self, tutorials):
        reused = tutorials["04"].text("--reuse")
        assert re.match(r"<Batch \w+ · 4 tasks: 4 saved, 4 of them reused>$", reused)

    def test_04_shows_the_gallery_as_one_picture(self, tutorials):
        (gallery,) = tutorials["04"].cell("%liangxin gallery").outputs
        # No task was created: the next task is the first of 05, and one task of 03 has failed.
        before = created_prompts(tutorials["04"].folder).index(
            "A red fishing boat at sea, calm morning"
        )
        assert gallery.data["text/plain"] == f"<Gallery of {before - 1} results>"
        assert picture(gallery).format == "JPEG"
        assert count_colours(picture(gallery)) > 1000

    def test_04_reads_the_metadata_of_a_picture(self, tutorials):
        lines = tutorials["04"].text("postcard.png").splitlines()
        ((_, width, height, task_id, _),) = tutorials["04"].results()
        assert lines[0] == "A lighthouse on a cliff, storm coming in from the sea"
        assert "z-image · {'aspect_ratio': '4:3', 'seed': 1}" in lines[1]
        assert lines[2] == task_id
        assert (width, height) == ("1024", "768")

    def test_04_exports_everything_and_imports_it_again(self, tutorials):
        tutorial = tutorials["04"]
        packed = tutorial.text("%liangxin export").splitlines()
        match = re.match(r"(\S+\.zip): (\d+) jobs, (\d+) results, \d+ notebooks", packed[0])
        assert int(match[2]) == int(match[3]) + 2
        imported = tutorial.text("lx.import_archive")
        assert f"({match[2]} known), 0 new results, 0 new notebooks" in imported
        with zipfile.ZipFile(tutorial.folder / match[1]) as zipped:
            files = zipped.namelist()
        images = [n for n in files if re.match(r"results/.+/\d+\.(png|jpe?g)$", n)]
        assert len(images) >= int(match[3])
        assert f"notebooks/{tutorial.path.name}" in files

    def test_05_creates_no_task_when_rejected_and_one_when_the_response_is_lost(self, tutorials):
        counts = [text(cell) for cell in tutorials["05"].cells if "created by" in cell.source]
        assert counts == ["created by the sandbox: 0", "created by the sandbox: 1"]

    def test_05_says_why_a_prompt_was_rejected(self, tutorials):
        error = tutorials["05"].text("that the service rejects")
        assert "(422): The prompt was rejected" in error

    def test_05_sends_nothing_twice_when_a_response_is_lost(self, tutorials):
        tutorial = tutorials["05"]
        error = tutorial.text("A lighthouse in the night")
        assert "may be billed. It is not sent again automatically" in error
        prompts = created_prompts(tutorial.folder)
        assert prompts.count("A lighthouse in the night, its light on the water") == 1
        assert re.search(r"^1 +unconfirmed", tutorial.text("doctor"), re.MULTILINE)

    def test_05_collects_the_task_of_the_lost_response(self, tutorials):
        collected = tutorials["05"].text("resume {lost}")
        assert tutorials["05"].text("lost = ").strip("'") in collected
        assert _RESULT.fullmatch(collected)

    def test_05_downloads_a_result_after_its_first_url_has_expired(self, tutorials):
        tutorial = tutorials["05"]
        assert tutorial.text("A garden in spring").count("<Result") == 1
        faults = [text(cell) for cell in tutorial.cells if '["faults"]' in cell.source]
        assert faults == ["{'file-expired-once*1': 0}", "{'file-expired-once*1': 1}", "{}"]

    def test_05_leaves_no_unfinished_task(self, tutorials):
        last = text(tutorials["05"].cells[-1])
        assert re.search(r"^tasks +1 failed, 2 rejected, \d+ saved$", last, re.MULTILINE)

    def test_05_collects_the_task_of_the_killed_program(self, tutorials):
        tutorial = tutorials["05"]
        # Some shells also print "Killed".
        task_id = tutorial.text('}" killed.py').split()[0]
        assert task_id.startswith("task_z-image_")
        assert re.search(rf"submitted.* {task_id}", tutorial.text("tasks hut"))
        resumed = tutorial.cells[-3]
        assert resumed.source.startswith("%liangxin resume")
        assert task_id in text(resumed)
        assert _RESULT.fullmatch(text(resumed))
        prompts = created_prompts(tutorial.folder)
        assert prompts.count("A mountain hut in a snow storm, one lit window") == 1

    def test_06_uses_the_cat_of_the_first_tutorial(self, tutorials):
        assert tutorials["06"].text("known = ") == tutorials["01"].text("A cat asleep")
        prompts = created_prompts(tutorials["06"].folder)
        assert prompts.count("A cat asleep on a warm stone wall, evening sun") == 1

    def test_06_sends_its_reference_pictures(self, tutorials):
        check_references(tutorials["06"])

    def test_07_measures_a_shorter_delay_with_callbacks_than_with_polling(self, tutorials):
        output = tutorials["07"].text("delays = [")
        delays = dict(re.findall(r"(polling|callbacks): ([\d.]+) s late", output))
        assert float(delays["callbacks"]) < float(delays["polling"])
        # The task takes half a second, and the first poll follows after two seconds.
        assert float(delays["polling"]) > 0.5

    def test_07_draws_two_figures(self, tutorials):
        outputs = [output for cell in tutorials["07"].cells for output in cell.outputs]
        figures = [output for output in outputs if "image/png" in output.get("data", {})]
        assert len(figures) == 2
        for figure in figures:
            drawn = picture(figure, "image/png")
            assert drawn.width > 800
            assert count_colours(drawn) > 20

    def test_08_runs_a_script_that_uses_the_same_ledger(self, tutorials):
        tutorial = tutorials["08"]
        printed = Path(tutorial.text("morning light").strip())
        with Image.open(printed) as image:
            assert image.size == (1024, 768)
        assert (
            read_metadata(printed).prompt
            == "A cup of coffee on a table by the window, morning light"
        )
        assert read_metadata(printed).task_id in tutorial.text("show {task}")

    def test_08_script_reports_an_invalid_option_in_one_line(self, tutorials):
        error = tutorials["08"].text("--aspect 7:5").strip()
        assert error.startswith("aspect_ratio '7:5' is not one of")
        assert "\n" not in error

    def test_08_wait_ends_after_its_timeout(self, tutorials):
        output = tutorials["08"].text("WaitTimeoutError as")
        assert re.match(r"WaitTimeoutError · (Task task_|The task)", output)

    def test_08_creates_a_picture_for_each_season(self, tutorials):
        lines = re.findall(r"^(?:spring|summer|autumn|winter) +\S+/1.png$",
                           tutorials["08"].text("seasons"), re.MULTILINE)  # fmt: skip
        assert len(lines) == 4


def check_references(tutorial):
    """Assert that the sixth tutorial has sent its reference pictures and saved their digests."""
    inputs = [task["param"]["input"] for task in created_tasks(tutorial.folder)]
    sent = [
        len(task_input.get("image_input", task_input.get("reference_images", [])))
        for task_input in inputs
        if "image_input" in task_input or "reference_images" in task_input
    ]
    assert sent == [1, 1, 2]
    assert [result[0] for result in tutorial.results()] == [
        "z-image", "nano-banana-pro", "seedream-v5-lite-edit", "nano-banana-pro",
    ]  # fmt: skip
    described = tutorial.text('options["image_input"]')
    assert len(re.findall(r"data:image/jpeg;\d+ characters;sha256 [0-9a-f]{16}", described)) == 2
    assert "'no-such-file.png' cannot be used" in tutorial.text("no-such-file.png")


# ---- run alone in an empty folder


@pytest.mark.slow
def test_06_creates_the_cat_if_the_first_tutorial_has_not_run(tmp_path):
    path = tmp_path / TUTORIALS[5].name
    notebook = nbformat.read(TUTORIALS[5], 4)
    execute_notebook(notebook, tmp_path, kernel_environment(tmp_path))
    nbformat.write(notebook, path)
    assert _RESULT.fullmatch(Tutorial(path).text("known = "))
    check_references(Tutorial(path))


def run_interrupted(path, folder):
    """Run every cell of a tutorial; interrupt those that create tasks, and run them again.

    Returns:
        For each cell its `source`, its `outputs`, and the number of tasks that each run `created`.
    """
    runs = []
    with Kernel(folder, kernel_environment(folder), POLL_INTERVAL_S) as kernel:
        for cell in Tutorial(path).cells:
            before = len(created_tasks(folder))
            outputs = kernel.run(cell.source, when=lambda n=before: len(created_tasks(folder)) > n)
            if "batch" in cell.source and len(created_tasks(folder)) > before:
                outputs += kernel.run(FINISH_BATCHES)
            between = len(created_tasks(folder))
            counts = []
            if between > before:
                outputs += kernel.run(cell.source)
                counts = [between - before, len(created_tasks(folder)) - between]
            runs.append(SimpleNamespace(source=cell.source, outputs=outputs, created=counts))
        kernel.run("%liangxin resume")
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("name", INTERRUPTED)
def test_interrupted_cell_pays_once_for_each_run(name, tmp_path):
    runs = run_interrupted(CHECKOUT / "notebooks" / f"{name}.ipynb", tmp_path)
    repeated = [run for run in runs if run.created]
    assert repeated, "no cell creates a task"
    for run in repeated:
        # The script ends itself at once; all other cells report the interrupt.
        if "killed.py" not in run.source:
            assert any("Interrupted: no longer" in o or "^C" in o for o in run.outputs)
        first, second = run.created
        assert first >= 1
        # The second run creates the same tasks again, unless it reuses, pauses or resumes.
        fewer = any(words in run.source for words in ("--reuse", ".pause()", "%liangxin batch {"))
        assert first <= second or fewer, f"{run.created} tasks: {run.source}"
    for run in runs:
        for output in run.outputs:
            assert "Traceback" not in output, output
            assert not re.search(r"^\w*(Error|Interrupt\w*): .*\n.", output), output
    # Each job was sent once, and `%liangxin resume` at the end collected the rest.
    counts = open_ledger(tmp_path).count_by_status()
    assert counts.pop("rejected", 0) <= 1
    assert (
        sum(counts.values())
        == len(created_tasks(tmp_path))
        == sum(sum(r.created) for r in repeated)
    )
    assert counts.pop("failed", 0) <= (name[:2] == "03")  # which causes one
    assert set(counts) <= {"saved", "unconfirmed"}
