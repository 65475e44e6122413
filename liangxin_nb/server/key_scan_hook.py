"""Replace API keys in the outputs of notebooks when Jupyter's server saves them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

__all__ = ["KeyScanHook"]

_DEADLINE_S = 2.0  # far more than a notebook of usual size needs
_MAX_NOTEBOOKS = 1000


class KeyScanHook:
    """A pre-save hook of a contents manager; it never raises."""

    def __init__(self, log: Any, *, deadline_s: float = _DEADLINE_S) -> None:
        """Create the hook; nothing is read.

        Args:
            log: The server's log.
            deadline_s: Seconds after which the rest of a notebook is saved as it is.
        """
        self._log, self._deadline_s = log, deadline_s
        self._reported: dict[str, object] = {}

    def __call__(
        self, *, model: dict[str, Any], path: str = "", contents_manager: Any = None, **_: Any
    ) -> None:
        """Redact the notebook that is about to be saved.

        Args:
            model: The contents model; its outputs and metadata are changed in place.
            path: The path of the file below the root of the contents manager.
            contents_manager: The contents manager.
        """
        try:
            if model.get("type") == "notebook" and isinstance(model.get("content"), dict):
                self._redact(model["content"], path, getattr(contents_manager, "root_dir", ""))
        except Exception as error:  # whatever is wrong, the notebook must be saved
            self._report(path, f"was not searched for keys ({type(error).__name__})")

    def _redact(self, notebook: dict[str, Any], path: str, root: object) -> None:
        from ..notebook_files.key_notice import describe, write_notice
        from ..notebook_files.key_registry import registered_keys
        from ..notebook_files.key_scan import redact_outputs

        end = time.monotonic() + self._deadline_s
        is_late = False

        def check_time() -> bool:
            nonlocal is_late
            is_late = is_late or time.monotonic() > end
            return is_late

        findings = redact_outputs(notebook, registered_keys(), check_time)
        texts = [f"contains {describe(findings)}"] if findings else []
        texts += ["is too large to search all of it for keys at once"] if is_late else []
        is_new = self._report(path, "; ".join(texts))
        if is_new and isinstance(root, str) and root:
            write_notice(Path(os.path.expanduser(root)) / path.strip("/"), findings)  # noqa: PTH111

    def _report(self, path: str, text: str) -> bool:
        """Write a line into the server's log if there is something new; return whether there is."""
        if self._reported.get(path, "") == text:
            return False
        if len(self._reported) >= _MAX_NOTEBOOKS:
            self._reported.clear()
        self._reported[path] = text
        if text:
            self._log.warning("liangxin_nb: %r %s", path, text)
        return True
