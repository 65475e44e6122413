"""Cards of work that is not complete: what they show, their buttons, and what stays when saved."""

import sqlite3
from contextlib import closing

import pytest

from ..conftest import wait_until
from .axe import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
#: What is not there yet is not waited for; a disk is full while `full` is set.
LOAD = """\
%load_ext liangxin_nb
import errno, os
from liangxin_nb.engine import output_fetcher
from liangxin_nb.results import ResultStore
output_fetcher.PATIENCE_S, stage, full = 0.0, ResultStore.stage, False
def stage_or_fail(*args):
    if full: raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return stage(*args)
ResultStore.stage = stage_or_fail"""
CELLS = {
    "load": LOAD,
    "partly saved": "%%liangxin flux-image-3 -o max_images=3\nThree lighthouses in a storm",
    "result lost": "%%liangxin\nA garden in spring",
    "unconfirmed": "%%liangxin\nA cafe terrace at night, rain on the stones",
    "not fetched": "%%liangxin\nA harbour in the morning",
    "late": "%%liangxin\nA city in the snow",
    "busy": "%%liangxin\nA cat on a table",
    "gallery": "%liangxin gallery",
    "doctor": "%liangxin doctor",
    "resume": "%liangxin resume",
}
CELL = {name: number for number, name in enumerate(CELLS)}


def run(page, name):
    page.run_and_wait(CELL[name])
    return CELL[name]


def test_x(notebook, lab, service):
    service._state.any_model = True
    page = notebook(list(CELLS.values()))
    page.run_and_wait(0)
    if True:
        service.faults.replace(["file-dead:2"])
        cell = run(page, "partly saved")
        page.wait_text(cell, "Partly saved")
        page.screenshot("i14-partly", cell)
        service.faults.replace(["file-404"])
        cell = run(page, "result lost")
        page.wait_text(cell, "Result lost")
        page.screenshot("i14-lost", cell)
        service.faults.replace(["create-lost"])
        cell = run(page, "unconfirmed")
        page.wait_text(cell, "Unconfirmed")
        page.click(cell, "Again")
        page.screenshot("i14-unconfirmed", cell)
        service.faults.replace([])
        page.call("edit", 0, "full = True")
        page.run_and_wait(0)
        cell = run(page, "not fetched")
        page.wait_text(cell, "not fetched")
        page.screenshot("i14-not-fetched", cell)
        page.call("edit", 0, "full = False; output_fetcher.PATIENCE_S = 180.0")
        page.run_and_wait(0)
        service.faults.replace(["file-late:100"])
        cell = run(page, "late")
        page.wait_text(cell, "Waiting for the file")
        page.screenshot("i14-late", cell)
        service.faults.replace([])
        wait_until(lambda: page.images(CELL["late"]))
        service.faults.replace(["create-slow:2"])
        before = service.created
        cell = run(page, "busy")
        wait_until(lambda: service.created > before)
        with closing(sqlite3.connect(lab.results / "ledger.sqlite")) as db:
            db.execute("begin immediate")
            page.wait_text(cell, "The ledger is busy")
            page.screenshot("i14-busy", cell)
        wait_until(lambda: page.images(CELL["busy"]))
        run(page, "doctor")
        page.screenshot("i14-doctor", CELL["doctor"])
        run(page, "resume")
        page.screenshot("i14-resume", CELL["resume"])
        run(page, "gallery")
        page.wait_text(CELL["gallery"], "Partly")
        page.screenshot("i14-gallery", CELL["gallery"])
    page.save()
    page.shut()
    again = notebook(page.path, kernel=False)
    again.page.set_viewport_size({"width": 1280, "height": 3600})
    again.page.wait_for_timeout(1500)
    again.screenshot("i14-reopened")
