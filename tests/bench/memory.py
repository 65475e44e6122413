"""Benchmark of the memory that saving one large result needs, compared with what is allowed.

Each result is downloaded over a socket, checked, saved and shown, in a separate process.
`python -m tests.bench.memory` prints the peak above the memory before as JSON, in MB.
"""

import asyncio
import functools
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

from liangxin_nb.api import Client
from liangxin_nb.config.settings import Secret
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.results import ResultStore

_FILM_BYTES = 300 << 20
_MB = 1_000_000


def _film(path):
    head = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 512) + struct.pack(">I4s", 8, b"moov")
    with path.open("wb") as file:  # most of it is a hole
        file.write(head + struct.pack(">I4s", _FILM_BYTES, b"mdat"))
        file.truncate(len(head) + _FILM_BYTES)


def _picture(form, width, height, path, **options):
    # `method` is the speed of the WebP encoder; other formats ignore it.
    Image.new("RGB", (width, height), "olive").save(path, form, method=0, **options)


def _png(width, height, path):
    """Write a PNG without ever holding its pixels."""
    compressor = zlib.compressobj(1)
    rows = bytes(1 + 3 * width)
    pixels = b"".join(compressor.compress(rows) for _ in range(height)) + compressor.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + pixels, b"IEND")
    packed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


#: Results by name: how to make the file, its suffix, the allowed megabytes.
RESULTS = {
    "film of 300 MB": (_film, "mp4", 20),
    "JPEG of 8192 × 8192": (functools.partial(_picture, "JPEG", 8192, 8192), "jpg", 150),
    "PNG of 10000 × 9000": (functools.partial(_png, 10_000, 9_000), "png", 150),
    "PNG of 8900 × 8900": (functools.partial(_png, 8900, 8900), "png", 150),
    "PNG of 8192 × 8192, decoded": (functools.partial(_png, 8192, 8192), "png", 300),
    "WebP of 4096 × 4096, decoded": (functools.partial(_picture, "WEBP", 4096, 4096), "webp", 300),
    "WebP of 8192 × 8192": (functools.partial(_picture, "WEBP", 8192, 8192), "webp", 150),
    "progressive JPEG of 8192 × 8192": (
        functools.partial(_picture, "JPEG", 8192, 8192, progressive=True), "jpg", 300,
    ),
}  # fmt: skip


def measure(*names):
    """Return the peak megabytes above the start for these results, or for all, by name."""
    command = [sys.executable, "-m", __name__, *names]
    folder = Path(__file__).parents[2]
    # Large blocks are returned to the system at once: no result uses memory of an earlier one.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}
    done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


class _Files(BaseHTTPRequestHandler):
    """Serves the files of a folder in small pieces."""

    def do_GET(self):
        path = self.server.folder / Path(self.path).name
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as file:
            while data := file.read(1 << 16):
                self.wfile.write(data)

    def log_message(self, *_):
        pass


async def _save(url, root, number):
    """Save the result at a link as a job does, and make its thumbnail."""
    record = JobRecord(
        f"{number:012}", Request("z-image", "a lake"), 1e9, "sandbox", task_id="task_1"
    )
    staged = ResultStore(root).stage(record)
    output = TaskOutput.from_url(url)
    async with Client(url.rpartition("/")[0], Secret("sk-00000")) as client:
        content_type = await client.download(url, staged.part_path(1))
    staged.check(1, output, content_type)
    metadata = ResultMetadata(
        "a lake", "z-image", "task_1", record.id, "sandbox", "2026-11-21T17:45Z"
    )
    result = staged.commit(metadata, [output])
    assert result._repr_mimebundle_()
    return result


def _read_status(name):
    """Return a size of this process in MB, as Linux counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / _MB


def _measure_peaks(names, folder):
    """Print the peak of each result above the memory before its download."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Files) as server:
        server.folder = folder
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        for number, form in enumerate(("PNG", "JPEG", "WEBP")):  # loads the libraries
            _picture(form, 1200, 900, folder / "small")
            asyncio.run(_save(f"{url}/small", folder / "saved", number))
        peaks = {}
        for number, name in enumerate(names or RESULTS, 10):
            make, suffix, _ = RESULTS[name]
            path = folder / f"file.{suffix}"
            make(path=path)
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets VmHWM
            before = _read_status("VmRSS")
            size = asyncio.run(_save(f"{url}/{path.name}", folder / "saved", number)).path.stat()
            assert size.st_size >= path.stat().st_size
            peaks[name] = _read_status("VmHWM") - before
            path.unlink()
        server.shutdown()
    return peaks


@functools.cache
def _all_peaks():
    return measure()


FIGURES = [
    (f"memory for saving a {name} / allowed", "MB", lambda n=name: (_all_peaks()[n], RESULTS[n][2]))
    for name in RESULTS
]

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(_measure_peaks(sys.argv[1:], Path(folder))))
