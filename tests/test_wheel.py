"""The wheel holds what it needs and nothing else, and works from an empty folder."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .matrix.checks import ASK, LOAD, pictures, write
from .matrix.environments import wheel

pytestmark = pytest.mark.slow
PACKAGE = Path(__file__).parent.parent / "liangxin_nb"
CONFIG = "etc/jupyter/jupyter_server_config.d/liangxin_nb.json"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_its_data_and_nothing_else(built):
    with zipfile.ZipFile(built) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        config = json.loads(archive.read(next(n for n in names if n.endswith(CONFIG))))
    own = {name.removeprefix("liangxin_nb/") for name in names if name.startswith("liangxin_nb/")}
    sources = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.*")}
    assert own == {name for name in sources if name.endswith((".py", ".toml", ".typed"))}
    assert {"py.typed", "catalog/liangxin.toml", "catalog/kie.toml"} <= own
    rest = {n.partition("/")[2] for n in names if not n.startswith("liangxin_nb/")}
    assert rest == {f"data/{CONFIG}", "METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
    assert config == {"ServerApp": {"jpserver_extensions": {"liangxin_nb.callbacks": True}}}
    assert built.stat().st_size < 600_000


def test_from_an_empty_folder_the_installed_wheel_makes_a_picture(built, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site]
    subprocess.run([*install, built], check=True)
    work.mkdir()
    write(work / "n.ipynb", LOAD, ASK, "import liangxin_nb; liangxin_nb.__file__")
    env = {**os.environ, "PYTHONPATH": str(site), "LIANGXIN_SPEED": "8"}
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", "n.ipynb"]
    subprocess.run(command, cwd=work, env=env, check=True, timeout=300, capture_output=True)
    assert len(pictures(work / "n.ipynb")) == 1
    cells = json.loads((work / "n.ipynb").read_text(encoding="utf-8"))["cells"]
    assert str(site) in "".join(cells[2]["outputs"][0]["data"]["text/plain"])
