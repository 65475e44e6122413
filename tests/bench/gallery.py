"""Benchmark of the gallery with 10,000 results, compared with SQL and decoding the thumbnails.

It runs in a kernel, because the messages to the browser take most of the time.
"""

import json
import tempfile
from functools import cache
from pathlib import Path

from jupyter_client.manager import start_new_kernel

from liangxin_nb.ledger import Ledger

from .. import stock

COUNT = 10_000
_CODE = """
import asyncio, io, json, pathlib, sqlite3, statistics, time
from PIL import Image
from liangxin_nb.notebook.widgets.gallery.gallery import PAGE_SIZE, Gallery
from liangxin_nb import Session
from liangxin_nb.library import Library

root = pathlib.Path({root!r})
session = Session(profile="sandbox", results=root)
later = lambda work: session.loop.submit(asyncio.to_thread(work))
query = "select * from jobs where status = 'saved' {{}} order by created_at desc limit 24"

def query_and_decode(condition="", *values):
    db = sqlite3.connect(root / "ledger.sqlite")
    rows = db.execute(query.format(condition), values).fetchall()
    db.close()
    for row in rows:
        small = (root / ".thumbnails" / f"{{row[0]}}-1.jpg").read_bytes()
        Image.open(io.BytesIO(small)).load()

def timed(work, *values):
    start = time.perf_counter()
    work(*values)
    return 1000 * (time.perf_counter() - start)

def open_gallery():
    global gallery
    gallery = Gallery(Library(session), later, lambda: None)

def filter_by(text):
    gallery.filters.text.value = text

def rss():
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6

rounds = []
for _ in range(9):
    rounds.append((timed(open_gallery), timed(query_and_decode), timed(filter_by, "zeppelin"),
                   timed(query_and_decode, "and prompt like ?", "%zeppelin%")))
    time.sleep(0.3)  # the filters are filled in the meantime
    gallery.close()
open_gallery()
for _ in range(5):
    gallery.toolbar.next.click()
before = rss()
for _ in range(50):
    gallery.toolbar.next.click()
figures = [statistics.median(column) for column in zip(*rounds)] + [rss(), before]
print(json.dumps(figures))
"""


@cache
def _measured():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        stock.fill_ledger(Ledger(root / "ledger.sqlite"), root, COUNT)
        return _run(_CODE.format(root=str(root)))


def _run(code):
    """Run code in a new kernel and return the JSON that it prints."""
    manager, client = start_new_kernel()
    output = []

    def append_output(message):
        content = message["content"]
        output.append(content.get("text") or "\n".join(content.get("traceback", ())))

    try:
        client.execute_interactive(code, output_hook=append_output, timeout=300)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    text = "".join(output)
    assert text.strip().startswith("["), text
    return json.loads(text)


def first_page():
    """Milliseconds until the messages of the first page are sent, as the median of nine."""
    return tuple(_measured()[0:2])


def text_filter():
    """Milliseconds until the results for a rare word are sent; compared with SQL."""
    return tuple(_measured()[2:4])


def memory():
    """Memory of the kernel in MB after fifty pages; compared with the memory before."""
    return tuple(_measured()[4:6])


FIGURES = [
    ("gallery of 10,000: first page / SQL + decoding thumbnails", "ms", first_page),
    ("gallery of 10,000: text filter / SQL + decoding thumbnails", "ms", text_filter),
    ("gallery: kernel after 50 pages / before", "MB", memory),
]
