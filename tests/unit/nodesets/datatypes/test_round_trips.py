"""Values through binary and XML and back, over generated models."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from nodesets.built_in_types import BuiltInType, Variant
from nodesets.datatypes.binary import decode_structure, decode_variant, encode_structure, encode_variant
from nodesets.datatypes.defaults import default_of
from nodesets.datatypes.json_values import to_json
from nodesets.datatypes.problems import DecodingError, ValueProblem
from nodesets.datatypes.registry import TypeRegistry
from nodesets.datatypes.xml_elements import FileContext
from nodesets.datatypes.xml_values import read_value
from nodesets.datatypes.xml_writing import write_value
from nodesets.names import STANDARD_NAMESPACE
from tests.unit.nodesets.datatypes import slow_binary
from tests.unit.nodesets.datatypes.described import NAMESPACES, OTHER, URN, named, standard_types
from tests.unit.nodesets.datatypes.generated import models, structures, unlike, variants

_RELAXED = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_STANDARD = TypeRegistry.of(standard_types())


@_RELAXED
@given(variants(_STANDARD))
def test_a_variant_is_encoded_as_the_obvious_codec_does_and_comes_back(value: Variant) -> None:
    encoded = encode_variant(value, _STANDARD, NAMESPACES)
    assert encoded == slow_binary.variant(value, _STANDARD)
    assert not unlike(decode_variant(encoded, _STANDARD, NAMESPACES), value)


@_RELAXED
@given(models(), st.data())
def test_a_structure_is_encoded_as_the_obvious_codec_does_and_comes_back(
    registry: TypeRegistry, data: st.DataObject
) -> None:
    value = data.draw(structures(registry, named(1)))
    encoded = encode_structure(value, registry, NAMESPACES)
    assert encoded == slow_binary.structure(value, registry)
    assert not unlike(decode_structure(encoded, named(1), registry, NAMESPACES), value)


def _through_xml(value: Variant, registry: TypeRegistry) -> tuple[Variant, list[ValueProblem]]:
    text = etree.tostring(write_value(value, registry, NAMESPACES))
    problems: list[ValueProblem] = []
    context = FileContext((STANDARD_NAMESPACE, URN, OTHER))
    return read_value(etree.fromstring(text), context, registry, problems), problems


@_RELAXED
@given(models(), st.data())
def test_a_value_written_as_xml_reads_as_the_same_value(registry: TypeRegistry, data: st.DataObject) -> None:
    value = data.draw(variants(registry, 4))
    found, problems = _through_xml(value, registry)
    # A Variant element that is empty and stands for itself is the null Variant.
    assert not unlike(found, value)
    # What the registry does not know is told, and nothing else is.
    assert all(
        "which no loaded NodeSet has" in one.problem or "Variant as its value" in one.problem for one in problems
    )


@_RELAXED
@given(models(), st.data())
def test_every_structure_survives_xml_without_a_problem(registry: TypeRegistry, data: st.DataObject) -> None:
    value = Variant(BuiltInType.ExtensionObject, data.draw(structures(registry, named(1))))
    found, problems = _through_xml(value, registry)
    assert not unlike(found, value)
    known = ("which no loaded NodeSet has", "is not a name of the enumeration")
    assert all(any(text in one.problem for text in known) for one in problems)


@_RELAXED
@given(models(), st.data())
def test_json_is_what_a_strict_json_library_takes(registry: TypeRegistry, data: st.DataObject) -> None:
    value = data.draw(variants(registry, 3))
    for form in ("compact", "verbose"):
        assert json.dumps(to_json(value, registry, form), allow_nan=False)


@_RELAXED
@given(models())
def test_the_default_of_every_type_can_be_encoded(registry: TypeRegistry) -> None:
    for name in registry:
        value = Variant(registry.built_in(name), default_of(name, registry))
        if value.type is not BuiltInType.Variant:
            assert not unlike(decode_variant(encode_variant(value, registry, NAMESPACES), registry, NAMESPACES), value)


@settings(max_examples=600, deadline=None)
@given(st.binary(max_size=80))
def test_hostile_bytes_give_a_value_or_a_decoding_error(data: bytes) -> None:
    with suppress(DecodingError):
        decode_variant(data, _STANDARD, NAMESPACES)


@_RELAXED
@given(models(), st.data())
def test_damaged_structures_give_a_value_or_a_decoding_error(registry: TypeRegistry, data: st.DataObject) -> None:
    value = Variant(BuiltInType.ExtensionObject, data.draw(structures(registry, named(1))))
    encoded = bytearray(encode_variant(value, registry, NAMESPACES))
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DecodingError):
        decode_variant(bytes(encoded[: data.draw(st.integers(0, len(encoded)))]), registry, NAMESPACES)
