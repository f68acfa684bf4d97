from __future__ import annotations

import json

from server.pubsub.frames import PubSubState
from server.pubsub.json.discovery import (
    GroupDescription,
    WriterDescription,
    connection_message,
    field_content_mask,
    status_message,
)
from server.pubsub.json.topics import Topics


def test_the_status_message_is_not_cyclic() -> None:
    message = json.loads(status_message("line-1", PubSubState.OPERATIONAL))
    assert len(message.pop("MessageId")) == 36
    assert message == {"MessageType": "ua-status", "PublisherId": "line-1", "IsCyclic": False, "Status": 2}


def test_the_connection_describes_groups_and_writers_but_no_address() -> None:
    writer = WriterDescription("meters", 7, "meters", "t/data", "t/meta", 10, ("StatusCode", "RawData"), 0x801)
    message = json.loads(connection_message("line-1", "cloud", [GroupDescription("g", 0.5, [writer], largest=4096)]))
    assert (message["MessageType"], message["PublisherId"]) == ("ua-connection", "line-1")
    connection = message["Connection"]
    assert connection["PublisherId"] == {"UaType": 12, "Value": "line-1"}
    assert not {"Address", "ReaderGroups", "ConnectionProperties"} & set(connection)
    (group,) = connection["WriterGroups"]
    assert (group["Name"], group["PublishingInterval"], group["MaxNetworkMessageSize"]) == ("g", 500.0, 4096)
    (described,) = group["DataSetWriters"]
    assert (described["DataSetWriterId"], described["DataSetFieldContentMask"]) == (7, 33)
    assert described["MessageSettings"] == {"UaTypeId": "i=15664", "DataSetMessageContentMask": 0x801}
    assert described["TransportSettings"]["QueueName"] == "t/data"
    assert described["TransportSettings"]["MetaDataQueueName"] == "t/meta"


def test_content_masks_are_made_of_names() -> None:
    assert field_content_mask(["ServerTimestamp", "SourceTimestamp"]) == 6


def test_topics_are_those_of_part_14() -> None:
    topics = Topics("opcua", "line-1")
    assert topics.connection == "opcua/json/connection/line-1"
    assert Topics("a/b", "p", "uadp").data("g", "w") == "a/b/uadp/data/p/g/w"
