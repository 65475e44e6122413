"""Looks for the key in everything that was written, and in the arguments of processes."""

import base64
import fcntl
import os
import threading
from pathlib import Path

__all__ = ["KEY", "Watch", "forms", "hits"]

#: The key that the tests' sandbox takes. Put together, so that this file is no hit itself.
KEY = "sk-" + "scan-" + "5f1e8c27d94b"
_PAUSE = 0.25  # seconds between two looks at the processes


def forms(key):
    """A key as bytes: plain, base64, UTF-16."""
    return [key.encode(), base64.b64encode(key.encode()).rstrip(b"="), key.encode("utf-16-le")]


def hits(folder, key=KEY):
    """Every file below a folder that holds the key, in any of its forms, or has it in its name.

    A file that has several names is read once.
    """
    looked_for, read, found = forms(key), {}, []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 there are many thousand of them
            if key in name or _holds(path, looked_for, read):
                found.append(path)
    return found


def _holds(path, looked_for, read):
    """Whether a file holds one of the forms; `read`: what was found, by the file's identity."""
    try:
        facts = os.stat(path)  # noqa: PTH116
        if not os.path.isfile(path):  # noqa: PTH113
            return False
        identity = facts.st_dev, facts.st_ino
        if identity not in read:
            data = Path(path).read_bytes()
            read[identity] = any(form in data for form in looked_for)
        return read[identity]
    except OSError:
        return False


class Watch:
    """Looks at the arguments of every process of this machine, four times a second.

    Of several watches that are given the same file as `turn`, one looks; when it ends, another
    one takes over.
    """

    def __init__(self, turn, key=KEY):
        self._forms = forms(key)
        self._turn = Path(turn)
        #: The arguments that hold the key.
        self.seen = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self):
        with self._turn.open("ab") as file:
            while not _locked(file):
                if self._ended.wait(_PAUSE):
                    return
            while True:
                self._read_arguments()
                if self._ended.wait(_PAUSE):
                    return

    def _read_arguments(self):
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes()
            except OSError:
                continue
            if any(form in words for form in self._forms):
                self.seen.add(words.replace(b"\0", b" ")[:200])

    def end(self):
        """Stop looking; the arguments that held the key."""
        self._ended.set()
        self._thread.join()
        return self.seen


def _locked(file):
    """Whether this process has the file for itself now; closing the file gives it back."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
