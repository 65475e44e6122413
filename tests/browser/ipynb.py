"""Notebook files for the tests to open."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

KERNEL = "python3"


def slug(text: str) -> str:
    """Return a text as a plain file name."""
    return re.sub(r"[^0-9A-Za-z]+", "-", text).strip("-")


def write(file: Path, cells: Sequence[str], kernel: str = KERNEL) -> None:
    """Write a notebook of code cells that have not run."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": _named(kernel), "language_info": {"name": "python"}},
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


def set_kernel(file: Path, kernel: str) -> None:
    """Let a notebook name the kernel that it is opened with; nothing else of it changes."""
    content = json.loads(file.read_text(encoding="utf-8"))
    if content["metadata"].get("kernelspec", {}).get("name") != kernel:
        content["metadata"]["kernelspec"] = _named(kernel)
        file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _named(kernel: str) -> dict[str, str]:
    return {"name": kernel, "display_name": kernel, "language": "python"}
