"""Dry run of a notebook file: what a full run would submit, read from its cells."""

from .estimate import NotebookEstimate, estimate_notebook

__all__ = ["NotebookEstimate", "estimate_notebook"]
