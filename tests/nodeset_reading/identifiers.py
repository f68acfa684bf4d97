"""NodeIds, ExpandedNodeIds and QualifiedNames with their namespace written out (Part 6 v1.05 5.1.12, 5.3.1.10, F.2)."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import unquote

UA_URI = "http://opcfoundation.org/UA/"
TYPES_XSD = "http://opcfoundation.org/UA/2008/02/Types.xsd"

QualifiedName = tuple[str, str | None]


def _escaped(uri: str) -> str:
    # Part 6 5.3.1.11: ';' and '%' are the reserved characters of a URI in an identifier.
    return uri.replace("%", "%25").replace(";", "%3B")


def node_id(uri: str, kind: str, value: str | int) -> str:
    """Canonical text of a NodeId; `uri` as it stands in a namespace table."""
    return f"nsu={_escaped(uri)};{kind}={value}"


def ua(identifier: int) -> str:
    """Canonical text of a numeric NodeId of the OPC UA namespace."""
    return node_id(UA_URI, "i", identifier)


NULL_NODE_ID = ua(0)


@dataclass
class Names:
    """What one file's indexes and aliases stand for (Part 6 F.2: the first listed URI has index 1)."""

    namespaces: list[str] = field(default_factory=lambda: [UA_URI])
    servers: list[str] = field(default_factory=lambda: [""])
    aliases: dict[str, str] = field(default_factory=dict[str, str])

    def namespace(self, index: int) -> str:
        if not 0 <= index < len(self.namespaces):
            msg = f"namespace index {index}, but the file lists {len(self.namespaces) - 1} NamespaceUris"
            raise ValueError(msg)
        return self.namespaces[index]

    def server(self, index: int) -> str:
        if not 0 < index < len(self.servers):
            msg = f"server index {index}, but the file lists {len(self.servers) - 1} ServerUris"
            raise ValueError(msg)
        return self.servers[index]

    def resolve(self, text: str) -> str:
        """NodeId of an attribute or Reference: an alias of this file before anything else (Part 6 F.2 Aliases)."""
        text = text.strip()
        return self.node_id(self.aliases.get(text, text))

    def node_id(self, text: str) -> str:
        """Canonical form of `ns=1;i=5`, `i=5` or `nsu=uri;i=5`; empty is the null NodeId. Raises ValueError."""
        text = text.strip()
        if not text:
            return NULL_NODE_ID
        uri = UA_URI
        if indexed := re.match(r"ns=(\d+);", text):
            uri = self.namespace(int(indexed[1]))
            text = text[indexed.end() :]
        elif named := re.match(r"nsu=([^;]*);", text):
            uri = unquote(named[1]) or UA_URI
            text = text[named.end() :]
        return self._identified(uri, text)

    @staticmethod
    def _identified(uri: str, text: str) -> str:
        kind, equals, value = text.partition("=")
        if not equals:
            msg = f"{text!r} is neither a NodeId nor an alias of this file"
            raise ValueError(msg)
        if kind == "i" and re.fullmatch(r"\d+", value) and int(value) < 2**32:
            return node_id(uri, "i", int(value))
        if kind == "s":
            return node_id(uri, "s", value)
        if kind == "g":
            return node_id(uri, "g", str(uuid.UUID(value)))
        if kind == "b":
            try:
                octets = base64.b64decode("".join(value.split()), validate=True)
            except binascii.Error as error:
                msg = f"{text!r}: {error}"
                raise ValueError(msg) from error
            return node_id(uri, "b", base64.b64encode(octets).decode())
        msg = f"{text!r} is no NodeId"
        raise ValueError(msg)

    def expanded_node_id(self, text: str) -> str:
        """As `node_id`, with an optional `svr=` in front (Part 6 5.3.1.11); server 0 is this server."""
        text = text.strip()
        if foreign := re.match(r"svr=(\d+);", text):
            rest = self.node_id(text[foreign.end() :])
            index = int(foreign[1])
            return rest if index == 0 else f"svr={_escaped(self.server(index))};{rest}"
        return self.node_id(text)

    def qualified_name(self, text: str) -> QualifiedName:
        """`1:Name` of an attribute; without an index it is of the OPC UA namespace (Part 6 F.3 BrowseName)."""
        if indexed := re.match(r"(\d+):", text):
            return (self.namespace(int(indexed[1])), text[indexed.end() :])
        return (UA_URI, text)
