"""asyncua's client in a process of its own: it makes classes of a server's types, in registries of the whole process.

``python -m tests.foreign.asyncua_structures URL`` takes a NodeId a line and answers each with a line of JSON, in the
form of :mod:`tests.system.structured_values`.
"""

# asyncua's annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportPrivateImportUsage=false
from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from enum import IntEnum
from typing import Any

from asyncua import Client, ua
from asyncua.ua.ua_binary import get_safe_type_hints
from asyncua.ua.uatypes import type_from_optional, type_is_optional

_WIDE = (ua.Int64, ua.UInt64)


def plain(value: Any, kind: Any = None) -> Any:
    """Make a value of asyncua's plain. ``kind``: its type, as far as a wide integer has to be told from others."""
    if isinstance(value, list):
        return [plain(one, kind) for one in value]
    for known, make in _PLAIN.items():
        if isinstance(value, known):
            return make(value)
    if dataclasses.is_dataclass(value):
        return _structure(value)
    return str(value) if kind in _WIDE else value


def _variant(value: ua.Variant) -> dict[str, Any]:
    name = value.VariantType.name
    return {"type": name, "value": plain(value.Value, getattr(ua, name, None))}


_PLAIN: dict[type, Callable[[Any], Any]] = {
    ua.Variant: _variant,
    ua.LocalizedText: lambda text: [text.Locale, text.Text],
    ua.NodeId: lambda node: node.to_string(),
    bytes: lambda data: b64encode(data).decode(),
    datetime: lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z",
    IntEnum: int,
}


def _structure(value: Any) -> dict[str, Any]:
    kind = type(value)
    made: dict[str, Any] = {"": kind.__name__}
    if isinstance(value, ua.UaUnion):
        union: Any = value  # a class that asyncua has made
        names = [name for name, one in vars(kind).items() if isinstance(one, property)]
        if union.Encoding:
            made[names[union.Encoding - 1]] = plain(union.Value)
        return made
    hints = get_safe_type_hints(kind, {"ua": ua})
    for field in dataclasses.fields(value):
        held, hint = getattr(value, field.name), hints[field.name]
        is_optional = type_is_optional(hint)
        if field.name != "Encoding" and not (is_optional and held is None):
            made[field.name] = plain(held, type_from_optional(hint) if is_optional else hint)
    return made


async def main(url: str) -> None:
    """Answer until standard input ends."""
    async with Client(url, timeout=30) as client:
        await client.load_data_type_definitions()
        for line in sys.stdin:
            value = await client.get_node(line.strip()).read_data_value()
            print(json.dumps(plain(value.Value)), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
