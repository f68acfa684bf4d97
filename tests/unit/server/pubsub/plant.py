"""A small plant to publish: an image, an outbox on disk, and a PubSub connection over both."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.time import Clock, now
from historian.outbox import Outbox
from server.pubsub.connection import PubSubConnection, Surroundings
from server.pubsub.fields import DataSetField
from server.pubsub.settings import ConnectionSettings

POINTS = [Point(f"nsu=urn:plant;s=p{slot}", DataType.DOUBLE) for slot in range(3)]
FIELDS = [
    DataSetField(f"p{slot}", slot, DataType.DOUBLE, POINTS[slot].node, unit="bar", range=(0, 10)) for slot in range(3)
]
SLOTS = np.arange(3, dtype=np.int32)


def settings_of(url: str, datasets: Mapping[str, Mapping[str, Any]] | None = None, **other: Any) -> ConnectionSettings:
    """Settings with everything quick."""
    made = {
        name: {"nodes": ["/Objects/*"], "publish": "20ms"} | dict(dataset)
        for name, dataset in (datasets or {"meters": {}}).items()
    }
    quick = {"retry_first": "20ms", "retry_longest": "100ms", "connect_timeout": "30s"}
    return ConnectionSettings.model_validate({"broker": url, "datasets": made, **quick, **other})


class Plant:
    """What the gateway would compose. ``apply`` gives the points values as a driver would."""

    def __init__(
        self,
        folder: Path,
        settings: ConnectionSettings,
        name: str = "line-1",
        fields: Sequence[DataSetField] = FIELDS,
        largest_bytes: int = 1 << 30,
        clock: Clock | None = None,
    ) -> None:
        self.image = ProcessImage(POINTS, now())
        self.outbox = Outbox(folder / "outbox.sqlite", largest_bytes=largest_bytes, clock=clock)
        self.pubsub = PubSubConnection(
            settings,
            Surroundings(self.image, self.outbox, folder, clock=clock),
            gateway=name,
            fields=dict.fromkeys(settings.datasets, fields),
        )

    def apply(self, *values: float, moment: int | None = None) -> None:
        moment = moment or now()
        self.image.apply(Batch(SLOTS[: len(values)], np.array(values, np.float64), 0, moment, moment))

    @property
    def waiting(self) -> int:
        """Messages published and not acknowledged yet."""
        return self.pubsub.statistics().delivery.in_flight

    async def backlog(self) -> int:
        streams = (await self.outbox.statistics()).streams
        return streams["pubsub"].records if "pubsub" in streams else 0

    async def start(self) -> None:
        await self.outbox.open()
        await self.pubsub.start()

    async def stop(self) -> None:
        await self.pubsub.stop()
        await self.outbox.close()


@asynccontextmanager
async def running(folder: Path, settings: ConnectionSettings, name: str = "line-1") -> AsyncGenerator[Plant]:
    """A plant from its start to its stop."""
    plant = Plant(folder, settings, name)
    await plant.start()
    try:
        yield plant
    finally:
        await plant.stop()
