"""Benchmark of saving notebooks with the hook that writes durable outputs.

The page sends the cards of ended jobs with every save, as after a reload. The alternative saves the
same file without the hook, so that both write the same bytes.
"""

import copy
import json
import logging
import os
import statistics
import tempfile
import time
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

from jupyter_server.services.contents.filemanager import FileContentsManager

from liangxin_nb import Session
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.ledger import Ledger
from liangxin_nb.server.save_hook import SaveHook

from ..notebook_files.conftest import card, notebook

_ROUNDS = 9
_MAX_OUTPUTS = 500


def cards_of_saved_jobs(root):
    """Return the cards of many saved jobs; their pictures are copies of one, by hard links."""
    with Session(profile="sandbox", results=root) as session:
        result = session.generate("a cafe terrace", model="z-image").wait()
        record = session.ledger.find(result.task_id)
        result.output()  # makes the thumbnail, as the end of a job does
        metadata = json.loads((result.folder / "metadata.json").read_text())
        records = []
        for n in range(_MAX_OUTPUTS):
            other = JobRecord.new(record.request, record.profile, record.service).replace(
                task_id=f"task_{n}"
            )
            folder = result.folder.with_name(f"copy-{n}")
            folder.mkdir()
            os.link(result.path, folder / result.path.name)
            for thumbnail in (root / ".thumbnails").glob(f"{record.id}-*"):
                os.link(thumbnail, thumbnail.with_name(thumbnail.name.replace(record.id, other.id)))
            text = json.dumps(metadata | {"job_id": other.id, "task_id": other.task_id})
            (folder / "metadata.json").write_text(text)
            session.ledger.add(other)
            files = [{"name": result.path.name, "bytes": 1, "sha256": "0" * 64}]
            records.append(
                session.ledger.mark_saved(other, f"{folder.parent.name}/{folder.name}", files)
            )
    with closing(Ledger(root / "ledger.sqlite")):
        return [card(record) for record in records]


@cache
def measurements():
    """Return seconds of a save, by number of outputs: the first one, a later one, without hook."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "JUPYTER_RUNTIME_DIR": f"{folder}/runtime", "LIANGXIN_BUDGET": f"{folder}/budget",
            "LIANGXIN_SPEED": "20",
        }  # fmt: skip
        with patch.dict(os.environ, environment):
            cards = cards_of_saved_jobs(Path(folder, "results"))
            return {count: _measure(Path(folder), cards[:count]) for count in (1, 50, 500)}


def _measure(folder, cards):
    (folder / "notebooks").mkdir(exist_ok=True)
    log = logging.getLogger("liangxin_nb.bench")
    log.setLevel(logging.ERROR)
    manager = FileContentsManager(root_dir=str(folder / "notebooks"), log=log)
    hook = SaveHook(log)

    def saved(content, *hooks):
        manager._pre_save_hooks = list(hooks)
        model = {"type": "notebook", "format": "json", "content": copy.deepcopy(content)}
        start = time.perf_counter()
        manager.save(model, "n.ipynb")
        return time.perf_counter() - start, model["content"]

    content = notebook(*cards)
    first, _ = saved(content, hook)
    # If the deadline was over, the other thread continues.
    while "widget-view" in json.dumps(complete := saved(content, hook)[1]):
        time.sleep(0.1)
    later = statistics.median(saved(content, hook)[0] for _ in range(_ROUNDS))
    plain = statistics.median(saved(complete)[0] for _ in range(_ROUNDS))
    return first, later, plain


def _figure(count, column):
    row = measurements()[count]
    return 1000 * row[column], 1000 * row[2]


FIGURES = [
    (f"save {count} {'outputs' if count > 1 else 'output'}, {words} / without the hook", "ms",
     partial(_figure, count, column))
    for count in (1, 50, 500)
    for column, words in enumerate(("first time", "again"))
]  # fmt: skip
