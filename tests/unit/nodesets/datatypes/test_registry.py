from __future__ import annotations

import pytest

from nodesets.built_in_types import BuiltInType
from nodesets.datatypes.description import Encodings, StructureKind
from nodesets.datatypes.problems import DataTypeError
from nodesets.datatypes.registry import TypeRegistry
from nodesets.names import NodeName
from nodesets.nodes import DataTypeField, Node
from tests.unit.nodesets.datatypes.described import (
    BUILD_INFO,
    ENUMERATION,
    OPTION_SET,
    OTHER,
    RANGE,
    SERVER_STATE,
    SERVER_STATUS,
    STRUCTURE,
    UNION,
    data_type,
    encodings,
    field,
    named,
    names,
    standard_types,
    std,
)


def registry(*nodes: Node) -> TypeRegistry:
    return TypeRegistry.of([*standard_types(), *nodes])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (std(1), BuiltInType.Boolean),
        (std(24), BuiltInType.Variant),
        (std(26), BuiltInType.Variant),
        (std(28), BuiltInType.Variant),
        (std(290), BuiltInType.Double),
        (std(294), BuiltInType.DateTime),
        (SERVER_STATE, BuiltInType.Int32),
        (RANGE, BuiltInType.ExtensionObject),
    ],
)
def test_types_reduce_to_built_in_types(name: NodeName, expected: BuiltInType) -> None:
    assert registry().built_in(name) is expected


def test_a_type_that_is_not_there_is_told_with_its_namespace() -> None:
    with pytest.raises(DataTypeError, match=OTHER):
        registry().built_in(NodeName(OTHER, "i", 1))


def test_a_cycle_of_supertypes_ends() -> None:
    types = registry(data_type(named(1), "A", named(2)), data_type(named(2), "B", named(1)))
    assert types.supertypes(named(1)) == [named(2)]
    with pytest.raises(DataTypeError, match="lead to no built-in type"):
        types.built_in(named(1))


def test_inherited_fields_come_first() -> None:
    derived = data_type(named(2), "Derived", named(1), (field("C", 11),))
    base = data_type(named(1), "Base", STRUCTURE, (field("A", 6), field("B", 12, 1)), is_abstract=True)
    described = registry(derived, base).structure(named(2))
    assert [(one.name, one.built_in, one.rank, one.owner) for one in described.fields] == [
        ("A", BuiltInType.Int32, -1, named(1)),
        ("B", BuiltInType.String, 1, named(1)),
        ("C", BuiltInType.Double, -1, named(2)),
    ]
    assert described.kind is StructureKind.STRUCTURE
    assert not described.is_abstract


def test_encodings_are_found_from_either_end() -> None:
    types = registry(data_type(named(1), "A", STRUCTURE), *encodings(named(1), named(11), named(12)))
    assert types.structure(named(1)).encodings == Encodings(binary=named(11), xml=named(12))
    assert types.data_type_of(named(11)) == types.data_type_of(named(12)) == types.data_type_of(named(1)) == named(1)
    assert types.data_type_of(named(13)) is None
    assert types.data_type_of(std(886)) == RANGE


def test_kinds_of_structures() -> None:
    optional = data_type(named(1), "Optional", STRUCTURE, (field("A", 6, is_optional=True),))
    more = data_type(named(2), "More", named(1), (field("B", 6, allow_subtypes=True),))
    union = data_type(named(3), "U", UNION, (field("A", 6),), is_union=True)
    unsaid = data_type(named(4), "V", UNION, (field("A", STRUCTURE, allow_subtypes=True),))
    subtyped = data_type(named(5), "S", STRUCTURE, (field("A", RANGE, allow_subtypes=True),))
    types = registry(optional, more, union, unsaid, subtyped)
    assert [types.structure(named(number)).kind for number in range(1, 6)] == [
        StructureKind.WITH_OPTIONAL_FIELDS,
        StructureKind.WITH_OPTIONAL_FIELDS,
        StructureKind.UNION,
        StructureKind.UNION_WITH_SUBTYPED_VALUES,
        StructureKind.WITH_SUBTYPED_VALUES,
    ]


def test_how_fields_are_encoded() -> None:
    abstract = data_type(named(1), "Abstract", STRUCTURE, None, is_abstract=True)
    described = registry(
        abstract,
        data_type(
            named(2),
            "S",
            STRUCTURE,
            (
                field("inline", RANGE),
                field("subtyped", RANGE, allow_subtypes=True),
                field("abstract", named(1)),
                field("any_structure", STRUCTURE),
                field("number", 26),
                field("subtyped_number", 11, allow_subtypes=True),
                field("state", SERVER_STATE),
                field("any_rank", 6, -2),
            ),
        ),
    ).structure(named(2))
    assert [(one.built_in, one.is_inline) for one in described.fields] == [
        (BuiltInType.ExtensionObject, True),
        (BuiltInType.ExtensionObject, False),
        (BuiltInType.ExtensionObject, False),
        (BuiltInType.ExtensionObject, False),
        (BuiltInType.Variant, False),
        (BuiltInType.Variant, False),
        (BuiltInType.Int32, False),
        (BuiltInType.Variant, False),
    ]
    assert described.fields[6].is_enumeration


def test_what_is_not_described_is_said_and_not_guessed() -> None:
    opaque = data_type(named(1), "Opaque", STRUCTURE, None)
    below = data_type(named(2), "Below", named(1), (field("A", 6),))
    holder = data_type(named(3), "Holder", STRUCTURE, (field("A", named(1)),))
    lost = data_type(named(4), "Lost", STRUCTURE, (field("A", NodeName(OTHER, "i", 7)),))
    types = registry(opaque, below, holder, lost)
    for number, message in ((1, "no Definition"), (2, "supertype"), (3, "field A"), (4, "field A")):
        with pytest.raises(DataTypeError, match=message):
            types.structure(named(number))
    with pytest.raises(DataTypeError, match="no structure"):
        types.structure(std(12))
    with pytest.raises(DataTypeError, match="no option set"):
        types.describe(std(290))


def test_types_that_hold_themselves() -> None:
    listed = data_type(named(1), "Listed", STRUCTURE, (field("children", named(1), 1),))
    optional = data_type(named(2), "Optional", STRUCTURE, (field("next", named(2), is_optional=True),))
    endless = data_type(named(3), "Endless", STRUCTURE, (field("other", named(4)),))
    other = data_type(named(4), "Other", STRUCTURE, (field("back", named(3)),))
    types = registry(listed, optional, endless, other)
    assert types.structure(named(1)).fields[0].is_inline
    assert types.structure(named(2)).fields[0].is_inline
    for number in (3, 4):
        with pytest.raises(DataTypeError, match="contains itself"):
            types.structure(named(number))


def test_a_type_that_doubles_at_every_level_is_refused_at_once() -> None:
    nodes = [data_type(named(0), "T0", STRUCTURE, (field("a", 6),))]
    nodes += [
        data_type(named(one), f"T{one}", STRUCTURE, (field("a", named(one - 1)), field("b", named(one - 1))))
        for one in range(1, 50)
    ]
    with pytest.raises(DataTypeError, match="more than 4096 fields"):
        registry(*nodes).structure(named(49))


def test_two_fields_of_one_name_are_refused() -> None:
    base = data_type(named(1), "Base", STRUCTURE, (field("A", 6),))
    with pytest.raises(DataTypeError, match="two fields named A"):
        registry(base, data_type(named(2), "Twin", named(1), (field("A", 6),))).structure(named(2))


def test_enumerations_and_option_sets() -> None:
    bits = names(Stop=0, Start=3)
    types = registry(
        data_type(named(1), "Mode", ENUMERATION, names(Off=0, On=1, Also=1)),
        data_type(named(2), "Flags", std(7), bits, is_option_set=True),
        data_type(named(3), "Unsaid", std(3), bits),
        data_type(named(4), "Big", OPTION_SET, bits, is_option_set=True),
    )
    mode = types.enumeration(named(1))
    assert mode.names == {0: "Off", 1: "On"}
    assert mode.numbers == {"Off": 0, "On": 1}
    assert [types.option_set(named(number)).built_in for number in (2, 3, 4)] == [
        BuiltInType.UInt32,
        BuiltInType.Byte,
        BuiltInType.ExtensionObject,
    ]
    assert types.option_set(named(2)).bits == {"Stop": 0, "Start": 3}
    assert types.option_set(named(4)).names == {0: "Stop", 3: "Start"}
    # Subtypes of OptionSet have its two fields; their own definition names bits.
    assert [one.name for one in types.structure(named(4)).fields] == ["Value", "ValidBits"]
    assert types.describe(named(4)) == types.option_set(named(4))


def test_names_that_xml_does_not_take() -> None:
    vector = data_type(named(1), "3D Vector", STRUCTURE, (field("x-Axis (mm)", 11),))
    symbolic = data_type(named(2), "4D", STRUCTURE, (field("1st", 11, symbolic_name="First"),))
    symbolic.symbolic_name = "FourD"
    types = registry(vector, symbolic)
    assert (types.structure(named(1)).tag, types.structure(named(1)).fields[0].tag) == ("_3D_Vector", "x-Axis__mm_")
    assert (types.structure(named(2)).tag, types.structure(named(2)).fields[0].tag) == ("FourD", "First")


def test_a_copy_changes_alone_and_descriptions_follow() -> None:
    types = registry(data_type(named(1), "A", STRUCTURE, (field("A", 6),)))
    assert len(types.structure(named(1)).fields) == 1
    changed = types.copy()
    changed.remove([named(1)])
    assert named(1) not in changed
    with pytest.raises(DataTypeError):
        changed.structure(named(1))
    changed.add([data_type(named(1), "A", STRUCTURE, (field("A", 6), field("B", 6)))])
    assert len(changed.structure(named(1)).fields) == 2
    assert len(types.structure(named(1)).fields) == 1


def test_types_without_the_standard_nodeset_reduce_as_far_as_they_say() -> None:
    types = TypeRegistry.of([data_type(named(1), "A", std(12), None), data_type(named(2), "B", STRUCTURE, ())])
    assert types.built_in(named(1)) is BuiltInType.String
    assert types.structure(named(2)).fields == ()


def test_more_optional_fields_than_the_mask_has_bits() -> None:
    fields = tuple(DataTypeField(name=f"F{one}", data_type=std(6), is_optional=True) for one in range(33))
    with pytest.raises(DataTypeError, match="33 optional fields"):
        registry(data_type(named(1), "Wide", STRUCTURE, fields)).structure(named(1))


def test_standard_structures() -> None:
    described = registry().structure(SERVER_STATUS)
    assert [one.name for one in described.fields if one.is_inline] == ["BuildInfo"]
    assert described.fields[3].data_type == BUILD_INFO
    assert described.encodings.binary == std(864)
