"""A small DBC for the driver's tests, and how the tests ask for bound points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.point import Point
from drivers.can.manifest import MANIFEST
from drivers.can.settings import CanSettings
from drivers.contract import BoundPoint

TEXT = """VERSION ""

NS_ :

BS_:

BU_: ECU

BO_ 256 Engine: 8 ECU
 SG_ Speed : 0|16@1+ (0.125,0) [0|8031.875] "rpm" ECU
 SG_ Torque : 23|16@0- (0.5,-100) [0|0] "Nm" ECU
 SG_ Gear : 32|3@1+ (1,0) [0|7] "" ECU
 SG_ Brake : 35|1@1+ (1,0) [0|1] "" ECU
 SG_ Count : 40|24@1+ (1,0) [0|0] "" ECU

BO_ 257 Precise: 8 ECU
 SG_ Level : 0|32@1- (1,0) [0|0] "m" ECU
 SG_ Other : 39|32@0- (1,0) [0|0] "m" ECU

BO_ 512 Pages: 8 ECU
 SG_ Page M : 0|8@1+ (1,0) [0|0] "" ECU
 SG_ First m0 : 8|16@1+ (1,0) [0|0] "" ECU
 SG_ Second m1 : 8|8@1- (1,0) [0|0] "" ECU
 SG_ Inner m2M : 8|8@1+ (1,0) [0|0] "" ECU
 SG_ Deep m5 : 16|16@1+ (1,0) [0|0] "" ECU

BO_ 2566844926 CCVS1: 8 ECU
 SG_ WheelSpeed : 8|16@1+ (0.00390625,0) [0|250.996] "km/h" ECU

BO_ 2583168510 Position: 20 ECU
 SG_ Sid : 0|8@1+ (1,0) [0|0] "" ECU
 SG_ Latitude : 56|64@1- (1e-16,0) [0|0] "deg" ECU

CM_ SG_ 256 Speed "Speed of the crankshaft";
SIG_VALTYPE_ 257 Level : 1;
SIG_VALTYPE_ 257 Other : 1;
VAL_ 256 Gear 0 "Neutral" 1 "First" 7 "Reverse" ;
SG_MUL_VAL_ 512 First Page 0-0;
SG_MUL_VAL_ 512 Second Page 1-1;
SG_MUL_VAL_ 512 Inner Page 2-3;
SG_MUL_VAL_ 512 Deep Inner 5-5;
"""


def write_dbc(folder: Path) -> Path:
    file = folder / "test.dbc"
    file.write_text(TEXT, encoding="utf-8")
    return file


def settings(**keys: object) -> CanSettings:
    given: dict[str, object] = {"driver": "can", "url": "virtual://test", "dbc": "test.dbc", **keys}
    return CanSettings.model_validate(given)


def bind(conf: CanSettings, base: Path, addresses: Sequence[str]) -> list[BoundPoint]:
    """Bind addresses to slots 0, 1, … with the types that the DBC's tags have."""
    types = {offer.name: offer.datatype for offer in MANIFEST.discover(conf, base)}
    points: list[BoundPoint] = []
    for slot, text in enumerate(addresses):
        datatype = types.get(text.partition("@")[0])
        address = MANIFEST.parse_address(text, datatype)
        point = Point(f"nsu=urn:test;s={text}", MANIFEST.datatype_of(address))
        points.append(BoundPoint(slot, point, address, 1.0, writable=True))
    return points
