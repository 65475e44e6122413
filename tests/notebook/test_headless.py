"""Headless notebooks: cells wait for results; outputs are small and stable, errors one line."""

import json
import re

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from liangxin_nb.ledger import Ledger

from ..conftest import start_sandbox
from ..kernels import execute, picture_of, pictures, service, stream
from ..sandbox_faults import set_faults

pytestmark = pytest.mark.slow
LOAD = "%load_ext liangxin_nb"
SECRET = "sk-12345678"


def ledger(folder):
    return Ledger(folder / "liangxin-results" / "ledger.sqlite")


# ---- pictures


def test_result_has_the_same_output_each_time(tmp_path):
    cells = [LOAD, "%%liangxin --out job -o image_size=square\na cat",
             "job.result", "%liangxin show {job.task_id}"]  # fmt: skip
    shown = pictures(execute(cells, tmp_path, {"LIANGXIN_SPEED": "20"}))
    assert len(shown) == 3
    assert len({picture_of(output) for output in shown}) == 1
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


def test_cell_with_several_tasks_waits_for_all(tmp_path, sandbox):
    cells = [LOAD, "%%liangxin -n 3 --size square --out jobs\na cat", "len(jobs)"]
    notebook = execute(cells, tmp_path, service(sandbox))
    assert len({output.data["text/plain"] for output in pictures(notebook)}) == 3
    assert len({picture_of(output) for output in pictures(notebook)}) == 3
    assert notebook.cells[2].outputs[0].data["text/plain"] == "3"


def test_recover_collects_the_tasks_of_a_saved_notebook_in_another_folder(tmp_path, sandbox):
    first_folder, second_folder = tmp_path / "first", tmp_path / "second"
    first_folder.mkdir()
    second_folder.mkdir()
    first = execute([LOAD, "%%liangxin --size square\na cat"], first_folder, service(sandbox))
    nbformat.write(first, second_folder / "saved.ipynb")
    second = execute([LOAD, "%liangxin recover saved.ipynb"], second_folder, service(sandbox))
    (original,), (recovered,) = pictures(first), pictures(second)
    assert picture_of(recovered) == picture_of(original)


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
def test_result_of_a_cell_can_be_the_reference_of_the_next(edited):
    _, with_reference, without = pictures(edited[0])
    assert picture_of(with_reference) != picture_of(without)


@pytest.mark.xdist_group("headless-edited")
def test_metadata_abbreviates_the_reference(edited):
    shown = edited[0].cells[4].outputs[0].data["text/plain"]
    assert shown.startswith("'data:image/jpeg;")
    assert len(shown) < 200


@pytest.mark.xdist_group("headless-edited")
def test_ledger_does_not_contain_the_reference(edited):
    assert (edited[1] / "liangxin-results" / "ledger.sqlite").stat().st_size < 1_000_000


# ---- errors


def test_rejected_task_fails_the_run_with_one_line(tmp_path, sandbox):
    with pytest.raises(CellExecutionError) as error:
        execute(
            [LOAD, "%%liangxin no-such-model --any-model\na cat", "1"], tmp_path, service(sandbox)
        )
    assert "unsupported model: no-such-model" in str(error.value)


INVALID_CELLS = {
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
INVALID_CONFIG = "%config LiangXin.max_tasks = 'three'"
INVALID_CALL = "import liangxin_nb as lx\nlx.generate('a cat', aspect='7:5')"


@pytest.fixture(scope="module")
def invalid(tmp_path_factory):
    """The cells of a notebook with invalid input, by name, and its folder."""
    folder = tmp_path_factory.mktemp("invalid")
    cells = {name: cell for name, (cell, _) in INVALID_CELLS.items()}
    cells |= {
        "config": INVALID_CONFIG,
        "python": INVALID_CALL,
        "verbose": "%xmode Verbose",
        "traceback": INVALID_CALL,
    }
    notebook = execute([LOAD, *cells.values()], folder, allow_errors=True)
    return dict(zip(cells, notebook.cells[1:], strict=True)), folder


@pytest.mark.xdist_group("headless-invalid")
@pytest.mark.parametrize("name", INVALID_CELLS)
def test_invalid_cell_fails_with_one_line(invalid, name):
    text = stream(invalid[0][name]).strip()
    assert INVALID_CELLS[name][1] in text
    assert "\n" not in text


@pytest.mark.xdist_group("headless-invalid")
def test_invalid_python_call_fails_with_one_line(invalid):
    (line,) = invalid[0]["python"].outputs[-1].traceback
    assert line.startswith("InvalidRequestError: aspect_ratio '7:5' is not one of 1:1")
    assert "\n" not in line


@pytest.mark.xdist_group("headless-invalid")
def test_invalid_config_fails_the_cell_with_one_line(invalid):
    (line,) = invalid[0]["config"].outputs[-1].traceback
    assert line.startswith("%config LiangXin.max_tasks='three' is not valid; allowed: a whole num")
    assert "\n" not in line


@pytest.mark.xdist_group("headless-invalid")
def test_verbose_mode_shows_the_traceback(invalid):
    assert "request_builder.py" in "".join(invalid[0]["traceback"].outputs[-1].traceback)


@pytest.mark.xdist_group("headless-invalid")
def test_invalid_input_is_not_recorded_in_the_ledger(invalid):
    assert ledger(invalid[1]).count_by_status() == {}


INVALID_SETTINGS = {
    "address": ({"LIANGXIN_API_KEY": SECRET}, "The service liangxin needs an address"),
    "nonsense": ({"LIANGXIN_API_KEY": SECRET, "LIANGXIN_BASE_URL": "nonsense"}, "'nonsense'"),
    "key": (
        {"LIANGXIN_BASE_URL": "https://api.example.com"},
        "The service liangxin at api.example.com needs a key",
    ),
    "results": ({"LIANGXIN_RESULTS": "/proc/nowhere"}, "cannot be written"),
    "unreachable": (
        {"LIANGXIN_API_KEY": SECRET, "LIANGXIN_BASE_URL": "http://127.0.0.1:9"},
        "127.0.0.1:9 cannot be reached",
    ),
}


@pytest.fixture(scope="module")
def misconfigured(tmp_path_factory):
    """A notebook that submits one prompt with each of the invalid settings."""
    cells = [f"{LOAD}\nimport os\nbefore = dict(os.environ)"]
    for values, _ in INVALID_SETTINGS.values():
        # The magic is called as a function, so that each cell has separate settings.
        cells.append(
            f"os.environ.clear(); os.environ.update(before | {values!r})\n"
            "get_ipython().run_cell_magic('liangxin', '', 'a cat')"
        )
    folder = tmp_path_factory.mktemp("misconfigured")
    return execute(cells, folder, {"LIANGXIN_PROFILE": ""}, allow_errors=True)


@pytest.mark.xdist_group("headless-misconfigured")
@pytest.mark.parametrize("name", INVALID_SETTINGS)
def test_invalid_settings_fail_with_one_line(misconfigured, name):
    text = stream(misconfigured.cells[1 + list(INVALID_SETTINGS).index(name)]).strip()
    assert INVALID_SETTINGS[name][1] in text
    assert re.match("(InvalidRequest|APIConnection)Error: ", text)
    assert "\n" not in text


@pytest.mark.xdist_group("headless-misconfigured")
def test_errors_about_settings_do_not_contain_the_key(misconfigured):
    assert SECRET not in "".join(stream(cell) for cell in misconfigured.cells)


# ---- notebooks that end before their result is saved


@pytest.fixture(scope="module")
def ended_early(tmp_path_factory):
    """Three runs in one folder: the first creates a task, the second collects it.

    The service answers no recordInfo request before the second run.
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
def test_output_of_a_cell_that_does_not_wait_contains_the_task_id(ended_early):
    first = ended_early[0]
    assert first.cells[1].outputs[0].metadata["liangxin"]["task_id"].startswith("task_")
    assert pictures(first) == []


@pytest.mark.xdist_group("headless-early")
def test_unfinished_task_stays_in_the_ledger(ended_early):
    assert ended_early[1] == {"submitted": 1}


@pytest.mark.xdist_group("headless-early")
def test_loading_shows_the_number_of_unfinished_tasks(ended_early):
    assert "1 unfinished: %liangxin resume collects them." in stream(ended_early[2].cells[0])


@pytest.mark.xdist_group("headless-early")
def test_doctor_lists_unfinished_tasks(ended_early):
    tables = [output.data for output in ended_early[2].cells[1].outputs if "data" in output]
    assert "waiting to be collected" in tables[0]["text/plain"]


@pytest.mark.xdist_group("headless-early")
def test_next_run_collects_the_result(ended_early):
    assert len(pictures(ended_early[2])) == 1
    assert ledger(ended_early[4]).count_by_status() == {"saved": 1}


@pytest.mark.xdist_group("headless-early")
def test_loading_does_not_mention_collected_tasks(ended_early):
    assert "unfinished" not in stream(ended_early[3].cells[0])


def test_unloading_removes_the_magics(tmp_path):
    cells = [LOAD, "%unload_ext liangxin_nb", "%liangxin"]
    notebook = execute(cells, tmp_path, allow_errors=True)
    assert "not found" in stream(notebook.cells[2])


# ---- the key


def test_outputs_do_not_contain_the_key_even_in_verbose_tracebacks(tmp_path, sandbox):
    cells = [
        f"{LOAD}\n%xmode Verbose",
        "import liangxin_nb as lx\nlx.generate('x', model='no-such-model', any_model=True).wait()",
        "job = lx.generate('x')\nsession = lx.Session()\nsession, vars(session), session.settings",
        "session.loop.submit(session._connect()).result().create(1, 2)",
        "await lx.attach('task_unknown')",
        "%liangxin doctor",
        "%config LiangXin",
        "session.settings.key, str(session.settings.key), f'{session.settings.key}'",
    ]
    notebook = execute(cells, tmp_path, service(sandbox), allow_errors=True)
    errors = [o for c in notebook.cells for o in c.outputs if o.output_type == "error"]
    assert len(errors) == 3
    assert sandbox.key not in nbformat.writes(notebook)


def test_widget_state_does_not_contain_the_key(tmp_path, sandbox):
    cells = [LOAD, "%%liangxin --wait --size square\na cat"]
    env = {**service(sandbox), "LIANGXIN_FRONTEND": "live"}
    notebook = execute(cells, tmp_path, env)
    assert "a cat" in json.dumps(notebook.metadata.widgets), "the widget state is saved"
    assert sandbox.key not in nbformat.writes(notebook)
