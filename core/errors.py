"""Errors that say what failed, where, and what mends it.

Every exception that Plantspace raises on purpose derives from :class:`PlantspaceError`. Errors found while reading a
person's input (configuration, NodeSets, bindings) are collected as :class:`Finding` values so that one run shows all of
them; :class:`InputError` carries the collection.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a person's input something stands. Lines and columns count from 1; 0 means the whole file."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Give ``file:line:column`` as editors and terminals link it."""
        if self.line == 0:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"

    @classmethod
    def of(cls, file: Path | str, line: int = 0, column: int = 0) -> Place:
        """Make a place from a path."""
        return cls(str(file), line, column)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing wrong with a person's input: where, what, and the mend."""

    place: Place
    problem: str
    mend: str = ""

    def __str__(self) -> str:
        """Give one line: place, problem and mend."""
        tail = f" ({self.mend})" if self.mend else ""
        return f"{self.place}: {self.problem}{tail}"


@dataclass(slots=True)
class Findings:
    """Collects findings so that all of them are told in one run."""

    items: list[Finding] = field(default_factory=list[Finding])

    def add(self, place: Place, problem: str, mend: str = "") -> None:
        """Record one finding."""
        self.items.append(Finding(place, problem, mend))

    def extend(self, more: Iterable[Finding]) -> None:
        """Record several findings."""
        self.items.extend(more)

    def __bool__(self) -> bool:
        """Tell whether anything is wrong."""
        return bool(self.items)

    def raise_if_any(self) -> None:
        """Raise :class:`InputError` with all findings in the order of their places, if there are any."""
        if self.items:
            raise InputError(sorted(set(self.items)))


class PlantspaceError(Exception):
    """Base of every error raised on purpose."""


class InputError(PlantspaceError):
    """A person's input is wrong; ``findings`` says everything that is."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        """Keep the findings and make the message of all of them."""
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class SettingError(PlantspaceError, ValueError):
    """A validator of settings refuses a value. Being a ValueError, pydantic collects it with its place."""

    def __init__(self, problem: str, mend: str = "") -> None:
        """Say what is wrong with the value, never showing a secret, and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(problem + (f" ({mend})" if mend else ""))


class AddressError(PlantspaceError):
    """A binding's address is not in the driver's syntax. ``column`` counts from 1 inside the address."""

    def __init__(self, address: str, problem: str, mend: str = "", column: int = 1) -> None:
        """Name the address, what is wrong with it and what would be right."""
        self.address = address
        self.problem = problem
        self.mend = mend
        self.column = column
        super().__init__(f"address {address!r}: {problem}" + (f" ({mend})" if mend else ""))


class DeviceError(PlantspaceError):
    """Talking to a device failed. The supervisor decides what follows."""

    def __init__(self, problem: str, *, device: str = "", mend: str = "") -> None:
        """Name the device, what failed and what to look at."""
        self.device = device
        self.problem = problem
        self.mend = mend
        where = f"{device}: " if device else ""
        super().__init__(f"{where}{problem}" + (f" ({mend})" if mend else ""))


class ConnectionLost(DeviceError):  # noqa: N818 - the name says the state a supervisor acts on
    """The link to the device is gone or could not be made; the supervisor reconnects with back-off."""


class AnswerOverdue(ConnectionLost):
    """The device did not answer in time. What was asked of it may have happened all the same."""


class DeviceRefused(DeviceError):  # noqa: N818 - the name says what the device did
    """The device answered and said no; ``status`` is the OPC UA StatusCode that says why."""

    def __init__(self, problem: str, status: int, *, device: str = "", mend: str = "") -> None:
        """Keep the StatusCode that a client's write is answered with."""
        self.status = status
        super().__init__(problem, device=device, mend=mend)


class StoreError(PlantspaceError):
    """A store or the outbox failed. Base of the transient and the permanent kind."""


class StoreUnavailable(StoreError):  # noqa: N818 - the name says the state a forwarder acts on
    """The store cannot be reached or is busy for now; what was not acknowledged is offered again later."""

    def __init__(self, problem: str = "", *, retry_after: float | None = None) -> None:
        """Say what is wrong. ``retry_after``: the far side's own advice when to come again, in seconds."""
        self.retry_after = retry_after
        super().__init__(problem)


class StoreCorrupt(StoreError):  # noqa: N818 - the name says the state an owner acts on
    """The store's file is damaged; ``file`` names it. It is set aside and a new one begun."""

    def __init__(self, file: Path | str, problem: str) -> None:
        """Name the damaged file and what is wrong with it."""
        self.file = str(file)
        self.problem = problem
        super().__init__(f"{file}: {problem}")
