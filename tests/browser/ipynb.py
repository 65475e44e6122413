"""Notebook files for the tests to open."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
    "language_info": {"name": "python"},
}


def slug(text: str) -> str:
    """Return a text as a plain file name."""
    return re.sub(r"[^0-9A-Za-z]+", "-", text).strip("-")


def write(file: Path, cells: Sequence[str]) -> None:
    """Write a notebook of code cells that have not run."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": METADATA,
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "source": source,
                "metadata": {},
                "execution_count": None,
                "outputs": [],
            }
            for number, source in enumerate(cells)
        ],
    }
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
