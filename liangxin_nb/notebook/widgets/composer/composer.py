"""The panel: from a form that fits the model to a shelf of cards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from liangxin_nb.catalog import find_model, load_models
from liangxin_nb.core.request import Request
from liangxin_nb.errors import InvalidRequestError, ResultUnavailableError
from liangxin_nb.session import Session
from liangxin_nb.session.request_builder import build_requests

from ..theme import release
from .card_list import MOST, Shelf
from .code_preview import Code
from .common import SHEET, Guard, button, classed, titled
from .form import Form
from .model_picker import Chooser
from .prompt import Prompt
from .reference_picker import Reference, near
from .settings_form import Service, line

__all__ = ["Composer"]

_LOOKED_AT = 200  # tickets, for earlier prompts and newest results
_OFFERED = 12


class Composer:
    """The panel; `box` is the widget. `session` gives the session in use, or raises why none is."""

    def __init__(self, session: Callable[[], Session]) -> None:
        self._of_cells = session
        self._session: Session | None = None
        self._error: InvalidRequestError | None = None
        self._asked = False
        self._guard = Guard()
        guard = self._guard
        self._line = classed(widgets.HTML(), "lx-grow")
        self._settings = widgets.Checkbox(
            description="Settings", indent=False, tooltip="Service, key and folder",
            layout={"width": "auto"},
        )  # fmt: skip
        self._settings.observe(guard(self._toggled), "value")
        self._service = Service(self._use, Guard())
        self._chooser = Chooser(self._chosen, guard)
        self._prompt = Prompt(self._changed, guard, self._prompts)
        self._code = Code()
        self._shelf = Shelf(lambda job: self.edit(job.record.request), self._kept)
        self._form: Form | None = None
        self._place = widgets.VBox(layout={"overflow": "visible"})
        self._go = button(
            "Generate", "Ask for this picture; a card below follows it", guard(self._submit),
            button_style="primary",
        )  # fmt: skip
        self.box = self._assembled()
        self._start()
        release(self.box)

    def _assembled(self) -> widgets.VBox:
        top = classed(widgets.HBox([self._line, self._settings]), "lx-bar")
        foot = classed(widgets.HBox([self._go, self._guard.line]), "lx-bar")
        parts = [
            top, self._service.widget, self._chooser.widget, self._prompt.widget, self._place,
            foot, self._code.widget, titled("Asked for here"), self._shelf.widget,
        ]  # fmt: skip
        sheet = widgets.HTML(SHEET, layout={"display": "none"})
        return classed(widgets.VBox([sheet, *parts]), "lx-panel")

    def _start(self) -> None:
        try:
            self._session = self._of_cells()
        except InvalidRequestError as error:
            self._error = error
        self._settings.value = self._session is None
        self._toggled()
        self._show()
        jobs = self._session.active() if self._session else []
        for job in sorted(jobs, key=lambda job: job.record.at)[-MOST:]:
            self._shelf.add(job, self._here())

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
        self._line.value = line(self._session, self._error)
        self._service.show(self._session)
        self._chooser.offer(load_models(self._profile))
        self._prompt.refresh()
        self._chosen()

    @property
    def _profile(self) -> str:
        return self._session.settings.profile if self._session else "sandbox"

    def _toggled(self) -> None:
        self._service.widget.layout.display = "" if self._settings.value else "none"

    def _chosen(self) -> None:
        """Another model: another form. What the old one says is kept where both have the input."""
        chosen = self._chooser.value
        if not chosen or (self._form and self._form.model is find_model(self._profile, chosen)):
            return
        before, self._asked = self._form.given() if self._form else {}, False
        self._form = Form(
            find_model(self._profile, chosen), self._changed, self._guard, self._newest
        )
        kept = {name: v for name, v in before.items() if name in self._form.fields}
        self._form.load(_fitting(self._form, kept))
        self._place.children = [self._form.widget]
        release(self._place)

    def _changed(self) -> None:
        """The form or the prompt says something else now."""
        if self._form is None:
            return
        prompt = self._prompt.value
        self._prompt.say(self._form.check(prompt, asked=self._asked))
        if not prompt.strip():
            self._code.clear()
            return
        shown = [one.shown for one in self._form.references.chosen] if self._form.references else []
        self._code.show(self._form.model, self._request(prompt), shown, self._upload_note())

    def _request(self, prompt: str) -> Request:
        """What the form says, for the code: values that cannot be read are left as typed."""
        assert self._form is not None
        options = {}
        for name, value in self._form.given().items():
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
        self._asked = True
        session, form = self._here(), self._form
        if form is None:
            raise InvalidRequestError("No model is chosen; nothing was sent.")
        self._changed()
        pictures = [one.picture for one in form.references.chosen] if form.references else []
        (request,), notes = build_requests(
            session.settings.profile, self._prompt.value, form.model.id,
            common_options={}, options=form.given(), images=pictures,
        )  # fmt: skip
        job = session.submit(request)
        self._asked = False
        self._shelf.add(job, session, notes)
        self._prompt.refresh()
        self._guard.say("Asked for. The card below follows it.")

    def edit(self, request: Request) -> None:
        """Takes a request up into the form, to be changed and sent anew."""
        self._guard(lambda: self._edit(request))()

    def reference(self, path: Path) -> None:
        """Takes a kept picture up as a reference for the next request."""
        self._guard(lambda: self._refer(path))()

    def _edit(self, request: Request) -> None:
        self._chooser.put(request.model)
        self._prompt.put(request.prompt)
        self._guard.say("The form says what was asked for then; nothing was sent.")
        self._prompt.focus()
        if self._form is not None:
            self._form.load(request.options)

    def _refer(self, path: Path) -> None:
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
        self._form.references.add(Reference(str(path), near(path)))
        self._guard.say("The picture is among the references.")

    def _kept(self) -> None:
        """Another result is there, to be used as a reference."""
        if self._form is not None and self._form.references is not None:
            self._form.references.refresh()

    def _prompts(self) -> list[str]:
        found = self._session.ledger.list_jobs(limit=_LOOKED_AT) if self._session else []
        newest = sorted(found, key=lambda ticket: -ticket.at)
        return list(dict.fromkeys(ticket.request.prompt for ticket in newest))

    def _newest(self) -> list[tuple[str, Path]]:
        """The newest results that are pictures, for the references."""
        session, found = self._session, list[tuple[str, Path]]()
        tickets = session.ledger.list_jobs(limit=_LOOKED_AT) if session else []
        for ticket in tickets:
            if ticket.fate != "kept" or session is None or len(found) == _OFFERED:
                continue
            try:
                pictures = session.result(ticket).pictures
            except (ResultUnavailableError, InvalidRequestError):
                continue
            name = " ".join(ticket.request.prompt.split())[:50]
            found += [(f"{path.parent.name[:4]} {name}", path) for path in pictures[:1]]
        return found


def _fitting(form: Form, values: dict[str, object]) -> dict[str, object]:
    """The values that the form's model allows as well."""
    inputs = form.model.inputs
    return {name: v for name, v in values.items() if name in inputs and inputs[name].is_valid(v)}
