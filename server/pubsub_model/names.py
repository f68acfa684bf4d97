"""The NodeIds of PublishSubscribe's objects: paths of names, in the gateway's own namespace.

'/' cannot stand in a tag's name, and no device's name is empty, so no other node can have one of these.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from server.address_space.keys import NodeKey

CONNECTIONS: Final = "/PubSub/Connections"
DATASETS: Final = "/PubSub/DataSets"
FOLDERS: Final = "/PubSub/Folders"
_GROUPS: Final = "Groups"
_WRITERS: Final = "Writers"


class GroupName(NamedTuple):
    """A WriterGroup by the names of its connection and its own."""

    connection: str
    group: str


class WriterName(NamedTuple):
    """A DataSetWriter likewise."""

    connection: str
    group: str
    writer: str


def connection_path(name: str) -> str:
    """Give the path of a connection."""
    return f"{CONNECTIONS}/{name}"


def group_path(name: GroupName) -> str:
    """Give the path of a WriterGroup."""
    return f"{CONNECTIONS}/{name.connection}/{_GROUPS}/{name.group}"


def writer_path(name: WriterName) -> str:
    """Give the path of a DataSetWriter."""
    return f"{group_path(GroupName(name.connection, name.group))}/{_WRITERS}/{name.writer}"


def reader_path(connection: str, reader: str = "") -> str:
    """Give the path of a connection's ReaderGroup, or of one of its DataSetReaders."""
    return f"{CONNECTIONS}/{connection}/ReaderGroup" + (f"/Readers/{reader}" if reader else "")


def dataset_path(name: str) -> str:
    """Give the path of a PublishedDataSet."""
    return f"{DATASETS}/{name}"


def folder_path(name: str) -> str:
    """Give the path of a DataSetFolder by its own path."""
    return f"{FOLDERS}/{name}"


def connection_of(key: NodeKey, namespace: int) -> str | None:
    """Give the name of the connection with a key; None for one that no connection can have."""
    parts = _parts(key, namespace, CONNECTIONS)
    return parts[0] if len(parts) == 1 else None


def group_of(key: NodeKey, namespace: int) -> GroupName | None:
    """Give the names of the WriterGroup with a key, likewise."""
    match _parts(key, namespace, CONNECTIONS):
        case [connection, "Groups", group]:
            return GroupName(connection, group)
        case _:
            return None


def writer_of(key: NodeKey, namespace: int) -> WriterName | None:
    """Give the names of the DataSetWriter with a key, likewise."""
    match _parts(key, namespace, CONNECTIONS):
        case [connection, "Groups", group, "Writers", writer]:
            return WriterName(connection, group, writer)
        case _:
            return None


def dataset_of(key: NodeKey, namespace: int) -> str | None:
    """Give the name of the PublishedDataSet with a key, likewise."""
    parts = _parts(key, namespace, DATASETS)
    return parts[0] if len(parts) == 1 else None


def folder_of(key: NodeKey, namespace: int) -> str | None:
    """Give the path of the DataSetFolder with a key, likewise."""
    return "/".join(_parts(key, namespace, FOLDERS)) or None


def _parts(key: NodeKey, namespace: int, root: str) -> list[str]:
    if not isinstance(key, tuple) or key[0] != namespace or not isinstance(key[1], str):
        return []
    return key[1].removeprefix(f"{root}/").split("/") if key[1].startswith(f"{root}/") else []
