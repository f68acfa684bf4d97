from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.quality import Status
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.cloud.twin.dialect import Answer, Desired, Outcome, TwinDialect, TwinGarbage, Whole, Wish
from server.pubsub.cloud.twin.iot_hub import IotHubTwin
from server.pubsub.cloud.twin.shadow import Shadow
from server.pubsub.contract import MqttMessage
from tests.thorough import examples

NAMED = Shadow("line-1", "setpoints")
HUB = IotHubTwin()
GOOD = Outcome(0, "Good", 7)
REFUSED = Outcome(int(Status.BAD_OUT_OF_RANGE), "BadOutOfRange", 8)


def _read(dialect: TwinDialect, topic: str, document: Any) -> Any:
    payload = document if isinstance(document, bytes) else json.dumps(document).encode()
    return dialect.read(MqttMessage(topic, payload))


def test_a_shadows_topics_are_within_what_aws_takes() -> None:
    limits = PRESETS["aws-iot-core"].limits
    assert NAMED.filters()[0] == "$aws/things/line-1/shadow/name/setpoints/update/delta"
    assert Shadow("line-1").filters()[0] == "$aws/things/line-1/shadow/update/delta"
    assert all(limits.topic_problem(one) == "" for one in NAMED.filters())
    assert len(NAMED.filters()) <= (limits.at_once or 0)
    assert len(HUB.filters()) <= (PRESETS["azure-iot-hub"].limits.subscriptions or 0)


@pytest.mark.parametrize("value", ["NaN", "-Infinity", '{"x": 1, "x": 2}'])
def test_a_wish_that_is_no_json_is_nobodys(value: str) -> None:
    document = f'{{"$version": 3, "Setpoint": {value}}}'.encode()
    with pytest.raises(TwinGarbage, match="no JSON"):
        _read(HUB, "$iothub/twin/PATCH/properties/desired/?$version=3", document)


def test_a_delta_tells_when_each_property_was_set() -> None:
    times = {"a": {"timestamp": 10}, "b": {"x": {"timestamp": 3}, "y": [{"timestamp": 12}]}}
    news = _read(
        NAMED,
        f"{NAMED.prefix}/update/delta",
        {"state": {"a": 1, "b": {"x": 1, "y": [2]}}, "metadata": times, "version": 5, "timestamp": 20},
    )
    assert news == Desired(5, {"a": Wish(1, 10), "b": Wish({"x": 1, "y": [2]}, 12)})


def test_a_shadows_document_tells_what_is_wanted_and_not_so() -> None:
    document = {
        "state": {"desired": {"a": 1, "b": 2}, "reported": {"b": 2}, "delta": {"a": 1}},
        "metadata": {"desired": {"a": {"timestamp": 4}, "b": {"timestamp": 5}}},
        "version": 9,
        "clientToken": "t",
    }
    answer, whole = _read(NAMED, f"{NAMED.prefix}/get/accepted", document)
    assert (answer.token, answer.is_good) == ("t", True)
    assert whole == Whole(Desired(9, {"a": Wish(1, 4)}), {"b": 2})


def test_a_shadows_refusal_has_a_code() -> None:
    news = _read(
        NAMED, f"{NAMED.prefix}/update/rejected", {"code": 409, "message": "Version conflict", "clientToken": "t"}
    )
    assert news == (Answer("t", 409, "Version conflict"), None)


def test_a_shadow_reports_plain_values_and_errors_beside() -> None:
    document = NAMED.document({"a": 1, "b": 2}, {"c": "BadNoCommunication"}, {"a": GOOD, "b": REFUSED})
    assert document == {
        "a": 1,
        "b": 2,
        "quality": {"c": "BadNoCommunication"},
        "errors": {"b": {"code": 0x803C0000, "symbol": "BadOutOfRange", "version": 8}},
    }


def test_a_twin_reports_acknowledgements() -> None:
    document = HUB.document(
        {"a": 1, "b": 2, "d": 4}, {"c": "BadNoCommunication"}, {"a": GOOD, "b": REFUSED, "x": REFUSED}
    )
    assert document == {
        "a": {"value": 1, "ac": 200, "av": 7, "ad": "Good"},
        "b": {"value": 2, "ac": 400, "av": 8, "ad": "BadOutOfRange"},
        "d": {"value": 4, "ac": 203, "av": 0, "ad": ""},
        "x": {"ac": 400, "av": 8, "ad": "BadOutOfRange"},
        "quality": {"c": "BadNoCommunication"},
    }


def test_a_twins_document_has_one_version_for_all() -> None:
    answer, whole = _read(
        HUB, "$iothub/twin/res/200/?$rid=t", {"desired": {"a": 1, "$version": 4}, "reported": {"a": 0, "$version": 9}}
    )
    assert answer == Answer("t", 200, answer.message)
    assert whole.desired == Desired(4, {"a": Wish(1, 4)}, exact=False)
    patch = _read(HUB, "$iothub/twin/PATCH/properties/desired/?$version=5", {"a": None, "$version": 5})
    assert patch == Desired(5, {"a": Wish(None, 5)})
    assert _read(HUB, "$iothub/twin/res/204/?$rid=u&$version=6", b"") == (Answer("u", 204), None)


def test_a_message_for_others_is_left_alone() -> None:
    assert _read(NAMED, "$aws/things/line-1/shadow/update/delta", {}) is None
    assert _read(NAMED, f"{NAMED.prefix}/update/documents", b"?") is None
    assert _read(HUB, "devices/line-1/messages/devicebound/", b"") is None


@pytest.mark.parametrize(
    ("dialect", "topic", "payload"),
    [
        (NAMED, f"{NAMED.prefix}/update/delta", b"{"),
        (NAMED, f"{NAMED.prefix}/update/delta", b"[]"),
        (NAMED, f"{NAMED.prefix}/update/delta", b"[" * 100_000),
        (NAMED, f"{NAMED.prefix}/update/delta", b'{"state": {"a": 1}, "version": true}'),
        (NAMED, f"{NAMED.prefix}/update/delta", b'{"state": {"a": 1}, "version": 1}'),
        (NAMED, f"{NAMED.prefix}/get/accepted", b'{"state": {"delta": 1}, "version": 1}'),
        (HUB, "$iothub/twin/res/", b""),
        (HUB, "$iothub/twin/res/20/?$rid=1", b""),
        (HUB, "$iothub/twin/res/200/?$rid=1", b'{"desired": {"a": 1}}'),
        (HUB, "$iothub/twin/PATCH/properties/desired/?$version=1", b'{"a": 1}'),
    ],
)
def test_garbage_is_told_as_such(dialect: TwinDialect, topic: str, payload: bytes) -> None:
    with pytest.raises(TwinGarbage):
        dialect.read(MqttMessage(topic, payload))


@settings(max_examples=examples(30, 2_000))
@given(
    st.sampled_from([*NAMED.filters(), "$iothub/twin/res/200/?$rid=1", "$iothub/twin/PATCH/properties/desired/"]),
    st.binary(),
)
def test_nothing_else_is_raised_for_any_bytes(topic: str, payload: bytes) -> None:
    for dialect in (NAMED, HUB):
        try:
            dialect.read(MqttMessage(topic, payload))
        except TwinGarbage:
            continue
