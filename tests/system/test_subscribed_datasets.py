"""DataSets that others publish, written to variables: a real broker, and messages as other publishers send them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from core.batch import Samples
from core.quality import Status
from core.time import from_iso
from server.audit.connections import AuditSecurity
from server.pubsub.commands.settings import SubscribedSettings
from server.pubsub.commands.subscribed.reader import DataSetReader
from tests.broker import Broker, free_port
from tests.system.commanded import Commanded, add_user, commanded, node
from tests.system.plant import Plant, lay_down, running
from tests.system.test_pubsub_model import add_users
from tests.waiting import until

SECURED = """\
pubsub:
  broker: {broker}
  prefix: read-back
  encoding: uadp
  datasets:
    ramps: {{nodes: [/Objects/sim/t3], publish: 50ms, keyframe: 1, uadp: {{security: {{group: plant}}}}}}
  subscribed:
    back:
      topic: read-back/uadp/data/test/default/ramps
      metadata_topic: read-back/uadp/metadata/test/default/ramps
      encoding: uadp
      security: {{group: plant}}
      fields: {{t3: "{level}"}}
      user: reader
"""
FIELDS = {"level": node("Level"), "count": node("Count"), "limits": node("Limits")}


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncGenerator[Plant]:
    async with running(lay_down(tmp_path, port=free_port(), anonymous="Observer")) as one:
        await add_user(one, "reader", "Operator")
        yield one


def data(number: int, *, version: int = 1, second: int = 0, kind: str = "ua-keyframe", **fields: Any) -> bytes:
    message = {
        "DataSetWriterId": 7,
        "SequenceNumber": number,
        "MetaDataVersion": {"MajorVersion": version, "MinorVersion": 0},
        "Timestamp": f"2026-01-01T00:00:{second or number:02d}Z",
        "MessageType": kind,
        "Payload": fields,
    }
    return json.dumps({"MessageType": "ua-data", "PublisherId": "other", "Messages": [message]}).encode()


def metadata(version: int) -> bytes:
    described = {
        "Fields": [{"Name": name} for name in FIELDS],
        "ConfigurationVersion": {"MajorVersion": version, "MinorVersion": 0},
    }
    return json.dumps({"PublisherId": "other", "DataSetWriterId": 7, "MetaData": described}).encode()


def reader_of(line: Commanded) -> DataSetReader:
    return line.way_back.readers["other"]


class Statuses:
    """The StatusCodes that a point takes."""

    def __init__(self, slot: int) -> None:
        self._slot = slot
        self.told: list[int] = []

    def offer(self, samples: Samples) -> None:
        self.told += samples.status[samples.slots == self._slot].tolist()


async def published(line: Commanded, payload: bytes, *options: str, topic: str) -> None:
    """Publish a message, and wait until the reader has taken it."""
    counters = reader_of(line).counters
    sequence = reader_of(line).sequences

    def seen() -> int:
        return counters.written + counters.refused + counters.unreadable + counters.unfit + sequence.repeated

    before = seen()
    await line.tell(payload, *options, topic=topic)
    await until(lambda: seen() > before)


async def test_fields_are_written_with_time_and_status_until_they_are_stale(plant: Plant, mosquitto: Broker) -> None:
    settings = SubscribedSettings(topic="s1/data/#", fields=FIELDS, user="reader", writer=7, stale_after=None)
    async with commanded(plant, mosquitto, "s1", settings=None, subscribed={"other": settings}) as line:
        time = "2026-01-02T00:00:00Z"
        stamped = {"Value": 5, "SourceTimestamp": time, "Status": {"Code": int(Status.UNCERTAIN)}}
        await published(line, data(1, level=1.5, count=stamped, limits=[3]), topic="s1/data/a")
        image = plant.gateway.image
        count = image.read(image.slot_of[node("Count")])
        assert (count.value, count.status, count.source_time) == (5, Status.UNCERTAIN, from_iso(time))
        level = image.read(image.slot_of[node("Level")])
        assert (level.value, level.status, level.source_time) == (1.5, 0, from_iso("2026-01-01T00:00:01Z"))
        # Twice, or late: nothing. A Bad value: the status alone. One that does not fit: that field alone is refused.
        await published(line, data(1, level=9.0), topic="s1/data/a")
        assert line.value("Level") == 1.5
        bad = {"Status": {"Code": int(Status.BAD_SENSOR_FAILURE)}}
        await published(line, data(2, kind="ua-deltaframe", level=bad, count=1.5), topic="s1/data/a")
        level = image.read(image.slot_of[node("Level")])
        assert (level.value, level.status) == (1.5, Status.BAD_SENSOR_FAILURE)
        counters = reader_of(line).counters
        await until(lambda: counters.refused == 1)
        assert line.value("Count") == 5
        for payload in (b"\x00", b"[" * 9000, b'{"a": NaN}', b"5"):
            await published(line, payload, topic="s1/data/a")
        assert counters.unreadable == 4
        assert {one.client_user_id for one in line.records(AuditSecurity)} == {"reader"}
        await line.administration.set_roles("reader", add=["Observer"], remove=["Operator"])
        await published(line, data(3, level=7.5), topic="s1/data/a")
        await until(lambda: counters.refused == 2)
        assert line.value("Level") == 1.5
        await line.administration.remove("reader")
        await published(line, data(4, level=8.5), topic="s1/data/a")
        await until(lambda: counters.refused == 3)
        assert line.value("Level") == 1.5
    await add_user(plant, "reader", "Operator")
    await _check_metadata(plant, mosquitto)
    await _check_stale(plant, mosquitto)


async def _check_metadata(plant: Plant, mosquitto: Broker) -> None:
    """Data of other metadata than is known wait for it."""
    settings = SubscribedSettings(
        topic="s2/data", metadata_topic="s2/metadata", fields=FIELDS, user="reader", stale_after=None
    )
    async with commanded(plant, mosquitto, "s2", settings=None, subscribed={"other": settings}) as line:
        counters = reader_of(line).counters
        await published(line, data(1, level=1.0), topic="s2/data")
        assert (counters.unfit, counters.written) == (1, 0)
        await line.tell(metadata(1), "-r", topic="s2/metadata")
        await published(line, data(2, level=2.0), topic="s2/data")
        assert line.value("Level") == 2.0
        await published(line, data(3, version=2, level=3.0), topic="s2/data")
        assert (counters.unfit, line.value("Level")) == (2, 2.0)
        await line.tell(metadata(2), "-r", topic="s2/metadata")
        await published(line, data(4, version=2, level=4.0), topic="s2/data")
        assert line.value("Level") == 4.0
        assert len(line.records(AuditSecurity)) == 2
        await line.tell(b"", "-r", topic="s2/metadata")


async def _check_stale(plant: Plant, mosquitto: Broker) -> None:
    """Values grow stale and are fresh again."""
    settings = SubscribedSettings.model_validate(
        {
            "topic": "s3/data",
            "fields": FIELDS,
            "user": "reader",
            "stale_after": "400ms",
            "on_stale": "BadNoCommunication",
        }
    )
    async with commanded(plant, mosquitto, "s3", settings=None, subscribed={"other": settings}) as line:
        image, counters = plant.gateway.image, reader_of(line).counters
        slot = image.slot_of[node("Level")]
        await published(line, data(1, level=1.0), topic="s3/data")
        await until(lambda: image.read(slot).status == Status.BAD_NO_COMMUNICATION)
        assert (image.read(slot).value, counters.stale) == (1.0, 1)
        statuses = Statuses(slot)
        image.add_tap(statuses)  # it is fresh for a moment only, which may pass unseen
        await line.tell(data(2, kind="ua-keepalive"), topic="s3/data")
        await until(lambda: counters.stale == 2)
        await until(lambda: statuses.told == [Status.GOOD, Status.BAD_NO_COMMUNICATION])
        image.remove_tap(statuses)
        # A publisher that began again, after silence and with a later time.
        await published(line, data(1, second=30, level=2.0), topic="s3/data")
        assert (line.value("Level"), reader_of(line).sequences.restarts) == (2.0, 1)


async def test_secured_messages_are_read_by_the_keys_of_their_group(mosquitto: Broker, tmp_path: Path) -> None:
    config = lay_down(tmp_path, port=free_port(), anonymous="Observer")
    with config.open("a", encoding="utf-8") as file:
        file.write(SECURED.format(broker=mosquitto.url, level=node("Level")))
    await add_users(tmp_path / "var", reader="Operator")
    async with running(config) as plant:
        image = plant.gateway.image
        slot = image.slot_of[node("Level")]
        first = image.read(slot).value
        await until(lambda: image.read(slot).value != first)
        second = image.read(slot).value
        await until(lambda: image.read(slot).value != second)
