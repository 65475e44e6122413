"""One model of the catalogue: its inputs, their limits and the common options."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from ..core.request import OptionValue
from ..core.structs import prepare_structs
from .input_spec import InputSpec, Violation

__all__ = ["InputSpec", "MediaLimit", "ModelSpec", "Violation"]

#: Larger seeds do not fit into 32 bits with a sign; many models take no larger ones.
_MAX_SEED = 2**31 - 1
_Positive = Annotated[int, Meta(gt=0)]
_Groups = tuple[tuple[str, ...], ...]


class MediaLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A maximum for the reference images of several inputs together.

    Attributes:
        inputs: The inputs that are counted.
        maximum: How many images they may hold in total.
        documented: Whether the service's pages state the limit.
    """

    inputs: tuple[str, ...]
    maximum: _Positive
    documented: bool = True


class ModelSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model: its name in the service's API, its inputs and its common options.

    Attributes:
        id: The name in the service's API.
        title: The name shown to users.
        vendor: Who makes the model.
        kind: What the model generates.
        duration_s: Estimated seconds for a task; the sandbox uses it, too.
        documented: Whether the service's pages state the name.
        inputs_documented: Whether they list the inputs. If not, other inputs are sent unchecked.
        aspect: The input that ``--aspect`` sets, or None.
        size: The input that ``--size`` sets, or None.
        seed: The input that ``--seed`` sets, or None.
        image: The input for reference images, or None.
        size_inputs: The inputs for width and height, where ``--size`` is WIDTHxHEIGHT.
        exclusive: Groups of inputs of which at most one may be given.
        together: Groups of inputs of which all or none must be given.
        media_limits: Maxima for the images of several inputs.
        inputs: All inputs but the prompt, by name.
        prompt: The limits of the prompt, or None.
        value_labels: For a common option: from what users write to the model's own spelling.
        aliases: Other spellings that the service accepts, and the one shown to users.
        pixels: Width and height for a value of the size or aspect input. For the sandbox.
        default_edge: Side in pixels of a square with the default area. For the sandbox.
        default_edges: The same for a value of the size input. For the sandbox.
        in_catalog: Whether the catalogue lists the model.
    """

    id: str
    title: str
    vendor: str = ""
    kind: Literal["image", "video", "text"] = "image"
    duration_s: float = 10.0
    documented: bool = True
    inputs_documented: bool = True
    aspect: str | None = None
    size: str | None = None
    seed: str | None = None
    image: str | None = None
    size_inputs: Annotated[tuple[str, ...], Meta(min_length=2, max_length=2)] = ()
    exclusive: _Groups = ()
    together: _Groups = ()
    media_limits: tuple[MediaLimit, ...] = ()
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    prompt: InputSpec | None = None
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    pixels: Mapping[str, tuple[_Positive, _Positive]] = field(default_factory=dict)
    default_edge: _Positive = 1024
    default_edges: Mapping[str, _Positive] = field(default_factory=dict)
    in_catalog: bool = True

    @property
    def common_options(self) -> dict[str, str]:
        """The common options that the model has (aspect, size, seed, image): option to input."""
        options = {"aspect": self.aspect, "size": self.size, "seed": self.seed, "image": self.image}
        return {option: name for option, name in options.items() if name is not None}

    def canonical_value(self, name: str, value: Any) -> Any:
        """Return an input's value in the spelling of its allowed values, if it is an alias.

        Args:
            name: The input.
            value: The value as given.
        """
        alias = self.aliases.get(value) if isinstance(value, str) else None
        return alias if alias in self.inputs[name].allowed else value

    def model_spelling(self, option: str, value: Any) -> Any:
        """Return the value of a common option in the model's own spelling, where it has one.

        Args:
            option: ``"aspect"``, ``"size"``, ``"seed"`` or ``"image"``.
            value: The value as given.
        """
        spec = self.inputs.get(self.common_options[option])
        if spec is None or not isinstance(value, str) or value in spec.allowed:
            return value
        ratios = {ratio: name for name, ratio in self.aliases.items() if name in spec.allowed}
        same = {allowed: allowed for allowed in spec.allowed}
        spellings = {**ratios, **same, **self.value_labels.get(option, {})}
        by_label = {label.casefold(): spelling for label, spelling in spellings.items()}
        return by_label.get(value.casefold(), value)

    def seed_value(self, number: int) -> OptionValue:
        """Return a seed in the type of the model's seed input; for some models that is text.

        Args:
            number: The seed.
        """
        spec = self.inputs.get(self.seed or "")
        return spec.read(number) if spec else number

    def draw_seed(
        self, options: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, OptionValue]:
        """Return a random seed by the name of its input, within the limits of the model.

        It does not depend on Python's `random`, which notebooks set to a fixed state and forked
        processes share.

        Args:
            options: The other inputs of the request.

        Returns:
            Nothing if the model takes no seed, or none together with these inputs.
        """
        name = self.seed
        if name is None or not self.in_catalog:
            return {}
        spec = self.inputs.get(name)
        lowest, highest = 1, _MAX_SEED
        if spec is not None and spec.type in ("integer", "number"):
            lowest = max(lowest, math.ceil(spec.minimum or 0))
            highest = min(highest, math.floor(_MAX_SEED if spec.maximum is None else spec.maximum))
        groups = [{*group} - {name} for group in self.exclusive if name in group]
        is_excluded = any(options.keys() & group for group in groups)
        if is_excluded or any(name in group for group in self.together) or lowest > highest:
            return {}
        seed = self.seed_value(lowest + secrets.randbelow(highest - lowest + 1))
        return {name: seed} if spec is None or spec.is_valid(seed) else {}

    def size_of(self, options: Mapping[str, Any]) -> tuple[int, int]:
        """Return the expected width and height in pixels of an image.

        The size input takes precedence over the aspect input.

        Args:
            options: The request's inputs by name.

        Source:
            LiangXin Market docs, z-image.
        """
        sides = [options.get(name) for name in self.size_inputs]
        if len(sides) == 2 and all(isinstance(side, int) for side in sides):
            return int(str(sides[0])), int(str(sides[1]))
        values = {option: self._option_text(option, options) for option in ("size", "aspect")}
        for value in values.values():
            if size := self.pixels.get(self.aliases.get(value, value)):
                return size
        if not any(values.values()) and (size := self._default_size()):
            return size
        values = {option: value or self._default(option) for option, value in values.items()}
        return _size_of_ratio(
            self.aliases.get(values["aspect"], values["aspect"]),
            self.default_edges.get(values["size"], self.default_edge),
        )

    def _option_text(self, option: str, options: Mapping[str, Any]) -> str:
        value = options.get(self.common_options.get(option, ""))
        return "" if value is None else str(value)

    def _default(self, option: str) -> str:
        spec = self.inputs.get(self.common_options.get(option, ""))
        return "" if spec is None or spec.default is None else str(spec.default)

    def _default_size(self) -> tuple[int, int] | None:
        """Return the size for a request without size and aspect, if the catalogue states one."""
        sides = [self.inputs[name].default for name in self.size_inputs]
        if len(sides) == 2:
            return int(str(sides[0])), int(str(sides[1]))
        defaults = [self._default(option) for option in ("size", "aspect")]
        return next((self.pixels[value] for value in defaults if value in self.pixels), None)


def _size_of_ratio(ratio: str, edge: int) -> tuple[int, int]:
    """Return the size of this aspect ratio with the area of a square of side ``edge``."""
    width, _, height = ratio.partition(":")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        return edge, edge
    root = math.sqrt(int(width) / int(height))
    return round(edge * root / 8) * 8, round(edge / root / 8) * 8


prepare_structs(InputSpec, MediaLimit, ModelSpec)
