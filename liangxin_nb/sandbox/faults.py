"""The active faults: parsing, selection and counting."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .fault_catalog import FAULT_KINDS, STATES

__all__ = ["Fault", "FaultError", "Faults", "list_faults", "parse_fault"]

_FAULT = re.compile(r"(?P<name>[^:*\s]+)(?::(?P<value>[^*]*))?(?:\*(?P<times>[1-9][0-9]{0,5}))?")
_SECONDS = r"\d{1,6}(\.\d{1,3})?"
#: The pattern and the description of each kind of value.
_VALUES = {
    "SECONDS": (_SECONDS, "a number of seconds"),
    "[SECONDS]": (rf"({_SECONDS})?", "a number of seconds"),
    "OFFSET": (rf"[+-]?{_SECONDS}", "a number of seconds"),
    "STATE": ("|".join(STATES), f"one of {', '.join(STATES)}"),
    "CODE": (r"\w{1,60}", "a code"),
}
_STAGES_IN_CATALOG_ORDER = ("life", "answer")


class FaultError(ValueError):
    """An invalid fault; the message is one line for the user."""


@dataclass
class Fault:
    """An active fault.

    Attributes:
        text: The fault as it was written.
        name: Its name in the catalogue.
        value: Its argument, empty without one.
        times: How often it occurs, None for always.
        uses: How often it has occurred.
    """

    text: str
    name: str
    value: str
    times: int | None
    uses: int = 0
    _seen: set[str] = field(default_factory=set)

    @property
    def stage(self) -> str:
        """Where it occurs; see `FaultKind`."""
        return FAULT_KINDS[self.name].stage

    @property
    def seconds(self) -> float:
        """Its argument in seconds, 0 without one."""
        return float(self.value or 0)

    def is_first(self, target: str) -> bool:
        """Return whether this is the first occurrence for a target."""
        is_new = target not in self._seen
        self._seen.add(target)
        return is_new


class Faults:
    """The set of active faults; all methods are thread-safe."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._active: tuple[Fault, ...] = ()
        self.replace(texts)

    def replace(self, texts: Iterable[str]) -> None:
        """Replace the active faults and reset the counters.

        Raises:
            FaultError: If one is invalid or listed twice. Nothing is changed.
        """
        faults = [parse_fault(text) for text in texts]
        for fault in faults:
            if sum(other.text == fault.text for other in faults) > 1:
                raise FaultError(f"fault {fault.text!r} is listed twice")
        order = list(FAULT_KINDS)
        faults.sort(key=lambda f: order.index(f.name) if f.stage in _STAGES_IN_CATALOG_ORDER else 0)
        with self._lock:
            self._active = tuple(faults)

    def take(self, stage: str, applies: Callable[[Fault], bool] | None = None) -> Iterator[Fault]:
        """Yield and count the faults of a stage that apply to this call, by default all."""
        for fault in self._active:
            if fault.stage == stage and self._count_use(fault, applies):
                yield fault

    def _count_use(self, fault: Fault, applies: Callable[[Fault], bool] | None) -> bool:
        """Count an occurrence; return whether the fault occurs."""
        with self._lock:
            is_used_up = fault.times is not None and fault.uses >= fault.times
            if is_used_up or (applies is not None and not applies(fault)):
                return False
            fault.uses += 1
            return True

    def clock_offset_s(self) -> float:
        """Return the offset of the sandbox's clock in seconds."""
        return sum(fault.seconds for fault in self._active if fault.name == "clock")

    def statistics(self) -> dict[str, int]:
        """Return how often each active fault has occurred."""
        with self._lock:
            return {fault.text: fault.uses for fault in self._active}


def parse_fault(text: str) -> Fault:
    """Parse ``name``, ``name:value``, ``name*times`` or ``name:value*times``.

    Raises:
        FaultError: If the name is unknown or the value is invalid.
    """
    text = text.strip()
    match = _FAULT.fullmatch(text)
    kind = FAULT_KINDS.get(match["name"]) if match else None
    if match is None or kind is None:
        usages = ", ".join(map(_usage, FAULT_KINDS))
        raise FaultError(f"unknown fault {text!r}; available: {usages}")
    value = match["value"]
    if not kind.value and value is not None:
        raise FaultError(f"fault {text!r}: {match['name']} takes no argument")
    pattern, expected = _VALUES.get(kind.value, ("", ""))
    if not re.fullmatch(pattern, value or ""):
        usage = _usage(match["name"])
        raise FaultError(f"fault {text!r}: {usage} takes {expected}, not {value!r}")
    times = int(match["times"]) if match["times"] else None
    return Fault(text, match["name"], value or "", times)


def list_faults() -> str:
    """Return all faults with their arguments and descriptions, one line each."""
    return "\n".join(f"  {_usage(name):28}{kind.description}" for name, kind in FAULT_KINDS.items())


def _usage(name: str) -> str:
    """Return a fault's name with its argument."""
    value = FAULT_KINDS[name].value
    if value.startswith("["):
        return f"{name}[:{value.strip('[]')}]"
    return f"{name}:{value}" if value else name
