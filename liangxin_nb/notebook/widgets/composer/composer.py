"""The panel: a form for the chosen model, the code that does the same, and a list of cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from liangxin_nb.catalog import find_model, load_models
from liangxin_nb.core.derivation import Derivation
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError, LiangxinError, ResultUnavailableError
from liangxin_nb.session import BaseSession
from liangxin_nb.session.parents import derive, derive_from_pictures, find_job
from liangxin_nb.session.references import name_references
from liangxin_nb.session.request_builder import build_requests

from ..theme import allow_events_while_busy, style_sheet
from .card_list import MAX_CARDS, CardList
from .code_preview import CodePreview
from .common import ErrorBoundary, button, relative_path, section_title, with_class
from .form import Form
from .model_picker import ModelPicker
from .prompt import PromptInput
from .reference_picker import Reference
from .settings_form import SettingsForm, service_html

__all__ = ["Composer"]

_MAX_RECORDS = 200  # of the ledger, searched for earlier prompts and newest results
_MAX_RESULTS = 12


class Composer:
    """The panel.

    Attributes:
        box: The widget.
    """

    box: Any

    def __init__(self, get_session: Callable[[], BaseSession]) -> None:
        """Create the panel.

        Args:
            get_session: Returns the session in use, or raises `LiangxinError` if the
                settings are wrong.
        """
        self._get_session = get_session
        self._session: BaseSession | None = None
        self._error: LiangxinError | None = None
        self._form: Form | None = None
        self._values: dict[str, Any] = {}  # of the last form
        self._edited: tuple[str, Request] | None = None
        self._errors = errors = ErrorBoundary()
        self._service_line = with_class(widgets.HTML(), "lx-grow")
        self._settings = widgets.Checkbox(
            description="Settings", indent=False, tooltip="Service, key and folder",
            layout={"width": "auto"},
        )  # fmt: skip
        self._settings.observe(errors(self._on_settings), "value")
        self._settings_form = SettingsForm(self._use, errors(self._on_change), ErrorBoundary())
        self._model_picker = ModelPicker(self._on_model, errors)
        self._prompt = PromptInput(self._on_change, errors, self._load_prompts)
        self._code = CodePreview()
        self._cards = CardList(
            lambda job: self.edit(job.record.request, job.record.id), self._on_saved
        )
        self._form_box = widgets.VBox(layout={"overflow": "visible"})
        self._generate = button(
            "Generate", "Submit this request; a card below follows it", errors(self._submit),
            button_style="primary",
        )  # fmt: skip
        #: Why the button is disabled.
        self._reason = widgets.HTML(layout={"min_height": "28px"})
        self.box = self._build_box()
        self._start()
        allow_events_while_busy(self.box)

    def _build_box(self) -> Any:
        messages = with_class(widgets.VBox([self._reason, self._errors.line]), "lx-grow")
        parts = [
            widgets.HTML(style_sheet("card", "composer"), layout={"display": "none"}),
            with_class(widgets.HBox([self._service_line, self._settings]), "lx-bar"),
            self._settings_form.widget,
            self._model_picker.widget,
            self._prompt.widget,
            self._form_box,
            with_class(widgets.HBox([self._generate, messages]), "lx-bar", "lx-top"),
            self._code.widget,
            section_title("Submitted here"),
            self._cards.widget,
        ]
        return with_class(widgets.VBox(parts), "lx-panel")

    def _start(self) -> None:
        try:
            self._session = self._get_session()
        except LiangxinError as error:
            self._error = error
        self._settings.value = self._session is None
        self._on_settings()
        self._show_session()
        jobs = self._session.active() if self._session else []
        for job in sorted(jobs, key=lambda job: job.record.created_at)[-MAX_CARDS:]:
            self._cards.add(job, self._current_session())

    def edit(self, request: Request, job_id: str = "") -> None:
        """Load the request of a job into the form, to be changed and submitted again."""
        self._errors(lambda: self._edit(request, job_id))()

    def reference(self, path: Path) -> None:
        """Add a saved picture as a reference for the next request."""
        self._errors(lambda: self._add_reference(path))()

    # ---- the session

    def _current_session(self) -> BaseSession:
        """Return the session in use, also if cells have changed the settings."""
        session = self._get_session()
        if session is not self._session:
            self._use(session)
        return session

    def _use(self, session: BaseSession) -> None:
        self._session, self._error = session, None
        self._show_session()

    def _show_session(self) -> None:
        """Update all that depends on the service in use."""
        self._service_line.value = service_html(self._session, self._error)
        self._settings_form.show(self._session)
        self._model_picker.set_models(load_models(self._profile))
        self._prompt.refresh()
        self._on_model()

    @property
    def _profile(self) -> str:
        return self._session.settings.profile if self._session else "sandbox"

    def _load_prompts(self) -> list[str]:
        records = self._session.ledger.list_jobs(limit=_MAX_RECORDS) if self._session else []
        newest = sorted(records, key=lambda record: -record.created_at)
        return list(dict.fromkeys(record.request.prompt for record in newest))

    def _load_results(self) -> list[tuple[str, Path]]:
        """Return label and file of the newest results that are pictures."""
        session, results = self._session, list[tuple[str, Path]]()
        for record in session.ledger.list_jobs(limit=_MAX_RECORDS) if session else []:
            if record.status != "saved" or session is None or len(results) == _MAX_RESULTS:
                continue
            try:
                pictures = session.result(record).image_paths
            except (ResultUnavailableError, InvalidRequestError):
                continue
            label = " ".join(record.request.prompt.split())[:50]
            results += [(f"{path.parent.name[:4]} {label}", path) for path in pictures[:1]]
        return results

    # ---- events

    def _on_settings(self) -> None:
        self._settings_form.widget.layout.display = "" if self._settings.value else "none"

    def _on_model(self) -> None:
        """Show the form of another model; values that both models allow stay."""
        name = self._model_picker.value
        if self._form:
            self._values = self._form.values()
        model = find_model(self._profile, name) if name else None
        if model is None:
            self._form, self._form_box.children = None, []
            self._on_change()
            return
        if self._form and self._form.adopt(model):
            self._on_change()
            return
        self._form = Form(model, self._on_change, self._errors, self._load_results)
        inputs = model.inputs
        self._form.load(
            {
                name: v
                for name, v in self._values.items()
                if name in inputs and inputs[name].is_valid(v)
            }
        )
        self._form_box.children = [self._form.widget]
        allow_events_while_busy(self._form_box)

    def _on_change(self) -> None:
        """Check the form and the prompt, and update the code and the button."""
        form, prompt = self._form, self._prompt.value
        key_error = self._prompt.find_key()
        error = form.check(prompt) if form else ""
        self._prompt.show_error(key_error or error)
        if not prompt.strip():
            self._edited = None  # an empty form begins something new
        reason = self._find_reason(key_error)
        self._generate.disabled = bool(reason)
        self._reason.value = Markup('<span role="status">{}</span>').format(reason)
        if form is None or form.problem or key_error or not prompt.strip():
            self._code.clear(reason if prompt.strip() else "")
            return
        references = self._references()
        has_upload = any(isinstance(reference.picture, bytes) for reference in references)
        note = "An upload has no path: for this code, save the file next to the notebook."
        self._code.show(
            form.model,
            form.preview(prompt),
            [reference.name for reference in references],
            note if has_upload else "",
        )

    def _find_reason(self, key_error: str) -> str:
        """Return why the request cannot be submitted; empty if it can.

        Args:
            key_error: The warning about a key in the prompt, if there is one.
        """
        if self._settings_form.is_changed:
            return "The changed settings are not in use yet: click Use these."
        if self._form is None:
            return "Write the name of the model."
        if not self._prompt.value.strip():
            return "Write a prompt."
        if key_error:
            return "Remove the key from the prompt."
        if self._form.references and (unread := self._form.references.unread):
            return f"{unread[:60]!r} is not added yet: correct it, or empty the field."
        return self._form.problem

    def _on_saved(self) -> None:
        if self._form is not None and self._form.references is not None:
            self._form.references.refresh()

    def _references(self) -> list[Reference]:
        return self._form.references.references if self._form and self._form.references else []

    def _pictures(self) -> list[Any]:
        return [reference.picture for reference in self._references()]

    def _derivation(self, session: BaseSession, request: Request) -> Derivation:
        """Return what a request was made from: the request that was edited, and references."""
        if self._edited is None:
            return derive_from_pictures(session.ledger, self._pictures())
        return derive(session.ledger, *self._edited, request, self._pictures())

    def _submit(self) -> None:
        session, form = self._current_session(), self._form
        self._on_change()
        # The click may have been sent before the page has disabled the button.
        if form is None or self._generate.disabled:
            reason = self._find_reason(self._prompt.find_key())
            raise InvalidRequestError(f"{reason} Nothing was sent.")
        (request,), notes = build_requests(
            session.settings.profile, self._prompt.value, form.model.id,
            common_options={}, options=form.values(), images=self._pictures(),
            any_model=not form.model.in_catalog,
        )  # fmt: skip
        job = session.submit(request, derivation=self._derivation(session, request))
        self._cards.add(job, session, notes)
        self._prompt.refresh()
        self._errors.show("Submitted. The card below follows it.")

    def _edit(self, request: Request, job_id: str) -> None:
        self._model_picker.set_value(request.model)
        self._prompt.set_value(request.prompt)
        self._edited = (job_id, request) if job_id else None
        record = find_job(self._session.ledger, job_id) if self._session else None
        if record is not None and self._session is not None:
            request = name_references(self._session.ledger, self._session.results, record)
        self._errors.show("The form contains the earlier request; nothing was sent.")
        self._prompt.focus()
        if self._form is not None:
            self._form.load(request.options)
            if missing := request.options.keys() - self._form.fields.keys():
                raise InvalidRequestError(
                    f"The form has no field for {', '.join(sorted(missing))}, which the earlier "
                    "request had.",
                    next_step="Copy its cell to repeat it with all its inputs.",
                )

    def _add_reference(self, path: Path) -> None:
        if self._form is None or self._form.references is None:
            titles = (
                model.title
                for model in load_models(self._profile).values()
                if "image" in model.common_options
            )
            raise InvalidRequestError(
                "The chosen model takes no reference pictures.",
                next_step=f"Choose one that does: {', '.join(titles)}.",
            )
        self._form.references.add(Reference(str(path), relative_path(path)))
        self._errors.show("The picture was added to the references.")
