"""Saving a result: its files, its metadata, and links that have expired."""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from liangxin_nb.core.task import TaskOutput
from liangxin_nb.engine.ledger_writer import LedgerWriter
from liangxin_nb.engine.result_saver import save_result
from liangxin_nb.errors import APIError, ResultUnavailableError
from liangxin_nb.results import ResultStore

from .parts import PNG, Client, Limiter, submitted_record, task_record

pytestmark = pytest.mark.anyio
FIRST, SECOND = "https://files.example/1.png", "https://files.example/2.png"
EXPIRED = ResultUnavailableError("the link has expired")


@pytest.fixture
def results(tmp_path):
    return ResultStore(tmp_path / "results")


@pytest.fixture
def limiter():
    return Limiter()


@pytest.fixture
def save(ledger, results, limiter):
    return partial(save_result, writer=LedgerWriter(ledger), results=results, limiter=limiter)


def downloaded_urls(client):
    return [url for method, url, *_ in client.calls if method == "download"]


def expire(*urls):
    """A download answer: an error for these links, a picture for all others."""
    return lambda url, _=None: EXPIRED if url in urls else PNG


# ---- files and metadata


async def test_every_file_is_downloaded_and_saved_in_order(save, ledger, results):
    client, job_record = Client(download=[PNG]), submitted_record(ledger)
    result = await save(client, job_record, task_record("success", FIRST, SECOND))
    assert sorted(downloaded_urls(client)) == [FIRST, SECOND]
    assert [path.name for path in result.paths] == ["1.png", "2.png"]
    assert all(path.is_relative_to(results.root) for path in result.paths)


async def test_ledger_has_the_folder_and_the_files(save, ledger, results):
    job_record = submitted_record(ledger)
    result = await save(Client(download=[PNG]), job_record, task_record("success", FIRST))
    found = ledger.find(job_record.id)
    assert (found.status, results.root / found.folder) == ("saved", result.folder)
    with ledger.read_only() as db:
        rows = db.exec_driver_sql("select job_id, name, bytes, sha256, width, height from files")
        (row,) = rows.fetchall()
    (file,) = result.metadata.files
    assert row == (job_record.id, "1.png", file["bytes"], file["sha256"], 8, 6)


async def test_metadata_has_the_request_and_the_cost(save, ledger):
    job_record = submitted_record(ledger)
    done = task_record("success", FIRST, credits=4.5, created_ms=1000, completed_ms=3500)
    metadata = (await save(Client(download=[PNG]), job_record, done)).metadata
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
    created = datetime.fromisoformat(metadata.created_at)
    assert created.tzinfo is not None
    assert len(metadata.created_at) == len("2026-11-21T17:45:00+00:00")


@pytest.mark.parametrize(("profile", "is_sandbox"), [("sandbox", True), ("liangxin", False)])
async def test_metadata_says_whether_the_picture_is_from_the_sandbox(
    save, ledger, profile, is_sandbox
):
    job_record = submitted_record(ledger, profile=profile)
    result = await save(Client(download=[PNG]), job_record, task_record("success", FIRST))
    assert result.metadata.is_sandbox is is_sandbox


async def test_text_output_is_saved_without_a_download(save, ledger):
    answer = task_record("success")
    answer = replace(answer, outputs=(TaskOutput("", "text", "雨\n\ntwo"),))
    client = Client()
    result = await save(client, submitted_record(ledger), answer)
    assert client.calls == []
    assert result.paths[0].read_bytes() == "雨\n\ntwo".encode()


async def test_text_is_written_as_utf_8_on_every_system(save, ledger, monkeypatch):
    write = Path.write_text

    def write_text(self, text, encoding=None):
        return write(self, text, encoding or "ascii")

    monkeypatch.setattr(Path, "write_text", write_text)
    answer = replace(task_record("success"), outputs=(TaskOutput("", "text", "雨"),))
    result = await save(Client(), submitted_record(ledger), answer)
    assert result.paths[0].read_bytes() == "雨".encode()


async def test_result_on_disk_is_not_downloaded_again(save, ledger):
    job_record, answer = submitted_record(ledger), task_record("success", FIRST)
    first = await save(Client(download=[PNG]), job_record, answer)
    ledger.update(job_record, "as if it was not saved", status="succeeded", folder="")
    client = Client()
    again = await save(client, job_record, answer)
    assert client.calls == []
    assert again.folder == first.folder
    assert ledger.find(job_record.id).status == "saved"


@pytest.mark.parametrize("last", [PNG, EXPIRED], ids=["saved", "result_lost"])
async def test_no_incomplete_files_remain_in_the_folder(save, ledger, results, last):
    client = Client(download=[last], get_task=[task_record("success", FIRST)])
    try:
        await save(client, submitted_record(ledger), task_record("success", FIRST))
    except ResultUnavailableError:
        assert last is EXPIRED
    assert list(results.root.glob(".incoming-*")) == []


# ---- expired links


async def test_expired_link_is_replaced_by_the_one_in_a_new_answer(save, ledger, limiter):
    client = Client(download=[expire(FIRST)], get_task=[task_record("success", SECOND)])
    result = await save(client, submitted_record(ledger), task_record("success", FIRST))
    assert client.calls[1] == ("get_task", "task_1")
    assert downloaded_urls(client) == [FIRST, SECOND]
    assert limiter.calls == ["acquire_poll"]
    assert len(result.paths) == 1


async def test_next_attempt_starts_after_all_downloads_have_ended(save, ledger):
    """They write to the same files."""
    events = []

    async def download_slowly():
        for _ in range(5):
            await asyncio.sleep(0)
        events.append("downloaded")
        return PNG

    answers = [EXPIRED, lambda *_: download_slowly(), PNG]
    answer = task_record("success", FIRST, SECOND)
    client = Client(download=answers, get_task=[lambda _: events.append("polled") or answer])
    await save(client, submitted_record(ledger), answer)
    assert events == ["downloaded", "polled"]


async def test_metadata_is_from_the_answer_with_the_working_link(save, ledger):
    fresh = task_record("success", SECOND, credits=9.0)
    client = Client(download=[expire(FIRST)], get_task=[fresh])
    result = await save(client, submitted_record(ledger), task_record("success", FIRST))
    assert result.metadata.credits == 9.0


async def test_second_expired_link_raises(save, ledger):
    client = Client(download=[EXPIRED], get_task=[task_record("success", FIRST)])
    with pytest.raises(ResultUnavailableError) as raised:
        await save(client, submitted_record(ledger), task_record("success", FIRST))
    assert raised.value is EXPIRED
    assert [method for method, *_ in client.calls] == ["download", "get_task", "download"]
    assert ledger.find("task_1").status == "submitted"


async def test_answer_without_outputs_raises(save, ledger):
    client = Client(get_task=[task_record("success")])
    with pytest.raises(
        ResultUnavailableError, match=r"^The task succeeded, but the answer names no result"
    ):
        await save(client, submitted_record(ledger), task_record("success"))
    assert client.count("get_task") == 1


async def test_kie_refreshes_each_expired_link(save, ledger, limiter):
    old = task_record("success", FIRST, SECOND)
    client = Client(
        download=[expire(FIRST, SECOND)],
        get_task=[old],
        refresh_link=[lambda url: url + "?until=1"],
    )
    result = await save(client, submitted_record(ledger, profile="kie"), old)
    assert [url for method, url, *_ in client.calls if method == "refresh_link"] == [FIRST, SECOND]
    assert sorted(downloaded_urls(client)[-2:]) == [FIRST + "?until=1", SECOND + "?until=1"]
    assert limiter.calls == ["acquire_poll"] * 3
    assert len(result.paths) == 2


async def test_text_output_needs_no_link(save, ledger):
    text = TaskOutput("", "text", "One")
    old = replace(task_record("success", FIRST), outputs=(text, TaskOutput.from_url(FIRST)))
    client = Client(download=[expire(FIRST)], get_task=[old], refresh_link=[SECOND])
    result = await save(client, submitted_record(ledger, profile="kie"), old)
    assert client.count("refresh_link") == 1
    assert [path.suffix for path in result.paths] == [".txt", ".png"]


async def test_error_of_the_download_is_raised_if_kie_refreshes_no_link(save, ledger):
    old, error = task_record("success", FIRST), APIError("no such file", status=422)
    client = Client(download=[EXPIRED], get_task=[old], refresh_link=[error])
    with pytest.raises(ResultUnavailableError) as raised:
        await save(client, submitted_record(ledger, profile="kie"), old)
    assert raised.value is EXPIRED
    assert client.count("download") == 2
