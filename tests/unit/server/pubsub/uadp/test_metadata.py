"""DataSetMetaData as asyncua reads them, and as we do."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from asyncua import ua as asyncua_types
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import (
    struct_from_binary,  # pyright: ignore[reportUnknownVariableType] - asyncua leaves types open
    struct_to_binary,
)

from core.datatypes import DataType
from server.address_space.decoding import Cursor
from server.pubsub.fields import DataSetField
from server.pubsub.uadp.metadata import encode_metadata, read_metadata
from server.pubsub.uadp.settings import UadpSettings
from tests.unit.server.pubsub.uadp.plain import IDENTITY

ua: Any = asyncua_types
"""asyncua's types want their own numbers and texts, and take plain ones."""
FIELDS = [
    DataSetField(
        "Temperature", 0, DataType.FLOAT, "nsu=urn:plant;s=t", unit="CEL", description="of the oil", range=(-20, 120.5)
    ),
    DataSetField("Mode", 1, DataType.INT32, "nsu=urn:plant;i=5", unit="furlongs", data_type="nsu=urn:types;i=3002"),
    DataSetField("Curve", 2, DataType.VARIANT, "i=2258", built_in=DataType.DOUBLE, value_rank=1),
]
KINDS = [int(field.wire_type) for field in FIELDS]
SETTINGS = UadpSettings.model_validate(
    {
        "network": ["PublisherId", "PayloadHeader", "PromotedFields", "DataSetClassId"],
        "promoted": ["Mode"],
        "dataset_class": UUID(int=7),
    }
)


def _read_by_asyncua(encoded: bytes) -> Any:
    return cast("Any", struct_from_binary)(ua.DataSetMetaDataType, Buffer(encoded))


def test_asyncua_reads_what_is_written() -> None:
    read = _read_by_asyncua(encode_metadata(IDENTITY, "of line 1", FIELDS, KINDS, SETTINGS))
    assert (read.Name, read.Description.Text, read.Namespaces) == ("meters", "of line 1", ["urn:plant", "urn:types"])
    assert (read.ConfigurationVersion.MajorVersion, read.ConfigurationVersion.MinorVersion) == IDENTITY.version
    assert read.DataSetClassId == UUID(int=7)
    temperature, mode, curve = read.Fields
    assert (temperature.Name, temperature.Description.Text, temperature.BuiltInType) == (
        "Temperature",
        "of the oil",
        10,
    )
    assert (temperature.DataType, mode.DataType) == (ua.NodeId(10), ua.NodeId(3002, 2))
    assert temperature.DataSetFieldId == UUID(FIELDS[0].field_id)
    properties = {str(one.Key.Name): one.Value for one in temperature.Properties}
    assert properties["NodeId"].Value == ua.NodeId("t", 1)
    unit, span = properties["EngineeringUnits"].Value, properties["EURange"].Value
    assert (unit.UnitId, unit.DisplayName.Text) == (4408652, "°C")
    assert (span.Low, span.High) == (-20, 120.5)
    assert (mode.FieldFlags, temperature.FieldFlags) == (1, 0)
    unit = {str(one.Key.Name): one.Value for one in mode.Properties}["EngineeringUnits"].Value
    assert (unit.UnitId, unit.DisplayName.Text) == (-1, "furlongs")
    assert (curve.ValueRank, curve.ArrayDimensions, curve.BuiltInType) == (1, [0], 11)


def test_they_are_read_back() -> None:
    cursor = Cursor(encode_metadata(IDENTITY, "", FIELDS, KINDS, SETTINGS))
    read = read_metadata(cursor)
    assert cursor.at == len(cursor.data)
    assert (read.name, read.version, read.class_id) == ("meters", (10, 11), UUID(int=7))
    assert [(field.name, field.built_in, field.value_rank, field.data_type) for field in read.fields] == [
        ("Temperature", 10, -1, "i=10"),
        ("Mode", 6, -1, "nsu=urn:types;i=3002"),
        ("Curve", 11, 1, "i=11"),
    ]
    assert [field.promoted for field in read.fields] == [False, True, False]


def test_types_that_others_describe_are_passed_over() -> None:
    name = ua.QualifiedName("T", 1)
    written = ua.DataSetMetaDataType(
        Namespaces=["urn:x"],
        Name="others",
        StructureDataTypes=[
            ua.StructureDescription(
                DataTypeId=ua.NodeId(1, 1),
                Name=name,
                StructureDefinition=ua.StructureDefinition(
                    BaseDataType=ua.NodeId(22),
                    Fields=[ua.StructureField(Name="f", DataType=ua.NodeId(11), ArrayDimensions=[ua.UInt32(2)])],
                ),
            )
        ],
        EnumDataTypes=[
            ua.EnumDescription(
                DataTypeId=ua.NodeId(2, 1),
                Name=name,
                EnumDefinition=ua.EnumDefinition([ua.EnumField(Value=ua.Int64(1), Name="on")]),
                BuiltInType=ua.Byte(6),
            )
        ],
        SimpleDataTypes=[
            ua.SimpleTypeDescription(ua.NodeId(3, 1), name, BaseDataType=ua.NodeId(11), BuiltInType=ua.Byte(11))
        ],
        Fields=[
            ua.FieldMetaData(
                Name="f", BuiltInType=ua.Byte(12), DataType=ua.NodeId("t", 1), MaxStringLength=ua.UInt32(8)
            )
        ],
    )
    read = read_metadata(Cursor(struct_to_binary(written)))
    (field,) = read.fields
    assert (field.name, field.data_type, field.longest) == ("f", "nsu=urn:x;s=t", 8)


def test_namespaces_are_those_of_the_values_and_a_field_of_an_event_is_no_nodes() -> None:
    event = DataSetField("Time", -1, DataType.VARIANT, "event:alarms/Time", data_type="i=294")
    encoded = encode_metadata(IDENTITY, "", [FIELDS[1], event], [6, 13], SETTINGS, ["urn:server", "urn:types"])
    read = _read_by_asyncua(encoded)
    assert read.Namespaces == ["urn:server", "urn:types", "urn:plant"]
    mode, time = read.Fields
    assert mode.DataType == ua.NodeId(3002, 2)
    assert (time.BuiltInType, time.DataType, time.Properties) == (13, ua.NodeId(294), [])
