"""JSON NetworkMessages taken apart (Part 14 v1.05 7.2.5), with or without their headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn, cast

from core.time import from_iso
from server.pubsub.commands.json_document import read_document
from server.pubsub.commands.refusal import CommandRefused
from server.pubsub.commands.subscribed.messages import (
    KEY_FRAME,
    MessageUnreadable,
    ReceivedField,
    ReceivedMessage,
    ReceivedMetaData,
)

MOST_MESSAGES: Final = 1000
_UINT32: Final = 0xFFFF_FFFF
_OF_DATA_VALUES: Final = frozenset(
    {
        *("UaType", "Type", "Value", "Body", "Dimensions", "Status", "StatusCode"),
        *("SourceTimestamp", "SourcePicoseconds", "ServerTimestamp", "ServerPicoseconds"),
    }
)


class JsonSource:
    """Reads messages of up to ``most`` bytes."""

    def __init__(self, most: int) -> None:
        """Keep the bound."""
        self._most = most

    def messages(self, payload: bytes) -> list[ReceivedMessage]:
        """Give the DataSetMessages of a message. Raises :class:`MessageUnreadable`."""
        return read_messages(payload, self._most)

    def metadata(self, payload: bytes) -> list[ReceivedMetaData]:
        """Give the DataSetMetaData of a message. Raises :class:`MessageUnreadable`."""
        return [read_metadata(payload, self._most)]


def read_messages(payload: bytes, most: int) -> list[ReceivedMessage]:
    """Read the DataSetMessages of a message of up to ``most`` bytes. Raises :class:`MessageUnreadable`.

    Without a NetworkMessage header they stand alone, or in a list; without their own header fields are all there is.
    """
    given = _read(payload, most)
    whole = _members(given)
    network: Mapping[str, object] = whole if "Messages" in whole else {}
    if network.get("MessageType", "ua-data") != "ua-data":
        _refuse(f"it is no ua-data: {str(network['MessageType'])[:40]}")
    messages = network.get("Messages", given)
    listed = cast("list[object]", messages if isinstance(messages, list) else [messages])
    if not 0 < len(listed) <= MOST_MESSAGES:
        _refuse(f"it has {len(listed)} DataSetMessages, not 1 to {MOST_MESSAGES}")
    return [_message(network, _object(one, "a DataSetMessage")) for one in listed]


def read_metadata(payload: bytes, most: int) -> ReceivedMetaData:
    """Read a DataSetMetaData message (7.2.5.5.2). Raises :class:`MessageUnreadable`."""
    given = _object(_read(payload, most), "the message")
    described = _object(given.get("MetaData"), "MetaData")
    version = described.get("ConfigurationVersion")
    fields = described.get("Fields", [])
    if not isinstance(fields, list):
        _refuse("the Fields of its MetaData are no list")
    names = [_object(one, "a field").get("Name") for one in cast("list[object]", fields)]
    if not all(isinstance(name, str) for name in names):
        _refuse("a field of its MetaData has no name")
    return ReceivedMetaData(
        str(given.get("PublisherId", "")),
        _number(given.get("DataSetWriterId")),
        None if version is None else _number(_object(version, "ConfigurationVersion").get("MajorVersion")),
        tuple(cast("list[str]", names)),
    )


def _message(network: Mapping[str, object], given: Mapping[str, object]) -> ReceivedMessage:
    version = given.get("MetaDataVersion")
    payload = given.get("Payload")
    if payload is None and given.get("MessageType") is None:
        if not given:
            _refuse("a DataSetMessage is empty")
        return ReceivedMessage(str(network.get("PublisherId", "")), None, None, KEY_FRAME, fields=_fields(given))
    kind = given.get("MessageType", KEY_FRAME)
    status = given.get("Status")
    return ReceivedMessage(
        str(network.get("PublisherId", given.get("PublisherId", ""))),
        None,
        _number(given.get("DataSetWriterId")),
        kind if isinstance(kind, str) and kind != "ua-data" else KEY_FRAME,
        _number(given.get("SequenceNumber")),
        version=None if version is None else _number(_object(version, "MetaDataVersion").get("MajorVersion")),
        time=_time(given.get("Timestamp")),
        status=None if status is None else _status(status),
        fields={} if payload is None else _fields(_object(payload, "Payload")),
    )


def _fields(given: Mapping[str, object]) -> dict[str, ReceivedField]:
    return {name: _field(one) for name, one in given.items()}


def _field(given: object) -> ReceivedField:
    """Read RawData, a Variant or a DataValue (Part 6 v1.05 5.4.2.17 and 18; ``Type`` and ``Body`` are v1.04's)."""
    parts = _members(given)
    if not parts or not parts.keys() <= _OF_DATA_VALUES:
        return ReceivedField(given)
    held = parts.get("Value", parts.get("Body"))
    inside = _members(held)
    if "Body" in inside and inside.keys() <= {"Type", "Body", "Dimensions"}:
        parts, held = {**parts, "UaType": inside.get("Type"), "Dimensions": inside.get("Dimensions")}, inside["Body"]
    kind = parts.get("UaType", parts.get("Type"))
    value = held
    if kind is not None and held is not None:
        sizes = parts.get("Dimensions")
        value = {"UaType": kind, "Value": held, **({} if sizes is None else {"Dimensions": sizes})}
    status = parts.get("Status", parts.get("StatusCode"))
    return ReceivedField(value, None if status is None else _status(status), _time(parts.get("SourceTimestamp")))


def _status(given: object) -> int:
    members = _members(given)
    return _number(members.get("Code", 0) if members else None if given == {} else given) or 0


def _members(given: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", given) if isinstance(given, dict) else {}


def _number(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, str) and given.isdecimal() and len(given) <= 10:  # noqa: PLR2004 - digits of a UInt32
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= _UINT32:
        _refuse(f"{str(given)[:40]} is no UInt32")
    return given


def _time(given: object) -> int | None:
    if given is None:
        return None
    try:
        return from_iso(given if isinstance(given, str) else "")
    except ValueError:
        _refuse(f"{str(given)[:40]} is no time")


def _read(payload: bytes, most: int) -> object:
    try:
        return read_document(payload, most)
    except CommandRefused as refused:
        raise MessageUnreadable(refused.problem) from None


def _object(given: object, what: str) -> Mapping[str, object]:
    if not isinstance(given, dict):
        _refuse(f"{what} is no JSON object")
    return cast("Mapping[str, object]", given)


def _refuse(problem: str) -> NoReturn:
    raise MessageUnreadable(problem)
