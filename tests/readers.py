"""What shows a saved notebook without its kernel: nbconvert and MyST-NB, and what they show."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, LatexExporter, MarkdownExporter, SlidesExporter
from nbconvert.exporters import Exporter

#: A project of Sphinx that shows the saved outputs of all notebooks in its folder.
_SPHINX_CONF = """\
project = "notebooks"
extensions = ["myst_nb"]
nb_execution_mode = "off"
html_theme = "basic"
suppress_warnings = ["toc.no_title"]  # notebooks without a heading
exclude_patterns = ["_build", "**.ipynb_checkpoints", "liangxin-results"]
"""


class Image(NamedTuple):
    """A picture on a page."""

    alt: str
    #: The beginning of its address; the address of a picture that is in the page begins so too.
    src: str


class Page(NamedTuple):
    """What a reader shows of a notebook."""

    images: list[Image]
    text: str
    source: str
    warnings: list[str]


def parse(source: str, warnings: Iterable[str] = ()) -> Page:
    """Return the pictures and the text of an HTML or Markdown page."""
    soup = BeautifulSoup(source, "html.parser")
    for element in soup(["script", "style"]):
        element.decompose()
    images = [
        Image(str(image.get("alt", "")), str(image.get("src", ""))[:40])
        for image in soup.find_all("img")
    ]
    return Page(images, soup.get_text(" "), source, list(warnings))


class _Messages(logging.Handler):
    """Collects the warnings of an exporter."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Add a message."""
        self.texts.append(record.getMessage())


def export(exporter: type[Exporter], file: Path, **options: Any) -> Page:
    """Convert a notebook as `jupyter nbconvert` does."""
    messages = _Messages()
    log = logging.Logger("nbconvert")
    log.addHandler(messages)
    notebook = nbformat.read(file, 4)
    source, _ = exporter(log=log, **options).from_notebook_node(notebook)
    return parse(source, messages.texts)


def build_myst(files: Iterable[Path], folder: Path) -> dict[str, Page]:
    """Build a site of notebooks with MyST-NB; a warning fails the build.

    Returns:
        The page of each notebook, by the name of its file without suffix.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    names = [file.stem for file in files]
    for file in files:
        shutil.copy(file, source)
    (source / "conf.py").write_text(_SPHINX_CONF, encoding="utf-8")
    # With titles: a notebook may have no heading.
    entries = "\n".join(f"{name} <{name}>" for name in names)
    contents = f"# Notebooks\n\n```{{toctree}}\n{entries}\n```\n"
    (source / "index.md").write_text(contents, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--builder", "html",
         str(source), str(folder / "site")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    pages = {name: (folder / "site" / f"{name}.html").read_text("utf-8") for name in names}
    return {name: parse(page, run.stderr.splitlines()) for name, page in pages.items()}


def myst(file: Path, folder: Path) -> Page:
    """Return the page of one notebook in a site of MyST-NB."""
    return build_myst([file], folder)[file.stem]


Reader = Callable[[Path], Page]
#: Each reader that `jupyter nbconvert` has, by its name.
NBCONVERT: dict[str, Reader] = {
    "html, lab": partial(export, HTMLExporter, template_name="lab"),
    "html, classic": partial(export, HTMLExporter, template_name="classic"),
    "slides": partial(export, SlidesExporter),
    "markdown": partial(export, MarkdownExporter),
}
latex: Reader = partial(export, LatexExporter)
