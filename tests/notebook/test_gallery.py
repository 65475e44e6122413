"""The gallery without a browser: pages, selection, messages, and the composer."""

import gc
import json
import sys
import time
import tracemalloc
from collections import Counter

import pytest
from ipywidgets.widgets.widget import _instances
from msgspec.structs import replace

from liangxin_nb import Session
from liangxin_nb.catalog import load_models
from liangxin_nb.errors import InvalidRequestError
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
from liangxin_nb.notebook.magics.line_magic import liangxin_line
from liangxin_nb.notebook.widgets.gallery import register_target
from liangxin_nb.notebook.widgets.gallery.comparison import comparison_table
from liangxin_nb.notebook.widgets.gallery.gallery import PAGE_SIZE, Gallery
from liangxin_nb.notebook.widgets.gallery.handoff import Handoff
from liangxin_nb.session.default import set_session

from .. import stock
from ..kernels import execute

#: The number of files opened so far, by the last four characters of their names.
OPENED = Counter()
# Without the call of os.open in an opener, which has no mode.
sys.addaudithook(
    lambda event, args: (
        OPENED.update([str(args[0])[-4:]]) if event == "open" and args[1] is not None else None
    )
)


def make_gallery(session, **options):
    """Return a gallery whose background work is done at once."""
    return Gallery(Library(session), lambda work: work(), lambda: None, **options)


def message(gallery):
    return gallery.status_line._text.value


def position(gallery):
    return gallery.toolbar._position.value


def prompts(gallery):
    return [tile.entry.record.request.prompt for tile in gallery.grid.tiles[: len(gallery.entries)]]


def test_empty_gallery_says_what_to_do(session):
    gallery = make_gallery(session)
    assert "No results yet" in gallery.grid._message.value
    stock.save_result(session, "a lake")
    gallery.refresh.click()
    assert prompts(gallery) == ["a lake"]


def test_filters_without_match_say_what_to_undo(session):
    stock.save_result(session, "a lake")
    gallery = make_gallery(session)
    gallery.filters.text.value = "zeppelin"
    assert "Nothing fits these filters" in gallery.grid._message.value
    gallery.filters.reset.click()
    assert prompts(gallery) == ["a lake"]
    assert gallery.filters.text.value == ""


def test_untrusted_text_is_escaped_and_alt_text_is_prompt(session):
    stock.save_result(session, '<img src=x onerror="alert(1)"> 雨')
    gallery = make_gallery(session)
    html = gallery.grid.tiles[0]._html.value
    assert 'alt="&lt;img src=x onerror=&#34;alert(1)&#34;&gt; 雨"' in html
    gallery.grid.tiles[0].open.click()
    for widget in (gallery.detail.view._details, gallery.detail.view._picture):
        assert "<img src=x" not in widget.value
    entries = gallery.entries * 2
    assert "<img src=x" not in comparison_table(entries, [b"", b""])


def test_error_of_button_is_shown(session):
    stock.save_result(session, "a lake")
    gallery = make_gallery(session)
    session.ledger.close()  # its log is written to the file
    (session.results.root / "ledger.sqlite").write_bytes(b"no database" * 100)
    gallery.refresh.click()
    assert "lx-error" in message(gallery)
    assert "not a database" in message(gallery)


def stocked_gallery(session, count):
    """Save results, and return a gallery with all but the oldest selected."""
    for n in range(count):
        stock.save_result(session, f"lake {n}", created_at=time.time() + n)
    gallery = make_gallery(session)
    for tile in gallery.grid.tiles[: count - 1]:
        tile.pick.value = True
    return gallery


def test_deletion_asks_first_and_can_be_undone(session):
    gallery = stocked_gallery(session, 3)
    delete, status = gallery.toolbar.delete.button, gallery.status_line
    assert (status.confirm.layout.display, gallery.refresh.layout.display) == ("none", None)
    delete.click()
    delete.click()  # the second half of a double click
    assert "Move 2 results to the trash?" in message(gallery)
    status.keep.click()
    status.confirm.click()  # sent before the page has hidden the button
    assert session.ledger.count_by_status() == {"saved": 3}
    delete.click()
    status.confirm.click()
    assert session.ledger.count_by_status() == {"deleted": 2, "saved": 1}
    assert prompts(gallery) == ["lake 0"]
    assert "Moved 2 results to the trash" in message(gallery)
    gallery.filters.state.value = "Deleted"
    assert prompts(gallery) == ["lake 2", "lake 1"]
    gallery.filters.clear()
    gallery.trash.undo.click()
    assert session.ledger.count_by_status() == {"saved": 3}
    assert prompts(gallery) == ["lake 2", "lake 1", "lake 0"]
    assert gallery.trash.undo.layout.display == "none"


def test_changed_selection_is_confirmed_again(session):
    gallery = stocked_gallery(session, 2)
    gallery.toolbar.delete.button.click()
    gallery.grid.tiles[1].pick.value = True
    gallery.status_line.confirm.click()  # sent before the page has hidden the button
    assert session.ledger.count_by_status() == {"saved": 2}
    gallery.toolbar.delete.button.click()
    assert "Move 2 results to the trash?" in message(gallery)


def test_result_that_another_window_has_deleted_or_restored_is_no_error(session):
    first, second = stocked_gallery(session, 3), make_gallery(session)
    second.open(second.entries[0])
    for gallery, delete in ((first, first.toolbar.delete), (second, second.detail.view.delete)):
        delete.button.click()
        gallery.status_line.confirm.click()
    assert "has no saved result: it is deleted" in message(second)
    assert prompts(second) == ["lake 0"]
    second.filters.state.value = "Deleted"
    second.open(second.entries[0])
    second.detail.view.restore.click()
    assert "Restored 1 result" in message(second)
    first.trash.undo.click()
    assert "Restored 1 result" in message(first)
    assert session.ledger.count_by_status() == {"saved": 3}


def test_trash_is_listed_restored_and_emptied_by_commands(session, capsys):
    set_session(session)
    records = [stock.save_result(session, f"lake {n}") for n in range(2)]
    for record in records:
        Library(session).delete(record.id)
    table = liangxin_line("trash")
    assert {row["id"] for row in table} == {record.id for record in records}
    assert "%liangxin restore ID" in capsys.readouterr().out
    assert liangxin_line(f"restore {records[0].id}").prompt == "lake 0"
    assert "Removed 1 result" in repr(liangxin_line("trash --empty"))
    assert session.ledger.count_by_status() == {"saved": 1, "deleted": 1}
    for line in ("restore", f"restore {records[1].id}", "trash --all"):
        with pytest.raises(InvalidRequestError):
            liangxin_line(line)


def test_selection_stays_when_pages_turn(session):
    for n in range(PAGE_SIZE + 2):
        stock.save_result(session, f"lake {n}", created_at=1e9 + n, parts=[("text", b"words")])
    gallery = make_gallery(session)
    gallery.grid.tiles[3].pick.value = True
    gallery.toolbar.next.click()
    assert f"{PAGE_SIZE + 1}–{PAGE_SIZE + 2} of {PAGE_SIZE + 2}" in position(gallery)
    assert not gallery.grid.tiles[1].pick.value
    gallery.grid.tiles[1].pick.value = True
    gallery.toolbar.previous.click()
    assert [tile.pick.value for tile in gallery.grid.tiles[:4]] == [False, False, False, True]
    assert [*gallery.selection.ids] == [
        gallery.entries[3].id,
        Library(session).page(Query(sort="oldest"))[0].id,
    ]


def test_only_differences_are_marked(session):
    stock.save_result(session, "a red boat on a lake", seed=1, steps=8)
    stock.save_result(session, "a blue boat on a lake", seed=2, steps=8)
    library = Library(session)
    html = comparison_table(library.page(Query()), [b"", b""])
    assert "<mark>blue</mark>" in html
    assert "<mark>red</mark>" in html
    assert "<mark>boat" not in html
    assert html.index("seed<br>≠ differs") < html.index(">steps<")
    assert "steps<br>" not in html


class Composer:
    """Records what is sent to it."""

    def __init__(self):
        self.received = []

    def edit(self, request, job_id):
        self.received += [request.prompt, job_id]

    def reference(self, path):
        self.received.append(path.name)


def test_request_and_picture_are_sent_to_open_composer_or_shown_as_code(session):
    record = stock.save_result(session, "a lake", seed=7)
    gallery = make_gallery(session)
    gallery.grid.tiles[0].open.click()
    view = gallery.detail.view
    assert view.copy.value == "%%liangxin z-image --seed 7\na lake"
    view.edit.click()
    assert "No composer is open" in message(gallery)
    composer = Composer()
    register_target(composer)
    view.edit.click()
    view.reference.click()
    assert composer.received == ["a lake", record.id, "1.png"]
    del composer
    gc.collect()
    view.reference.click()
    assert "No composer is open" in message(gallery)
    assert "--image" in view.copy.value


def test_request_is_sent_to_function_of_caller(session):
    stock.save_result(session, "a lake", seed=7)
    requests = []
    gallery = make_gallery(session, handoff=Handoff(on_edit=requests.append))
    gallery.grid.tiles[0].open.click()
    gallery.detail.view.edit.click()
    assert [request.prompt for request in requests] == ["a lake"]


def test_real_composer_loads_request_and_picture(session, monkeypatch):
    from liangxin_nb.notebook.widgets.composer import Composer as RealComposer

    model = next(m for m in load_models("sandbox").values() if "image" in m.common_options)
    stock.save_result(session, "a lake", model=model.id)
    monkeypatch.setattr(session, "settings", replace(session.settings, profile="sandbox"))
    real = RealComposer(lambda: session)
    register_target(real)
    gallery = make_gallery(session)
    gallery.grid.tiles[0].open.click()
    gallery.detail.view.edit.click()
    gallery.detail.view.reference.click()
    assert "Loaded into the composer" in message(gallery)
    assert real._prompt.value == "a lake"
    assert real._model_picker.value == model.id
    (path,) = session.result(gallery.entries[0].record).paths
    assert [reference.picture for reference in real._form.references.references] == [str(path)]


def test_result_has_links_to_what_made_it_and_to_what_was_made_from_it(session):
    first = stock.save_result(session, "a lake")
    for n in range(8):
        child = stock.save_result(session, f"a bay {n}")
        session.ledger.update(child, "x", parent_ids=first.id, change=f"seed {n} → 9")
    gallery = make_gallery(session)
    gallery.grid.tiles[0].open.click()
    links = gallery.detail.view.relatives
    assert [b.description for b in links.parents.buttons] == [f"{first.id[:4]}… a lake"]
    assert links.children.box.layout.display == "none"
    assert "seed 7 → 9" in gallery.detail.view._details.value
    links.parents.buttons[0].click()
    assert gallery.detail.entry.id == first.id
    labels = [widget.description for widget in links.children.buttons]
    assert [label.partition("… ")[2] for label in labels] == [f"seed {n} → 9" for n in range(6)]
    assert links.children.box.children[-1].value == "and more"
    links.children.buttons[2].click()
    assert gallery.detail.entry.record.request.prompt == "a bay 2"
    gallery.back()


def test_error_of_composer_is_shown(session):
    stock.save_result(session, "a lake")
    gallery = make_gallery(session, handoff=Handoff(on_edit=lambda request: 1 / 0))
    gallery.grid.tiles[0].open.click()
    gallery.detail.view.edit.click()
    assert "ZeroDivisionError" in message(gallery)


def test_next_and_previous_continue_on_other_pages_and_end_at_last_result(session):
    for n in range(PAGE_SIZE + 1):
        stock.save_result(session, f"lake {n}", created_at=1e9 + n, parts=[("text", b"words")])
    gallery = make_gallery(session)
    gallery.grid.tiles[PAGE_SIZE - 1].open.click()
    gallery.detail.view.next.click()
    assert gallery.detail.entry.record.request.prompt == "lake 0"
    gallery.detail.view.next.click()
    assert "There is none after it" in message(gallery)
    gallery.detail.view.previous.click()
    assert gallery.detail.entry.record.request.prompt == "lake 1"


def test_tile_says_that_its_files_were_removed(session):
    record = stock.save_result(session, "a lake")
    session.result(record).paths[0].unlink()
    gallery = make_gallery(session)
    assert "cannot be read" in gallery.grid.tiles[0]._html.value
    for path in session.result(record).folder.iterdir():
        path.unlink()
    (session.results.root / record.folder).rmdir()
    gallery.refresh.click()
    assert "no longer in the folder" in gallery.grid.tiles[0]._html.value


def _memory_growth(act, times):
    """Return by how many bytes memory has grown after repeating an action."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(times):
        act()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


PAGE_COUNT = 30


@pytest.fixture
def large_gallery(session):
    """Return a gallery with many pages, at the first one."""
    stock.fill_ledger(session.ledger, session.results.root, PAGE_COUNT * PAGE_SIZE)
    OPENED.clear()
    return make_gallery(session)


def test_each_page_reads_its_thumbnails_and_no_originals(large_gallery):
    assert f"of {PAGE_COUNT * PAGE_SIZE * 19 // 20:,}" in position(large_gallery)
    assert (OPENED[".jpg"], OPENED[".png"]) == (PAGE_SIZE, 0)
    for _ in range(5):
        large_gallery.toolbar.next.click()
    assert (OPENED[".jpg"], OPENED[".png"]) == (6 * PAGE_SIZE, 0)


def test_memory_does_not_grow_with_number_of_pages_shown(large_gallery):
    large_gallery.toolbar.next.click()
    tracemalloc.start()
    try:
        large_gallery.toolbar.next.click()
        grown = (_memory_growth(large_gallery.toolbar.next.click, 3) for _ in range(8))
        # Jobs of earlier tests allocate now and then; a leaked page, some 400,000 bytes, would be
        # leaked every time.
        assert any(growth < 50_000 for growth in grown)
    finally:
        tracemalloc.stop()


def test_pages_share_widgets_and_close_frees_them(large_gallery):
    large_gallery.toolbar.next.click()
    widgets, tiles = len(_instances), [id(tile.box) for tile in large_gallery.grid.tiles]
    for _ in range(3):
        large_gallery.toolbar.next.click()
    assert (len(_instances), [id(tile.box) for tile in large_gallery.grid.tiles]) == (
        widgets,
        tiles,
    )
    large_gallery.close()
    assert len(_instances) < widgets - 4 * PAGE_SIZE


@pytest.mark.slow
def test_headless_notebook_shows_first_page_as_one_picture(tmp_path):
    session = Session(profile="sandbox", results=tmp_path / "liangxin-results")
    for n in range(3):
        stock.save_result(session, f"lake {n}")
    notebook = execute(["import liangxin_nb as lx\nlx.gallery()"], tmp_path)
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"] == "<Gallery of 3 results>"
    assert set(output.data) == {"image/jpeg", "text/plain"}
    assert len(json.dumps(output)) <= 64 * 1024
