"""Arguments of the methods, from what asyncua decoded to what the rules of roles are made of."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

from typing import Any, cast

from asyncua import ua

from server.users.errors import BAD_INVALID_ARGUMENT, UserRefused
from server.users.roles import Criterion, EndpointRule, IdentityRule


def text_of(value: Any) -> str:  # a String as asyncua gives it: a str, or None for the null one
    """Give a String; the null one is as good as an empty one."""
    return str(value or "")


def rule_of(value: Any) -> IdentityRule:  # a structure of asyncua's, or what could not be decoded
    """Give an IdentityMappingRuleType; whether it means anything is looked at later.

    Raises :class:`~server.users.errors.UserRefused`.
    """
    if not isinstance(value, ua.IdentityMappingRuleType):
        raise UserRefused(BAD_INVALID_ARGUMENT, "the argument is no IdentityMappingRuleType")
    return IdentityRule(cast("Criterion", int(value.CriteriaType)), text_of(value.Criteria))


def endpoint_of(value: Any) -> EndpointRule:  # as above
    """Give an EndpointType. Raises :class:`~server.users.errors.UserRefused`."""
    if not isinstance(value, ua.EndpointType):
        raise UserRefused(BAD_INVALID_ARGUMENT, "the argument is no EndpointType")
    return EndpointRule(
        text_of(value.EndpointUrl),
        int(value.SecurityMode),
        text_of(value.SecurityPolicyUri),
        text_of(value.TransportProfileUri),
    )
