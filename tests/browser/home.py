"""The folders a JupyterLab server lives in, apart from the developer's own."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# "none" draws every cell: the other modes may leave out cells that are off screen.
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/notebook-extension/tracker": {
        "windowingMode": "none",
        # A notebook that names no kernel would else open behind a question.
        "autoStartDefaultKernel": True,
    },
    "@jupyterlab/completer-extension/manager": {
        # Only what the kernel offers, and however long it takes: the other source adds the
        # notebook's own words, and a kernel slower than a second is left out.
        "availableProviders": {"CompletionProvider:context": -1, "CompletionProvider:kernel": 550},
        "providerTimeout": 10000,
    },
    "@jupyterlab/apputils-extension/notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
}
KERNEL = {"language": "python", "metadata": {"debugger": True}}
FOLDERS = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_PATH": "share",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
}
PERSONAL = ("JUPYTER", "JPY_", "LIANGXIN")  # variables that stay behind


class Home:
    """Hold a server's settings, kernel, runtime files and log in one folder."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        """Use this folder, which need not exist yet; `python` runs the kernels."""
        self.folder = folder
        self._python = python
        self.log = folder / "server.log"
        self.runtime = folder / "runtime"

    def prepare(self) -> None:
        """Write what a server reads when it starts."""
        # The first place that is looked at, so the kernel is this interpreter and no other.
        self.add_kernel("python3")
        self.reset_settings()

    def add_kernel(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Offer a kernel, with environment variables on top of the server's.

        In a value, `${NAME}` stands for a variable of the server's own environment.
        """
        spec = self.folder / "share" / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True, exist_ok=True)
        argv = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        content = {"argv": argv, "display_name": name, "env": dict(env or {}), **KERNEL}
        spec.write_text(json.dumps(content), encoding="utf-8")

    def reset_settings(self) -> None:
        """Write the settings anew, and with that forget the theme an earlier test chose."""
        folder = self.folder / "settings"
        shutil.rmtree(folder, ignore_errors=True)
        for name, values in SETTINGS.items():
            file = folder / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the caller's variables on top of ours, with every Jupyter folder moved here."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(PERSONAL)}
        moved = {name: str(self.folder / folder) for name, folder in FOLDERS.items()}
        return {**kept, **moved, **extra}
