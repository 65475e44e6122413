"""Every public call, as users write it: `mypy --strict` must accept this file. It is never run."""

from pathlib import Path

import liangxin_nb as lx


def submit() -> lx.Result:
    job: lx.Job = lx.generate(
        "a cafe terrace",
        model="z-image",
        aspect="16:9",
        seed=7,
        image=[Path("chair.png"), "https://example.com/lamp.png", b"..."],
        callback=None,
        reuse=True,
        image_size="square_hd",
        num_inference_steps=8,
    )
    status: lx.JobPhase = job.status
    if status is lx.JobPhase.SAVED or job.done():
        print(job.task_id, job.record.status is lx.JobStatus.SAVED, job.last_update.note)
    job.add_done_callback(lambda ended: print(ended.task_id))
    job.watch(lambda update: print(update.phase))
    job.detach()
    lx.show(job)
    return job.wait(timeout=60.0)


def use(result: lx.Result) -> None:
    width: int = result.image.width
    sizes: list[tuple[int, int]] = [image.size for image in result.images]
    path: Path = result.save("copy.png", overwrite=True)
    seed: int | None = result.seed
    metadata: lx.ResultMetadata = result.metadata
    found: lx.ResultMetadata | None = lx.read_metadata(result.path)
    print(width, sizes, path, seed, metadata.prompt, found, result.paths, result.prompt)
    lx.show(result)


async def wait(job: lx.Job, batch: lx.Batch) -> None:
    result: lx.Result = await job
    results: list[lx.Result | None] = await batch
    async for outcome in batch:
        print(outcome.index, outcome.status, outcome.result, outcome.reason)
    print(result, results)


def batches() -> None:
    batch: lx.Batch = lx.batch(
        ["a lake", {"prompt": "a harbour", "seed": 3}],
        models=["z-image"],
        seeds=2,
        aspect=["1:1", "16:9"],
        name="shores",
        max_tasks=100,
        concurrency=4,
    )
    estimate: lx.Estimate = lx.batch(["a lake"], dry_run=True)
    first: lx.Outcome = batch[0]
    last: list[lx.Outcome] = batch[-2:]
    counts: dict[str, int] = batch.counts
    progress: lx.Progress = batch.progress
    sheet: lx.ContactSheet = batch.sheet()
    sent_again: int = batch.retry()
    for outcome in batch.as_completed():
        print(outcome, batch.failures)
    batch.pause()
    batch.resume().wait(timeout=None)
    batch.detach()
    lx.show(batch)
    print(estimate.tasks, first, last, counts, progress.text, sheet.save("sheet.png"), sent_again)
    print(lx.batch(id=batch.id), batch.table(), batch.to_pandas())


def manage() -> None:
    jobs: list[lx.Job] = [*lx.resume(), *lx.resume("task_1"), lx.attach("task_2")]
    table: lx.Table = lx.history("lake", limit=10)
    balance: float = lx.credits()
    report: lx.Table | None = lx.doctor()
    path: Path = lx.export_archive("all.zip", notebooks=False)
    imported: lx.ImportReport = lx.import_archive(path)
    lx.panel()
    lx.gallery(on_edit=lambda request: print(request.prompt), on_reference=print)
    lx.allow_nested_loops()
    print(jobs, table.to_pandas(), balance, report, imported.results)


async def sessions() -> None:
    settings = lx.Settings.load(profile="sandbox")
    with lx.Session(settings) as session:
        lx.set_session(session)
        session.generate("a lake", size="square").wait()
        session.batch(["a lake"]).wait()
        session.show(session.attach("task_1"))
        session.panel()
        session.gallery()
        print(session.history(), session.resume(), session.credits(), session.doctor())
        session.import_archive(session.export_archive())
    async with lx.Session(profile="kie", results=Path("autumn")) as session:
        balance: float = await session.credits_async()
        jobs: list[lx.Job] = [*await session.resume_async(), await session.attach_async("task_3")]
        path: Path = await session.export_archive_async()
        report: lx.ImportReport = await session.import_archive_async(path)
        print(balance, jobs, report)
    lx.set_session(None)


def errors() -> None:
    try:
        submit()
    except lx.APIError as error:
        print(error.status, error.code, error.retry_after)
    except lx.APIConnectionError as error:
        print(error.maybe_created)
    except (lx.TaskFailedError, lx.WaitTimeoutError, lx.ResultUnavailableError) as error:
        print(error.task_id, error.next_step, error.retryable)
    except lx.LiangxinError as error:
        print(error.message)
