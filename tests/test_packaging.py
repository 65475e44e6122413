"""The wheel contains exactly the required files and works from an empty folder."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from .installing import build_wheel, install
from .kernels import environment
from .matrix.checks import LOAD, PROMPT_CELL, pictures, write

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]
CHECKOUT = Path(__file__).parent.parent
PACKAGE = CHECKOUT / "liangxin_nb"
CONFIG = "etc/jupyter/jupyter_server_config.d/liangxin_nb.json"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel of this checkout."""
    return build_wheel(CHECKOUT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def content(wheel):
    """Return the names of the files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_wheel_contains_the_package_and_its_data(content):
    packaged = {n.removeprefix("liangxin_nb/") for n in content if n.startswith("liangxin_nb/")}
    sources = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.*")}
    assert packaged == {
        name for name in sources if name.endswith((".py", ".toml", ".css", ".typed"))
    }
    assert {
        "py.typed",
        "catalog/liangxin.toml",
        "catalog/kie.toml",
        "notebook/static/card.css",
    } <= packaged


def test_wheel_contains_only_package_and_configuration(content):
    others = {n.partition("/")[2] for n in content if not n.startswith("liangxin_nb/")}
    assert others == {
        f"data/{CONFIG}", "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip


def test_wheel_configures_the_server_extension(wheel, content):
    with zipfile.ZipFile(wheel) as archive:
        config = json.loads(archive.read(next(n for n in content if n.endswith(CONFIG))))
    assert config == {"ServerApp": {"jpserver_extensions": {"liangxin_nb.server": True}}}


def test_wheel_is_small(wheel):
    assert wheel.stat().st_size < 800_000


def test_installed_wheel_creates_a_picture_in_an_empty_folder(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    install(Path(sys.executable), "--no-deps", "--target", site, wheel)
    work.mkdir()
    write(work / "n.ipynb", LOAD, PROMPT_CELL, "import liangxin_nb; liangxin_nb.__file__")
    env = environment(tmp_path, PYTHONPATH=str(site), LIANGXIN_SPEED="20")
    command = [sys.executable, "-m", "jupyter", "execute", "--inplace", "n.ipynb"]
    subprocess.run(command, cwd=work, env=env, check=True, timeout=300, capture_output=True)
    assert len(pictures(work / "n.ipynb")) == 1
    cells = json.loads((work / "n.ipynb").read_text(encoding="utf-8"))["cells"]
    assert str(site) in "".join(cells[2]["outputs"][0]["data"]["text/plain"])
