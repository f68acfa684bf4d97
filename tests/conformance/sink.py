"""What every sink of the outbox must do. A sink's test inherits :class:`SinkConformance` and gives it a fresh one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from historian.contract import PoisonRecord, Record, Sink


class SinkConformance(ABC):
    """The suite; sequences count from 1 and rise."""

    @abstractmethod
    async def make(self, folder: Path) -> Sink:
        """Make a sink, not yet open."""

    @abstractmethod
    async def record(self, sequence: int) -> Record:
        """Make a record that the sink of :meth:`make` takes."""

    @abstractmethod
    async def received(self) -> list[int]:
        """Name the sequences that the far side has, in its order, those delivered twice as often as it keeps them."""

    async def dispose(self) -> None:  # noqa: B027 - most sinks own nothing beside themselves
        """Release what :meth:`make` set up beside the sink."""

    async def test_delivers_in_order_and_safely_before_it_returns(self, tmp_path: Path) -> None:
        sink = await self.make(tmp_path)
        try:
            await sink.open()
            await sink.deliver([await self.record(1), await self.record(2)])
            assert await self.received() == [1, 2]
            await sink.deliver([await self.record(3)])
            assert await self.received() == [1, 2, 3]
        finally:
            await sink.close()
            await self.dispose()

    async def test_takes_a_delivery_again(self, tmp_path: Path) -> None:
        sink = await self.make(tmp_path)
        try:
            await sink.open()
            records = [await self.record(1), await self.record(2)]
            await sink.deliver(records)
            await sink.deliver([*records, await self.record(3)])
            received = await self.received()
            assert list(dict.fromkeys(received)) == [1, 2, 3]
        finally:
            await sink.close()
            await self.dispose()

    async def test_names_the_record_that_it_can_never_take(self, tmp_path: Path) -> None:
        sink = await self.make(tmp_path)
        try:
            await sink.open()
            good = await self.record(1)
            poison = Record(2, good.time, 1, b"\xff\xfe no payload of any kind", damaged=False)
            with pytest.raises(PoisonRecord) as refused:
                await sink.deliver([good, poison, await self.record(3)])
            assert refused.value.sequence == 2
            await sink.deliver([good, await self.record(3)])
            assert list(dict.fromkeys(await self.received())) == [1, 3]
        finally:
            await sink.close()
            await self.dispose()

    async def test_closes_twice_and_before_open(self, tmp_path: Path) -> None:
        sink = await self.make(tmp_path)
        try:
            await sink.close()
            await sink.open()
            await sink.close()
        finally:
            await sink.close()
            await self.dispose()
