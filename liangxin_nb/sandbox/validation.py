"""What each service says to a request: yes, or no in the code and the words of its documents.

LiangXin's pages state their limits; of KIE's nearly all is known from its users' notes, and the
sandbox holds to them.
"""

from __future__ import annotations

from typing import Any

from .. import catalog

__all__ = ["RejectedRequestError", "validate_request"]


class RejectedRequestError(Exception):
    """A request that the service says no to: `code`, `message`, and the gateway's own `word`."""

    def __init__(self, code: int, message: str, word: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.word = word


def validate_request(profile: str, body: Any, *, anything: bool = False) -> catalog.ModelSpec:
    """The model of a good request; raises `RejectedRequestError` for every other one.

    `anything`: a model that no one listed is taken, too, its inputs unchecked.
    """
    no = 422 if profile == "kie" else 400
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise RejectedRequestError(no, "model is required")
    model = catalog.find_model(profile, body["model"])
    if not (model.in_catalog or anything):
        raise RejectedRequestError(no, f"unsupported model: {body['model']}")
    if not isinstance(body.get("callBackUrl", ""), str):
        raise RejectedRequestError(no, "callBackUrl is invalid")
    given = body.get("input")
    prompt = given.get("prompt") if isinstance(given, dict) else None
    if not isinstance(given, dict) or prompt is None or not str(prompt).strip():
        raise _missing_input(profile, "prompt")
    if not isinstance(prompt, str):
        raise RejectedRequestError(no, f"input.prompt is invalid: {prompt!r:.200}, expected a text")
    _check_rules(profile, model, given, no)
    return model


def _check_rules(profile: str, model: catalog.ModelSpec, given: dict[str, Any], no: int) -> None:
    """Refuses what is ruled out; of two that exclude each other the service takes one."""
    strict = profile == "kie"
    for name, value in given.items():
        input = model.prompt if name == "prompt" else model.inputs.get(name)
        if input and (strict or input.documented or input.required) and not input.has_type(value):
            raise RejectedRequestError(no, _invalid(input, value))
    typed = {
        name: value
        for name, value in given.items()
        if name in model.inputs and model.inputs[name].has_type(value)
    }
    for violation in catalog.iter_violations(model, typed, given["prompt"]):
        if (violation.documented or strict) and violation.rule != "exclusive":
            raise _to_error(profile, model, violation, given, no)


def _to_error(
    profile: str,
    model: catalog.ModelSpec,
    violation: catalog.Violation,
    given: dict[str, Any],
    no: int,
) -> RejectedRequestError:
    if violation.rule == "required":
        return _missing_input(profile, violation.name)
    input = model.prompt if violation.name == "prompt" else model.inputs[violation.name]
    if violation.rule == "limit" and input:
        return RejectedRequestError(no, _invalid(input, given[violation.name]))
    return RejectedRequestError(no, f"input.{violation.name} is invalid: {violation.message}")


def _missing_input(profile: str, name: str) -> RejectedRequestError:
    """KIE says 500 for it, as its users have met; the name is the sandbox's help."""
    if profile == "kie":
        return RejectedRequestError(500, f"This field is required: {name}")
    return RejectedRequestError(400, f"input.{name} is required")


def _invalid(input: catalog.InputSpec, value: Any) -> str:
    return f"input.{input.name} is invalid: {value!r:.200}, expected {input.allows}"
