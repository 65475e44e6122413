"""The gallery without a browser: what it reads, what it says, and what it hands on."""

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
from liangxin_nb.ledger import Query
from liangxin_nb.library import Library
from liangxin_nb.notebook.widgets.gallery import register_target
from liangxin_nb.notebook.widgets.gallery.comparison import comparison_table
from liangxin_nb.notebook.widgets.gallery.gallery import PAGE_SIZE, Gallery
from liangxin_nb.notebook.widgets.gallery.handoff import Handoff

from .. import stock
from ..kernels import execute

#: Files opened so far, by their ending.
OPENED = Counter()
sys.addaudithook(lambda what, args: OPENED.update([str(args[0])[-4:]]) if what == "open" else None)


def gallery(session, **more):
    """A gallery whose late work is done at once."""
    return Gallery(Library(session), lambda work: work(), lambda: None, **more)


def line(made):
    return made.status_line._text.value


def where(made):
    return made.toolbar._position.value


def prompts(made):
    return [tile.entry.record.request.prompt for tile in made.grid.tiles[: len(made.entries)]]


def test_an_empty_gallery_says_what_to_do(session):
    made = gallery(session)
    assert "No results yet" in made.grid._message.value
    stock.save_result(session, "a lake")
    made.refresh.click()
    assert prompts(made) == ["a lake"]


def test_a_filter_without_a_match_says_what_to_undo(session):
    stock.save_result(session, "a lake")
    made = gallery(session)
    made.filters.text.value = "zeppelin"
    assert "Nothing fits these filters" in made.grid._message.value
    made.filters.reset.click()
    assert prompts(made) == ["a lake"]
    assert made.filters.text.value == ""


def test_words_from_outside_are_text_and_the_pictures_alt_is_the_prompt(session):
    stock.save_result(session, '<img src=x onerror="alert(1)"> 雨')
    made = gallery(session)
    html = made.grid.tiles[0]._html.value
    assert 'alt="&lt;img src=x onerror=&#34;alert(1)&#34;&gt; 雨"' in html
    made.grid.tiles[0].open.click()
    for widget in (made.detail.view._details, made.detail.view._picture):
        assert "<img src=x" not in widget.value
    entries = made.entries * 2
    assert "<img src=x" not in comparison_table(entries, [b"", b""])


def test_an_error_in_a_button_is_shown_in_the_panel(session):
    stock.save_result(session, "a lake")
    made = gallery(session)
    (session.results.root / "ledger.sqlite").write_bytes(b"no database" * 100)
    made.refresh.click()
    assert "lx-error" in line(made)
    assert "not a database" in line(made)


def test_deleting_asks_first_and_removes_the_tiles(session):
    for n in range(3):
        stock.save_result(session, f"lake {n}", created_at=time.time() + n)
    made = gallery(session)
    for tile in made.grid.tiles[:2]:
        tile.pick.value = True
    made.toolbar.delete.button.click()
    assert "Delete 2 results?" in line(made)
    made.toolbar.delete.cancel.click()
    assert session.ledger.count_by_status() == {"saved": 3}
    made.toolbar.delete.button.click()
    made.toolbar.delete.button.click()
    assert session.ledger.count_by_status() == {"deleted": 2, "saved": 1}
    assert prompts(made) == ["lake 0"]
    assert "Deleted 2 results" in line(made)
    made.filters.state.value = "Deleted"
    assert prompts(made) == ["lake 2", "lake 1"]
    assert "Deleted" in made.grid.tiles[0]._html.value


def test_a_changed_selection_is_asked_about_again(session):
    for n in range(2):
        stock.save_result(session, f"lake {n}")
    made = gallery(session)
    made.grid.tiles[0].pick.value = True
    made.toolbar.delete.button.click()
    made.grid.tiles[1].pick.value = True
    made.toolbar.delete.button.click()
    assert session.ledger.count_by_status() == {"saved": 2}
    assert "Delete 2 results?" in line(made)


def test_the_selection_lasts_from_page_to_page(session):
    for n in range(PAGE_SIZE + 2):
        stock.save_result(session, f"lake {n}", created_at=1e9 + n, parts=[("text", b"words")])
    made = gallery(session)
    made.grid.tiles[3].pick.value = True
    made.toolbar.next.click()
    assert f"{PAGE_SIZE + 1}–{PAGE_SIZE + 2} of {PAGE_SIZE + 2}" in where(made)
    assert not made.grid.tiles[1].pick.value
    made.grid.tiles[1].pick.value = True
    made.toolbar.previous.click()
    assert [tile.pick.value for tile in made.grid.tiles[:4]] == [False, False, False, True]
    assert [*made.selection.ids] == [
        made.entries[3].id,
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
    def __init__(self):
        self.taken = []

    def edit(self, request):
        self.taken.append(request.prompt)

    def reference(self, path):
        self.taken.append(path.name)


def test_a_request_or_a_picture_goes_to_the_open_composer_or_into_the_field(session):
    stock.save_result(session, "a lake", seed=7)
    made = gallery(session)
    made.grid.tiles[0].open.click()
    view = made.detail.view
    assert view.copy.value == "%%liangxin z-image --seed 7\na lake"
    view.edit.click()
    assert "No composer is open" in line(made)
    composer = Composer()
    register_target(composer)
    view.edit.click()
    view.reference.click()
    assert composer.taken == ["a lake", "1.png"]
    del composer
    gc.collect()
    view.reference.click()
    assert "No composer is open" in line(made)
    assert "--image" in view.copy.value


def test_a_request_goes_to_ones_own_function(session):
    stock.save_result(session, "a lake", seed=7)
    own = []
    made = gallery(session, handoff=Handoff(on_edit=own.append))
    made.grid.tiles[0].open.click()
    made.detail.view.edit.click()
    assert [request.prompt for request in own] == ["a lake"]


def test_the_real_composer_takes_a_request_and_a_picture(session, monkeypatch):
    from liangxin_nb.notebook.widgets.composer import Composer as Real

    able = next(m for m in load_models("sandbox").values() if "image" in m.common_options)
    stock.save_result(session, "a lake", model=able.id)
    monkeypatch.setattr(session, "settings", replace(session.settings, profile="sandbox"))
    real = Real(lambda: session)
    register_target(real)
    made = gallery(session)
    made.grid.tiles[0].open.click()
    made.detail.view.edit.click()
    made.detail.view.reference.click()
    assert "Loaded into the composer" in line(made)
    assert real._prompt.value == "a lake"
    assert real._model_picker.value == able.id
    (path,) = session.result(made.entries[0].record).paths
    assert [reference.picture for reference in real._form.references.references] == [str(path)]


def test_an_error_of_the_composer_is_shown_in_the_panel(session):
    stock.save_result(session, "a lake")
    made = gallery(session, handoff=Handoff(on_edit=lambda request: 1 / 0))
    made.grid.tiles[0].open.click()
    made.detail.view.edit.click()
    assert "ZeroDivisionError" in line(made)


def test_next_and_previous_go_on_to_other_pages_and_end_at_the_last_result(session):
    for n in range(PAGE_SIZE + 1):
        stock.save_result(session, f"lake {n}", created_at=1e9 + n, parts=[("text", b"words")])
    made = gallery(session)
    made.grid.tiles[PAGE_SIZE - 1].open.click()
    made.detail.view.next.click()
    assert made.detail.entry.record.request.prompt == "lake 0"
    made.detail.view.next.click()
    assert "There is none after it" in line(made)
    made.detail.view.previous.click()
    assert made.detail.entry.record.request.prompt == "lake 1"


def test_a_tile_says_that_its_files_were_removed(session):
    record = stock.save_result(session, "a lake")
    session.result(record).paths[0].unlink()
    made = gallery(session)
    assert "cannot be read" in made.grid.tiles[0]._html.value
    for path in session.result(record).folder.iterdir():
        path.unlink()
    (session.results.root / record.folder).rmdir()
    made.refresh.click()
    assert "no longer in the folder" in made.grid.tiles[0]._html.value


def _kept_by(act, times):
    """The bytes of memory still held after so many acts."""
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(times):
        act()
    gc.collect()
    return tracemalloc.get_traced_memory()[0] - before


PAGES = 30


@pytest.fixture
def many(session):
    """A gallery with many pages, at its first."""
    stock.fill_ledger(session.ledger, session.results.root, PAGES * PAGE_SIZE)
    OPENED.clear()
    return gallery(session)


def test_each_page_reads_its_own_thumbnails_and_no_picture(many):
    assert f"of {PAGES * PAGE_SIZE * 19 // 20:,}" in where(many)
    assert (OPENED[".jpg"], OPENED[".png"]) == (PAGE_SIZE, 0)
    for _ in range(5):
        many.toolbar.next.click()
    assert (OPENED[".jpg"], OPENED[".png"]) == (6 * PAGE_SIZE, 0)


def test_memory_does_not_grow_with_the_pages_that_were_shown(many):
    many.toolbar.next.click()
    tracemalloc.start()
    try:
        many.toolbar.next.click()
        grown = [_kept_by(many.toolbar.next.click, 3) for _ in range(4)]
    finally:
        tracemalloc.stop()
    # What other threads of this process take is taken once; a page that stays stays every time,
    # and each page reads some 400,000 bytes.
    assert min(grown) < 50_000, f"each three pages keep some bytes: {grown}"


def test_all_pages_use_the_same_widgets_and_close_gives_them_up(many):
    many.toolbar.next.click()
    widgets, tiles = len(_instances), [id(tile.box) for tile in many.grid.tiles]
    for _ in range(3):
        many.toolbar.next.click()
    assert (len(_instances), [id(tile.box) for tile in many.grid.tiles]) == (widgets, tiles)
    many.close()
    assert len(_instances) < widgets - 4 * PAGE_SIZE


@pytest.mark.slow
def test_in_a_notebook_that_a_machine_runs_the_first_page_is_one_picture(tmp_path):
    session = Session(profile="sandbox", results=tmp_path / "liangxin-results")
    for n in range(3):
        stock.save_result(session, f"lake {n}")
    notebook = execute(["import liangxin_nb as lx\nlx.gallery()"], tmp_path)
    (output,) = notebook.cells[0].outputs
    assert output.data["text/plain"] == "<Gallery of 3 results>"
    assert set(output.data) == {"image/jpeg", "text/plain"}
    assert len(json.dumps(output)) <= 64 * 1024
