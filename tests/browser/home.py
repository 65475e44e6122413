"""Folders for a JupyterLab server, separate from the developer's folders."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# "none" renders every cell; the other modes may skip cells outside the window.
SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/notebook-extension/tracker": {
        "windowingMode": "none",
        # Otherwise JupyterLab asks for a kernel if the notebook names none.
        "autoStartDefaultKernel": True,
    },
    "@jupyterlab/completer-extension/manager": {
        # Only completions of the kernel, without its default time limit of one second: the other
        # provider adds words from the notebook.
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
PERSONAL = ("JUPYTER", "JPY_", "LIANGXIN")  # variables that the server does not get


class Home:
    """One folder with a server's settings, kernels, runtime files and log."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        """Use this folder, which may not exist yet; `python` runs the kernels."""
        self.folder = folder
        self._python = python
        self.log = folder / "server.log"
        self.runtime = folder / "runtime"

    def prepare(self) -> None:
        """Write the files that a server reads when it starts."""
        # Jupyter searches this folder first, so this interpreter runs the kernel.
        self.add_kernel("python3")
        self.reset_settings()

    def add_kernel(self, name: str, env: Mapping[str, str] | None = None) -> None:
        """Add a kernel with variables in addition to the server's environment.

        In a value, `${NAME}` is replaced by a variable of the server's environment.
        """
        spec = self.folder / "share" / "kernels" / name / "kernel.json"
        spec.parent.mkdir(parents=True, exist_ok=True)
        argv = [self._python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        content = {"argv": argv, "display_name": name, "env": dict(env or {}), **KERNEL}
        spec.write_text(json.dumps(content), encoding="utf-8")

    def reset_settings(self) -> None:
        """Reset the settings, including the theme that an earlier test has set."""
        folder = self.folder / "settings"
        shutil.rmtree(folder, ignore_errors=True)
        for name, values in SETTINGS.items():
            file = folder / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a server that uses this folder, with additional variables."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(PERSONAL)}
        folders = {name: str(self.folder / folder) for name, folder in FOLDERS.items()}
        return {**inherited, **folders, **extra}
