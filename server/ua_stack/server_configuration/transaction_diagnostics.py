"""TransactionDiagnostics (Part 12 v1.05 7.10.17): what the transaction that goes on, or the last one, is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.encoding import (
    array_variant,
    encode_extension_object,
    encode_localized_text,
    encode_node_id,
    encode_uint32,
    variant,
)
from server.address_space.keys import NodeKey, numeric_key
from server.ua_stack.server_configuration.nodes import CONFIGURATION, ConfigurationNodes
from server.ua_stack.server_configuration.transactions import Transaction, Transactions

_ERROR = numeric_key(0, ObjectIds.TransactionErrorType_Encoding_DefaultBinary)


def bind_diagnostics(nodes: ConfigurationNodes, transactions: Transactions) -> None:
    """Answer the object's properties; published files before 1.05.03 have no such object."""
    owner = nodes.find(CONFIGURATION, "TransactionDiagnostics")
    if owner is None:
        return
    none = Transaction(None, 0)
    readers: dict[str, Callable[[Transaction], bytes]] = {
        "StartTime": lambda told: time_variant(told.started),
        "EndTime": lambda told: time_variant(told.ended),
        "Result": lambda told: variant(BuiltInType.StatusCode, encode_uint32(told.result)),
        "AffectedTrustLists": lambda told: _node_ids([group.trust_list for group in told.trust_lists]),
        "AffectedCertificateGroups": lambda told: _node_ids(
            list(dict.fromkeys(group.key for group in told.certificate_groups.values()))
        ),
        "Errors": _errors,
    }
    for name, value in readers.items():
        nodes.read(owner, name, lambda value=value: value(transactions.told or none))


def time_variant(ticks: int) -> bytes:
    """Make a Variant of a DateTime."""
    return variant(BuiltInType.DateTime, ticks.to_bytes(8, "little", signed=True))


def _errors(told: Transaction) -> bytes:
    """Tell TransactionErrorTypes (7.10.18): one at most, since a transaction ends with the first."""
    errors: list[bytes] = []
    if told.problem:
        affected = [*told.trust_lists, *told.certificate_groups.values()]
        target = affected[0].key if affected else CONFIGURATION
        text = encode_localized_text(LocalizedText(None, told.problem))
        body = encode_node_id(target) + encode_uint32(told.result) + text
        errors.append(encode_extension_object(_ERROR, body))
    return array_variant(BuiltInType.ExtensionObject, errors)


def _node_ids(keys: Sequence[NodeKey]) -> bytes:
    return array_variant(BuiltInType.NodeId, [encode_node_id(one) for one in keys])
