"""AWS IoT's device shadow (AWS IoT Core Developer Guide, Device Shadow MQTT topics, Device Shadow service documents).

Each request has a client token, by which its answer is known. Each property that is wanted has the time at which it
was set, in whole seconds. The delta comes again with every change of the document, for as long as wanted and reported
differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from core.quality import is_bad
from server.pubsub.cloud.twin.dialect import Answer, Desired, Json, News, Outcome, TwinGarbage, Whole, Wish
from server.pubsub.cloud.twin.json_text import as_object, as_version, read_object, write_object
from server.pubsub.contract import MqttMessage

_ANSWERS: Final = ("/update/accepted", "/update/rejected", "/get/accepted", "/get/rejected")
_DELTA: Final = "/update/delta"
_GET: Final = "/get"
_LARGEST: Final = 8 * 1024
_BAD_REQUEST: Final = 400
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Shadow:
    """The classic shadow of a thing, or one that has a name."""

    thing: str
    name: str = ""
    title: str = "AWS IoT shadow"
    largest: int = _LARGEST

    @property
    def prefix(self) -> str:
        """Give what the shadow's topics begin with."""
        return f"$aws/things/{self.thing}/shadow" + (f"/name/{self.name}" if self.name else "")

    def filters(self) -> list[str]:
        """Name what is subscribed."""
        return [self.prefix + end for end in (_DELTA, *_ANSWERS)]

    def request(self, token: str) -> MqttMessage:
        """Ask for the document."""
        return MqttMessage(f"{self.prefix}/get", write_object({"clientToken": token}))

    def report(self, token: str, patch: Mapping[str, Json]) -> MqttMessage:
        """Tell what has changed. No version goes with it: nobody but this gateway reports these properties."""
        document = {"state": {"reported": dict(patch)}, "clientToken": token}
        return MqttMessage(f"{self.prefix}/update", write_object(document))

    def document(
        self, values: Mapping[str, Json], quality: Mapping[str, str], outcomes: Mapping[str, Outcome]
    ) -> dict[str, Json]:
        """Give plain values, so that one which is as wanted is no delta; what is not Good, and errors, stand beside."""
        errors = {
            name: {"code": outcome.status, "symbol": outcome.words, "version": outcome.version}
            for name, outcome in outcomes.items()
            if is_bad(outcome.status)
        }
        return dict(values) | {"quality": dict(quality), "errors": errors}

    def read(self, message: MqttMessage) -> News | None:
        """Read a message; None for another topic. Raises :class:`~server.pubsub.cloud.twin.dialect.TwinGarbage`."""
        end = message.topic.removeprefix(self.prefix)
        if end == _DELTA:
            document = read_object(message.payload)
            state = as_object(document.get("state"), "state")
            return _desired(state, as_object(document.get("metadata", {}), "metadata"), document)
        if end not in _ANSWERS:
            return None
        document = read_object(message.payload)
        token = document.get("clientToken")
        token = token if isinstance(token, str) else ""
        if end.endswith("rejected"):
            code, said = document.get("code"), document.get("message")
            words = said if isinstance(said, str) else ""
            return Answer(token, code if isinstance(code, int) else _BAD_REQUEST, words), None
        return Answer(token, _OK), _whole(document) if end.startswith(_GET) else None


def _whole(document: Mapping[str, Json]) -> Whole:
    state = as_object(document.get("state"), "state")
    metadata = as_object(document.get("metadata", {}), "metadata")
    delta = as_object(state.get("delta", {}), "state.delta")
    times = as_object(metadata.get("desired", {}), "metadata.desired")
    return Whole(_desired(delta, times, document), as_object(state.get("reported", {}), "state.reported"))


def _desired(state: Mapping[str, Json], times: Mapping[str, Json], document: Mapping[str, Json]) -> Desired:
    version = as_version(document.get("version"), "version")
    return Desired(version, {name: Wish(value, _set_at(name, times.get(name))) for name, value in state.items()})


def _set_at(name: str, times: Json) -> int:
    """Give when a property was set: where it is an object or a list, the newest time in it."""
    found = max(_times(times), default=None)
    if found is None:
        problem = f"{name[:100]!r} has no time in the metadata"
        raise TwinGarbage(problem)
    return found


def _times(times: Json) -> Iterator[int]:
    if isinstance(times, list):
        for one in cast("list[Json]", times):
            yield from _times(one)
    elif isinstance(times, dict):
        for key, one in cast("dict[str, Json]", times).items():
            if key == "timestamp" and isinstance(one, int):
                yield one
            else:
                yield from _times(one)
