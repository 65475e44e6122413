"""The dependencies in pyproject.toml are those that the package imports."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

from .installing import CHECKOUT, lowest_version, read_dependencies

DEPENDENCIES = read_dependencies("lab", "team", "video")
#: Declared for their versions, or loaded by another library.
NOT_IMPORTED = {
    "h11",  # httpx and uvicorn parse messages with it
    "ipykernel",  # runs the notebook
    "jupyterlab",
    "matplotlib",  # a tutorial imports it
    "psycopg",  # SQLAlchemy imports it
    "python-multipart",  # starlette imports it
}


def imported_modules():
    """Return the names of all modules that the package imports, without the standard library."""
    names = set()
    for path in (CHECKOUT / "liangxin_nb").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module)
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"liangxin_nb"}


def distribution(module):
    """Return the normalized name of the distribution that contains a module."""
    (name, *_) = packages_distributions().get(module, [module])
    return re.sub(r"[-_.]+", "-", name).lower()


def test_imported_libraries_are_declared_and_declared_ones_are_imported():
    declared = {requirement.name for requirement in DEPENDENCIES}
    assert {distribution(module) for module in imported_modules()} == declared - NOT_IMPORTED


def test_each_dependency_has_a_lowest_version():
    assert all(lowest_version(requirement) for requirement in DEPENDENCIES)
