"""The settings of the panel: service, key and results folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.config.settings import PROFILES, Secret
from liangxin_nb.errors import LiangxinError
from liangxin_nb.session import BaseSession
from liangxin_nb.session.default import configure

from .common import ErrorBoundary, button, relative_path, with_class
from .more_settings import MoreSettings

__all__ = ["SettingsForm", "service_html"]

_NAMES = {"sandbox": "Sandbox", "liangxin": "LiangXin", "kie": "KIE"}
_ADDRESS_HINTS = {
    "sandbox": "started on this machine when needed",
    "liangxin": "as shown in your console; not published",
    "kie": PROFILES["kie"],
}


class SettingsForm:
    """The form for the settings.

    Attributes:
        widget: The widget.
    """

    widget: Any

    def __init__(
        self,
        on_change: Callable[[BaseSession], None],
        on_edit: Callable[[], None],
        errors: ErrorBoundary,
    ) -> None:
        """Create the form.

        Args:
            on_change: Called with the new session when settings have been applied.
            on_edit: Called when a field has changed.
            errors: Shows errors.
        """
        self._shown: tuple[str, ...] = ()
        self._is_key_new = False
        self._on_change, self._errors = on_change, errors
        self._key: Secret | None = None
        self._profile = widgets.Dropdown(
            options=[(name, profile) for profile, name in _NAMES.items()], description="Service",
            tooltip="The sandbox draws on this machine; the others run models and bill",
        )  # fmt: skip
        self._address = widgets.Text(
            description="Address", tooltip="The API's base address, such as https://host"
        )
        # Sent when the field loses the focus, not letter by letter.
        self._password = widgets.Password(
            description="API key", placeholder="held in memory only", continuous_update=False,
            tooltip="Read when you leave the field, which is then cleared; never saved",
        )  # fmt: skip
        self._folder = widgets.Text(
            description="Results folder", tooltip="Where pictures and the ledger are saved"
        )
        self._more = MoreSettings(on_edit)
        self._profile.observe(errors(self._update_fields), "value")
        self._password.observe(errors(self._read_key), "value")
        for field in (self._profile, self._address, self._password, self._folder):
            field.observe(lambda _: on_edit(), "value")
        apply = button("Use these", "From now on, in this kernel", errors(self._apply))
        fields = [self._profile, self._address, self._password, self._folder]
        grid = with_class(
            widgets.Box([with_class(field, "lx-field") for field in fields]), "lx-fields"
        )
        row = with_class(widgets.HBox([apply, self._more.toggle, errors.line]), "lx-bar")
        self.widget = with_class(widgets.VBox([grid, self._more.widget, row]), "lx-service")

    def show(self, session: BaseSession | None) -> None:
        """Show the settings of a session, or none."""
        if session is not None:
            self._profile.value = session.settings.profile
            self._address.value = session.settings.base_url
            self._folder.value = str(session.settings.results)
            self._more.show(session.settings)
        self._update_fields()
        self._shown, self._is_key_new = self._main_values(), False

    @property
    def is_changed(self) -> bool:
        """Whether settings have been changed that are not in use yet."""
        is_changed = self._is_key_new or self._main_values() != self._shown
        return is_changed or bool(self._more.changes())

    def _main_values(self) -> tuple[str, ...]:
        return self._profile.value, self._address.value.strip(), self._folder.value.strip()

    def _update_fields(self) -> None:
        """Enable the fields that the chosen service needs."""
        is_sandbox = self._profile.value == "sandbox"
        self._address.disabled = self._password.disabled = is_sandbox
        self._address.placeholder = _ADDRESS_HINTS[self._profile.value]
        if is_sandbox:
            self._address.value = ""

    def _read_key(self) -> None:
        """Take the key out of the widget at once: every page shares its state."""
        key = str(self._password.value)
        if key:
            self._password.value = ""
            self._key, self._is_key_new = Secret(key, "What was entered"), True
            self._password.placeholder = "a key is held in memory"
            self._errors.show("The key is held in memory; click Use these to apply it.")

    def _apply(self) -> None:
        values: dict[str, Any] = {
            "profile": self._profile.value,
            "base_url": self._address.value,
            "results": self._folder.value,
            **self._more.changes(),
        }
        session = configure(**values, **({"key": self._key} if self._key else {}))
        self._errors.show(f"In use: {_NAMES[session.settings.profile]}.")
        self._on_change(session)


def service_html(session: BaseSession | None, error: LiangxinError | None = None) -> Markup:
    """Return which service is in use, or without a session why there is none."""
    if session is None:
        return Markup('<div class="lx-wrong" role="alert">{}</div>').format(str(error))
    settings = session.settings
    service = Markup("<b>{}</b> at {}. Tasks may be billed.").format(
        _NAMES[settings.profile], settings.host
    )
    if settings.profile == "sandbox":
        service = Markup(
            "<b>Sandbox</b>: drawn on this machine, no model is run, nothing is billed."
        )
    return Markup('<div>{} <span class="lx-soft">Results: {}</span></div>').format(
        service, relative_path(settings.results)
    )
