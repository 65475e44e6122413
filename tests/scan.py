"""Search for keys in all written files and in the arguments of processes.

The tests use six odd keys. All of them contain the same letters and digits, which no encoding of
text changes, so one search finds all keys.
"""

import base64
import contextlib
import fcntl
import os
import re
import threading
import zipfile
from pathlib import Path

__all__ = ["KEY", "KEYS", "MARK", "UNUSED_KEY", "ProcessScanner", "find_files_with"]

#: A part of every key, concatenated so that this file does not contain it.
MARK = "Q7zk" + "X9vJ"
KEYS = (
    MARK,  # the shortest key
    rf"""sk-a"b'c{MARK}\d\"e\\f""",
    f"sk-100%41{MARK}%s%%(x)s%2",
    f"sk-<&>{MARK}&lt;</b>&#39;z",
    rf"sk-\u0041{MARK}\n\x41\z",
    "+/=sk+/" + MARK + "a+/9=" * 815 + "+/==",  # the longest key
)
#: The number of the first worker's key; other workers use the next ones.
NUMBER = int(os.environ.get("TEST_KEY", "0"))
_WORKER = re.sub("[^0-9]", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
#: The key of the services in this process's tests.
KEY = KEYS[(NUMBER + int(_WORKER)) % len(KEYS)]
#: A key of the user while the sandbox is in use; four workers use all six keys.
UNUSED_KEY = KEYS[(NUMBER + int(_WORKER) + 2) % len(KEYS)]
_INTERVAL_S = 0.25


def _encodings(text):
    """Return letters and digits plain, in UTF-16, as hexadecimal digits, and in base64."""
    data = text.encode()
    wide = text.encode("utf-16-le").rstrip(b"\0")
    encoded = [data, wide, data.hex().encode(), data.hex().upper().encode()]
    for shift, first in enumerate((0, 2, 3)):
        # Only the characters that do not depend on what is before and after.
        end = (shift + len(data)) * 8 // 6
        encoded.append(base64.b64encode(bytes(shift) + data)[first:end])
    return encoded


def find_files_with(folder, text=MARK):
    """Return all files in a folder with a text in their content, in any encoding, or their name.

    A file with several names is read once. The files in zip files are read, too.
    """
    encoded, results, matches = _encodings(text), {}, []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)  # noqa: PTH118 faster for thousands of files
            if text in name or _contains_any(path, encoded, results):
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
            results[identity] = any(form in data for data in _contents(path) for form in encoded)
        return results[identity]
    except OSError:
        return False


def _contents(path):
    """Yield the content of a file, and of the files in it if it is a zip file."""
    data = Path(path).read_bytes()
    yield data
    if data.startswith(b"PK") and zipfile.is_zipfile(path):
        with contextlib.suppress(Exception), zipfile.ZipFile(path) as archive:
            for item in archive.infolist():
                if item.file_size < 50 << 20:
                    yield archive.read(item)


class ProcessScanner:
    """Scans the arguments of all processes of this machine, four times a second.

    Of several scanners with the same lock file, one scans; when it is stopped, another one does.
    """

    def __init__(self, lock_file, text=MARK):
        self._encoded = _encodings(text)
        self._lock_file = Path(lock_file)
        #: Arguments that contain the text.
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
        """Stop scanning and return the arguments that contain the text."""
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
