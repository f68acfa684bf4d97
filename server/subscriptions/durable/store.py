"""The file of durable subscriptions: its tables, and writing and reading what they hold."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from historian.database import Schema
from server.subscriptions.durable.lane import Chunk
from server.subscriptions.durable.record import Definition
from server.subscriptions.encoding import Timestamps
from server.subscriptions.message import Message
from server.subscriptions.requests import Filter, ItemRequest, Monitoring
from server.subscriptions.subscription import Parameters

SCHEMA: Final = Schema(
    application_id=0x504C5355,  # "PLSU"
    version=1,
    tables=frozenset({"subscription", "item", "message", "chunk"}),
    script="""
CREATE TABLE subscription (
    id INTEGER PRIMARY KEY, reserved INTEGER NOT NULL, used INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE item (
    subscription INTEGER NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (subscription, id))
    WITHOUT ROWID;
CREATE TABLE message (
    subscription INTEGER NOT NULL, sequence INTEGER NOT NULL, place INTEGER NOT NULL, time INTEGER NOT NULL,
    changes BLOB NOT NULL, events BLOB NOT NULL, UNIQUE (subscription, sequence));
CREATE TABLE chunk (
    subscription INTEGER NOT NULL, lane INTEGER NOT NULL, key INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (subscription, lane, key))
""",
)
TAIL = 1 << 62
"""Key of the row behind all chunks of a lane: what changes as a whole."""


class Row(NamedTuple):
    """A subscription. ``reserved``: the last sequence number that may be in use; ``used``: when a client last did.

    ``namespaces``: the NamespaceArray by which its filters, events and messages are encoded. ``used`` in ticks.
    """

    id: int
    parameters: Parameters
    identity: str
    locales: tuple[str, ...]
    namespaces: tuple[str, ...]
    reserved: int
    used: int


class ItemRow(NamedTuple):
    """An item: its node as text, how it was asked for, and the items that it triggers."""

    id: int
    node: str
    definition: Definition
    links: tuple[int, ...]


@dataclass(slots=True)
class LaneWrite:
    """What to write of a lane. ``encode`` makes a chunk's bytes; ``tail``: the row behind them, None for the same."""

    lane: int
    gone: list[int]
    chunks: list[Chunk]
    encode: Callable[[Sequence[Any]], bytes]  # members of the lane's own kind
    tail: Callable[[], bytes] | None = None


@dataclass(slots=True)
class Write:
    """What to write of a subscription; ``whole``: it takes the place of all that is there."""

    id: int
    whole: bool = False
    row: Row | None = None
    items: list[tuple[int, Definition, tuple[int, ...]]] = field(default_factory=list[Any])
    gone_items: list[int] = field(default_factory=list[int])
    messages: list[tuple[int, Message]] = field(default_factory=list[Any])
    """With the place of each among the others."""
    gone_messages: list[int] = field(default_factory=list[int])
    lanes: list[LaneWrite] = field(default_factory=list[LaneWrite])
    gone_lanes: list[int] = field(default_factory=list[int])

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        parts = (self.items, self.gone_items, self.messages, self.gone_messages, self.lanes, self.gone_lanes)
        return not self.whole and self.row is None and not any(parts)


@dataclass(slots=True)
class Kept:
    """A subscription as it was kept; ``chunks``: of each lane, in order, the tail last under its key."""

    row: Row
    items: list[ItemRow]
    messages: list[Message]
    chunks: dict[int, list[tuple[int, bytes]]]


def write(
    connection: sqlite3.Connection, writes: Iterable[Write], ended: Iterable[int], name: Callable[[Definition], str]
) -> None:
    """Write changes, and forget subscriptions that have ended; ``name`` gives the text of a definition's node."""
    for subscription in ended:
        _forget(connection, subscription)
    for one in writes:
        if one.whole:
            _forget(connection, one.id)
        if one.row is not None:
            values = (one.id, one.row.reserved, one.row.used, _row_text(one.row))
            connection.execute("INSERT OR REPLACE INTO subscription VALUES (?, ?, ?, ?)", values)
        _write_items(connection, one, name)
        _write_messages(connection, one)
        _write_lanes(connection, one)


def read(connection: sqlite3.Connection) -> tuple[list[Kept], list[tuple[int, Exception]]]:
    """Read all subscriptions; of those that cannot be read, the ids and why."""
    found: list[Kept] = []
    damaged: list[tuple[int, Exception]] = []
    rows = connection.execute("SELECT id, reserved, used, body FROM subscription ORDER BY id").fetchall()
    for number, reserved, used, body in rows:
        try:
            row = _row(int(number), int(reserved), int(used), json.loads(body))
            found.append(
                Kept(row, _items(connection, row.id), _messages(connection, row.id), _chunks(connection, row.id))
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            damaged.append((int(number), error))
    return found, damaged


def _forget(connection: sqlite3.Connection, subscription: int) -> None:
    connection.execute("DELETE FROM subscription WHERE id=?", (subscription,))
    connection.execute("DELETE FROM item WHERE subscription=?", (subscription,))
    connection.execute("DELETE FROM message WHERE subscription=?", (subscription,))
    connection.execute("DELETE FROM chunk WHERE subscription=?", (subscription,))


def _write_items(connection: sqlite3.Connection, one: Write, name: Callable[[Definition], str]) -> None:
    gone = [(one.id, item) for item in one.gone_items]
    connection.executemany("DELETE FROM item WHERE subscription=? AND id=?", gone)
    rows = [(one.id, item, _item_text(definition, name(definition), links)) for item, definition, links in one.items]
    connection.executemany("INSERT OR REPLACE INTO item VALUES (?, ?, ?)", rows)


def _write_messages(connection: sqlite3.Connection, one: Write) -> None:
    gone = [(one.id, sequence) for sequence in one.gone_messages]
    connection.executemany("DELETE FROM message WHERE subscription=? AND sequence=?", gone)
    rows = [
        (one.id, message.sequence, place, message.publish_time, message.data_changes, message.events)
        for place, message in one.messages
    ]
    connection.executemany("INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?)", rows)


def _write_lanes(connection: sqlite3.Connection, one: Write) -> None:
    for lane in one.gone_lanes:
        connection.execute("DELETE FROM chunk WHERE subscription=? AND lane=?", (one.id, lane))
    for lane in one.lanes:
        gone = [(one.id, lane.lane, key) for key in lane.gone]
        connection.executemany("DELETE FROM chunk WHERE subscription=? AND lane=? AND key=?", gone)
        for chunk in lane.chunks:
            body = lane.encode(chunk.members)
            chunk.size = len(body)
            connection.execute("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)", (one.id, lane.lane, chunk.key, body))
        if lane.tail is not None:
            connection.execute(
                "INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?)", (one.id, lane.lane, TAIL, lane.tail())
            )


def _row_text(row: Row) -> str:
    known = row.parameters
    parameters = {
        "interval": known.interval,
        "lifetime_count": known.lifetime_count,
        "keep_alive_count": known.keep_alive_count,
        "max_notifications": known.max_notifications,
        "priority": known.priority,
        "enabled": known.enabled,
    }
    return json.dumps(
        {"parameters": parameters, "identity": row.identity, "locales": row.locales, "namespaces": row.namespaces}
    )


def _row(number: int, reserved: int, used: int, document: dict[str, Any]) -> Row:
    parameters = Parameters(**document["parameters"])
    if not (parameters.interval > 0.0 and parameters.lifetime_count > 0 and parameters.keep_alive_count > 0):
        message = "its parameters make no sense"
        raise ValueError(message)
    locales, namespaces = tuple(map(str, document["locales"])), tuple(map(str, document["namespaces"]))
    return Row(number, parameters, str(document["identity"]), locales, namespaces, reserved, used)


def _item_text(definition: Definition, node: str, links: tuple[int, ...]) -> str:
    request = definition.request
    asked = request.monitoring
    return json.dumps(
        {
            "node": node,
            "attribute": request.attribute,
            "range": request.index_range,
            "encoding": request.encoding,
            "mode": request.mode,
            "timestamps": int(definition.timestamps),
            "handle": asked.handle,
            "interval": asked.interval,
            "filter": None if asked.filter is None else [asked.filter.kind, asked.filter.body.hex()],
            "size": asked.size,
            "discard_oldest": asked.discard_oldest,
            "triggers": links,
        }
    )


def _items(connection: sqlite3.Connection, subscription: int) -> list[ItemRow]:
    rows = connection.execute("SELECT id, body FROM item WHERE subscription=? ORDER BY id", (subscription,))
    return [_item(int(number), json.loads(body)) for number, body in rows]


def _item(number: int, document: dict[str, Any]) -> ItemRow:
    asked = document["filter"]
    monitoring = Monitoring(
        int(document["handle"]),
        float(document["interval"]),
        None if asked is None else Filter(int(asked[0]), bytes.fromhex(asked[1])),
        int(document["size"]),
        bool(document["discard_oldest"]),
    )
    namespace, name = document["encoding"]
    index_range = document["range"]
    request = ItemRequest(
        0,
        int(document["attribute"]),
        None if index_range is None else str(index_range),
        (int(namespace), name),
        int(document["mode"]),
        monitoring,
    )
    definition = Definition(request, Timestamps(int(document["timestamps"])))
    return ItemRow(number, str(document["node"]), definition, tuple(map(int, document["triggers"])))


def _messages(connection: sqlite3.Connection, subscription: int) -> list[Message]:
    query = "SELECT sequence, time, changes, events FROM message WHERE subscription=? ORDER BY place"
    rows = connection.execute(query, (subscription,))
    return [
        Message(int(sequence), int(time), bytes(changes), bytes(events)) for sequence, time, changes, events in rows
    ]


def _chunks(connection: sqlite3.Connection, subscription: int) -> dict[int, list[tuple[int, bytes]]]:
    query = "SELECT lane, key, body FROM chunk WHERE subscription=? ORDER BY lane, key"
    found: dict[int, list[tuple[int, bytes]]] = {}
    for lane, key, body in connection.execute(query, (subscription,)):
        found.setdefault(int(lane), []).append((int(key), bytes(body)))
    return found
