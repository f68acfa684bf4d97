"""What is answered to a command, and on which topic."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from asyncua.ua.status_codes import StatusCodes

from core.quality import is_bad, worst
from core.time import now, to_iso
from nodesets.datatypes.binary import decode_variant
from nodesets.datatypes.json_values import Json, value_to_json
from nodesets.datatypes.problems import DataTypeError, DecodingError, EncodingError
from server.address_space.structured import StructureCodec
from server.pubsub.commands.method_port import CallOutcome
from server.pubsub.commands.port import WriteOutcome
from server.pubsub.commands.refusal import CommandRefused, status_name, status_object
from server.pubsub.commands.turns import Turns
from server.pubsub.contract import MqttMessage

_LARGEST: Final = 256 * 1024
"""Bytes of an answer; what is longer goes without the values that were read back."""
_LONGEST_TOPIC: Final = 1024
_LONGEST_CORRELATION: Final = 1024
_FOREIGN: Final = ("$", "spBv1.0/")
"""Beginnings of topics that are the broker's, or would be commands to other edge nodes."""
_TREE: Final = frozenset(
    (encoding, kind)
    for encoding in ("json", "uadp")
    for kind in ("data", "metadata", "status", "connection", "application", "endpoints", "commands")
)
"""Neighbouring levels of topics by Part 14 v1.05 7.3.5.7, whatever prefix and publisher they have, and of commands."""
EXPIRY: Final = 3600
"""Seconds that a broker keeps an answer for a requester that is away."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Where an answer goes."""

    topic: str
    correlation: bytes = b""


class ReplyTopics:
    """Chooses topics. ``topic``: of the commands; ``own``: beginnings of topics that are for our own data.

    ``allowed``: filters that a response topic has to match, where there are some.
    """

    def __init__(self, topic: str, own: Sequence[str], allowed: Sequence[str] = ()) -> None:
        """Refuse nothing yet."""
        self._topic, self._own, self._allowed = topic, tuple(own), tuple(allowed)

    def by_id(self, name: str) -> Reply:
        """Give where the answer goes if no response topic was named."""
        return Reply(f"{self._topic}/answers/{name}" if name else f"{self._topic}/answers")

    def asked_for(self, message: MqttMessage) -> Reply | None:
        """Give the response topic of a request (MQTT 5.0, 4.10), None where it has none.

        Raises :class:`CommandRefused` for one that no answer may go to: whoever may send commands could otherwise have
        the gateway publish in the name of others.
        """
        topic = message.response_topic
        if not topic:
            return None
        answers = f"{self._topic}/answers"
        ours = topic == answers or topic.startswith(f"{answers}/")
        if any(sign in topic for sign in "+#\0") or not topic.isprintable() or len(topic.encode()) > _LONGEST_TOPIC:
            problem = "the response topic is no topic"
        elif len(message.correlation) > _LONGEST_CORRELATION:
            problem = f"the correlation data have {len(message.correlation)} bytes, more than {_LONGEST_CORRELATION}"
        elif topic.startswith(_FOREIGN) or topic == self._topic or (self._is_of_publishers(topic) and not ours):
            problem = "no answer may go to this response topic, which is for data or commands"
        elif self._allowed and not ours and not any(matches(one, topic) for one in self._allowed):
            problem = "the response topic is none of those that commands: answers: allows"
        else:
            return Reply(topic, message.correlation)
        raise CommandRefused(StatusCodes.BadInvalidArgument, problem, f"leave it out, or choose one below {answers}/")

    def _is_of_publishers(self, topic: str) -> bool:
        """Tell whether a topic is for what publishers say, we or others, or for commands to others."""
        levels = topic.split("/")
        return topic.startswith(self._own) or not _TREE.isdisjoint(itertools.pairwise(levels))


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a topic matches a filter (MQTT 5.0, 4.7)."""
    wanted, given = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted = wanted[:-1]
        if len(given) < len(wanted):
            return False
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(one in ("+", level) for one, level in zip(wanted, given, strict=True))


async def answer(
    name: str, writes: Sequence[WriteOutcome], call: CallOutcome | None, codec: StructureCodec
) -> dict[str, object]:
    """Make the answer to a command that was carried out, or refused in all of its parts."""
    made = _head(name, writes, call)
    if writes:
        made["results"] = results = list[dict[str, object]]()
        turns = Turns()
        for one in writes:
            results.append(_result(one, codec))
            await turns.give()
    if call is not None:
        made["call"] = {
            "status": status_object(call.status),
            **({"error": call.why} if call.why else {}),
            **({"outputs": [json_value(one, codec) for one in call.outputs]} if call.outputs else {}),
        }
    return {**made, "duplicate": False, "time": to_iso(now())}


def without_values(name: str, writes: Sequence[WriteOutcome], call: CallOutcome | None) -> dict[str, object]:
    """Make the same answer without what was read back or given."""
    note = "the values that were read back cannot be told"
    return {**_head(name, writes, call), "note": note, "duplicate": False, "time": to_iso(now())}


def _head(name: str, writes: Sequence[WriteOutcome], call: CallOutcome | None) -> dict[str, object]:
    status = worst(*(one.status for one in writes), *([] if call is None else [call.status]))
    return {"id": name, "status": status_object(status)}


def refusal(name: str, refused: CommandRefused, *, duplicate: bool = False) -> dict[str, object]:
    """Make the answer to a command of which nothing was done."""
    return {
        "id": name or None,
        "status": status_object(refused.status),
        "error": str(refused),
        "duplicate": duplicate,
        "time": to_iso(now()),
    }


def encoded(made: dict[str, object]) -> bytes:
    """Write an answer; a very long one without its values."""
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")
    if len(text) <= _LARGEST:
        return text
    short = {key: value for key, value in made.items() if key not in ("results", "call")}
    note = "the values that were read back are too long to be told"
    return json.dumps({**short, "note": note}, separators=(",", ":")).encode()


def as_duplicate(stored: bytes) -> bytes:
    """Mark a stored answer as given before."""
    return json.dumps({**json.loads(stored), "duplicate": True}, ensure_ascii=False, separators=(",", ":")).encode()


def message(reply: Reply, payload: bytes) -> MqttMessage:
    """Make the message of an answer."""
    return MqttMessage(
        reply.topic, payload, content_type="application/json", expiry=EXPIRY, correlation=reply.correlation
    )


def json_value(encoded_variant: bytes | None, codec: StructureCodec) -> Json:
    """Give an encoded Variant as JSON without its type; null where there is none, or it has no JSON."""
    if not encoded_variant:
        return None
    try:
        held = decode_variant(encoded_variant, codec.types, codec.namespaces)
        return value_to_json(held.type, held.value, codec.types, "verbose", status_name)
    except (DecodingError, EncodingError, DataTypeError, LookupError):
        return None


def _result(outcome: WriteOutcome, codec: StructureCodec) -> dict[str, object]:
    made: dict[str, object] = {"node": outcome.node, "status": status_object(outcome.status)}
    if outcome.why:
        made["error"] = outcome.why
    held = outcome.held
    if held is not None:
        made["value"] = json_value(held.variant, codec)
        if held.status and is_bad(held.status):
            made["value_status"] = status_object(held.status)
    return made
