"""Cells with a mistake send nothing, and say what to write."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("service")]
#: Cells that would have created a task, each with what its error names.
MISTAKES = {
    "%%liangxin z-imag\nA lake": "'z-imag'",
    "%%liangxin Z-Imagee\nA lake": "Did you mean z-image?",
    "%%liangxin --seed -1\nA lake": "-1",
    "%%liangxin -n 0\nA lake": "-n",
    "%%liangxin --template\nA {{stile}} lake": "stile",
    "%%liangxin --template\nA lake": "--template",
}
LOAD = '%load_ext liangxin_nb\nstyle = "quiet"'
TITLE = "%%liangxin Z-Image\nA lake"
TEMPLATE = "%%liangxin --template\nA {{style}} lake with a {style} boat"


def test_cells_with_a_mistake_send_nothing(notebook, service):
    page = notebook([LOAD, *MISTAKES, TITLE, TEMPLATE])
    page.run_and_wait(0)
    before = service.created
    for cell, named in enumerate(MISTAKES.values(), 1):
        error = page.run_and_wait(cell)
        assert error.startswith("InvalidRequestError: ")
        assert named in error
        assert "nothing was sent" in error.lower()
    page.screenshot("mistakes", 1)
    assert service.created == before
    title, template = len(MISTAKES) + 1, len(MISTAKES) + 2
    page.run_and_wait(title)
    page.wait("shows", title, "A lake · z-image · ")
    page.run_and_wait(template)
    page.wait("shows", template, "A quiet lake with a quiet boat · z-image · ")
    assert service.created == before + 2
