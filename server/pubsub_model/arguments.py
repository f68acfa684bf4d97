"""Arguments of the methods, as asyncua has decoded them, in the words of the configuration."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.durations import LONGEST, format_duration
from core.errors import SettingError
from core.settings import Plain, nearest
from server.pubsub.settings import check_connection
from server.pubsub.topics import check_level
from server.pubsub_model.overlay import Words
from server.pubsub_model.profiles import ENCODINGS, field_words, group_words, writer_words
from server.pubsub_model.refusal import PubSubRefused

_T = TypeVar("_T")
_PROPERTIES: Final = (
    "client_id", "username", "ca_file", "certificate_file", "key_file", "protocol", "prefix", "in_flight", "keep_alive",
    "connect_timeout", "acknowledge_timeout", "retry_first", "retry_longest", "max_message", "replay", "late_after",
    "replay_rate",
)  # fmt: skip
"""ConnectionProperties that are taken: keys of a connection in the configuration."""
_AT_LEAST_ONCE: Final = (0, 1, 2)
"""BrokerTransportQualityOfService: NotSpecified, BestEffort, AtLeastOnce; the gateway does the last."""
_NO_SECURITY: Final = (0, 1)
_MILLISECONDS: Final = 1000.0
_INVALID: Final = StatusCodes.BadInvalidArgument


@dataclass(frozen=True, slots=True)
class AskedWriter:
    """A DataSetWriter that a client wants."""

    name: str
    dataset: str
    words: Words
    enabled: bool


@dataclass(frozen=True, slots=True)
class AskedGroup:
    """A WriterGroup that a client wants."""

    name: str
    words: Words
    enabled: bool
    writers: Sequence[AskedWriter] = field(default_factory=list[AskedWriter])


@dataclass(frozen=True, slots=True)
class AskedConnection:
    """A connection that a client wants. ``encoding``: of its messages."""

    name: str
    words: Words
    enabled: bool
    groups: Sequence[AskedGroup] = field(default_factory=list[AskedGroup])


def name_of(value: object, what: str, check: Callable[[str], str] = check_level) -> str:  # a String as asyncua has it
    """Give a name. Raises :class:`PubSubRefused`."""
    try:
        return check(text_of(value, f"the name of {what}"))
    except SettingError as error:
        raise PubSubRefused(_INVALID, f"{what}: {error.problem}", error.mend) from None


def text_of(value: object, what: str) -> str:  # as above
    """Give a String; the null one is empty. A reference to a file or to the environment would read it for the client.

    Raises :class:`PubSubRefused`.
    """
    text = str(value or "")
    if "${" in text:
        raise PubSubRefused(
            _INVALID, f"{what} holds a reference", "write the text itself, or the connection into the configuration"
        )
    return text


def structure(value: object, kind: type[_T], what: str) -> _T:  # what asyncua has decoded, or has not
    """Give a structure of the type that is wanted. Raises :class:`PubSubRefused`."""
    if not isinstance(value, kind):
        raise PubSubRefused(_INVALID, f"{what} is no {kind.__name__}")
    return value


def connection_of(given: ua.PubSubConnectionDataType) -> AskedConnection:
    """Take a PubSubConnectionDataType (Part 14 v1.05 6.2.7.5.1). Raises :class:`PubSubRefused`."""
    name = name_of(given.Name, "the connection", check_connection)
    profile = text_of(given.TransportProfileUri, "TransportProfileUri")
    encoding = ENCODINGS.get(profile)
    if encoding is None:
        raise PubSubRefused(_INVALID, f"there is no transport profile {profile!r}", f"profiles: {', '.join(ENCODINGS)}")
    address = structure(given.Address, ua.NetworkAddressUrlDataType, "Address")
    words: Words = {"broker": text_of(address.Url, "Url"), "encoding": encoding}
    publisher = given.PublisherId.Value if given.PublisherId is not None else None
    if publisher is not None:
        words["publisher"] = text_of(publisher, "PublisherId")
    for pair in given.ConnectionProperties or []:
        key, value = _property(pair)
        words[key] = value
    words.setdefault("client_id", f"plantspace-{words.get('publisher', '')}-{name}".replace("--", "-"))
    _no_credentials(given.TransportSettings)
    if given.ReaderGroups:
        raise PubSubRefused(
            _INVALID, "readers are not made by AddConnection", "write subscribed: into the configuration"
        )
    groups = [group_of(group, encoding) for group in given.WriterGroups or []]
    return AskedConnection(name, words, bool(given.Enabled), groups)


def group_of(given: object, encoding: str) -> AskedGroup:  # as structure
    """Take a WriterGroupDataType (6.2.6.7.1). Raises :class:`PubSubRefused`."""
    group = structure(given, ua.WriterGroupDataType, "the WriterGroup")
    name = name_of(group.Name, "the WriterGroup")
    if int(group.SecurityMode) not in _NO_SECURITY:
        raise PubSubRefused(
            _INVALID, "messages are not secured by a group", "write SecurityMode None, and mqtts:// in the address"
        )
    words: Words = {"publish": _interval(float(group.PublishingInterval))}
    words |= group_words(group.MessageSettings, int(group.WriterGroupId), encoding)
    _no_queue(group.TransportSettings)
    writers = [writer_of(writer, encoding) for writer in group.DataSetWriters or []]
    return AskedGroup(name, words, bool(group.Enabled), writers)


def writer_of(given: object, encoding: str) -> AskedWriter:  # as structure
    """Take a DataSetWriterDataType (6.2.4.5.1). Raises :class:`PubSubRefused`."""
    writer = structure(given, ua.DataSetWriterDataType, "the DataSetWriter")
    name = name_of(writer.Name, "the DataSetWriter")
    if int(writer.DataSetWriterId):
        raise PubSubRefused(_INVALID, "the gateway gives out DataSetWriterIds itself", "write 0")
    words: Words = {"content": cast("list[Plain]", field_words(int(writer.DataSetFieldContentMask)))}
    if int(writer.KeyFrameCount):
        words["keyframe"] = int(writer.KeyFrameCount)
    words |= writer_words(writer.MessageSettings, encoding)
    if writer.DataSetWriterProperties:
        raise PubSubRefused(_INVALID, "DataSetWriters take no properties", "leave DataSetWriterProperties empty")
    _no_queue(writer.TransportSettings)
    return AskedWriter(name, text_of(writer.DataSetName, "DataSetName"), words, bool(writer.Enabled))


def _property(pair: ua.KeyValuePair) -> tuple[str, Plain]:  # a KeyValuePair
    key = str(pair.Key.Name or "")
    if key == "password":
        problem = "a password is not kept for a client"
        raise PubSubRefused(_INVALID, problem, "write the connection into the configuration, with password: ${file:…}")
    if key not in _PROPERTIES:
        near = nearest(key, _PROPERTIES)
        mend = f"did you mean {near}?" if near else f"properties: {', '.join(_PROPERTIES)}"
        raise PubSubRefused(_INVALID, f"there is no connection property {key!r}", mend)
    value = pair.Value.Value if pair.Value is not None else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise PubSubRefused(_INVALID, f"the connection property {key} is neither text nor number")
    if isinstance(value, float) and not math.isfinite(value):
        raise PubSubRefused(_INVALID, f"the connection property {key} is no finite number")
    return key, text_of(value, key) if isinstance(value, str) else value


def _interval(milliseconds: float) -> str:
    if not math.isfinite(milliseconds) or not 0 < milliseconds <= LONGEST * _MILLISECONDS:
        raise PubSubRefused(_INVALID, f"the PublishingInterval is {milliseconds}", "write milliseconds, such as 1000")
    return format_duration(round(milliseconds / _MILLISECONDS, 6))


def _no_credentials(settings: object) -> None:  # a ConnectionTransportDataType, or none
    if getattr(settings, "ResourceUri", None) or getattr(settings, "AuthenticationProfileUri", None):
        raise PubSubRefused(
            _INVALID, "the gateway has no KeyCredentials for brokers", "leave ResourceUri and the profile empty"
        )


def _no_queue(settings: object) -> None:  # a transport structure of brokers, or none
    _no_credentials(settings)
    if getattr(settings, "QueueName", None) or getattr(settings, "MetaDataQueueName", None):
        problem = "topics follow from the connection's prefix and publisher, the group and the writer"
        raise PubSubRefused(_INVALID, problem, "leave QueueName empty, and give the connection the property prefix")
    if int(getattr(settings, "RequestedDeliveryGuarantee", 0) or 0) not in _AT_LEAST_ONCE:
        raise PubSubRefused(_INVALID, "messages are delivered at least once", "write AtLeastOnce")
