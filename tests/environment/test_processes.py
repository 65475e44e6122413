"""Forks, pools, threads, signals and standard outputs: what users get, and what they read."""

import io
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace

import pytest

import liangxin_nb as lx
from liangxin_nb.core.request import Request
from liangxin_nb.engine.ownership import is_alive
from liangxin_nb.ledger import is_healthy
from liangxin_nb.session import job_updates
from liangxin_nb.session.default import set_session

from ..conftest import wait_until
from ..task_server import KEY
from . import process_workers as workers

ROOT = Path(__file__).parents[2]
PRELUDE = """\
import atexit, json, os, random, signal, sys, threading
import liangxin_nb as lx
from liangxin_nb.session.default import set_session
from tests.environment import process_workers as workers
def line_of(call):
    try:
        return f"{call()}"
    except lx.LiangxinError as error:
        return f"{type(error).__name__}: {error}"
"""


@pytest.fixture
def script(server, tmp_path, monkeypatch):
    """Return a function that starts Python with some code, on the server of the test."""
    monkeypatch.setenv("LIANGXIN_BASE_URL", server.url)
    monkeypatch.setenv("LIANGXIN_API_KEY", KEY)
    monkeypatch.setenv("LIANGXIN_RESULTS", str(tmp_path / "r"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Python 3.12 warns of forks in processes with threads.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore:This process:DeprecationWarning")
    processes = []

    def start(code, *options, **environment):
        process = subprocess.Popen(
            [sys.executable, *options, "-c", PRELUDE + code],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **environment}, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def finish(process):
    """Return the values that a script has printed; it printed nothing else."""
    output, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (0, ""), error
    return [json.loads(line) for line in output.splitlines()]


# ---- fork

FORK = """
session = lx.Session()
set_session(session)
saved, callbacks = lx.generate("a hill"), lx.CallbackServer()
saved.wait(60)
job, batch = lx.generate("a lake"), lx.batch(["a harbour", "a bridge"])
while not (job.task_id and all(outcome.task_id for outcome in batch)):
    threading.Event().wait(0.01)
def report(**values):
    print(json.dumps(values), flush=True)
def followed():
    tasks = [result.metadata.task_id for result in batch.wait(60)]
    return {"job": job.wait(60).metadata.task_id, "tasks": tasks}
def fork(end):
    if (child := os.fork()) == 0:
        report(
            owner=session._ownership.id, saved=saved.wait().metadata.task_id,
            seed=random.random(), port=callbacks._sockets[0].fileno(),
            new=session.generate("a child of the lake").wait(60).metadata.task_id,
        )
        report(**followed())
        end(0)
    return child
sys.stdin.readline()
children = [fork(os._exit), fork(sys.exit)]
report(owner=session._ownership.id)
codes = [os.waitpid(child, 0)[1] for child in children]
report(codes=codes, **followed())
"""


@pytest.mark.slow
def test_forked_children_follow_the_jobs_of_their_parent_and_leave_it_alone(
    script, server, tmp_path, show_line
):
    for n in range(2, 5):
        server.lasts[f"task_{n}"] = "generating"
    process = script(FORK)
    wait_until(lambda: server.count("createTask") == 4)
    print(file=process.stdin, flush=True)
    lines = [json.loads(process.stdout.readline()) for _ in range(3)]
    owners = {line["owner"] for line in lines}
    assert len(owners) == 3, "each process has a lease of its own"
    assert len({line["seed"] for line in lines if "seed" in line}) == 2
    assert {(line["saved"], line["port"]) for line in lines if "saved" in line} == {("task_1", -1)}
    (parent,) = (line["owner"] for line in lines if "saved" not in line)
    assert is_alive(tmp_path / "r" / ".owners", parent)
    server.lasts.clear()
    *children, last = finish(process)
    assert last.pop("codes") == [0, 0]
    assert [last, *children] == [last] * 3
    assert server.count("createTask") == 6
    show_line("processes", "job.wait() in a forked child", f"<Result … {last['job']}>")
    show_line("processes", "batch.wait() in a forked child", f"[<Result … {last['tasks'][0]}>, …]")


TRANSACTION = """
from liangxin_nb.core.request import Request
ledger = lx.Session().ledger
ready, go = threading.Event(), threading.Event()
def write():
    with ledger.transaction() as db:
        db.exec_driver_sql(
            "insert into events (job_id, created_at, event, detail) select id, 0, 'x', '' from jobs"
        )
        ready.set()
        go.wait()
ledger.create(Request("z-image", "a lake"), "kie", "")
writer = threading.Thread(target=write)
writer.start()
ready.wait()
if (child := os.fork()) == 0:
    lx.history()
    sys.exit(0)
print(os.waitpid(child, 0)[1], flush=True)
sys.stdin.readline()
go.set()
writer.join()
"""


@pytest.mark.slow
def test_child_that_ends_keeps_the_transaction_of_its_parent(script, tmp_path):
    """Its copy of the connection is neither used nor closed."""
    process = script(TRANSACTION)
    assert process.stdout.readline() == "0\n"
    with closing(sqlite3.connect(tmp_path / "r" / "ledger.sqlite", 0)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("begin immediate")
        assert finish(process) == []
        assert other.execute("pragma integrity_check").fetchone() == ("ok",)
        assert other.execute("select count(*) from events where event = 'x'").fetchone() == (1,)


FORK_DURING_A_TRANSACTION = """
from liangxin_nb.core.request import Request
ledger = lx.Session().ledger
request = Request("z-image", "a lake")
ready, forking = threading.Event(), threading.Event()
def write():
    with ledger.transaction():
        ready.set()
        forking.wait()
ledger.create(request, "kie", "")
writer = threading.Thread(target=write)
writer.start()
ready.wait()
os.register_at_fork(before=forking.set)  # runs before those that were registered earlier
if (child := os.fork()) == 0:
    ledger.with_busy_timeout(1).create(request, "kie", "")
    sys.exit(0)
writer.join()
print(os.waitpid(child, 0)[1])
"""


def test_child_can_write_when_its_parent_was_writing_at_the_fork(script):
    assert finish(script(FORK_DURING_A_TRANSACTION)) == [0]


FORK_DURING_AN_IMPORT = """
import sys, types
threads = types.ModuleType("threads")
threads.ready, threads.forking = threading.Event(), threading.Event()
sys.modules["threads"] = threads
importer = threading.Thread(target=__import__, args=("slow_module",))
importer.start()
threads.ready.wait()
os.register_at_fork(before=threads.forking.set)  # runs before those that were registered earlier
if (child := os.fork()) == 0:
    signal.alarm(30)  # ends a child that waits forever
    import slow_module
    os._exit(0 if slow_module.is_complete else 1)
importer.join()
print(os.waitpid(child, 0)[1])
"""
SLOW_MODULE = """
import threads, time
threads.ready.set()
threads.forking.wait()
time.sleep(0.1)
is_complete = True
"""


def test_child_can_import_what_its_parent_was_importing_at_the_fork(script, tmp_path, monkeypatch):
    (tmp_path / "slow_module.py").write_text(SLOW_MODULE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    assert finish(script(FORK_DURING_AN_IMPORT)) == [0]


# ---- pools and pickles


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_return_results_jobs_and_errors(script, server, method, show_line):
    code = f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
method = {method!r}
before = lx.generate("a hill")
context = multiprocessing.get_context(method)
with context.Pool(1) as pool:
    saved = pool.map(workers.save, ["a lake"])
    jobs = pool.map(workers.submit, ["a bridge"])
    waited = pool.map(workers.wait_for, [before])
    error = line_of(lambda: pool.map(workers.fail, [1]))
tasks = [job.wait(60).metadata.task_id for job in jobs]
with ProcessPoolExecutor(1, mp_context=context) as pool:
    future = line_of(lambda: pool.submit(workers.fail, 1).result())
print(json.dumps([saved[0][1], waited[0], tasks[0], error, future]))
"""
    process = script(code)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    *tasks, error, future = json.loads(output)
    assert sorted(tasks) == sorted(server.prompts)
    assert error == future == "TaskFailedError: It failed. Try again."
    show_line("processes", f"multiprocessing.Pool ({method}), a task that failed", error)


def test_cause_of_an_error_is_pickled():
    with pytest.raises(lx.TaskFailedError) as caught:
        workers.fail(1)
    restored = pickle.loads(pickle.dumps(caught.value))
    assert (restored.task_id, restored.next_step) == ("task_1", "Try again.")
    assert isinstance(restored.__cause__, lx.APIError)
    assert restored.__cause__.status == 502
    caught.value.__cause__ = OSError(io.StringIO())  # cannot be pickled
    assert pickle.loads(pickle.dumps(caught.value)).__cause__ is None


def test_pickled_job_is_followed_by_the_ledger_and_holds_no_key(connect, server):
    session = connect()
    with server.held("createTask") as request:
        job = session.generate("a lake")
        request.wait()
        server.last = "generating"
    data = pickle.dumps(job)  # waits for the answer
    assert KEY.encode() not in data
    copy = pickle.loads(data)
    assert copy.task_id == "task_1"
    server.last = "success"
    assert copy.wait(60).metadata == job.wait(60).metadata
    assert pickle.loads(pickle.dumps(job)).result.path == job.result.path
    assert server.count("createTask") == 1


def test_pickling_a_detached_job_sleeps_until_its_answer(connect, server, monkeypatch):
    session = connect()
    with ExitStack() as stack:
        request = stack.enter_context(server.held("createTask"))
        job = session.generate("a lake")
        request.wait()
        job.detach()
        wait_until(job.done)
        clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: stack.close())
        monkeypatch.setattr(job_updates, "time", clock)
        assert pickle.loads(pickle.dumps(job)).task_id == "task_1"


def test_followed_request_is_sent_only_with_its_reference_picture(connect, server, show_line):
    """Its process has ended before it was sent; the ledger describes pictures only."""
    session = connect()
    service = (session.settings.profile, session.settings.base_url)
    options = {"image_urls": ["data:image/png;base64," + "A" * 200]}
    incomplete = Request("seedream-v4-5-edit", "a lake", options)
    record = session.ledger.create(incomplete, *service)
    with pytest.raises(lx.InvalidRequestError, match="needs a reference picture") as error:
        session.follow(session.ledger.find(record.id)).wait(60)
    assert server.count("createTask") == 0
    record = session.ledger.find(record.id)
    assert (record.status, record.owner) == ("pending", "")
    complete = session.ledger.create(Request("z-image", "a hill"), *service)
    assert session.follow(complete).wait(60).metadata.task_id == "task_1"
    show_line("processes", "wait() after the parent was killed, with a picture", str(error.value))


def test_pickled_job_needs_the_key_of_the_process_that_uses_it(connect, server, show_line):
    session = connect()
    server.last = "generating"
    data = pickle.dumps(session.generate("a lake"))
    session.close()
    with pytest.raises(lx.InvalidRequestError, match="needs a key") as error:
        pickle.loads(data).wait()
    show_line("processes", "an unpickled job, without a key", str(error.value))


def test_handles_that_cannot_be_pickled_name_what_to_keep(connect, show_line):
    session = connect()
    batch = session.batch(["a lake"])
    batch.wait()
    for item in (session, batch):
        with pytest.raises(lx.InvalidRequestError, match=r"lx\.\w+\(") as error:
            pickle.dumps(item)
        show_line("processes", f"pickle.dumps({type(item).__name__.lower()})", str(error.value))


# ---- threads, signals and the end of Python

THREADS = """
import asyncio
from concurrent.futures import ThreadPoolExecutor
barrier = threading.Barrier(8)
def first(n):
    barrier.wait()
    return lx.generate(f"number {n}")
with ThreadPoolExecutor(8) as pool:
    jobs = list(pool.map(first, range(8)))
for job in jobs:
    job.wait(60)
async def result_of(job):
    return await job
tasks = {asyncio.run(result_of(jobs[0])).metadata.task_id for _ in range(2)}
loops = sum(thread.name == "liangxin" for thread in threading.enumerate())
print(json.dumps([len({id(job._loop) for job in jobs}), loops, len(tasks)]))
def at_exit():
    print(json.dumps(line_of(lambda: lx.generate("late"))), flush=True)
atexit.register(at_exit)
session = lx.Session(results=sys.argv[0])
session.close()
print(json.dumps(line_of(lambda: session.generate("a lake"))))
hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(lx.generate("from a handler")))
signal.setitimer(signal.ITIMER_REAL, 0.02)
while not hits:
    lx.generate("from the main thread").wait(60)
hits[0].wait(60)
os.mkdir("gone")
os.chdir("gone")
os.rmdir("../gone")
print(json.dumps(line_of(lambda: lx.generate("a bridge").wait(60).metadata.task_id)))
"""


@pytest.mark.slow
def test_threads_share_one_session_and_misuse_is_one_line(script, show_line):
    sharing, closed, gone, late = finish(script(THREADS))
    assert sharing == [1, 1, 1]
    assert closed.startswith("InvalidRequestError: This session is closed; nothing was sent.")
    assert late.startswith("InvalidRequestError: Python is ending; nothing was sent.")
    assert gone.startswith("task_")
    show_line("processes", "generate() of a closed session", closed)
    show_line("processes", "generate() in an atexit function", late)
    show_line("processes", "eight threads at first use", "one session, one loop, eight results")
    show_line("processes", "the working folder was deleted", f"<Result … {gone}>")


@pytest.mark.parametrize(
    ("name", "code"), [("SIGHUP", -signal.SIGHUP), ("SIGTERM", 7), ("SIGCONT", 0)]
)
def test_signals_do_what_they_would_without_us(script, server, connect, name, code):
    server.last = "generating"
    process = script(
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # ignored below `nohup`
        "job = lx.generate('a lake')\n"
        "while not job.task_id: threading.Event().wait(0.01)\n"
        "print(job.task_id, flush=True)\n"
        "sys.stdin.readline()\n"
    )
    assert process.stdout.readline() == "task_1\n"
    if name == "SIGCONT":
        process.send_signal(signal.SIGSTOP)
    process.send_signal(getattr(signal, name))
    if name == "SIGCONT":
        process.stdin.close()
        process.stdin = None
    process.communicate(timeout=120)
    assert process.returncode == code
    server.last = "success"
    (job,) = connect("r").resume()
    assert job.wait(60).metadata.task_id == "task_1"


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("asyncio.new_event_loop", OSError(24, "Too many open files")),
        ("threading.Thread.start", RuntimeError("can't start new thread")),
    ],
    ids=["files", "threads"],
)
def test_nothing_is_written_when_the_loop_cannot_start(
    connect, server, monkeypatch, show_line, function, problem
):
    session = connect()
    other = session.ledger.create(Request("z-image", "a hill"), "kie", session.settings.base_url)

    def refuse(*_):
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(function, refuse)
        for _ in range(2):
            with pytest.raises(lx.LiangxinError, match="cannot be started") as error:
                session.generate("a lake")
        for call in (lambda: session.batch(["a lake"]), lambda: session.follow(other)):
            with pytest.raises(lx.LiangxinError, match="cannot be started"):
                call()
    assert [job.id for job in session.ledger.list_jobs(limit=None)] == [other.id]
    assert session.active() == []
    assert session.generate("a lake").wait(60).metadata.task_id == "task_1"
    show_line("processes", f"generate(), {problem}", str(error.value))


def test_folder_of_another_user_is_one_line(connect, monkeypatch, show_line):
    """As after `os.setuid`: the folder was opened by a user who could write to it."""
    session = connect()

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("liangxin_nb.engine.ownership.create_folder", refuse)
    with pytest.raises(lx.LedgerError, match="No file can be locked") as error:
        session.generate("a lake")
    show_line("processes", "generate() after os.setuid", str(error.value))
    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(lx.LedgerError, match="cannot be used") as error:
        is_healthy(session.ledger.path)
    show_line("processes", "doctor() after os.setuid", str(error.value))


# ---- standard outputs


class Bare:
    """An output without encoding, `isatty` and `flush`."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class Broken(io.StringIO):
    """A pipe to a program that has ended."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def encoded(name):
    return lambda: io.TextIOWrapper(io.BytesIO(), name, write_through=True)


OUTPUTS = {
    "ascii": encoded("ascii"), "cp1252": encoded("cp1252"), "cp936": encoded("cp936"),
    "latin-1": encoded("latin-1"), "utf-8": encoded("utf-8"), "none": lambda: None,
    "closed": closed, "broken pipe": Broken, "bare": Bare, "StringIO": io.StringIO,
}  # fmt: skip


def text_of(stream):
    if isinstance(stream, io.TextIOWrapper):
        return stream.buffer.getvalue().decode(stream.encoding)
    return getattr(stream, "text", "") or (
        getattr(stream, "getvalue", str)() if not getattr(stream, "closed", True) else ""
    )


@pytest.mark.parametrize("name", OUTPUTS)
def test_result_is_saved_whatever_the_standard_output_takes(
    connect, server, monkeypatch, name, show_line
):
    session = connect()
    set_session(session)
    stream = OUTPUTS[name]()
    monkeypatch.setattr(sys, "stdout", stream)
    job = lx.generate("湖 ☀ a lake")
    lx.show(job)
    result = job.wait(60)
    for item in (job, result, lx.batch(["a hill"])):
        lx.show(item)
    takes_text = name not in ("none", "closed", "broken pipe")
    if takes_text:
        for item in (job, result, session, session.history(), job.record):
            print(item)
    lx.doctor()
    monkeypatch.undo()
    assert result.path.is_file()
    if not takes_text:
        show_line("processes", f"lx.show(job), standard output: {name}", "nothing; it is saved")
        return
    line = next(line for line in text_of(stream).splitlines() if "Done" in line)
    assert result.metadata.task_id in line
    show_line("processes", f"lx.show(job), standard output: {name}", line)


def test_prompt_that_no_file_name_can_have_is_saved(script, show_line):
    """The locale C, without Python's UTF-8 mode."""
    code = "print(json.dumps(lx.generate('\\u6e56 a lake').wait(60).path.parent.name))\n"
    process = script(code, "-X", "utf8=0", LC_ALL="C", PYTHONCOERCECLOCALE="0")
    (name,) = finish(process)
    assert name.isascii()
    assert "-a-lake-" in name
    show_line("processes", "a Chinese prompt under LC_ALL=C", name)
