"""Each named mutation applies, names an existing test and leaves valid Python."""

import ast
import shutil
from functools import cache
from pathlib import Path

import pytest

from . import modules, named
from .checkout import ROOT, assert_copy_is_imported, copy_checkout
from .named import Mutation, occurrences, read_mutations, run_mutations

MUTATIONS = read_mutations()


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def functions(path):
    """Return the names that may follow `::` in the node ids of a test file."""
    names = set()
    for node in parsed(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names.add(node.name)
            names |= {f"{node.name}::{inner.name}" for inner in node.body if hasattr(inner, "name")}
    return names


def test_names_of_mutations_are_unique():
    names = [mutation.name for mutation in MUTATIONS]
    assert sorted(set(names)) == sorted(names)


def test_each_mutation_applies():
    counts = {mutation.name: occurrences(mutation) for mutation in MUTATIONS}
    assert {name: count for name, count in counts.items() if count != 1} == {}


def test_each_equivalent_mutant_changes_an_existing_line():
    outdated = [
        (file, old)
        for file, old, _ in modules.read_equivalent()
        if old not in [line.strip() for line in (ROOT / file).read_text("utf-8").splitlines()]
    ]
    assert outdated == []


def test_each_mutation_changes_the_code_and_leaves_it_valid():
    for mutation in MUTATIONS:
        path = ROOT / mutation.file
        text = path.read_text(encoding="utf-8")
        mutated = text.replace(mutation.old, mutation.new)
        assert mutated != text, mutation.name
        if path.suffix == ".py":
            assert ast.unparse(ast.parse(mutated)) != ast.unparse(parsed(path)), mutation.name


def test_each_mutation_names_tests_that_exist():
    missing = []
    for mutation in MUTATIONS:
        for test in mutation.tests:
            file, _, name = test.partition("::")
            path = ROOT / file
            if not path.is_file() or (name and name.split("[")[0] not in functions(path)):
                missing.append((mutation.name, test))
    assert missing == []


def test_python_in_any_folder_imports_the_copy(tmp_path):
    assert_copy_is_imported(copy_checkout(tmp_path / "copy"))


def test_mutation_without_its_text_is_not_applicable():
    mutation = Mutation(
        "gone", "liangxin_nb/api/codec.py", "no such text", "", ("tests/api/test_codec.py",)
    )
    (outcome,) = run_mutations([mutation])
    assert (outcome.good, outcome.verdict) == (False, "NOT APPLICABLE: found 0 times")


# ---- the runner, on a checkout of one file and with simulated test runs


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that mutates `x = 1`; `outcomes`: test results by file content."""
    (tmp_path / "file.py").write_text("x = 1\n")
    texts = []

    def copy_checkout(target):
        target.mkdir(parents=True)
        return Path(shutil.copytree(tmp_path, target, dirs_exist_ok=True, ignore=ignore))

    def ignore(folder, names):
        return [name for name in names if name != "file.py"]

    def outcome(new, outcomes):
        def run_tests(copy, tests):
            assert list(tests) == ["test_file.py::test_x"]
            texts.append((copy / "file.py").read_text())
            return *outcomes[texts[-1]], 0.1

        monkeypatch.setattr(named, "copy_checkout", copy_checkout)
        monkeypatch.setattr(named, "assert_copy_is_imported", lambda copy: None)
        monkeypatch.setattr(named, "run_tests", run_tests)
        mutation = Mutation("one", "file.py", "1", new, ("test_file.py::test_x",))
        (result,) = run_mutations([mutation], processes=1, root=tmp_path)
        assert (tmp_path / "file.py").read_text() == "x = 1\n"
        return result

    return outcome


GREEN, RED = (0, ()), (1, ("test_file.py::test_x",))


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (RED, "red"),
        (GREEN, "SURVIVED"),
        ((None, ()), "HANGS"),
        ((4, ()), "BROKEN: pytest ended with 4"),
        ((2, RED[1]), "BROKEN: pytest ended with 2"),
    ],
)
def test_only_a_test_that_fails_detects_a_mutation(run, result, verdict):
    outcome = run("2", {"x = 1\n": GREEN, "x = 2\n": result})
    assert (outcome.verdict, outcome.good) == (verdict, verdict == "red")


def test_run_ends_if_a_test_fails_without_a_mutation(run):
    with pytest.raises(SystemExit, match="must pass without a mutation"):
        run("2", {"x = 1\n": RED, "x = 2\n": RED})


def test_failed_tests_are_parsed_from_the_output_of_pytest():
    output = "..\nFAILED tests/test_a.py::test_b[x y] - assert 1\nERROR tests/test_c.py\n1 failed"
    assert named.red_tests(output) == ("tests/test_a.py::test_b[x y]", "tests/test_c.py")
