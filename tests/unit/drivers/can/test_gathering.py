"""Frames to batches: routing, long messages, one point once a batch, and the real log of a boat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.batch import Batch
from core.datatypes import DataType
from core.image import ProcessImage
from core.point import Point
from core.quality import Status
from core.time import now
from drivers.can.database import load
from drivers.can.decoder import MessageDecoder, Wanted, natural_type
from drivers.can.frame import EXTENDED, Frame
from drivers.can.gathering import Gatherer
from drivers.can.logs import read_log
from drivers.can.routing import Route, Router
from drivers.can.settings import CanSettings
from drivers.contract import BoundPoint
from tests.unit.drivers.can.dbc import bind, settings, write_dbc


def router_of(conf: CanSettings, base: Path, points: Sequence[BoundPoint]) -> Router:
    """Route to one decoder a point."""
    database = load(conf, base)
    routes: list[Route] = []
    for point in points:
        message = database.messages[point.address.message]
        wanted = Wanted(point.slot, point.point.datatype, message.signals[point.address.signal])
        routes.append(Route(MessageDecoder(message, [wanted], database.not_available), point.address.source))
    return Router(routes)


def values_of(batches: Iterable[Batch]) -> list[tuple[int, float]]:
    return [pair for b in batches for pair in zip(b.slots.tolist(), b.values.tolist(), strict=True)]


def frames(*given: tuple[int, str]) -> list[Frame]:
    return [Frame(now() + n, key, bytes.fromhex(data)) for n, (key, data) in enumerate(given)]


def test_what_comes_again_is_in_a_later_batch_in_order(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    points = bind(settings(), tmp_path, ["Engine.Speed", "Engine.Count", "Precise.Level"])
    gatherer = Gatherer(router_of(settings(), tmp_path, points))
    sent = frames((0x100, "0800000000010000"), (0x101, "0000803f00000000"), (0x100, "1000000000020000"))
    batches = list(gatherer.batches(sent, now()))
    assert [value for slot, value in values_of(batches) if slot == 0] == [1.0, 2.0]
    assert [value for slot, value in values_of(batches) if slot == 1] == [1, 2]
    assert [value for slot, value in values_of(batches) if slot == 2] == [1.0]
    for batch in batches:
        assert len(set(batch.slots.tolist())) == len(batch)
        types = {points[int(slot)].point.datatype for slot in batch.slots}
        assert len(types) == 1
    speeds = [b for b in batches if 0 in b.slots.tolist()]
    assert [np.asarray(b.source_time).tolist()[0] for b in speeds] == [sent[0].time, sent[2].time]


def test_the_same_messages_give_the_same_slots_arrays(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    gatherer = Gatherer(router_of(settings(), tmp_path, bind(settings(), tmp_path, ["Engine.Speed", "Precise.Level"])))
    one = list(gatherer.batches(frames((0x100, "08" * 8), (0x101, "00" * 8)), now()))
    other = list(gatherer.batches(frames((0x101, "01" * 8), (0x100, "07" * 8)), now()))
    assert {id(batch.slots) for batch in one} == {id(batch.slots) for batch in other}


def test_groups_match_any_sender_or_the_one_named(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    points = bind(settings(), tmp_path, ["CCVS1.WheelSpeed", "CCVS1.WheelSpeed@0x17"])
    gatherer = Gatherer(router_of(settings(), tmp_path, points))
    sent = frames((0x18FEF117 | EXTENDED, "FF00010000000000"), (0x0CFEF123 | EXTENDED, "FF00020000000000"))
    found = values_of(gatherer.batches(sent, now()))
    assert sorted(v for slot, v in found if slot == 0) == [1.0, 2.0]
    assert [v for slot, v in found if slot == 1] == [1.0]
    assert not list(gatherer.batches(frames((0x18FEF017 | EXTENDED, "00" * 8), (0x6F1, "00" * 8)), now()))


def test_points_of_other_types_than_the_signals(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    points = [
        BoundPoint(slot, Point(f"s={slot}", datatype), point.address, 1.0)
        for slot, (point, datatype) in enumerate(
            zip(
                bind(settings(), tmp_path, ["Engine.Speed", "Engine.Gear", "Engine.Gear", "Engine.Speed"]),
                [DataType.INT32, DataType.DOUBLE, DataType.INT64, DataType.BOOLEAN],
                strict=True,
            )
        )
    ]
    gatherer = Gatherer(router_of(settings(), tmp_path, points))
    image = ProcessImage([point.point for point in points], now())
    for batch in gatherer.batches(frames((0x100, "0400000003000000")), now()):
        image.apply(batch)
    assert [image.read(slot).value for slot in range(4)] == [0, 3.0, 3, True]


def test_a_lost_fast_packet_frame_drops_its_message_and_is_counted(tmp_path: Path) -> None:
    write_dbc(tmp_path)
    router = router_of(settings(), tmp_path, bind(settings(), tmp_path, ["Position.Sid"]))
    key = 0x0DF80500 | EXTENDED
    first, second, third = ("201407FFFFFFFFFF", "21FFFFFFFFFFFFFF", "22FFFFFFFFFFFFFF")
    gatherer = Gatherer(router)
    assert not list(gatherer.batches(frames((key, first), (key, third)), now()))
    assert router.dropped == 1
    assert values_of(gatherer.batches(frames((key, first), (key, second), (key, third)), now())) == [(0, 7)]
    assert router.dropped == 1


def test_a_group_by_transport_protocol(corpus: Path) -> None:
    conf = settings(dbc=str(corpus / "can" / "tp_j1939.dbc"))
    points = bind(conf, corpus, ["EC1.EngineSpeedAtPoint5"])
    gatherer = Gatherer(router_of(conf, corpus, points))
    payload = bytes(12) + (8000).to_bytes(2, "little") + bytes(26)
    packets = [bytes([n + 1]) + payload[n * 7 : n * 7 + 7].ljust(7, b"\xff") for n in range(6)]
    sent = [(0x1CECFF00 | EXTENDED, "20280006FFE3FE00"), *((0x1CEBFF00 | EXTENDED, p.hex()) for p in packets)]
    assert values_of(gatherer.batches(frames(*sent), now())) == [(0, 1000.0)]


def test_a_real_boats_log_decodes(corpus: Path) -> None:
    conf = settings(dbc=str(corpus / "can" / "canboat.dbc"))
    wanted = ["PGN_129025_positionRapidUpdate.latitude", "PGN_129025_positionRapidUpdate.longitude"]
    points = bind(conf, corpus, wanted)
    gatherer = Gatherer(router_of(conf, corpus, points))
    image = ProcessImage([point.point for point in points], now())
    log = read_log(corpus / "can" / "candumpSample1.txt", lambda number, line: pytest.fail(f"{number}: {line}"))
    for batch in gatherer.batches([entry.frame._replace(time=now()) for entry in log], now()):
        image.apply(batch)
    # The last position of the log, 04 7e 54 19 24 33 55 d5: 42.49… degrees north, 71.5… west
    assert image.read(0).value == pytest.approx(0x19547E04 * 1e-7)
    assert image.read(1).value == pytest.approx((0xD5553324 - (1 << 32)) * 1e-7)
    assert image.read(0).status == Status.GOOD


def test_not_available_of_a_real_log_is_bad_no_data(corpus: Path) -> None:
    conf = settings(dbc=str(corpus / "can" / "canboat.dbc"))
    points = bind(
        conf, corpus, ["PGN_130311_environmentalParameters.humidity", "PGN_130311_environmentalParameters.sid"]
    )
    gatherer = Gatherer(router_of(conf, corpus, points))
    batches = list(gatherer.batches(frames((0x15FD0723 | EXTENDED, "02c0166dff7fffff")), now()))
    found = {
        slot: code
        for b in batches
        for slot, code in zip(b.slots.tolist(), np.broadcast_to(b.status, len(b)).tolist(), strict=True)
    }
    assert found == {0: Status.BAD_NO_DATA, 1: Status.GOOD}


def test_fast_packets_of_a_real_log_are_put_together(corpus: Path) -> None:
    conf = settings(dbc=str(corpus / "can" / "tp_nmea.dbc"))
    points = bind(conf, corpus, ["gnssPositionData.latitude", "gnssPositionData.numberOfSvs"])
    router = router_of(conf, corpus, points)
    log = read_log(corpus / "can" / "candumpSample1.txt", lambda number, line: pytest.fail(f"{number}: {line}"))
    found = values_of(Gatherer(router).batches([entry.frame for entry in log], now()))
    latitudes = [value for slot, value in found if slot == 0]
    satellites = {value for slot, value in found if slot == 1}
    assert len(latitudes) > 90
    assert latitudes[-1] == pytest.approx(42.5, abs=0.1)
    assert satellites <= set(range(13)) | {255}
    assert router.dropped <= 1


def test_every_signal_of_the_corpus_has_a_type_that_its_batches_fit(corpus: Path) -> None:
    conf = settings(dbc=str(corpus / "can" / "canboat.dbc"))
    for message in load(conf, corpus).messages.values():
        wanted = [Wanted(n, natural_type(s), s) for n, s in enumerate(message.signals.values())]
        gatherer = Gatherer(Router([Route(MessageDecoder(message, wanted, "none"))]))
        image = ProcessImage([Point(f"s={n}", one.datatype) for n, one in enumerate(wanted)], now())
        for payload in (bytes(8), b"\xff" * 8):
            for batch in gatherer.batches([Frame(now(), message.key, payload)], now()):
                assert batch.values.dtype == wanted[int(batch.slots[0])].datatype.dtype
                image.apply(batch)
