"""Notebooks run by a machine: they wait by themselves and keep real pictures, small and stable."""

import json

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from liangxin_nb.ledger import Ledger
from liangxin_nb.session import Session

pytestmark = pytest.mark.slow


def execute(cells, folder, **more):
    cells = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}, **more)
    client.execute()
    return notebook


def said(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setenv("LIANGXIN_SPEED", "8")


def pictures(notebook):
    return [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/jpeg" in output.get("data", {})
    ]


def test_the_line_of_text_is_the_same_whenever_the_result_is_shown(tmp_path, quick):
    notebook = execute(
        ["%load_ext liangxin_nb", "%%liangxin --out job -o image_size=square\na cat",
         "job.result", "%liangxin show {job.task_id}"],
        tmp_path,
    )  # fmt: skip
    texts = {o.data["text/plain"] for o in pictures(notebook)}
    images = {o.data["image/jpeg"] for o in pictures(notebook)}
    assert len(pictures(notebook)) == 3
    assert len(texts) == len(images) == 1
    assert "0x" not in texts.pop()


def test_a_failure_fails_the_run_in_one_line(tmp_path, quick):
    with pytest.raises(CellExecutionError) as error:
        execute(["%load_ext liangxin_nb", "%%liangxin no-such-model\na cat", "1"], tmp_path)
    assert "unsupported model: no-such-model" in str(error.value)


def test_an_error_in_python_is_one_line_too_and_the_whole_on_request(tmp_path, quick):
    ask = "import liangxin_nb as lx\nlx.generate('a cat', aspect='7:5')"
    cells = ["%load_ext liangxin_nb", ask, "%xmode Verbose", ask]
    notebook = execute(cells, tmp_path, allow_errors=True)
    brief, _, whole = (cell.outputs[-1] for cell in notebook.cells[1:])
    (line,) = brief.traceback
    assert line.startswith("InvalidRequest: aspect_ratio '7:5' is not one of 1:1")
    assert "\n" not in line
    assert "asking.py" in "".join(whole.traceback)


def test_bad_input_is_one_line_each_and_leaves_an_empty_ledger(tmp_path, quick):
    wrong = {
        "%%liangxin\n \n": "The prompt is empty",
        "%%liangxin --aspect 7:5\na": "'7:5' is not one of 1:1",
        "%%liangxin --size square --aspect 1:1\na": "exclude each other",
        "%%liangxin --colour red\na": "arguments: --colour; nothing was sent. The options are",
        "%%liangxin -o steps=3\na": "no input 'steps'",
        "%liangxin show": "needs the id of a task",
        "%liangxin frobnicate": "'frobnicate' is not a command",
        "%liangxin resume nope": "'nope' is not in the ledger",
    }
    notebook = execute(["%load_ext liangxin_nb", *wrong], tmp_path, allow_errors=True)
    for cell, words in zip(notebook.cells[1:], wrong.values(), strict=True):
        assert words in said(cell), said(cell)
        assert said(cell).strip().count("\n") == 0
    assert Ledger(tmp_path / "liangxin-results" / "ledger.sqlite").count() == {}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"LIANGXIN_API_KEY": "sk-12345678"}, "published nowhere"),
        ({"LIANGXIN_API_KEY": "sk-12345678", "LIANGXIN_BASE_URL": "nonsense"}, "'nonsense'"),
        ({"LIANGXIN_BASE_URL": "https://api.example.com"}, "no key for api.example.com"),
        ({"LIANGXIN_RESULTS": "/proc/nowhere"}, "cannot be written"),
        (
            {"LIANGXIN_API_KEY": "sk-12345678", "LIANGXIN_BASE_URL": "http://127.0.0.1:9"},
            "127.0.0.1:9 cannot be reached",
        ),
    ],
)
def test_settings_that_cannot_work_are_one_clear_line(tmp_path, monkeypatch, environment, words):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cells = ["%load_ext liangxin_nb", "%%liangxin\na cat"]
    notebook = execute(cells, tmp_path, allow_errors=True)
    line = said(notebook.cells[1])
    assert words in line
    assert line.startswith("UsageError: ")
    assert line.strip().count("\n") == 0
    assert "sk-12345678" not in nbformat.writes(notebook)


def test_the_prompt_reaches_the_service_literally(tmp_path, quick, sandbox, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BASE_URL", sandbox.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", sandbox.key)
    prompt = "a {cup} of $HOME 'tea' \"now\" \\n 雨 🌧 {{x}} %d # not a comment"
    cells = ["%load_ext liangxin_nb\ncup = 1", f"%%liangxin --out job\n{prompt}", "job.task_id"]
    notebook = execute(cells, tmp_path)
    task_id = notebook.cells[2].outputs[0].data["text/plain"].strip("'")
    session = Session(base_url=sandbox.url, key=sandbox.key, results=tmp_path / "other")
    record = session.loop.submit(_record(session, task_id)).result(10)
    assert record.param["input"]["prompt"] == prompt


async def _record(session, task_id):
    return await (await session._connect()).record(task_id)


def test_several_pictures_wait_together_and_all_are_kept(tmp_path, quick):
    cells = [
        "%load_ext liangxin_nb",
        "%%liangxin -n 3 --size square --out jobs\na cat",
        "len(jobs)",
    ]
    notebook = execute(cells, tmp_path)
    assert len({o.data["text/plain"] for o in pictures(notebook)}) == 3
    assert len({o.data["image/jpeg"] for o in pictures(notebook)}) == 3
    assert notebook.cells[2].outputs[0].data["text/plain"] == "3"


def test_no_wait_returns_at_once_and_the_next_run_collects(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("LIANGXIN_SPEED", "1")
    execute(["%load_ext liangxin_nb",
             "%%liangxin --no-wait --out job\na cat",
             "import time\nwhile not job.task_id: time.sleep(.05)"], tmp_path)  # fmt: skip
    ledger = Ledger(tmp_path / "liangxin-results" / "ledger.sqlite")
    assert ledger.count() == {"accepted": 1}
    notebook = execute(["%load_ext liangxin_nb", "%liangxin resume"], tmp_path)
    assert len(pictures(notebook)) == 1
    assert ledger.count() == {"kept": 1}


def test_unloading_takes_the_magics_away(tmp_path):
    cells = ["%load_ext liangxin_nb", "%unload_ext liangxin_nb", "%liangxin"]
    notebook = execute(cells, tmp_path, allow_errors=True)
    assert "not found" in said(notebook.cells[2])


def test_the_key_is_in_no_output_even_with_all_locals_shown(tmp_path, sandbox, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BASE_URL", sandbox.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", sandbox.key)
    cells = [
        "%load_ext liangxin_nb\n%xmode Verbose",
        "import liangxin_nb as lx\nlx.generate('x', model='no-such-model').wait()",
        "job = lx.generate('x')\nsession = lx.Session()\nsession, vars(session), session.settings",
        "session.loop.submit(session._connect()).result()._calls.create(1, 2)",
        "await lx.attach('task_nobody_knows')",
        "%liangxin doctor",
        "%config LiangXin",
        "session.settings.key, str(session.settings.key), f'{session.settings.key}'",
    ]
    notebook = execute(cells, tmp_path, allow_errors=True)
    errors = [o for c in notebook.cells for o in c.outputs if o.output_type == "error"]
    assert len(errors) == 3
    assert sandbox.key not in nbformat.writes(notebook)


def test_a_picture_made_in_one_cell_is_the_reference_of_the_next(tmp_path, quick):
    cells = [
        "%load_ext liangxin_nb",
        "%%liangxin --size square --seed 1 --out first\na cat",
        "%%liangxin nano-banana-pro --size 1K --image first --seed-free-model\nthe same cat at sea",
        "%%liangxin nano-banana-pro --size 1K --image first --out second\nthe same cat at sea",
        "%%liangxin nano-banana-pro --size 1K --out third\nthe same cat at sea",
        "import liangxin_nb as lx\nlx.story(second.result.paths[0]).options['image_input'][0]",
    ]
    notebook = execute(cells, tmp_path, allow_errors=True)
    assert "unrecognized arguments" in said(notebook.cells[2])
    with_reference, without = pictures(notebook)[1:3]
    assert with_reference.data["image/jpeg"] != without.data["image/jpeg"]
    told = notebook.cells[5].outputs[0].data["text/plain"]
    assert told.startswith("'data:image/jpeg;")
    ledger = tmp_path / "liangxin-results" / "ledger.sqlite"
    assert ledger.stat().st_size < 1_000_000


def test_the_key_is_in_no_widget_state(tmp_path, sandbox, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BASE_URL", sandbox.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", sandbox.key)
    monkeypatch.setenv("LIANGXIN_FRONTEND", "live")
    cells = ["%load_ext liangxin_nb", "%%liangxin --wait --size square\na cat"]
    notebook = execute(cells, tmp_path)
    assert "a cat" in json.dumps(notebook.metadata.widgets), "the card's state is in the file"
    assert sandbox.key not in nbformat.writes(notebook)


def test_after_a_restart_the_first_line_says_what_is_waiting(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("LIANGXIN_SPEED", "1")
    ask = "%%liangxin --no-wait --out job\na cat"
    until = "import time\nwhile not job.task_id: time.sleep(.05)"
    first = execute(["%load_ext liangxin_nb", ask, until], tmp_path)
    assert first.cells[1].outputs[0].metadata["liangxin"]["task_id"].startswith("task_")
    nbformat.write(first, tmp_path / "first.ipynb")
    second = execute(["%load_ext liangxin_nb", "%liangxin doctor", "%liangxin resume"], tmp_path)
    assert "1 unfinished: %liangxin resume collects them." in said(second.cells[0])
    tables = [output.data for output in second.cells[1].outputs if "data" in output]
    assert "waiting to be collected" in tables[0]["text/plain"]
    third = execute(["%load_ext liangxin_nb"], tmp_path)
    assert "unfinished" not in said(third.cells[0])


def test_a_notebook_file_alone_recovers_its_pictures_elsewhere(tmp_path, sandbox, monkeypatch):
    monkeypatch.setenv("LIANGXIN_BASE_URL", sandbox.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", sandbox.key)
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    first = execute(["%load_ext liangxin_nb", "%%liangxin --size square\na cat"], tmp_path / "here")
    nbformat.write(first, tmp_path / "there" / "saved.ipynb")
    cells = ["%load_ext liangxin_nb", "%liangxin recover saved.ipynb"]
    second = execute(cells, tmp_path / "there")
    assert [o.data["image/jpeg"] for o in pictures(second)] == [
        o.data["image/jpeg"] for o in pictures(first)
    ]
