"""Generated models and values, for round trips."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import cast

from hypothesis import strategies as st

from nodesets.built_in_types import (
    BuiltInType,
    DataValue,
    DiagnosticInfo,
    EncodedStructure,
    ExpandedNodeName,
    LocalizedText,
    Matrix,
    QualifiedName,
    Structure,
    Value,
    Variant,
)
from nodesets.datatypes.date_times import LATEST
from nodesets.datatypes.description import FieldDescription
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_texts import RANGES
from nodesets.names import STANDARD_NAMESPACE, NodeName
from nodesets.nodes import DataTypeField, Node
from tests.unit.nodesets.datatypes.described import (
    ENUMERATION,
    OTHER,
    STRUCTURE,
    UNION,
    URN,
    data_type,
    encodings,
    field,
    named,
    names,
    standard_types,
    std,
)

COLOUR = named(900)
ABSTRACT = named(901)
UNKNOWN = NodeName(OTHER, "s", "unknown encoding")
_LAST_TICK = 2_650_467_743_989_999_999
_PLAIN = [one for one in BuiltInType if one not in {BuiltInType.Null, BuiltInType.Variant, BuiltInType.ExtensionObject}]

texts = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\t\n", exclude_characters="\ufffe\uffff"
    ),
    max_size=6,
)
uris = st.sampled_from([STANDARD_NAMESPACE, URN, OTHER])
node_names = st.one_of(
    st.builds(NodeName, uris, st.just("i"), st.integers(0, 2**32 - 1) | st.integers(0, 300)),
    st.builds(NodeName, uris, st.just("s"), st.from_regex(r"[a-z/;=# ]{0,5}[a-z]", fullmatch=True)),
    st.builds(NodeName, uris, st.just("g"), st.uuids()),
    st.builds(NodeName, uris, st.just("b"), st.binary(min_size=1, max_size=5)),
)
date_times = st.integers(0, _LAST_TICK) | st.just(LATEST)


def _rounded(number: float) -> Value:
    return struct.unpack("<f", struct.pack("<f", number))[0]


def _maybe(strategy: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.none() | strategy


def _whole(built_in: BuiltInType) -> st.SearchStrategy[Value]:
    least, most = RANGES[built_in]
    return st.integers(least, most)


def scalars(  # noqa: C901, PLR0911, PLR0912 - one case a type
    built_in: BuiltInType, registry: TypeRegistry | None = None, depth: int = 2
) -> st.SearchStrategy[Value]:
    """Give values of a built-in type; structures only where there is a registry to describe them."""
    uint16 = st.integers(0, 0xFFFF)
    uint32 = st.integers(0, 0xFFFF_FFFF)
    match built_in:
        case BuiltInType.Boolean:
            return st.booleans()
        case BuiltInType.Float:
            return st.floats(width=32).map(_rounded)
        case BuiltInType.Double:
            return st.floats()
        case BuiltInType.String:
            return _maybe(texts)
        case BuiltInType.DateTime:
            return date_times
        case BuiltInType.Guid:
            return st.uuids()
        case BuiltInType.ByteString:
            return _maybe(st.binary(max_size=6))
        case BuiltInType.XmlElement:
            return st.sampled_from([None, "", "text", "<a></a>", '<b xmlns="urn:x" c="1">t<d></d></b>'])
        case BuiltInType.NodeId:
            return node_names
        case BuiltInType.ExpandedNodeId:
            return st.builds(ExpandedNodeName, node_names, st.sampled_from([0, 0, 1, 2**32 - 1]))
        case BuiltInType.StatusCode:
            return uint32
        case BuiltInType.QualifiedName:
            return st.builds(QualifiedName, uris, st.none() | texts)
        case BuiltInType.LocalizedText:
            return st.builds(LocalizedText, st.none() | texts, st.none() | texts)
        case BuiltInType.ExtensionObject:
            return extension_objects(registry, depth)
        case BuiltInType.DataValue:
            return st.builds(
                DataValue,
                st.none() | variants(registry, depth - 1),
                st.none() | uint32,
                st.none() | date_times,
                st.none() | uint16,
                st.none() | date_times,
                st.none() | uint16,
            )
        case BuiltInType.Variant:
            return variants(registry, depth - 1)
        case BuiltInType.DiagnosticInfo:
            inner = scalars(built_in, registry, depth - 1) if depth > 0 else st.none()
            number = st.none() | st.integers(-1, 2**31 - 1)
            parts = (number, number, number, number, st.none() | texts, st.none() | uint32)
            return st.builds(DiagnosticInfo, *parts, st.none() | cast("st.SearchStrategy[DiagnosticInfo]", inner))
        case _:
            return _whole(built_in)


def extension_objects(registry: TypeRegistry | None, depth: int) -> st.SearchStrategy[Value]:
    opaque = st.sampled_from([None, EncodedStructure(UNKNOWN, None), EncodedStructure(UNKNOWN, b"\1\2")])
    if registry is None or depth <= 0:
        return opaque
    known = [one for one in registry if one.namespace == URN and one not in {COLOUR, ABSTRACT}]
    if not known:
        return opaque
    return opaque | st.sampled_from(known).flatmap(lambda one: structures(registry, one, depth - 1))


def variants(registry: TypeRegistry | None = None, depth: int = 2) -> st.SearchStrategy[Variant]:
    """Give Variants of all types and shapes, within what has one form only in all encodings."""
    if depth <= 0:
        return scalars(BuiltInType.Int32).map(lambda one: Variant(BuiltInType.Int32, one))
    kinds = [*_PLAIN, BuiltInType.ExtensionObject, BuiltInType.Variant]
    return st.just(Variant(BuiltInType.Null, None)) | st.sampled_from(kinds).flatmap(
        lambda one: _shapes(one, scalars(one, registry, depth - 1))
    )


def _shapes(built_in: BuiltInType, scalar: st.SearchStrategy[Value]) -> st.SearchStrategy[Variant]:
    arrays = st.lists(scalar, max_size=3).map(lambda one: Variant(built_in, tuple(one)))
    matrices = _matrices(scalar).map(lambda one: Variant(built_in, one.elements, one.dimensions))
    if built_in is BuiltInType.Variant:
        return arrays | matrices
    return scalar.map(lambda one: Variant(built_in, one)) | arrays | matrices


def _matrices(scalar: st.SearchStrategy[Value]) -> st.SearchStrategy[Matrix]:
    sizes = st.tuples(st.integers(1, 2), st.integers(1, 2))
    return sizes.flatmap(
        lambda size: st.lists(scalar, min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
            lambda one: Matrix(size, tuple(one))
        )
    )


def structures(registry: TypeRegistry, name: NodeName, depth: int = 3) -> st.SearchStrategy[Structure]:
    """Give values of a structure, each field within its description."""
    described = registry.structure(name)
    fields = {one.name: _values(registry, one, depth) for one in described.fields}
    if described.is_union:
        chosen = [st.just(Structure(name))]
        chosen += [strategy.map(_alone(name, key)) for key, strategy in fields.items()]
        return st.one_of(chosen)
    optional = {one.name: fields.pop(one.name) for one in described.optional_fields}
    order = {one.name: place for place, one in enumerate(described.fields)}
    return st.fixed_dictionaries(fields, optional=optional).map(
        lambda found: Structure(name, dict(sorted(found.items(), key=lambda item: order[item[0]])))
    )


def _alone(name: NodeName, key: str) -> Callable[[Value], Structure]:
    return lambda value: Structure(name, {key: value})


def _values(registry: TypeRegistry, one: FieldDescription, depth: int) -> st.SearchStrategy[Value]:
    if one.is_inline:
        if depth <= 0 and one.rank != -1:
            return st.none()
        scalar: st.SearchStrategy[Value] = st.deferred(lambda: structures(registry, one.data_type, depth - 1))
    else:
        scalar = scalars(one.built_in, registry, depth - 1)
    if one.rank == -1:
        return scalar
    if one.rank == 1:
        return st.none() | st.lists(scalar, max_size=2).map(tuple)
    return st.none() | _matrices(scalar)


@st.composite
def models(draw: st.DrawFn) -> TypeRegistry:
    """Give a model of a few structures that hold, inherit from and repeat one another."""
    nodes: list[Node] = [
        *standard_types(),
        data_type(COLOUR, "Colour", ENUMERATION, names(Red=0, Green=1, Green_2=7)),
        data_type(ABSTRACT, "Abstract", STRUCTURE, None, is_abstract=True),
    ]
    made: list[tuple[NodeName, bool]] = []
    for number in range(draw(st.integers(1, 4))):
        name = named(number + 1)
        is_union = draw(st.booleans())
        bases = [one for one, union in made if not union and not is_union]
        base = draw(st.sampled_from([UNION if is_union else STRUCTURE, ABSTRACT if not is_union else UNION, *bases]))
        own = tuple(
            draw(_fields(f"F{number}_{place}", name, made, is_union=is_union))
            for place in range(draw(st.integers(0, 4)))
        )
        nodes.append(data_type(name, f"Type {number}", base, own, is_union=is_union))
        nodes += encodings(name, named(100 + number), draw(st.sampled_from([None, named(200 + number)])))
        made.append((name, is_union))
    return TypeRegistry.of(nodes)


@st.composite
def _fields(
    draw: st.DrawFn, name: str, own: NodeName, made: list[tuple[NodeName, bool]], *, is_union: bool
) -> DataTypeField:
    rank = draw(st.sampled_from([-1, -1, 1, 2]))
    built_in = [std(number) for number in range(1, 30) if number not in {22, 24, 27, 28}]
    kinds = [*built_in, std(24), STRUCTURE, COLOUR, ABSTRACT, *[one for one, _ in made] * 5]
    if rank == 1:
        kinds.append(own)
    return field(
        name,
        draw(st.sampled_from(kinds)),
        rank,
        is_optional=draw(st.booleans()) and not is_union,
        allow_subtypes=draw(st.sampled_from([False, False, True])),
    )


def unlike(one: object, other: object) -> str:
    """Give a message where two values differ: NaN is like NaN, -0.0 is unlike 0.0, True is unlike 1."""
    return "" if repr(one) == repr(other) else f"{one!r}\nis unlike\n{other!r}"
