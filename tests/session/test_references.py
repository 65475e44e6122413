"""Reference pictures of earlier requests, found again among the results."""

import os

import pytest

from liangxin_nb.catalog import find_model
from liangxin_nb.catalog.codegen import to_cell_source
from liangxin_nb.library import Library
from liangxin_nb.sandbox.painter import paint
from liangxin_nb.session.media_input import to_data_uri
from liangxin_nb.session.references import name_references, restore_references

from .. import stock

MODEL = "seedream-v4-5-edit"


@pytest.fixture
def references(session):
    """Two saved results with different pictures."""
    parts = {prompt: [("image", paint(prompt, seed=7, size=(64, 64)))] for prompt in ("a", "b")}
    records = [stock.save_result(session, prompt, parts=part) for prompt, part in parts.items()]
    return [session.result(record) for record in records]


@pytest.fixture
def made(session, references):
    """The record, as another process reads it, of a job with both and a URL as references."""
    url = "https://example.com/1.png"
    images = [to_data_uri(references[1]), url, to_data_uri(references[0])]
    record = stock.save_result(session, "c", model=MODEL, reference_images=images, seed=7)
    parents = "\n".join(result.metadata.job_id for result in references)
    session.ledger.update(record, "x", parent_ids=parents)
    record = session.ledger.find(record.id)
    assert not record.request.is_complete
    return record


def restored(session, record):
    return restore_references(session.ledger, session.results, record)


def test_request_is_complete_again(session, made):
    assert restored(session, made).is_complete
    assert session.ledger.is_complete(made.replace(request=restored(session, made)))


def test_request_of_a_later_variation_is_complete_again(session, made):
    child = stock.save_result(session, "c", model=MODEL, **made.request.options)
    session.ledger.update(child, "x", parent_ids=made.id)
    child = session.ledger.find(child.id)
    assert restored(session, child).options == restored(session, made).options


def test_cell_names_the_files(session, made, references):
    request = name_references(session.ledger, session.results, made)
    cell = to_cell_source(find_model("sandbox", MODEL), request)
    second, first = (os.path.relpath(result.path) for result in reversed(references))
    images = f"--image {second} --image https://example.com/1.png --image {first}"
    assert cell == f"%%liangxin {MODEL} --seed 7 {images}\nc"
    assert Library(session).to_cell(made) == cell


def test_reference_that_is_gone_or_was_changed_stays_described(session, made, references):
    references[0].path.write_bytes(paint("another", seed=7, size=(64, 64)))
    references[1].path.unlink()
    assert restored(session, made) == made.request
    assert "--image picture_1" in Library(session).to_cell(made)


def test_drawn_seed_stays_one(session, made):
    record = made.replace(request=made.request.with_drawn_seed("seed", 8))
    assert restored(session, record).drawn_seed == "seed"
