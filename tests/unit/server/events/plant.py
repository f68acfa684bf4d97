"""The standard's event types and a few of a plant's own, and what tests build of them."""

# asyncua's annotations call plain numbers, texts and times wrong where it takes and gives them.
# pyright: reportArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary, struct_to_binary, variant_from_binary

from nodesets.nodes import NodeClass
from server.address_space.asyncua_values import encode_variant
from server.address_space.keys import NodeKey, identifier_of, nodeid_of, numeric_key
from server.address_space.node import BrowseName, Flag
from server.address_space.space import HAS_SUBTYPE, AddressSpace
from server.events.compiled_filter import CompiledFilter, compile_filter
from server.events.emitter import Emitter
from server.events.event import Event, Path, standard_path
from server.events.event_types import EventTypes
from tests.unit.server.address_space.plant import key, node, standard_space, variable

HAS_PROPERTY, HAS_COMPONENT, MODELLING_RULE = (numeric_key(0, number) for number in (46, 47, 37))
MANDATORY, OPTIONAL = numeric_key(0, 78), numeric_key(0, 80)
BASE = numeric_key(0, ua.ObjectIds.BaseEventType)
NOW = 133_000_000_000_000_000
OWN = key("AnomalyEventType")
"""Has Score (Double), Tags (String[]), Names (String), State (object with Id, optional with Note)."""
SUB = key("SpecialAnomalyEventType")
"""A subtype with Extra (Int32)."""
OTHER = key("OtherEventType")
"""Has Score, too, of a String, and is abstract."""
SOURCE = key("Tank")


def plant() -> AddressSpace:
    space = standard_space()
    for name, above in (("AnomalyEventType", BASE), ("SpecialAnomalyEventType", OWN), ("OtherEventType", BASE)):
        flags = Flag.IS_ABSTRACT if name == "OtherEventType" else 0
        space.add(node(name, NodeClass.OBJECT_TYPE, flags=flags))
        space.refer(above, HAS_SUBTYPE, key(name))
    declare(space, OWN, "Score", 11)
    declare(space, OWN, "Tags", 12, rank=1)
    declare(space, OWN, "Name", 12)
    declare(space, OWN, "Health", 19)
    declare(space, SUB, "Extra", 6, rule=OPTIONAL)
    declare(space, OTHER, "Score", 12)
    space.add(node("State"))
    space.refer(OWN, HAS_COMPONENT, key("State"))
    space.refer(key("State"), MODELLING_RULE, MANDATORY)
    declare(space, key("State"), "Id", 1)
    declare(space, key("State"), "Note", 12, rule=OPTIONAL)
    space.add(node("Tank", flags=1))
    return space


def declare(
    space: AddressSpace, owner: NodeKey, name: str, data_type: int, *, rank: int = -1, rule: NodeKey | None = MANDATORY
) -> None:
    made = variable(f"{identifier_of(owner)}.{name}", data_type, value_rank=rank)
    made.browse_name = BrowseName(2, name)
    space.add(made)
    space.refer(owner, HAS_PROPERTY, made.key)
    if rule is not None:
        space.refer(made.key, MODELLING_RULE, rule)


def own_path(*names: str) -> Path:
    return tuple(BrowseName(2, name) for name in names)


def encoded(value: Any, kind: ua.VariantType | None = None) -> bytes:
    return encode_variant(ua.Variant(value, kind) if kind is not None else ua.Variant(value))


def raw_event(space: AddressSpace, **fields: Any) -> Event:
    """An event of OWN; keyword names are fields of the plant's own, values Variants or plain."""
    made = {
        name: encode_variant(value if isinstance(value, ua.Variant) else ua.Variant(value))
        for name, value in fields.items()
    }
    return Emitter(EventTypes(space), lambda: NOW).make(OWN, SOURCE, "leak found", 500, dict(made))


def clause(
    *names: str,
    namespace: int = 0,
    kind: NodeKey = BASE,
    attribute: int = ua.AttributeIds.Value,
    index_range: str | None = None,
) -> ua.SimpleAttributeOperand:
    made = ua.SimpleAttributeOperand()
    made.TypeDefinitionId = nodeid_of(kind)
    made.BrowsePath = [ua.QualifiedName(name, namespace) for name in names]
    made.AttributeId = ua.IntegerId(attribute)
    made.IndexRange = index_range
    return made


def own(*names: str, **parts: Any) -> ua.SimpleAttributeOperand:
    return clause(*names, namespace=2, **parts)


def literal(value: Any, kind: ua.VariantType | None = None) -> ua.LiteralOperand:
    return ua.LiteralOperand(Value=value if isinstance(value, ua.Variant) else ua.Variant(value, kind))


def reference(index: int) -> ua.ElementOperand:
    return ua.ElementOperand(Index=ua.UInt32(index))


def element(operator: int, *operands: Any) -> ua.ContentFilterElement:
    made = ua.ContentFilterElement()
    made.FilterOperator = operator  # a plain number, so that there may be ones that nobody knows
    made.FilterOperands = list(operands)
    return made


def asked(select: Sequence[ua.SimpleAttributeOperand], where: Iterable[ua.ContentFilterElement] = ()) -> bytes:
    """An EventFilter as asyncua's client would write it."""
    made = ua.EventFilter()
    made.SelectClauses = list(select)
    made.WhereClause.Elements = list(where)
    return struct_to_binary(made)


def compiled(
    space: AddressSpace, select: Sequence[ua.SimpleAttributeOperand], *where: ua.ContentFilterElement
) -> CompiledFilter:
    return compile_filter(EventTypes(space), asked(select, where))


def values(body: bytes | None) -> list[Any]:
    """The EventFields as a client reads them."""
    assert body is not None
    data = Buffer(body)
    count = int.from_bytes(data.read(4), "little")
    fields = [variant_from_binary(data) for _ in range(count)]
    assert not len(data)
    return [field.Value for field in fields]


def told(result: bytes | None) -> ua.EventFilterResult:
    assert result is not None
    return extensionobject_from_binary(Buffer(result))


def codes(statuses: Iterable[ua.StatusCode]) -> list[str]:
    return [status.name for status in statuses]


MESSAGE = clause("Message")
SEVERITY = standard_path("Severity")
