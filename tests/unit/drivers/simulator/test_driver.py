from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.batch import Batch
from core.datatypes import DataType
from core.errors import InputError, SettingError
from core.point import Point
from core.time import TICKS_PER_SECOND
from drivers.contract import BoundPoint, DriverContext
from drivers.registry import manifest
from drivers.simulator.driver import SimulatorDriver
from drivers.simulator.settings import Generate, SimulatorSettings
from tests.clock import ManualClock

MANIFEST = manifest("simulator")


def bound(addresses: list[tuple[str, DataType]]) -> list[BoundPoint]:
    points: list[BoundPoint] = []
    for slot, (text, datatype) in enumerate(addresses):
        address = MANIFEST.parse_address(text, datatype)
        points.append(BoundPoint(slot, Point(f"nsu=urn:test;s={slot}", datatype), address, 1.0, writable=True))
    return points


async def connected(points: list[BoundPoint], clock: ManualClock, seed: int = 0) -> SimulatorDriver:
    driver = SimulatorDriver(
        SimulatorSettings(driver="simulator", seed=seed), points, DriverContext("sim", Path(), clock.now)
    )
    await driver.connect()
    return driver


def by_slot(batches: list[Batch]) -> dict[int, Any]:
    return {
        slot: value
        for batch in batches
        for slot, value in zip(batch.slots.tolist(), batch.values.tolist(), strict=True)
    }


def generated(count: int, signal: str, **more: Any) -> list[BoundPoint]:
    settings = SimulatorSettings(driver="simulator", generate=Generate(count=count, signal=signal, **more))
    offers = MANIFEST.discover(settings, Path())
    return bound([(offer.address, offer.datatype) for offer in offers])


async def test_values_follow_from_their_source_time() -> None:
    clock = ManualClock()
    points = bound(
        [
            ("ramp(period=8s,amplitude=80,offset=1)", DataType.DOUBLE),
            ("sine(period=8s,amplitude=80,phase=0.25)", DataType.DOUBLE),
            ("square(period=8s,amplitude=80)", DataType.INT16),
            ("square(period=8s)", DataType.BOOLEAN),
            ("ramp(period=3s,amplitude=30)", DataType.FLOAT),
            ("ramp(period=7s,amplitude=30)", DataType.FLOAT),
        ]
    )
    driver = await connected(points, clock)
    plan = driver.plan(points)
    for _ in range(20):
        batches = await driver.read(plan)
        moment = batches[0].source_time
        assert isinstance(moment, int)
        assert moment == clock.now()
        found = by_slot(batches)
        part = moment % (8 * TICKS_PER_SECOND) / (8 * TICKS_PER_SECOND)
        assert found[0] == pytest.approx(1 + 80 * part)
        assert found[1] == pytest.approx(80 * math.sin(math.tau * (part + 0.25)), abs=1e-9)
        assert found[2] == (80 if part >= 0.5 else 0)
        assert found[3] is (part >= 0.5)
        assert found[4] == pytest.approx(30 * (moment / TICKS_PER_SECOND % 3) / 3, abs=1e-3)
        assert found[5] == pytest.approx(30 * (moment / TICKS_PER_SECOND % 7) / 7, abs=1e-3)
        await clock.advance(0.37)


async def test_counters_count_scans_and_begin_anew_when_full() -> None:
    points = bound(
        [("counter(offset=254)", DataType.BYTE), ("counter", DataType.DOUBLE), ("counter", DataType.BOOLEAN)]
    )
    driver = await connected(points, ManualClock())
    plan = driver.plan(points)
    shown = [by_slot(await driver.read(plan)) for _ in range(4)]
    assert [found[0] for found in shown] == [254, 255, 254, 255]
    assert [found[1] for found in shown] == [0, 1, 2, 3]
    assert [found[2] for found in shown] == [False, True, False, True]


async def test_the_same_seed_gives_the_same_numbers() -> None:
    points = generated(50, "random", noise=0.5)
    runs: list[list[float]] = []
    for seed in (1, 1, 2):
        driver = await connected(points, ManualClock(), seed)
        plan = driver.plan(points)
        runs.append([value for _ in range(5) for value in by_slot(await driver.read(plan)).values()])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


async def test_change_is_the_share_of_points_that_change() -> None:
    points = generated(1000, "random", change=0.1)
    driver = await connected(points, ManualClock())
    plan = driver.plan(points)
    before = (await driver.read(plan))[0].values
    changed_ever = np.zeros(1000, np.bool_)
    for _ in range(10):
        values = (await driver.read(plan))[0].values
        changed = values != before
        assert np.count_nonzero(changed) == 100
        changed_ever |= changed
        before = values
    assert changed_ever.all()


async def test_registers_keep_what_is_written_in_every_plan_and_over_a_reconnect() -> None:
    points = bound([("hold(offset=5)", DataType.DOUBLE), ("hold", DataType.DOUBLE), ("constant", DataType.DOUBLE)])
    driver = await connected(points, ManualClock())
    whole, single = driver.plan(points), driver.plan(points[:1])
    await driver.write(points[0], 9.5)
    await driver.close()
    await driver.connect()
    assert by_slot(await driver.read(whole)) == {0: 9.5, 1: 0.0, 2: 0.0}
    assert by_slot(await driver.read(single)) == {0: 9.5}


async def test_whole_numbers_stay_within_their_type() -> None:
    points = bound([("constant(offset=1e30)", DataType.UINT64), ("constant(offset=-1e30)", DataType.INT64)])
    driver = await connected(points, ManualClock())
    found = by_slot(await driver.read(driver.plan(points)))
    assert 2**64 - 4096 < found[0] < 2**64
    assert found[1] == -(2**63)


def test_generated_tags_are_t0_to_the_last_with_their_span() -> None:
    settings = SimulatorSettings(driver="simulator", generate=Generate(count=3, signal="ramp", amplitude=50.0))
    offers = MANIFEST.discover(settings, Path())
    assert [offer.name for offer in offers] == ["t0", "t1", "t2"]
    assert [(offer.minimum, offer.maximum) for offer in offers] == [(0, 50)] * 3
    assert not MANIFEST.discover(SimulatorSettings(driver="simulator"), Path())
    held = MANIFEST.discover(SimulatorSettings(driver="simulator", generate=Generate(signal="hold")), Path())
    assert all(offer.writable for offer in held)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("signal", "rampe", "did you mean ramp"),
        ("type", "Dubble", "did you mean Double"),
        ("type", "String", "types are"),
        ("count", 0, "count"),
        ("change", 0.0, "change"),
    ],
)
def test_wrong_settings_are_refused_with_the_nearest(key: str, value: object, words: str) -> None:
    with pytest.raises((ValueError, InputError, SettingError), match=words):
        Generate.model_validate({key: value})


def test_a_generated_register_must_hold_its_offset() -> None:
    with pytest.raises(ValueError, match="Byte cannot hold the offset 300"):
        Generate(signal="hold", type="Byte", offset=300.0)
