"""Saved results for tests: single ones through the results folder, or very many at once."""

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


def save_result(
    session,
    prompt,
    *,
    model="z-image",
    created_at=None,
    parts=None,
    batch_id="",
    status="saved",
    missing=(),
    **options,
):
    """Add a job with its saved files and return its record.

    Args:
        session: The session.
        prompt: The prompt.
        model: The name of the model.
        created_at: Unix time in seconds; default now.
        parts: Kind and bytes of each file; default one picture.
        batch_id: The id of its batch.
        status: Another status than saved; then no file is saved.
        missing: The outputs that could not be downloaded.
        **options: The options of the request.
    """
    record = JobRecord.new(Request(model, prompt, options), session.settings.profile, "")
    record = record.replace(
        task_id=f"task_{record.id}", created_at=created_at or time.time(), batch_id=batch_id
    )
    session.ledger.add(record)
    if status != "saved":
        return session.ledger.update(
            record, status, status=status, reason="The service rejected it."
        )
    if parts is None:
        parts = [("image", _picture())]
    staged = session.results.stage(record)
    for n, (_, data) in enumerate(parts, 1):
        staged.part_path(n).write_bytes(data)
    metadata = ResultMetadata(
        prompt,
        model,
        record.task_id,
        record.id,
        "sandbox",
        "2026-11-21T17:45:00+00:00",
        options,
        is_sandbox=True,
        missing=tuple(missing),
    )
    if missing:
        record = session.ledger.update(record, "partial", reason=metadata.describe_missing())
    result = staged.commit(metadata, [TaskOutput("", kind) for kind, _ in parts])
    folder = result.folder.relative_to(session.results.root).as_posix()
    return session.ledger.mark_saved(record, folder, result.metadata.files)


@cache
def _picture():
    return paint("a lake in the mountains", seed=7, size=(480, 320))


def fill_ledger(ledger, root, count, *, thumbnails=True):
    """Add many saved results: real rows, real folders, real thumbnails on disk.

    Every 20th has failed; `lighthouse` is in the prompt of some, `zeppelin` of every 500th.
    """
    started_at = time.time() - 60.0 * count
    records = [_job(n, started_at) for n in range(count)]
    saved = [record for record in records if record.status == "saved"]
    with ledger.transaction() as db:
        rows = [to_row(r) | {"folder": r.folder, "duration_s": r.duration_s} for r in records]
        db.execute(JOBS.insert(), rows)
        file = {"name": "1.png", "bytes": 1_000_000, "sha256": "", "width": 1024, "height": 1024}
        db.execute(FILES.insert(), [{"job_id": record.id, **file} for record in saved])
    _write_files(root, saved, thumbnails)


def _job(n, started_at):
    extra = " zeppelin" if n % 500 == 7 else ""
    words = [WORDS[(n * k + k * k) % len(WORDS)] for k in range(1, 25)]
    request = Request(MODELS[n % 3], " ".join(words) + extra, {"seed": n, "image_size": "square"})
    status = "failed" if n % 20 == 19 else "saved"
    folder = f"2026-11-{n * 28 // 10_000 % 28 + 1:02}/{n:05}" if status == "saved" else ""
    batch_id = f"batch{n // 200:05}" if n % 2 else ""
    return JobRecord(f"{n:012x}", request, started_at + 60.0 * n, "sandbox", status=status,
                  task_id=f"task_{n}", folder=folder, batch_id=batch_id,
                  duration_s=12.0)  # fmt: skip


def _write_files(root, records, thumbnails):
    """Write folders with originals and thumbnails: hard links of four different ones."""
    store = root / ".store"
    store.mkdir(parents=True)
    (root / ".thumbnails").mkdir(exist_ok=True)
    for n in range(4):
        data = paint(f"{WORDS[n % len(WORDS)]} {WORDS[n % 7]}", seed=n, size=(480, 480))
        (store / f"{n}.png").write_bytes(data)
        (store / f"{n}.jpg").write_bytes(thumbnail(data, side=384, max_bytes=24_000))
    for n, record in enumerate(records):
        folder = root / record.folder
        folder.mkdir(parents=True)
        os.link(store / f"{n % 4}.png", folder / "1.png")
        if thumbnails:
            os.link(store / f"{n % 4}.jpg", root / ".thumbnails" / f"{record.id}-1.jpg")
