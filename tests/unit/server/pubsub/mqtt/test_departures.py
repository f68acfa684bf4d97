"""What leaves a link, against a plain model of it: the window, the identifiers, the order, and every message's code."""

from __future__ import annotations

import random
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from server.pubsub.contract import LOST, MqttMessage
from server.pubsub.mqtt.counters import LinkCounters
from server.pubsub.mqtt.departures import Departures
from server.pubsub.mqtt.packets import Acknowledged
from server.pubsub.mqtt.publishing import Publisher
from server.pubsub.mqtt.transport import Wire
from tests.mqtt_proxy import packets_of
from tests.thorough import examples
from tests.waiting import until


class _Wire:
    """Keeps what is written; the clock of sending is the test's."""

    def __init__(self) -> None:
        self.paused = False
        self.data = bytearray()
        self.rests = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def rest(self, seconds: float) -> None:
        self.rests += bool(seconds)


@settings(max_examples=examples(25, 1_000), deadline=None)
@given(
    chance=st.randoms(use_true_random=False),
    window=st.sampled_from([1, 2, 3, 6, 20]),
    start=st.sampled_from([0, 65_530]),
)
async def test_every_message_goes_once_in_its_turn_and_gets_its_own_code(
    chance: random.Random, *, window: int, start: int
) -> None:
    wire, taken = _Wire(), {3, 65_534}
    publisher = Publisher(is_v5=True, aliases=0)
    refused: list[str] = []
    departures = Departures(
        *(publisher, window, cast("Wire", cast("Any", wire)), LinkCounters()),
        taken=taken,
        refused=lambda message, _code, _text: refused.append(message.payload.decode()),
    )
    departures._last_id = start
    flights: list[tuple[Any, list[MqttMessage], int]] = []
    pending: dict[int, str] = {}
    sent: list[str] = []
    codes: dict[str, int] = {}

    def check_what_was_sent() -> None:
        before = set(sent)
        for packet in packets_of(wire.data):
            qos = packet[0] >> 1 & 3
            payload = packet[8:].decode() if qos else packet[6:].decode()
            if qos:
                number = int.from_bytes(packet[5:7], "big")
                assert number not in pending
                assert number not in taken
                pending[number] = payload
            sent.append(payload)
            # what may go next, by the model: the highest priority that has anything
            waiting = [
                message.payload.decode()
                for wanted in (2, 1, 0)
                for _, messages, priority in flights
                if priority == wanted
                for message in messages
            ]
            assert payload == next(name for name in waiting if name not in before)
            before.add(payload)
        assert len(pending) == len(departures) <= window

    for step in range(60):
        if chance.random() < 0.5:
            priority = chance.randrange(3)
            messages = [
                MqttMessage("t", f"{step}.{place}".encode(), chance.choice([0, 1, 1]))
                for place in range(chance.randrange(4))
            ]
            flights.append((departures.add(messages, priority), messages, priority))
        wire.paused = chance.random() < 0.2
        departures._send()
        check_what_was_sent()
        if pending and chance.random() < 0.7:
            some = chance.sample(sorted(pending), chance.randint(1, len(pending)))
            given_codes = [chance.choice([0, 0x10, 0x87]) for _ in some]
            codes |= {pending.pop(number): code for number, code in zip(some, given_codes, strict=True)}
            departures.acknowledge(Acknowledged(some, given_codes, {}))
            check_what_was_sent()
    departures.lose()
    assert len(sent) == len(set(sent))
    for flight, messages, _ in flights:
        for message, code in zip(messages, flight.codes, strict=True):
            name = message.payload.decode()
            expected = codes.get(name, LOST) if message.qos else (0 if name in sent else LOST)
            assert code == expected
        await flight.wait()
    assert refused == [name for name, code in codes.items() if code == 0x87]
    late = departures.add([MqttMessage("t", b"late")], 1)
    assert late.codes == [LOST]


async def test_a_window_is_filled_again_when_all_of_it_is_free_or_a_moment_later() -> None:
    wire = _Wire()
    departures = _departures(wire, 20)
    flight = departures.add([MqttMessage("t", b"x")] * 60, 1)
    departures._send()
    assert len(departures) == 20
    departures.acknowledge(Acknowledged([1], [0], {}))
    assert len(departures) == 19  # a write for one message costs more than it does
    departures.acknowledge(Acknowledged(list(range(2, 21)), [0] * 19, {}))
    assert len(departures) == 20
    departures.acknowledge(Acknowledged([21], [0], {}))
    assert len(departures) == 19
    await until(lambda: len(departures) == 20)  # TCP may hold back the other answers until it hears from us
    departures.acknowledge(Acknowledged([22], [0], {}))
    departures.lose()
    assert departures._later is None
    assert flight.codes == [0] * 22 + [LOST] * 38
    assert not wire.rests


async def test_answers_to_a_large_window_are_gathered_while_some_are_missing() -> None:
    wire = _Wire()
    departures = _departures(wire, 1_000)
    departures.add([MqttMessage("t", b"x")] * 500, 1)
    departures._send()
    departures.acknowledge(Acknowledged([1], [0], {}))
    assert wire.rests == 1
    departures.acknowledge(Acknowledged(list(range(2, 501)), [0] * 499, {}))
    assert wire.rests == 1
    assert not len(departures)


def _departures(wire: _Wire, window: int) -> Departures:
    return Departures(
        *(Publisher(is_v5=True), window, cast("Wire", cast("Any", wire)), LinkCounters()),
        taken=(),
        refused=lambda _message, _code, _text: None,
    )
