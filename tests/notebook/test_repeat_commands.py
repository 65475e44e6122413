"""`%liangxin again`, `vary`, `edit` and `show`: line commands for earlier jobs; `lx.show`."""

from __future__ import annotations

import os

import pytest

from liangxin_nb import set_session
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ledger import Query
from liangxin_nb.ledger.queries import get_page
from liangxin_nb.notebook.magics.line_magic import liangxin_line
from liangxin_nb.sandbox.painter import paint

from .. import stock
from ..conftest import wait_until


@pytest.fixture
def default(connect):
    """A session that the commands use, in a script."""
    session = connect()
    set_session(session)
    yield session
    set_session(None)


def newest(session):
    return get_page(session.ledger, Query())[0].record


def test_again_sends_the_same_request(default):
    saved = stock.save_result(default, "a lake", seed=7, created_at=1.0)
    liangxin_line(f"again {saved.task_id}")
    again = newest(default)
    assert (again.id != saved.id, again.request) == (True, saved.request)
    wait_until(lambda: default.get_record(again.id).status == "saved")


def test_vary_changes_only_the_seed(default):
    saved = stock.save_result(default, "a lake", seed=7, image_size="square", created_at=1.0)
    liangxin_line(f"vary {saved.task_id}")
    varied = newest(default).request
    assert varied.options["seed"] != 7
    assert dict(varied.options) | {"seed": 7} == dict(saved.request.options)


@pytest.mark.parametrize("command", ["again", "vary"])
def test_work_that_may_exist_is_sent_again_only_on_demand(default, server, command):
    lost = stock.save_result(default, "a lake", status="unconfirmed", seed=7)
    with pytest.raises(InvalidRequestError, match=r"may exist already.* Nothing was sent") as error:
        liangxin_line(f"{command} {lost.id}")
    assert f"%liangxin {command} {lost.id} --new" in str(error.value)
    assert newest(default).id == lost.id
    liangxin_line(f"{command} {lost.id} --new")
    assert newest(default).id != lost.id


def test_edit_prints_the_cell_where_there_are_no_cells(default, capsys):
    saved = stock.save_result(default, "a lake", seed=7)
    liangxin_line(f"edit {saved.task_id}")
    assert capsys.readouterr().out == "%%liangxin z-image --seed 7\na lake\n"


def test_reference_pictures_that_are_results_are_found_again(default, server, capsys):
    part = [("image", paint("a", seed=7, size=(64, 64)))]
    picture = default.result(stock.save_result(default, "a", parts=part))
    job = default.generate("a lake", model="seedream-v4-5-edit", image=picture)
    job.wait(60)
    for command in ("again", "vary"):
        liangxin_line(f"{command} {job.task_id}")
        assert newest(default).parent_ids == (job.record.id,)
    wait_until(lambda: server.count("createTask") == 3)
    wait_until(lambda: not default.active())
    liangxin_line(f"edit {job.task_id}")
    assert f"--image {os.path.relpath(picture.path)}" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["pending", "submitting"])
def test_request_on_its_way_is_sent_again_only_on_demand(default, server, status):
    waiting = stock.save_result(default, "a lake", status=status)
    with pytest.raises(InvalidRequestError, match=r"This request is .*sent.* Nothing was sent"):
        liangxin_line(f"again {waiting.id}")
    assert server.count("createTask") == 0


def test_show_names_reason_and_next_step_of_a_failed_job(default, capsys):
    failed = stock.save_result(default, "a lake", status="failed")
    assert liangxin_line(f"show {failed.id}") is None
    shown = capsys.readouterr().out
    assert shown.startswith("✕ Failed · z-image\nThe service rejected it.\n")
    assert f"%liangxin again {failed.task_id} sends" in shown


def test_show_of_a_running_job_of_another_process_names_the_next_step(default, capsys):
    running = stock.save_result(default, "a lake", status="submitted")
    assert liangxin_line(f"show {running.id}") is None
    assert f"%liangxin resume {running.task_id} collects it." in capsys.readouterr().out


def test_show_returns_a_saved_result(default):
    saved = stock.save_result(default, "a lake")
    assert liangxin_line(f"show {saved.id}").task_id == saved.task_id


def test_several_items_are_shown_one_after_the_other(default, capsys):
    results = [default.result(stock.save_result(default, prompt)) for prompt in ("a lake", "a cat")]
    default.show(results)
    assert capsys.readouterr().out == "".join(f"{result!r}\n" for result in results)


def test_anything_else_is_not_shown_and_the_error_says_what_can_be(default):
    with pytest.raises(InvalidRequestError, match="a list of them, not int") as error:
        default.show(5)
    assert "%liangxin show ID" in str(error.value)
