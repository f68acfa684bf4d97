"""Answers the variables beneath Server/ServerDiagnostics (Part 5 v1.05 6.3.3 to 6.3.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from asyncua import ua

from nodesets.built_in_types import BuiltInType
from server.address_space.encoding import (
    array_variant,
    boolean_variant,
    encode_extension_object,
    uint32_variant,
    variant,
)
from server.address_space.keys import NULL_KEY, NodeKey, numeric_key
from server.address_space.node import ACCESS_READ, ReadValue, SpaceNode
from server.address_space.space import AddressSpace
from server.ua_stack.diagnostics.ledger import SessionLedger
from server.ua_stack.diagnostics.sparing_reader import SparingReader, told_now
from server.ua_stack.diagnostics.subscription_record import subscription_record
from server.ua_stack.diagnostics.summary import Summary
from server.ua_stack.sessions import GatewaySession
from server.ua_stack.subscription_service import Owner, SubscriptionService

_PREFIX = "Server_ServerDiagnostics"
_STRUCTURE = BuiltInType.ExtensionObject


def show_diagnostics(space: AddressSpace, subscriptions: SubscriptionService, ledger: SessionLedger) -> None:
    """Let the nodes of the standard namespace tell of these."""
    summary = Summary(space, subscriptions, ledger)
    arrays = _Arrays(subscriptions, ledger)
    structure = _encoding("ServerDiagnosticsSummary")
    readers: dict[str, ReadValue] = {
        "ServerDiagnosticsSummary": SparingReader(
            lambda: variant(_STRUCTURE, encode_extension_object(structure, summary.encoded()))
        ),
        "SubscriptionDiagnosticsArray": SparingReader(arrays.subscriptions),
        "SessionsDiagnosticsSummary_SessionDiagnosticsArray": SparingReader(arrays.sessions),
    }
    for name, count in summary.counters.items():
        readers[f"ServerDiagnosticsSummary_{name}"] = _counter(count)
    for name, read in readers.items():
        _node(space, name).value = read
    # Diagnostics are always there, so nobody can switch them (Part 5 v1.05 6.3.3 EnabledFlag).
    enabled = _node(space, "EnabledFlag")
    enabled.value = boolean_variant(value=True)
    _restrict(space, enabled, access=ACCESS_READ, user_access=ACCESS_READ)
    # There is no fixed set of sampling intervals (Part 5 v1.05 6.3.3).
    _node(space, "SamplingIntervalDiagnosticsArray").value = array_variant(_STRUCTURE, ())
    # Part 5 v1.05 6.3.5: for administrators alone, of whom there are none.
    _restrict(
        space,
        _node(space, "SessionsDiagnosticsSummary_SessionSecurityDiagnosticsArray"),
        access=ACCESS_READ,
        user_access=0,
    )


class _Arrays:
    """The arrays as encoded Variants: an element for each subscription or session."""

    def __init__(self, subscriptions: SubscriptionService, ledger: SessionLedger) -> None:
        self._subscriptions = subscriptions
        self._ledger = ledger

    def subscriptions(self) -> bytes:
        bodies = [subscription_record(held.core, _session_id(held.owner)) for held in self._subscriptions]
        return _array("SubscriptionDiagnostics", bodies)

    def sessions(self) -> bytes:
        """Count the subscriptions and items of all sessions in one go, then give every session's record."""
        subscriptions: Counter[Owner] = Counter()
        items: Counter[Owner] = Counter()
        for held in self._subscriptions:
            subscriptions[held.owner] += 1
            items[held.owner] += len(held.core.items)
        records = self._ledger.sessions.items()
        bodies = [record.encoded(subscriptions[session], items[session]) for session, record in records]
        return _array("SessionDiagnostics", bodies)


def _counter(count: Callable[[], int]) -> ReadValue:
    return lambda: told_now(uint32_variant(count() & 0xFFFF_FFFF))


def _node(space: AddressSpace, name: str) -> SpaceNode:
    return space[numeric_key(0, int(getattr(ua.ObjectIds, f"{_PREFIX}_{name}")))]


def _restrict(space: AddressSpace, node: SpaceNode, *, access: int, user_access: int) -> None:
    if node.variable is not None:
        node.variable = node.variable._replace(access_level=access, user_access_level=user_access)
        space.changed(node)


def _array(name: str, bodies: list[bytes]) -> bytes:
    encoding = _encoding(name)
    return array_variant(_STRUCTURE, [encode_extension_object(encoding, body) for body in bodies])


def _encoding(name: str) -> NodeKey:
    return numeric_key(0, int(getattr(ua.ObjectIds, f"{name}DataType_Encoding_DefaultBinary")))


def _session_id(owner: Owner) -> NodeKey:
    """Give a session's id; null for a subscription whose session is gone."""
    return owner.session_key if isinstance(owner, GatewaySession) else NULL_KEY
