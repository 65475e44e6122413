"""No output of a kernel contains the key: tracebacks, lists of variables, debug logs, reports."""

import json

import nbformat
import pytest

from .. import scan
from ..kernels import execute

LOOK = """
import copy, faulthandler, gc, inspect, logging, sys, tempfile, warnings
from liangxin_nb.session.default import get_session
session = get_session()
settings = session.settings
key = settings.key
for value in (session, settings, key, job):
    print(repr(value), dir(value), inspect.getmembers(value), getattr(value, "__dict__", ""))
    for function in (copy.copy, copy.deepcopy):
        try:
            print(function(value))
        except Exception as error:
            print(error)
with tempfile.TemporaryFile("w+") as file:
    faulthandler.dump_traceback(file)
    file.seek(0)
    print(file.read())
warnings.warn(f"{settings!r} {session}", stacklevel=1)
print(globals())
"""
CELLS = [
    "import logging, sys\nlogging.basicConfig(level=0, stream=sys.stdout, force=True)",
    "%load_ext liangxin_nb",
    "%xmode Verbose",
    "%%liangxin --wait\na lake",
    "%tb",
    "import liangxin_nb as lx\njob = lx.generate('a lake')\njob.wait()",
    "%tb",
    "%xmode Context",
    "job.wait()",
    LOOK,
    "%whos",
    "%who_ls",
    "%store key",
    "%store settings",
    "%store job",
    "key?",
    "settings?",
    "%history",
    "%liangxin config",
    "%liangxin doctor",
    "%liangxin tasks",
    "%liangxin credits",
]


@pytest.mark.slow
def test_key_is_in_no_output_of_a_kernel(server, tmp_path):
    def repeat(_):
        return 401, json.dumps({"code": 401, "msg": f"invalid: {scan.KEY}"}).encode()

    server.hooks["createTask"] = server.hooks["credit"] = repeat
    variables = {"LIANGXIN_BASE_URL": server.url, "LIANGXIN_API_KEY": scan.KEY}
    notebook = execute(CELLS, tmp_path, variables, allow_errors=True)
    text = nbformat.writes(notebook)
    assert "invalid: ••••••" in text
    assert "Illegal" not in text
    assert scan.MARK not in text
