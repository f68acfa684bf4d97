"""What the fields of audit records are made of, and how each is written as a Variant (Part 6 v1.05 5.2).

A field is annotated with one of the aliases below. NodeIds are the one thing that is written in two ways: with this
run's namespace index for clients, with the namespace's URI where they are kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

from asyncua.ua.object_ids import ObjectIds

from nodesets.built_in_types import BuiltInType, LocalizedText
from server.address_space.encoding import (
    ARRAY,
    NULL_VARIANT,
    array_variant,
    boolean_variant,
    double_variant,
    encode_bytes,
    encode_extension_object,
    encode_localized_text,
    encode_node_id,
    encode_string,
    int32_variant,
    node_id_variant,
    uint16_variant,
    uint32_variant,
    variant,
)
from server.address_space.keys import NodeKey, namespace_of, numeric_key

MAX_VALUE = 32 * 1024
"""Bytes of a value that a record keeps; of a longer one it keeps the length and the SHA-256."""
HIDDEN = variant(BuiltInType.String, encode_string("***"))
"""Stands for a value that is a secret."""
MAX_TEXT = 4096
"""Characters of a text that a record keeps."""
_HAS_URI = 0x80
_EXPANDED = bytes((BuiltInType.ExpandedNodeId,))

NodeWriter = Callable[[NodeKey], bytes]
"""Writes a NodeId as a Variant."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a field is written."""

    encode: Callable[[Any, NodeWriter], bytes]  # each kind takes values of a type of its own


class Arguments:
    """Input or output arguments of a Method without those that are secrets; see :meth:`of`."""

    __slots__ = ("variants",)

    def __init__(self, variants: tuple[bytes, ...]) -> None:
        """Take what :meth:`of` has cleaned."""
        self.variants = variants

    @classmethod
    def of(cls, names: Sequence[str], variants: Sequence[bytes]) -> Arguments:
        """Take encoded Variants and the names that the Method declares for them (Part 3 v1.05 8.6).

        One whose name tells of a secret is hidden, and so is each that no name was given for.
        """
        cleaned = [
            one if place < len(names) and not is_secret(names[place]) else HIDDEN for place, one in enumerate(variants)
        ]
        return cls(tuple(cleaned))


class IdentityToken(NamedTuple):
    """A UserIdentityToken as it may be told: it has no room for a password or the data of an issued token.

    ``kind``: the Default Binary encoding of its type (Part 4 v1.05 7.40). ``user_name`` of a UserNameIdentityToken,
    ``certificate`` (DER) of an X509IdentityToken.
    """

    kind: int
    policy_id: str | None = None
    user_name: str | None = None
    certificate: bytes | None = None


ANONYMOUS_TOKEN = ObjectIds.AnonymousIdentityToken_Encoding_DefaultBinary
USER_NAME_TOKEN = ObjectIds.UserNameIdentityToken_Encoding_DefaultBinary
X509_TOKEN = ObjectIds.X509IdentityToken_Encoding_DefaultBinary
ISSUED_TOKEN = ObjectIds.IssuedIdentityToken_Encoding_DefaultBinary
_SECRET_WORDS = ("password", "passwd", "passphrase", "secret", "privatekey", "credential", "token")


def is_secret(name: str) -> bool:
    """Tell whether the name of a value tells of a secret."""
    plain = "".join(filter(str.isalnum, name)).casefold()
    return plain == "pin" or any(word in plain for word in _SECRET_WORDS)


def shortened(encoded: bytes) -> bytes:
    """Give a Variant, or, for one that is too long to be kept, a String that tells its length and digest."""
    if len(encoded) <= MAX_VALUE:
        return encoded
    told = f"{len(encoded)} bytes, SHA-256 {hashlib.sha256(encoded).hexdigest()}"
    return variant(BuiltInType.String, encode_string(told))


def kept_node(uris: Sequence[str]) -> NodeWriter:
    """Give what writes NodeIds as ExpandedNodeIds that name their namespace by URI (Part 6 v1.05 5.2.2.10)."""

    def write(key: NodeKey) -> bytes:
        namespace = namespace_of(key)
        if not 0 < namespace < len(uris):
            return _EXPANDED + encode_node_id(key)
        rest = key & 0xFFFF_FFFF if isinstance(key, int) else (0, key[1])
        plain = encode_node_id(rest)
        return _EXPANDED + bytes((plain[0] | _HAS_URI,)) + plain[1:] + encode_string(uris[namespace])

    return write


def _value(encoded: bytes | None, _node: NodeWriter) -> bytes:
    return NULL_VARIANT if encoded is None else shortened(encoded)


def _text(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _array(kind: int) -> Callable[[Sequence[bytes] | None, NodeWriter], bytes]:
    return lambda elements, _node: shortened(array_variant(kind, elements))


def _node_ids(keys: Sequence[NodeKey] | None, node: NodeWriter) -> bytes:
    if keys is None:
        return variant(BuiltInType.NodeId | ARRAY, encode_bytes(None))
    written = [node(key) for key in keys]
    kind = written[0][0] if written else BuiltInType.NodeId
    return array_variant(kind, [one[1:] for one in written])


def _arguments(arguments: Arguments | None, _node: NodeWriter) -> bytes:
    return shortened(array_variant(BuiltInType.Variant, None if arguments is None else arguments.variants))


def _identity(token: IdentityToken | None, _node: NodeWriter) -> bytes:
    if token is None:
        return NULL_VARIANT
    body = encode_string(token.policy_id)
    if token.kind == USER_NAME_TOKEN:  # Password and EncryptionAlgorithm are null
        body += encode_string(token.user_name) + encode_bytes(None) + encode_string(None)
    elif token.kind == X509_TOKEN:
        body += encode_bytes(token.certificate)
    elif token.kind == ISSUED_TOKEN:  # TokenData and EncryptionAlgorithm are null
        body += encode_bytes(None) + encode_string(None)
    return variant(BuiltInType.ExtensionObject, encode_extension_object(numeric_key(0, token.kind), body))


def _number(kind: BuiltInType, size: int) -> Callable[[int, NodeWriter], bytes]:
    return lambda value, _node: variant(kind, value.to_bytes(size, "little", signed=kind is BuiltInType.DateTime))


String = Annotated[str | None, Kind(lambda text, _: variant(BuiltInType.String, encode_string(_text(text))))]
Text = Annotated[
    str,
    Kind(lambda text, _: variant(BuiltInType.LocalizedText, encode_localized_text(LocalizedText(None, _text(text))))),
]
"""Told as a LocalizedText without a locale."""
ByteString = Annotated[
    bytes | None, Kind(lambda held, _: shortened(variant(BuiltInType.ByteString, encode_bytes(held))))
]
Boolean = Annotated[bool, Kind(lambda truth, _: boolean_variant(value=truth))]
UInt16 = Annotated[int, Kind(lambda number, _: uint16_variant(number))]
UInt32 = Annotated[int, Kind(lambda number, _: uint32_variant(number))]
UInt64 = Annotated[int, Kind(_number(BuiltInType.UInt64, 8))]
Enumeration = Annotated[int, Kind(lambda number, _: int32_variant(number))]
Duration = Annotated[float, Kind(lambda milliseconds, _: double_variant(milliseconds))]
"""Milliseconds."""
UtcTime = Annotated[int, Kind(_number(BuiltInType.DateTime, 8))]
"""DateTime ticks."""
StatusCode = Annotated[int, Kind(_number(BuiltInType.StatusCode, 4))]
NodeId = Annotated[NodeKey, Kind(lambda key, node: node(key))]
NodeIds = Annotated[Sequence[NodeKey] | None, Kind(_node_ids)]
Value = Annotated[bytes | None, Kind(_value)]
"""An encoded Variant; None for none."""
DataValues = Annotated[Sequence[bytes] | None, Kind(_array(BuiltInType.DataValue))]
"""Encoded DataValues; None where they are not known."""
Structures = Annotated[Sequence[bytes] | None, Kind(_array(BuiltInType.ExtensionObject))]
"""Encoded ExtensionObjects."""
UtcTimes = Annotated[
    Sequence[int],
    Kind(
        lambda times, _: shortened(
            array_variant(BuiltInType.DateTime, [one.to_bytes(8, "little", signed=True) for one in times])
        )
    ),
]
ByteStrings = Annotated[
    Sequence[bytes],
    Kind(lambda held, _: shortened(array_variant(BuiltInType.ByteString, [encode_bytes(one) for one in held]))),
]
CallArguments = Annotated[Arguments | None, Kind(_arguments)]
Identity = Annotated[IdentityToken | None, Kind(_identity)]

TO_CLIENTS: NodeWriter = node_id_variant
"""Writes NodeIds with the namespace index of this run."""
