"""NodeIds as text with namespace indexes (Part 6 v1.05 5.3.1.10), which is how filters convert them."""

from __future__ import annotations

import base64
import binascii
import re
from uuid import UUID

from server.address_space.keys import NodeKey, identifier_of, is_null, namespace_of, numeric_key
from server.events.values import ExpandedKey

_FORM = re.compile(r"(?:ns=(\d{1,5});)?([isgb])=(.*)", re.ASCII | re.DOTALL)
_EXPANDED = re.compile(r"(?:svr=(\d{1,10});)?(?:nsu=([^;]*);)?(.*)", re.ASCII | re.DOTALL)
_NUMBER = re.compile(r"\d{1,10}", re.ASCII)
_LAST_NAMESPACE = 0xFFFF
_LAST_NUMBER = 0xFFFF_FFFF


def node_id_to_text(key: NodeKey) -> str:
    """Write a NodeId."""
    namespace = namespace_of(key)
    return (f"ns={namespace};" if namespace else "") + _identifier_text(identifier_of(key))


def node_id_from_text(text: str) -> NodeKey | None:
    """Read a NodeId; None for what is none, and for the null NodeId."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    namespace = int(match[1] or 0)
    identifier = _identifier(match[2], match[3])
    if namespace > _LAST_NAMESPACE or identifier is None:
        return None
    key = numeric_key(namespace, identifier) if isinstance(identifier, int) else (namespace, identifier)
    return None if is_null(key) else key


def expanded_to_text(key: ExpandedKey) -> str:
    """Write an ExpandedNodeId; a namespace's URI stands for its index."""
    server = f"svr={key.server};" if key.server else ""
    if key.uri is None:
        return server + node_id_to_text(key.key)
    return f"{server}nsu={key.uri};{_identifier_text(identifier_of(key.key))}"


def expanded_from_text(text: str) -> ExpandedKey | None:
    """Read an ExpandedNodeId; None for what is none."""
    match = _EXPANDED.fullmatch(text)
    key = node_id_from_text(match[3]) if match is not None else None
    if match is None or key is None or (match[2] is not None and namespace_of(key)):
        return None
    server = int(match[1] or 0)
    return ExpandedKey(key, match[2] or None, server) if server <= _LAST_NUMBER else None


def _identifier_text(identifier: int | str | UUID | bytes) -> str:
    if isinstance(identifier, int):
        return f"i={identifier}"
    if isinstance(identifier, str):
        return f"s={identifier}"
    if isinstance(identifier, UUID):
        return f"g={identifier}"
    return f"b={base64.b64encode(identifier).decode()}"


def _identifier(kind: str, text: str) -> int | str | UUID | bytes | None:
    try:
        if kind == "i":
            number = int(text) if _NUMBER.fullmatch(text) else _LAST_NUMBER + 1
            return number if number <= _LAST_NUMBER else None
        if kind == "g":
            return UUID(text)
        if kind == "b":
            return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return text
