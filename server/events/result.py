"""What a client is told of its EventFilter: EventFilterResult (Part 4 v1.05 7.22.3) and ContentFilterResult (7.7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from asyncua.ua.object_ids import ObjectIds

from server.address_space.encoding import encode_array, encode_extension_object, encode_uint32
from server.address_space.keys import numeric_key

_ENCODING = numeric_key(0, ObjectIds.EventFilterResult_Encoding_DefaultBinary)
_NO_DIAGNOSTICS = encode_array(())


class ElementResult(NamedTuple):
    """The StatusCode of an element, and those of its operands if one of them is bad."""

    status: int = 0
    operands: Sequence[int] = ()


def encode_result(select: Sequence[int], where: Sequence[ElementResult]) -> bytes | None:
    """Write the EventFilterResult as an ExtensionObject; None, which is the null one, where nothing is wrong."""
    if not any(select) and not any(element.status for element in where):
        return None
    elements = [encode_uint32(one.status) + _codes(one.operands) + _NO_DIAGNOSTICS for one in where]
    body = _codes(select) + _NO_DIAGNOSTICS + encode_array(elements) + _NO_DIAGNOSTICS
    return encode_extension_object(_ENCODING, body)


def _codes(statuses: Sequence[int]) -> bytes:
    return encode_array([encode_uint32(status) for status in statuses])
