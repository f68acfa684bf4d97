"""The two encodings that have settings in Part 14: their transport profiles, and their content masks in words."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from core.settings import Plain
from server.address_space.keys import NodeKey, numeric_key
from server.pubsub.events.settings import EventSettings, LogSettings
from server.pubsub.json.settings import MessageBit, NetworkBit
from server.pubsub.settings import DataSetSettings
from server.pubsub.uadp.settings import MessageContent, NetworkContent
from server.pubsub_model.overlay import Words
from server.pubsub_model.refusal import PubSubRefused

_PROFILE: Final = "http://opcfoundation.org/UA-Profile/Transport/pubsub-mqtt-"
ENCODINGS: Final[Mapping[str, str]] = {f"{_PROFILE}json": "json", f"{_PROFILE}uadp": "uadp"}
"""``encoding`` by TransportProfileUri (Part 14 v1.05 7.3.5.1)."""
PROFILES: Final[Mapping[str, str]] = {encoding: profile for profile, encoding in ENCODINGS.items()}

_FIELD_BITS: Final[Mapping[str, int]] = {"StatusCode": 0, "SourceTimestamp": 1, "ServerTimestamp": 2, "RawData": 5}
_JSON_NETWORK: Final[Mapping[str, int]] = {name: bit for bit, name in enumerate(get_args(NetworkBit))}
_JSON_MESSAGE: Final[Mapping[str, int]] = {
    name: int(ua.JsonDataSetMessageContentMask[name]).bit_length() - 1 for name in get_args(MessageBit)
}
_JSON_FORMS: Final[Mapping[int, str]] = {0: "non-reversible", 0x80: "reversible", 0x800: "verbose", 0x880: "compact"}
_UADP_NETWORK: Final[Mapping[str, int]] = {name: bit for bit, name in enumerate(get_args(NetworkContent))}
_UADP_MESSAGE: Final[Mapping[str, int]] = {name: bit for bit, name in enumerate(get_args(MessageContent))}
_FIELD_ENCODINGS: Final = 0x880

AnyDataSet = DataSetSettings | EventSettings | LogSettings

GROUP_MESSAGES: Final[Mapping[str, NodeKey]] = {
    "json": numeric_key(0, ObjectIds.JsonWriterGroupMessageType),
    "uadp": numeric_key(0, ObjectIds.UadpWriterGroupMessageType),
}
"""The type of a WriterGroup's MessageSettings."""
WRITER_MESSAGES: Final[Mapping[str, NodeKey]] = {
    "json": numeric_key(0, ObjectIds.JsonDataSetWriterMessageType),
    "uadp": numeric_key(0, ObjectIds.UadpDataSetWriterMessageType),
}
"""The type of a DataSetWriter's MessageSettings."""


def field_words(mask: int) -> list[str]:
    """Give ``content`` for a DataSetFieldContentMask (6.2.4.2). Raises :class:`PubSubRefused`."""
    return _words(mask, _FIELD_BITS, "DataSetFieldContentMask")


def field_mask(dataset: AnyDataSet) -> int:
    """Give the DataSetFieldContentMask of a DataSetWriter; events have plain values."""
    return _mask(dataset.content if isinstance(dataset, DataSetSettings) else ["RawData"], _FIELD_BITS)


def group_words(settings: object, group_id: int, encoding: str) -> Words:  # a WriterGroupMessageDataType, or none
    """Give what MessageSettings of a WriterGroup mean; nothing for none. Raises :class:`PubSubRefused`."""
    words: dict[str, Plain] = {}
    if isinstance(settings, ua.JsonWriterGroupMessageDataType):
        _check_encoding("json", encoding)
        if mask := int(settings.NetworkMessageContentMask):
            words["network"] = [*_words(mask, _JSON_NETWORK, "JsonNetworkMessageContentMask")]
    elif isinstance(settings, ua.UadpWriterGroupMessageDataType):
        _check_encoding("uadp", encoding)
        if mask := int(settings.NetworkMessageContentMask):
            words["network"] = [*_words(mask, _UADP_NETWORK, "UadpNetworkMessageContentMask")]
    if encoding == "uadp" and group_id:
        words["group_id"] = group_id
    return {encoding: words} if words else {}


def writer_words(settings: object, encoding: str) -> Words:  # a DataSetWriterMessageDataType, or none
    """Give what MessageSettings of a DataSetWriter mean; nothing for none. Raises :class:`PubSubRefused`."""
    words: dict[str, Plain] = {}
    if isinstance(settings, ua.JsonDataSetWriterMessageDataType):
        _check_encoding("json", encoding)
        if mask := int(settings.DataSetMessageContentMask):
            words["form"] = _JSON_FORMS[mask & _FIELD_ENCODINGS]
            words["message"] = [*_words(mask & ~_FIELD_ENCODINGS, _JSON_MESSAGE, "JsonDataSetMessageContentMask")]
    elif isinstance(settings, ua.UadpDataSetWriterMessageDataType):
        _check_encoding("uadp", encoding)
        if mask := int(settings.DataSetMessageContentMask):
            words["message"] = [*_words(mask, _UADP_MESSAGE, "UadpDataSetMessageContentMask")]
        if int(settings.ConfiguredSize) or int(settings.DataSetOffset):
            problem = "DataSetMessages have no fixed size or place"
            raise PubSubRefused(StatusCodes.BadInvalidArgument, problem, "write ConfiguredSize and DataSetOffset 0")
    return {encoding: words} if words else {}


def network_mask(dataset: AnyDataSet, encoding: str) -> int:
    """Give the NetworkMessageContentMask of a WriterGroup, by one of its DataSetWriters."""
    if encoding == "uadp":
        return _mask(dataset.uadp.network, _UADP_NETWORK)
    return dataset.json_.network_mask


def message_mask(dataset: AnyDataSet, encoding: str) -> int:
    """Give the DataSetMessageContentMask of a DataSetWriter."""
    return _mask(dataset.uadp.message, _UADP_MESSAGE) if encoding == "uadp" else dataset.json_.message_mask


def _check_encoding(is_: str, wanted: str) -> None:
    if is_ != wanted:
        problem = f"MessageSettings are of {is_}, and the connection's profile is of {wanted}"
        raise PubSubRefused(StatusCodes.BadInvalidArgument, problem, "let them fit together")


def _words(mask: int, bits: Mapping[str, int], what: str) -> list[str]:
    if mask & ~_mask(list(bits), bits):
        problem = f"{what} has bits that are not offered: 0x{mask:X}"
        raise PubSubRefused(StatusCodes.BadInvalidArgument, problem, f"bits: {', '.join(bits)}")
    return [name for name, bit in bits.items() if mask >> bit & 1]


def _mask(names: Sequence[str], bits: Mapping[str, int]) -> int:
    return sum(1 << bits[name] for name in set(names) if name in bits)
