"""Results for a shelf: a few through the results' own folder, or very many at once."""

import os
import time
from functools import cache

from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.core.task import TaskOutput
from liangxin_nb.imaging import thumbnail
from liangxin_nb.ledger.database import FILES, JOBS
from liangxin_nb.ledger.mapping import to_row
from liangxin_nb.sandbox.painter import paint

WORDS = (  # noqa: SIM905
    "cafe terrace night rain stones lamp garden spring lighthouse storm lake city snow forest "
    "portrait cat table harbour"
).split()
MODELS = ("z-image", "seedream-v4-5", "flux-2-pro")


def kept(
    session,
    prompt,
    *,
    model="z-image",
    created_at=None,
    parts=None,
    batch_id="",
    status="saved",
    **options,
):
    """A ticket with its files, kept as a finished task's are; `parts`: (kind, bytes) of each."""
    ticket = JobRecord.new(Request(model, prompt, options), session.settings.profile, "")
    ticket = ticket.replace(
        task_id=f"task_{ticket.id}", created_at=created_at or time.time(), batch_id=batch_id
    )
    session.ledger.add(ticket)
    if status != "saved":
        return session.ledger.update(ticket, status, status=status, reason="The service said no.")
    if parts is None:
        parts = [("image", _painted())]
    parcel = session.results.stage(ticket)
    for n, (_, data) in enumerate(parts, 1):
        parcel.part_path(n).write_bytes(data)
    story = ResultMetadata(
        prompt,
        model,
        ticket.task_id,
        ticket.id,
        "sandbox",
        "2026-11-21T17:45:00+00:00",
        options,
        is_sandbox=True,
    )
    result = parcel.commit(story, [TaskOutput("", kind) for kind, _ in parts])
    folder = result.folder.relative_to(session.results.root).as_posix()
    return session.ledger.mark_saved(ticket, folder, result.metadata.files)


@cache
def _painted():
    return paint("a lake in the mountains", seed=7, size=(480, 320))


def fill(ledger, root, count, *, thumbnails=True):
    """So many kept results in one go: real rows, real folders, real thumbnails on disk.

    Every 20th has failed; `lighthouse` is in the prompt of some, `zeppelin` of every 500th.
    """
    began = time.time() - 60.0 * count
    tickets = [_ticket(n, began) for n in range(count)]
    there = [ticket for ticket in tickets if ticket.status == "saved"]
    with ledger.transaction() as db:
        rows = [to_row(t) | {"folder": t.folder, "duration_s": t.duration_s} for t in tickets]
        db.execute(JOBS.insert(), rows)
        file = {"name": "1.png", "bytes": 1_000_000, "sha256": "", "width": 1024, "height": 1024}
        db.execute(FILES.insert(), [{"job_id": t.id, **file} for t in there])
    _files(root, there, thumbnails)


def _ticket(n, began):
    extra = " zeppelin" if n % 500 == 7 else ""
    words = [WORDS[(n * k + k * k) % len(WORDS)] for k in range(1, 25)]
    request = Request(MODELS[n % 3], " ".join(words) + extra, {"seed": n, "image_size": "square"})
    status = "failed" if n % 20 == 19 else "saved"
    folder = f"2026-11-{n * 28 // 10_000 % 28 + 1:02}/{n:05}" if status == "saved" else ""
    batch_id = f"batch{n // 200:05}" if n % 2 else ""
    return JobRecord(f"{n:012x}", request, began + 60.0 * n, "sandbox", status=status,
                  task_id=f"task_{n}", folder=folder, batch_id=batch_id,
                  duration_s=12.0)  # fmt: skip


def _files(root, tickets, thumbnails):
    """Folders with originals and thumbnails; four different ones, hard links of each other."""
    store = root / ".store"
    store.mkdir(parents=True)
    (root / ".thumbnails").mkdir(exist_ok=True)
    for n in range(4):
        data = paint(f"{WORDS[n % len(WORDS)]} {WORDS[n % 7]}", seed=n, size=(480, 480))
        (store / f"{n}.png").write_bytes(data)
        (store / f"{n}.jpg").write_bytes(thumbnail(data, side=384, max_bytes=24_000))
    for n, ticket in enumerate(tickets):
        folder = root / ticket.folder
        folder.mkdir(parents=True)
        os.link(store / f"{n % 4}.png", folder / "1.png")
        if thumbnails:
            os.link(store / f"{n % 4}.jpg", root / ".thumbnails" / f"{ticket.id}-1.jpg")
