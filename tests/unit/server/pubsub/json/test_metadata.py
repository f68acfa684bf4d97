from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from core.datatypes import DataType
from nodesets.datatypes.registry import TypeRegistry
from server.address_space.structured import StructureCodec
from server.pubsub.fields import DataSetField
from server.pubsub.frames import WriterIdentity
from server.pubsub.json.metadata import field_digests, field_metadata, metadata_message
from tests.unit.nodesets.datatypes.described import (
    NAMESPACES,
    STRUCTURE,
    URN,
    data_type,
    field,
    named,
    names,
    standard_types,
    std,
)

FIELD = DataSetField(
    "Temperature",
    0,
    DataType.FLOAT,
    "nsu=urn:x;s=t",
    unit="\u00b0C",
    description="Inside the filler",
    range=(-20, 120.5),
)


def test_a_field_tells_type_unit_and_range() -> None:
    made: Any = field_metadata(FIELD)
    properties: dict[str, Any] = {entry["Key"]: entry["Value"] for entry in made.pop("Properties")}
    assert made == {
        "Name": "Temperature",
        "Description": {"Text": "Inside the filler"},
        "BuiltInType": 10,
        "DataType": "i=10",
        "ValueRank": -1,
        "DataSetFieldId": FIELD.field_id,
    }
    assert properties["NodeId"] == {"UaType": 17, "Value": "nsu=urn:x;s=t"}
    assert properties["EURange"] == {"UaType": 22, "Value": {"UaTypeId": "i=884", "Low": -20.0, "High": 120.5}}
    unit = properties["EngineeringUnits"]["Value"]
    assert unit["UnitId"] == int.from_bytes(b"CEL", "big")
    assert unit["NamespaceUri"] == "http://www.opcfoundation.org/UA/units/un/cefact"
    assert unit["DisplayName"] == {"Text": "\u00b0C"}


def test_a_unit_without_a_code_keeps_its_text() -> None:
    made = json.dumps(field_metadata(replace(FIELD, unit="bottles/h")))
    assert '"UnitId": -1' in made
    assert "bottles/h" in made


def test_arrays_and_enumerations_tell_what_they_are_made_of() -> None:
    made = field_metadata(
        replace(FIELD, datatype=DataType.VARIANT, built_in=DataType.INT32, value_rank=1, data_type="nsu=urn:x;i=3")
    )
    assert (made["BuiltInType"], made["DataType"], made["ValueRank"]) == (6, "nsu=urn:x;i=3", 1)


def test_the_message_is_that_of_part_14() -> None:
    identity = WriterIdentity("line-1", "default", "meters", 7, (10, 11))
    message = json.loads(metadata_message(identity, "All meters", [FIELD]))
    assert message["MessageType"] == "ua-metadata"
    assert (message["PublisherId"], message["WriterGroupName"]) == ("line-1", "default")
    assert (message["DataSetWriterId"], message["DataSetWriterName"]) == (7, "meters")
    assert message["MetaData"]["Name"] == "meters"
    assert message["MetaData"]["Description"] == {"Text": "All meters"}
    assert message["MetaData"]["ConfigurationVersion"] == {"MajorVersion": 10, "MinorVersion": 11}
    assert [field["Name"] for field in message["MetaData"]["Fields"]] == ["Temperature"]


def test_a_digest_follows_whatever_a_consumer_sees_but_not_the_slot() -> None:
    (same,) = field_digests([FIELD])
    assert field_digests([replace(FIELD, slot=99)]) == [same]
    for other in (replace(FIELD, unit="K"), replace(FIELD, name="T"), replace(FIELD, range=(0, 1))):
        assert field_digests([other]) != [same]


COLOUR, LAMP, SPEED = named(20), named(21), named(22)


def _codec(*colours: str) -> StructureCodec:
    numbers = {colour: number for number, colour in enumerate(colours)}
    made = [
        data_type(COLOUR, "Colour", std(29), names(**numbers)),
        data_type(LAMP, "Lamp", STRUCTURE, (field("Colour", COLOUR), field("Watts", 11, 1), field("Speed", SPEED))),
        data_type(SPEED, "Speed", std(11)),
    ]
    return StructureCodec(TypeRegistry.of([*standard_types(), *made]), NAMESPACES)


def test_the_models_own_types_are_described_with_those_that_they_are_made_of() -> None:
    identity = WriterIdentity("line-1", "default", "meters", 7, (10, 11))
    lamp = replace(FIELD, datatype=DataType.VARIANT, data_type=str(LAMP))
    metadata = json.loads(metadata_message(identity, "", [lamp, FIELD], _codec("Red", "Green")))["MetaData"]
    assert [(one["BuiltInType"], one["DataType"]) for one in metadata["Fields"]] == [(22, str(LAMP)), (10, "i=10")]
    (structure,) = metadata["StructureDataTypes"]
    assert (structure["DataTypeId"], structure["Name"]) == (str(LAMP), f"nsu={URN};Lamp")
    assert structure["StructureDefinition"]["BaseDataType"] == "i=22"
    assert [(one["Name"], one["DataType"], one["ValueRank"]) for one in structure["StructureDefinition"]["Fields"]] == [
        ("Colour", str(COLOUR), -1),
        ("Watts", "i=11", 1),
        ("Speed", str(SPEED), -1),
    ]
    (colours,) = metadata["EnumDataTypes"]
    assert colours["BuiltInType"] == 6
    assert [(one.get("Value", "0"), one["Name"]) for one in colours["EnumDefinition"]["Fields"]] == [
        ("0", "Red"),
        ("1", "Green"),
    ]
    assert metadata["SimpleDataTypes"] == [
        {"DataTypeId": str(SPEED), "Name": f"nsu={URN};Speed", "BaseDataType": "i=11", "BuiltInType": 11}
    ]


def test_a_digest_follows_the_definition_of_its_type() -> None:
    colour = replace(FIELD, datatype=DataType.INT32, data_type=str(COLOUR))
    assert field_digests([colour], _codec("Red")) == field_digests([colour], _codec("Red"))
    assert field_digests([colour], _codec("Red")) != field_digests([colour], _codec("Red", "Green"))


def test_a_field_of_an_event_is_no_nodes() -> None:
    made = field_metadata(DataSetField("Message", -1, DataType.VARIANT, "event:plant/Message", data_type="i=21"))
    assert (made["BuiltInType"], made["DataType"]) == (21, "i=21")
    assert "Properties" not in made
