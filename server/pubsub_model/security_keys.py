"""GetSecurityKeys (Part 14 v1.05 8.3.2): the keys of a SecurityGroup, for whoever may read its messages."""

# The seam on asyncua, whose annotations are partial and call a plain int wrong where it takes one.
# pyright: reportPrivateImportUsage=false, reportUnknownVariableType=false
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from core.security_mode import SecurityMode
from server.pubsub_model.answering import Answer, Call
from server.pubsub_model.refusal import PubSubRefused
from server.ua_stack.sessions import CALLER
from server.users.well_known import SECURITY_KEY_SERVER_ACCESS, WELL_KNOWN

if TYPE_CHECKING:
    from server.pubsub.uadp.keys import SecurityKeys

_ROLE: Final = WELL_KNOWN[SECURITY_KEY_SERVER_ACCESS]
_LONGEST: Final = 255
"""Characters of a SecurityGroupId."""

AskKeys = Callable[[str, int, int], "SecurityKeys | None"]
"""Gives keys by SecurityGroupId, first token and how many; None where there is no such group."""


def get_security_keys(ask: AskKeys) -> Call:
    """Answer the method for sessions with the role SecurityKeyServerAccess, on encrypted channels alone.

    The standard's NodeSet lets everybody call it: who may have the keys is the SecurityGroup's to say, which is no
    object here and says what the role's description does. Whoever may not learns nothing of which groups there are.
    """

    async def answer(group: str | None, starting_token: int, count: int) -> Answer:
        caller = CALLER.get()
        if caller is not None:
            if caller.channel.mode != SecurityMode.SIGN_AND_ENCRYPT:
                problem = "the keys of SecurityGroups go over encrypted channels alone"
                raise PubSubRefused(StatusCodes.BadSecurityModeInsufficient, problem, "connect with SignAndEncrypt")
            if _ROLE not in caller.roles:
                problem = f"the user {caller.client_user_id!r} has not the role {SECURITY_KEY_SERVER_ACCESS}"
                raise PubSubRefused(StatusCodes.BadUserAccessDenied, problem, "give it with plantspace user")
        keys = ask(group, starting_token, count) if group is not None and len(group) <= _LONGEST else None
        if keys is None:
            problem = f"there is no SecurityGroup {str(group)[:_LONGEST]!r}"
            raise PubSubRefused(StatusCodes.BadNotFound, problem, "name one that a dataset is published with")
        kinds = ua.VariantType
        return [
            ua.Variant(keys.policy_uri, kinds.String),
            ua.Variant(keys.first_token, kinds.UInt32),
            ua.Variant(list(keys.keys), kinds.ByteString, is_array=True),
            ua.Variant(keys.time_to_next_key, kinds.Double),
            ua.Variant(keys.key_lifetime, kinds.Double),
        ]

    return answer
