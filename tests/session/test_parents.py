"""What a request was made from: changed jobs, and results among its reference pictures."""

import io
import shutil
from contextlib import closing

import pytest
from PIL import Image

from liangxin_nb import Session, read_metadata
from liangxin_nb.batches import prepare
from liangxin_nb.core.derivation import Derivation, describe_change, describe_references
from liangxin_nb.core.request import Request
from liangxin_nb.imaging import embed
from liangxin_nb.session.parents import derive, derive_from_pictures, find_job_id

from .. import stock

EDIT_MODEL = "seedream-v4-5-edit"


@pytest.fixture
def saved(session):
    """The record of a saved result."""
    return stock.save_result(session, "a lake", seed=7)


@pytest.fixture
def elsewhere(sandbox, tmp_path):
    """A session with another ledger."""
    folder = tmp_path / "elsewhere"
    with closing(Session(base_url=sandbox.url, key=sandbox.key, results=folder)) as opened:
        yield opened


FORMS = {
    "result": lambda result: result,
    "path": lambda result: result.path,
    "text": lambda result: str(result.path),
    "bytes": lambda result: result.path.read_bytes(),
    "picture": lambda result: result.image,
    "part of it": lambda result: result.image.crop((0, 0, 64, 64)),
}


@pytest.mark.parametrize("form", FORMS)
def test_result_in_any_form_is_the_parent_of_a_request_with_it(session, saved, form):
    picture = FORMS[form](session.result(saved))
    assert derive_from_pictures(session.ledger, [picture]) == Derivation(
        (saved.id,), f"picture of {saved.id[:4]}… used as reference"
    )


def test_copied_file_is_recognized_by_what_is_embedded_in_it(session, saved, tmp_path):
    copy = shutil.copy(session.result(saved).path, tmp_path / "copy.png")
    assert derive_from_pictures(session.ledger, [copy]).parent_ids == (saved.id,)


def test_file_without_embedded_metadata_is_recognized_in_its_folder(session, saved):
    path = session.result(saved).path
    with Image.open(path) as picture:
        bare = Image.new("RGB", picture.size)
    bare.save(path)
    bare.save(path.with_name("2.png"))
    assert derive_from_pictures(session.ledger, [path]).parent_ids == (saved.id,)
    assert derive_from_pictures(session.ledger, [path.with_name("2.png")]).parent_ids == ()


def test_pictures_of_other_programs_have_no_parent(session, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n broken")
    pictures = [broken, tmp_path / "missing.png", b"", "https://example.com/1.png", "data:,x", None]
    assert derive_from_pictures(session.ledger, pictures) == Derivation()


def test_several_results_are_named_once_each(session, saved):
    other = stock.save_result(session, "a harbour")
    results = [session.result(record) for record in (saved, other, saved)]
    assert derive_from_pictures(session.ledger, results) == Derivation(
        (saved.id, other.id), describe_references([saved.id, other.id])
    )
    ids = [f"{n:012x}" for n in range(7)]
    assert describe_references(ids).endswith("0000… and 4 others used as references")


def test_result_of_another_ledger_is_named_by_its_task(session, saved, elsewhere):
    picture = session.result(saved).path
    assert derive_from_pictures(elsewhere.ledger, [picture]).parent_ids == (saved.task_id,)


def test_metadata_of_a_stranger_does_not_name_a_job_of_this_ledger(session, saved):
    metadata = session.result(saved).metadata
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    text = metadata.to_json().replace(saved.task_id, "task\\nof another " + "x" * 900)
    (parent_id,) = derive_from_pictures(session.ledger, [embed(buffer.getvalue(), text)]).parent_ids
    assert parent_id.startswith("task of another xxx")
    assert len(parent_id) == 200


CHANGES = {
    "same request": (Request("z-image", "a", {"seed": 7}), ""),
    "seed": (Request("z-image", "a", {"seed": 8}), "seed 7 → 8"),
    "no seed": (Request("z-image", "a"), "seed 7 → default"),
    "prompt and size": (
        Request("z-image", "b", {"seed": 7, "image_size": "square"}),
        "prompt changed · image_size default → square",
    ),
    "model": (
        Request("other", "a", {"seed": 9, "steps": 4}),
        "model z-image → other · seed 7 → 9",
    ),
    "reference": (
        Request("z-image", "a", {"seed": 7, "image": "data:image/png;base64," + "A" * 300}),
        "reference pictures changed",
    ),
    "several lines": (Request("z-image", "a", {"seed": "1\n2\x1b[1m"}), "seed 7 → 1 2␛[1m"),
    "many": (
        Request("z-image", "a", {"seed": 7, **{f"o{n}": n for n in range(9)}}),
        " · ".join([f"o{n} default → {n}" for n in range(5)]) + " · 4 more options changed",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_change_is_one_line(name):
    new, expected = CHANGES[name]
    assert describe_change(Request("z-image", "a", {"seed": 7}), new) == expected


def test_reference_of_the_ledger_is_equal_to_what_was_sent():
    sent = Request("z-image", "a", {"image": "data:image/png;base64," + "A" * 300})
    known = Request("z-image", "a", dict(sent.redacted_options))
    assert describe_change(known, sent) == ""


def test_repeated_request_says_so(session, saved):
    request = saved.request
    repeated = derive(session.ledger, saved.id, request, request)
    assert repeated == Derivation((saved.id,), "same request again")


def test_retry_of_a_failed_job_has_its_parents(session, saved):
    failed = stock.save_result(session, "a lake", status="failed", seed=8)
    first = derive(session.ledger, failed.id, failed.request, failed.request)
    assert first == Derivation()
    record = failed.replace(id="f" * 12, parent_ids=(saved.id,), change="seed 7 → 8")
    session.ledger.add(record)
    new = Request("z-image", "a bay", {"seed": 8})
    assert derive(session.ledger, record.id, record.request, new) == Derivation(
        (saved.id,), "seed 7 → 8 · prompt changed"
    )


def test_new_reference_of_an_edited_request_is_a_second_parent(session, saved):
    other = session.result(stock.save_result(session, "a harbour"))
    new = Request("z-image", "a lake", {"seed": 7, "image": "data:image/png;base64,AAAA"})
    pictures = [other, session.result(saved)]
    made = derive(session.ledger, saved.id, saved.request, new, pictures)
    other_id = other.metadata.job_id
    assert made == Derivation((saved.id, other_id), describe_references([other_id]))


def test_metadata_and_ledger_name_the_parents(session, saved):
    job = session.generate("in winter", model=EDIT_MODEL, image=session.result(saved).path)
    result = job.wait(60)
    change = f"picture of {saved.id[:4]}… used as reference"
    for made in (session.ledger.find(job.task_id), result.metadata, read_metadata(result.path)):
        assert (made.parent_ids, made.change) == ((saved.id,), change)
    assert find_job_id(session.ledger, result.metadata) == job.record.id


def test_copied_cell_has_the_parents_of_the_request_that_it_repeats(session, saved):
    varied = saved.request.with_drawn_seed("seed", 8)
    derivation = derive(session.ledger, saved.id, saved.request, varied)
    session.submit(varied, derivation=derivation).wait(60)
    copy = session.generate("a lake", model="z-image", seed=8)
    assert copy.record.derivation == Derivation((saved.id,), "seed 7 → 8")
    others = [session.generate("a lake", model="z-image", seed=seed) for seed in (9, None)]
    assert [job.record.derivation for job in others] == [Derivation()] * 2
    for job in (copy, *others):
        job.wait(60)


def test_rows_of_a_batch_name_their_own_references(session, saved):
    other = stock.save_result(session, "a harbour")
    rows = [{"prompt": "x"}, {"prompt": "y", "image": str(session.result(other).path)}]
    prepared = prepare(session, rows, models=EDIT_MODEL, seeds=[1, 2], image=session.result(saved))
    batch = prepared.start()
    batch.wait()
    parents = [outcome.last_update.record.parent_ids for outcome in batch]
    assert parents == [(saved.id,)] * 2 + [(other.id,)] * 2
