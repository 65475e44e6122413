"""The save hook: what becomes of each output, and that a save never fails or waits long."""

import copy
import json
import logging
import os
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from liangxin_nb.engine.ownership import Lease
from liangxin_nb.notebook_files import job_lookup
from liangxin_nb.notebook_files.registry import register
from liangxin_nb.server.save_hook import SaveHook, warm_up

from ..conftest import wait_until
from .conftest import VIEW, card, display, notebook, outputs_of


@pytest.fixture
def hook():
    """A hook that waits as long as it takes."""
    return SaveHook(logging.getLogger("server"), deadline_s=60)


@pytest.fixture
def lease(results):
    """The lease of a running session."""
    lease = Lease(results / ".owners")
    yield lease
    lease.release()


def save(hook, content):
    """Return the notebook as the server saves it."""
    content = copy.deepcopy(content)
    hook(model={"type": "notebook", "content": content}, path="n.ipynb", contents_manager=None)
    return content


def healed(hook, *outputs):
    return outputs_of(save(hook, notebook(*outputs)))


def has_picture(output):
    data = output["data"]
    return VIEW not in data and ("image/jpeg" in data or "data:image/jpeg" in data["text/html"])


def test_card_of_an_ended_job_becomes_its_picture(hook, saved):
    (output,) = healed(hook, card(saved))
    assert has_picture(output)
    assert output["metadata"]["liangxin"] == {
        "job_id": saved.id, "task_id": saved.task_id, "status": "saved",
    }  # fmt: skip


def test_card_that_was_saved_before_the_answer_becomes_its_picture(hook, saved):
    (output,) = healed(hook, card(saved, task_id=""))
    assert has_picture(output)


def test_line_of_text_becomes_its_picture(hook, saved):
    line = card(saved)
    del line["data"][VIEW]
    assert has_picture(*healed(hook, line))


def test_result_of_an_expression_keeps_its_number(hook, saved):
    output = card(saved) | {"output_type": "execute_result", "execution_count": 7}
    (new,) = healed(hook, output)
    assert (new["output_type"], new["execution_count"], has_picture(new)) == (
        "execute_result", 7, True,
    )  # fmt: skip


def test_copies_of_a_cell_become_the_picture(hook, saved):
    assert all(map(has_picture, healed(hook, card(saved), card(saved))))


@pytest.mark.parametrize(
    "beside",
    [
        display({"text/plain": "", "text/html": ""}),
        display({"text/plain": [""], "text/html": []}),
        display({"text/plain": "", VIEW: {"model_id": "1" * 32}}),
        display({"text/plain": "Interrupted."}, liangxin={"interrupted": True}),
        display({"text/plain": "", "text/html": ""}, liangxin={"buttons": True, "task_ids": ["t"]}),
    ],
    ids=["empty", "empty lines", "buttons", "interrupt", "marked"],
)
def test_output_for_buttons_is_removed(hook, saved, beside):
    assert len(healed(hook, [card(saved), beside])) == 1


@pytest.mark.parametrize(
    "other",
    [
        display({"text/plain": "hello"}),
        display({"text/plain": "IntSlider()", VIEW: {"model_id": "1" * 32}}),
        display({"image/png": "", "text/plain": ""}),
        {"output_type": "stream", "name": "stdout", "text": ""},
    ],
    ids=["text", "widget", "picture", "stream"],
)
def test_other_outputs_of_the_cell_are_left_as_they_are(hook, saved, other):
    assert healed(hook, [card(saved), other])[1] == other


@pytest.mark.parametrize("empty", [{"text/html": ""}, {VIEW: {"model_id": "1" * 32}}])
@pytest.mark.parametrize("is_marked", [True, False])
def test_empty_output_of_others_stays(hook, saved, empty, is_marked):
    """Buttons carry a mark; only earlier versions, whose outputs have no status, have none."""
    other = display({"text/plain": "", **empty})
    marked = display({"text/plain": "", "text/html": ""}, liangxin={"buttons": True})
    above = card(saved)
    if not is_marked:
        above["metadata"]["liangxin"]["status"] = "detached"
    outputs = healed(hook, [above, *([marked] if is_marked else []), other])
    assert (len(outputs), outputs[1]) == (2, other)


def test_saving_again_changes_nothing(hook, saved):
    once = save(hook, notebook(card(saved)))
    assert save(hook, once) == once


def test_old_output_of_an_open_page_is_replaced_again(hook, saved, monkeypatch):
    once = save(hook, notebook(card(saved)))
    monkeypatch.setattr(job_lookup, "look_up", None)  # the hook remembers it
    assert save(hook, notebook(card(saved))) == once


def test_notebook_of_durable_outputs_reads_no_ledger(hook, saved, monkeypatch):
    once = save(hook, notebook(card(saved)))
    monkeypatch.setattr(threading, "Thread", None)
    assert save(SaveHook(None), once) == once


def test_metadata_of_others_stays(hook, saved):
    output = card(saved)
    output["metadata"]["tags"] = ["mine"]
    assert healed(hook, output)[0]["metadata"]["tags"] == ["mine"]


@pytest.mark.parametrize("status", ["failed", "rejected", "unconfirmed", "result_lost"])
def test_card_of_a_job_without_result_becomes_its_reason(hook, saved, ledger, status):
    ledger.update(saved, status, status=status, reason="the reason <b>")
    (output,) = healed(hook, card(saved))
    assert VIEW not in output["data"]
    assert "the reason &lt;b&gt;" in output["data"]["text/html"]
    assert output["metadata"]["liangxin"]["status"] == status


def test_block_of_an_earlier_state_becomes_the_picture(hook, saved):
    block = display({"text/plain": "Detached", "text/html": "<b>Detached</b>"})
    ids = {"job_id": saved.id, "task_id": saved.task_id, "status": "detached"}
    assert has_picture(*healed(hook, block | {"metadata": {"liangxin": ids}}))


@pytest.mark.parametrize("state", ["waiting", "generating", "a new state <b>"])
def test_running_job_keeps_its_card_beside_a_static_line(hook, saved, ledger, lease, state):
    ledger.update(saved, "submitted", status="submitted", state=state, owner=lease.id)
    (output,) = healed(hook, card(saved))
    assert output["data"][VIEW] == card(saved)["data"][VIEW]
    assert f"%liangxin resume {saved.task_id}" in output["data"]["text/plain"]
    assert "<b>" not in output["data"]["text/html"].partition("</b>")[2]


def test_job_whose_kernel_has_ended_keeps_no_dead_card(hook, saved, ledger):
    ledger.update(saved, "submitted", status="submitted", owner="1-gone")
    (output,) = healed(hook, card(saved))
    assert VIEW not in output["data"]
    assert f"%liangxin resume {saved.task_id}" in output["data"]["text/html"]
    assert output["metadata"]["liangxin"]["status"] == "detached"


def test_lock_file_that_nobody_holds_is_no_sign_of_a_kernel(hook, saved, results, ledger):
    """After a crash it stays, and another process may have the number of the ended one."""
    owner = f"{os.getpid()}-aaaaaaaa"
    (results / ".owners").mkdir(exist_ok=True)
    (results / ".owners" / f"{owner}.lock").touch()
    ledger.update(saved, "submitted", status="submitted", owner=owner)
    (output,) = healed(hook, card(saved))
    assert VIEW not in output["data"]


def test_kernel_of_another_container_keeps_its_card(hook, saved, results, ledger, lease):
    """Its process has a number that is not known here, but its lock is held."""
    owners, owner = results / ".owners", "4194304-aaaaaaaa"
    (owners / f"{lease.id}.lock").rename(owners / f"{owner}.lock")
    ledger.update(saved, "x", status="submitting", task_id="", owner=owner)
    (output,) = healed(hook, card(saved, task_id=""))
    assert VIEW in output["data"]
    assert output["metadata"]["liangxin"]["status"] != "unconfirmed"


def test_request_whose_kernel_has_ended_is_unconfirmed(hook, saved, ledger):
    ledger.update(saved, "x", status="submitting", task_id="", owner="")
    (output,) = healed(hook, card(saved, task_id=""))
    assert output["metadata"]["liangxin"]["status"] == "unconfirmed"
    assert ledger.find(saved.id).status == "submitting"


def test_task_that_was_collected_under_another_job_becomes_its_picture(hook, saved):
    assert has_picture(*healed(hook, card(saved.replace(id="ffffffffffff"))))


@pytest.mark.parametrize(
    "ids",
    [
        {"task_id": "task_of_another"},
        {"task_id": 7},
        {"job_id": "ffffffffffff", "task_id": ""},
        {"job_id": ["x"]},
        {"job_id": "x" * 300},
        {"job_id": "a\nb"},
        {"task_id": {"x": []}},
    ],
    ids=range(7),
)
def test_output_with_other_ids_is_left_as_it_is(hook, saved, ids):
    output = card(saved)
    output["metadata"]["liangxin"] |= ids
    assert healed(hook, copy.deepcopy(output)) == [output]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"worksheets": [{"cells": []}], "nbformat": 3},
        {"cells": {}},
        {"cells": [None, 3, {"outputs": None}, {"outputs": [None, {"data": 3, "metadata": []}]}]},
        {"cells": [{"outputs": [{"data": {}, "metadata": {"liangxin": {"batch": "b"}}}]}]},
    ],
    ids=range(7),
)
def test_odd_notebook_is_saved_as_it_is(hook, content):
    assert save(hook, content) == content


def test_hook_never_raises(saved, monkeypatch, caplog):
    monkeypatch.setattr("liangxin_nb.notebook_files.healing.replace_outputs", None)
    assert healed(SaveHook(logging.getLogger("server")), card(saved)) == [card(saved)]
    assert "outputs of 'n.ipynb' were saved as they are (TypeError)" in caplog.text


def test_picture_stays_when_its_files_are_gone(hook, saved, results):
    once = save(hook, notebook(card(saved)))
    (results / saved.folder).rename(results / "away")
    outputs_of(once)[0]["metadata"]["liangxin"].pop("status")
    assert save(SaveHook(None, deadline_s=60), once) == once


@pytest.mark.parametrize("style", ["figure", "image"])
def test_pictures_of_a_batch_stay_when_files_of_one_are_gone(hook, batch, results, ledger, style):
    """A batch with an unconfirmed request is looked up with each save."""
    batch_id, task_ids = batch
    ledger.update(ledger.find(task_ids[2]), "x", status="unconfirmed", reason="no answer")
    register(str(ledger.path), results, output=style)
    once = save(hook, notebook(batch_view(batch_id, task_ids)))
    assert has_picture(*outputs_of(once))
    (results / ledger.find(task_ids[0]).folder).rename(results / "away")
    assert save(SaveHook(None, deadline_s=60), once) == once


def test_view_above_pictures_that_stay_is_removed(hook, batch, results, ledger):
    batch_id, task_ids = batch
    (once,) = healed(hook, batch_view(batch_id, task_ids))
    with_view = once | {"data": once["data"] | {VIEW: {"model_id": "0" * 32}}}
    (results / ledger.find(task_ids[0]).folder).rename(results / "away")
    assert healed(SaveHook(None, deadline_s=60), with_view) == [once]


def test_cached_output_does_not_replace_a_newer_one(hook, saved, ledger, lease, monkeypatch):
    ledger.update(saved, "x", status="submitted", owner=lease.id)
    healed(hook, card(saved))
    newer = display({"text/plain": "newer", "text/html": "<p>newer</p>"})
    newer["metadata"] = card(saved)["metadata"]
    monkeypatch.setattr(job_lookup, "look_up", lambda *_, **__: iter(()))
    assert healed(hook, newer) == [newer]


def test_other_hooks_do_not_change_what_is_remembered(hook, saved):
    once = save(hook, notebook(card(saved)))
    outputs_of(once)[0]["metadata"]["liangxin"]["status"] = "changed by a hook"
    (output,) = healed(hook, card(saved))
    assert output["metadata"]["liangxin"]["status"] == "saved"


def test_card_names_the_missing_folder(hook, saved, results):
    (results / saved.folder).rename(results / "away")
    (output,) = healed(hook, card(saved))
    assert VIEW not in output["data"]
    assert "is not in" in output["data"]["text/plain"]


@pytest.mark.parametrize("folder", ["../elsewhere", "/etc", "a/b/c", ".hidden/x", ""])
def test_folder_outside_of_the_results_is_not_read(hook, saved, results, ledger, folder):
    elsewhere = results.parent / "elsewhere"
    (results / saved.folder).rename(elsewhere)
    ledger.update(saved, "x", folder=folder)
    (output,) = healed(hook, card(saved))
    assert not has_picture(output)


def test_link_in_a_results_folder_is_not_read(hook, saved, results):
    (file,) = (results / saved.folder).glob("1.*")
    file.symlink_to(file.rename(file.with_name("secret")))
    (output,) = healed(hook, card(saved))
    assert not has_picture(output)


def change_metadata(folder, **changes):
    file = folder / "metadata.json"
    content = json.loads(file.read_text())
    for name, value in changes.items():
        content["files"][0][name] = value
        content["options"][name] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("seed", ["--5", "1" * 5000, "²", "5"])
def test_odd_seed_in_the_metadata_is_left_out(hook, saved, results, seed):
    change_metadata(results / saved.folder, seed=seed)
    (output,) = healed(hook, card(saved))
    assert has_picture(output)
    assert ("· seed " in output["data"]["text/html"]) == (seed == "5")


@pytest.mark.parametrize("name", ["width", "height", "bytes"])
@pytest.mark.parametrize("value", [10**400, -5])
def test_impossible_numbers_in_the_metadata_do_not_stop_others(
    hook, saved, second, results, name, value
):
    change_metadata(results / saved.folder, **{name: value})
    damaged, output = healed(hook, card(saved), card(second))
    assert "cannot be read" in damaged["data"]["text/html"]
    assert has_picture(output)


def test_result_that_cannot_be_shown_does_not_stop_others(hook, saved, second, monkeypatch, caplog):
    job_output = job_lookup.job_output

    def fail_for_one(update, **options):
        if update.record.id == saved.id:
            raise OverflowError
        return job_output(update, **options)

    monkeypatch.setattr(job_lookup, "job_output", fail_for_one)
    outputs = healed(hook, card(saved), card(second))
    assert [VIEW in output["data"] for output in outputs] == [True, False]
    assert f"The result of {saved.id!r} cannot be shown (OverflowError)." in caplog.text


@pytest.fixture
def thumbnails(results, saved, second):
    """The folder with the thumbnails of two results."""
    healed(SaveHook(None, deadline_s=60), card(saved), card(second))
    return results / ".thumbnails"


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
@pytest.mark.parametrize("kind", ["image", "text", "thumbnail"])
def test_pipe_in_a_results_folder_does_not_stop_the_hook(
    hook, saved, second, results, thumbnails, kind
):
    (file,) = (results / saved.folder).glob("1.*")
    if kind == "thumbnail":
        file = thumbnails / f"{saved.id}-1-large.jpg"
    else:
        shutil.rmtree(thumbnails)
        change_metadata(results / saved.folder, kind=kind)
    file.unlink()
    os.mkfifo(file)
    outputs = healed(hook, card(saved), card(second))
    assert all(VIEW not in output["data"] for output in outputs)
    assert has_picture(outputs[1])
    assert has_picture(outputs[0]) == (kind == "thumbnail")


def test_thumbnails_are_not_written_through_a_link(hook, saved, results):
    elsewhere = results.parent / "elsewhere"
    elsewhere.mkdir()
    (results / ".thumbnails").symlink_to(elsewhere)
    assert has_picture(*healed(hook, card(saved)))
    assert [*elsewhere.iterdir()] == []


def test_thumbnail_that_is_a_link_is_not_read(hook, saved, second, thumbnails):
    own, other = (thumbnails / f"{record.id}-1-large.jpg" for record in (saved, second))
    data = own.read_bytes()
    own.unlink()
    own.symlink_to(other)
    assert has_picture(*healed(hook, card(saved)))
    assert (own.read_bytes(), own.is_symlink()) == (data, False)


def times_of_files(folder):
    """When each file beside the ledger was changed."""
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}


def damage(path):
    path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("trouble", [damage, empty, remove, replace_by_folder])
def test_notebook_is_saved_when_the_ledger_cannot_be_read(hook, saved, results, trouble, caplog):
    trouble(results / "ledger.sqlite")
    assert healed(hook, card(saved)) == [card(saved)]
    for _ in range(3):
        healed(hook, card(saved))
    assert len(caplog.records) <= 1
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_nothing_is_written_beside_a_ledger_that_is_not_in_use(hook, saved, results):
    before = times_of_files(results)
    assert has_picture(*healed(hook, card(saved)))
    assert times_of_files(results) == before


def test_ledger_is_read_while_another_process_writes(hook, saved, ledger):
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as writer:
        writer.execute("begin immediate")
        writer.execute("update jobs set prompt = 'not committed'")
        (output,) = healed(hook, card(saved))
    assert has_picture(output)
    assert "not committed" not in str(output)


def test_save_does_not_wait_for_a_locked_ledger(saved, monkeypatch, caplog):
    """The save continues at the deadline; a later one has what was found meanwhile."""
    asked, answer = threading.Event(), threading.Event()
    look_up = job_lookup.look_up

    def slow_look_up(*args, **options):
        asked.set()
        answer.wait(60)
        return look_up(*args, **options)

    monkeypatch.setattr(job_lookup, "look_up", slow_look_up)
    hook = SaveHook(logging.getLogger("server"), deadline_s=0)
    assert healed(hook, card(saved)) == [card(saved)]
    assert asked.wait(60)
    # While the first lookup waits, other saves neither wait nor start threads.
    threads = threading.active_count()
    hook._deadline_s = 5
    assert healed(hook, card(saved)) == [card(saved)]
    assert threading.active_count() == threads
    assert caplog.text == ""
    monkeypatch.setattr("liangxin_nb.server.save_hook._REPORT_AFTER_S", -1)
    healed(hook, card(saved))
    assert "a ledger or results folder does not answer" in caplog.text
    answer.set()
    wait_until(lambda: has_picture(*healed(hook, card(saved))))


def test_what_is_ready_at_the_deadline_is_written(hook, saved, second, monkeypatch):
    ready, answer = threading.Event(), threading.Event()
    look_up = job_lookup.look_up

    def slow_look_up(*args, **options):
        first, *others = look_up(*args, **options)
        yield first
        ready.set()
        answer.wait(60)
        yield from others

    monkeypatch.setattr(job_lookup, "look_up", slow_look_up)
    monkeypatch.setattr(hook, "_wait", lambda _: ready.wait(60))
    outputs = healed(hook, card(saved), card(second))
    assert [VIEW in output["data"] for output in outputs] == [False, True]
    answer.set()
    wait_until(lambda: all(map(has_picture, healed(hook, card(saved), card(second)))))


def test_imports_begin_soon_after_a_restart_of_the_server(results):
    """Of a kernel that has registered before, a notebook may be saved once and closed."""
    intervals = []
    warm_up(lambda interval_s: intervals.append(interval_s) or len(intervals) > 1)
    assert len(intervals) == 1


def test_more_outputs_than_the_hook_remembers_are_written(hook, saved, second, monkeypatch):
    monkeypatch.setattr("liangxin_nb.server.save_hook._MAX_CACHE_BYTES", 10)
    for _ in range(2):
        assert all(map(has_picture, healed(hook, card(saved), card(second))))


def test_many_unknown_ids_are_looked_up_in_parts(hook, saved):
    outputs = [card(saved.replace(id=f"{n:012x}", task_id=f"t{n}")) for n in range(10_000)]
    assert has_picture(healed(hook, card(saved), *outputs)[0])


def batch_view(batch_id, task_ids):
    ids = {"batch": batch_id, "task_ids": task_ids, "status": "running"}
    return display({"text/plain": "<Batch>", VIEW: {"model_id": "0" * 32}}, liangxin=ids)


@pytest.mark.parametrize("known", [0, 1, 3])
def test_view_of_an_ended_batch_becomes_its_pictures(hook, batch, known):
    batch_id, task_ids = batch
    (output,) = healed(hook, batch_view(batch_id, task_ids[:known]))
    assert VIEW not in output["data"]
    assert output["data"]["text/html"].count("data:image/jpeg") == 3
    assert "2 taken from earlier work" in output["data"]["text/html"]
    assert output["metadata"]["liangxin"] == {
        "batch": batch_id, "task_ids": task_ids, "status": "ended",
    }  # fmt: skip


def test_second_output_of_a_batch_is_removed(hook, batch):
    """Earlier versions showed the sheet below the view."""
    sheet = display(
        {"image/jpeg": "", "text/plain": ""}, liangxin={"batch": batch[0], "task_ids": []}
    )
    assert len(healed(hook, [batch_view(*batch), sheet])) == 1


def test_second_output_of_a_batch_stays_when_its_files_are_gone(hook, batch, results, ledger):
    for task_id in batch[1]:
        (results / ledger.find(task_id).folder).rename(results / task_id)
    sheet = display(
        {"image/jpeg": "", "text/plain": ""}, liangxin={"batch": batch[0], "task_ids": []}
    )
    assert healed(hook, [batch_view(*batch), sheet])[1:] == [sheet]


def test_batch_that_a_cell_shows_twice_is_shown_twice(hook, batch):
    once = save(hook, notebook([batch_view(*batch)] * 2))
    assert len(outputs_of(once)) == 2
    assert save(SaveHook(None), once) == once


@pytest.mark.parametrize("task_ids", [["task_of_another"], [3], ["x" * 300], "task"], ids=range(4))
def test_batch_with_other_tasks_is_left_as_it_is(hook, batch, task_ids):
    view = batch_view(batch[0], task_ids)
    assert healed(hook, copy.deepcopy(view)) == [view]


def test_batch_with_a_damaged_plan_is_left_as_it_is(hook, batch, ledger):
    with ledger.transaction() as db:
        db.exec_driver_sql('update batches set plan = \'{"rows": 3, "reused": [1]}\'')
    assert healed(hook, batch_view(*batch)) == [batch_view(*batch)]


@pytest.mark.parametrize("is_live", [True, False])
def test_running_batch_keeps_its_view_while_its_kernel_lives(hook, batch, ledger, lease, is_live):
    batch_id, task_ids = batch
    ledger.update(
        ledger.find(task_ids[2]), "x", status="submitted", owner=lease.id if is_live else "1-gone"
    )
    (output,) = healed(hook, batch_view(*batch))
    assert (VIEW in output["data"]) == is_live
    assert f"%liangxin batch {batch_id}" in output["data"]["text/html"]
    assert output["metadata"]["liangxin"]["status"] == "running"
