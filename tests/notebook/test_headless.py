"""Notebooks that a machine runs: cells wait by themselves and leave small, stable pictures."""

import json

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from liangxin_nb.ledger import Ledger

from ..conftest import start_sandbox
from ..kernels import execute, pictures, service, stream
from ..sandbox_faults import set_faults

pytestmark = pytest.mark.slow
LOAD = "%load_ext liangxin_nb"
SECRET = "sk-12345678"


def ledger(folder):
    return Ledger(folder / "liangxin-results" / "ledger.sqlite")


# ---- pictures


def test_a_result_is_shown_with_the_same_text_each_time(tmp_path):
    cells = [LOAD, "%%liangxin --out job -o image_size=square\na cat",
             "job.result", "%liangxin show {job.task_id}"]  # fmt: skip
    shown = pictures(execute(cells, tmp_path, {"LIANGXIN_SPEED": "20"}))
    assert len(shown) == 3
    assert len({output.data["image/jpeg"] for output in shown}) == 1
    (text,) = {output.data["text/plain"] for output in shown}
    assert "0x" not in text


def test_the_prompt_reaches_the_service_literally(tmp_path, session, sandbox):
    prompt = "a {cup} of $HOME 'tea' \"now\" \\n 雨 🌧 {{x}} %d # not a comment"
    cells = [f"{LOAD}\ncup = 1", f"%%liangxin --out job\n{prompt}", "job.task_id"]
    notebook = execute(cells, tmp_path, service(sandbox))
    task_id = notebook.cells[2].outputs[0].data["text/plain"].strip("'")
    assert session.loop.submit(_prompt(session, task_id)).result(60) == prompt


async def _prompt(session, task_id):
    return (await (await session._connect()).get_task(task_id)).param["input"]["prompt"]


def test_a_cell_for_several_pictures_waits_for_all_of_them(tmp_path, sandbox):
    cells = [LOAD, "%%liangxin -n 3 --size square --out jobs\na cat", "len(jobs)"]
    notebook = execute(cells, tmp_path, service(sandbox))
    assert len({output.data["text/plain"] for output in pictures(notebook)}) == 3
    assert len({output.data["image/jpeg"] for output in pictures(notebook)}) == 3
    assert notebook.cells[2].outputs[0].data["text/plain"] == "3"


def test_a_notebook_file_alone_recovers_its_pictures_elsewhere(tmp_path, sandbox):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    first = execute([LOAD, "%%liangxin --size square\na cat"], here, service(sandbox))
    nbformat.write(first, there / "saved.ipynb")
    second = execute([LOAD, "%liangxin recover saved.ipynb"], there, service(sandbox))
    (made,), (recovered,) = pictures(first), pictures(second)
    assert recovered.data["image/jpeg"] == made.data["image/jpeg"]


@pytest.fixture(scope="module")
def edited(tmp_path_factory, sandbox):
    """A notebook in which the picture of one cell is the reference of the next; its folder."""
    folder = tmp_path_factory.mktemp("edited")
    edit = "%%liangxin nano-banana-pro --size 1K {}\nthe same cat at sea"
    cells = [
        LOAD,
        "%%liangxin --size square --seed 1 --out first\na cat",
        edit.format("--image first --out second"),
        edit.format("--out third"),
        "import liangxin_nb as "
        "lx\nlx.read_metadata(second.result.paths[0]).options['image_input'][0]",
    ]
    return execute(cells, folder, service(sandbox)), folder


@pytest.mark.xdist_group("headless-edited")
def test_a_picture_of_one_cell_is_the_reference_of_the_next(edited):
    _, with_reference, without = pictures(edited[0])
    assert with_reference.data["image/jpeg"] != without.data["image/jpeg"]


@pytest.mark.xdist_group("headless-edited")
def test_a_story_describes_its_reference(edited):
    shown = edited[0].cells[4].outputs[0].data["text/plain"]
    assert shown.startswith("'data:image/jpeg;")
    assert len(shown) < 200


@pytest.mark.xdist_group("headless-edited")
def test_the_ledger_does_not_hold_the_reference(edited):
    assert (edited[1] / "liangxin-results" / "ledger.sqlite").stat().st_size < 1_000_000


# ---- mistakes


def test_a_rejected_task_fails_the_run_in_one_line(tmp_path, sandbox):
    with pytest.raises(CellExecutionError) as error:
        execute([LOAD, "%%liangxin no-such-model\na cat", "1"], tmp_path, service(sandbox))
    assert "unsupported model: no-such-model" in str(error.value)


MISTAKES = {
    "empty": ("%%liangxin\n \n", "The prompt is empty"),
    "value": ("%%liangxin --aspect 7:5\na", "'7:5' is not one of 1:1"),
    "both": ("%%liangxin --size square --aspect 1:1\na", "exclude each other"),
    "option": (
        "%%liangxin --colour red\na",
        "Unknown option --colour; nothing was sent. The options are",
    ),
    "input": ("%%liangxin -o steps=3\na", "no input 'steps'"),
    "argument": (
        "%%liangxin nano-banana-pro --seed-free-model\na",
        "Unknown option --seed-free-model",
    ),
    "show": ("%liangxin show", "needs the id of a task"),
    "command": ("%liangxin frobnicate", "'frobnicate' is not a command"),
    "similar": ("%liangxin gallary", "Did you mean %liangxin gallery?"),
    "id": ("%liangxin resume nope", "'nope' is not in the ledger"),
}
ASK = "import liangxin_nb as lx\nlx.generate('a cat', aspect='7:5')"


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """The cells of a notebook with mistakes, by name, and its folder."""
    folder = tmp_path_factory.mktemp("mistaken")
    cells = {name: cell for name, (cell, _) in MISTAKES.items()}
    cells |= {"python": ASK, "verbose": "%xmode Verbose", "whole": ASK}
    notebook = execute([LOAD, *cells.values()], folder, allow_errors=True)
    return dict(zip(cells, notebook.cells[1:], strict=True)), folder


@pytest.mark.xdist_group("headless-mistaken")
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_cell_is_one_line(mistaken, name):
    text = stream(mistaken[0][name]).strip()
    assert MISTAKES[name][1] in text
    assert "\n" not in text


@pytest.mark.xdist_group("headless-mistaken")
def test_a_mistake_in_python_is_one_line(mistaken):
    (line,) = mistaken[0]["python"].outputs[-1].traceback
    assert line.startswith("InvalidRequestError: aspect_ratio '7:5' is not one of 1:1")
    assert "\n" not in line


@pytest.mark.xdist_group("headless-mistaken")
def test_a_mistake_in_python_has_its_traceback_on_request(mistaken):
    assert "request_builder.py" in "".join(mistaken[0]["whole"].outputs[-1].traceback)


@pytest.mark.xdist_group("headless-mistaken")
def test_mistakes_leave_an_empty_ledger(mistaken):
    assert ledger(mistaken[1]).count_by_status() == {}


SETTINGS = {
    "address": ({"LIANGXIN_API_KEY": SECRET}, "published nowhere"),
    "nonsense": ({"LIANGXIN_API_KEY": SECRET, "LIANGXIN_BASE_URL": "nonsense"}, "'nonsense'"),
    "key": ({"LIANGXIN_BASE_URL": "https://api.example.com"}, "no key for api.example.com"),
    "results": ({"LIANGXIN_RESULTS": "/proc/nowhere"}, "cannot be written"),
    "unreachable": (
        {"LIANGXIN_API_KEY": SECRET, "LIANGXIN_BASE_URL": "http://127.0.0.1:9"},
        "127.0.0.1:9 cannot be reached",
    ),
}


@pytest.fixture(scope="module")
def misconfigured(tmp_path_factory):
    """A notebook whose cells ask for a picture with settings that cannot work."""
    cells = [f"{LOAD}\nimport os\nbefore = dict(os.environ)"]
    for values, _ in SETTINGS.values():
        # The magic is called as a function, so that the settings of each cell are its own.
        cells.append(
            f"os.environ.clear(); os.environ.update(before | {values!r})\n"
            "get_ipython().run_cell_magic('liangxin', '', 'a cat')"
        )
    return execute(cells, tmp_path_factory.mktemp("misconfigured"), allow_errors=True)


@pytest.mark.xdist_group("headless-misconfigured")
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_cannot_work_are_one_line(misconfigured, name):
    text = stream(misconfigured.cells[1 + list(SETTINGS).index(name)]).strip()
    assert SETTINGS[name][1] in text
    assert text.startswith("UsageError: ")
    assert "\n" not in text


@pytest.mark.xdist_group("headless-misconfigured")
def test_settings_that_cannot_work_are_reported_without_the_key(misconfigured):
    assert SECRET not in "".join(stream(cell) for cell in misconfigured.cells)


# ---- a notebook that ends before its picture is done


@pytest.fixture(scope="module")
def ended_early(tmp_path_factory):
    """Three runs in one folder: a task is created, collected, and done with.

    The service does not answer questions about tasks before the second run.
    """
    folder = tmp_path_factory.mktemp("early")
    served = start_sandbox("--speed", "20", "--faults", "record-503")
    wait = "import time\nwhile not job.task_id: time.sleep(0.05)"
    cells = [LOAD, "%%liangxin --no-wait --out job\na cat", wait]
    env = service(served)
    first = execute(cells, folder, env)
    between = ledger(folder).count_by_status()
    set_faults(served)
    second = execute([LOAD, "%liangxin doctor", "%liangxin resume"], folder, env)
    third = execute([LOAD], folder, env)
    served.stop()
    return first, between, second, third, folder


@pytest.mark.xdist_group("headless-early")
def test_a_cell_that_does_not_wait_shows_the_task_id(ended_early):
    first = ended_early[0]
    assert first.cells[1].outputs[0].metadata["liangxin"]["task_id"].startswith("task_")
    assert pictures(first) == []


@pytest.mark.xdist_group("headless-early")
def test_a_task_outlives_the_notebook_that_created_it(ended_early):
    assert ended_early[1] == {"submitted": 1}


@pytest.mark.xdist_group("headless-early")
def test_loading_says_how_many_tasks_wait_to_be_collected(ended_early):
    assert "1 unfinished: %liangxin resume collects them." in stream(ended_early[2].cells[0])


@pytest.mark.xdist_group("headless-early")
def test_the_doctor_lists_tasks_that_wait_to_be_collected(ended_early):
    tables = [output.data for output in ended_early[2].cells[1].outputs if "data" in output]
    assert "waiting to be collected" in tables[0]["text/plain"]


@pytest.mark.xdist_group("headless-early")
def test_the_next_run_collects_the_picture(ended_early):
    assert len(pictures(ended_early[2])) == 1
    assert ledger(ended_early[4]).count_by_status() == {"saved": 1}


@pytest.mark.xdist_group("headless-early")
def test_loading_says_nothing_of_collected_tasks(ended_early):
    assert "unfinished" not in stream(ended_early[3].cells[0])


def test_unloading_removes_the_magics(tmp_path):
    cells = [LOAD, "%unload_ext liangxin_nb", "%liangxin"]
    notebook = execute(cells, tmp_path, allow_errors=True)
    assert "not found" in stream(notebook.cells[2])


# ---- the key


def test_the_key_is_in_no_output_even_with_all_locals_shown(tmp_path, sandbox):
    cells = [
        f"{LOAD}\n%xmode Verbose",
        "import liangxin_nb as lx\nlx.generate('x', model='no-such-model').wait()",
        "job = lx.generate('x')\nsession = lx.Session()\nsession, vars(session), session.settings",
        "session.loop.submit(session._connect()).result()._calls.create(1, 2)",
        "await lx.attach('task_unknown')",
        "%liangxin doctor",
        "%config LiangXin",
        "session.settings.key, str(session.settings.key), f'{session.settings.key}'",
    ]
    notebook = execute(cells, tmp_path, service(sandbox), allow_errors=True)
    errors = [o for c in notebook.cells for o in c.outputs if o.output_type == "error"]
    assert len(errors) == 3
    assert sandbox.key not in nbformat.writes(notebook)


def test_the_key_is_in_no_widget_state(tmp_path, sandbox):
    cells = [LOAD, "%%liangxin --wait --size square\na cat"]
    env = {**service(sandbox), "LIANGXIN_FRONTEND": "live"}
    notebook = execute(cells, tmp_path, env)
    assert "a cat" in json.dumps(notebook.metadata.widgets), "the card's state is in the file"
    assert sandbox.key not in nbformat.writes(notebook)
