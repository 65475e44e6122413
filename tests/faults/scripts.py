"""Answers that the sandbox cannot give, for the scripted server of task_server.py.

Each function returns the `script` of a `Row`.
"""

import asyncio
import json
import sqlite3
import time

import sqlalchemy as sa

from liangxin_nb.core.formatting import local_datetime

from ..task_server import TaskServer, answer

__all__ = [
    "create_answers", "file_address", "full_disk", "locked_ledger", "no_folder", "poll_answers",
    "records", "rejections",
]  # fmt: skip


def encode(body):
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def create_answers(status, body, jobs=1):
    """Answer createTask so; `%s` in the body is the task id. Submit `jobs` in all."""

    def script(server, session, _):
        server.hooks["createTask"] = lambda task_id: (
            status,
            encode(body).replace(b"%s", task_id.encode()),
        )
        others = [session.generate(f"a lake, number {number}") for number in range(1, jobs)]
        return lambda: [job.wait(60) for job in others]

    return script


def rejections(status, body):
    """Answer createTask so, without creating a task."""

    def script(server, *_):
        def reject(task_id):
            server.forget(task_id)
            return status, encode(body)

        server.hooks["createTask"] = reject

    return script


def poll_answers(*answers, after=2):
    """Answer recordInfo so after two regular answers, each once; then regularly again."""

    def script(server, *_):
        waiting = [None] * after + [(status, encode(body)) for status, body in answers]
        server.hooks["recordInfo"] = lambda _: waiting.pop(0) if waiting else None

    return script


def records(**changes):
    """Change the records of a task; a value can be a function of the regular record."""

    def script(server, *_):
        def change(task_id):
            record = server.record(task_id)
            for name, value in changes.items():
                record[name] = value(record) if callable(value) else value
            return answer(200, code=200, msg="success", data=record)

        server.hooks["recordInfo"] = change

    return script


def locked_ledger(server, session, monkeypatch):
    """Another process locks the ledger when the service answers, until the task has ended."""
    monkeypatch.setattr("liangxin_nb.engine.journal._JOURNAL_AFTER_S", 0.01)
    locked = sqlite3.connect(session.ledger.location, isolation_level=None, check_same_thread=False)
    polls = []

    def unlock_at_third_poll(_):
        polls.append(1)
        if len(polls) == 3:
            locked.close()

    server.hooks["createTask"] = lambda _: locked.execute("begin immediate") and None
    server.hooks["recordInfo"] = unlock_at_third_poll


def full_disk(server, session, monkeypatch):
    """The ledger's disk is full when the service answers, until the task has ended."""
    monkeypatch.setattr("liangxin_nb.engine.journal._JOURNAL_AFTER_S", 0.01)
    answered, polls = [], []

    def fail_to_write(_db, _cursor, statement, *_):
        if answered and len(polls) < 3 and statement.startswith(("INSERT", "UPDATE")):
            raise sqlite3.OperationalError("database or disk is full")

    sa.event.listen(session.ledger._engine, "before_cursor_execute", fail_to_write)
    server.hooks["createTask"] = answered.append
    server.hooks["recordInfo"] = polls.append


def no_folder(server, session, _):
    """A file has the name of the folder for today's results, until `undo` is called."""
    folder = session.results.root / f"{local_datetime(time.time()):%Y-%m-%d}"

    def block(_):
        folder.write_text("not a folder")

    server.hooks["createTask"] = block
    return lambda: (server.hooks.clear(), folder.unlink())


def file_address(address):
    """Serve the files from 127.0.0.2, under a name that resolves to an address."""

    def script(server, _, monkeypatch):
        files = TaskServer("127.0.0.2")
        resolve = asyncio.BaseEventLoop.getaddrinfo

        async def getaddrinfo(loop, host, port, **more):
            return await resolve(loop, address if host == "cdn.example" else host, port, **more)

        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
        url = f"http://cdn.example:{files.server_port}/files/task_1/1.png"
        records(resultJson=lambda _: json.dumps({"resultUrls": [url]}))(server)

    return script
