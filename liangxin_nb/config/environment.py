"""Where this process runs, as far as it matters for what people keep."""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["ephemeral_notice"]

#: A Binder tells its servers what was asked of it under these names.
_BINDER = (
    "BINDER_SERVICE_HOST",
    "BINDER_LAUNCH_HOST",
    "BINDER_REQUEST",
    "BINDER_REPO_URL",
    "BINDER_REF_URL",
)


def ephemeral_notice(environment: Mapping[str, str] = os.environ) -> str:
    """In one line when everything here will vanish, and what to do; empty where it stays."""
    if any(environment.get(name) for name in _BINDER):
        return (
            "a Binder: everything here vanishes when it ends, some ten minutes after its last use. "
            "%liangxin export packs it for download."
        )
    if environment.get("COLAB_RELEASE_TAG"):
        return (
            "Colab: what is not on a Drive vanishes with the runtime. "
            "%liangxin export packs it for download."
        )
    return ""
