"""What a driver is: a package with settings, a codec without I/O, the driver itself, a manifest and a README.

The supervisor owns all state (connected, stale, demoted), schedules and counters; a driver only connects, reads, writes
or listens, and says truthfully what happened:

* a value that the device gave: a :class:`~core.batch.Batch` with its StatusCode and source time;
* a part of the device that answered with an error: a batch with that error's StatusCode for the points concerned;
* a link that is gone: :class:`~core.errors.ConnectionLost`; the supervisor closes, backs off and connects again.

A driver never retries on its own, never sleeps between scans, and never keeps a value from before.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from core.batch import Batch
from core.datatypes import DataType
from core.durations import PositiveDuration
from core.errors import AddressError, DeviceError
from core.point import Point
from core.settings import Settings


class Capability(enum.Flag):
    """What a driver can do; the supervisor and the conformance suite go by this, never by the driver's name."""

    POLLED = enum.auto()
    """``plan`` and ``read`` work: the supervisor scans."""
    LISTENING = enum.auto()
    """``listen`` works: the device sends on its own."""
    WRITABLE = enum.auto()
    """``write`` works."""
    GROUPED = enum.auto()
    """``write_group`` works, too: neighbours are written by one request."""
    READ_BACK = enum.auto()
    """``read`` of a plan of its own gives what the device holds now, after a ``write`` too: writes can be verified."""
    SIMULATED = enum.auto()
    """Values are made inside the gateway: there is no link that could fail, and ``connect`` always succeeds."""


class DeviceSettings(Settings):
    """What every device section holds; a driver's settings class adds its own keys.

    ``bindings``: a table or a list; ``type_bindings``: members of a type, bound once for all of its instances.
    ``stale``: how long values stay Uncertain after the last good contact before they turn BadNoCommunication.
    ``limits``: what a value outside its binding's min..max becomes: ``BadOutOfRange``, or clamped with ``GoodClamped``.
    ``history``: keep all points' history. A lost device is tried again after about ``retry``, then ever more seldom
    up to ``retry_longest``; after ``demote_after`` failures in a row it is tried at ``retry_longest`` only.
    ``verify``: how the gateway sees that the device holds what was written; drivers without READ_BACK cannot, and do
    ``none``. A write that has not had its turn within ``write_deadline`` is given up.
    """

    driver: str
    scan: PositiveDuration = 1.0
    timeout: PositiveDuration = 1.0
    stale: PositiveDuration = 5.0
    bindings: str | list[dict[str, Any]] | None = None  # rows are validated by the bindings reader, each at its place
    type_bindings: dict[str, Any] | list[Any] | None = None  # likewise
    limits: Literal["bad", "clamp"] = "bad"
    history: bool = False
    retry: PositiveDuration = 1.0
    retry_longest: PositiveDuration = 30.0
    demote_after: int = Field(default=8, ge=1)
    verify: Literal["read-back", "none"] = "read-back"
    write_deadline: PositiveDuration = 10.0


@dataclass(frozen=True, slots=True)
class BoundPoint:
    """A point of the process image with the address a driver parsed for it. ``scan`` in seconds.

    ``verify``: whether writes are read back; None: as the device's settings say.
    """

    slot: int
    point: Point
    address: Any  # each driver's own address type; only that driver looks inside
    scan: float
    writable: bool = False
    verify: bool | None = None


@dataclass(frozen=True, slots=True)
class TagOffer:
    """A tag that a device's settings describe by themselves (a DBC signal, a simulated point)."""

    name: str
    address: str
    datatype: DataType
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""
    writable: bool = False
    states: tuple[tuple[int, str], ...] = ()
    """Names of an enumeration's values, where the source has them."""


@dataclass(slots=True)
class DriverCounters:
    """What only the driver can see; the supervisor shows it with its own counters."""

    requests: int = 0
    request_errors: int = 0
    """Requests that were answered with an error or not at all; what came and could not be used."""
    bus_errors: int = 0
    overruns: int = 0
    late_replies: int = 0
    """Replies of wrong unit or transaction id, thrown away."""


class Driver(Protocol):
    """One device. Made by :attr:`Manifest.make`; every method runs on the event loop and never blocks it."""

    counters: DriverCounters

    async def connect(self) -> None:
        """Reach the device within its timeout. Raises :class:`~core.errors.ConnectionLost`."""
        ...

    async def close(self) -> None:
        """Release the link; safe before ``connect`` and twice; never raises."""
        ...

    def plan(self, points: Sequence[BoundPoint]) -> object:
        """Work out once how ``points`` (all of one scan) are read best; the result is handed to ``read`` each scan."""
        ...

    async def read(self, plan: Any) -> list[Batch]:  # noqa: ANN401 - the driver's own plan comes back to it
        """Read once, all points of the plan, failed ones with their StatusCode.

        Raises :class:`~core.errors.ConnectionLost`.
        """
        ...

    def explain(self, plan: Any, status: int) -> str:  # noqa: ANN401 - the driver's own plan comes back to it
        """Say why the last ``read`` gave points of the plan the Bad StatusCode ``status``, in one line for people.

        The device's own words with the place (``reading 2 holding registers from protocol address 0 of unit 1: the
        device has no such address (exception 02)``), without the StatusCode's name; "" when there is nothing to add.
        """
        ...

    async def write(self, point: BoundPoint, value: Any) -> None:  # noqa: ANN401 - any value of the point's built-in type
        """Write the raw value in one request, and return when the device has acknowledged it.

        Never tries again, and never reads back: the supervisor does that where the driver has READ_BACK.
        Raises :class:`~core.errors.DeviceRefused` with the device's StatusCode, :class:`~core.errors.AnswerOverdue`
        where the device gave no answer, or :class:`~core.errors.ConnectionLost`.
        """
        ...

    async def listen(self, publish: Callable[[Batch], None]) -> None:
        """Publish what the device sends until cancelled.

        Raises :class:`~core.errors.ConnectionLost` when the link ends.
        """
        ...


class GroupWriter(Driver, Protocol):
    """A driver with the capability GROUPED."""

    async def write_group(self, writes: Sequence[tuple[BoundPoint, Any]]) -> list[DeviceError | None]:
        """Write raw values of different points, in their order; neighbours in one request where the device allows it.

        Gives for each write what :meth:`Driver.write` would have raised, None where the device has acknowledged it. A
        lost link ends it: what the list is too short for was not sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What a driver may know of its surroundings. ``base``: the configuration file's folder, for relative paths."""

    device: str
    base: Path
    now: Callable[[], int]
    """The wall clock in DateTime ticks."""


class MakeDriver(Protocol):
    """Makes one device's driver from its settings and bound points; opens nothing yet."""

    def __call__(
        self,
        settings: Any,  # noqa: ANN401 - an instance of the manifest's own settings class
        points: Sequence[BoundPoint],
        context: DriverContext,
        /,
    ) -> Driver:
        """Make the driver."""
        ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """A driver package's card: ``MANIFEST`` in ``drivers/<name>/manifest.py``.

    ``parse_address(text, datatype)`` gives the driver's address object or raises :class:`~core.errors.AddressError`;
    ``datatype`` is the type the table asked for, or None. ``datatype_of(address)`` is the address's own type.
    ``check(settings, addresses, base)`` tells what is wrong with addresses once the settings are known (a signal that
    the database does not have); each error's ``address`` is ``str()`` of the address.
    ``discover(settings, base)`` lists the tags that the settings describe; it raises
    :class:`~core.errors.InputError`.
    """

    name: str
    title: str
    settings: type[DeviceSettings]
    capabilities: Capability
    make: MakeDriver
    parse_address: Callable[[str, DataType | None], Any]
    datatype_of: Callable[[Any], DataType]
    discover: Callable[[Any, Path], list[TagOffer]] = field(default=lambda _settings, _base: [])
    check: Callable[[Any, Sequence[Any], Path], list[AddressError]] = field(
        default=lambda _settings, _addresses, _base: []
    )
    address_examples: tuple[str, ...] = ()
