"""Archives that another person could send, made from a valid one; each is the same in every run."""

import bz2
import hashlib
import io
import json
import lzma
import random
import struct
import warnings
import zipfile
import zlib
from functools import partial

from PIL import Image

from ..results.test_any_bytes import huge_png

__all__ = ["CORPUS", "Parts"]

MIB = 1 << 20
_NOTEBOOK = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5}
_HTML, _ESC = "<img src=x onerror=alert(1)>", "\x1b]52;c;aGk=\x07\x1b[2J\u202e"


class Parts:
    """The entries of a valid archive with one saved picture, to change and to pack again."""

    def __init__(self, path):
        with zipfile.ZipFile(path) as archive:
            self.entries = {name: archive.read(name) for name in archive.namelist()}
        self.header, *rows = self.entries["ledger.jsonl"].decode().splitlines()
        self.row = json.loads(rows[0])
        self.folder = f"results/{self.row['job']['folder']}"
        self.picture = self.entries[f"{self.folder}/1.png"]

    def with_rows(self, *rows, header=None):
        """Replace the rows of the ledger; return the archive."""
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        self.entries["ledger.jsonl"] = "\n".join([header or self.header, *lines]).encode()
        return self.pack()

    def with_job(self, **values):
        return self.with_rows(self.row | {"job": self.row["job"] | values})

    def copies(self, count, **values):
        """Return the line of the job that many times, each with another id and no files."""
        job = self.row["job"] | {"status": "failed", "folder": ""} | values
        line = json.dumps({"job": job | {"id": "@@"}, "events": [], "files": []})
        return [line.replace("@@", f"{n:012x}") for n in range(count)]

    def with_file(self, data, name="1.png", **metadata):
        """Replace the picture by another file that the ledger and the metadata describe truly."""
        sha256 = hashlib.sha256(data).hexdigest()
        file = {"name": name, "bytes": len(data), "sha256": sha256}
        described = json.loads(self.entries[f"{self.folder}/metadata.json"])
        described["files"] = [file | {"kind": "image"} | metadata]
        del self.entries[f"{self.folder}/1.png"]
        self.entries |= {
            f"{self.folder}/{name}": data,
            f"{self.folder}/metadata.json": json.dumps(described).encode(),
        }
        return self.with_rows(self.row | {"files": [file]})

    def with_entry(self, name, data):
        self.entries[name] = data
        return self.pack()

    def pack(self, compression=zipfile.ZIP_DEFLATED, prefix=b"", extra=()):
        """Return the bytes of the zip; `extra` are further pairs of a name and its content."""
        file = io.BytesIO()
        file.write(prefix)
        with zipfile.ZipFile(file, "a", compression) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a name that is there twice
            for name, data in (*self.entries.items(), *extra):
                archive.writestr(name, data)
        return file.getvalue()


def in_directory(data, name, offset, new):
    """Return a zip with a field of the directory's record of an entry changed."""
    start = data.index(b"PK\x01\x02", data.rindex(b"PK\x05\x06") - _directory_size(data))
    while data[start + 46 : start + 46 + len(name)] != name:
        start = data.index(b"PK\x01\x02", start + 4)
    return data[: start + offset] + new + data[start + offset + len(new) :]


def _directory_size(data):
    return struct.unpack_from("<I", data, data.rindex(b"PK\x05\x06") + 12)[0]


def _events(parts, jobs, count):
    """Return an archive with that many events in each of some jobs."""
    events = ",".join(['{"created_at":1,"event":"x"}'] * count)
    lines = parts.copies(jobs)
    return parts.with_rows(
        *(line.replace('"events": []', f'"events": [{events}]') for line in lines)
    )


def _directory_of_many_entries(parts):
    record = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 15, 0)
    names = b"".join(
        record[:28] + struct.pack("<H", 6) + record[30:] + b"%06x" % n for n in range(300_000)
    )
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(names), 0, 0)
    return names + end


def _overlapping(parts):
    """All entries of the directory use the compressed data of the first, as in zbsm.zip."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = kernel.compress(bytes(8 * MIB)) + kernel.flush()
    crc = zlib.crc32(bytes(8 * MIB))
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(data), 8 * MIB, 1, 0)
    central = b""
    for name in (b"ledger.jsonl", *(b"%c" % (65 + n) for n in range(26))):
        central += struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(data), 8 * MIB,
            len(name), 0, 0, 0, 0, 0, 0,
        ) + name  # fmt: skip
    file = local + b"A" + data
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 27, 27, len(central), len(file), 0)
    return file + central + end


def _png(width, height, colour=6, text=b""):
    """Return a PNG of one colour; its data is compressed a thousand times."""
    channels = {0: 1, 6: 4}[colour]
    deflate = zlib.compressobj(9)
    row = b"\0" * (1 + channels * width)
    data = b"".join(deflate.compress(row) for _ in range(height)) + deflate.flush()

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    bomb = chunk(b"zTXt", b"liangxin\0\0" + zlib.compress(text)) if text else b""
    return b"\x89PNG\r\n\x1a\n" + head + bomb + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _jpeg():
    """Return a progressive JPEG that claims to be large."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    size = data.index(b"\xff\xc2") + 5
    return data[:size] + struct.pack(">HH", 8192, 8192) + data[size + 4 :]


def _wrong_types(parts):
    """A ledger with one job of each wrong value; the first one ends the import."""
    values = [None, True, [], {}, -1, 1e400, "\ud800", "x" * 2_000_000, 10**30]
    job, rng = parts.row["job"], random.Random(15)
    name, value = rng.choice(sorted(job)), rng.choice(values)
    return parts.with_job(**{name: value})


def _texts(parts):
    """HTML and control characters in every text of the ledger and of the metadata."""
    text = _HTML + _ESC
    metadata = json.loads(parts.entries[f"{parts.folder}/metadata.json"])
    metadata |= {"created_at": text, "service": text}
    metadata["files"][0] |= {"note": text}
    parts.entries[f"{parts.folder}/metadata.json"] = json.dumps(metadata).encode()
    job = parts.row["job"] | dict.fromkeys(("model", "prompt", "reason", "state"), text)
    job |= {"options": json.dumps({text: text}), "profile": text[:40], "service": text}
    return parts.with_rows(parts.row | {"job": job})


def _notebooks(parts):
    names = [
        "../up.ipynb", "/tmp/up.ipynb", "a\nb.ipynb", "con.ipynb", "COM1.x.ipynb", "A.ipynb",
        "a.ipynb", "\u202eb.ipynb", "x" * 300 + ".ipynb", "é" * 110 + ".ipynb", "b.ipynb.",
        "c\x9b.ipynb", ".hidden.ipynb", "d:stream.ipynb",
    ]  # fmt: skip
    notebook = json.dumps(_NOTEBOOK | {"cells": []})
    return parts.pack(extra=[(f"notebooks/{name}", notebook) for name in names])


def _hostile_notebook(parts):
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": _HTML}}
    output["data"]["application/javascript"] = "alert(1)"
    cell = {"cell_type": "code", "source": "", "metadata": {"trusted": True}, "outputs": [output]}
    return parts.with_entry("notebooks/x.ipynb", json.dumps(_NOTEBOOK | {"cells": [cell]}))


def _mutated(parts, seed):
    """The valid archive with some random bytes changed."""
    rng, data = random.Random(seed), bytearray(parts.pack())
    for _ in range(rng.choice((1, 3, 30))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.choice((None, None, len(data) // 2))])


def _metadata(parts, text):
    return parts.with_entry(f"{parts.folder}/metadata.json", text)


def _batch(parts, plan):
    batch = {"batch": {"id": "b1", "created_at": 1.0, "plan": plan}}
    return parts.with_rows(batch, parts.row)


_REJECTED, _LEFT_OUT, _IMPORTED = "rejected", "left out", "imported"
_ALIKE = '{"rows":[' + ",".join(['"a"'] * 9999) + '],"columns":[' + ",".join(['"b"'] * 9999) + "]}"
#: For each name: a function of `Parts`, and what becomes of the archive, or why it is rejected.
CORPUS = {
    "400,000 events in a line": (lambda p: _events(p, 1, 400_000), "its ledger is too large"),
    "5,000 events in each of 100 lines": (lambda p: _events(p, 100, 5000), "1000 events"),
    "500,000 events in 1,000 lines": (lambda p: _events(p, 1000, 500), "more than 400,000 events"),
    "50,000 events in 100 lines": (lambda p: _events(p, 100, 500), _IMPORTED),
    "line of 30 MB": (lambda p: p.with_rows(" " * 30 * MIB), _REJECTED),
    "40,000 jobs": (lambda p: p.with_rows(*p.copies(40_000)), "more than 30,000 jobs"),
    "2,000 jobs": (lambda p: p.with_rows(*p.copies(2000)), _IMPORTED),
    "long prompts": (lambda p: p.with_rows(*p.copies(400, prompt="x" * 90_000)), _IMPORTED),
    "prompt of 900 kB": (lambda p: p.with_job(prompt="x" * 900_000), "too long a value"),
    "directory of 300,000 files": (_directory_of_many_entries, "too many files"),
    "overlapping files": (_overlapping, "its files overlap"),
    "1,000 times compressed": (lambda p: p.with_entry("x", bytes(64 * MIB)), "compressed"),
    "size of 4 GB in the directory": (
        lambda p: in_directory(p.pack(), b"README.txt", 24, b"\xff\xff\xff\xf0"), _REJECTED,
    ),
    "size of 1 byte in the directory": (
        lambda p: in_directory(p.pack(), b"ledger.jsonl", 24, b"\1\0\0\0"), _REJECTED,
    ),
    "zip64 without its field": (
        lambda p: in_directory(p.pack(), b"README.txt", 20, b"\xff" * 8), _REJECTED,
    ),
    "encrypted": (lambda p: in_directory(p.pack(), b"ledger.jsonl", 8, b"\1\0"), "is encrypted"),
    "bzip2": (lambda p: p.pack(zipfile.ZIP_BZIP2), "compression is not supported"),
    "lzma": (lambda p: p.pack(zipfile.ZIP_LZMA), _REJECTED),
    "deflate64": (lambda p: in_directory(p.pack(), b"README.txt", 10, b"\x09\0"), _REJECTED),
    "another file format": (lambda p: bz2.compress(p.pack()), _REJECTED),
    "nested archive": (lambda p: p.pack(extra=[("x.zip", lzma.compress(p.pack()))]), _IMPORTED),
    "ledger twice": (lambda p: p.pack(extra=[("ledger.jsonl", "{}")]), "a file twice"),
    "names that leave the folder": (
        lambda p: p.pack(extra=[("../../up.txt", "x"), ("/tmp/up.txt", "x"), ("C:\\up", "x")]),
        _IMPORTED,
    ),
    "odd names of notebooks": (_notebooks, _LEFT_OUT),
    "notebook with scripts": (_hostile_notebook, _IMPORTED),
    "notebook of 20 million cells": (
        lambda p: p.with_entry("notebooks/x.ipynb", b'{"cells":[' + b"{}," * 10 * MIB + b"{}]}"),
        _LEFT_OUT,
    ),
    "notebook nested 100,000 times": (
        lambda p: p.with_entry("notebooks/x.ipynb", b'{"cells":[], "x":' + b"[" * 100_000),
        _LEFT_OUT,
    ),
    "PNG in front": (lambda p: p.pack(prefix=p.picture), _IMPORTED),
    "end of a zip in the comment": (lambda p: p.pack() + b"PK\5\6" + bytes(18), _REJECTED),
    "infinite duration": (lambda p: p.with_job(duration_s=float("inf")), _REJECTED),
    "not a number of credits": (lambda p: p.with_job(credits=float("nan")), _REJECTED),
    "from the year 2200": (lambda p: p.with_job(created_at=7.3e9), "from the future"),
    "wrong type of a field": (_wrong_types, _REJECTED),
    "options nested 1,000 times": (
        lambda p: p.with_job(options='{"a":' + "[" * 1000 + "]" * 1000 + "}"), _REJECTED,
    ),
    "option with 100,000 digits": (
        lambda p: p.with_job(options=f'{{"a":{"9" * 100_000}}}'), _REJECTED,
    ),
    "every key twice": (
        lambda p: p.with_rows(json.dumps(p.row)[:-1] + ', "job": {}, "files": []}'), _REJECTED,
    ),
    "two jobs with one folder": (
        lambda p: p.with_rows(p.row, p.row | {"job": p.row["job"] | {"id": "abc"}}), "same id",
    ),
    "batch of 100 million tasks": (lambda p: _batch(p, _ALIKE), "line 2"),
    "texts with HTML and escape sequences": (_texts, _IMPORTED),
    "metadata nested 100,000 times": (lambda p: _metadata(p, "[" * 100_000), _LEFT_OUT),
    "metadata with a million values": (lambda p: _metadata(p, "[" + "[]," * 10**6), _LEFT_OUT),
    "PNG of 8,192 by 8,192 pixels": (lambda p: p.with_file(_png(8192, 8192)), _IMPORTED),
    "progressive JPEG of 8,192 by 8,192": (lambda p: p.with_file(_jpeg(), "1.jpg"), _IMPORTED),
    "PNG of 60,000 by 60,000 pixels": (lambda p: p.with_file(huge_png()), _IMPORTED),
    "text of 64 MB in a PNG": (
        lambda p: p.with_file(_png(8, 8, text=bytes(64 * MIB))), _IMPORTED,
    ),
    "SVG as a picture": (
        lambda p: p.with_file(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        _LEFT_OUT,
    ),
    "HTML as a text": (lambda p: p.with_file(f"<html>{_HTML}".encode(), "1.txt"), _LEFT_OUT),
    "text of 24 MB": (lambda p: p.with_file(b"a" * 24 * MIB, "1.txt", kind="text"), _IMPORTED),
    "program": (lambda p: p.with_file(b"MZ" + bytes(9999), "1.exe"), _LEFT_OUT),
    "cut off": (lambda p: p.pack()[:-200], _REJECTED),
    **{f"random bytes {n}": (partial(_mutated, seed=n), "") for n in range(8)},
}  # fmt: skip
