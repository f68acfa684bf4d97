"""What another maker understands: node-opcua's decoder of OPC UA JSON reads our columns, metadata and connection."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.datatypes import DataType
from nodesets.built_in_types import BuiltInType, LocalizedText, QualifiedName, Variant
from nodesets.names import STANDARD_NAMESPACE, NodeName
from server.pubsub.fields import DataSetField
from server.pubsub.json.discovery import GroupDescription, WriterDescription, connection_message
from server.pubsub.json.fields import FieldEncoder
from server.pubsub.json.metadata import metadata_message
from server.pubsub.json.settings import JsonForm
from tests.foreign.client import need_node
from tests.unit.server.pubsub.json.dataset import IDENTITY, MOMENT, part

_FOREIGN = Path(__file__).parents[4] / "foreign"
_COLUMNS: list[tuple[DataType, object, object]] = [
    (DataType.BOOLEAN, True, True),
    (DataType.SBYTE, -128, -128),
    (DataType.BYTE, 255, 255),
    (DataType.INT16, -5, -5),
    (DataType.UINT16, 65535, 65535),
    (DataType.INT32, -(2**31), -(2**31)),
    (DataType.UINT32, 2**32 - 1, 2**32 - 1),
    (DataType.INT64, -5, [0xFFFFFFFF, 0xFFFFFFFB]),
    (DataType.UINT64, 2**63 + 1, [0x80000000, 1]),
    (DataType.FLOAT, 0.1, 0.1),
    (DataType.DOUBLE, -1e300, -1e300),
    (DataType.STRING, "gr\u00fcn", "gr\u00fcn"),
    (DataType.DATETIME, MOMENT, "2024-01-02T03:04:05.000Z"),
    (DataType.GUID, UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (DataType.BYTESTRING, b"\x00\xff", "AP8="),
]
_VARIANTS: list[tuple[Variant, object]] = [
    (Variant(BuiltInType.LocalizedText, LocalizedText("de", "hei\u00df")), {"locale": "de", "text": "hei\u00df"}),
    (Variant(BuiltInType.NodeId, NodeName("urn:x", "s", "a")), "ns=1;s=a"),
    (Variant(BuiltInType.QualifiedName, QualifiedName(STANDARD_NAMESPACE, "Speed")), {"name": "Speed"}),
    (Variant(BuiltInType.Double, (1.5, -2.0)), [1.5, -2.0]),
]


def _node(**given: Any) -> dict[str, Any]:
    node = need_node()
    if not (_FOREIGN / "node_modules" / "node-opcua-json").is_dir():
        pytest.skip("node-opcua-json is not installed: run `npm install` in tests/foreign")
    run = subprocess.run(
        [node, str(_FOREIGN / "json_values.js")],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def _payload(form: JsonForm) -> dict[str, Any]:
    fields = [DataSetField(kind.symbol, at, kind, f"nsu=urn:x;i={at}") for at, (kind, _, _) in enumerate(_COLUMNS)]
    parts = [part(kind, [at], [value]) for at, (kind, value, _) in enumerate(_COLUMNS)]
    begin = len(fields)
    fields += [
        DataSetField(one.type.name + str(at), begin + at, DataType.VARIANT, f"nsu=urn:x;i={begin + at}")
        for at, (one, _) in enumerate(_VARIANTS)
    ]
    index = range(begin, begin + len(_VARIANTS))
    parts.append(part(DataType.VARIANT, index, [value for value, _ in _VARIANTS]))
    payload: dict[str, Any] = json.loads(FieldEncoder(fields, ("SourceTimestamp",), form).payload(parts))
    return payload


@pytest.mark.parametrize(("form", "edition"), [("compact", "105"), ("reversible", "104")])
def test_node_opcua_reads_values_of_every_type(form: JsonForm, edition: str) -> None:
    told = _node(edition=edition, namespaces=["urn:x"], values=_payload(form))["values"]
    for kind, _, expected in _COLUMNS:
        assert told[kind.symbol]["type"] == kind.symbol
        assert told[kind.symbol]["value"] == expected
        assert told[kind.symbol]["time"] == "2024-01-02T03:04:05.000Z"
    for at, (variant, expected) in enumerate(_VARIANTS):
        found = told[variant.type.name + str(at)]
        assert found["type"] == variant.type.name
        value = found["value"]
        assert {key: value[key] for key in expected} == expected if isinstance(expected, dict) else value == expected


def test_node_opcua_reads_metadata_and_connection() -> None:
    fields = [
        DataSetField("a", 0, DataType.DOUBLE, "nsu=urn:x;s=a", unit="\u00b0C", range=(0, 1)),
        DataSetField("b", 1, DataType.VARIANT, "nsu=urn:x;s=b", built_in=DataType.INT32, value_rank=1),
    ]
    metadata = json.loads(metadata_message(IDENTITY, "Meters", fields))["MetaData"]
    writer = WriterDescription("meters", 7, "meters", "t", "m", 10, ("StatusCode", "RawData"), 33)
    message = connection_message("line-1", "cloud", [GroupDescription("default", 1.5, [writer], network_mask=3)])
    told = _node(edition="105", namespaces=[], metadata=metadata, connection=json.loads(message)["Connection"])
    assert told["metadata"]["version"] == [10, 11]
    assert told["metadata"]["fields"] == [["a", 11, "ns=0;i=11", -1], ["b", 6, "ns=0;i=6", 1]]
    assert told["connection"] == {
        "name": "cloud",
        "publisher": "line-1",
        "profile": "http://opcfoundation.org/UA-Profile/Transport/pubsub-mqtt-json",
        "group": ["default", 1500],
        "writer": ["meters", 7, 33, 10],
    }
