"""A kernel that is restarted or shut down in JupyterLab while requests are being sent."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest

from liangxin_nb.ledger import Ledger

from ..conftest import wait_until
from ..processes import is_ending
from ..scan import KEY
from ..task_server import TaskServer

pytestmark = pytest.mark.slow
PROMPTS = ("A lighthouse on a cliff, storm coming in", "雨夜的咖啡馆，石板路上的灯光")
LOAD, FIRST, SECOND, PROCESS, RESUME, DOCTOR = range(6)


@pytest.fixture(scope="module")
def server():
    with closing(TaskServer()) as server:
        server.states = ()  # a task has ended when it is polled for the first time
        yield server


@pytest.fixture(scope="module")
def lab_env(server):
    return {"LIANGXIN_BASE_URL": server.url, "LIANGXIN_API_KEY": KEY}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def cells(tmp_path):
    """The cells of a notebook with its own results folder."""
    load = f"import os\nos.environ['LIANGXIN_RESULTS'] = {str(tmp_path)!r}\n%load_ext liangxin_nb"
    requests = [f"%%liangxin\n{prompt}" for prompt in PROMPTS]
    return [load, *requests, "os.getpid()", "%liangxin resume", "%liangxin doctor"]


@contextmanager
def sending(page, server):
    """Send two requests; yield the kernel's process id and what delays the answers."""
    sent = server.count("createTask") + len(PROMPTS)
    with server.held("createTask") as answers:
        for cell in (LOAD, FIRST, SECOND):
            page.run_and_wait(cell)
        wait_until(lambda: server.count("createTask") == sent)
        page.wait_text(SECOND, "Sending")
        yield int(page.run_and_wait(PROCESS)), answers
    assert server.count("createTask") == sent, "a request was sent twice"


@contextmanager
def answered_while_ending(pid, answers):
    """Answer when the kernel has begun to end."""
    with ThreadPoolExecutor() as pool:
        is_held = pool.submit(wait_until, lambda: is_ending(pid))
        is_held.add_done_callback(lambda _: answers.release())
        yield
        is_held.result()


def collect(page, ledger):
    assert "2 unfinished: %liangxin resume collects them." in page.run_and_wait(LOAD)
    page.run_and_wait(RESUME)
    wait_until(lambda: ledger.count_by_status() == {"saved": 2})


def test_answers_during_a_restart_are_recorded_and_collected(notebook, cells, server, ledger):
    page = notebook(cells)
    with sending(page, server) as (pid, answers):
        with answered_while_ending(pid, answers):
            page.restart()
        assert ledger.count_by_status() == {"submitted": 2}
        card = page.page.locator(".lx-card.jupyter-widgets-disconnected").first
        hint = card.evaluate("card => getComputedStyle(card, '::after').content")
        assert "Continue with %liangxin resume." in hint
        page.screenshot("card-after-restart", FIRST)
        collect(page, ledger)
    page.screenshot("restart-collected")


def test_answers_during_a_shutdown_are_recorded_and_collected(notebook, cells, server, ledger):
    page = notebook(cells)
    with sending(page, server) as (pid, answers):
        page.save()
        with answered_while_ending(pid, answers):
            page.shut()
        assert ledger.count_by_status() == {"submitted": 2}
        collect(notebook(page.path), ledger)


def test_greeting_after_a_restart_names_requests_without_an_answer(notebook, cells, server, ledger):
    page = notebook(cells)
    with sending(page, server):
        page.restart()
        greeting = page.run_and_wait(LOAD)
    assert "2 requests may have been billed: %liangxin doctor." in greeting
    page.run_and_wait(RESUME)
    assert ledger.count_by_status() == {"unconfirmed": 2}
    assert "it may exist and be billed" in page.run_and_wait(DOCTOR)
    page.screenshot("greeting-after-restart")
