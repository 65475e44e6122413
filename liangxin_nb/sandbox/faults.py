"""The active faults: parsing, selection and counting."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .fault_catalog import CHOICES, FAULT_KINDS

__all__ = ["Fault", "FaultError", "Faults", "list_faults", "parse_fault"]

_FAULT = re.compile(
    r"(?P<name>[^:*@\s]+)(?::(?P<value>[^*@]*))?"
    r"(?:@(?P<skip>[0-9]{1,6}))?(?:\*(?P<times>[1-9][0-9]{0,5}))?"
)
_SECONDS = r"\d{1,15}(\.\d{1,3})?"
#: The pattern and the description of each kind of value.
_VALUES = {
    "SECONDS": (_SECONDS, "a number of seconds"),
    "[SECONDS]": (rf"({_SECONDS})?", "a number of seconds"),
    "OFFSET": (r"[+-]?\d{1,6}(\.\d{1,3})?", "a number of seconds"),
    "CODE": (r"\w{1,60}", "a code"),
    "STATUS": (r"(?!204|205|304)[2-5]\d\d", "an HTTP status with a body, such as 504"),
    "WORD": (r"[A-Za-z][\w -]{0,39}", "a word"),
    "COUNT": (r"[1-9]\d{0,2}", "a number of requests"),
    "NUMBERS": (r"[1-9]\d?(\+[1-9]\d?)*", "numbers of files, such as 2 or 1+3"),
    "MB": (r"[1-9]\d{0,3}", "a number of megabytes up to 9999"),
    **{
        name: ("|".join(map(re.escape, choices)), f"one of {', '.join(choices)}")
        for name, choices in CHOICES.items()
    },
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
        skip: How many occasions pass before it occurs.
        uses: How often it has occurred.
    """

    text: str
    name: str
    value: str
    times: int | None
    skip: int = 0
    uses: int = 0
    _skipped: int = 0
    _seen: Counter[str] = field(default_factory=Counter)

    @property
    def stage(self) -> str:
        """Where it occurs; see `FaultKind`."""
        return FAULT_KINDS[self.name].stage

    @property
    def seconds(self) -> float:
        """Its argument in seconds, 0 without one."""
        return float(self.value or 0)

    def count_target(self, target: str) -> int:
        """Count an occasion of a target, such as a file, and return the target's count."""
        self._seen[target] += 1
        return self._seen[target]

    def skips_occasion(self) -> bool:
        """Return whether this occasion is one of the skipped ones, and count it."""
        if self._skipped == self.skip:
            return False
        self._skipped += 1
        return True


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
            if fault.skips_occasion():
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
    """Parse ``name:value@skip*times``; all but the name may be missing.

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
    return Fault(text, match["name"], value or "", times, int(match["skip"] or 0))


def list_faults() -> str:
    """Return all faults with their arguments and descriptions, one line each."""
    return "\n".join(f"  {_usage(name):28}{kind.description}" for name, kind in FAULT_KINDS.items())


def _usage(name: str) -> str:
    """Return a fault's name with its argument."""
    value = FAULT_KINDS[name].value
    if value.startswith("["):
        return f"{name}[:{value.strip('[]')}]"
    return f"{name}:{value}" if value else name
