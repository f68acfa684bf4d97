"""Headers as the content masks ask for them (Part 14 v1.05 7.2.5.3, 7.2.5.4, and the layouts of its Annex A.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from core.datatypes import DataType
from server.pubsub.fields import DataSetField
from server.pubsub.frames import MessageType
from server.pubsub.json.encoding import JsonEncoding
from server.pubsub.json.fields import FieldEncoder
from server.pubsub.json.messages import MessageEncoder
from server.pubsub.json.settings import JsonSettings
from server.pubsub.settings import DataSetSettings
from tests.unit.server.pubsub.json.dataset import IDENTITY, frame, part

FIELDS = [DataSetField("Speed", 0, DataType.DOUBLE, "nsu=urn:x;s=speed")]
PARTS = (part(DataType.DOUBLE, [0], [1.5]),)
FRAMES = [frame(MessageType.KEY_FRAME, PARTS, number) for number in (1, 2)]
CLASS = "8f1f3c2a-4f0e-4b7e-9d53-2f6f3e0c1a55"
PAYLOAD = {"Speed": 1.5}


def _messages(*frames: Any, **settings: Any) -> list[Any]:
    encoder = MessageEncoder(IDENTITY, FieldEncoder(FIELDS, ("RawData",)), JsonSettings.model_validate(settings))
    return [json.loads(made) for made, _ in encoder.network_messages(frames or FRAMES, 100_000)]


def test_without_headers_a_message_is_its_values() -> None:
    assert _messages(network=["SingleDataSetMessage"]) == [PAYLOAD, PAYLOAD]
    assert _messages(network=[]) == [[PAYLOAD, PAYLOAD]]


def test_a_single_dataset_message_may_stand_alone_with_its_header() -> None:
    made = _messages(
        network=["DataSetMessageHeader", "SingleDataSetMessage"],
        message=["DataSetWriterId", "PublisherId", "WriterGroupName", "SequenceNumber", "MinorVersion"],
    )
    assert [list(one) for one in made] == [
        ["DataSetWriterId", "PublisherId", "WriterGroupName", "SequenceNumber", "MinorVersion", "Payload"]
    ] * 2
    assert made[1] == {
        "DataSetWriterId": 7,
        "PublisherId": "line-1",
        "WriterGroupName": "default",
        "SequenceNumber": 2,
        "MinorVersion": 11,
        "Payload": PAYLOAD,
    }


def test_the_network_header_has_what_is_asked_for() -> None:
    (made,) = _messages(
        network=["NetworkMessageHeader", "DataSetClassId", "PublisherId", "ReplyTo"], class_id=CLASS, reply_to="to/me"
    )
    assert len(made.pop("MessageId")) == 36
    assert made == {
        "MessageType": "ua-data",
        "PublisherId": "line-1",
        "DataSetClassId": CLASS,
        "ReplyTo": "to/me",
        "Messages": [PAYLOAD, PAYLOAD],
    }
    single = _messages(network=["NetworkMessageHeader", "SingleDataSetMessage"])
    assert [one["Messages"] for one in single] == [PAYLOAD, PAYLOAD]
    assert single[0]["MessageId"] != single[1]["MessageId"]


def test_a_keep_alive_without_a_header_is_not_sent() -> None:
    quiet = frame(MessageType.KEEP_ALIVE, ())
    assert _messages(quiet, network=["SingleDataSetMessage"]) == []
    (made,) = _messages(quiet, network=["DataSetMessageHeader"], message=["MessageType"])
    assert made == [{"MessageType": "ua-keepalive"}]


def test_the_event_is_a_message_of_its_kind() -> None:
    (made,) = _messages(frame(MessageType.EVENT, PARTS), message=["MessageType"])
    assert made["Messages"] == [{"MessageType": "ua-event", "Payload": PAYLOAD}]


def test_a_word_is_the_form() -> None:
    made = DataSetSettings.model_validate({"nodes": ["/Objects/*"], "json": "compact"})
    assert made.json_ == JsonSettings(form="compact")


@pytest.mark.parametrize(
    ("form", "bits"), [("non-reversible", 0), ("reversible", 0x80), ("verbose", 0x800), ("compact", 0x880)]
)
def test_the_masks_are_those_of_the_standard(form: str, bits: int) -> None:
    made = JsonSettings.model_validate({"form": form, "message": ["DataSetWriterName", "DataSetWriterId"]})
    assert made.message_mask == 0x41 | bits
    assert made.network_mask == 0b1001011


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"network": ["PublisherId"]}, "network"),
        ({"class_id": CLASS}, "class_id"),
        ({"network": ["NetworkMessageHeader", "DataSetClassId"]}, "class_id"),
        ({"class_id": "yes"}, "class_id"),
        ({"reply_to": "x"}, "reply_to"),
        ({"message": ["PublisherId"]}, "message"),
        ({"message": ["WriterGroupName"]}, "message"),
        ({"form": "binary"}, "form"),
    ],
)
def test_bits_that_do_not_go_together_are_refused(settings: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        JsonSettings.model_validate(settings)
    assert caught.value.errors()[0]["loc"] == (key,)


def test_the_encoding_gives_finished_mqtt_messages() -> None:
    encoding = JsonEncoding(IDENTITY, FIELDS, ("a/data", "a/metadata"), ("RawData",), description="All")
    (made,) = encoding.data(FRAMES, 10_000)
    assert (made.values, made.message.topic, made.message.kind) == (2, "a/data", "ua-data")
    assert (made.message.qos, made.message.retain, made.message.content_type) == (1, False, "application/json")
    assert len(json.loads(made.message.payload)["Messages"]) == 2
    (metadata,) = encoding.metadata()
    assert (metadata.topic, metadata.retain, metadata.kind) == ("a/metadata", True, "ua-metadata")
    assert json.loads(metadata.payload)["MetaData"]["Description"] == {"Text": "All"}
