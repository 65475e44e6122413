"""Results that are saved in part, come late, or cannot be written."""

import asyncio
import errno
import json
import time
from dataclasses import dataclass, replace

import pytest

from liangxin_nb.core.task import TaskOutput
from liangxin_nb.engine import output_fetcher
from liangxin_nb.engine.ledger_writer import LedgerWriter
from liangxin_nb.engine.result_saver import save_result
from liangxin_nb.errors import APIConnectionError, APIError, ResultUnavailableError
from liangxin_nb.ledger import Ledger
from liangxin_nb.results import ResultStore, StagedResult

from .parts import PNG, Client, Limiter, Poller, build_lifecycle, submitted_record, task_record

pytestmark = pytest.mark.anyio
URLS = [f"https://files.example/{n}.png" for n in (1, 2, 3)]
FILM, FRAME = "https://files.example/film", "https://files.example/first-frame.png"
CUT_OFF_MP4 = b"\0\0\0\x10ftypisom\0\0\0\0\0\x20\0\0mdat" + bytes(1000)


@dataclass(frozen=True)
class SecondaryOutput(TaskOutput):
    is_secondary: bool = True


def not_found():
    error = ResultUnavailableError("The result's link has expired (HTTP 404).")
    error.retryable = True
    return error


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def results(tmp_path):
    return ResultStore(tmp_path / "results")


@pytest.fixture
def save(ledger, results):
    notes = []

    async def save(client, record, task, **options):
        return await save_result(
            client, record, task, **options,
            writer=LedgerWriter(ledger), results=results, limiter=Limiter(), on_wait=notes.append,
        )  # fmt: skip

    save.notes = notes
    return save


@pytest.fixture
def patience(monkeypatch):
    """Wait for late outputs as usual, but without pauses."""
    monkeypatch.setattr(output_fetcher, "PATIENCE_S", 180.0)
    monkeypatch.setattr(output_fetcher, "_PAUSES_S", (0.0,))


def dead(*urls, answer=not_found):
    return lambda url: answer() if url in urls else PNG


def downloads(client):
    return [url for method, url, *_ in client.calls if method == "download"]


# ---- partial results


@pytest.mark.parametrize("numbers", [(2,), (1,), (3,), (1, 2), (2, 3)], ids=str)
async def test_outputs_that_can_be_downloaded_are_saved_without_the_others(save, ledger, numbers):
    task = task_record("success", *URLS)
    client = Client(download=[dead(*(URLS[n - 1] for n in numbers))], get_task=[task])
    record = submitted_record(ledger)
    result = await save(client, record, task)
    saved = [n for n in (1, 2, 3) if n not in numbers]
    assert [path.name for path in result.paths] == [f"{n}.png" for n in saved]
    assert [output["number"] for output in result.missing] == list(numbers)
    metadata = json.loads((result.folder / "metadata.json").read_text())
    assert metadata["missing"][0]["reason"] == "The result's link has expired (HTTP 404)."
    found = ledger.find(record.id)
    assert found.status == "saved"
    assert found.reason.startswith(f"{len(saved)} of 3 outputs are saved; no. {numbers[0]}")
    assert f"{len(saved)} of 3 outputs" in repr(result)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<!DOCTYPE html><p>Just a moment",
        b'{"code": 404, "msg": "no such file"}',
        b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>",
        PNG[:50],
        CUT_OFF_MP4,
        APIConnectionError("The result's server answered HTTP 503."),
    ],
    ids=["empty", "html", "json", "xml", "cut off png", "cut off mp4", "503"],
)
async def test_answer_that_is_no_result_is_missing(save, ledger, answer):
    task = task_record("success", *URLS)
    client = Client(download=[dead(URLS[1], answer=lambda: answer)], get_task=[task])
    result = await save(client, submitted_record(ledger), task)
    assert [output["number"] for output in result.missing] == [2]


async def test_missing_outputs_are_tried_again_and_added_to_the_result(save, ledger, results):
    task, record = task_record("success", *URLS), submitted_record(ledger)
    first = await save(Client(download=[dead(URLS[1])], get_task=[task]), record, task)
    client = Client(download=[PNG])
    second = await save(client, ledger.find(record.id), task)
    assert downloads(client) == [URLS[1]]
    assert second.folder == first.folder
    assert [path.name for path in second.paths] == ["1.png", "2.png", "3.png"]
    assert sorted(p.name for p in second.folder.iterdir()) == [
        "1.png", "2.png", "3.png", "metadata.json",
    ]  # fmt: skip
    assert second.missing == ()
    assert results.load(ledger.find(record.id).folder) == second
    assert ledger.find(record.id).reason == ""


async def test_partial_result_remains_if_the_missing_outputs_are_still_dead(save, ledger):
    task, record = task_record("success", *URLS), submitted_record(ledger)
    client = Client(download=[dead(URLS[1])], get_task=[task])
    first = await save(client, record, task)
    again = await save(client, ledger.find(record.id), task)
    assert (again, ledger.find(record.id).status) == (first, "saved")
    assert list(first.folder.parent.parent.glob(".incoming*")) == []


@pytest.mark.parametrize("main", [URLS[:1], URLS[:2]], ids=len)
async def test_secondary_output_is_not_needed(save, ledger, main):
    outputs = (*map(TaskOutput.from_url, main), SecondaryOutput(FRAME, "image"))
    task = replace(task_record("success"), outputs=outputs)
    client = Client(download=[dead(FRAME)], get_task=[task])
    result = await save(client, submitted_record(ledger), task)
    assert (len(result.paths), result.missing) == (len(main), ())
    assert client.count("get_task") == 0


async def test_secondary_output_alone_is_no_result(save, ledger, results):
    outputs = (TaskOutput(FILM, "video"), SecondaryOutput(FRAME, "image"))
    task = replace(task_record("success"), outputs=outputs)
    client = Client(download=[dead(FILM)], get_task=[task])
    with pytest.raises(ResultUnavailableError):
        await save(client, submitted_record(ledger), task)
    assert list(results.root.iterdir()) == []


# ---- outputs that come late


@pytest.mark.parametrize("attempts", [2, 3, 5])
@pytest.mark.parametrize("early", [not_found, lambda: b"", lambda: PNG[:40]])
async def test_output_that_is_not_there_yet_is_waited_for(save, ledger, patience, attempts, early):
    task = task_record("success", URLS[0], completed_ms=int(time.time() * 1000))
    answers = [*([lambda _: early()] * attempts), PNG]
    client = Client(download=answers, get_task=[task])
    result = await save(client, submitted_record(ledger), task)
    assert result.missing == ()
    assert len(save.notes) == attempts - 1
    assert all("not there yet" in note for note in save.notes)


async def test_late_output_is_waited_for_within_the_patience_and_can_be_collected(
    save, ledger, patience
):
    task = task_record("success", URLS[0], completed_ms=int(time.time() * 1000))
    client = Client(download=[not_found()], get_task=[task])
    with pytest.raises(ResultUnavailableError, match="404") as raised:
        await save(client, submitted_record(ledger), task, patience=-1.0)
    assert raised.value.retryable
    assert (client.count("download"), save.notes) == (2, [])


async def test_answer_that_names_its_outputs_late_is_asked_again(save, ledger, patience):
    empty, full = task_record("success"), task_record("success", URLS[0])
    client = Client(download=[PNG], get_task=[empty, empty, full])
    result = await save(client, submitted_record(ledger), empty)
    assert len(result.paths) == 1
    assert client.count("get_task") == 3


@pytest.mark.parametrize(
    ("age", "clock", "expected"),
    [(10, 0, 170), (400, 0, 0), (10, 3600, 180), (10, -86400, 170), (400, -86400, 0)],
)
def test_patience_is_counted_from_the_end_of_the_task(monkeypatch, ledger, age, clock, expected):
    monkeypatch.setattr(output_fetcher, "PATIENCE_S", 180.0)
    now = time.time()
    record = submitted_record(ledger).replace(created_at=now - age)
    task = task_record("success", completed_ms=int((now - age + clock) * 1000))
    assert output_fetcher._remaining_patience(record, task) == pytest.approx(expected, abs=5)


async def test_link_that_is_dead_for_good_is_not_waited_for(save, ledger, patience):
    gone = ResultUnavailableError("The result's link has expired (HTTP 410).")
    task = task_record("success", URLS[0])
    client = Client(download=[gone], get_task=[task])
    with pytest.raises(ResultUnavailableError, match="410"):
        await save(client, submitted_record(ledger), task)
    assert (client.count("download"), save.notes) == (2, [])


async def test_poll_that_fails_does_not_make_a_result_lost(save, ledger):
    error = APIError("invalid token", status=401)
    client = Client(download=[not_found()], get_task=[error])
    with pytest.raises(APIError, match="invalid token"):
        await save(client, submitted_record(ledger), task_record("success", URLS[0]))


# ---- results that cannot be read or written


async def test_answer_without_readable_outputs_is_saved(save, ledger, results):
    raw = '{"code":200,"data":{"state":"success","resultJson":"?"}}'
    task = task_record("success", raw=raw)
    with pytest.raises(ResultUnavailableError, match=r"names no result.*result\.json") as raised:
        await save(Client(get_task=[task]), submitted_record(ledger), task)
    assert raised.value.retryable
    (path,) = results.root.glob("*/*/result.json")
    assert path.read_text() == raw
    full = task_record("success", URLS[0])
    result = await save(Client(download=[PNG]), ledger.find("task_1"), full)
    assert len(result.paths) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EDQUOT])
@pytest.mark.parametrize("method", ["download", "commit", "check", "stage"])
async def test_result_that_cannot_be_written_can_be_collected_later(
    ledger, results, monkeypatch, number, method
):
    error = OSError(number, "no space left")

    def fail(*_, **__):
        raise error

    client = Client(download=[PNG])
    with monkeypatch.context() as patch:
        if method == "download":
            client = Client(download=[error])
        elif method == "stage":
            patch.setattr(ResultStore, "stage", fail)
        else:
            patch.setattr(StagedResult, method, fail)
        record = submitted_record(ledger)
        done = task_record("success", URLS[0])
        lifecycle = build_lifecycle(ledger, client, poller=Poller(done))
        with pytest.raises(ResultUnavailableError, match="cannot be written") as raised:
            await lifecycle.collect(record, lambda _: None)
    assert "%liangxin resume task_1" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert ledger.find(record.id).status == "succeeded"
    assert list(results.root.iterdir()) == []
    lifecycle = build_lifecycle(ledger, Client(download=[PNG]), poller=Poller(done))
    await lifecycle.collect(ledger.find(record.id), lambda _: None)
    assert ledger.find(record.id).status == "saved"


async def test_missing_results_folder_is_reported(save, ledger, results):
    results.root.rmdir()
    with pytest.raises(ResultUnavailableError, match="cannot be written"):
        await save(
            Client(download=[PNG]), submitted_record(ledger), task_record("success", URLS[0])
        )
    await asyncio.sleep(0)
