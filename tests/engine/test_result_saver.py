"""Bringing a result home: its files, its story, and links that no longer work."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from liangxin_nb.core.task import TaskOutput
from liangxin_nb.engine.result_saver import ResultSaver
from liangxin_nb.errors import APIError, ResultUnavailableError
from liangxin_nb.ledger import Ledger
from liangxin_nb.results import ResultStore

from .parts import PNG, Budget, Client, record, submitted

pytestmark = pytest.mark.anyio
FIRST, SECOND = "https://files.example/1.png", "https://files.example/2.png"
DEAD = ResultUnavailableError("the link is dead")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def results(tmp_path):
    return ResultStore(tmp_path / "results")


@pytest.fixture
def budget():
    return Budget()


@pytest.fixture
def keeping(ledger, results, budget):
    return ResultSaver(ledger, results, budget)


def downloaded(client):
    return [url for kind, url, *_ in client.calls if kind == "download"]


def dead(*urls):
    """What the client answers to a download: a picture, or an error for these links."""
    return lambda url, _=None: DEAD if url in urls else PNG


# ---- what is kept


async def test_every_file_is_downloaded_and_saved_in_order(keeping, ledger, results):
    client, job_record = Client(download=[PNG]), submitted(ledger)
    result = await keeping.save(client, job_record, record("success", FIRST, SECOND))
    assert sorted(downloaded(client)) == [FIRST, SECOND]
    assert [path.name for path in result.paths] == ["1.png", "2.png"]
    assert all(path.is_relative_to(results.root) for path in result.paths)


async def test_ledger_has_the_folder_and_the_files(keeping, ledger, results):
    job_record = submitted(ledger)
    result = await keeping.save(Client(download=[PNG]), job_record, record("success", FIRST))
    found = ledger.find(job_record.id)
    assert (found.status, results.root / found.folder) == ("saved", result.folder)
    with ledger.read_only() as db:
        rows = db.exec_driver_sql("select job_id, name, bytes, sha256, width, height from files")
        (row,) = rows.fetchall()
    (file,) = result.metadata.files
    assert row == (job_record.id, "1.png", file["bytes"], file["sha256"], 8, 6)


async def test_story_tells_what_was_asked_and_what_it_cost(keeping, ledger):
    job_record = submitted(ledger)
    done = record("success", FIRST, credits=4.5, created_ms=1000, completed_ms=3500)
    metadata = (await keeping.save(Client(download=[PNG]), job_record, done)).metadata
    assert (metadata.prompt, metadata.model, metadata.options) == (
        "雨夜 {x}",
        "z-image",
        {"seed": 7},
    )
    assert (metadata.task_id, metadata.job_id, metadata.service) == (
        "task_1",
        job_record.id,
        "liangxin",
    )
    assert (metadata.credits, metadata.duration_s) == (4.5, 2.5)
    made = datetime.fromisoformat(metadata.created_at)
    assert made.tzinfo is not None
    assert len(metadata.created_at) == len("2026-11-21T17:45:00+00:00")


@pytest.mark.parametrize(("profile", "drawing"), [("sandbox", True), ("liangxin", False)])
async def test_only_a_picture_of_the_sandbox_is_a_drawing(keeping, ledger, profile, drawing):
    job_record = submitted(ledger, profile=profile)
    result = await keeping.save(Client(download=[PNG]), job_record, record("success", FIRST))
    assert result.metadata.is_sandbox is drawing


async def test_text_in_the_answer_is_saved_without_a_download(keeping, ledger):
    answer = record("success")
    answer = replace(answer, outputs=(TaskOutput("", "text", "雨\n\ntwo"),))
    client = Client()
    result = await keeping.save(client, submitted(ledger), answer)
    assert client.calls == []
    assert result.paths[0].read_bytes() == "雨\n\ntwo".encode()


async def test_text_is_written_as_utf_8_whatever_the_system_writes(keeping, ledger, monkeypatch):
    write = Path.write_text

    def write_text(self, text, encoding=None):
        return write(self, text, encoding or "ascii")

    monkeypatch.setattr(Path, "write_text", write_text)
    answer = replace(record("success"), outputs=(TaskOutput("", "text", "雨"),))
    result = await keeping.save(Client(), submitted(ledger), answer)
    assert result.paths[0].read_bytes() == "雨".encode()


async def test_result_that_is_on_disk_already_is_not_downloaded(keeping, ledger):
    job_record, answer = submitted(ledger), record("success", FIRST)
    first = await keeping.save(Client(download=[PNG]), job_record, answer)
    ledger.update(job_record, "as if it had never been kept", status="succeeded", folder="")
    client = Client()
    again = await keeping.save(client, job_record, answer)
    assert client.calls == []
    assert again.folder == first.folder
    assert ledger.find(job_record.id).status == "saved"


@pytest.mark.parametrize("last", [PNG, DEAD], ids=["saved", "result_lost"])
async def test_nothing_incomplete_is_left_in_the_folder(keeping, ledger, results, last):
    client = Client(download=[last], get_task=[record("success", FIRST)])
    try:
        await keeping.save(client, submitted(ledger), record("success", FIRST))
    except ResultUnavailableError:
        assert last is DEAD
    assert list(results.root.glob(".incoming-*")) == []


# ---- links that no longer work


async def test_after_a_dead_link_the_service_is_asked_for_a_fresh_one(keeping, ledger, budget):
    client = Client(download=[dead(FIRST)], get_task=[record("success", SECOND)])
    result = await keeping.save(client, submitted(ledger), record("success", FIRST))
    assert client.calls[1] == ("get_task", "task_1")
    assert downloaded(client) == [FIRST, SECOND]
    assert budget.steps == ["acquire_poll"]
    assert len(result.paths) == 1


async def test_story_is_of_the_answer_with_the_fresh_link(keeping, ledger):
    fresh = record("success", SECOND, credits=9.0)
    client = Client(download=[dead(FIRST)], get_task=[fresh])
    result = await keeping.save(client, submitted(ledger), record("success", FIRST))
    assert result.metadata.credits == 9.0


async def test_result_whose_fresh_link_is_dead_is_lost(keeping, ledger):
    client = Client(download=[DEAD], get_task=[record("success", FIRST)])
    with pytest.raises(ResultUnavailableError) as raised:
        await keeping.save(client, submitted(ledger), record("success", FIRST))
    assert raised.value is DEAD
    assert [kind for kind, *_ in client.calls] == ["download", "get_task", "download"]
    assert ledger.find("task_1").status == "submitted"


async def test_answer_without_a_result_is_lost(keeping, ledger):
    client = Client(get_task=[record("success")])
    with pytest.raises(
        ResultUnavailableError, match=r"^The task succeeded, but the answer names no result"
    ):
        await keeping.save(client, submitted(ledger), record("success"))
    assert client.count("get_task") == 1


async def test_kie_makes_a_new_link_of_each_dead_one(keeping, ledger, budget):
    old = record("success", FIRST, SECOND)
    client = Client(
        download=[dead(FIRST, SECOND)], get_task=[old], refresh_link=[lambda url: url + "?until=1"]
    )
    result = await keeping.save(client, submitted(ledger, profile="kie"), old)
    assert [one for kind, one, *_ in client.calls if kind == "refresh_link"] == [FIRST, SECOND]
    assert sorted(downloaded(client)[-2:]) == [FIRST + "?until=1", SECOND + "?until=1"]
    assert budget.steps == ["acquire_poll"] * 3
    assert len(result.paths) == 2


async def test_kie_makes_no_link_of_a_text(keeping, ledger):
    text = TaskOutput("", "text", "One")
    old = replace(record("success", FIRST), outputs=(text, TaskOutput.from_url(FIRST)))
    client = Client(download=[dead(FIRST)], get_task=[old], refresh_link=[SECOND])
    result = await keeping.save(client, submitted(ledger, profile="kie"), old)
    assert client.count("refresh_link") == 1
    assert [path.suffix for path in result.paths] == [".txt", ".png"]


async def test_where_kie_makes_no_link_the_result_is_lost(keeping, ledger):
    old, refusal = record("success", FIRST), APIError("no such file", status=422)
    client = Client(download=[DEAD], get_task=[old], refresh_link=[refusal])
    with pytest.raises(ResultUnavailableError) as raised:
        await keeping.save(client, submitted(ledger, profile="kie"), old)
    assert raised.value is DEAD
    assert client.count("download") == 2
