"""`liangxin run --dry-run` and `%liangxin estimate`: what a run would submit; nothing is run."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from liangxin_nb import cli
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.notebook.magics.estimate import estimate_notebook

from ..task_server import KEY

REUSE = "%config LiangXin.reuse = True"
LAKE = "%%liangxin\na lake"
TOO_LONG = "Not known: the cell is too long"


@pytest.fixture
def estimate(tmp_path, monkeypatch, server):
    """Estimates a notebook with these cells, for the service of `server`."""
    monkeypatch.setenv("LIANGXIN_BASE_URL", server.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    monkeypatch.setenv("LIANGXIN_RESULTS", str(tmp_path / "results"))

    def run(*cells):
        path = tmp_path / "n.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(cell) for cell in cells]), path)
        before = files_in(tmp_path)
        found = estimate_notebook(path)
        assert files_in(tmp_path) == before, "nothing is written"
        return found

    return run


def files_in(folder):
    """Return all files but those that SQLite has beside a ledger in use."""
    return {path for path in folder.rglob("*") if ".sqlite-" not in path.name}


def row(estimate, *cells):
    """Return the number of new tasks, of reused results, and the remark of the last cell."""
    *_, last = estimate(*cells).rows
    return last[2], last[4] or 0, last[5]


@pytest.mark.parametrize(
    ("cell", "tasks"),
    [
        (LAKE, 1),
        ("%%liangxin -n 3 --seed 5\na lake", 3),
        ("%%liangxin batch z-image seedream-v4-5 --seed 1-3\na lake\n\na hill", 12),
        ("%%liangxin batch -n 4\na lake", 4),
        ("%%liangxin batch --dry-run\na lake", 0),
        ("%%time\n%%liangxin\na lake", 1),
        ("%time lx.generate('a lake')", 1),
        ("import liangxin_nb as pics\njob = pics.generate('a lake').wait()", 1),
        ("from liangxin_nb import generate as g\ng('a lake', model='z-image', seed=3)", 1),
        ("lx.batch(['a', 'b'], models=['z-image', 'flux-2-pro'], seeds=[1, 2])", 8),
        ("lx.batch([{'prompt': 'a', 'seed': 1}], max_tasks=9)", 1),
    ],
)
def test_tasks_of_a_cell_are_counted(estimate, cell, tasks):
    assert row(estimate, cell)[:2] == (tasks, 0)


@pytest.mark.parametrize(
    ("cell", "remark"),
    [
        ("%%liangxin -n {count}\na lake", "its line contains a variable"),
        ("%%liangxin --seed $seed\na lake", "its line contains a variable"),
        ("for p in prompts:\n    lx.generate(p)", "it is not known how often it runs"),
        ("if x:\n    get_ipython().run_cell_magic('liangxin', '', 'a lake')", "how often it runs"),
        ("%timeit lx.generate('a lake')", "it is not known how often it runs"),
        ("lx.generate(prompt)", "its arguments are not known"),
        ("lx.batch(*prompts)", "its arguments are not known"),
        ("lx.generate('a', **options)", "its arguments are not known"),
        ("with lx.Session(profile='kie') as s:\n    s.generate('a')", "another session"),
        ("lx.default_session().generate('a')", "another session"),
        ("%liangxin again abc --new", "it sends an earlier request again"),
        ("job = %liangxin vary abc", "it sends an earlier request again"),
        ("%liangxin batch abc --retry", "it sends requests of an earlier batch"),
        ("lx.batch(id='abc')", "it sends requests of an earlier batch"),
        ("b.retry()", "it sends requests of an earlier batch"),
        ("%run other.ipynb", "it runs another file"),
        ("%liangxin batch --csv missing.csv", "'missing.csv' cannot be read"),
        ("%%liangxin z-imag\na lake", "'z-imag' is not a model"),
        ("%%liangxin --seed -1\na lake", "As it is now: "),
        ("x = (\n%%liangxin", "the cell is not valid Python"),
    ],
)
def test_what_only_a_run_can_tell_is_said_and_not_guessed(estimate, cell, remark):
    tasks, _, text = row(estimate, cell)
    assert tasks == "?"
    assert remark in text
    assert "Not counted: 1 call" in estimate(cell).text


@pytest.mark.parametrize(
    "cell",
    [
        "%liangxin panel",
        "%liangxin resume",
        "x = 1",
        "model.generate('a lake')",
        "%%writefile a.py\nlx.generate('a')",
        "# lx.generate('a')",
        "%%bash\nliangxin x",
    ],
)
def test_cell_that_creates_nothing_has_no_row(estimate, cell):
    assert estimate(cell).rows == []


@pytest.mark.parametrize(
    ("cell", "remark"),
    [
        ("%%liangxin --template\na {style} lake", "Its prompt depends on variables"),
        ("%%liangxin nano-banana-pro --image photo\na hat", "Its picture is a variable"),
    ],
)
def test_number_is_known_where_only_the_request_depends_on_a_variable(estimate, cell, remark):
    tasks, reused, text = row(estimate, REUSE, cell, cell)
    assert (tasks, reused) == (1, 0)
    assert remark in text


def test_saved_results_are_counted_as_reused(estimate, connect, server):
    session = connect()
    for seed in (None, None, 7):
        session.generate("a lake", seed=seed).wait(60)
    assert row(estimate, REUSE, "%%liangxin -n 3\na lake")[:2] == (1, 2)
    assert row(estimate, REUSE, "%%liangxin --seed 7\na lake")[:2] == (0, 1)
    assert row(estimate, REUSE, "%%liangxin --seed 8\na lake")[:2] == (1, 0)
    assert row(estimate, REUSE, "%%liangxin --no-reuse\na lake")[:2] == (1, 0)
    assert row(estimate, LAKE)[:2] == (1, 0)
    assert row(estimate, "%%liangxin --reuse\na lake")[:2] == (0, 1)
    assert "reuse is off" in estimate(LAKE).text
    assert server.count("createTask") == 3


def test_second_cell_with_the_same_request_takes_the_result_of_the_first(estimate):
    assert row(estimate, REUSE, LAKE, LAKE)[:2] == (0, 1)
    assert row(estimate, REUSE, LAKE, "%%liangxin -n 3\na lake")[:2] == (2, 1)


@pytest.mark.parametrize(
    ("cell", "allowed"),
    [
        ("%%liangxin batch --max-tasks 2\na\nb\nc", "--max-tasks"),
        ("lx.batch(['a', 'b', 'c'], max_tasks=2)", "max_tasks="),
    ],
)
def test_rejected_batch_creates_nothing_and_reused_results_do_not_count(
    estimate, connect, cell, allowed
):
    rejected = f"More than 2: rejected, unless {allowed} allows it."
    assert row(estimate, cell) == (0, 0, rejected)
    assert row(estimate, REUSE, cell, "%%liangxin\na")[:2] == (1, 0)
    connect().generate("a").wait(60)
    assert row(estimate, REUSE, cell) == (2, 1, "")


def test_running_and_unconfirmed_work_is_named(estimate, connect, server):
    session = connect()
    record = session.generate("a lake").wait(60) and session.ledger.list_jobs()[0]
    session.ledger.update(record, "test", status="submitted")
    assert row(estimate, REUSE, LAKE) == (0, 1, "1 task still running.")
    for status in ("pending", "submitting"):
        session.ledger.update(record, "test", status=status, task_id="")
        assert row(estimate, REUSE, LAKE)[:2] == (0, 1)
    session.ledger.update(record, "test", status="unconfirmed", task_id="")
    assert "its task may exist and may be billed" in row(estimate, REUSE, LAKE)[2]


def test_known_cost_is_added_up(estimate, connect):
    session = connect()
    session.generate("a hill").wait(60)
    session.ledger.update(session.ledger.list_jobs()[0], "cost", credits=2.5)
    text = estimate("%%liangxin -n 4\na lake", "%%liangxin seedream-v4-5\na lake").text
    assert "5 tasks would be created: 4 z-image, 1 seedream-v4-5." in text
    assert "About 10 credits" in text
    assert "The cost of seedream-v4-5 is not known" in text


def test_settings_in_the_notebook_apply_to_the_cells_below(estimate):
    cells = [LAKE, REUSE, LAKE, "%env LIANGXIN_REUSE=true", "%config LiangXin.reuse = False", LAKE]
    assert [(found[2], found[4]) for found in estimate(*cells).rows] == [(1, ""), (0, 1), (1, "")]
    assert "Cell 1: reuse='maybe' is not valid" in estimate("%config LiangXin.reuse='maybe'").text
    assert "the value of reuse is not known" in estimate("%config LiangXin.reuse = x").text


def test_hostile_notebook_is_bounded(estimate):
    deep = "(" * 9000 + ")" * 9000
    sources = [f"lx.generate({deep})", "lx" + ".a" * 9000 + ".generate('a')", "%time " * 900 + "1"]
    sources += ["-" * 9000 + "1", "%%liangxin batch -n 1000\n" + "a\n" * 9000]
    assert estimate(*sources).models.total() == 0
    sources = ["%x\n" * 9000, "!a\n" * 9000, "a?\n" * 9000, "x = %y\n" * 9000, "a\n" * 90_000]
    sources = [f"{source}# liangxin" for source in sources]
    assert [found[5] for found in estimate(*sources).rows] == [TOO_LONG] * len(sources)
    long = [f"'liangxin {'a' * 19_000}'"] * 60
    assert len(estimate(*long).rows) == 8, "all cells together are bounded"
    assert estimate("%x\n" * 9000).rows == []


@pytest.mark.slow
def test_command_prints_the_table_and_the_sum(tmp_path, capsys, monkeypatch):
    path = tmp_path / "n.ipynb"
    cells = [new_markdown_cell("# A lake"), new_code_cell(REUSE), new_code_cell(LAKE)]
    nbformat.write(new_notebook(cells=cells), path)
    assert cli.main(["run", str(path), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[1].split() == ["3", "a", "lake", "1", "z-image"]
    assert "n.ipynb: 1 task would be created: 1 z-image." in shown
    assert not (tmp_path / "liangxin-results").exists()
    assert cli.main(["run", str(path)]) == 2
    assert "To run the notebook: jupyter execute" in capsys.readouterr().err
    (tmp_path / "x.ipynb").write_text("{}")
    with pytest.raises(InvalidRequestError, match="is not a notebook"):
        estimate_notebook(tmp_path / "x.ipynb")
