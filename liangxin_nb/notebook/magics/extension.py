"""`%config LiangXin`: the settings that are no secret."""

from __future__ import annotations

from typing import Any

from traitlets import Float, Int, Unicode
from traitlets.config import SingletonConfigurable

from ...config.settings import OVERRIDES

__all__ = ["LiangXin"]


class LiangXin(SingletonConfigurable):
    """Settings of liangxin_nb. The key is not among them: it would stand in the notebook."""

    profile = Unicode("", help="Which service: sandbox, liangxin or kie.").tag(config=True)
    base_url = Unicode("", help="The API's address, such as https://host.").tag(config=True)
    results = Unicode("", help="The folder of pictures (default liangxin-results).").tag(
        config=True
    )
    ledger = Unicode("", help="The ledger's file or database URL.").tag(config=True)
    patience = Float(900.0, help="Seconds until a wait ends by itself.").tag(config=True)
    max_credits = Float(None, allow_none=True, help="Credits a day at most.").tag(config=True)
    max_tasks = Int(None, allow_none=True, help="Tasks a day at most.").tag(config=True)
    speed = Float(1.0, help="How many times faster than life the sandbox runs.").tag(config=True)

    callback = Unicode(
        "", help="Whether the service calls when it is done: auto, none, or a URL."
    ).tag(config=True)

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        names = self.trait_names(config=True)
        self.observe(self._take, names)
        OVERRIDES.update(
            {n: v for n in names if (v := getattr(self, n)) != self.traits()[n].default()}
        )

    def _take(self, change: Any) -> None:
        OVERRIDES[change["name"]] = change["new"]
