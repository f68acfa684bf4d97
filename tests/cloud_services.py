"""The services behind AWS IoT's shadows and Azure IoT Hub's twins, as far as their documents tell: stand-ins for tests.

They know nothing of brokers: a message in, messages out. Whoever carries them is a test's own matter.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl

Sent = tuple[str, bytes]


@dataclass
class RateWatch:
    """Counts what comes. ``excess``: the most that a second had over what it may."""

    messages: int
    bytes: int = 1 << 40
    excess: str = ""
    seen: int = 0
    _recent: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def came(self, moment: float, size: int) -> None:
        self.seen += 1
        self._recent.append((moment, size))
        while self._recent[0][0] <= moment - 1.0:
            self._recent.popleft()
        count, total = len(self._recent), sum(size for _, size in self._recent)
        if count > self.messages or total > self.bytes:
            self.excess = f"{count} messages and {total} bytes in a second"


def _merge(document: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for name, value in patch.items():
        if value is None:
            document.pop(name, None)
        elif isinstance(value, dict):
            _merge(document.setdefault(name, {}), cast("dict[str, Any]", value))
        else:
            document[name] = value


class ShadowService:
    """One shadow. ``now``: seconds, which the test moves; ``refuse``: codes that the next updates are refused with."""

    def __init__(self, thing: str, name: str = "") -> None:
        self.prefix = f"$aws/things/{thing}/shadow" + (f"/name/{name}" if name else "")
        self.exists = False
        self.version = 0
        self.now = 1_700_000_000
        self.desired: dict[str, Any] = {}
        self.reported: dict[str, Any] = {}
        self.times: dict[str, int] = {}
        self.refuse: deque[int] = deque()
        self.updates: list[dict[str, Any]] = []

    def desire(self, wanted: Mapping[str, Any], **more: Any) -> list[Sent]:
        """An application sets what it wants."""
        return self._update({"state": {"desired": dict(wanted)}, "clientToken": "app", **more})

    def handle(self, topic: str, payload: bytes) -> list[Sent]:
        """Take what the device publishes."""
        if topic == f"{self.prefix}/get":
            return [self._get(json.loads(payload or b"{}").get("clientToken"))]
        if topic != f"{self.prefix}/update":
            return []
        if len(payload) > 8 * 1024:
            return [self._rejected("update", 413, "The payload exceeds the maximum size allowed", None)]
        try:
            document = json.loads(payload)
            assert isinstance(document["state"], dict)
        except (ValueError, KeyError, AssertionError):
            return [self._rejected("update", 400, "Invalid JSON", None)]
        self.updates.append(document)
        if self.refuse:
            return [self._rejected("update", self.refuse.popleft(), "refused by the test", document.get("clientToken"))]
        return self._update(document)

    def _get(self, token: str | None) -> Sent:
        if not self.exists:
            return self._rejected("get", 404, "No shadow exists with name", token)
        state: dict[str, Any] = {"desired": self.desired, "reported": self.reported}
        if delta := self._delta():
            state["delta"] = delta
        metadata = {"desired": {name: {"timestamp": self.times[name]} for name in self.desired}}
        return self._say("get/accepted", {"state": state, "metadata": metadata, "clientToken": token})

    def _update(self, document: dict[str, Any]) -> list[Sent]:
        token = document.get("clientToken")
        if document.get("version", self.version) != self.version:
            return [self._rejected("update", 409, "Version conflict", token)]
        wanted = document["state"].get("desired", {})
        _merge(self.desired, wanted)
        _merge(self.reported, document["state"].get("reported", {}))
        self.times.update(dict.fromkeys(wanted, self.now))
        self.version += 1
        self.exists = True
        said = [self._say("update/accepted", {"state": document["state"], "clientToken": token})]
        if delta := self._delta():
            metadata = {name: {"timestamp": self.times[name]} for name in delta}
            said.append(self._say("update/delta", {"state": delta, "metadata": metadata, "clientToken": token}))
        return said

    def _delta(self) -> dict[str, Any]:
        return {name: value for name, value in self.desired.items() if self.reported.get(name) != value}

    def _say(self, end: str, document: dict[str, Any]) -> Sent:
        whole = document | {"version": self.version, "timestamp": self.now}
        return f"{self.prefix}/{end}", json.dumps({k: v for k, v in whole.items() if v is not None}).encode()

    def _rejected(self, what: str, code: int, message: str, token: str | None) -> Sent:
        return self._say(f"{what}/rejected", {"code": code, "message": message, "clientToken": token})


class TwinService:
    """One device's twin at a hub. ``refuse``: codes that the next reports are refused with."""

    def __init__(self) -> None:
        self.desired: dict[str, Any] = {"$version": 1}
        self.reported: dict[str, Any] = {"$version": 1}
        self.refuse: deque[int] = deque()
        self.updates: list[dict[str, Any]] = []

    def desire(self, wanted: Mapping[str, Any]) -> list[Sent]:
        """The solution's back end sets what it wants; a device that is not there is not told."""
        _merge(self.desired, wanted)
        version = self.desired["$version"] = self.desired["$version"] + 1
        body = json.dumps(dict(wanted) | {"$version": version}).encode()
        return [(f"$iothub/twin/PATCH/properties/desired/?$version={version}", body)]

    def handle(self, topic: str, payload: bytes) -> list[Sent]:
        """Take what the device publishes."""
        name, _, bag = topic.partition("/?")
        rid = dict(parse_qsl(bag)).get("$rid", "")
        if name == "$iothub/twin/GET":
            body = json.dumps({"desired": self.desired, "reported": self.reported}).encode()
            return [(f"$iothub/twin/res/200/?$rid={rid}", body)]
        if name != "$iothub/twin/PATCH/properties/reported":
            return []
        patch = json.loads(payload)
        self.updates.append(patch)
        if self.refuse:
            return [(f"$iothub/twin/res/{self.refuse.popleft()}/?$rid={rid}", b"{}")]
        assert all("." not in name and " " not in name for name in patch), "no such names at the hub"
        _merge(self.reported, patch)
        self.reported["$version"] += 1
        return [(f"$iothub/twin/res/204/?$rid={rid}&$version={self.reported['$version']}", b"")]
