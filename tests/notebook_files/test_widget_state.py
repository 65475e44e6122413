"""The saved state of widgets: what no output shows is removed, what others use stays."""

import copy

import ipywidgets
import pytest

from liangxin_nb.notebook_files.widget_state import drop_unused_state

from .conftest import VIEW, display, notebook

STATE = "application/vnd.jupyter.widget-state+json"


def box(*css_classes):
    """A box of two widgets, and the models that belong to it."""
    widget = ipywidgets.VBox([ipywidgets.HTML("text"), ipywidgets.Button()])
    for name in css_classes:
        widget.add_class(name)
    parts = [widget, *widget.children]
    return widget, [*parts, *(p.layout for p in parts), *(p.style for p in widget.children)]


@pytest.fixture
def saved():
    """A notebook with the state of two cards of this toolkit and a box of another one."""
    boxes = [box("lx-card"), box("lx-card", "lx-run"), box("other")]
    models = {
        model.model_id: {"model_name": model._model_name, "state": model.get_state()}
        for _, parts in boxes
        for model in parts
    }
    for model in models.values():
        model["state"] = {
            name: ipywidgets.widgets.widget._widget_to_json(value, None)
            for name, value in model["state"].items()
        }
    content = notebook(*(display({VIEW: {"model_id": each.model_id}}) for each, _ in boxes))
    content["metadata"]["widgets"] = {STATE: {"state": models, "version_major": 2}}
    yield content, [{model.model_id for model in parts} for _, parts in boxes]
    for _, parts in boxes:
        for model in parts:
            model.close()


def states(content):
    return set(content["metadata"]["widgets"][STATE]["state"])


def test_models_that_are_shown_stay(saved):
    content, _ = saved
    before = copy.deepcopy(content)
    assert drop_unused_state(content) == 0
    assert content == before


def test_models_of_a_card_that_is_not_shown_are_removed(saved):
    content, (first, second, other) = saved
    del content["cells"][0]
    assert drop_unused_state(content) == len(first) == 8
    assert states(content) == second | other


def test_models_of_other_libraries_stay_without_an_output(saved):
    content, (*_, other) = saved
    content["cells"].clear()
    drop_unused_state(content)
    assert states(content) == other


def test_metadata_without_any_model_is_removed(saved):
    content, (*_, other) = saved
    content["cells"].clear()
    for key in other:
        del content["metadata"]["widgets"][STATE]["state"][key]
    drop_unused_state(content)
    assert content["metadata"] == {}


@pytest.mark.parametrize(
    "odd",
    [
        None, [], {}, {"metadata": 1}, {"metadata": {"widgets": {STATE: {"state": [1]}}}},
        {"metadata": {"widgets": {STATE: {"state": {"a": 1, "b": {"state": "IPY_MODEL_b"}}}}}},
        {"cells": 7, "metadata": {}}, {"cells": [1, {"outputs": None}], "metadata": None},
    ],
)  # fmt: skip
def test_odd_notebooks_are_not_changed(odd):
    before = copy.deepcopy(odd)
    assert drop_unused_state(odd) == 0
    assert odd == before
