"""Notebooks with the outputs of jobs, as a page saves them."""

import shutil
from contextlib import closing

import pytest

from liangxin_nb import Session
from liangxin_nb.ledger import Ledger
from liangxin_nb.notebook_files.registry import register

from ..conftest import FAST_PACE

VIEW = "application/vnd.jupyter.widget-view+json"


def card(record, *, task_id=None, text="<Job z-image sending>"):
    """The output of a card, of which the page has not received the end."""
    ids = {"job_id": record.id, "task_id": record.task_id if task_id is None else task_id}
    return display({"text/plain": text, VIEW: {"model_id": "0" * 32}}, liangxin=ids)


def display(data, **metadata):
    """An output of a cell."""
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def notebook(*outputs):
    """The content of a notebook with one cell for each group of outputs."""
    cells = [
        {"cell_type": "code", "execution_count": 1, "id": f"c{n}", "metadata": {},
         "outputs": group if isinstance(group, list) else [group], "source": "..."}
        for n, group in enumerate(outputs)
    ]  # fmt: skip
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def outputs_of(content):
    """All outputs of a notebook."""
    return [output for cell in content["cells"] for output in cell["outputs"]]


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    """Registrations of this test only."""
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


@pytest.fixture(scope="package")
def saved_work(sandbox, tmp_path_factory):
    """A results folder with two saved jobs and a batch of three that reuses them; their records."""
    root = tmp_path_factory.mktemp("saved")
    options = {"base_url": sandbox.url, "key": sandbox.key, "schedule": FAST_PACE}
    with Session(results=root, **options) as session:
        jobs = [session.generate(prompt, model="z-image") for prompt in ("a cafe", "a boat")]
        for job in jobs:
            job.wait()
        records = [session.ledger.find(job.record.id) for job in jobs]
        batch = session.batch(["a cafe", "a boat", "a tree"], models=["z-image"], reuse=True)
        batch.wait()
    with closing(Ledger(root / "ledger.sqlite")):  # its last connection ends the log
        pass
    return root, records, batch.id, [outcome.task_id for outcome in batch]


@pytest.fixture
def results(saved_work, tmp_path):
    """A registered results folder with two saved jobs."""
    root = shutil.copytree(saved_work[0], tmp_path / "results")
    register(str(root / "ledger.sqlite"), root)
    return root


@pytest.fixture
def ledger(results):
    """The ledger of the results folder, in use."""
    with closing(Ledger(results / "ledger.sqlite")) as ledger:
        yield ledger


@pytest.fixture
def saved(saved_work, results):
    """The record of a saved job."""
    return saved_work[1][0]


@pytest.fixture
def second(saved_work, results):
    """The record of another saved job."""
    return saved_work[1][1]


@pytest.fixture
def batch(saved_work, results):
    """The id of a batch, and the ids of its three tasks."""
    return saved_work[2:]
