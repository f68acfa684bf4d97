"""What StatusCodes mean to whoever sent a command, and what mends them."""

from __future__ import annotations

from typing import Final

from asyncua.ua.status_codes import StatusCodes

from core.quality import is_bad
from server.pubsub.commands.refusal import status_name

_WORDS: Final = {
    StatusCodes.BadNodeIdUnknown: "there is no such node (write nsu=<uri>;s=… or its browse path /Objects/…)",
    StatusCodes.BadNodeIdInvalid: "that names no node (write nsu=<uri>;s=… or its browse path /Objects/…)",
    StatusCodes.BadAttributeIdInvalid: "the node is no variable (name one that has a value)",
    StatusCodes.BadUserAccessDenied: "the user may not do this (give it a role that has the permission on the node)",
    StatusCodes.BadNotWritable: "the variable cannot be written (its AccessLevel, or nothing takes its value)",
    StatusCodes.BadSecurityModeInsufficient: "the node is for encrypted connections only (use mqtts://)",
    StatusCodes.BadTypeMismatch: "the value is not of the variable's DataType and ValueRank",
    StatusCodes.BadOutOfRange: "the value is outside what the variable may have (see its InstrumentRange and binding)",
    StatusCodes.BadNoCommunication: "the device is not connected; nothing was sent (send the command again, new id)",
    StatusCodes.BadTimeout: "the device did not answer in time; it may hold the value or not (read it)",
    StatusCodes.BadCommunicationError: "the link failed while it was written; the device may hold the value (read it)",
    StatusCodes.BadDeviceFailure: "the device acknowledged the value and holds another one",
    StatusCodes.BadResourceUnavailable: "too many writes wait for the device already (send fewer)",
    StatusCodes.BadMethodInvalid: "the object has no such method",
    StatusCodes.BadNotExecutable: "the method cannot be executed",
    StatusCodes.BadArgumentsMissing: "arguments are missing (see the method's InputArguments)",
    StatusCodes.BadTooManyArguments: "there are too many arguments (see the method's InputArguments)",
    StatusCodes.BadInvalidArgument: "an argument is not what the method declares (see its InputArguments)",
    StatusCodes.BadOperationAbandoned: "not tried: another part of this command is refused",
}


def words(status: int) -> str:
    """Explain a Bad StatusCode; nothing for others."""
    return _WORDS.get(status, status_name(status)) if is_bad(status) else ""
