"""Recognise environments that delete all files after the session."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["ephemeral_notice"]

#: Variables that Binder sets for the servers that it starts.
_BINDER_VARIABLES = (
    "BINDER_SERVICE_HOST",
    "BINDER_LAUNCH_HOST",
    "BINDER_REQUEST",
    "BINDER_REPO_URL",
    "BINDER_REF_URL",
)


def ephemeral_notice(environment: Mapping[str, str] = os.environ) -> str:
    """Return one line that says when the files here are deleted; empty if they are not.

    Args:
        environment: Environment variables.
    """
    if any(environment.get(name) for name in _BINDER_VARIABLES):
        return (
            "a Binder: all files are deleted when it ends, about ten minutes after its last use. "
            "%liangxin export packs them for download."
        )
    if environment.get("COLAB_RELEASE_TAG"):
        return (
            "Colab: files outside Google Drive are deleted with the runtime. "
            "%liangxin export packs them for download."
        )
    return ""
