"""Test kernels: each is independent, and ends with its server."""

import os

import pytest

from .conftest import wait_until
from .kernels import KernelServer, execute

pytestmark = pytest.mark.slow


def test_kernel_has_the_environment_and_folder_of_its_test(tmp_path):
    cells = ["import os\nprint(os.environ['LIANGXIN_SPEED'], os.getcwd())"]
    (cell,) = execute(cells, tmp_path, {"LIANGXIN_SPEED": "3"}).cells
    assert cell.outputs[0].text == f"3 {tmp_path}\n"


def test_kernel_shares_no_state_with_an_earlier_one(tmp_path):
    execute(["import liangxin_nb\nliangxin_nb.mark = 1"], tmp_path)
    (cell,) = execute(["import liangxin_nb\nprint(hasattr(liangxin_nb, 'mark'))"], tmp_path).cells
    assert cell.outputs[0].text == "False\n"


def test_kernel_ends_with_its_server(tmp_path):
    server = KernelServer()
    connection = tmp_path / "connection.json"
    arguments = ["-f", str(connection)]
    env = dict(os.environ)
    pid = server.fork(arguments=arguments, env=env, folder=str(tmp_path), pace=(1, 2))
    wait_until(connection.exists)
    server.stop()
    wait_until(lambda: _has_ended(pid))


def _has_ended(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
