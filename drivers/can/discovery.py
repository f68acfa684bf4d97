"""What the DBC files offer: tags, and whether bound addresses are in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from core.errors import AddressError, InputError
from core.settings import nearest
from drivers.can.address import CanAddress
from drivers.can.database import Database, MessageSpec, SignalSpec, load
from drivers.can.decoder import natural_type
from drivers.can.logs import look_at
from drivers.can.settings import CanSettings
from drivers.can.url import LogUrl
from drivers.contract import TagOffer


def discover(settings: CanSettings, base: Path) -> list[TagOffer]:
    """List the DBC's signals that ``signals`` chooses (all without it), as tags named ``Message.Signal``.

    Raises :class:`~core.errors.InputError` for a DBC or a log that cannot be used.
    """
    database = _usable(settings, base)
    offers: list[TagOffer] = []
    for message in database.messages.values():
        for signal in message.signals.values():
            name = f"{message.name}.{signal.name}"
            if not settings.signals or _chosen(name, settings.signals):
                offers.append(_offer(name, message, signal, settings))
    return offers


def check(settings: CanSettings, addresses: Iterable[CanAddress], base: Path) -> list[AddressError]:
    """Say which addresses the DBC files do not have, each with the nearest name that they do.

    Raises :class:`~core.errors.InputError` for a DBC or a log that cannot be used.
    """
    database = _usable(settings, base)
    return [problem for address in addresses if (problem := problem_of(database, address)) is not None]


def problem_of(database: Database, address: CanAddress) -> AddressError | None:
    """Say what is wrong with an address in this database, or None."""
    message = database.messages.get(address.message)
    if message is None:
        problem = f"the DBC has no message {address.message}"
        return AddressError(str(address), problem, _mend(address.message, database.messages), 1)
    column = len(address.message) + 2
    if address.signal not in message.signals:
        problem = f"the message {message.name} has no signal {address.signal}"
        return AddressError(str(address), problem, _mend(address.signal, message.signals), column)
    if address.source is not None and not message.by_pgn:
        problem = f"the message {message.name} is matched by its whole identifier, so it has no other senders"
        return AddressError(
            str(address), problem, "leave the sender out, or write 'match: pgn'", column + len(address.signal)
        )
    return None


def is_writable(settings: CanSettings, message: MessageSpec, name: str) -> bool:
    """Tell whether the settings let a tag be written: named by ``writable``, on a live bus, no parameter group."""
    return not isinstance(settings.source, LogUrl) and not message.by_pgn and _chosen(name, settings.writable)


def _usable(settings: CanSettings, base: Path) -> Database:
    source = settings.source
    problem = look_at(base / source.path) if isinstance(source, LogUrl) else None
    try:
        database = load(settings, base)
    except InputError as error:
        raise InputError([*error.findings, *([problem] if problem else [])]) from error
    if problem is not None:
        raise InputError([problem])
    return database


def _chosen(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _mend(word: str, choices: Iterable[str]) -> str:
    near = nearest(word, choices)
    return f"did you mean '{near}'?" if near else "names are written as in the DBC, in the same case"


def _offer(name: str, message: MessageSpec, signal: SignalSpec, settings: CanSettings) -> TagOffer:
    has_range = signal.minimum is not None and signal.maximum is not None and signal.minimum < signal.maximum
    return TagOffer(
        name=name,
        address=name,
        datatype=natural_type(signal),
        unit=signal.unit,
        minimum=signal.minimum if has_range else None,  # [0|0] is how DBC editors write that nothing is known
        maximum=signal.maximum if has_range else None,
        description=signal.comment,
        writable=is_writable(settings, message, name),
        states=signal.states,
    )
