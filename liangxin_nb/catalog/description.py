"""The inputs of a model as rows of a table."""

from __future__ import annotations

from .input_spec import InputSpec
from .model_spec import ModelSpec

__all__ = ["INPUT_HEADINGS", "LIMITS_NOTE", "describe_inputs"]

INPUT_HEADINGS = ("input", "option", "type", "default", "allowed", "limits", "what it does")
LIMITS_NOTE = (
    "A value outside a documented limit is rejected; outside a usual one, it is sent with a note."
)


def describe_inputs(model: ModelSpec) -> list[tuple[str, ...]]:
    """Return a row for the prompt and for each input; the columns are `INPUT_HEADINGS`."""
    options = {name: f"--{option}" for option, name in model.common_options.items()}
    options |= dict.fromkeys(model.size_inputs, "--size")
    prompt = model.prompt or InputSpec("prompt", "string", help="what the result shows")
    return [
        (
            spec.name,
            options.get(spec.name, "" if spec is prompt else f"-o {spec.name}="),
            spec.type,
            "" if spec.default is None else str(spec.default),
            spec.allows,
            spec.limits,
            spec.help,
        )
        for spec in (prompt, *model.inputs.values())
    ]
