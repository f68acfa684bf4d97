"""Fault 18: the same timestamp, another value. Both can be read, in the order in which they came."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.batch import Batch
from tests.clock import START
from tests.system.recording_plant import SLOTS, recording


@pytest.mark.parametrize("apart", ["in one flush", "each accepted alone"])
async def test_fault_18_both_values_of_one_time_can_be_read(tmp_path: Path, apart: str) -> None:
    one = SLOTS[:1]
    values = [1.0, 2.0, 1.0, 2.0, 2.0]
    async with recording(tmp_path, flush=0.02 if apart == "in one flush" else 0.0) as plant:
        for value in values:
            plant.image.apply(Batch(one, np.array([value]), 0, START, START))
            if apart != "in one flush":
                await plant.arrived()
        plant.image.apply(Batch(one, np.array([9.0]), 0, START + 1, START + 1))
        await plant.recorder.stop()
        await plant.arrived()
        for merged in (False, True):
            if merged:
                await plant.store.compact()
            page = await plant.store.read_raw("nsu=urn:test;s=p0", START, START + 2, 0)
            assert page.values.tolist() == [*values, 9.0]
            at_that_time = await plant.store.read_raw("nsu=urn:test;s=p0", START, START, 0)
            assert at_that_time.values.tolist() == values
            first = await plant.store.read_raw("nsu=urn:test;s=p0", START, START + 2, 2)
            rest = await plant.store.read_raw("nsu=urn:test;s=p0", START, START + 2, 0, cursor=first.cursor)
            assert [*first.values, *rest.values] == [*values, 9.0], "also where a page ends amid them"
