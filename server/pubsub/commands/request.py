"""A JSON command as it was sent, taken apart and checked (docs/reference/commands.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, cast

from asyncua.ua.status_codes import StatusCodes

from core.time import from_iso
from server.pubsub.commands.json_document import read_document
from server.pubsub.commands.method_port import WantedCall
from server.pubsub.commands.port import Wanted
from server.pubsub.commands.refusal import CommandRefused

MOST_WRITES: Final = 1000
LONGEST_ID: Final = 128
_KEYS: Final = frozenset({"id", "writes", "call", "all_or_nothing", "expires"})
_WRITE_KEYS: Final = frozenset({"node", "value"})
_CALL_KEYS: Final = frozenset({"object", "method", "arguments"})
_MOST_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be done. ``expires``: DateTime ticks, or None. ``digest``: of all but the id and ``expires``."""

    id: str
    writes: tuple[Wanted, ...]
    call: WantedCall | None
    all_or_nothing: bool
    expires: int | None
    digest: bytes


class CommandUnreadable(CommandRefused):
    """A message is no command. ``id``: the one it has nevertheless, so that it can be answered; else ""."""

    def __init__(self, refused: CommandRefused, name: str) -> None:
        """Keep why, and the id."""
        super().__init__(refused.status, refused.problem, refused.mend)
        self.id = name


def read_command(payload: bytes, most: int) -> Command:
    """Read a message of up to ``most`` bytes. Raises :class:`CommandUnreadable`."""
    name = ""
    try:
        given = _object(read_document(payload, most), "a command", _KEYS)
        name = _id(given.get("id"))
        return _command(name, given)
    except CommandRefused as refused:
        raise CommandUnreadable(refused, name) from None


def _command(name: str, given: Mapping[str, object]) -> Command:
    all_or_nothing = given.get("all_or_nothing", True)
    if not isinstance(all_or_nothing, bool):
        _refuse("all_or_nothing is neither true nor false", "leave it out, or write true or false")
    asked = given.get("writes", [])
    if not isinstance(asked, list):
        _refuse("writes is no list", 'write "writes": [{"node": "…", "value": …}]')
    items = cast("list[object]", asked)
    if len(items) > MOST_WRITES:
        _refuse(f"the command has {len(items)} writes", f"send up to {MOST_WRITES}", StatusCodes.BadTooManyOperations)
    writes = tuple(_wanted(one, place) for place, one in enumerate(items))
    call = None if given.get("call") is None else _call(given["call"])
    if not writes and call is None:
        _refuse("the command asks for nothing", "write writes or call", StatusCodes.BadNothingToDo)
    rest = {key: value for key, value in given.items() if key not in ("id", "expires")}
    told = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
    return Command(name, writes, call, all_or_nothing, _expires(given.get("expires")), digest)


def _id(given: object) -> str:
    """Read an id, which has to stand in a topic, too."""
    fits = (
        isinstance(given, str) and 0 < len(given) <= LONGEST_ID and given.isprintable() and not set("/+#") & set(given)
    )
    if not isinstance(given, str) or not fits:
        _refuse(f"{_shown(given)} is no id", f"write a text of up to {LONGEST_ID} characters without '/', '+' and '#'")
    return given


def _wanted(given: object, place: int) -> Wanted:
    where = f"writes[{place}]"
    item = _object(given, where, _WRITE_KEYS)
    node = item.get("node")
    if not isinstance(node, str) or "value" not in item:
        _refuse(f"{where} has no node or no value", 'write {"node": "nsu=<uri>;s=…", "value": …}')
    return Wanted(node, item["value"])


def _call(given: object) -> WantedCall:
    call = _object(given, "call", _CALL_KEYS)
    owner, method, arguments = call.get("object"), call.get("method"), call.get("arguments", [])
    if not isinstance(owner, str) or not isinstance(method, str):
        _refuse("call has no object or no method", 'write {"object": "/Objects/…", "method": "…", "arguments": […]}')
    if not isinstance(arguments, list | dict):
        _refuse("the arguments of call are neither a list nor an object", "write them in their order, or by name")
    return WantedCall(owner, method, cast("list[object] | dict[str, object]", arguments))


def _expires(given: object) -> int | None:
    if given is None:
        return None
    try:
        return from_iso(given if isinstance(given, str) else "")
    except ValueError:
        _refuse(f"{_shown(given)} is no time", 'write "expires" in UTC: "2026-05-01T12:00:00Z"')


def _object(given: object, what: str, keys: frozenset[str]) -> Mapping[str, object]:
    if not isinstance(given, dict):
        _refuse(f"{what} is no JSON object", "see docs/reference/commands.md for an example")
    found = cast("dict[str, object]", given)
    for key in found:
        if key not in keys:  # a misspelt all_or_nothing must not be passed over
            _refuse(f"{what} has no key {_shown(key)}", f"it has {', '.join(sorted(keys))}")
    return found


def _shown(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _refuse(problem: str, mend: str, status: int = StatusCodes.BadInvalidArgument) -> NoReturn:
    raise CommandRefused(status, problem, mend)
