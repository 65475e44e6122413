"""Importing and loading the package starts no thread, writes no file and imports little."""

import subprocess
import sys

HEAVY = (
    "httpx",
    "sqlalchemy",
    "PIL",
    "ipywidgets",
    "starlette",
    "uvicorn",
    "stamina",
    "tornado",
    "jupyter_server",
    "jupyter_core",
)


def run(code, cwd):
    """Return the lines that a new Python process prints."""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd
    )
    return process.stdout.strip().splitlines()


def test_loading_the_extension_imports_no_heavy_library_and_starts_no_thread(tmp_path):
    code = f"""
import sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
threads = threading.active_count()
before = set(sys.modules)
import liangxin_nb
shell.run_line_magic("load_ext", "liangxin_nb")
print(sorted(set({HEAVY!r}) & set(sys.modules) - before))
print(threading.active_count() - threads)
"""
    greeting, imported, threads = run(code, tmp_path)
    assert greeting.startswith("liangxin_nb: sandbox")
    assert (imported, threads) == ("[]", "0")
    assert list(tmp_path.iterdir()) == []


def test_session_imports_no_library_for_connections_before_its_first_request(tmp_path):
    code = """
import sys
import liangxin_nb as lx
lx.Session(profile="kie", key="0a1b2c3d4e5f")
print(sorted({"httpcore", "h11", "anyio", "socksio", "truststore"} & set(sys.modules)))
"""
    assert run(code, tmp_path) == ["[]"]


def test_dir_lists_the_public_names_and_each_has_a_docstring(tmp_path):
    code = """
import liangxin_nb as lx
print(all(getattr(lx, name).__doc__ for name in lx.__all__), dir(lx) == sorted(lx.__all__))
import liangxin_nb.session, liangxin_nb.notebook.widgets, liangxin_nb.notebook.magics
print([n for n in lx.__all__ if type(getattr(lx, n)).__name__ == "module"])
"""
    assert run(code, tmp_path) == ["True True", "[]"]
