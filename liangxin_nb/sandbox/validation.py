"""Validate requests as each service does.

Sources: the limits on LiangXin's model pages; for KIE mostly reports of its users.
"""

from __future__ import annotations

from typing import Any

from .. import catalog

__all__ = ["RejectedRequestError", "validate_request"]


class RejectedRequestError(Exception):
    """A request that the service rejects.

    Attributes:
        code: HTTP status, or the code in the body.
        message: Message of the service.
        gateway_code: Code in the gateway's error envelope, empty for other errors.
    """

    def __init__(self, code: int, message: str, gateway_code: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.gateway_code = gateway_code


#: Rules that the service does not check.
_ACCEPTED = ("exclusive", "impossible")


def validate_request(profile: str, body: Any, *, any_model: bool = False) -> catalog.ModelSpec:
    """Validate the body of a createTask request and return its model.

    With `any_model`, models outside the catalogue are accepted without checking their inputs.

    Raises:
        RejectedRequestError: If the service would reject the request.
    """
    error_code = 422 if profile == "kie" else 400
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise RejectedRequestError(error_code, "model is required")
    model = catalog.find_model(profile, body["model"])
    if not (model.in_catalog or any_model):
        raise RejectedRequestError(error_code, f"unsupported model: {body['model']}")
    if not isinstance(body.get("callBackUrl", ""), str):
        raise RejectedRequestError(error_code, "callBackUrl is invalid")
    inputs = body.get("input")
    prompt = inputs.get("prompt") if isinstance(inputs, dict) else None
    if not isinstance(inputs, dict) or prompt is None or not str(prompt).strip():
        raise _missing_input(profile, "prompt")
    if not isinstance(prompt, str):
        raise RejectedRequestError(
            error_code, f"input.prompt is invalid: {prompt!r:.200}, expected a text"
        )
    _check_rules(profile, model, inputs, error_code)
    return model


def _check_rules(
    profile: str, model: catalog.ModelSpec, inputs: dict[str, Any], error_code: int
) -> None:
    """Check types and limits as the service does, which accepts more than the package sends."""
    strict = profile == "kie"
    for name, value in inputs.items():
        spec = model.prompt if name == "prompt" else model.inputs.get(name)
        if spec and (strict or spec.documented or spec.required) and not spec.has_type(value):
            raise RejectedRequestError(error_code, _invalid_message(spec, value))
    typed = {
        name: value
        for name, value in inputs.items()
        if name in model.inputs and model.inputs[name].has_type(value)
    }
    for violation in catalog.iter_violations(model, typed, inputs["prompt"]):
        if (violation.documented or strict) and violation.rule not in _ACCEPTED:
            raise _to_error(profile, model, violation, inputs, error_code)


def _to_error(
    profile: str,
    model: catalog.ModelSpec,
    violation: catalog.Violation,
    inputs: dict[str, Any],
    error_code: int,
) -> RejectedRequestError:
    """Return the error of the service for a violation."""
    if violation.rule == "required":
        return _missing_input(profile, violation.name)
    spec = model.prompt if violation.name == "prompt" else model.inputs[violation.name]
    if violation.rule == "limit" and spec:
        return RejectedRequestError(error_code, _invalid_message(spec, inputs[violation.name]))
    return RejectedRequestError(
        error_code, f"input.{violation.name} is invalid: {violation.message}"
    )


def _missing_input(profile: str, name: str) -> RejectedRequestError:
    """Return the error for a missing input; KIE answers 500 without the name of the input."""
    if profile == "kie":
        return RejectedRequestError(500, f"This field is required: {name}")
    return RejectedRequestError(400, f"input.{name} is required")


def _invalid_message(spec: catalog.InputSpec, value: Any) -> str:
    """Return the message for an invalid value."""
    return f"input.{spec.name} is invalid: {value!r:.200}, expected {spec.allows}"
