"""Importing and loading do no work: no engine, no thread, no file, no connection."""

import subprocess
import sys

HEAVY = (
    "httpx",
    "sqlalchemy",
    "PIL",
    "ipywidgets",
    "starlette",
    "uvicorn",
    "msgspec",
    "stamina",
    "tornado",
    "jupyter_server",
    "jupyter_core",
)


def run(code, cwd):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd
    )
    return done.stdout.strip().splitlines()


def test_import_and_load_ext_are_light(tmp_path):
    code = f"""
import sys, threading
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
threads = threading.active_count()
before = set(sys.modules)
import liangxin_nb
shell.run_line_magic("load_ext", "liangxin_nb")
print(sorted(set(sys.modules) - before & set({HEAVY!r})) and
      sorted(name for name in {HEAVY!r} if name in sys.modules and name not in before))
print(threading.active_count() - threads)
"""
    said = run(code, tmp_path)
    assert said[0].startswith("liangxin_nb: sandbox")
    assert said[1:] == ["[]", "0"]
    assert [path.name for path in tmp_path.iterdir()] == []


def test_every_public_name_is_there_and_none_is_missing(tmp_path):
    code = """
import liangxin_nb as lx
print(all(getattr(lx, name).__doc__ for name in lx.__all__), dir(lx) == sorted(lx.__all__))
import liangxin_nb.session, liangxin_nb.panels, liangxin_nb.magics
print([n for n in lx.__all__ if type(getattr(lx, n)).__name__ == "module"])
"""
    assert run(code, tmp_path) == ["True True", "[]"]
