"""What the user wants: model, prompt and options, as one frozen value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from ..errors import InvalidRequestError
from .public import public

__all__ = ["DEFAULT_MODEL", "BatchOption", "OptionValue", "Request", "is_described", "redact"]

#: The model of a request that names none.
DEFAULT_MODEL = "z-image"

OptionValue = str | int | float | bool | list[str] | None
#: The value of an option of a batch: a list makes one column for each value.
BatchOption = OptionValue | Sequence[OptionValue]


@public
@dataclass(frozen=True)
class Request:
    """A model, a literal prompt and the model's inputs.

    Attributes:
        model: The model's name in the service's API.
        prompt: The prompt.
        options: The other inputs by their names in the API (`image_size`, not `--size`).
        drawn_seed: The input whose value was drawn because none was given; empty if there is none.

    Raises:
        InvalidRequestError: If the prompt or the model's name is empty.
    """

    model: str
    prompt: str
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    drawn_seed: str = ""

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InvalidRequestError(
                "The prompt is empty; nothing was sent.",
                next_step="Write what the picture shows below the %%liangxin line.",
            )
        if not self.model.strip():
            raise InvalidRequestError(
                "The model has no name; nothing was sent.", next_step="%liangxin models lists them."
            )
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))

    def __reduce__(self) -> tuple[type[Request], tuple[str, str, dict[str, OptionValue], str]]:
        return type(self), (self.model, self.prompt, dict(self.options), self.drawn_seed)

    @classmethod
    def restore(
        cls, model: str, prompt: str, options: Mapping[str, OptionValue], *, seed_drawn: bool
    ) -> Request:
        """Return a request as the ledger and the metadata of results contain it.

        Args:
            model: The model's name.
            prompt: The prompt.
            options: The other inputs.
            seed_drawn: Whether the last one of them is a drawn seed.
        """
        drawn_seed = next(reversed(list(options)), "") if seed_drawn else ""
        return cls(model, prompt, options, drawn_seed)

    def with_drawn_seed(self, name: str, seed: OptionValue) -> Request:
        """Return the request with a drawn seed as its last option.

        Args:
            name: The input that is the seed.
            seed: Its value.
        """
        others = {option: value for option, value in self.options.items() if option != name}
        return Request(self.model, self.prompt, {**others, name: seed}, name)

    def with_seed_of(self, earlier: Request) -> Request:
        """Return the request with the drawn seed of an earlier, identical one."""
        name = earlier.drawn_seed
        return self.with_drawn_seed(name, earlier.options[name]) if name else self

    @property
    def input(self) -> dict[str, OptionValue]:
        """The `input` object of createTask: the prompt and the options."""
        return {"prompt": self.prompt, **self.options}

    @property
    def redacted_options(self) -> dict[str, OptionValue]:
        """The options for the ledger and metadata: a digest instead of an embedded image."""
        return {name: redact(value) for name, value in self.options.items()}

    @property
    def is_complete(self) -> bool:
        """Whether the request can be sent. It cannot if an image was replaced by its digest."""
        values = [item for value in self.options.values() for item in _to_texts(value)]
        return not any(map(is_described, values))

    @property
    def digest(self) -> str:
        """Identity of the work: 64 hex digits, equal for equal model, prompt and options.

        A drawn seed does not count: it is what the user asked for that is the same.
        """
        asked = {name: value for name, value in self.input.items() if name != self.drawn_seed}
        text = json.dumps([self.model, asked], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _to_texts(value: OptionValue) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def is_described(value: str) -> bool:
    """Return whether a value is the description of an embedded image."""
    return value.startswith("data:") and ";sha256 " in value[:200]


def redact(value: OptionValue) -> OptionValue:
    """Return the value of an option with a description in place of each embedded image."""
    if isinstance(value, list):
        return [str(redact(item)) for item in value]
    if not isinstance(value, str) or not value.startswith("data:") or len(value) < 200:
        return value
    media_type = value[: value.find(";")] if ";" in value[:60] else "data:"
    digest = hashlib.sha256(value.encode()).hexdigest()[:16]
    return f"{media_type};{len(value)} characters;sha256 {digest}"
