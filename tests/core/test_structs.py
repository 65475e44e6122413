"""Structs may be converted by several threads from the first conversion on."""

import subprocess
import sys

import pytest

#: Import a module again and again, and use it at once in several threads.
USE_AT_ONCE = """
import importlib, sys, threading
sys.setswitchinterval(1e-6)
{setup}
for _ in range(100):
    barrier = threading.Barrier(8)
    for module in modules:
        importlib.reload(module)
    def run():
        barrier.wait()
        use()
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("no crash")
"""
METADATA = """
from liangxin_nb.core import metadata
modules = [metadata]
text = '{"prompt": "a lake", "files": [{"name": "1.png"}], "missing": [{"number": 2}]}'
use = lambda: metadata.ResultMetadata.from_json(text)
"""
ROWS = """
from liangxin_nb.ledger import rows
modules = [rows]
line = b'{"job": {"id": "0caa8c0d5f3f"}, "events": [{"at": 1.0, "event": "x"}], "files": []}'
def use():
    try:
        rows.parse_line(line, 2)
    except ValueError:
        pass
"""
CATALOG = """
import msgspec
from liangxin_nb.catalog import input_spec, model_spec
modules = [input_spec, model_spec]
values = {"id": "m", "title": "m", "inputs": {}}
use = lambda: msgspec.convert(values, model_spec.ModelSpec, strict=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("setup", [METADATA, ROWS, CATALOG], ids=["metadata", "rows", "catalog"])
def test_first_conversions_in_several_threads_do_not_end_the_process(setup):
    code = USE_AT_ONCE.format(setup=setup)
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, "no crash\n"), process.stderr
