"""Which service, which key, which folder: always seen, and set here too."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from liangxin_nb.config.settings import PROFILES, Secret
from liangxin_nb.errors import LiangxinError
from liangxin_nb.session import Session
from liangxin_nb.session.default import configure

from .common import ErrorBoundary, button, with_class

__all__ = ["SettingsForm", "status_line"]

_NAMES = {"sandbox": "Sandbox", "liangxin": "LiangXin", "kie": "KIE"}
_ADDRESSES = {
    "sandbox": "started by itself on this machine",
    "liangxin": "as your console shows it; published nowhere",
    "kie": PROFILES["kie"],
}


class SettingsForm:
    """The settings' part of the panel; `changed` is called with the session that came of it."""

    def __init__(self, changed: Callable[[Session], None], errors: ErrorBoundary) -> None:
        self._changed = changed
        self._errors = errors
        self._key: Secret | None = None
        self._profile = widgets.Dropdown(
            options=[(name, profile) for profile, name in _NAMES.items()], description="Service",
            tooltip="The sandbox draws on this machine; the others run models and bill",
        )  # fmt: skip
        self._address = widgets.Text(
            description="Address", tooltip="The API's base address, such as https://host"
        )
        # Sent when the field is left, never letter by letter.
        self._password = widgets.Password(
            description="API key", placeholder="kept in memory only", continuous_update=False,
            tooltip="Taken when you leave the field, then wiped from it; in no file, no notebook",
        )  # fmt: skip
        self._folder = widgets.Text(
            description="Results folder", tooltip="Where pictures and the ledger are kept"
        )
        self._profile.observe(errors(self._show_profile_fields), "value")
        self._password.observe(errors(self._read), "value")
        use = button("Use these", "From now on, in this kernel", errors(self._apply))
        fields = [self._profile, self._address, self._password, self._folder]
        grid = with_class(widgets.Box([with_class(one, "lx-field") for one in fields]), "lx-fields")
        self.widget = with_class(
            widgets.VBox([grid, with_class(widgets.HBox([use, errors.line]), "lx-bar")]),
            "lx-service",
        )

    def show(self, session: Session | None) -> None:
        """Shows the settings in use."""
        if session is not None:
            self._profile.value = session.settings.profile
            self._address.value = session.settings.base_url
            self._folder.value = str(session.settings.results)
        self._show_profile_fields()

    def _show_profile_fields(self) -> None:
        """The fields that the chosen service needs."""
        local = self._profile.value == "sandbox"
        self._address.disabled = self._password.disabled = local
        self._address.placeholder = _ADDRESSES[self._profile.value]
        if local:
            self._address.value = ""

    def _read(self) -> None:
        """Takes the key out of the widget at once: its state is shared with every page."""
        key = str(self._password.value).strip()
        if key:
            self._password.value = ""
            self._key = Secret(key)
            self._password.placeholder = "a key is held in memory"
            self._errors.show("The key is held in memory; the button takes it into use.")

    def _apply(self) -> None:
        folder = self._folder.value.strip()
        values: dict[str, Any] = {
            "profile": self._profile.value,
            "base_url": self._address.value.strip(),
            "results": str(Path(folder).expanduser()) if folder else "",
        }
        session = configure(**values, **({"key": self._key} if self._key else {}))
        self._errors.show(f"In use: {_NAMES[session.settings.profile]}.")
        self._changed(session)


def status_line(session: Session | None, error: LiangxinError | None = None) -> str:
    """Which service is in use, as HTML; what stands in the way where none is."""
    if session is None:
        return f'<div class="lx-wrong" role="alert">{escape(str(error))}</div>'
    settings = session.settings
    said = f"<b>{_NAMES[settings.profile]}</b> at {escape(settings.host)}. Tasks may be billed."
    if settings.profile == "sandbox":
        said = "<b>Sandbox</b>: drawn on this machine, no model is run, nothing is billed."
    folder = escape(_short(settings.results))
    return f'<div>{said} <span class="lx-soft">Results: {folder}</span></div>'


def _short(folder: Path) -> str:
    try:
        return folder.relative_to(Path.cwd()).as_posix() or "."
    except ValueError:
        return str(folder)
