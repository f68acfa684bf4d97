"""Built-in types that are a text in XML (Part 6 v1.05 5.3.1). Each function raises :class:`TextProblem`."""

from __future__ import annotations

import binascii
import math
import re
import struct
from base64 import b64decode
from collections.abc import Callable
from typing import NoReturn
from uuid import UUID

from nodesets.built_in_types import BuiltInType, ExpandedNodeName, Value
from nodesets.datatypes.date_times import parse_date_time
from nodesets.datatypes.xml_elements import FileContext
from nodesets.names import NodeName, NodeNameError

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_SPECIAL = {"INF": math.inf, "+INF": math.inf, "-INF": -math.inf, "NaN": math.nan}
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GUID = re.compile(r"\{?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}?")
_SERVER = re.compile(r"svr=([0-9]{1,10});(.*)", re.DOTALL)
_FLOAT = struct.Struct("<f")
MAX_UINT32 = 0xFFFF_FFFF
RANGES = {
    BuiltInType.SByte: (-(2**7), 2**7 - 1),
    BuiltInType.Byte: (0, 2**8 - 1),
    BuiltInType.Int16: (-(2**15), 2**15 - 1),
    BuiltInType.UInt16: (0, 2**16 - 1),
    BuiltInType.Int32: (-(2**31), 2**31 - 1),
    BuiltInType.UInt32: (0, MAX_UINT32),
    BuiltInType.Int64: (-(2**63), 2**63 - 1),
    BuiltInType.UInt64: (0, 2**64 - 1),
}


class TextProblem(Exception):  # noqa: N818 - becomes a ValueProblem with the element that has the text
    """A text is not a value of its type."""

    def __init__(self, problem: str, mend: str = "") -> None:
        """Say what is wrong and what would be right."""
        self.problem = problem
        self.mend = mend
        super().__init__(problem)


def _refuse(problem: str, mend: str = "") -> NoReturn:
    raise TextProblem(problem, mend)


def boolean(text: str) -> bool:
    """Read xs:boolean."""
    found = _TRUTH.get(text.strip())
    if found is None:
        _refuse(f"{_shown(text)} is neither true nor false", "write true or false")
    return found


def whole(text: str, least: int, most: int) -> int:
    """Read a whole number within bounds."""
    digits = text.strip()
    if not _WHOLE.fullmatch(digits) or not least <= int(digits) <= most:
        _refuse(f"{_shown(text)} is no whole number from {least} to {most}")
    return int(digits)


def double(text: str) -> float:
    """Read xs:double."""
    digits = text.strip()
    found = _SPECIAL.get(digits)
    if found is not None:
        return found
    if not _NUMBER.fullmatch(digits):
        _refuse(f"{_shown(text)} is no number", "write it with a decimal point, or INF, -INF, NaN")
    number = float(digits)
    if math.isinf(number):
        _refuse(f"{_shown(text)} is beyond what a Double can say", "write INF or -INF if that is meant")
    return number


def single(text: str) -> float:
    """Read xs:float: the nearest value of 32 bits."""
    number = double(text)
    try:
        rounded: float = _FLOAT.unpack(_FLOAT.pack(number))[0]
    except OverflowError:
        _refuse(f"{_shown(text)} is beyond what a Float can say", "use a Double")
    return rounded


def date_time(text: str) -> int:
    """Read xs:dateTime as ticks."""
    try:
        return parse_date_time(text.strip())
    except ValueError as error:
        _refuse(str(error), "write it in UTC, as 2024-05-01T12:00:00Z")


def guid(text: str) -> UUID:
    """Read a Guid, in braces or not."""
    digits = text.strip()
    if not _GUID.fullmatch(digits):
        _refuse(f"{_shown(text)} is no Guid", "write 09087e75-8e5e-499b-954f-f2a9603db28a")
    return UUID(digits)


def byte_string(text: str) -> bytes:
    """Read Base64; white space in it means nothing."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        _refuse(f"{_shown(text)} is no Base64", "write M/RbKBsRVkePCePcx24oRA==, with = up to a multiple of four")


def node_name(text: str, context: FileContext) -> NodeName:
    """Read a NodeId or one of the file's aliases; the empty text is null."""
    known = context.known.get(text)
    if known is None:
        known = context.known[text] = _node_name(text.strip(), context)
    return known


def expanded_name(text: str, context: FileContext) -> ExpandedNodeName:
    """Read an ExpandedNodeId, such as ``svr=1;nsu=urn:x;s=a``."""
    match = _SERVER.fullmatch(text.strip())
    if match is None:
        return ExpandedNodeName(node_name(text, context))
    return ExpandedNodeName(node_name(match[2], context), whole(match[1], 0, MAX_UINT32))


def namespace_of(text: str, context: FileContext) -> str:
    """Read a namespace index as the URI that it stands for in the file."""
    index = whole(text, 0, 0xFFFF)
    if index >= len(context.namespaces):
        problem = f"the namespace index {index} is beyond NamespaceUris, which ends at {len(context.namespaces) - 1}"
        _refuse(problem, "add the namespace's Uri to NamespaceUris, or correct the index")
    return context.namespaces[index]


def _node_name(text: str, context: FileContext) -> NodeName:
    alias = context.aliases.get(text)
    if alias is not None:
        return alias
    try:
        return NodeName.parse_indexed(text or "i=0", context.namespaces)
    except NodeNameError as error:
        _refuse(f"{_shown(text)} is no NodeId: {error.problem}", error.mend)


def _shown(text: str) -> str:
    limit = 40
    return repr(text if len(text) <= limit else text[:limit] + "…")


def _within(built_in: BuiltInType) -> Callable[[str], int]:
    least, most = RANGES[built_in]
    return lambda text: whole(text, least, most)


PLAIN: dict[BuiltInType, Callable[[str], Value]] = {
    BuiltInType.Boolean: boolean,
    **{one: _within(one) for one in RANGES},
    BuiltInType.Float: single,
    BuiltInType.Double: double,
    BuiltInType.DateTime: date_time,
    BuiltInType.ByteString: byte_string,
}
"""Types whose elements have nothing but a text. String is not among them: white space in it counts."""
