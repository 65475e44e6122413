"""Search for the key in all written files and in the arguments of processes."""

import base64
import fcntl
import os
import threading
from pathlib import Path

__all__ = ["KEY", "ProcessScanner", "encodings", "find_files_with"]

#: The key of the tests' sandbox, concatenated so that this file does not contain it.
KEY = "sk-" + "scan-" + "5f1e8c27d94b"
_INTERVAL_S = 0.25


def encodings(key):
    """Return a key as bytes: plain, base64, UTF-16."""
    return [key.encode(), base64.b64encode(key.encode()).rstrip(b"="), key.encode("utf-16-le")]


def find_files_with(folder, key=KEY):
    """Return all files in a folder with the key in their content, in any encoding, or their name.

    A file with several names is read once.
    """
    encoded, results, matches = encodings(key), {}, []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 faster for thousands of files
            if key in name or _contains_any(path, encoded, results):
                matches.append(path)
    return matches


def _contains_any(path, encoded, results):
    """Return whether a file contains an encoded key; `results`: earlier results by inode."""
    try:
        status = os.stat(path)  # noqa: PTH116
        if not os.path.isfile(path):  # noqa: PTH113
            return False
        identity = status.st_dev, status.st_ino
        if identity not in results:
            data = Path(path).read_bytes()
            results[identity] = any(form in data for form in encoded)
        return results[identity]
    except OSError:
        return False


class ProcessScanner:
    """Scans the arguments of all processes of this machine, four times a second.

    Of several scanners with the same lock file, one scans; when it is stopped, another one does.
    """

    def __init__(self, lock_file, key=KEY):
        self._encoded = encodings(key)
        self._lock_file = Path(lock_file)
        #: Arguments that contain the key.
        self.matches = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with self._lock_file.open("ab") as file:
            while not _try_lock(file):
                if self._stopped.wait(_INTERVAL_S):
                    return
            while True:
                self._scan()
                if self._stopped.wait(_INTERVAL_S):
                    return

    def _scan(self):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments = path.read_bytes()
            except OSError:
                continue
            if any(form in arguments for form in self._encoded):
                self.matches.add(arguments.replace(b"\0", b" ")[:200])

    def stop(self):
        """Stop scanning and return the arguments that contain the key."""
        self._stopped.set()
        self._thread.join()
        return self.matches


def _try_lock(file):
    """Try to lock a file, and return whether it succeeded; closing the file releases it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
