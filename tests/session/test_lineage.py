"""The lineage of a job as a tree: complete, bounded, and safe to show."""

from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest

from liangxin_nb import Session
from liangxin_nb.archive import export_session, import_session
from liangxin_nb.core.derivation import Derivation
from liangxin_nb.core.job_record import JobRecord
from liangxin_nb.core.metadata import ResultMetadata
from liangxin_nb.core.request import Request
from liangxin_nb.diagnostics import rebuild
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ledger import Ledger
from liangxin_nb.ledger.relatives import find_relatives
from liangxin_nb.library import Library
from liangxin_nb.notebook.magics.line_magic import liangxin_line
from liangxin_nb.session.default import set_session

from .. import stock


@pytest.fixture
def add(session):
    """Return a function that adds a saved job with an id, made from others."""

    def add_job(job_id, *parent_ids, prompt="a lake", **values):
        record = JobRecord.new(Request("z-image", prompt), "sandbox", "")
        values = {"task_id": f"task_{job_id}", "status": "saved", **values}
        record = record.replace(id=job_id, parent_ids=parent_ids, **values)
        session.ledger.add(record)
        return record

    return add_job


def shown(session, job_id):
    """Return the text of a tree, without model and prompts."""
    return repr(session.lineage(job_id)).replace(" · z-image", "").replace(" · “a lake”", "")


def test_tree_shows_what_made_a_job_and_what_it_made(session, add):
    add("a0")
    add("b0", "a0", change="seed 7 → 8")
    add("b1", "a0")  # another child of an ancestor is not of this lineage
    add("c0", "b0", change="prompt changed", prompt="a bay\nat dawn")
    add("d0", "c0", status="failed")
    assert shown(session, "b0") == (
        "a0\n"
        "└─ b0 · this job · seed 7 → 8\n"
        "   └─ c0 · prompt changed · “a bay”\n"
        "      └─ d0 · Failed"
    )


def test_job_with_two_parents_is_shown_once(session, add):
    add("a0")
    add("b0", "a0")
    add("b1", "a0")
    add("c0", "b0", "b1", change="pictures of b0 and b1 used as references")
    add("d0", "c0")
    assert shown(session, "d0") == (
        "a0\n"
        "├─ b0\n"
        "│  └─ c0 · pictures of b0 and b1 used as references\n"
        "│     └─ d0 · this job\n"
        "└─ b1\n"
        "   └─ c0 · see above · pictures of b0 and b1 used as references"
    )


def test_parent_that_is_not_in_the_ledger_is_named(session, add):
    add("b0", "task_of_another_ledger", "a0")
    add("c0", "b0", "x0")  # the other reference of a later job is named in its change only
    assert shown(session, "b0") == (
        "task_of_another_ledger · not in this ledger\n"
        "└─ b0 · this job\n"
        "   └─ c0\n"
        "a0 · not in this ledger\n"
        "└─ b0 · see above · this job"
    )


def test_deleted_parent_and_one_that_is_named_by_its_task_are_shown(session, add):
    add("a0", status="deleted")
    add("b0", "task_a0")
    assert shown(session, "b0") == "a0 · Deleted\n└─ b0 · this job"
    assert shown(session, "a0") == "a0 · Deleted · this job\n└─ b0"


def test_part_of_an_id_is_not_an_id(session, add):
    add("a0", task_id="")
    for n in range(26):
        add(f"b{n:02}", "a01", "ba0", "%")
    add("b99", "A0")
    add("c0", "a0")
    assert shown(session, "a0") == "a0 · this job\n└─ c0"


@pytest.mark.parametrize("job_id", ["a0", "b0", "c0"])
def test_cycle_ends(session, add, job_id):
    add("a0", "c0", "a0")
    add("b0", "a0")
    add("c0", "b0")
    lines = shown(session, job_id).splitlines()
    assert [line.lstrip("└├─│ ")[:2] for line in lines if "above" not in line] == ["a0", "b0", "c0"]
    assert len(lines) <= 5


def test_long_and_wide_lineages_are_cut_off(session, add):
    add("a0")
    for n in range(30):
        add(f"b{n:02}", "a0")
    for n in range(40):
        add(f"c{n:02}", f"c{n - 1:02}")
    for job_id, count in (("a0", 25), ("c00", 21), ("c39", 21), ("c15", 36)):
        *lines, note = repr(session.lineage(job_id)).splitlines()
        assert len(lines) == count
        assert note == "There are more: %liangxin show ID --lineage of one of these shows its own."
        assert note in session.lineage(job_id)._repr_html_()


def test_ledger_with_any_number_of_parents_is_read_in_part(session, add):
    many = [f"{n:04x}" for n in range(3000)]
    for n in range(30):
        add(many[n], *many)
    relatives = find_relatives(session.ledger, session.ledger.find("0005"))
    assert len(relatives.ancestors) + len(relatives.descendants) <= 60
    assert len(repr(session.lineage("0005")).splitlines()) < 2000


def test_page_has_pictures_with_alt_texts_and_escapes_everything(session):
    hostile = "<img src=x onerror=alert(1)> \x1b[31m\nsecond line"
    parent = stock.save_result(session, hostile)
    child = stock.save_result(session, "a harbour", model=hostile)
    session.ledger.update(child, "x", parent_ids=f"{parent.id}\n{hostile}", change=hostile)
    tree = session.lineage(child.id)
    html = tree._repr_html_()
    assert html.count("<img ") == html.count("data:image/jpeg;base64,") == 2
    assert 'alt="a harbour"' in html
    assert "<img src=x" not in html
    assert "\x1b" not in repr(tree) + html
    assert len(html) < 30_000


def test_videos_and_missing_pictures_are_shown_as_text(session, add):
    saved = stock.save_result(session, "a lake")
    text = stock.save_result(session, "a poem", parts=[("text", b"roses")])
    html = "".join(session.lineage(record.id)._repr_html_() for record in (saved, text))
    assert html.count("<img ") == 1
    Library(session).delete(saved.id)
    assert "<img " not in session.lineage(saved.id)._repr_html_()
    assert "Deleted" in session.lineage(saved.id)._repr_html_()


def test_trees_of_equal_jobs_are_equal(session, add):
    add("a0")
    assert session.lineage("a0") == replace(session.lineage("a0"))


@pytest.fixture
def chain(session):
    """Three saved results, each made from the one before it."""
    records = [stock.save_result(session, prompt) for prompt in ("a lake", "a bay", "a harbour")]
    for parent, child in pairwise(records):
        session.ledger.update(child, "x", parent_ids=parent.id, change="prompt changed")
    return records


@pytest.fixture
def elsewhere(session, tmp_path):
    """A session of the same service with another ledger."""
    settings = session.settings
    folder = tmp_path / "elsewhere"
    with closing(Session(base_url=settings.base_url, key=settings.key, results=folder)) as opened:
        yield opened


def test_imported_lineage_is_the_same(session, chain, elsewhere, tmp_path):
    archive = export_session(session, tmp_path / "1.zip", notebooks=False).path
    import_session(elsewhere, archive, notebooks=False)
    last = chain[-1].id
    assert repr(elsewhere.lineage(last)) == repr(session.lineage(last))
    assert elsewhere.lineage(last)._repr_html_() == session.lineage(last)._repr_html_()
    imported = elsewhere.result(elsewhere.ledger.find(last)).metadata
    assert (imported.parent_ids, imported.change) == ((chain[1].id,), "prompt changed")


@pytest.mark.parametrize("line", ["show {} --lineage", "show --lineage {}"])
def test_magic_shows_the_tree_of_a_job_by_the_beginning_of_its_id(session, chain, line):
    set_session(session)
    try:
        tree = liangxin_line(line.format(chain[0].id[:8]))
        assert repr(tree) == repr(session.lineage(chain[0].id))
        with pytest.raises(InvalidRequestError, match="needs the id of a task"):
            liangxin_line("show --lineage")
        with pytest.raises(InvalidRequestError, match="is not in the ledger"):
            liangxin_line("show --lineage x --lineage")
    finally:
        set_session(None)


def test_parent_that_is_not_exported_is_named_by_its_task_until_it_is_imported(
    session, chain, elsewhere, tmp_path
):
    first, second, third = chain
    for number, records in enumerate(([second, third], [first])):
        ids = [record.id for record in records]
        path = tmp_path / f"{number}.zip"
        export_session(session, path, notebooks=False, job_ids=ids)
        if number == 1:
            task = elsewhere.ledger.find(second.id).parent_ids
            assert task == (first.task_id,)
            assert f"{first.task_id} · not in this ledger" in repr(elsewhere.lineage(third.id))
        import_session(elsewhere, path, notebooks=False)
    assert repr(elsewhere.lineage(third.id)) == repr(session.lineage(third.id))


def test_rebuilt_ledger_has_the_lineage(session):
    record, settings = stock.save_result(session, "a lake"), session.settings
    file = settings.results / record.folder / "metadata.json"
    metadata = ResultMetadata.from_json(file.read_text())
    derivation = Derivation(("a0", "task_1"), "prompt changed")
    metadata = replace(metadata, parent_ids=derivation.parent_ids, change=derivation.change)
    file.write_text(metadata.to_json())
    session.close()
    (settings.results / "ledger.sqlite").unlink()
    rebuild(settings)
    with closing(Ledger(settings.ledger_location)) as ledger:
        assert ledger.find(record.id).derivation == derivation
