from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from server.pubsub.cloud.limits import Limits
from server.pubsub.cloud.paced_link import PacedLink, paced
from server.pubsub.cloud.presets import PRESETS
from server.pubsub.contract import LOST, MqttMessage, Subscription
from tests.unit.server.pubsub.cloud.links import OpenLink
from tests.waiting import until


def _messages(count: int, size: int = 10, topic: str = "t") -> list[MqttMessage]:
    return [MqttMessage(topic, bytes([number % 256]) * size) for number in range(count)]


async def _quickest(fly: Callable[[], Awaitable[OpenLink]], most: float) -> float:
    """Give how long the first of some tries took that took less than ``most``: a machine may be late now and then."""
    took: list[float] = []
    while min(took, default=most) >= most and len(took) < 5:
        link = await fly()
        took.append(link.flown[-1][0] - link.flown[0][0])
    return min(took)


async def test_no_more_goes_than_may_and_all_of_it_in_order() -> None:
    async def fly() -> OpenLink:
        link = OpenLink()
        sent = _messages(70)
        flight = PacedLink(link, Limits(messages=200.0)).fly(sent)
        assert 20 <= len(link.flown) <= 21, "a tenth of a second's goes at once"
        await flight.wait()
        assert link.messages == sent
        assert flight.codes == [0] * 70
        return link

    assert 0.25 <= await _quickest(fly, 1.0) < 1.0, "180 a second"


async def test_bytes_are_paced_too() -> None:
    async def fly() -> OpenLink:
        link = OpenLink()
        flight = PacedLink(link, Limits(throughput=100_000.0), largest=1_000).fly(_messages(30, 1_000))
        assert len(link.flown) <= 10
        await flight.wait()
        return link

    assert 0.2 <= await _quickest(fly, 1.0) < 1.0


async def test_alarms_overtake_what_waits() -> None:
    link = OpenLink()
    pacing = PacedLink(link, Limits(messages=100.0))
    telemetry = pacing.fly(_messages(20))
    alarm = pacing.fly([MqttMessage("alarm", b"!")], 5)
    assert pacing.waiting >= 8
    await alarm.wait()
    await telemetry.wait()
    place = link.messages.index(MqttMessage("alarm", b"!"))
    assert place <= 11


async def test_what_waits_when_the_link_ends_is_lost() -> None:
    link = OpenLink(answers=False)
    pacing = PacedLink(link, Limits(messages=10.0))
    flight = pacing.fly(_messages(3))
    link.flights[0].codes[0] = 0
    pacing.abort("cut")
    await flight.wait()
    assert flight.codes == [0, LOST, LOST]
    assert pacing.reason == "cut"
    after = pacing.fly(_messages(1))
    await after.wait()
    assert after.codes == [LOST]
    await pacing.settle()


async def test_what_the_broker_does_not_take_is_not_sent_at_all() -> None:
    link = OpenLink()
    pacing = PacedLink(link, PRESETS["aws-iot-core"].limits)
    for bad in (MqttMessage("t", bytes(131_073)), MqttMessage("a/b/c/d/e/f/g/h/i", b"")):
        with pytest.raises(ValueError, match="are taken"):
            pacing.fly([*_messages(1), bad])
        assert pacing.size_of(bad) > pacing.largest
    assert link.flown == []
    assert pacing.size_of(MqttMessage("t", bytes(131_072))) <= pacing.largest


async def test_the_flag_retain_goes_where_it_is_taken() -> None:
    retained = MqttMessage("devices/t", b"x", retain=True)
    for name, flag in (("azure-iot-hub", False), ("aws-iot-core", True), ("emqx", True)):
        link = OpenLink()
        pacing = PacedLink(link, PRESETS[name].limits)
        flight = pacing.fly([retained, MqttMessage("devices/u", b"", retain=True)])
        await flight.wait()
        assert flight.codes == [0, 0]
        assert link.messages[0].retain is flag
        assert len(link.messages) == 1 + flag, "nothing is cleared where nothing is retained"


async def test_as_many_subscriptions_in_a_packet_as_are_taken() -> None:
    link = OpenLink()
    pacing = PacedLink(link, PRESETS["aws-iot-core"].limits)
    assert await pacing.subscribe([Subscription(f"t/{number}") for number in range(10)]) == [1] * 10
    assert [len(one) for one in link.subscribed] == [8, 2]
    with pytest.raises(ValueError, match="51 subscriptions are wanted, and 50 are taken"):
        await pacing.subscribe([Subscription("t")] * 41)


async def test_what_is_no_topic_of_the_brokers_is_neither_sent_nor_subscribed() -> None:
    link = OpenLink()
    pacing = PacedLink(link, PRESETS["azure-iot-hub"].limits)
    wanted = [Subscription("opcua/#"), Subscription("$iothub/twin/res/#")]
    assert await pacing.subscribe(wanted) == [0x8F, 1]
    assert link.subscribed == [["$iothub/twin/res/#"]]
    with pytest.raises(ValueError, match="none of the broker's"):
        pacing.fly(_messages(1))


async def test_who_settles_waits_for_what_waits() -> None:
    link = OpenLink()
    pacing = PacedLink(link, Limits(messages=100.0))
    flight = pacing.fly(_messages(15))
    await pacing.settle()
    assert flight.codes == [0] * 15
    assert pacing.waiting == 0


async def test_without_limits_a_link_stays_what_it_is() -> None:
    link = OpenLink()
    assert paced(link, None) is link
    pacing = paced(link, Limits(slashes=3))
    assert pacing.fly(_messages(1)) is link.flights[0]


async def test_a_fault_beneath_ends_the_link() -> None:
    link = OpenLink()
    link.fault = "no such topic"
    pacing = PacedLink(link, Limits(messages=100.0))
    flight = pacing.fly(_messages(2))
    await flight.wait()
    assert flight.codes == [LOST, LOST]
    assert link.reason == "no such topic"
    await until(lambda: len(asyncio.all_tasks()) == 1)
