from __future__ import annotations

import asyncio

import pytest

from server.pubsub.mqtt.connection import BrokerConnection
from tests.broker import Broker
from tests.unit.server.pubsub.mqtt.links import Session, settings_of


@pytest.mark.parametrize("turns", range(8))
async def test_a_link_that_breaks_while_the_connection_stops_does_not_hold_it_up(turns: int, mosquitto: Broker) -> None:
    connection = BrokerConnection(settings_of(mosquitto.url), Session(f"stopping/{turns}"))
    await connection.start()
    link = await connection.link()
    stopping = asyncio.create_task(connection.stop())
    for _ in range(turns):
        await asyncio.sleep(0)
    link.abort("the broker ends, too")
    done, _ = await asyncio.wait([stopping], timeout=30)
    if not done:  # what has swallowed one cancellation goes by the next
        for task in asyncio.all_tasks():
            if task.get_name() == "mqtt-connection":
                task.cancel()
        await stopping
    assert done
