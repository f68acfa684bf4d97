"""Events of the address space as they are kept, and back."""

from __future__ import annotations

import os
from typing import Final, TypeVar

from core.errors import PlantspaceError
from core.time import now
from historian.events.contract import StoredEvent
from nodesets.built_in_types import BuiltInType
from nodesets.names import NodeNameError
from server.address_space.decoding import DecodingError
from server.address_space.encoding import encode_bytes, node_id_variant, variant
from server.address_space.keys import NULL_KEY, NodeKey, key_of, nodeid_of
from server.event_history.kept_values import GivenValues, KeptValues
from server.event_history.paths import path_from_text, path_to_text
from server.events.event import EVENT_ID, LOWEST_SEVERITY, SEVERITY, TIME, Event, Path
from server.events.values import Value, decode
from server.ua_stack.nodeids import NodeIds, UnknownNamespaceError

CONDITION_ID: Final = ""
"""The path of the ConditionId, which is no field of the event type (Part 9 v1.05 5.5.2)."""
_EVENT_ID_BYTES: Final = 16
_REMEMBERED: Final = 20_000
_Key = TypeVar("_Key")
_Held = TypeVar("_Held")


class UnstorableEventError(PlantspaceError):
    """An event names a namespace that is not there, or its fields are no Variants."""


class EventCodec:
    """Writes and reads kept events by the NamespaceArray, which only grows. Writing is safe in any thread."""

    def __init__(self, nodeids: NodeIds) -> None:
        """Take the NamespaceArray."""
        self._nodeids = nodeids
        self._give = GivenValues(self._index_of)
        self._texts: dict[NodeKey, str] = {}
        self._keys: dict[str, NodeKey] = {}
        self._path_texts: dict[Path, str] = {}
        self._paths: dict[str, Path] = {}

    def stored(self, event: Event) -> StoredEvent:
        """Write an event; one without an EventId gets one. Raises :class:`UnstorableEventError`."""
        keep = KeptValues(self._nodeids.uris)
        try:
            fields = {self._path_text(path): keep(encoded) for path, encoded in event.fields.items()}
            if event.condition is not None:
                fields[CONDITION_ID] = keep(node_id_variant(event.condition))
            event_id = _held(event.fields.get(EVENT_ID), BuiltInType.ByteString)
            if not isinstance(event_id, bytes) or not event_id:
                event_id = os.urandom(_EVENT_ID_BYTES)
                fields[self._path_text(EVENT_ID)] = variant(BuiltInType.ByteString, encode_bytes(event_id))
            time = _held(event.fields.get(TIME), BuiltInType.DateTime)
            severity = _held(event.fields.get(SEVERITY), BuiltInType.UInt16)
            return StoredEvent(
                event_id,
                time if isinstance(time, int) else now(),
                self.text(event.type),
                self.text(event.source),
                severity if isinstance(severity, int) else LOWEST_SEVERITY,
                fields,
            )
        except (DecodingError, UnknownNamespaceError, IndexError) as error:
            raise UnstorableEventError(str(error)) from error

    def event(self, stored: StoredEvent) -> Event | None:
        """Read an event; None where the namespace of its type is not there any more.

        Fields of namespaces that are not there are left out; so is one whose bytes are no Variant.
        """
        kind = self.key(stored.kind)
        if kind is None:
            return None
        fields: dict[Path, bytes] = {}
        condition: NodeKey | None = None
        for text, encoded in stored.fields.items():
            try:
                given = self._give(encoded)
                if text == CONDITION_ID:
                    held = decode(given)
                    condition = None if held is None else held.held
                    continue
            except DecodingError:
                continue
            path = self._path(text)
            if path is not None:
                fields[path] = given
        source = self.key(stored.source)
        return Event(kind, NULL_KEY if source is None else source, fields, condition)

    def text(self, key: NodeKey) -> str:
        """Write a NodeId with its URI. Raises :class:`UnknownNamespaceError`."""
        known = self._texts.get(key)
        if known is None:
            known = self._nodeids.to_text(nodeid_of(key))
            _remember(self._texts, key, known)
        return known

    def key(self, text: str) -> NodeKey | None:
        """Read a NodeId; None where its namespace is not there."""
        known = self._keys.get(text)
        if known is None:
            try:
                known = key_of(self._nodeids.from_text(text))
            except (UnknownNamespaceError, NodeNameError):
                return None
            _remember(self._keys, text, known)
        return known

    def _path_text(self, path: Path) -> str:
        known = self._path_texts.get(path)
        if known is None:
            known = path_to_text(path, self._nodeids.uris)
            _remember(self._path_texts, path, known)
        return known

    def _path(self, text: str) -> Path | None:
        known = self._paths.get(text)
        if known is None:
            known = path_from_text(text, self._index_of)
            if known is not None:
                _remember(self._paths, text, known)
        return known

    def _index_of(self, uri: str) -> int | None:
        try:
            return self._nodeids.index_of(uri)
        except UnknownNamespaceError:
            return None


def _remember(known: dict[_Key, _Held], key: _Key, held: _Held) -> None:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = held


def _held(encoded: bytes | None, kind: BuiltInType) -> object:
    value: Value | None = decode(encoded) if encoded else None
    return value.held if value is not None and value.kind == kind else None
