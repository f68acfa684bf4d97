"""Arguments of methods as audit records tell them, where secrets stand inside of a structure."""

# The seam on asyncua, whose structures' fields and exports are known to itself alone.
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import re
from copy import copy
from typing import Final

from asyncua import ua

from server.audit.kinds import is_secret

_HIDDEN: Final = "***"
_USER_INFO: Final = re.compile(r"//[^/]*@")


def without_secrets(given: ua.Variant) -> ua.Variant:
    """Give the same without the passwords that a PubSub connection is not to have, and that clients send all the same.

    The method refuses them (Part 14 v1.05 9.1.3.2); its record must not be where they are kept after all.
    """
    held: object = given.Value
    if not isinstance(held, ua.PubSubConnectionDataType):
        return given
    told = copy(held)
    told.ConnectionProperties = [_pair(one) for one in held.ConnectionProperties or []]
    address: object = held.Address
    if isinstance(address, ua.NetworkAddressUrlDataType):
        told.Address = copy(address)
        told.Address.Url = ua.String(_USER_INFO.sub(f"//{_HIDDEN}@", str(address.Url or "")))
    return ua.Variant(told, ua.VariantType.ExtensionObject)


def _pair(given: ua.KeyValuePair) -> ua.KeyValuePair:
    name = str(getattr(given.Key, "Name", None) or "")
    return ua.KeyValuePair(given.Key, ua.Variant(_HIDDEN)) if is_secret(name) else given
