"""The panel: from a form that fits the model to a shelf of cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from liangxin_nb.catalog import find_model, load_models
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError, LiangxinError, ResultUnavailableError
from liangxin_nb.session import Session
from liangxin_nb.session.request_builder import build_requests

from ..theme import allow_events_while_busy
from .card_list import MAX_CARDS, CardList
from .code_preview import CodePreview
from .common import COMPOSER_CSS, ErrorBoundary, button, section_title, with_class
from .form import Form
from .model_picker import ModelPicker
from .prompt import PromptInput
from .reference_picker import Reference, relative_path
from .settings_form import SettingsForm, status_line

__all__ = ["Composer"]

_LOOKED_AT = 200  # job records, for earlier prompts and newest results
_MAX_OFFERED = 12


class Composer:
    """The panel; `box` is the widget. `session` gives the session in use, or raises why none is."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._of_cells = session
        self._session: Session | None = None
        self._error: LiangxinError | None = None
        self._submitted = False
        self._errors = ErrorBoundary()
        errors = self._errors
        self._line = with_class(widgets.HTML(), "lx-grow")
        self._settings = widgets.Checkbox(
            description="Settings", indent=False, tooltip="Service, key and folder",
            layout={"width": "auto"},
        )  # fmt: skip
        self._settings.observe(errors(self._on_toggle), "value")
        self._settings_form = SettingsForm(self._use, ErrorBoundary())
        self._model_picker = ModelPicker(self._on_model, errors)
        self._prompt = PromptInput(self._on_change, errors, self._prompts)
        self._code = CodePreview()
        self._cards = CardList(lambda job: self.edit(job.record.request), self._saved_prompts)
        self._form: Form | None = None
        self._place = widgets.VBox(layout={"overflow": "visible"})
        self._go = button(
            "Generate", "Ask for this picture; a card below follows it", errors(self._submit),
            button_style="primary",
        )  # fmt: skip
        self.box = self._assembled()
        self._start()
        allow_events_while_busy(self.box)

    def _assembled(self) -> widgets.VBox:
        top = with_class(widgets.HBox([self._line, self._settings]), "lx-bar")
        foot = with_class(widgets.HBox([self._go, self._errors.line]), "lx-bar")
        parts = [
            top,
            self._settings_form.widget,
            self._model_picker.widget,
            self._prompt.widget,
            self._place,
            foot,
            self._code.widget,
            section_title("Asked for here"),
            self._cards.widget,
        ]
        sheet = widgets.HTML(COMPOSER_CSS, layout={"display": "none"})
        return with_class(widgets.VBox([sheet, *parts]), "lx-panel")

    def _start(self) -> None:
        try:
            self._session = self._of_cells()
        except LiangxinError as error:
            self._error = error
        self._settings.value = self._session is None
        self._on_toggle()
        self._show()
        jobs = self._session.active() if self._session else []
        for job in sorted(jobs, key=lambda job: job.record.created_at)[-MAX_CARDS:]:
            self._cards.add(job, self._here())

    def _here(self) -> Session:
        """The session in use, also when cells have changed the settings since."""
        session = self._of_cells()
        if session is not self._session:
            self._use(session)
        return session

    def _use(self, session: Session) -> None:
        self._session, self._error = session, None
        self._show()

    def _show(self) -> None:
        """Everything that depends on the service in use."""
        self._line.value = status_line(self._session, self._error)
        self._settings_form.show(self._session)
        self._model_picker.set_models(load_models(self._profile))
        self._prompt.refresh()
        self._on_model()

    @property
    def _profile(self) -> str:
        return self._session.settings.profile if self._session else "sandbox"

    def _on_toggle(self) -> None:
        self._settings_form.widget.layout.display = "" if self._settings.value else "none"

    def _on_model(self) -> None:
        """Another model: another form. What the old one says is kept where both have the input."""
        chosen = self._model_picker.value
        if not chosen or (self._form and self._form.model is find_model(self._profile, chosen)):
            return
        before, self._submitted = self._form.values() if self._form else {}, False
        self._form = Form(
            find_model(self._profile, chosen), self._on_change, self._errors, self._newest
        )
        kept = {name: v for name, v in before.items() if name in self._form.fields}
        self._form.load(_compatible_values(self._form, kept))
        self._place.children = [self._form.widget]
        allow_events_while_busy(self._place)

    def _on_change(self) -> None:
        """The form or the prompt says something else now."""
        if self._form is None:
            return
        prompt = self._prompt.value
        self._prompt.show_error(self._form.check(prompt, submitting=self._submitted))
        if not prompt.strip():
            self._code.clear()
            return
        shown = (
            [one.preview for one in self._form.references.chosen] if self._form.references else []
        )
        self._code.show(self._form.model, self._request(prompt), shown, self._upload_note())

    def _request(self, prompt: str) -> Request:
        """What the form says, for the code: values that cannot be read are left as typed."""
        assert self._form is not None
        options = {}
        for name, value in self._form.values().items():
            input = self._form.model.inputs.get(name)
            try:
                options[name] = input.read(value) if input else value
            except InvalidRequestError:
                options[name] = value
        return Request(self._form.model.id, prompt, options)

    def _upload_note(self) -> str:
        references = self._form.references.chosen if self._form and self._form.references else []
        if any(isinstance(one.picture, bytes) for one in references):
            return "What was uploaded has no path: put the file beside the notebook for this code."
        return ""

    def _submit(self) -> None:
        """Asks for what the form says; returns at once."""
        self._submitted = True
        session, form = self._here(), self._form
        if form is None:
            raise InvalidRequestError("No model is chosen; nothing was sent.")
        self._on_change()
        pictures = [one.picture for one in form.references.chosen] if form.references else []
        (request,), notes = build_requests(
            session.settings.profile, self._prompt.value, form.model.id,
            common_options={}, options=form.values(), images=pictures,
        )  # fmt: skip
        job = session.submit(request)
        self._submitted = False
        self._cards.add(job, session, notes)
        self._prompt.refresh()
        self._errors.show("Asked for. The card below follows it.")

    def edit(self, request: Request) -> None:
        """Takes a request up into the form, to be changed and sent anew."""
        self._errors(lambda: self._edit(request))()

    def reference(self, path: Path) -> None:
        """Takes a kept picture up as a reference for the next request."""
        self._errors(lambda: self._add_reference(path))()

    def _edit(self, request: Request) -> None:
        self._model_picker.set_value(request.model)
        self._prompt.set_value(request.prompt)
        self._errors.show("The form says what was asked for then; nothing was sent.")
        self._prompt.focus()
        if self._form is not None:
            self._form.load(request.options)

    def _add_reference(self, path: Path) -> None:
        if self._form is None or self._form.references is None:
            able = (
                model.title
                for model in load_models(self._profile).values()
                if "image" in model.common_options
            )
            raise InvalidRequestError(
                "The chosen model takes no reference pictures.",
                next_step=f"Choose one that does: {', '.join(able)}.",
            )
        self._form.references.add(Reference(str(path), relative_path(path)))
        self._errors.show("The picture is among the references.")

    def _saved_prompts(self) -> None:
        """Another result is there, to be used as a reference."""
        if self._form is not None and self._form.references is not None:
            self._form.references.refresh()

    def _prompts(self) -> list[str]:
        found = self._session.ledger.list_jobs(limit=_LOOKED_AT) if self._session else []
        newest = sorted(found, key=lambda record: -record.created_at)
        return list(dict.fromkeys(record.request.prompt for record in newest))

    def _newest(self) -> list[tuple[str, Path]]:
        """The newest results that are pictures, for the references."""
        session, found = self._session, list[tuple[str, Path]]()
        records = session.ledger.list_jobs(limit=_LOOKED_AT) if session else []
        for record in records:
            if record.status != "saved" or session is None or len(found) == _MAX_OFFERED:
                continue
            try:
                pictures = session.result(record).image_paths
            except (ResultUnavailableError, InvalidRequestError):
                continue
            name = " ".join(record.request.prompt.split())[:50]
            found += [(f"{path.parent.name[:4]} {name}", path) for path in pictures[:1]]
        return found


def _compatible_values(form: Form, values: dict[str, object]) -> dict[str, object]:
    """The values that the form's model allows as well."""
    inputs = form.model.inputs
    return {name: v for name, v in values.items() if name in inputs and inputs[name].is_valid(v)}
