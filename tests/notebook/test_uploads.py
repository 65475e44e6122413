"""Files that a page uploads, with the widgets of ipywidgets 7 or 8."""

from datetime import UTC, datetime

import ipywidgets

from liangxin_nb.notebook.widgets.uploads import take_files


def choose_file(upload, name, content):
    """Change a FileUpload as a page does when a user chooses a file."""
    if isinstance(upload.value, dict):  # ipywidgets 7
        upload.metadata, upload.data = [{"name": name}], [content]
        upload._counter += 1
    else:
        file = {"name": name, "content": content, "type": "", "size": len(content)}
        upload.value = ({**file, "last_modified": datetime.now(UTC)},)


def test_files_are_returned_once_and_removed_from_the_widget():
    upload, seen = ipywidgets.FileUpload(), []
    upload.observe(lambda _: seen.extend(take_files(upload)), "value")
    for content in (b"first", b"second"):
        choose_file(upload, "a.png", content)
        assert not upload.value
        assert not getattr(upload, "data", None)
    assert seen == [("a.png", b"first"), ("a.png", b"second")]
