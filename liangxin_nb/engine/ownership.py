"""Whose a job record is: this session's, another living notebook's, another service's."""

from __future__ import annotations

from functools import cached_property

from ..config.settings import Settings
from ..core.job_record import JobRecord
from ..results import ResultStore
from .process_lease import Lease, is_alive

__all__ = ["Ownership"]


class Ownership:
    """Tells this session's records from others'; takes an owner's place when it is first asked."""

    def __init__(self, settings: Settings, results: ResultStore) -> None:
        self._service = (settings.profile, settings.base_url)
        self._folder = results.root / ".owners"

    @cached_property
    def _lease(self) -> Lease:
        return Lease(self._folder)

    @property
    def id(self) -> str:
        """The name under which this session owns job records."""
        return self._lease.id

    def is_alive(self, owner: str) -> bool:
        """Whether that owner lives, in this process or another."""
        return owner == self._lease.id or is_alive(self._folder, owner)

    def owned_elsewhere(self, record: JobRecord) -> bool:
        """Whether another living notebook looks after it."""
        return record.owner != self._lease.id and self.is_alive(record.owner)

    def is_same_service(self, record: JobRecord) -> bool:
        """Whether it belongs to the service in use."""
        return (record.profile, record.service) == self._service

    def can_take_over(self, record: JobRecord) -> bool:
        """Whether this session may look after it."""
        return self.is_same_service(record) and not self.owned_elsewhere(record)

    def release(self) -> None:
        """Gives the owner's place back."""
        if "_lease" in self.__dict__:
            self._lease.release()
