"""Whose a ticket is: this session's, another living notebook's, another service's."""

from __future__ import annotations

from functools import cached_property

from ..config.settings import Settings
from ..core.job_record import Ticket
from ..results import Results
from .process_lease import Owner, alive

__all__ = ["Whose"]


class Whose:
    """Tells this session's tickets from others'; takes an owner's place when it is first asked."""

    def __init__(self, settings: Settings, results: Results) -> None:
        self._service = (settings.profile, settings.base_url)
        self._folder = results.root / ".owners"

    @cached_property
    def _owner(self) -> Owner:
        return Owner(self._folder)

    @property
    def id(self) -> str:
        """The name under which this session owns tickets."""
        return self._owner.id

    def alive(self, owner: str) -> bool:
        """Whether that owner lives, in this process or another."""
        return owner == self._owner.id or alive(self._folder, owner)

    def elsewhere(self, ticket: Ticket) -> bool:
        """Whether another living notebook looks after it."""
        return ticket.owner != self._owner.id and self.alive(ticket.owner)

    def ours(self, ticket: Ticket) -> bool:
        """Whether it belongs to the service in use."""
        return (ticket.profile, ticket.service) == self._service

    def may_take(self, ticket: Ticket) -> bool:
        """Whether this session may look after it."""
        return self.ours(ticket) and not self.elsewhere(ticket)

    def end(self) -> None:
        """Gives the owner's place back."""
        if "_owner" in self.__dict__:
            self._owner.end()
