"""Limits on the size of files and functions."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent / "liangxin_nb"


def test_files_and_functions_are_small():
    for path in ROOT.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 300, f"{path.name} has more than 300 lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                assert lines <= 40, f"{path.name}: {node.name} has {lines} lines"
