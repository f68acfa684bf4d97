"""Requests and what their replies must look like, in the words of the MODBUS Application Protocol V1.1b3.

pymodbus encodes the requests and names the exception codes; replies to reads are checked here and stay bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadDiscreteInputsRequest,
    WriteMultipleCoilsRequest,
    WriteSingleCoilRequest,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from core.quality import Status
from drivers.modbus.encoding import REGISTER_BYTES, Area

_EXCEPTION_BIT = 0x80
_EXCEPTION_LENGTH = 2
MOST_WRITTEN = 123
"""Most registers a write may hold (6.12)."""
MOST_COILS_WRITTEN = 1968
"""Most coils a write may hold (6.11)."""
_DATA = 2
"""Where the data of a reply to a read begins: after the function code and the byte count."""

_READS: dict[Area, type[ModbusPDU]] = {
    Area.COIL: ReadCoilsRequest,
    Area.DISCRETE: ReadDiscreteInputsRequest,
    Area.INPUT: ReadInputRegistersRequest,
    Area.HOLDING: ReadHoldingRegistersRequest,
}
STATUS_OF: dict[int, Status] = {
    ExcCodes.ILLEGAL_FUNCTION: Status.BAD_NOT_SUPPORTED,
    ExcCodes.ILLEGAL_ADDRESS: Status.BAD_CONFIGURATION_ERROR,
    ExcCodes.ILLEGAL_VALUE: Status.BAD_OUT_OF_RANGE,
    ExcCodes.DEVICE_FAILURE: Status.BAD_DEVICE_FAILURE,
    ExcCodes.ACKNOWLEDGE: Status.BAD_RESOURCE_UNAVAILABLE,
    ExcCodes.DEVICE_BUSY: Status.BAD_RESOURCE_UNAVAILABLE,
    ExcCodes.NEGATIVE_ACKNOWLEDGE: Status.BAD_NOT_SUPPORTED,
    ExcCodes.MEMORY_PARITY_ERROR: Status.BAD_DEVICE_FAILURE,
    ExcCodes.GATEWAY_PATH_UNAVIABLE: Status.BAD_NO_COMMUNICATION,
    ExcCodes.GATEWAY_NO_RESPONSE: Status.BAD_NO_COMMUNICATION,
}
"""The StatusCode of each exception; README.md says why."""
_WORDS: dict[int, str] = {
    ExcCodes.ILLEGAL_FUNCTION: "does not know the function",
    ExcCodes.ILLEGAL_ADDRESS: "has no such address",
    ExcCodes.ILLEGAL_VALUE: "does not accept the value",
    ExcCodes.DEVICE_FAILURE: "failed",
    ExcCodes.ACKNOWLEDGE: "is still working on it",
    ExcCodes.DEVICE_BUSY: "is busy",
    ExcCodes.NEGATIVE_ACKNOWLEDGE: "cannot do it",
    ExcCodes.MEMORY_PARITY_ERROR: "has a memory error",
    ExcCodes.GATEWAY_PATH_UNAVIABLE: "is a gateway without a path to the unit",
    ExcCodes.GATEWAY_NO_RESPONSE: "is a gateway whose unit does not answer",
}
DIVISIBLE = frozenset({ExcCodes.ILLEGAL_ADDRESS, ExcCodes.ILLEGAL_VALUE, ExcCodes.DEVICE_FAILURE})
"""Exceptions that may be about a part of a block alone."""


class Request(NamedTuple):
    """One request's PDU, and how a good reply begins and how long it is."""

    pdu: bytes
    prefix: bytes
    length: int


def read_request(area: Area, address: int, count: int) -> Request:
    """Ask for ``count`` registers or bits (function 1 to 4)."""
    pdu = _encoded(_READS[area](address=address, count=count))
    data = (count + 7) // 8 if area.is_bits else count * REGISTER_BYTES
    return Request(pdu, bytes((pdu[0], data)), _DATA + data)


def write_coil(address: int, *, value: bool, multiple: bool) -> Request:
    """Set one coil (function 5, or 15 for devices that know no other); the reply repeats the request's head."""
    return write_coils(address, [value]) if multiple else _echoed(WriteSingleCoilRequest(address=address, bits=[value]))


def write_coils(address: int, states: Sequence[bool]) -> Request:
    """Set coils (function 15); the reply repeats the request's head."""
    return _echoed(WriteMultipleCoilsRequest(address=address, bits=list(states)))


def write_registers(address: int, words: Sequence[int], *, multiple: bool) -> Request:
    """Set registers (function 6 for one, 16 for more or where ``multiple``); the reply repeats the request's head."""
    if len(words) == 1 and not multiple:
        return _echoed(WriteSingleRegisterRequest(address=address, registers=list(words)))
    return _echoed(WriteMultipleRegistersRequest(address=address, registers=list(words), count=len(words)))


def data_of(request: Request, reply: bytes) -> bytes | None:
    """Give the data of a good reply to a read; None for an exception or a reply that does not fit the request."""
    if len(reply) == request.length and reply.startswith(request.prefix):
        return reply[_DATA:]
    return None


def is_done(request: Request, reply: bytes) -> bool:
    """Tell whether a write was acknowledged."""
    return reply == request.prefix


def exception_of(request: Request, reply: bytes) -> int | None:
    """Give the exception code of a reply; None when it is not an exception to this request."""
    if len(reply) == _EXCEPTION_LENGTH and reply[0] == request.pdu[0] | _EXCEPTION_BIT:
        return reply[1]
    return None


def status_of(code: int | None) -> Status:
    """Give the StatusCode for an exception code, or for a reply that is none (None)."""
    if code is None:
        return Status.BAD_COMMUNICATION_ERROR
    return STATUS_OF.get(code, Status.BAD_UNEXPECTED_ERROR)


def words_of(code: int | None) -> str:
    """Say what an exception means: ``the device has no such address (exception 02)``."""
    if code is None:
        return "the device's reply does not fit the request"
    return f"the device {_WORDS.get(code, 'refuses')} (exception {code:02X})"


def _encoded(message: ModbusPDU) -> bytes:
    return bytes((message.function_code,)) + message.encode()


def _echoed(message: ModbusPDU) -> Request:
    pdu = _encoded(message)
    prefix = pdu[:5]  # function, address, and value or count: what functions 5, 6, 15 and 16 answer with
    return Request(pdu, prefix, len(prefix))
