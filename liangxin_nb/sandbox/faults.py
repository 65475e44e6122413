"""The faults in force: read from their names, struck one occasion at a time, and counted."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from .fault_catalog import FAULT_KINDS, STATES

__all__ = ["Fault", "FaultError", "Faults", "list_faults", "parse_fault"]

_SHAPE = re.compile(r"(?P<name>[^:*\s]+)(?::(?P<value>[^*]*))?(?:\*(?P<times>[1-9][0-9]{0,5}))?")
_SECONDS = (r"\d{1,6}(\.\d{1,3})?", "a number of seconds")
_TAKES = {
    "SECONDS": _SECONDS,
    "[SECONDS]": (rf"({_SECONDS[0]})?", _SECONDS[1]),
    "OFFSET": (rf"[+-]?{_SECONDS[0]}", _SECONDS[1]),
    "STATE": ("|".join(STATES), f"one of {', '.join(STATES)}"),
    "CODE": (r"\w{1,60}", "a code"),
}
_FIXED_ORDER = ("life", "answer")


class FaultError(ValueError):
    """A fault that cannot be had; its text is one line for whoever asked for it."""


@dataclass
class Fault:
    """A fault in force. `times`: how many occasions it has in all, None for no end."""

    text: str
    name: str
    value: str
    times: int | None
    uses: int = 0
    _seen: set[str] = field(default_factory=set)

    @property
    def stage(self) -> str:
        """Where it strikes; see `InputType`."""
        return FAULT_KINDS[self.name].stage

    @property
    def seconds(self) -> float:
        """Its argument as seconds; 0 without one."""
        return float(self.value or 0)

    def first(self, what: str) -> bool:
        """Whether this is the first time that it meets `what`."""
        new = what not in self._seen
        self._seen.add(what)
        return new


class Faults:
    """The set in force. Any thread may strike or replace."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._active: tuple[Fault, ...] = ()
        self.replace(texts)

    def replace(self, texts: Iterable[str]) -> None:
        """Puts another set in force, counted from 0; raises `FaultError` and changes nothing."""
        fresh = [parse_fault(text) for text in texts]
        for fault in fresh:
            if sum(other.text == fault.text for other in fresh) > 1:
                raise FaultError(f"fault {fault.text!r} is named twice")
        order = list(FAULT_KINDS)
        fresh.sort(key=lambda f: order.index(f.name) if f.stage in _FIXED_ORDER else 0)
        with self._lock:
            self._active = tuple(fresh)

    def take(self, stage: str, fits: Callable[[Fault], bool] | None = None) -> Iterator[Fault]:
        """The faults that strike there now; each is counted when it is handed out.

        `fits` says whether the occasion is one for the fault.
        """
        for fault in self._active:
            if fault.stage == stage and self._strikes(fault, fits):
                yield fault

    def _strikes(self, fault: Fault, fits: Callable[[Fault], bool] | None) -> bool:
        with self._lock:
            spent = fault.times is not None and fault.uses >= fault.times
            if spent or (fits is not None and not fits(fault)):
                return False
            fault.uses += 1
            return True

    def clock(self) -> float:
        """Seconds by which the sandbox's clock is off."""
        return sum(fault.seconds for fault in self._active if fault.name == "clock")

    def statistics(self) -> dict[str, int]:
        """The set as it was named, and how often each has struck."""
        with self._lock:
            return {fault.text: fault.uses for fault in self._active}


def parse_fault(text: str) -> Fault:
    """A fault from `name`, `name:value`, `name*times` or `name:value*times`.

    Raises `FaultError`.
    """
    text = text.strip()
    match = _SHAPE.fullmatch(text)
    kind = FAULT_KINDS.get(match["name"]) if match else None
    if match is None or kind is None:
        raise FaultError(f"unknown fault {text!r}; known: {', '.join(map(_usage, FAULT_KINDS))}")
    value = match["value"]
    if not kind.value and value is not None:
        raise FaultError(f"fault {text!r}: {match['name']} takes no argument")
    shape, wanted = _TAKES.get(kind.value, ("", ""))
    if not re.fullmatch(shape, value or ""):
        raise FaultError(f"fault {text!r}: {_usage(match['name'])} wants {wanted}, not {value!r}")
    times = int(match["times"]) if match["times"] else None
    return Fault(text, match["name"], value or "", times)


def list_faults() -> str:
    """All names with their arguments and what happens, one line each."""
    return "\n".join(f"  {_usage(name):28}{kind.description}" for name, kind in FAULT_KINDS.items())


def _usage(name: str) -> str:
    takes = FAULT_KINDS[name].value
    if takes.startswith("["):
        return f"{name}[:{takes.strip('[]')}]"
    return f"{name}:{takes}" if takes else name
