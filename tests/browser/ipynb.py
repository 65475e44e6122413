"""Write notebook files for the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

KERNEL = "python3"


def slug(text: str) -> str:
    """Convert a text to a file name."""
    return re.sub(r"[^0-9A-Za-z]+", "-", text).strip("-")


def write(file: Path, cells: Sequence[str], kernel: str = KERNEL) -> None:
    """Write a notebook of code cells without outputs."""
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": _kernelspec(kernel), "language_info": {"name": "python"}},
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
    """Set the kernel of a notebook file; nothing else is changed."""
    content = json.loads(file.read_text(encoding="utf-8"))
    if content["metadata"].get("kernelspec", {}).get("name") != kernel:
        content["metadata"]["kernelspec"] = _kernelspec(kernel)
        file.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _kernelspec(kernel: str) -> dict[str, str]:
    return {"name": kernel, "display_name": kernel, "language": "python"}
