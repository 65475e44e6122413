"""Each named mutation still applies, names a test that exists, and leaves Python that parses."""

import ast

from .checkout import ROOT, assert_copy_is_imported, copy_checkout
from .named import Mutation, occurrences, read_mutations, run_mutations

MUTATIONS = read_mutations()


def functions(path):
    """The names that follow `::` in the node ids of a test file."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.ClassDef):
            yield node.name
            yield from (f"{node.name}::{n.name}" for n in node.body if hasattr(n, "name"))


def test_each_name_stands_for_one_mutation():
    names = [one.name for one in MUTATIONS]
    assert sorted(set(names)) == sorted(names)


def test_each_mutation_applies():
    found = {one.name: occurrences(one) for one in MUTATIONS}
    assert {name: number for name, number in found.items() if number != 1} == {}


def test_each_mutation_changes_the_code_and_leaves_it_valid():
    for one in MUTATIONS:
        text = (ROOT / one.file).read_text(encoding="utf-8")
        mutated = text.replace(one.old, one.new)
        if one.file.endswith(".py"):
            assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(text)), one.name
        assert mutated != text, one.name


def test_each_mutation_names_tests_that_exist():
    missing = []
    for one in MUTATIONS:
        for test in one.tests:
            file, _, name = test.partition("::")
            path = ROOT / file
            if not path.is_file() or (name and name.split("[")[0] not in functions(path)):
                missing.append((one.name, test))
    assert missing == []


def test_python_in_any_folder_imports_the_copy(tmp_path):
    assert_copy_is_imported(copy_checkout(tmp_path / "copy"))


def test_a_mutation_without_its_text_is_not_applicable():
    one = Mutation("gone", "liangxin_nb/wire.py", "no such text", "", ("tests/test_wire.py",))
    (outcome,) = run_mutations([one])
    assert (outcome.good, outcome.verdict) == (False, "NOT APPLICABLE: found 0 times")
